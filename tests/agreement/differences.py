"""Where evaluator and CQL say different things of a patient, and which differences are listed (listed.yaml)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator import BoundDefinition, CriterionResult, Verdict, evaluate_all
from adapter.record import read_record
from mappings.trial.cql.text import DECISION
from tests.agreement.engine import Engine
from tests.agreement.patients import Asked
from tests.agreement.plain import attested, is_in_words, without
from tests.agreement.rules import RULES, Seen, by_name, disputing, shown_by
from tests.agreement.site import BOUND, STRICT, TERMINOLOGY
from tests.properties.core import flat

TRUTHS = {True: "met", False: "not-met", None: "unknown"}


class Difference(NamedTuple):
    """A criterion of a patient (or the decision) on which the two disagree; `kind` is the listed one, if any."""

    patient: str
    study: str
    criterion: str
    evaluator: str
    reason: str
    cql: str
    kind: str | None

    def __str__(self) -> str:
        """What a person needs to look into it."""
        said = f"the evaluator says {self.evaluator} ({self.reason}), CQL {self.cql}"
        return f"{self.study} {self.criterion}, patient {self.patient}: {said}"


class Compared(NamedTuple):
    """How many criteria were compared, and where they differ."""

    cells: int
    differences: list[Difference]


class Listed(NamedTuple):
    """A kind of difference that is known and meant."""

    id: str
    evaluator: str
    cql: str
    when: str
    reason: str


@cache
def listed() -> list[Listed]:
    """The kinds in the order in which they are tried."""
    held = yaml.safe_load((Path(__file__).parent / "listed.yaml").read_text("utf-8"))
    return [Listed(**{name: str(value).strip() for name, value in each.items()}) for each in held]


def compare(
    asked: Asked,
    engine: Engine,
    libraries: Mapping[str, str],
    policy: Policy = STRICT,
    bounds: Sequence[BoundDefinition] = BOUND,
    terminology: Terminology = TERMINOLOGY,
) -> Compared:
    """Every criterion and part with an id, and the decision, of every study."""
    verdicts = evaluate_all(bounds, read_record(asked.bundle, terminology), asked.as_of, policy)
    values = engine.evaluate(asked.bundle, asked.instant)
    cells, found = 0, []
    for bound, verdict in zip(bounds, verdicts, strict=True):
        said = values[libraries[verdict.study]]
        seen = Seen(asked.bundle, policy, terminology, bound, asked.as_of)
        differing = list(_of_criteria(asked.name, seen, verdict, said))
        if verdict.decision.value != said[DECISION]:
            kind = "decision-follows" if differing and all(each.kind for each in differing) else None
            decision = verdict.decision.value
            differing.append(Difference(asked.name, verdict.study, "", decision, "", _word(said[DECISION]), kind))
        found += differing
        cells += 1 + sum(1 for result in flat(verdict.criteria) if result.id)
    return Compared(cells, found)


def _of_criteria(patient: str, seen: Seen, verdict: Verdict, said: Mapping[str, Any]) -> Iterator[Difference]:
    for result in flat(verdict.criteria):
        if result.id and result.result.value != _word(said[result.id]):
            cql = _word(said[result.id])
            kind = next((each.id for each in listed() if _is(each, result, cql, seen)), None)
            yield Difference(patient, verdict.study, result.id, result.result.value, result.reason.value, cql, kind)


def _word(value: Any) -> str:  # noqa: ANN401  # JSON
    """The truth that a value is; a decision's code and an engine's error as they are."""
    return TRUTHS[value] if value is None or isinstance(value, bool) else str(value)


def _is(kind: Listed, result: CriterionResult, cql: str, seen: Seen) -> bool:
    rule = RULES.get(kind.when)
    return (
        rule is not None
        and _fits(kind.evaluator, result.result.value)
        and _fits(kind.cql, cql)
        and rule(result, seen)
        and (kind.id in SILENT or _is_explained(kind, result, cql, seen))
    )


SILENT = frozenset({"not-written", "named-elsewhere"})
"""Where the libraries say nothing, whatever the patient."""


def _is_explained(kind: Listed, result: CriterionResult, cql: str, seen: Seen) -> bool:
    """Whether without what only the evaluator knows it says what the libraries say.

    What was recorded after somebody's word is outdone by a word of now; where it is of a day to come, by its absence.
    """
    held = dict(by_name(seen.bundle))
    worded = {f"Observation/{each.get('id')}" for each in disputing(result, seen) if is_in_words(each)}
    ids = {each.id for each in flat([result])} - {None}
    words = {name: {code.partition(".")[2] for code in attested(each)} for name, each in held.items() if attested(each)}
    shown = words.keys() & shown_by(result)
    now = f"{seen.as_of:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    since = (shown_by(result) & held.keys()) - words.keys() if kind.id == "raised-since" else set()
    return any(
        seen.told(
            without(seen.bundle, seen.terminology, frozenset(worded | left), dict.fromkeys(renewed, now)),
            seen.policy.assuming_nothing(),
        )[result.id]
        == cql
        for left in ([set(), since] if since else [set()])
        for renewed in (shown, shown | {name for name, of in words.items() if of & ids})
    )


def _fits(wanted: str, truth: str) -> bool:
    words = {"any": ("met", "not-met", "unknown"), "definite": ("met", "not-met")}.get(wanted, (wanted,))
    return truth in words
