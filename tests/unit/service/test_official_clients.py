"""What two public programs send, and what they read of our answers, told anew from their code.

mCODE's app: github.com/mcode/clinical-trial-matching-app, src/pages/api/clinical-trial-search.ts (the request),
src/components/Results/utils.ts and src/utils/distanceUtils.ts (what is read). CDS Hooks' sandbox:
github.com/cds-hooks/sandbox, src/retrieve-data-helpers (service-exchange.js, discovery-services-retrieval.js,
jwt-generator.js, launch-context-retrieval.js), src/reducers, src/components/CardList/card-list.jsx. Read on 2026-11-29.

Where a program would fail on what is absent, so does the reading here: with a KeyError, TypeError or AttributeError.
"""

import json
import re
import time
from datetime import date
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from adapter.screening.setup import Setup
from adapter.service.smart.protocol import Issuer
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import Caller, Json, app_with
from tests.unit.service.patients_server import PatientsServer

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition"


def of_the_form(**said: str) -> Json:
    """The Bundle that mCODE's app makes of its form: empty systems, JSON as text, ids twice, stray codes."""

    def observation(id_: str, **more: object) -> Json:
        return {"resourceType": "Observation", "id": id_, "meta": {"profile": [f"{MCODE}/{id_}"]}, **more}

    drug = {"entryType": "medications", "code": 398329009, "display": "Vincristine"}
    morphology = {"url": f"{MCODE}/mcode-histology-morphology-behavior", "valueCodeableConcept": {"code": "x"}}
    loinc = "http://loinc.org"
    karnofsky = {"coding": [{"system": loinc, "code": "LL4986-7"}]}
    cancer = {"system": "http://snomed.info/sct", "code": "277575008", "display": "T-cell ALL"}
    resources: list[Json] = [
        {
            "resourceType": "Parameters",
            "id": "0",
            "parameter": [{"name": "zipCode", "valueString": "67446"}, {"name": "travelRadius", "valueString": "50"}],
        },
        {"resourceType": "Patient", "id": "search_patient", "gender": "female", "birthDate": "1981", **said},
        {
            "resourceType": "Condition",
            "meta": {"profile": [f"{MCODE}/mcode-primary-cancer-condition"]},
            "code": {"coding": [cancer]},
            "extension": [morphology],
        },
        observation(
            "mcode-ecog-performance-status",
            code={"coding": [{"system": loinc, "code": "89247-1"}]},
            valueString='{"entryType":"ecogScore","interpretation":"…","valueInteger":1}',
        ),
        observation("mcode-karnofsky-performance-status", code=karnofsky, valueString='{"valueInteger":80}'),
        observation("mcode-cancer-stage-group"),
        observation("tnm-clinical-distant-metastases-category-cM0", valueString="{}"),
        observation("mcode-tumor-marker"),
        observation("mcode-tumor-marker"),
        {
            "resourceType": "MedicationStatement",
            "status": "completed",
            "medicationCodeableConcept": {"coding": [{"system": "", "code": "398329009", "display": "Vincristine"}]},
            "meta": {"profile": [f"{MCODE}/mcode-cancer-related-medication-statement"]},
            "codedValue": drug,
        },
        observation("mcode-cancer-related-surgical-procedure"),
        observation("mcode-cancer-related-radiation-procedure"),
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def shown_by_the_app(entry: Json) -> Json:
    """What mCODE's app shows of an entry, with nothing asked for that it doesn't ask for, and failing where it does."""
    study: Json = entry["resource"]
    contained: list[Json] = study.get("contained") or []
    locations = [each for each in contained if each["resourceType"] == "Location"]
    for each in locations:  # a number, or nothing
        position = each.get("position") or {}
        assert all(isinstance(value, int | float) for value in position.values())
    period = study.get("period") or {}
    for moment in period.values():
        date.fromisoformat((moment + "-01-01")[:10])  # what `new Date` makes nothing of can't be formatted
    kinds = [re.search(r"Study Type: (.+)$", each["text"]) for each in study.get("category") or []]
    arms: dict[Any, list[Any]] = {}
    if study.get("arm") and study.get("protocol"):
        plans = {each["id"]: each for each in study["contained"] if each["resourceType"] == "PlanDefinition"}
        arms = {arm["name"]: [] for arm in study["arm"]}
        for each in study["protocol"]:
            plan = plans.get(each["reference"][1:]) or {}
            arms.get((plan.get("subjectCodeableConcept") or {}).get("text"), []).append(plan.get("title"))
    sponsor = re.search("#(.*)", (study.get("sponsor") or {}).get("reference", ""))
    company = [each for each in contained if sponsor and each["id"] == sponsor[1]]
    score: float = entry["search"]["score"]
    return {
        "trialId": study["identifier"][0]["value"],
        "title": study.get("title"),
        "eligibility": study["enrollment"][0]["display"].strip() if study.get("enrollment") else None,
        "keywords": [each["text"].replace("_", " ") for each in study.get("keyword") or []],
        "conditions": [each.get("text") for each in study.get("condition") or []],
        "phase": (study.get("phase") or {}).get("text") or "Unknown Trial Phase",
        "type": next((found[1] for found in kinds if found), "Unknown Study Type"),
        "status": study.get("status"),
        "sponsor": company[0].get("name") if company else None,
        "contacts": [each.get("name") for each in study.get("contact") or []],
        "arms": arms,
        "likelihood": "High" if score >= 0.75 else "Possible" if score >= 0.01 else "No match",
        "facilities": [each.get("name") for each in locations],
    }


def test_mcodes_app_shows_our_trials(strict: Setup) -> None:
    """Its own request, sent as it sends it; each trial once, and with all that the app has a place for."""
    caller = Caller(app_with(strict, matching=(ip_network("127.0.0.0/8"),)))
    body = json.dumps(of_the_form(), indent=2)
    answer = caller.call(
        "POST", "/getClinicalTrial", content=body, headers={"Content-Type": "application/json", "Accept": "*/*"}
    )
    assert answer.is_success, answer.text
    entries = answer.json()["entry"]
    found = [shown_by_the_app(each) for each in entries]
    ids = [each["trialId"] for each in found]
    assert len(set(ids)) == len(ids) == 5
    shown = next(each for each in found if each["trialId"] == "NCT04785833")
    assert shown["likelihood"] == "Possible"
    for each in found:
        assert each["title"]
        assert each["eligibility"]
        assert each["type"] == "Interventional"
        assert None not in (*each["conditions"], *each["facilities"], *each["contacts"])
    assert any(each["sponsor"] and each["facilities"] for each in found)
    assert any(plans for each in found for plans in each["arms"].values())


def test_no_trial_is_an_empty_list_to_mcodes_app(strict: Setup) -> None:
    """It goes through `entry` without asking whether there is one."""
    caller = Caller(app_with(strict, matching=(ip_network("127.0.0.0/8"),)))
    body = of_the_form()
    body["entry"][0]["resource"]["parameter"] = [{"name": "recruitmentStatus", "valueString": "withdrawn"}]
    assert caller.call("POST", "/getClinicalTrial", json=body).json()["entry"] == []


NOTHING: Json = {"resourceType": "Bundle", "type": "collection", "entry": []}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ({"patientData": {}}, 400),
        ({"patientData": NOTHING}, 200),
        ({"patientData": json.dumps(NOTHING)}, 200),
        (NOTHING, 200),
    ],
)
def test_what_mcodes_own_tests_send(strict: Setup, sent: Json, status: int) -> None:
    """Of clinical-trial-matching-service, spec/server.spec.ts: of whom nothing is known, no trial is ruled out."""
    caller = Caller(app_with(strict, matching=(ip_network("127.0.0.0/8"),)))
    answer = caller.call("POST", "/getClinicalTrial", json=sent, headers={"Accept": "application/json"})
    assert answer.status_code == status
    if answer.is_success:
        assert (answer.json()["resourceType"], answer.json()["type"]) == ("Bundle", "searchset")
        assert [shown_by_the_app(each)["likelihood"] for each in answer.json()["entry"]] == ["Possible"] * 5


