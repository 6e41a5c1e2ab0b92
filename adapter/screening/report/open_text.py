"""What is still open in a verdict: the data that would settle most first, then the questions to people.

The codes of the data are left to the JSON form.
"""

from collections.abc import Iterator
from itertools import groupby

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.truth import Truth
from adapter.evaluator.reason import AWAITS_PERSON, Reason
from adapter.evaluator.verdict import CriterionResult, DataNeed, Decision, Verdict
from adapter.screening.report.plain import count, plain

_ATTESTATION = "attestation:"
_UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}
_ASKED = (AWAITS_PERSON | {Reason.NEEDS_REVIEW, Reason.NOT_PUBLISHED}) - {Reason.AWAITS_CONSENT}
_TITLES = {"research-consent": "A consent to this study", "birthDate": "Birth date", "gender": "Sex"}


def still_open(verdict: Verdict, catalogue: Catalogue) -> list[RenderableType]:
    """Lines on what is open; none for a patient who is ruled out, for whom nothing more is asked."""
    if verdict.decision is Decision.INELIGIBLE:
        return []
    needs = [need for need in verdict.missing if not need.concept.startswith(_ATTESTATION)]
    lines = [
        f"{', '.join(criteria)}: {', or '.join(_named(need, catalogue) for need in alternatives)}"
        for criteria, alternatives in groupby(needs, lambda need: need.criteria)
    ]
    lines += [
        f"{item.id}: a person's word ({item.reason.value}): {item.label}" for item in _questions(verdict.criteria)
    ]
    if not lines:
        return []
    return [Text(), Text("What is still open", "bold"), *(_indented(line) for line in lines)]


def _indented(text: str) -> Padding:
    return Padding(Text(f"- {plain(text)}"), (0, 0, 0, 2), expand=False)


def _questions(criteria: tuple[CriterionResult, ...]) -> Iterator[CriterionResult]:
    for criterion in criteria:
        if criterion.result is not Truth.UNKNOWN:
            continue
        if criterion.parts:
            yield from _questions(criterion.parts)
        elif criterion.reason in _ASKED:
            yield criterion


def _named(need: DataNeed, catalogue: Catalogue) -> str:
    title = _title(need.concept, catalogue)
    if need.within is None:
        return title
    number, unit = need.within[1:-1], _UNITS[need.within[-1]]
    return f"{title} of the last {count(int(number), unit, f'{unit}s')}"


def _title(concept: str, catalogue: Catalogue) -> str:
    for kind in (catalogue.analytes, catalogue.conditions, catalogue.exposures, catalogue.substances):
        if concept in kind:
            return kind[concept].title
    return _TITLES.get(concept, concept)
