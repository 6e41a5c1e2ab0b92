"""Counts of feasibility as JSON, as a table and as a picture, without the small numbers that may not be told.

With `least` > 1 a count below it is not told, nor one from which such a count follows by one subtraction: from a sum
and the other addends, from the step before in a funnel, from the whole of which it is a part, from the same count of
the study of which it is a variant, or of another variant of it. That is no formal guarantee: who asks often enough
learns more. 0 is told.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from adapter.columns.manifest import Manifest
from adapter.criteria.model import CriterionRole
from adapter.criteria.variant import original
from adapter.evaluator.verdict import instant
from adapter.screening.feasibility import Counts, Totals
from adapter.screening.plain_text import plain, plain_table
from adapter.screening.setup import Setup

MOST_SETS = 20
"""Sets of criteria that rule out together that are told; the others are counted as one."""

Told = int | None
"""A count that may be told, or None."""

Json = dict[str, Any]

_TOTALS = ("indicated", "possible", "settled")


def few(count: int, least: int) -> bool:
    """Whether so many are too few to be told of."""
    return 0 < count < least


def addends(counts: Sequence[int], least: int, hidden: Sequence[bool] = ()) -> list[Told]:
    """Counts whose sum is told: where only one of them is not told, the smallest of the others isn't either.

    `hidden`: those that must not be told for another reason.
    """
    mask = [few(count, least) for count in counts]
    mask = [one or other for one, other in zip(mask, hidden, strict=True)] if hidden else mask
    if sum(mask) == 1:
        others = [place for place, count in enumerate(counts) if count and not mask[place]]
        if others:
            mask[min(others, key=lambda place: (counts[place], place))] = True
    return [None if each else count for count, each in zip(counts, mask, strict=True)]


def in_order(counts: Sequence[int], least: int) -> list[Told]:
    """Counts of which each is part of the one before: too little less than the last one told is not told."""
    found: list[Told] = []
    last: int | None = None
    for count in counts:
        hidden = few(count, least) or (last is not None and few(last - count, least))
        found.append(None if hidden else count)
        last = last if hidden else count
    return found


def part(count: int, whole: int, least: int) -> Told:
    """A count that is part of a whole that is told: neither it nor the rest may be too small."""
    return None if few(count, least) or few(whole - count, least) else count


def to_json(found: Sequence[Counts], manifest: Manifest, setup: Setup, as_of: datetime, least: int) -> Json:
    """The counts as a JSON object; one that is not told is null."""
    studies: list[Json] = []
    earlier: dict[str, list[Json]] = {}
    for each in found:
        study, exact = _study(each, least), _study(each, 1)
        known = earlier.setdefault(each.definition.id, [])
        for other in known:  # the study as it is, and the variants before
            study = _unlike(study, exact, other, least)
        known.append(exact)
        studies.append(study)
    return {
        "asOf": instant(as_of),
        "policy": {"id": setup.policy.id, "hash": setup.policy.hash},
        "terminology": {"hash": setup.terminology.hash},
        "minCount": least,
        "patients": manifest.patients,
        "failed": manifest.failed,
        "studies": studies,
    }


def _unlike(told: Any, exact: Any, base: Any, least: int) -> Any:  # noqa: ANN401  # JSON
    """A variant's JSON without the counts that differ from another one's by too few; entries are matched by name."""
    if isinstance(told, dict):
        return {name: _unlike(held, exact[name], base.get(name), least) for name, held in told.items()}
    if isinstance(told, list):
        others = {_name(each): each for each in base or ()}
        both = zip(told, exact, strict=True)
        return [_unlike(held, own, others.get(_name(own), {}), least) for held, own in both]
    if isinstance(told, int) and isinstance(base, int) and few(abs(exact - base), least):
        return None
    return told


def _name(entry: Json) -> str | None:
    name: str | None = original(entry["id"]) if "id" in entry else entry.get("value")
    return name


def _study(counts: Counts, least: int) -> Json:
    definition, totals = counts.definition, counts.totals
    return {
        "study": definition.id,
        "studyVersion": definition.version,
        "title": definition.study.title,
        "variant": counts.variant,
        "unclear": part(counts.unclear, counts.patients, least),
        **dict(zip(_TOTALS, in_order(_totals(totals), least), strict=True)),
        "deceased": part(counts.deceased, totals.indicated, least),
        "criteria": _criteria(counts, least),
        "intersections": _intersections(counts, least) if counts.variant is None else [],
        "groups": {name: _groups(held, least) for name, held in counts.groups.items()},
    }


def _totals(totals: Totals) -> list[int]:
    return [getattr(totals, name) for name in _TOTALS]


def _criteria(counts: Counts, least: int) -> list[Json]:
    alive = counts.totals.indicated - counts.deceased
    remaining = in_order([alive, *(step.remaining for step in counts.steps)], least)[1:]
    settled = in_order([alive, *(step.settled for step in counts.steps)], least)[1:]
    found: list[Json] = []
    for place, step in enumerate(counts.steps):
        top = counts.definition.criteria[place]
        met, not_met, unknown = addends([step.met, step.not_met, step.unknown], least)
        found.append(
            {
                "id": top.id,
                "kind": top.role.value,
                "label": top.criterion.label,
                "met": met,
                "notMet": not_met,
                "unknown": unknown,
                "rulesOut": not_met if top.role is CriterionRole.INCLUSION else met,
                "onlyThis": part(step.alone, step.rules_out, least),
                "remaining": remaining[place],
                "settled": settled[place],
            }
        )
    return found


def _intersections(counts: Counts, least: int) -> list[Json]:
    """The sets of criteria that rule out together, the most frequent first; the others as one, without names."""
    ordered = sorted(counts.sets.items(), key=lambda item: (-item[1], item[0]))
    shown = [(ids, patients) for ids, patients in ordered if patients >= least][:MOST_SETS]
    rest = counts.sets.total() - sum(patients for _, patients in shown)
    while shown and few(rest, least):  # it would follow from the sum
        rest += shown.pop()[1]
    found: list[Json] = [{"criteria": list(ids), "patients": patients} for ids, patients in shown]
    return [*found, {"criteria": None, "patients": None if few(rest, least) else rest}] if rest else found


def _groups(held: dict[str, Totals], least: int) -> list[Json]:
    values = sorted(held)
    rows = [in_order(_totals(held[value]), least) for value in values]
    columns = []
    for place, name in enumerate(_TOTALS):
        hidden = [row[place] is None for row in rows]
        columns.append(addends([getattr(held[value], name) for value in values], least, hidden))
    return [
        {"value": value, **{name: columns[place][row] for place, name in enumerate(_TOTALS)}}
        for row, value in enumerate(values)
    ]


def tables(report: Json) -> Iterator[RenderableType]:
    """The counts as people read them."""
    least = report["minCount"]
    yield _comparison(report["studies"], least)
    for study in report["studies"]:
        if study["variant"] is None:
            yield Text()
            yield Text.assemble((study["study"], "bold"), "  ", plain(study["title"]))
            yield _funnel(study, least)
            yield _sets(study, least)
            for name, rows in study["groups"].items():
                yield _by_group(name, rows, least)


def _said(count: Told, least: int) -> str:
    """A count; what is not told may be one that would give a small one away, so that it isn't said to be small."""
    return f"{count:,}" if count is not None else "n/a" if least > 1 else ""