def test_mcodes_greeting_is_text(strict: Setup) -> None:
    """Also where JSON is asked for, as its tests do."""
    greeting = Caller(app_with(strict)).call("GET", "/", headers={"Accept": "application/json"})
    assert (greeting.status_code, greeting.headers["content-type"]) == (200, "text/plain; charset=utf-8")


ORIGIN, ISSUER = "http://127.0.0.1:8080", "https://sandbox.cds-hooks.org"
JWKS = f"{ISSUER}/.well-known/jwks.json"
KEY = ec.generate_private_key(ec.SECP256R1())
HERE = "http://adapter.example"


class Sandbox:
    """CDS Hooks' sandbox in a browser: it signs all that it sends with ES256, and asks before what a browser asks."""

    def __init__(self, caller: Caller, fhir: PatientsServer, token: str | None = None) -> None:
        """In front of a service; `fhir`: the server that it is set to; `token`: of that one, None where it is open."""
        self.caller, self.fhir, self.token = caller, fhir, token

    def _sent(self, method: str, url: str, content: Json | None = None) -> Json:
        """As axios sends it from a page of another origin; what the answer holds."""
        audience = f"{HERE}{url}"
        now = round(time.time())
        claims = {"iss": ISSUER, "sub": "48163c5e", "aud": audience, "exp": now + 300, "iat": now, "jti": str(uuid4())}
        headers = {"typ": "JWT", "kid": "d9cd3c4f", "jku": JWKS}
        sent = {"Origin": ORIGIN, "Accept": "application/json", "Authorization": "Bearer "}
        sent["Authorization"] += jwt.encode(claims, KEY, "ES256", headers)
        asked = "authorization,content-type" if content is not None else "authorization"
        before = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked}
        allowed = self.caller.call("OPTIONS", url, headers={"Origin": ORIGIN, **before})
        assert allowed.is_success, allowed.text
        assert allowed.headers["access-control-allow-origin"] in {ORIGIN, "*"}
        may = {each.strip().lower() for each in allowed.headers["access-control-allow-headers"].split(",")}
        assert set(asked.split(",")) <= may
        assert method in allowed.headers["access-control-allow-methods"]
        more = {"Content-Type": "application/json;charset=utf-8"} if content is not None else {}
        body = None if content is None else json.dumps(content)
        answer = self.caller.call(method, url, content=body, headers={**sent, **more})
        assert answer.is_success, answer.text
        assert answer.headers["access-control-allow-origin"] in {ORIGIN, "*"}
        found: Json = answer.json()
        return found

    def cards(self, hook: str = "patient-view", **context: object) -> list[Json]:
        """Discover, prefetch, call, and show: the texts and the buttons of each card."""
        services = self._sent("GET", "/cds-services")["services"]
        (service,) = [each for each in services if each["hook"] == hook]
        request: Json = {
            "hookInstance": str(uuid4()),
            "hook": hook,
            "fhirServer": BASE,
            "context": {"patientId": "p1", "userId": "Practitioner/COREPRACTITIONER1", **context},
        }
        if self.token is not None:
            scope = "launch patient/*.read openid profile"
            more = {"token_type": "Bearer", "expires_in": 3600, "scope": scope, "subject": "48163c5e"}
            request["fhirAuthorization"] = {"access_token": self.token, **more}
        request["prefetch"] = self._prefetched(service["prefetch"])
        answer = self._sent("POST", f"/cds-services/{service['id']}", request)
        order = {"info": 0, "warning": 1, "critical": 2, "error": 3}
        held = sorted(answer["cards"], key=lambda each: order[each["indicator"]])
        return [self._shown(each) for each in held]

    def _prefetched(self, templates: Json) -> Json:
        """What the FHIR server answers to each template; what fails is left out."""
        found = {}
        for key, template in templates.items():
            path, _, query = re.sub(r"{{\s*context\.patientId\s*}}", "p1", template).partition("?")
            said = "&".join(f"{name}={quote(value, safe='')}" for name, value in parse_qsl(query))
            request = httpx.Request("GET", f"{BASE}/{path}{'?' if said else ''}{said}")
            answer = self.fhir.answer(request)
            if answer.is_success and answer.json():
                found[key] = answer.json()
        return found

    def _shown(self, card: Json) -> Json:
        for link in card.get("links", ()):
            if link["type"] == "smart":
                assert isinstance(link.get("appContext", ""), str)
                assert urlsplit(link["url"]).scheme in {"http", "https"}
        for suggestion in card.get("suggestions", ()):
            for action in suggestion["actions"]:
                assert action["type"]
                assert action["description"]
                assert action["resource"]["resourceType"]
        return {
            "summary": card["summary"],
            "detail": card.get("detail", ""),
            "source": card["source"]["label"],
            "buttons": [each["label"] for each in (*card.get("suggestions", ()), *card.get("links", ()))],
        }


