"""The use case of `$evaluate`: what is asked -> a Bundle of verdicts. Pure, but for the deadline it is given."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapter.errors import AdapterError
from adapter.evaluator import BoundDefinition, Verdict, evaluate_all
from adapter.fhir import Failure, Issue, verdict_bundle
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.screening.as_of import read_as_of
from adapter.screening.mishap import place_of
from adapter.screening.setup import Setup
from adapter.screening.source.server import types_read
from adapter.service.asked import Asked
from adapter.service.errors import ParameterError, TooSlowError, UnknownPatientError, answer_to
from adapter.service.records import Records
from adapter.service.site import Policies
from adapter.service.studies import chosen
from adapter.service.subjects import holds_patient

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each patient: some studies, under a policy, at an instant."""

    setup: Setup
    bounds: tuple[BoundDefinition, ...]
    as_of: datetime

    @property
    def types(self) -> frozenset[str]:
        """The resource types that the studies read beside the Patient."""
        return types_read(self.bounds)


def question_of(asked: Asked, instance: str | None, policies: Policies, now: datetime) -> Question:
    """The question of a request; `instance`: the study that the URL names.

    Raises ParameterError and UnknownStudyError.
    """
    setup = policies.setup(asked.policy)
    definitions = chosen(setup.definitions, asked.studies, instance)
    bound = {each.definition.id: each for each in setup.bounds}
    as_of = now if asked.as_of is None else _instant(asked.as_of, setup)
    return Question(setup, tuple(bound[each.id] for each in definitions), as_of)


def evaluated(question: Question, records: Records, expired: Callable[[], bool]) -> Json:
    """The verdicts on each patient for each study.

    A patient who can't be evaluated among others is an OperationOutcome of the answer; the only one is an error.
    Raises AdapterError of the kinds in `adapter.service.errors`; TooSlowError once `expired` says so.
    """
    if records.alone:
        return verdict_bundle(_verdicts(records, records.subjects[0], question))
    verdicts: list[Verdict] = []
    failures: list[Failure] = []
    for subject in records.subjects:
        if expired():
            msg = f"{len(records.subjects)} patients take longer than one request may; ask in parts"
            raise TooSlowError(msg)
        try:
            verdicts += _verdicts(records, subject, question)
        except Exception as error:  # noqa: BLE001  # one patient must not spoil the others' answers
            failures.append(_failure(str(subject), question.bounds, error))
    return verdict_bundle(verdicts, failures)


def _verdicts(records: Records, subject: str | None, question: Question) -> tuple[Verdict, ...]:
    data = records.data(subject)
    try:
        record = read_record(data, question.setup.terminology, subject=subject)
    except AdapterError:
        if subject is not None and not holds_patient(subject, data):
            msg = f"{subject[:128]!r} is not in the data; send the Patient with the record"
            raise UnknownPatientError(msg) from None
        raise
    return evaluate_all(question.bounds, record, question.as_of, question.setup.policy)


def _failure(subject: str, bounds: Sequence[BoundDefinition], error: Exception) -> Failure:
    if isinstance(error, AdapterError):
        issue = Issue(code=answer_to(error)[1], text=f"{subject}: {error}")
    else:
        log.error("internal error: %s", place_of(error))
        issue = Issue(code="exception", text=f"internal error, please report it: {place_of(error)}")
    studies = tuple((each.definition.id, each.definition.version) for each in bounds)
    return Failure(subject=subject, studies=studies, issue=issue)


def _instant(text: str, setup: Setup) -> datetime:
    hint = " (in a URL, + is written %2B)" if " " in text else ""
    try:
        return read_as_of(text, setup.policy.time_zone)
    except (AdapterError, OverflowError) as error:
        msg = f"{error}{hint}" if isinstance(error, AdapterError) else "asOf is beyond the calendar; give another year"
        raise ParameterError(msg, expression="asOf") from None
