"""The URLs and ids of what we define: code systems, extensions, value sets, and the resources of a study."""

import hashlib
from collections.abc import Iterable
from html import escape

from adapter.fhir.canonicals import STUDY
from mappings.terminology.value_set import BASE
from mappings.trial.fhir.element import Json

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
VALUE_SET = f"{BASE}/ValueSet/"
LONGEST_ID = 64
"""Characters of a FHIR id."""

OWN_STUDY = STUDY
OWN_GROUP = f"{BASE}/NamingSystem/group"
"""System of the identifier by which a server finds a Group of ours again, whatever id it gave it."""

ELIGIBILITY, TREATMENT, ENROLLMENT, LOGIC = "eligibility", "treatment", "enrollment", "logic"
"""What the ids of a study's plans and Group end with; the plans' types have the same codes."""


def code_system(name: str) -> str:
    """The URL of a code system of ours."""
    return f"{BASE}/CodeSystem/{name}"


def structure(name: str) -> str:
    """The URL of an extension of ours."""
    return f"{BASE}/StructureDefinition/{name}"


def canonical(resource_type: str, resource_id: str) -> str:
    """The URL of a resource of ours."""
    return f"{BASE}/{resource_type}/{resource_id}"


def value_set(concept: str) -> str:
    """The URL of a concept's value set; both have the same id."""
    return VALUE_SET + concept


def part_id(study: str, part: str) -> str:
    """`<study>-<part>`; of a study whose id leaves no room, the beginning and eight digits of its SHA-256."""
    plain = f"{study}-{part}"
    if len(plain) <= LONGEST_ID:
        return plain
    tail = f"-{hashlib.sha256(study.encode()).hexdigest()[:8]}-{part}"
    return study[: LONGEST_ID - len(tail)] + tail


def computer_name(resource_id: str) -> str:
    """A name as FHIR wants it for programs: a capital, then letters and digits."""
    plain = "".join(word.capitalize() for word in resource_id.split("-"))
    return plain if plain[:1].isalpha() else f"Trial{plain}"


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
