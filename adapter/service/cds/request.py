"""A call of an EHR: what it is about, the data that came along, and what is still to be fetched (CDS Hooks 2.0, HTTP).

A type counts as sent only where its answer is whole. `null` says that there is no data of it. The first page of a
search is followed to its last. An OperationOutcome, a Bundle with fewer entries than were found, and what is of another
type say that there may be more, and the type is fetched.

What an EHR is told of the services: for which hooks, and which data to send along (CDS Hooks 2.0, Discovery).

The prefetch templates ask for every type that the trials read, and never for single codes: an entry that no value set
holds may matter (CONFORMANCE: Negatives).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from adapter.errors import InputError
from adapter.evaluator.reads import OF_MEDICATION
from adapter.fhir.client.resources import size_of
from adapter.fhir.elements import Json
from adapter.record.bundle import Bundle, bundle_of, json_text, resource_of, type_of
from adapter.record.contents import Contents, contents_of
from adapter.record.references import ID, linked, links_of
from adapter.record.resources import ABSENT
from adapter.service.errors import MalformedError, ParameterError

PATIENT = "patient"
"""The prefetch key of the Patient."""


class Service(NamedTuple):
    """One service; `id` is in its address. What an order is chosen for makes no difference: a draft is no record."""

    id: str
    hook: str
    title: str


SERVICES = (
    Service("trial-eligibility", "patient-view", "Clinical trials for this patient"),
    Service("trial-eligibility-encounter", "encounter-start", "Clinical trials for this patient, as a visit begins"),
    Service("trial-eligibility-order", "order-select", "Clinical trials for this patient, as an order is chosen"),
)

_DESCRIPTION = (
    "Compares the record with the eligibility criteria of clinical trials, and shows for which of them the patient may "
    "qualify, and what is still open. Missing data is never taken for a negative finding; people decide."
)
_NO_CONTEXT = "Without all of the prefetch it asks fhirServer, with the access token that is sent."
_BY_SUBJECT = frozenset({"AdverseEvent"})
"""Types that R4 lets nobody search by `patient`."""


def discovery(types: Iterable[str]) -> Json:
    """The answer to GET /cds-services; `types`: the resource types that the trials read."""
    prefetch = templates(types)
    return {
        "services": [
            {
                "id": each.id,
                "hook": each.hook,
                "title": each.title,
                "description": _DESCRIPTION,
                "prefetch": prefetch,
                "usageRequirements": _NO_CONTEXT,
            }
            for each in SERVICES
        ]
    }


def templates(types: Iterable[str]) -> dict[str, str]:
    """The prefetch templates by key."""
    return {PATIENT: "Patient/{{context.patientId}}", **{key_of(each): _search(each) for each in sorted(types)}}


def key_of(type_: str) -> str:
    """The prefetch key of a resource type."""
    return type_[:1].lower() + type_[1:]


def _search(type_: str) -> str:
    named = "subject" if type_ in _BY_SUBJECT else "patient"
    found = f"{type_}?{named}={{{{context.patientId}}}}"
    return f"{found}&_include={type_}:medication" if type_ in OF_MEDICATION else found


class Authorization(Struct, frozen=True):
    """`fhirAuthorization`: the token with which the EHR's server may be read."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  # no password
    scope: str = ""
    patient: str | None = None


class _Context(Struct, frozen=True, rename="camel"):
    patient_id: str
    user_id: str | None = None
    encounter_id: str | None = None


