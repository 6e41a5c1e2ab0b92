"""Examples in the OpenAPI document: requests that are written here, and the answers that the service gives to them.

The answers are made by the service itself, about its own trials, so that they are true whatever trials there are.
"""

import json
from datetime import UTC, datetime

import msgspec

from adapter.errors import AdapterError
from adapter.service import evaluate, match
from adapter.service.access import local
from adapter.service.cds.cards import OVERRIDE_REASONS
from adapter.service.cds.request import call_in
from adapter.service.cds.routes import cards_of
from adapter.service.cds.services import PATIENT, SERVICES, discovery, key_of
from adapter.service.http import FHIR_JSON, JSON, Parcel
from adapter.service.schemas import Json
from adapter.service.site import Site

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_SECONDS = 10.0
_PATIENT: Json = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1984-07-01"}
_OF: Json = {"subject": {"reference": "Patient/p1"}}
_CONDITION: Json = {
    "resourceType": "Condition",
    "id": "c1",
    **_OF,
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91861009"}]},
    "onsetDateTime": "2025-11-03",
}
_ECOG: Json = {
    "resourceType": "Observation",
    "id": "e1",
    **_OF,
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]},
    "effectiveDateTime": "2026-02-20",
    "valueInteger": 1,
}
RECORD: Json = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"resource": each} for each in (_PATIENT, _CONDITION, _ECOG)],
}
"""A made-up patient with acute myeloid leukaemia."""

_EVALUATE = "/fhir/ResearchStudy/$evaluate"
_OF_ONE = "/fhir/ResearchStudy/{study_id}/$evaluate"
_MATCH = "/fhir/ResearchStudy/$match"
_MCODE = "/getClinicalTrial"
_CDS = "/cds-services/{service_id}"


def _parameters(**given: Json) -> Json:
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in given.items()]}


def _entries(*resources: Json) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources]}


_LOOKED_FOR: Json = {"zipCode": {"valueString": "67446"}, "travelRadius": {"valueString": "100"}}


def requests(site: Site) -> dict[str, Json]:
    """The bodies of requests by their routes; where there are several forms, the one that says the most."""
    types = site.policies.setup(None).types
    known = {"Condition": _entries(_CONDITION), "Observation": _entries(_ECOG)}
    prefetch = {PATIENT: _PATIENT, **{key_of(each): known.get(each, _entries()) for each in sorted(types)}}
    asked: Json = {"data": {"resource": RECORD}, "asOf": {"valueDateTime": "2026-03-01"}}
    override = {"reason": {"system": OVERRIDE_REASONS, "code": "later"}}
    return {
        _EVALUATE: _parameters(**asked, detail={"valueCode": "decision"}),
        _OF_ONE: _parameters(**asked),
        _MATCH: _parameters(**_LOOKED_FOR, trialMatchClinicalData={"resource": RECORD}),
        _MCODE: {**RECORD, "entry": [{"resource": _parameters(**_LOOKED_FOR)}, *RECORD["entry"]]},
        _CDS: {
            "hook": SERVICES[0].hook,
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/d1", "patientId": "p1"},
            "prefetch": prefetch,
        },
        f"{_CDS}/feedback": {
            "feedback": [
                {
                    "card": "4e0a3a1e-3283-5575-ab82-028d55fe2719",
                    "outcome": "overridden",
                    "overrideReason": override,
                    "outcomeTimestamp": "2026-03-01T12:00:00Z",
                }
            ]
        },
    }


def answers(site: Site) -> dict[str, Json]:
    """What the service answers to these; nothing of what it can't, without trials for one. Raises nothing."""
    bodies = requests(site)
    setup = site.policies.setup(None)
    made: dict[str, Json] = {"/cds-services": discovery(setup.types), f"{_CDS}/feedback": {}}
    if not setup.definitions:
        return made
    study = setup.definitions[0].id
    try:
        for route, instance in ((_EVALUATE, None), (_OF_ONE, study)):
            asked = evaluate.Asked(_sent(bodies[route]), (), instance, _NOW, local())
            made[route] = _read(evaluate.answer_to_request(site, asked, None, _SECONDS).body)
        for route in (_MATCH, _MCODE):
            found = match.Asked(_sent(bodies[route]), bare=route == _MCODE, now=_NOW, caller=local())
            made[route] = _read(match.answer_to_match(site, found).body)
        call = call_in(json.dumps(bodies[_CDS]).encode(), SERVICES[0], setup.types)
        made[_CDS] = {"cards": cards_of(site, call, _NOW, None)}
    except AdapterError:  # of a site that can't read our example; its own callers are told more
        pass
    return made


def _sent(body: Json) -> Parcel:
    return Parcel((json.dumps(body).encode(),))


def _read(parcel: Parcel) -> Json:
    found: Json = msgspec.json.decode(b"".join(parcel.parts))
    return found


def add_examples(document: Json, site: Site) -> None:
    """Put them where they belong in an OpenAPI document."""
    for route, body in requests(site).items():
        for media_type, content in document["paths"][route]["post"]["requestBody"]["content"].items():
            if media_type in {JSON, FHIR_JSON}:
                content["example"] = body
    for route, answer in answers(site).items():
        for method in document["paths"][route].values():
            for content in method["responses"]["200"]["content"].values():
                content["example"] = answer
