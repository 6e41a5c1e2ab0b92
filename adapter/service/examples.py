"""Examples in the OpenAPI document: requests that are written here, and the answers that the service gives to them.

The answers are made by the service itself, about its own trials, so that they are true whatever trials there are.
"""

import json
from datetime import UTC, datetime

import msgspec

from adapter.errors import AdapterError
from adapter.fhir import Issue, operation_outcome
from adapter.service import evaluate, match
from adapter.service.access import local
from adapter.service.cds.cards import OVERRIDE_REASONS
from adapter.service.cds.request import PATIENT, SERVICES, call_in, discovery, key_of
from adapter.service.cds.routes import cards_of
from adapter.service.definitions import searched
from adapter.service.errors import ANSWERS
from adapter.service.feasibility import parts
from adapter.service.hook_routes import STORED, STORED_BUNDLE
from adapter.service.http import FHIR_JSON, HL7V2, JSON, Parcel, json_bytes
from adapter.service.routes import smart_answer
from adapter.service.schemas import Json
from adapter.service.settings import Settings
from adapter.service.site import Site
from adapter.service.state import State
from mappings.trial.ccdl import MEDIA_TYPE

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
_COUNT = "/fhir/ResearchStudy/$feasibility"


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


_CODES = dict(reversed(ANSWERS.values()))
_MESSAGE = r"""MSH|^~\&|LAB|HOSPITAL|ADAPTER|HOSPITAL|20260301120000||ORU^R01^ORU_R01|4711|P|2.5.1
PID|1||77^^^HOSPITAL^MR||Doe^Jane||19840701|F
OBR|1||9|24323-8^Metabolic panel^LN|||20260301110000||||||||||||||||||F
OBX|1|NM|2160-0^Creatinine^LN||0.8|mg/dL^mg/dL^UCUM|||||F|||20260301110000
""".replace("\n", "\r")
_ACK = r"""MSH|^~\&|ADAPTER|HOSPITAL|LAB|HOSPITAL|20260301120001+0000||ACK^R01^ACK|a1|P|2.5.1
MSA|AA|4711
""".replace("\n", "\r")
_QUERY: Json = {
    "version": "http://to_be_decided.com/draft-1/schema#",
    "inclusionCriteria": [
        [{"termCodes": [{"system": "http://snomed.info/sct", "code": "91861009", "display": "Acute myeloid leukemia"}]}]
    ],
}
_SMART = Settings(
    smart_token_url="https://login.example.org/token",  # noqa: S106  # no password
    smart_authorize_url="https://login.example.org/authorize",
    jwks_url="https://login.example.org/jwks",
    jwt_issuer="https://login.example.org",
)
_COUNTED: Json = {
    "asOf": "2026-03-01T00:00:00Z",
    "minCount": 5,
    "patients": 320,
    "failed": 0,
    "studies": [{"study": "nct04785833", "studyVersion": "1.0.0", "indicated": 42, "candidates": 0, "deceased": None}],
}


def _of_routes(state: State) -> dict[tuple[str, str], tuple[Json | str | None, Json | str]]:
    """What is sent and answered where no worker answers, by method and route; None where nothing is sent."""
    setup = state.policies.setup(None)
    ready = {"trials": len(setup.definitions), "policy": {"id": setup.policy.id, "hash": setup.policy.hash}}
    bundle = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": _ECOG}]}
    asked = _parameters(study={"valueString": "nct04785833"}, minCount={"valueInteger": 10})
    found: dict[tuple[str, str], tuple[Json | str | None, Json | str]] = {
        ("get", "/health/live"): (None, {"status": "ok"}),
        ("get", "/health/ready"): (None, {"status": "ok", **ready}),
        ("get", "/fhir/metadata"): (None, state.capabilities),
        ("get", "/fhir/.well-known/smart-configuration"): (None, smart_answer(_SMART)),
        ("post", _COUNT): (
            asked,
            {"resourceType": "Parameters", "parameter": parts(_COUNTED)},
        ),
        ("post", "/hl7v2"): (_MESSAGE, _ACK),
        ("put", "/hook/{type}/{id}"): (_ECOG, STORED),
        ("delete", "/hook/{type}/{id}"): (None, STORED),
        ("post", "/hook"): (bundle, STORED_BUNDLE),
    }
    for type_, held in state.definitions.made().items():
        if held:
            shortest = min(held.values(), key=lambda each: (len(json_bytes(each)), each["id"]))
            base = f"{(state.settings.public_url or 'http://127.0.0.1:8080').rstrip('/')}/fhir"
            found["get", f"/fhir/{type_}/{{id}}"] = None, shortest
            found["get", f"/fhir/{type_}"] = None, searched([shortest], (), base, type_)
    return found


def add_examples(document: Json, state: State) -> None:
    """Put them where they belong in an OpenAPI document: each body, each answer, and each refusal."""
    paths = document["paths"]
    sent: dict[tuple[str, str], Json | str | None] = {
        ("post", route): body for route, body in requests(state.site).items()
    }
    answered: dict[tuple[str, str], Json | str] = {
        (each, route): made for route, made in answers(state.site).items() for each in paths[route]
    }
    for place, (body, made) in _of_routes(state).items():
        sent[place], answered[place] = body, made
    paths[_COUNT]["post"]["requestBody"]["content"][MEDIA_TYPE]["example"] = _QUERY
    for route, methods in paths.items():
        for method, said in methods.items():
            _show(said.get("requestBody", {}).get("content", {}), sent.get((method, route)))
            for status, response in said["responses"].items():
                _show(response.get("content", {}), answered.get((method, route)) if status == "200" else None)
                if int(status) in _CODES:
                    issue = Issue(code=_CODES[int(status)], text=response["description"])
                    _show(response["content"], operation_outcome([issue]))
                    _show(response["content"], _ACK.replace("MSA|AA|", "MSA|AE|"))


def _show(content: Json, example: Json | str | None) -> None:
    """In each media type that is JSON, if it is an object; else in the one of HL7 v2."""
    shown = {HL7V2} if isinstance(example, str) else {JSON, FHIR_JSON}
    for media_type in shown & content.keys() if example is not None else ():
        content[media_type]["example"] = example