class _Body(Struct, frozen=True, rename="camel"):
    hook: str
    hook_instance: str
    context: _Context
    fhir_server: str | None = None
    fhir_authorization: Authorization | None = None
    prefetch: dict[str, Raw] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call. `patient`: an id; `sent`: the data that came along; `absent`: types that did not, Patient among them.

    `begun`: the first pages of those that came in part, by type; `user`: at whose screen the EHR asks.
    """

    instance: str
    patient: str
    sent: Contents
    absent: frozenset[str]
    begun: Mapping[str, Bundle]
    user: str | None = None
    server: str | None = None
    authorization: Authorization | None = None

    @property
    def missing(self) -> frozenset[str]:
        """The types that are not there, or not all of them."""
        return self.absent.union(self.begun)


_body = msgspec.json.Decoder(_Body)
_TOKEN = re.compile(r"[!-~]*")
"""What a token may be made of (RFC 6750 names less), and none, where the server is open."""


def call_in(body: bytes, service: Service, types: Iterable[str]) -> Call:
    """The call in a body of JSON. Raises MalformedError, ParameterError and InputError."""
    text = json_text(body)
    try:
        said = _body.decode(text)
    except msgspec.DecodeError as error:
        msg = f"the body is no CDS Hooks request: {error}"
        raise MalformedError(msg) from error
    if said.hook != service.hook:
        msg = f"the service {service.id} is for the hook {service.hook}, not for {said.hook[:64]!r}"
        raise ParameterError(msg, expression="hook")
    patient = said.context.patient_id.removeprefix("Patient/")
    if not ID.fullmatch(patient):
        msg = "context.patientId is no id of a Patient"
        raise ParameterError(msg, expression="context.patientId")
    allowed = said.fhir_authorization
    if allowed is not None and allowed.patient not in {None, patient, f"Patient/{patient}"}:
        msg = "fhirAuthorization is for another patient than context.patientId"
        raise ParameterError(msg, expression="fhirAuthorization.patient")
    if allowed is not None and not _TOKEN.fullmatch(allowed.access_token):
        msg = "fhirAuthorization.access_token is no token that a header can hold"
        raise ParameterError(msg, expression="fhirAuthorization.access_token")
    held = said.prefetch or {}
    asked = {PATIENT: "Patient", **{key_of(each): each for each in types}}
    pages = {key: _page_in(raw, asked[key]) for key, raw in held.items() if key in asked}
    whole = {key: held[key] for key, page in pages.items() if _is_whole(held[key], asked[key], page)}
    begun = {asked[key]: page for key, page in pages.items() if key != PATIENT and page and _is_first(page)}
    if PATIENT in whole and _none(whole[PATIENT]):
        del whole[PATIENT]  # somebody is there
    if PATIENT in whole and _is_several(whole[PATIENT]):
        whole, begun = {}, {}  # the templates ask for one of the Patients that this person is
    return Call(
        instance=said.hook_instance,
        patient=patient,
        sent=_together(whole),
        absent=frozenset(type_ for key, type_ in asked.items() if type_ not in begun and key not in whole),
        begun=begun,
        user=said.context.user_id,
        server=said.fhir_server.rstrip("/") if said.fhir_server else None,
        authorization=allowed,
    )


def _none(raw: Raw) -> bool:
    return bytes(raw) == b"null"


def _is_several(patient: Raw) -> bool:
    """Whether a Patient was replaced by another, or has replaced one: the data of both are one record."""
    return bool(linked(links_of(resource_of(patient)), "replaced-by", "replaces"))


def _page_in(raw: Raw, type_: str) -> Bundle | None:
    """The answer to a search for a type, which found nothing else and failed in no part; None for anything else."""
    if _none(raw):
        return None
    try:
        if type_of(raw) != "Bundle":
            return None
        found = bundle_of(raw)
        types = {type_of(each.resource) for each in found.entry if each.resource != ABSENT}
    except msgspec.DecodeError as error:
        msg = f"the prefetch holds what is no FHIR R4 JSON: {error}"
        raise InputError(msg) from error
    of_type = not types - {"Medication"} or type_ in types
    return found if _OUTCOME not in types and of_type else None


def _is_whole(raw: Raw, type_: str, page: Bundle | None) -> bool:
    """Whether it is all that there is of a type: nothing, the Patient, or all pages of a search."""
    if page is None:
        return _none(raw) or type_ == type_of(raw) == "Patient"
    total, sent = size_of(page)
    return page.next is None and (total is None or sent >= total)


def _is_first(page: Bundle) -> bool:
    """Whether further pages follow, to which what is here can be added."""
    return page.next is not None and all(
        each.resource != ABSENT and resource_of(each.resource).id for each in page.entry
    )


_OUTCOME = "OperationOutcome"


def _together(prefetch: dict[str, Raw]) -> Contents:
    found = [contents_of(bytes(raw)) for raw in prefetch.values() if not _none(raw)]
    return Contents(
        tuple(resource for each in found for resource in each.resources),
        frozenset().union(*(each.deleted for each in found)),
        tuple(problem for each in found for problem in each.problems),
    )
