"""Evaluate one patient, of a file or of a FHIR server; or screen one of many.

What screening one patient comes to: a line for each verdict, and the little that the counts need of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import anyio
import msgspec
from msgspec import structs

from adapter.criteria.truth import Truth
from adapter.errors import AbsentError, InputError, UsageError, place_of
from adapter.evaluator import BoundDefinition, evaluate_all, evaluate_indicated, indications
from adapter.evaluator.indication import Unclear, may_indicate
from adapter.evaluator.verdict import DECEASED, Decision, Identifier, Verdict, line_encoder
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import value_set
from adapter.fhir.patients import fetch_record
from adapter.fhir.research_subject import Proposal, proposal_of, research_subject
from adapter.record import read_record
from adapter.record.contents import Contents
from adapter.record.glance import Glance, codes_of_conditions, diagnoses
from adapter.record.subject import subject_of
from adapter.screening.setup import Setup, SiteConfig, load_setup
from adapter.screening.source import LeftOut, PatientInput, Unread
from adapter.screening.source.folder import read_json


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The verdicts on one patient, one a trial, and the patient's own identifiers as (system, value)."""

    verdicts: tuple[Verdict, ...]
    identifiers: tuple[tuple[str, str], ...]


def evaluate_file(path: Path, setup: Setup, as_of: datetime) -> Evaluated:
    """The patient in a Bundle file.

    Raises InputError, naming the file, where it isn't FHIR JSON with one patient.
    """
    try:
        record = read_record(read_json(path), setup.terminology, types=setup.types)
    except InputError as error:
        lines = "; `trial-adapter screen` reads a file of lines" if ".ndjson" in path.suffixes else ""
        msg = f"{path}: {error}{lines}"
        raise InputError(msg) from error
    return Evaluated(evaluate_all(setup.bounds, record, as_of, setup.policy), record.identifiers)


def evaluate_on_server(patient: str, server: ServerSettings, setup: Setup, as_of: datetime) -> Evaluated:
    """A server's patient (an id, or Patient/id).

    Raises UsageError where the server has no such patient, and ServerError where the record can't be read to its end.
    """
    id_ = patient.removeprefix("Patient/")

    async def fetched() -> Contents:
        async with open_client(server) as client:
            return await fetch_record(client, id_, setup.types)

    try:
        found = anyio.run(fetched)
    except AbsentError as error:
        msg = f"no Patient/{id_} on {server.url}; check the id, and that this is the server's FHIR base"
        raise UsageError(msg) from error
    record = read_record(found, setup.terminology, subject=f"Patient/{id_}", types=setup.types)
    return Evaluated(evaluate_all(setup.bounds, record, as_of, setup.policy), record.identifiers)


@dataclass(frozen=True, slots=True)
class Row:
    """One patient and one study; without an indication, nothing is told but whether that is clear, and a line to keep.

    `unclear`: a diagnosis that nobody has classified for the study's disease stands where no indication does.
    `truths`: of the definition's criteria, in its order. `open`: ids of those still unknown. `line`: the verdict as
    JSON, its data needs by value set; `research_subject`: what is proposed, as FHIR, where there is an indication.
    `for_now`: ruled out by nothing but what time or treatment can change. `identifiers`: the patient's own, as the site
    knows them.
    """

    study: str
    unclear: bool
    line: bytes | None = None
    decision: Decision | None = None
    deceased: bool = False
    truths: tuple[Truth, ...] = ()
    open: tuple[str, ...] = ()
    valid_until: datetime | None = None
    research_subject: bytes | None = None
    for_now: bool = False
    identifiers: tuple[Identifier, ...] = ()

    @property
    def has_indication(self) -> bool:
        """Whether the patient has the study's disease on record."""
        return self.decision is not None