def _comparison(studies: Sequence[Json], least: int) -> RenderableType:
    table = plain_table("Study", "Variant", ">Indication", ">Possible", ">Settled", ">Unclear")
    for study in studies:
        numbers = (_said(study[name], least) for name in (*_TOTALS, "unclear"))
        table.add_row(study["study"], plain(study["variant"] or "as it is"), *numbers)
    return table


def _funnel(study: Json, least: int) -> RenderableType:
    table = plain_table(
        "Criterion", "", ">Met", ">Not met", ">Unknown", ">Rules out", ">Only this", ">Remain", ">Settled"
    )
    names = ("met", "notMet", "unknown", "rulesOut", "onlyThis", "remaining", "settled")
    for each in study["criteria"]:
        table.add_row(each["id"], plain(each["label"]), *(_said(each[name], least) for name in names))
    return table


def _sets(study: Json, least: int) -> RenderableType:
    table = plain_table("Ruled out by all of", ">Patients")
    for each in study["intersections"]:
        table.add_row(" ".join(each["criteria"] or ("others",)), _said(each["patients"], least))
    return table


def _by_group(name: str, rows: Sequence[Json], least: int) -> RenderableType:
    table = plain_table(name.capitalize(), ">Indication", ">Possible", ">Settled")
    for row in rows:
        table.add_row(plain(row["value"]), *(_said(row[each], least) for each in _TOTALS))
    return table


_WIDTH, _LABEL, _BAR, _ROW = 960, 420, 420, 26


def svg(report: Json) -> str:
    """The funnels as a picture: a bar a criterion, light for who remains, dark for whom it is settled, with numbers."""
    parts: list[str] = []
    top = 0
    for study in report["studies"]:
        drawn, height = _drawn(study, top, report["minCount"])
        parts += drawn
        top += height
    title = "How many patients remain after each criterion"
    size = f'viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif" font-size="13">',
        f"<title>{title}</title>",
        f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _drawn(study: Json, top: int, least: int) -> tuple[list[str], int]:
    whole = study["indicated"] or max((each["remaining"] or 0 for each in study["criteria"]), default=0) or 1
    named = study["study"] + (f", {study['variant']}" if study["variant"] else "")
    rows = [("", "with an indication", study["indicated"], None)]
    rows += [(each["id"], each["label"], each["remaining"], each["settled"]) for each in study["criteria"]]
    parts = [_text(10, top + 22, named, 'font-weight="bold"')]
    y = top + 36
    for id_, label, remaining, settled in rows:
        parts.append(_text(10, y + 16, _cut(f"{id_} {label}".strip())))
        for count, colour in ((remaining, "#9ecae1"), (settled, "#08519c")):
            if count:
                width = round(_BAR * count / whole, 1)
                parts.append(f'<rect x="{_LABEL}" y="{y + 3}" width="{width}" height="{_ROW - 7}" fill="{colour}"/>')
        number = _said(remaining, least) + (f" ({_said(settled, least)})" if id_ else "")
        parts.append(_text(_LABEL + _BAR + 10, y + 16, number))
        y += _ROW
    return parts, y - top + 10


def _text(x: int, y: int, words: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" {more}>{escape(plain(words))}</text>'.replace(" >", ">")


def _cut(label: str) -> str:
    most = 60
    return label if len(label) <= most else f"{label[: most - 1]}…"
