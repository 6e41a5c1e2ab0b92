"""`evaluate(definition, record, as_of, policy) -> Verdict`: pure; the same inputs give byte-identical verdicts."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from adapter.criteria.policy import Policy
from adapter.criteria.study import RecruitmentStatus
from adapter.criteria.truth import Truth
from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.chart import Chart
from adapter.evaluator.decision import decide, is_dead, valid_until
from adapter.evaluator.indication import UNREAD, Unclear, indication
from adapter.evaluator.moment import Moment, moment_at
from adapter.evaluator.reads import CONDITION, EXPOSURE, FURTHER_TYPES, SUBJECT_TYPES
from adapter.evaluator.report import Telling
from adapter.evaluator.tree import Known, evaluate_criterion
from adapter.evaluator.verdict import POLICY, Decision, Identifier, Verdict
from adapter.record.facts import Issue
from adapter.record.patient_record import ANY_TYPE, PatientRecord


def evaluate(bound: BoundDefinition, record: PatientRecord, as_of: datetime, policy: Policy) -> Verdict:
    """The verdict on one patient for one trial at an instant.

    `as_of` is aware. The record must have been read with the terminology that the definition is bound to; else
    ValueError, since its facts would be missed.
    """
    return evaluate_all((bound,), record, as_of, policy)[0]


def indications(
    bounds: Sequence[BoundDefinition], record: PatientRecord, as_of: datetime, policy: Policy
) -> tuple[tuple[bool, tuple[Unclear, ...]], ...]:
    """What a verdict would say of a study's indication, a study each: whether there is one, and what leaves it unclear.

    Of studies whose index is diagnoses, a record of nothing but the Patient and the Conditions says the same.
    Raises ValueError as `evaluate` does.
    """
    if not bounds:
        return ()
    chart, moment = _begun(bounds, record, as_of, policy)
    known: Known = {}
    return tuple(_indication(bound, chart, moment, known) for bound in bounds)


def evaluate_all(
    bounds: Sequence[BoundDefinition], record: PatientRecord, as_of: datetime, policy: Policy
) -> tuple[Verdict, ...]:
    """The verdicts on one patient for several trials, which share what is worked out of the record."""
    if not bounds:
        return ()
    chart, moment = _begun(bounds, record, as_of, policy)
    known: Known = {}
    return tuple([_verdict(bound, chart, known, moment) for bound in bounds])


def evaluate_indicated(
    bounds: Sequence[BoundDefinition], record: PatientRecord, as_of: datetime, policy: Policy
) -> tuple[Verdict | tuple[Unclear, ...], ...]:
    """The same for the studies of which there is an indication; of each other study, what leaves that unclear."""
    if not bounds:
        return ()
    chart, moment = _begun(bounds, record, as_of, policy)
    known: Known = {}
    found: list[Verdict | tuple[Unclear, ...]] = []
    for bound in bounds:
        indicated, unclear = _indication(bound, chart, moment, known)
        found.append(_verdict(bound, chart, known, moment) if indicated else unclear)
    return tuple(found)


class Standing(NamedTuple):
    """What counts over many patients need of a verdict.

    `unclear`: no indication, and a diagnosis that nobody has classified for the study's. `truths`: of the criteria, in
    the definition's order; empty without an indication.
    """

    indicated: bool
    unclear: bool
    dead: bool
    truths: tuple[Truth, ...]


def standings(
    bounds: Sequence[BoundDefinition], record: PatientRecord, as_of: datetime, policy: Policy
) -> tuple[Standing, ...]:
    """How a patient stands to several trials: what their verdicts would say, without a sentence. Raises ValueError."""
    if not bounds:
        return ()
    chart, moment = _begun(bounds, record, as_of, policy)
    known: Known = {}
    dead = is_dead(record, moment)
    found: list[Standing] = []
    for bound in bounds:
        indicated, unclear = _indication(bound, chart, moment, known)
        nodes = (evaluate_criterion(each, chart, moment, known) for _, each in bound.criteria) if indicated else ()
        found.append(Standing(indicated, bool(unclear), dead, tuple([node.outcome.truth for node in nodes])))
    return tuple(found)


def _begun(
    bounds: Sequence[BoundDefinition], record: PatientRecord, as_of: datetime, policy: Policy
) -> tuple[Chart, Moment]:
    if as_of.tzinfo is None:
        msg = "as_of needs a time zone; give it one, or use the end of a local day"
        raise ValueError(msg)
    moment = moment_at(as_of, policy.time_zone)
    if any(record.terminology != bound.terminology.hash for bound in bounds):
        msg = "the record was read with another terminology than the definition is bound to; read it again"
        raise ValueError(msg)
    if record.types is not None and any(not bound.types & FURTHER_TYPES <= record.types for bound in bounds):
        msg = "the record was read without a type of resources that a definition reads; read it again"
        raise ValueError(msg)
    return Chart(record, bounds[0].terminology, policy.in_force(moment.day)), moment


def _verdict(bound: BoundDefinition, chart: Chart, known: Known, moment: Moment) -> Verdict:
    definition, record, policy = bound.definition, chart.record, chart.policy
    criteria = tuple([(role, evaluate_criterion(each, chart, moment, known)) for role, each in bound.criteria])
    decision, reasons = decide(criteria, definition.completeness, dead=is_dead(record, moment))
    has_indication, unclear = _indication(bound, chart, moment, known)
    return Verdict(
        study=definition.id,
        study_version=definition.version,
        subject=record.subject,
        as_of=moment.as_of,
        policy=policy.id,
        policy_hash=policy.hash,
        terminology_hash=bound.terminology.hash,
        decision=decision,
        decision_reasons=reasons,
        valid_until=valid_until(criteria, chart, moment, ineligible=decision is Decision.INELIGIBLE),
        has_indication=has_indication,
        unclear=unclear,
        recruiting=definition.study.status is RecruitmentStatus.RECRUITING,
        issues=(
            *_of_policy(policy, moment),
            *[issue for issue in record.issues if _concerns(bound, issue.resource)],
        ),
        unmapped=tuple([entry for entry in record.unmapped if _concerns(bound, entry.resource)]),
        tell=Telling(criteria, bound, chart, moment),
        identifiers=tuple(
            [Identifier(system, value) for system, value in record.identifiers if system == policy.patient_system]
        ),
    )


_DIAGNOSES = frozenset({ANY_TYPE, *CONDITION.types})


def _indication(bound: BoundDefinition, chart: Chart, moment: Moment, known: Known) -> tuple[bool, tuple[Unclear, ...]]:
    """Whether the patient is worth screening for the study; where that isn't plain, what speaks for it.

    Where nothing does, and a diagnosis could not be read, that one may.
    """
    index = bound.definition.index
    if isinstance(index, tuple):
        found, unclear = indication(index, chart.record.all_conditions, bound.terminology)
    elif bound.index is None:
        return True, ()
    else:
        found, unclear = _by_criterion(bound.index, chart, moment, known)
    lacks = not chart.record.unread.isdisjoint(_DIAGNOSES)
    return found, (UNREAD,) if lacks and not found and not unclear else unclear


def _by_criterion(
    index: BoundCriterion, chart: Chart, moment: Moment, known: Known
) -> tuple[bool, tuple[Unclear, ...]]:
    node = evaluate_criterion(index, chart, moment, known)
    if node.outcome.truth is not Truth.UNKNOWN:
        return node.outcome.truth is Truth.MET, ()
    speaking = (each.outcome for each in node.leaves() if each.outcome.truth is not Truth.NOT_MET)
    shown = (each for found in speaking for each in found.evidence if not each.resource.startswith("Patient/"))
    told = (Unclear(each.resource, (), " ".join(filter(None, (each.value, each.time)))) for each in shown)
    return False, tuple(dict.fromkeys(told))


def _of_policy(policy: Policy, moment: Moment) -> Iterator[Issue]:
    expired = policy.expired(moment.day)
    if expired is not None:
        yield Issue(POLICY, policy.id, expired)


def _concerns(bound: BoundDefinition, resource: str) -> bool:
    """Whether a resource is of a type that the study reads; the Patient and what has no type concern every study."""
    type_ = resource.partition("/")[0]
    if type_ == "Medication":
        return bound.types >= EXPOSURE.types
    if type_ == "Specimen":  # a result may be of it
        return True
    return type_ in bound.types or type_ not in SUBJECT_TYPES
