"""What screening one patient comes to: a line for each verdict, and the little that the counts need of it."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from adapter.criteria.truth import Truth
from adapter.errors import InputError
from adapter.evaluator import evaluate_all
from adapter.evaluator.verdict import Decision, Verdict, to_line
from adapter.fhir.proposal import Proposal, proposal_of
from adapter.fhir.research_subject import research_subject
from adapter.record import read_record
from adapter.screening.mishap import place_of
from adapter.screening.setup import Setup
from adapter.screening.source import PatientInput


@dataclass(frozen=True, slots=True)
class Row:
    """One patient and one study; without an indication, only the line is told, if it is to be kept.

    `truths`: of the definition's criteria, in its order. `open`: ids of those still unknown. `line`: the verdict as
    JSON; `research_subject`: what is proposed, as FHIR, where there is an indication.
    """

    study: str
    decision: Decision
    has_indication: bool
    deceased: bool
    truths: tuple[Truth, ...]
    open: tuple[str, ...]
    valid_until: datetime | None
    line: bytes | None
    research_subject: bytes | None


@dataclass(frozen=True, slots=True)
class PatientOutcome:
    """One patient: a row for each study, or why there is none.

    `proposals`: what is to be written back, until it is; `identifiers`: the patient's own, as (system, value).
    """

    place: str
    subject: str | None = None
    rows: tuple[Row, ...] = ()
    failure: str | None = None
    proposals: tuple[Proposal, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Screener:
    """Screens one patient after another.

    `keep_all`: keep the verdicts of patients without indication too; `propose`: bring along what is to be written back.
    """

    setup: Setup
    as_of: datetime
    keep_all: bool
    propose: bool = False

    def __call__(self, patient: PatientInput) -> PatientOutcome:
        """Judge one patient; whatever goes wrong is this patient's failure, and the next one's turn comes."""
        try:
            record = read_record(patient.data, self.setup.terminology)
            verdicts = evaluate_all(self.setup.bounds, record, self.as_of, self.setup.policy)
            rows = tuple(_row(verdict, keep_all=self.keep_all) for verdict in verdicts)
        except InputError as error:
            return PatientOutcome(patient.place, failure=str(error))
        except Exception as error:  # noqa: BLE001  # one patient must not end the run; the place says where to look
            return PatientOutcome(patient.place, failure=f"internal error, please report it: {place_of(error)}")
        return PatientOutcome(
            place=patient.place,
            subject=record.subject,
            rows=rows,
            proposals=tuple(proposal_of(verdict) for verdict in verdicts) if self.propose else (),
            identifiers=record.identifiers,
        )


def _row(verdict: Verdict, *, keep_all: bool) -> Row:
    criteria = verdict.criteria if verdict.has_indication else ()
    return Row(
        study=verdict.study,
        decision=verdict.decision,
        has_indication=verdict.has_indication,
        deceased="deceased" in verdict.decision_reasons,
        truths=tuple(criterion.result for criterion in criteria),
        open=tuple(criterion.id for criterion in criteria if criterion.result is Truth.UNKNOWN),
        valid_until=verdict.valid_until,
        line=to_line(verdict) if keep_all or verdict.has_indication else None,
        research_subject=msgspec.json.encode(research_subject(verdict)) if verdict.has_indication else None,
    )
