"""Who was shown what of whom, as AuditEvents by IHE's Basic Audit Log Patterns (BALP 1.1, FHIR R4).

An event names the caller, the patient by reference and the studies; never a value, a name or a diagnosis.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from adapter.evaluator.verdict import instant
from adapter.fhir.elements import Json, string

Action = Literal["C", "U", "E"]
"""Created, updated, or executed: an evaluation (FHIR R4, AuditEvent.action)."""

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_BALP = "https://profiles.ihe.net/ITI/BALP"
_PATTERNS: dict[Action, tuple[str, str]] = {
    "C": ("Create", "create"),
    "U": ("Update", "update"),
    "E": ("Query", "search"),
}
"""BALP's pattern, which is another where a patient is known; and the interaction."""

PERSON = "1"
"""The type of the entity that is the patient (audit-entity-type)."""

_FAILED_FROM = {500: "8", 400: "4"}
"""HTTP status -> outcome: a serious, a minor failure; below it succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOutcome:
    """What became of a card that an EHR showed: `accepted` or `overridden`, with the code of a reason.

    `card`: its uuid, and `study` its id, both None where the card is not ours.
    """

    card: str | None
    study: str | None
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One access to data of patients.

    `patients`: references, Type/id; `caller`: a name, as in the log; `address`: the caller's network address; `server`:
    ours, as the connection has it.
    `user`: the person at whose side that was, as their EHR or identity provider names them, where it does.
    `status`: of the answer over HTTP; `what`: the route, or what of ours did it.
    """

    action: Action
    patients: tuple[str, ...]
    studies: tuple[str, ...]
    caller: str
    address: str
    at: datetime
    status: int
    request: str
    what: str
    server: str = ""
    user: str = ""
    outcomes: tuple[CardOutcome, ...] = ()


def audit_events(access: Access) -> Iterator[Json]:
    """An event for each patient, or for each card; one without either where nobody in particular was asked about."""
    for each in access.outcomes:
        yield _event(access, None, _card(each), (each.study,) if each.study is not None else ())
    if not access.outcomes:
        for patient in access.patients or (None,):
            yield _event(access, patient, _object(access), access.studies)


def _event(access: Access, patient: str | None, about: Json, studies: tuple[str, ...]) -> Json:
    """`about`: the one object that a pattern has of type "System Object"; a study is of another."""
    pattern, interaction = _PATTERNS[access.action]
    outcome = _outcome(access.status)
    entities = [_patient(patient)] if patient else []
    entities += [about, *(_study(each) for each in studies), _request(access.request)]
    event: Json = {
        "resourceType": "AuditEvent",
        "type": {"system": f"{_TERMINOLOGY}/audit-event-type", "code": "rest", "display": "Restful Operation"},
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction, "display": interaction}],
        "action": access.action,
        "recorded": instant(access.at),
        "outcome": outcome,
        "outcomeDesc": string(access.what),
        "agent": [
            {
                "type": {"coding": [{"system": _DICOM, "code": "110153", "display": "Source Role ID"}]},
                "who": {"display": string(access.caller) or "unknown"},
                "requestor": True,
                "network": _network(access.address),
            },
            {
                "type": {"coding": [{"system": _DICOM, "code": "110152", "display": "Destination Role ID"}]},
                "who": {"display": "fhir-trial-adapter"},
                "requestor": False,
                "network": _network(access.server),
            },
            *([_user(access)] if access.user else []),
        ],
        "source": {
            "observer": {"display": "fhir-trial-adapter"},
            "type": [{"system": f"{_TERMINOLOGY}/security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": entities,
    }
    if outcome == _SUCCESS:  # BALP's patterns are for what succeeded
        name = f"IHE.BasicAudit.{'Patient' if patient else ''}{pattern}"
        event["meta"] = {"profile": [f"{_BALP}/StructureDefinition/{name}"]}
    return event


_SUCCESS = "0"


def _network(address: str) -> Json:
    """BALP wants it of both sides, also where nobody has called: then it is of no type, else an IP address."""
    known = string(address)
    return {"address": known, "type": "2"} if known else {"address": "unknown"}


def _user(access: Access) -> Json:
    code, display = ("IRCP", "information recipient") if access.action == "E" else ("AUT", "author (originator)")
    type_ = {"system": f"{_TERMINOLOGY}/v3-ParticipationType", "code": code, "display": display}
    return {"type": {"coding": [type_]}, "who": {"identifier": {"value": string(access.user)}}, "requestor": True}


def _outcome(status: int) -> str:
    return next((code for least, code in _FAILED_FROM.items() if status >= least), _SUCCESS)


def _patient(reference: str) -> Json:
    return {
        "what": {"reference": reference},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": PERSON, "display": "Person"},
        "role": {"system": f"{_TERMINOLOGY}/object-role", "code": "1", "display": "Patient"},
    }


def _study(id_: str) -> Json:
    return {
        "what": {"reference": f"ResearchStudy/{id_}"},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "4", "display": "Other"},
        "role": {"system": f"{_TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"},
    }


def _object(access: Access) -> Json:
    """What was asked, or written: by the route and the studies, since a query and a body may hold what a person has."""
    found: Json = {
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": f"{_TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"},
    }
    what = string(access.what) or "unknown"
    if access.action != "E":
        return {"what": {"display": what}, **found}
    asked = f"{what}?study={','.join(access.studies)}" if access.studies else what
    role = {"system": f"{_TERMINOLOGY}/object-role", "code": "24", "display": "Query"}
    return {**found, "role": role, "description": asked, "query": b64encode(asked.encode()).decode()}


def _card(told: CardOutcome) -> Json:
    details = [{"type": "outcome", "valueString": told.outcome}]
    if told.reason is not None:
        details.append({"type": "reason", "valueString": told.reason})
    return {
        "what": {"identifier": {"value": told.card or "unknown"}},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": f"{_TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"},
        "description": "A card of CDS Hooks",
        "detail": details,
    }


def _request(name: str) -> Json:
    return {
        "what": {"identifier": {"value": name}},
        "type": {"system": f"{_BALP}/CodeSystem/BasicAuditEntityType", "code": "XrequestId"},
    }