@dataclass(frozen=True, slots=True)
class PatientOutcome:
    """One patient: a row for each study, or why there is none.

    `proposals`: what is to be written back, until it is; `identifiers`: the patient's own, as (system, value).
    `unclear`: the diagnoses that leave the indication of a study unclear.
    """

    place: str
    subject: str | None = None
    rows: tuple[Row, ...] = ()
    failure: str | None = None
    proposals: tuple[Proposal, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    unclear: tuple[Unclear, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Screener:
    """Screens one patient after another.

    `keep_all`: keep the verdicts of patients without indication too; `propose`: bring along what is to be written back.
    """

    setup: Setup
    as_of: datetime
    keep_all: bool
    propose: bool = False
    diseases: frozenset[str] | None = field(init=False)
    """Those that make anybody worth screening; None if it isn't diseases alone, or if others are kept."""
    none_of_them: tuple[Row, ...] = field(init=False)
    """The rows of who has none."""

    def __post_init__(self) -> None:
        """Found once: both are asked for each patient."""
        object.__setattr__(self, "diseases", None if self.keep_all or self.propose else _diseases(self.setup.bounds))
        object.__setattr__(self, "none_of_them", tuple([_not_indicated(bound, ()) for bound in self.setup.bounds]))

    def __call__(self, patient: PatientInput) -> PatientOutcome:
        """Judge one patient; whatever goes wrong is this patient's failure, and the next one's turn comes."""
        try:
            if self.diseases is None:
                return self._judged(patient)
            return self._at_a_glance(patient, self.diseases)
        except InputError as error:
            return PatientOutcome(patient.place, failure=str(error))
        except Exception as error:  # noqa: BLE001  # one patient must not end the run; the place says where to look
            return PatientOutcome(patient.place, failure=f"internal error, please report it: {place_of(error)}")

    def _at_a_glance(self, patient: PatientInput, diseases: frozenset[str]) -> PatientOutcome:
        """By the codes of the diagnoses alone: of nearly all they say that no study's disease is among them.

        Only if one may be is everything read: also of one that is refuted or another's, which then comes to the same.
        """
        held, terminology = patient.held, self.setup.terminology
        said = held.diagnoses if isinstance(held, Glance) else codes_of_conditions(held.resources)
        indicated, unclear = may_indicate(diagnoses(said, terminology), diseases, terminology)
        if indicated:
            return self._judged(patient)
        subject = held.subject if isinstance(held, Glance) else subject_of(held)
        if unclear or not subject.is_whole or (isinstance(held, Contents) and _may_lack_diagnoses(held)):
            return self._opened(patient)
        return PatientOutcome(patient.place, subject.reference, self.none_of_them, identifiers=subject.numbers)

    def _opened(self, patient: PatientInput) -> PatientOutcome:
        """By the diagnoses as a whole, where nobody has classified a code, or one can't be read or may be missing."""
        setup, held = self.setup, patient.held
        contents = held.lists if isinstance(held, Glance) else held
        lists = tuple([each for each in contents.resources if each.type in _DIAGNOSES])
        record = read_record(structs.replace(contents, resources=lists), setup.terminology)
        found = indications(setup.bounds, record, self.as_of, setup.policy)
        if any(indicated for indicated, _ in found):
            return self._judged(patient)
        unclear = [open_ for _, open_ in found]
        rows = tuple([_not_indicated(*each) for each in zip(setup.bounds, unclear, strict=True)])
        return PatientOutcome(
            patient.place, record.subject, rows, identifiers=record.identifiers, unclear=_each_once(unclear)
        )

    def _judged(self, patient: PatientInput) -> PatientOutcome:
        setup = self.setup
        record = read_record(patient.contents, setup.terminology, types=setup.types)
        judge = evaluate_all if self.keep_all or self.propose else evaluate_indicated
        found = judge(setup.bounds, record, self.as_of, setup.policy)
        return PatientOutcome(
            place=patient.place,
            subject=record.subject,
            rows=tuple(
                [
                    _row(each, keep_all=self.keep_all) if isinstance(each, Verdict) else _not_indicated(bound, each)
                    for bound, each in zip(setup.bounds, found, strict=True)
                ]
            ),
            proposals=tuple(proposal_of(each) for each in found if isinstance(each, Verdict)) if self.propose else (),
            identifiers=record.identifiers,
            unclear=_each_once(each.unclear if isinstance(each, Verdict) else each for each in found),
        )


_DIAGNOSES = frozenset({"Patient", "Condition"})


def _may_lack_diagnoses(contents: Contents) -> bool:
    return bool(contents.problems) or "Condition" in contents.lacking


def _diseases(bounds: Iterable[BoundDefinition]) -> frozenset[str] | None:
    indexes = [bound.definition.index for bound in bounds]
    diseases = [index for index in indexes if isinstance(index, tuple)]
    return frozenset().union(*diseases) if len(diseases) == len(indexes) else None


def _not_indicated(bound: BoundDefinition, unclear: tuple[Unclear, ...]) -> Row:
    return Row(bound.definition.id, unclear=bool(unclear))


def _each_once(unclear: Iterable[tuple[Unclear, ...]]) -> tuple[Unclear, ...]:
    return tuple(dict.fromkeys([each for of_study in unclear for each in of_study]))


_line = line_encoder(value_set)


def _row(verdict: Verdict, *, keep_all: bool) -> Row:
    line = _line(verdict) if keep_all or verdict.has_indication else None
    if not verdict.has_indication:
        return Row(verdict.study, unclear=bool(verdict.unclear), line=line)
    criteria = verdict.criteria
    return Row(
        study=verdict.study,
        unclear=False,
        line=line,
        decision=verdict.decision,
        deceased=DECEASED in verdict.decision_reasons,
        truths=tuple([criterion.result for criterion in criteria]),
        open=tuple([criterion.id for criterion in criteria if criterion.result is Truth.UNKNOWN]),
        valid_until=verdict.valid_until,
        research_subject=msgspec.json.encode(research_subject(verdict)),
        for_now=verdict.for_now,
        identifiers=verdict.identifiers,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What to screen for: a site, the studies (all if None), an instant; enough for another process to do the same."""

    site: SiteConfig
    studies: tuple[str, ...] | None
    as_of: datetime
    keep_all: bool = False
    propose: bool = False

    def screener(self, setup: Setup | None = None) -> Screener:
        """The screener of this screening; loads the site unless it is given."""
        return Screener(
            setup=setup or load_setup(self.site, self.studies),
            as_of=self.as_of,
            keep_all=self.keep_all,
            propose=self.propose,
        )


def passed(item: Unread | LeftOut) -> PatientOutcome | LeftOut:
    """The outcome of what is no patient that can be read."""
    return item if isinstance(item, LeftOut) else PatientOutcome(item.place, item.subject, failure=item.reason)
