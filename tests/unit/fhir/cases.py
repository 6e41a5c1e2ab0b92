"""The verdicts whose FHIR form is kept in `golden/`; `python -m tests.unit.fhir.cases` writes the files anew.

Review the diff of a new file: it is what clients get.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from adapter.evaluator import Verdict, evaluate_all
from adapter.fhir import Failure, Issue, verdict_bundle
from adapter.record import read_record
from adapter.screening.setup import Setup, SiteConfig, choose, load_setup
from tests.unit.screening.records import bundle, condition, ecog, of, patient

Json = dict[str, Any]
AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"


def verdicts(setup: Setup, data: bytes, *studies: str) -> tuple[Verdict, ...]:
    """The verdicts on a record."""
    chosen = {definition.id for definition in choose(setup.definitions, studies)}
    bounds = [bound for bound in setup.bounds if bound.definition.id in chosen]
    return evaluate_all(bounds, read_record(data, setup.terminology), AS_OF, setup.policy)


def open_questions(setup: Setup) -> Json:
    """A patient of whom little is known: much is missing."""
    return verdict_bundle(verdicts(setup, bundle(patient(), ecog("e1", of(), 1)), "nct04785833"))


def ineligible(setup: Setup) -> Json:
    """A patient who is too old, with a partial date of birth."""
    return verdict_bundle(verdicts(setup, bundle(patient(birthDate="1920")), "nct07008872"))


def unread(setup: Setup) -> Json:
    """A record with a resource that can't be read and a code that no map knows."""
    unreadable = {**ecog("e1", of(), 1), "effectiveDateTime": {"day": 1}}
    unknown = condition("c1", of(), {"system": "http://hospital.example.org/codes", "code": "X1"})
    return verdict_bundle(verdicts(setup, bundle(patient(), unreadable, unknown), "cd7-cart01"))


def failed(setup: Setup) -> Json:
    """A patient who could not be evaluated."""
    studies = tuple((each.id, each.version) for each in choose(setup.definitions, ("4scar7u", "senl-t7")))
    issue = Issue(code="invalid", text="Patient/p2 can't be read: Patient.birthDate: expected `str`")
    return verdict_bundle([], [Failure(subject="Patient/p2", studies=studies, issue=issue)])


CASES: dict[str, Callable[[Setup], Json]] = {
    "open-questions": open_questions,
    "ineligible": ineligible,
    "unread": unread,
    "failed": failed,
}


def text(content: Json) -> str:
    """A golden file's text."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def stable(setup: Setup, content: Json) -> str:
    """The text without the hash of the terminology, which changes with every cited code."""
    return text(content).replace(setup.terminology.hash, "<terminology>").replace(setup.policy.hash, "<policy>")


if __name__ == "__main__":
    shipped = load_setup(SiteConfig(), None)
    for name, case in CASES.items():
        (GOLDEN / f"{name}.json").write_text(stable(shipped, case(shipped)), encoding="utf-8")
