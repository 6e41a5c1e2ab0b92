"""What a server shows to whom a token is for: an EHR's record of one patient, and the verdicts on it.

The EHR gave the token; or a person who calls us has shown one, with which the patients' server is asked. What is read
with somebody's own token shows nobody what that server would not show them.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import anyio

from adapter.errors import AbsentError, NoAccessError
from adapter.evaluator import Verdict, evaluate_all
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.client.auth import BackendServices, Bearer
from adapter.fhir.patients import fetch_record, follow_pages
from adapter.record import read_record
from adapter.record.bundle import Bundle
from adapter.record.contents import Contents
from adapter.screening.setup import Setup
from adapter.service.access import Caller, UserTokens, grants_of
from adapter.service.errors import ForbiddenError, TooSlowError, UnknownPatientError
from adapter.service.settings import Settings


async def fetch_from_ehr(url: str, token: str | None, patient: str, types: Iterable[str], seconds: float) -> Contents:
    """What the server at `url` shows of a patient (an id) to the holder of a token: the Patient, and some types.

    Raises TooSlowError after so many seconds, ForbiddenError where the token doesn't reach all of it,
    UnknownPatientError, and ServerError where the server doesn't do what is asked of it.
    """
    async with _asking(url, token, seconds) as client:
        return await fetch_record(client, patient, types)


async def complete_from_ehr(  # what a call of an EHR says
    url: str,
    token: str | None,
    patient: str,
    types: frozenset[str],
    absent: Iterable[str],
    begun: Mapping[str, Bundle],
    seconds: float,
) -> Contents:
    """What is missing of a record of which the EHR has sent a part: types that it did not send, and further pages.

    `begun`: first pages of searches, by type; the server's own links lead to the others. Where they can't be followed,
    the type is fetched. Of a person whom the server has as several Patients, one of which replaced the others, all
    `types` are fetched: what was sent is of one of them. Raises what `fetch_from_ehr` raises.
    """
    async with _asking(url, token, seconds) as client:
        followed, lost = await follow_pages(client, begun)
        fetched = await fetch_record(client, patient, lost.union(absent) - {"Patient"})
        if sum(each.type == "Patient" for each in fetched.resources) > 1:
            fetched = await fetch_record(client, patient, types)
    held = {each.key: each for each in (*followed.resources, *fetched.resources)}
    return Contents(tuple(held.values()))


@asynccontextmanager
async def as_caller(
    own: FhirClient, settings: Settings, caller: Caller, authorization: str | None
) -> AsyncIterator[FhirClient]:
    """The patients' server: a person asks it with a token of their own where the site has set that; else we do.

    Raises ForbiddenError where there is nothing that it shows them, ServerError where their token can't be exchanged
    through no fault of theirs.
    """
    if settings.user_tokens is None or settings.servers is None or not caller.is_person:
        yield own
        return
    record = settings.servers.record
    token = (authorization or "").partition(" ")[2].strip()
    try:
        if settings.user_tokens is UserTokens.EXCHANGE and isinstance(record.auth, BackendServices):
            token = await record.auth.exchanged(token)
        async with open_client(replace(record, auth=Bearer(token))) as client:
            yield client
    except NoAccessError as error:
        raise ForbiddenError(NOT_SHOWN) from error


NOT_SHOWN = "the patients' server does not show this to whom the token is for"


@asynccontextmanager
async def _asking(url: str, token: str | None, seconds: float) -> AsyncIterator[FhirClient]:
    """A client for so many seconds; what goes wrong, in the service's own errors."""
    try:
        with anyio.fail_after(max(0.0, seconds)):
            async with open_client(ServerSettings(url=url, auth=Bearer(token) if token else None)) as client:
                yield client
    except TimeoutError as error:
        msg = "the EHR's server takes longer than one request may; try again in a while"
        raise TooSlowError(msg) from error
    except NoAccessError as error:
        msg = "the EHR does not show all of the record that the trials need to this user, or the login has ended"
        raise ForbiddenError(msg) from error
    except AbsentError as error:
        msg = "the EHR's server does not know the patient"
        raise UnknownPatientError(msg) from error


def check_whole(scope: str) -> None:
    """Raises ForbiddenError where the granted scopes show only a part of some type, by a search that narrows them.

    The server leaves the rest out and does not say so (SMART App Launch 2.2, fine-grained scopes): it would look as if
    it had never been.
    """
    said = scope.split()
    narrowed = {name for name, query, _ in (each.partition("?") for each in said) if query}
    grants = grants_of(said)
    for each in grants_of(narrowed):
        held = [other.access for other in grants if other.type in {each.type, "*"}]
        if not frozenset("rs") <= frozenset().union(*held):
            msg = f"the EHR shows only a part of {each.type} to this app; a verdict needs all of it ({each.type}.rs)"
            raise ForbiddenError(msg)


def verdicts_on(setup: Setup, record: Contents, patient: str, now: datetime) -> tuple[Verdict, ...]:
    """The verdicts of all trials on the patient (an id) of a record. Raises AdapterError where it can't be read."""
    facts = read_record(record, setup.terminology, subject=f"Patient/{patient}", types=setup.types)
    return evaluate_all(setup.bounds, facts, now, setup.policy)
