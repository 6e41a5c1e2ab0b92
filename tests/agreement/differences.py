"""Where evaluator and CQL say different things of a patient, and which differences are listed (listed.yaml)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from adapter.evaluator import BoundDefinition, CriterionResult, Verdict, evaluate_all
from adapter.record import read_record
from mappings.trial.cql.names import DECISION
from tests.agreement.engine import Engine
from tests.agreement.patients import Asked
from tests.properties.core import STRICT, TERMINOLOGY, flat

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
    bounds: Sequence[BoundDefinition],
    policy: Any = STRICT,  # noqa: ANN401  # a Policy
) -> Compared:
    """Every criterion and part with an id, and the decision, of every study."""
    verdicts = evaluate_all(bounds, read_record(asked.bundle, TERMINOLOGY), asked.as_of, policy)
    values = engine.evaluate(asked.bundle, f"{asked.as_of:%Y-%m-%dT%H:%M:%S}.{asked.as_of.microsecond // 1000:03}Z")
    cells, found = 0, []
    for verdict in verdicts:
        said = values[libraries[verdict.study]]
        differing = list(_of_criteria(asked, verdict, said))
        if verdict.decision.value != said[DECISION]:
            kind = "decision-follows" if differing and all(each.kind for each in differing) else None
            decision = verdict.decision.value
            differing.append(Difference(asked.name, verdict.study, "", decision, "", _word(said[DECISION]), kind))
        found += differing
        cells += 1 + sum(1 for result in flat(verdict.criteria) if result.id)
    return Compared(cells, found)


def _of_criteria(asked: Asked, verdict: Verdict, said: Mapping[str, Any]) -> Iterator[Difference]:
    for result in flat(verdict.criteria):
        if result.id and result.result.value != _word(said[result.id]):
            cql = _word(said[result.id])
            kind = next((each.id for each in listed() if _is(each, result, cql, asked)), None)
            yield Difference(
                asked.name, verdict.study, result.id, result.result.value, result.reason.value, cql, kind
            )  # fmt: skip


def _word(value: Any) -> str:  # noqa: ANN401  # JSON
    """The truth that a value is; a decision's code and an engine's error as they are."""
    return TRUTHS[value] if value is None or isinstance(value, bool) else str(value)


def _is(kind: Listed, result: CriterionResult, cql: str, asked: Asked) -> bool:
    rule = RULES.get(kind.when)
    return (
        rule is not None
        and _fits(kind.evaluator, result.result.value)
        and _fits(kind.cql, cql)
        and rule(result, asked.bundle)
    )


def _fits(wanted: str, truth: str) -> bool:
    words = {"any": ("met", "not-met", "unknown"), "definite": ("met", "not-met")}.get(wanted, (wanted,))
    return truth in words


def _assumed(result: CriterionResult, bundle: bytes) -> bool:
    """The result, or a part of it, rests on an assumption of the policy."""
    del bundle
    return any(each.assumed for each in flat([result]))


def _replaced_patient(result: CriterionResult, bundle: bytes) -> bool:
    """Another Patient of the Bundle has replaced one."""
    del result
    links = [link for each in _resources(bundle) if each["resourceType"] == "Patient" for link in each.get("link", [])]
    return any(link["type"] == "replaced-by" for link in links)


def _deep_provision(result: CriterionResult, bundle: bytes) -> bool:
    """The evidence is a Consent with provisions more than two levels below its own."""
    named = {evidence.resource for each in flat([result]) for evidence in each.evidence}
    consents = [each for each in _resources(bundle) if f"{each['resourceType']}/{each.get('id')}" in named]
    return any(_depth(each.get("provision", {})) > 2 for each in consents)


def _depth(provision: dict[str, Any]) -> int:
    return max((1 + _depth(each) for each in provision.get("provision", [])), default=0)


def _resources(bundle: bytes) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in msgspec.json.decode(bundle)["entry"]]


RULES: Mapping[str, Callable[[CriterionResult, bytes], bool]] = {
    "assumed": _assumed,
    "replaced-patient": _replaced_patient,
    "deep-provision": _deep_provision,
}
"""What must hold for a difference of a kind; what holds of the decision is said where decisions are compared."""
