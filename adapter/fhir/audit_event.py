"""Who was shown what of whom, as AuditEvents by IHE's Basic Audit Log Patterns (BALP 1.1, FHIR R4).

An event names the caller, the patient by reference and the studies; never a value, a name or a diagnosis.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from adapter.evaluator.verdict import instant
from adapter.fhir.elements import Json, string

Action = Literal["C", "R", "U", "D", "E"]
"""Created, read, updated, deleted, or executed: an evaluation (FHIR R4, AuditEvent.action)."""

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_BALP = "https://profiles.ihe.net/ITI/BALP"
_PATTERNS: dict[Action, tuple[str, str]] = {
    "C": ("PatientCreate", "create"),
    "R": ("PatientRead", "read"),
    "U": ("PatientUpdate", "update"),
    "D": ("PatientDelete", "delete"),
    "E": ("PatientQuery", "search"),
}
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

    `patients`: references, Type/id; `caller`: a name, as in the log; `address`: the caller's network address.
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
    outcomes: tuple[CardOutcome, ...] = ()


def audit_events(access: Access) -> Iterator[Json]:
    """An event for each patient, or for each card; one without either where nobody in particular was asked about."""
    if access.outcomes:
        for each in access.outcomes:
            event = _event(access, None)
            pattern = f"{_BALP}/StructureDefinition/IHE.BasicAudit.Create"  # of no patient: a card's uuid names none
            yield {**event, "meta": {"profile": [pattern]}, "entity": [*_card(each), *event["entity"]]}
        return
    for patient in access.patients or (None,):
        yield _event(access, patient)


def _event(access: Access, patient: str | None) -> Json:
    pattern, interaction = _PATTERNS[access.action]
    entities = [_patient(patient)] if patient else []
    entities += [_study(each) for each in access.studies]
    entities.append(_request(access.request))
    return {
        "resourceType": "AuditEvent",
        "meta": {"profile": [f"{_BALP}/StructureDefinition/IHE.BasicAudit.{pattern}"]},
        "type": {"system": f"{_TERMINOLOGY}/audit-event-type", "code": "rest", "display": "Restful Operation"},
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": interaction, "display": interaction}],
        "action": access.action,
        "recorded": instant(access.at),
        "outcome": _outcome(access.status),
        "outcomeDesc": string(access.what),
        "agent": [
            {
                "type": {"coding": [{"system": _DICOM, "code": "110153", "display": "Source Role ID"}]},
                "who": {"display": string(access.caller) or "unknown"},
                "requestor": True,
                "network": {"address": string(access.address) or "unknown", "type": "2"},
            },
            {
                "type": {"coding": [{"system": _DICOM, "code": "110152", "display": "Destination Role ID"}]},
                "who": {"display": "fhir-trial-adapter"},
                "requestor": False,
            },
        ],
        "source": {
            "observer": {"display": "fhir-trial-adapter"},
            "type": [{"system": f"{_TERMINOLOGY}/security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": entities,
    }


def _outcome(status: int) -> str:
    return next((code for least, code in _FAILED_FROM.items() if status >= least), "0")


def _patient(reference: str) -> Json:
    return {
        "what": {"reference": reference},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "1", "display": "Person"},
        "role": {"system": f"{_TERMINOLOGY}/object-role", "code": "1", "display": "Patient"},
    }


def _study(id_: str) -> Json:
    return {
        "what": {"reference": f"ResearchStudy/{id_}"},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": f"{_TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"},
    }


def _card(told: CardOutcome) -> Iterator[Json]:
    details = [{"type": "outcome", "valueString": told.outcome}]
    if told.reason is not None:
        details.append({"type": "reason", "valueString": told.reason})
    yield {
        "what": {"identifier": {"value": told.card or "unknown"}},
        "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "2", "display": "System Object"},
        "description": "A card of CDS Hooks",
        "detail": details,
    }
    if told.study is not None:
        yield _study(told.study)


def _request(name: str) -> Json:
    return {
        "what": {"identifier": {"value": name}},
        "type": {"system": f"{_BALP}/CodeSystem/BasicAuditEntityType", "code": "XrequestId"},
    }
