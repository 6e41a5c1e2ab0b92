"""A patient's record and the stored results of the last evaluation -> new verdicts, and what has changed. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from adapter.evaluator import Verdict, evaluate_all
from adapter.evaluator.bound import BoundDefinition
from adapter.evaluator.verdict import line_encoder
from adapter.fhir.elements import value_set
from adapter.fhir.research_subject import Proposal, proposal_of
from adapter.record import read_record
from adapter.record.contents import Contents
from adapter.screening.react.changes import MEDICATION, Relevance, has_subject, touched_by
from adapter.screening.setup import Setup
from adapter.store.index import Indexed
from adapter.store.verdicts import ResultChange, StoredResult, StoredVerdict

_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """A verdict that has changed, as it is written and stored; `result_changes`: the criteria whose result has."""

    proposal: Proposal
    kept: StoredVerdict
    old: str | None
    result_changes: tuple[ResultChange, ...]

    @property
    def is_new(self) -> bool:
        """Whether the decision or a criterion's result is another than before."""
        return self.old != self.kept.decision or bool(self.result_changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reevaluation:
    """One evaluation, of `studies` (ids). `subject`: whose record it is: another's, where the patient was merged.

    `changes`: verdicts that must be written; `unchanged`: those that are only as new; `index`: the resources that the
    record's verdicts may stand on; `identifiers`: the patient's own.
    """

    subject: str
    studies: tuple[str, ...]
    changes: tuple[VerdictChange, ...]
    unchanged: tuple[StoredVerdict, ...]
    index: tuple[Indexed, ...]
    identifiers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEvaluation:
    """What is known of a patient from their last evaluation: verdicts by study, and the resources that it read."""

    verdicts: Mapping[str, StoredVerdict]
    index: Mapping[str, Indexed]


def bases(setup: Setup) -> dict[str, str]:
    """What names the content of each study's definition, with policy and terminology."""
    context = f"{setup.policy.id} {setup.policy.hash} {setup.terminology.hash}"
    return {bound.definition.id: _sha256(f"{context} {bound.definition!r}".encode()) for bound in setup.bounds}


def reevaluate(
    contents: Contents,
    patient: str,
    touched: Iterable[str],
    known: LastEvaluation,
    setup: Setup,
    relevance: Relevance,
    basis: Mapping[str, str],
    as_of: datetime,
) -> Reevaluation:
    """Evaluate the studies that a change touches; all of them if nothing is known of the patient.

    Touched is what was notified, and also what is another in the record than at the last evaluation, notified or not:
    a version that an evaluation has read counts as seen from then on, so every study that reads it must be evaluated.
    A verdict is kept for a patient with an indication, and where there was one before (CONFORMANCE: Decision). Raises
    InputError where the record doesn't say who the patient is.
    """
    record = read_record(contents, setup.terminology, subject=patient, types=setup.types)
    if record.subject != patient:
        return Reevaluation(subject=record.subject, studies=(), changes=(), unchanged=(), index=())
    touches = {name: relevance.known(read) for name, read in touched_by(record).items()}
    index, stored = _index(contents, patient, touches), known.verdicts
    names = frozenset(touched).union(_differences(known.index, index))
    verdicts = evaluate_all(_asked(setup.bounds, relevance, names, stored), record, as_of, setup.policy)
    changes: list[VerdictChange] = []
    unchanged: list[StoredVerdict] = []
    for verdict in verdicts:
        before = stored.get(verdict.study)
        stands = has_subject(verdict.study) in names  # whatever it says
        if before is None and not verdict.has_indication and not stands:
            continue
        kept = _kept(verdict, basis[verdict.study])
        if before is not None and before.digest == kept.digest and not stands:
            unchanged.append(kept)
        else:
            old = before.decision if before is not None else None
            changes.append(
                VerdictChange(
                    proposal=proposal_of(verdict), kept=kept, old=old, result_changes=_result_changes(before, kept)
                )
            )
    return Reevaluation(
        subject=patient,
        studies=tuple(verdict.study for verdict in verdicts),
        changes=tuple(changes),
        unchanged=tuple(unchanged),
        index=tuple(index.values()) if stored or changes else (),
        identifiers=record.identifiers,
    )


def _differences(before: Mapping[str, Indexed], now: Mapping[str, Indexed]) -> Iterator[str]:
    """What resources touch that are new, gone, or of another version than at the last evaluation."""
    for name in before.keys() | now.keys():
        old, new = before.get(name), now.get(name)
        if old is None or new is None or (old.version, old.updated, old.reads) != (new.version, new.updated, new.reads):
            yield from old.reads if old is not None else ()
            yield from new.reads if new is not None else ()


def _asked(
    bounds: Sequence[BoundDefinition], relevance: Relevance, names: frozenset[str], stored: Mapping[str, StoredVerdict]
) -> list[BoundDefinition]:
    if not stored:
        return list(bounds)
    studies = relevance.studies(names)
    return [bound for bound in bounds if bound.definition.id in studies]


_line = line_encoder(value_set)


def _kept(verdict: Verdict, basis: str) -> StoredVerdict:
    """What is stored of a verdict; its digest is of all but its time, with value sets by name, whose codes are long."""
    timeless = replace(verdict, as_of=_NO_TIME, tell=lambda: verdict.told)
    return StoredVerdict(
        patient=verdict.subject,
        study=verdict.study,
        decision=verdict.decision.value,
        criteria={each.id: StoredResult(each.result.value, each.reason.value) for each in verdict.criteria},
        as_of=verdict.as_of,
        valid_until=verdict.valid_until,
        basis=basis,
        digest=_sha256(_line(timeless)),
    )


def _result_changes(before: StoredVerdict | None, now: StoredVerdict) -> tuple[ResultChange, ...]:
    old = before.criteria if before is not None else {}
    names = dict.fromkeys([*now.criteria, *old])
    pairs = ((name, old.get(name), now.criteria.get(name)) for name in names)
    return tuple(ResultChange(name, was, is_) for name, was, is_ in pairs if _result(was) != _result(is_))


def _result(said: StoredResult | None) -> str | None:
    return said.result if said is not None else None


def _index(contents: Contents, patient: str, touched: Mapping[str, frozenset[str]]) -> dict[str, Indexed]:
    """A row for each resource that touches something; Medications touch through those who take them."""
    found: dict[str, Indexed] = {}
    for each in contents.resources:
        reads = frozenset({MEDICATION}) if each.type == MEDICATION else touched.get(each.key)
        if reads and each.id:
            found[each.key] = Indexed(
                resource=each.key, patient=patient, version=each.version, updated=each.last_updated, reads=reads
            )
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
