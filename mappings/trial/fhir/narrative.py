"""Narrative: what a person reads who opens a resource. Text is escaped; the rest is XHTML as FHIR allows it."""

from collections.abc import Iterable
from html import escape

from mappings.trial.fhir.element import Json


def text(content: str) -> str:
    """Text between tags."""
    return escape(content, quote=False)


def element(tag: str, *content: str) -> str:
    """An element that holds XHTML."""
    return f"<{tag}>{''.join(content)}</{tag}>"


def listed(items: Iterable[str]) -> str:
    """A list of XHTML items; nothing for no items, since XHTML has no empty lists."""
    held = [element("li", item) for item in items]
    return element("ul", *held) if held else ""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of texts; nothing without rows."""
    body = [element("tr", *(element("td", text(cell)) for cell in row)) for row in rows]
    if not body:
        return ""
    head = element("tr", *(element("th", text(name)) for name in heads))
    return element("table", element("thead", head), element("tbody", *body))


def narrative(*content: str) -> Json:
    """A generated Narrative."""
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(content)}</div>'}
