"""Verdicts -> the page: for each trial whose disease is on record the decision, what to do, and every criterion."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from msgspec.json import Decoder

from adapter.criteria.model import CriterionRole, TrialDefinition
from adapter.criteria.truth import Truth
from adapter.evaluator.verdict import CriterionResult, Decision, Verdict, instant
from adapter.record.contents import Contents
from adapter.screening.setup import Setup
from adapter.screening.verdict_text import instructions

_SAID = {
    Decision.CANDIDATE: "Candidate: every published criterion is met",
    Decision.POTENTIAL_CANDIDATE: "May qualify",
    Decision.INELIGIBLE: "Does not qualify",
}
_COLOURS = {"color_background": "background", "color_text": "text", "color_highlight": "highlight"}
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)


class _Name(Struct, frozen=True):
    text: str | None = None
    family: str | None = None
    given: tuple[str, ...] = ()


class _Patient(Struct, frozen=True, rename="camel"):
    id: str | None = None
    name: tuple[_Name, ...] = ()
    birth_date: str | None = None
    gender: str | None = None


_patient = Decoder(_Patient)


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined)


def stylesheet() -> str:
    """The page's style."""
    return (files(__package__) / "style.css").read_text(encoding="utf-8")


def colours_of(style: Mapping[str, Any]) -> dict[str, str]:
    """The colours of an EHR's style that the page takes over, by our names."""
    found = {ours: style.get(theirs) for theirs, ours in _COLOURS.items()}
    return {name: said for name, said in found.items() if isinstance(said, str) and _COLOUR.fullmatch(said)}


def colour_sheet(colours: Mapping[str, str]) -> str:
    """A style of these colours."""
    return f":root {{ {'; '.join(f'--{name}: {colour}' for name, colour in sorted(colours.items()))} }}\n"


def refusal_page(reason: str) -> str:
    """What is shown instead."""
    return _templates().get_template("refusal.html").render(reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a page is made with, beside the record: of its session, and whether the browser has other patients open."""

    patient: str
    banner: bool
    session: str
    colours: bool
    others: bool
    now: datetime


def page(verdicts: Iterable[Verdict], setup: Setup, contents: Contents, shown: Shown) -> str:
    """The page as HTML; whatever comes from the record is text in it."""
    known = {each.id: each for each in setup.definitions}
    told = list(verdicts)
    indicated = [each for each in told if each.has_indication]
    indicated.sort(key=lambda each: each.promise)
    return (
        _templates()
        .get_template("page.html")
        .render(
            studies=[_study(each, known[each.study], setup) for each in indicated],
            banner=_banner(contents, shown.patient) if shown.banner else None,
            as_of=instant(told[0].as_of) if told else "",
            policy=setup.policy.id,
            session=shown.session,
            colours=shown.colours,
            others=shown.others,
        )
    )


def _banner(contents: Contents, patient: str) -> dict[str, str]:
    for each in contents.resources:
        if each.type == "Patient" and each.id == patient:
            found = _patient.decode(each.raw)
            first = found.name[0] if found.name else _Name()
            name = first.text or " ".join([*first.given, first.family or ""]).strip()
            return {"name": name, "born": found.birth_date or "", "sex": found.gender or ""}
    return {"name": "", "born": "", "sex": ""}


def _study(verdict: Verdict, definition: TrialDefinition, setup: Setup) -> dict[str, Any]:
    open_ = verdict.open_criteria
    said = "Does not qualify for now" if verdict.for_now else _SAID[verdict.decision]
    counted = f": {open_} of {len(verdict.criteria)} criteria open" if verdict.decision is _POTENTIAL else ""
    return {
        "id": definition.id,
        "title": definition.study.title,
        "decision": verdict.decision.value,
        "said": said + counted,
        "recruitment": None if verdict.recruiting else definition.study.status.value,
        "number": definition.registry_number,
        "address": definition.registry_page,
        "todo": instructions(verdict, setup.terminology.catalogue),
        "criteria": [_row(each) for each in verdict.criteria],
    }


_POTENTIAL = Decision.POTENTIAL_CANDIDATE


def _row(criterion: CriterionResult) -> dict[str, Any]:
    return {
        "id": criterion.id,
        "label": criterion.label,
        "effect": _effect(criterion),
        "said": _words(criterion),
        "why": criterion.explanation,
        "evidence": [
            {"value": each.value, "resource": each.resource, "time": each.time if each.time != each.value else None}
            for each in criterion.evidence or dict.fromkeys(each for part in criterion.parts for each in part.evidence)
        ],
    }


def _effect(criterion: CriterionResult) -> str:
    if criterion.is_against:
        return "against"
    return "open" if criterion.result is Truth.UNKNOWN else "settled"


def _words(criterion: CriterionResult) -> str:
    if criterion.is_against:
        if criterion.lasting is True:
            return "rules out, for good"
        return f"rules out until {criterion.until:%Y-%m-%d} at least" if criterion.until else "rules out for now"
    if criterion.result is Truth.UNKNOWN:
        return "open"
    return "met" if criterion.role is CriterionRole.INCLUSION else "does not exclude"