class Paged(PatientsServer):
    """A server of pages of one resource, as HAPI has them of twenty."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """A page, with a link to the next one."""
        whole = super().answer(request)
        found = whole.json()
        if found.get("resourceType") != "Bundle" or found.get("type") != "searchset" or not found.get("entry"):
            return whole
        at = int(dict(parse_qsl(urlsplit(str(request.url)).query)).get("_offset", "0"))
        url = re.sub("&_offset=.*", "", str(request.url))
        page = {**found, "total": len(found["entry"]), "entry": found["entry"][at : at + 1]}
        if at + 1 < len(found["entry"]):
            page["link"] = [{"relation": "next", "url": f"{url}&_offset={at + 1}"}]
        return httpx.Response(200, json=page)


def shown(setup: Setup, fhir: PatientsServer, token: str | None = None, **call: Any) -> tuple[list[Json], list[str]]:  # noqa: ANN401  # of a call
    """What the sandbox shows, and the addresses that we ask ourselves."""
    caller = Caller(
        app_with(
            setup,
            cors=(ORIGIN,),
            cds_clients={ISSUER: JWKS},
            cds_servers=(BASE,),
            public_url=HERE,
            smart_issuers=(Issuer(url=BASE, client_id="us"),),
        )
    )
    public = {**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "d9cd3c4f", "use": "sig"}
    with respx.mock(assert_all_called=False) as router:
        router.get(JWKS).respond(json={"keys": [public]})
        asked = router.route(host=httpx.URL(BASE).host).mock(side_effect=fhir.answer)
        found = Sandbox(caller, fhir, token).cards(**call)
        return found, [str(each.request.url) for each in asked.calls]


RECORD = [patient(), condition("c1", of()), ecog("e1", of(), 1)]


@pytest.mark.parametrize("token", [None, "of-the-user"])
def test_the_sandbox_shows_our_cards(strict: Setup, token: str | None) -> None:
    """Signed by its key, from its origin, with what it prefetches, and nothing asked for twice."""
    cards, asked = shown(strict, PatientsServer(RECORD), token)
    assert asked == []
    (card,) = [each for each in cards if "NCT04785833" in each["summary"]]
    assert card["detail"]
    assert card["source"]
    assert len(card["buttons"]) == 3


def test_the_sandbox_sends_first_pages(strict: Setup) -> None:
    """Where its server has more, its further pages are followed, each once, and the cards are the same."""
    held = [*RECORD, *(ecog(f"e{number}", of(), 1) for number in range(2, 5))]
    whole, _ = shown(strict, PatientsServer(held))
    cards, asked = shown(strict, Paged(held))
    assert cards == whole
    assert asked[:3] == [f"{BASE}/Observation?patient=p1&_offset={number}" for number in (1, 2, 3)]
    assert {urlsplit(each).path.rpartition("/")[2] for each in asked[3:]} == {"metadata", "Patient"}


def test_an_order_of_the_sandbox(strict: Setup) -> None:
    """order-select with its draft and selections."""
    draft = {"resourceType": "MedicationRequest", "id": "1", "status": "draft", "intent": "order"}
    orders = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    selected = ["MedicationRequest/1"]
    cards, _ = shown(strict, PatientsServer(RECORD), hook="order-select", draftOrders=orders, selections=selected)
    assert cards
