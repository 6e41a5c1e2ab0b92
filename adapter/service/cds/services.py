"""What an EHR is told of the services: for which hooks, and which data to send along (CDS Hooks 2.0, Discovery).

The prefetch templates ask for every type that the trials read, and never for single codes: an entry that no value set
holds may matter (CONFORMANCE: Negatives).
"""

from collections.abc import Iterable
from typing import NamedTuple

from adapter.evaluator.reads import OF_MEDICATION
from adapter.fhir.elements import Json

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
