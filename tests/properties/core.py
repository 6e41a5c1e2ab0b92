"""The core as the properties drive it: shipped definitions bound once, records written as JSON, verdicts compared."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapter.criteria.policy import Policy
from adapter.evaluator import BoundDefinition, CriterionResult, Verdict, bind, evaluate_all, to_json
from adapter.record import PatientRecord, read_record
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definition, load_definitions

Json = dict[str, Any]

TERMINOLOGY = load_terminology()
DEFINITIONS = tuple(load_definitions(terminology=TERMINOLOGY))
BOUND = tuple(bind(definition, TERMINOLOGY) for definition in DEFINITIONS)
EVENTS = bind(
    load_definition(Path(__file__).parent.parent / "cases" / "trials" / "events.yaml", terminology=TERMINOLOGY),
    TERMINOLOGY,
)
"""A trial of the cases, for what is asked of events that none of the five asks."""
STRICT = load_policy("strict", terminology=TERMINOLOGY)
PROBLEM_LIST = load_policy("problem-list", terminology=TERMINOLOGY)
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "America/Havana", "Pacific/Kiritimati", "Pacific/Pago_Pago")

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def in_zone(policy: Policy, zone: str) -> Policy:
    """The same policy for a site of another time zone."""
    return replace(policy, time_zone=ZoneInfo(zone))


def written(resources: Sequence[Any]) -> bytes:
    """Resources as a JSON list; decimals keep their digits."""
    return _ENCODER.encode(resources)


def record_of(resources: Sequence[Any]) -> PatientRecord:
    """The record of Patient/p1."""
    return read_record(written(resources), TERMINOLOGY, subject="p1")


def verdicts(
    resources: Sequence[Any], as_of: datetime, policy: Policy, bounds: Sequence[BoundDefinition] = BOUND
) -> tuple[Verdict, ...]:
    """The verdicts on resources, for the five trials unless said otherwise."""
    return evaluate_all(bounds, record_of(resources), as_of, policy)


def flat(results: Sequence[CriterionResult]) -> Iterator[CriterionResult]:
    """Criteria and their parts, in order."""
    for result in results:
        yield result
        yield from flat(result.parts)


def answers(verdict: Verdict) -> tuple[Any, ...]:
    """What a verdict's life depends on: the decision, and each criterion's truth and reason."""
    told = [(result.id, result.result.value, result.reason.value) for result in flat(verdict.criteria)]
    return (verdict.decision.value, told)


def criteria_json(verdict: Verdict) -> list[Json]:
    """The criteria as the contract's JSON."""
    found: list[Json] = to_json(verdict)["criteria"]
    return found


def encoded(found: Sequence[Verdict]) -> bytes:
    """The verdicts' bytes."""
    return _ENCODER.encode([to_json(verdict) for verdict in found])
