"""The part of `$evaluate` that asks the patients' server: what it holds of those whom a request asks about."""

import anyio

from adapter.errors import AbsentError, AdapterError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.together import together
from adapter.fhir.patient_list import Selection, listed_patients
from adapter.fhir.patient_record import fetch_record
from adapter.service.errors import TooSlowError, UnknownPatientError
from adapter.service.records import Records, Whom, check_number


async def server_records(
    whom: Whom, client: FhirClient, types: frozenset[str], max_subjects: int, seconds: float
) -> Records:
    """The records of a request: what was sent, and what the server holds of resources of some types.

    Raises TooCostlyError for more than `max_subjects`, TooSlowError after so many seconds, UnknownPatientError for a
    Group that is nowhere. What goes wrong with one patient stands in the answer for that one.
    """
    try:
        with anyio.fail_after(max(0.0, seconds)):
            return await _fetched(whom, client, types, max_subjects)
    except TimeoutError as error:
        msg = "the FHIR server's answers take longer than one request may; ask for fewer patients, or later"
        raise TooSlowError(msg) from error


async def _fetched(whom: Whom, client: FhirClient, types: frozenset[str], max_subjects: int) -> Records:
    found: list[str] = []
    for each in whom.asked:
        found += [f"Patient/{id_}" for id_ in await _members(client, each)] if each.startswith("Group/") else [each]
    subjects = tuple(dict.fromkeys(found))
    check_number(subjects, max_subjects)
    held = await together([_held(client, subject, types) for subject in subjects])
    known: dict[str | None, bytes | AdapterError] = {}
    known.update((subject, data) for subject, data in zip(subjects, held, strict=True) if data is not None)
    return Records(subjects=subjects, alone=whom.alone, sent=whom.sent, held=known)


async def _members(client: FhirClient, group: str) -> list[str]:
    try:
        return list(await listed_patients(client, Selection(group=group.partition("/")[2])))
    except AbsentError as error:
        msg = f"{group[:128]!r} is neither in the data nor on the server; check the id"
        raise UnknownPatientError(msg) from error


async def _held(client: FhirClient, subject: str, types: frozenset[str]) -> bytes | AdapterError | None:
    type_, _, id_ = subject.partition("/")
    if type_ != "Patient":  # a URN, or a place in the data
        return None
    try:
        return await fetch_record(client, id_, types)
    except AbsentError:
        return None
    except AdapterError as error:
        return error
