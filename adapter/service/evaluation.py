"""The use case of `$evaluate`: what is asked -> a Bundle of verdicts. Pure, but for the deadline it is given."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from adapter.errors import AdapterError
from adapter.evaluator import BoundDefinition, Verdict, evaluate_all
from adapter.fhir import Failure, Issue, verdict_bundle
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.screening.as_of import read_as_of
from adapter.screening.mishap import place_of
from adapter.screening.setup import Setup
from adapter.service.asked import Asked
from adapter.service.errors import (
    NotSupportedError,
    ParameterError,
    TooCostlyError,
    TooSlowError,
    UnknownPatientError,
    answer_to,
)
from adapter.service.site import Policies
from adapter.service.studies import chosen
from adapter.service.subjects import holds_patient, patients_asked

log = logging.getLogger(__name__)


def evaluated(
    asked: Asked,
    instance: str | None,
    policies: Policies,
    now: datetime,
    max_subjects: int,
    expired: Callable[[], bool],
) -> Json:
    """The verdicts on each asked patient for each asked study; `instance`: the study that the URL names.

    A patient who can't be evaluated among others is an OperationOutcome of the answer; the only one is an error.
    Raises AdapterError of the kinds in `adapter.service.errors`; TooSlowError once `expired` says so.
    """
    setup = policies.setup(asked.policy)
    definitions = chosen(setup.definitions, asked.studies, instance)
    bound = {each.definition.id: each for each in setup.bounds}
    bounds = tuple(bound[each.id] for each in definitions)
    as_of = now if asked.as_of is None else _instant(asked.as_of, setup)
    data = _data(asked)
    if not asked.subjects:
        return verdict_bundle(_verdicts(data, None, bounds, as_of, setup))
    subjects = patients_asked(asked.subjects, data)
    if len(subjects) > max_subjects:
        msg = f"{len(subjects)} patients are more than the {max_subjects} of one request; ask in parts"
        raise TooCostlyError(msg)
    if len(asked.subjects) == len(subjects) == 1:
        return verdict_bundle(_verdicts(data, subjects[0], bounds, as_of, setup))
    verdicts: list[Verdict] = []
    failures: list[Failure] = []
    for subject in subjects:
        if expired():
            msg = f"{len(subjects)} patients take longer than one request may; ask in parts"
            raise TooSlowError(msg)
        try:
            verdicts += _verdicts(data, subject, bounds, as_of, setup)
        except Exception as error:  # noqa: BLE001  # one patient must not spoil the others' answers
            failures.append(_failure(subject, bounds, error))
    return verdict_bundle(verdicts, failures)


def _verdicts(
    data: bytes, subject: str | None, bounds: Sequence[BoundDefinition], as_of: datetime, setup: Setup
) -> tuple[Verdict, ...]:
    try:
        record = read_record(data, setup.terminology, subject=subject)
    except AdapterError:
        if subject is not None and not holds_patient(subject, data):
            msg = f"{subject[:128]!r} is not in the data; send the Patient with the record"
            raise UnknownPatientError(msg) from None
        raise
    return evaluate_all(bounds, record, as_of, setup.policy)


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


def _data(asked: Asked) -> bytes:
    if asked.use_server_data:
        msg = "useServerData: no FHIR server is configured; send the patient's record as data"
        raise NotSupportedError(msg)
    if asked.data is None:
        msg = "no data: no FHIR server is configured to ask for it; POST the patient's record as data (a Bundle)"
        if asked.subjects:
            raise NotSupportedError(msg)
        raise ParameterError(msg, code="required", expression="data")
    return asked.data
