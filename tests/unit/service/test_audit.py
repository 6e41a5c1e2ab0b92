"""Who was shown what of whom is written down, before anything is shown."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
import yaml
from fhir.resources.R4B.auditevent import AuditEvent
from sqlalchemy import select

from adapter.fhir.audit_event import Access, Action, CardOutcome, audit_events
from adapter.fhir.client import ServerSettings
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service.auth import Authenticator
from adapter.service.settings import Settings, settings_from
from adapter.service.tokens import Keys
from adapter.store import open_database
from adapter.store.database import DatabaseAddress
from adapter.store.tables import audit_event
from tests.unit.fhir_client.answers import BASE
from tests.unit.service.calls import FHIR, ONE, RECORD, Caller, Json, app_with, parameters
from tests.unit.service.ehr import Ehr, browse
from tests.unit.service.test_cds import call, prefetch_of, record
from tests.unit.service.test_hl7v2 import ORU, post
from tests.unit.service.tokens import URL, Provider, token


def events(path: Path) -> list[Json]:
    """What stands in a file of them."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def asked(strict: Setup, audit: Path | ServerSettings | DatabaseAddress, **said: Any) -> httpx.Response:  # noqa: ANN401  # as of a call
    """A call about p1, of a service that writes there."""
    caller = Caller(app_with(strict, audit=audit))
    held = record()
    held[0]["name"] = [{"family": "Canary"}]
    return call(caller, prefetch_of(caller, held), **said)


def test_an_access_is_an_event(strict: Setup, tmp_path: Path) -> None:
    """By BALP's pattern: who, whom, which studies, which request, and nothing of what was shown."""
    path = tmp_path / "audit.ndjson"
    answer = asked(strict, path)
    assert answer.status_code == 200
    (event,) = events(path)
    AuditEvent.model_validate(event)
    assert event["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"
    ]
    assert (event["action"], event["outcome"]) == ("E", "0")
    assert event["agent"][0]["who"]["display"] == "local"
    whats = [each["what"] for each in event["entity"] if "what" in each]
    assert whats[0] == {"reference": "Patient/p1"}
    assert {"reference": "ResearchStudy/senl-t7"} in whats
    assert whats[-1] == {"identifier": {"value": answer.headers["x-request-id"]}}
    assert "Canary" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def users(path: Path) -> list[str]:
    """The persons whom events name."""
    said = [agent for each in events(path) for agent in each["agent"][2:]]
    return [each["who"]["identifier"]["value"] for each in said]


def test_who_looked_is_the_person(strict: Setup, tmp_path: Path) -> None:
    """As the EHR's call, its login or a JWT names them; what is no reference to a person is left out."""
    path = tmp_path / "audit.ndjson"
    assert asked(strict, path).status_code == 200
    assert users(path) == ["Practitioner/1"]
    for claims in ({"fhirUser": "https://ehr.example.org/fhir/Practitioner/x"}, {"fhirUser": "<b>Ann</b> Doe"}, {}):
        assert browse(strict, lambda browser: browser.opened(), Ehr(claims=claims), audit=path).status_code == 200
    assert users(path)[1:] == ["https://ehr.example.org/fhir/Practitioner/x"]
    said: Json = {"jwks_url": URL, "audit": path}
    service = Caller(app_with(strict, authenticator=Authenticator(Settings(**said), Keys(URL, Provider())), **said))
    shown = token(scope="user/*.rs", fhirUser="PractitionerRole/7")
    answer = service.call("POST", ONE, content=RECORD, headers={**FHIR, "Authorization": f"Bearer {shown}"})
    assert answer.status_code == 200
    assert users(path)[2:] == ["PractitionerRole/7"]
    for each in events(path):
        AuditEvent.model_validate(each)
        assert faults(each) == []


def test_a_refusal_is_an_event_too(strict: Setup, tmp_path: Path) -> None:
    """With its outcome: the prefetch lacked something."""
    path = tmp_path / "audit.ndjson"
    caller = Caller(app_with(strict, audit=path))
    assert call(caller, {}).status_code == 412
    assert events(path)[0]["outcome"] == "4"


def test_half_a_line_takes_no_other_with_it(strict: Setup, tmp_path: Path) -> None:
    """A disk that was full, or a machine that stopped, left it there: nothing was shown for it."""
    path = tmp_path / "audit.ndjson"
    path.write_text('{"resourceType":"Audit')
    for count in (1, 2):
        assert asked(strict, path).status_code == 200
        half, *whole = path.read_text().splitlines()
        assert half == '{"resourceType":"Audit'
        assert [json.loads(each)["outcome"] for each in whole] == ["0"] * count


@pytest.mark.parametrize("route", ["/getClinicalTrial", "/fhir/ResearchStudy/$match"])
def test_a_match_is_an_event(strict: Setup, tmp_path: Path, route: str) -> None:
    """Of the patient whose data were sent, without them."""
    path = tmp_path / "audit.ndjson"
    caller = Caller(app_with(strict, audit=path, matching=(ip_network("127.0.0.0/8"),)))
    held = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in record()]}
    sent = held if route == "/getClinicalTrial" else parameters({"name": "trialMatchClinicalData", "resource": held})
    assert caller.post(route, sent).status_code == 200
    (event,) = events(path)
    whats = [each["what"] for each in event["entity"] if "what" in each]
    assert whats[0] == {"reference": "Patient/p1"}
    assert (event["outcomeDesc"], {"reference": "ResearchStudy/senl-t7"} in whats) == (route, True)


def test_what_opens_nobodys_data_is_no_event(strict: Setup, tmp_path: Path) -> None:
    """The trials are no secret."""
    path = tmp_path / "audit.ndjson"
    assert Caller(app_with(strict, audit=path)).get("/fhir/ResearchStudy").status_code == 200
    assert not path.exists()


@pytest.mark.parametrize("link", [False, True])
def test_nothing_is_shown_that_cannot_be_written(strict: Setup, tmp_path: Path, *, link: bool) -> None:
    """No folder, or a link to somewhere else: 503, without a card."""
    path = tmp_path / ("link" if link else "none/audit.ndjson")
    if link:
        path.symlink_to(tmp_path / "other")
    answer = asked(strict, path)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "cards" not in answer.text
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("status", [201, 500])
def test_a_fhir_server_keeps_them(strict: Setup, status: int) -> None:
    """An answer waits for the server's."""
    with respx.mock(base_url=BASE) as router:
        kept = router.post("/AuditEvent").mock(
            return_value=httpx.Response(status, json={"resourceType": "AuditEvent", "id": "1"})
        )
        answer = asked(strict, ServerSettings(url=BASE, wait=0, attempts=1))
    assert answer.status_code == (200 if status == 201 else 503)
    assert kept.call_count == 1


def test_a_database_keeps_them(strict: Setup, tmp_path: Path) -> None:
    """A row each, found by the patient, whatever process writes them; one that can't be opened opens nothing."""
    address = DatabaseAddress(f"sqlite:///{tmp_path}/hook.db")
    ids = []
    for _ in range(2):
        answer = asked(strict, address)
        assert answer.status_code == 200
        ids.append(answer.headers["x-request-id"])
    database = open_database(address.url)
    with database.reading() as connection:
        rows = connection.execute(select(audit_event).where(audit_event.c.patient == "Patient/p1")).all()
    database.close()
    kept = [json.loads(row.content) for row in rows]
    assert [each["entity"][-1]["what"]["identifier"]["value"] for each in kept] == ids
    assert all(
        faults(each) == [] and datetime.fromisoformat(each["recorded"]) == row.at
        for each, row in zip(kept, rows, strict=True)
    )
    assert "Canary" not in rows[0].content
    answer = asked(strict, DatabaseAddress(f"sqlite:///{tmp_path}/none/hook.db"))
    assert (answer.status_code, "cards" in answer.text) == (503, False)


def test_the_setting(tmp_path: Path) -> None:
    """A path, the database, or an address with credentials of its own."""
    url = f"sqlite:///{tmp_path}/hook.db"
    variables = {"TRIAL_ADAPTER_AUDIT": "database", "TRIAL_ADAPTER_DATABASE_URL": url}
    assert settings_from(variables).audit == DatabaseAddress(url)
    assert settings_from({"TRIAL_ADAPTER_AUDIT": str(tmp_path / "a")}).audit == tmp_path / "a"
    server = settings_from({"TRIAL_ADAPTER_AUDIT": BASE, "TRIAL_ADAPTER_AUDIT_TOKEN": "t" * 20}).audit
    assert isinstance(server, ServerSettings)
    assert (server.url, server.auth is None) == (BASE, False)
    assert settings_from({}).audit is None


def test_an_evaluation_is_an_event_for_each_patient(strict: Setup, tmp_path: Path) -> None:
    """Whose data the answer opens, for the studies that were asked for."""
    path = tmp_path / "audit.ndjson"
    caller = Caller(app_with(strict, audit=path))
    assert caller.post(ONE, RECORD).status_code == 200
    (event,) = events(path)
    whats = [each["what"] for each in event["entity"] if "what" in each]
    assert whats[:2] == [{"reference": "Patient/p1"}, {"reference": "ResearchStudy/nct04785833"}]
    assert caller.post(ONE, b'{"resourceType": "Bundle", "type": "collection"}').status_code == 422
    refused = events(path)[1]
    assert (refused["outcome"], len(refused["entity"])) == ("4", 2)


def taking_messages(strict: Setup, path: Path) -> Caller:
    """A service beside a server that takes every message, of patient 77."""
    respx.get(f"{BASE}/metadata").respond(json={"resourceType": "CapabilityStatement"})
    respx.get(url__startswith=f"{BASE}/").respond(json={"resourceType": "Bundle", "type": "searchset"})

    def stored(request: httpx.Request) -> httpx.Response:
        entries = [{"response": {"status": "201 Created"}} for _ in json.loads(request.content)["entry"]]
        entries[0]["response"]["location"] = "Patient/77/_history/1"
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    respx.post(BASE).mock(side_effect=stored)
    server = ServerSettings(url=BASE, attempts=1)
    return Caller(app_with(strict, audit=path, servers=Servers(record=server, research=server)))


@respx.mock
def test_a_message_is_an_event(strict: Setup, tmp_path: Path) -> None:
    """The patient is named as the server names them, whom the message knows by a number only."""
    path = tmp_path / "audit.ndjson"
    engine = taking_messages(strict, path)
    assert post(engine, ORU).status_code == 200
    assert post(engine, "MSH|nothing").status_code == 422
    written, refused = events(path)
    assert (written["action"], written["outcome"]) == ("U", "0")
    assert written["entity"][0]["what"] == {"reference": "Patient/77"}
    assert (refused["outcome"], len(refused["entity"])) == ("4", 2)
    assert "Doe" not in path.read_text()


@respx.mock
def test_a_message_waits_for_room(strict: Setup, tmp_path: Path) -> None:
    """One whose event can't be written is not acknowledged, and taken when it comes again."""
    path = tmp_path / "none" / "audit.ndjson"
    engine = taking_messages(strict, path)
    refused = post(engine, ORU)
    assert (refused.status_code, "retry-after" in refused.headers, "MSA" in refused.text) == (503, True, False)
    path.parent.mkdir()
    assert "MSA|AA" in post(engine, ORU).text
    assert len(events(path)) == 1


BALP = yaml.safe_load(Path(__file__).with_name("balp.yaml").read_text(encoding="utf-8"))


def held_in(part: Json, path: str) -> Any:  # noqa: ANN401  # JSON
    """What stands at a path of a part; None for nothing."""
    found: Any = part
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def faults_of(parts: list[Json], rule: Json, code: Any) -> list[str]:  # noqa: ANN401  # what finds a part's type
    """What is wrong with a slice of agents or entities."""
    system, value = BALP["systems"][rule["type"][0]], rule["type"][1]
    slice_ = [each for each in parts if (code(each)["system"], code(each)["code"]) == (system, value)]
    found = [] if rule.get("min", 0) <= len(slice_) <= rule["max"] else [f"{len(slice_)} of type {value}"]
    for each in slice_:
        found += [f"{value} lacks {name}" for name in rule.get("have", ()) if held_in(each, name) is None]
        found += [f"{value} has {name}" for name in rule.get("lack", ()) if held_in(each, name) is not None]
        if "role" in rule and each["role"]["code"] not in rule["role"]:
            found.append(f"{value} has the role {each['role']['code']}")
    return found


def faults(event: Json) -> list[str]:
    """What BALP finds wrong with an event, by the pattern that it names."""
    (profile,) = event["meta"]["profile"]
    pattern = BALP["patterns"][
        profile.removeprefix("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.")
    ]
    found = [] if (event["action"], event["outcome"]) == (pattern["action"], "0") else ["action or outcome"]
    found += [] if event["type"]["code"] == "rest" and event["recorded"] else ["type or recorded"]
    found += [] if event["subtype"][0]["code"] in pattern["subtype"] else ["subtype"]
    for rule in BALP["agents"].values():
        found += faults_of(event["agent"], rule, lambda each: each["type"]["coding"][0])
    for rule in pattern["entities"]:
        found += faults_of(event["entity"], rule, lambda each: each["type"])
    return found


CARDS = (
    CardOutcome(card="1c9f", study="s1", outcome="overridden", reason="later"),
    CardOutcome(card=None, study=None, outcome="accepted"),
)
WRITTEN: tuple[tuple[Action, tuple[CardOutcome, ...]], ...] = (("C", CARDS), ("U", ()), ("E", ()))


@pytest.mark.parametrize(("action", "outcomes"), WRITTEN)
@pytest.mark.parametrize("patients", [(), ("Patient/p1",), ("Patient/p1", "Patient/p2")])
@pytest.mark.parametrize("studies", [(), ("s1", "s2")])
def test_every_event_is_as_balp_has_it(
    action: Action, outcomes: tuple[CardOutcome, ...], patients: tuple[str, ...], studies: tuple[str, ...]
) -> None:
    """Whatever was done, of however many; what failed names no pattern, since all of them are for what succeeded."""
    for status, address in product([200, 412, 500], ["", "10.0.0.1"]):
        access = Access(
            action=action,
            patients=patients,
            studies=studies,
            caller="engine",
            address=address,
            at=datetime(2026, 3, 1, tzinfo=UTC),
            status=status,
            request="r1",
            what="/a/route",
            server=address,
            user="Practitioner/x" if address else "",
            outcomes=outcomes,
        )
        made = list(audit_events(access))
        assert len(made) == (len(outcomes) or len(patients) or 1)
        for each in made:
            AuditEvent.model_validate(each)
            assert ("meta" in each) == (status == 200)
            network = {"address": address, "type": "2"} if address else {"address": "unknown"}
            assert [agent["network"] for agent in each["agent"][:2]] == [network, network]
            assert len(each["agent"]) == (3 if address else 2)
            assert status != 200 or faults(each) == []


def test_what_was_asked_is_the_route_and_the_studies(strict: Setup, tmp_path: Path) -> None:
    """As BALP wants a query kept, without what a body or a query may say of a person."""
    path = tmp_path / "audit.ndjson"
    assert Caller(app_with(strict, audit=path)).post(f"{ONE}?_pretty=true", RECORD).status_code == 200
    (event,) = events(path)
    assert faults(event) == []
    (query,) = [each["query"] for each in event["entity"] if "query" in each]
    assert b64decode(query) == b"/fhir/ResearchStudy/{study_id}/$evaluate?study=nct04785833"


def test_a_fault_is_found(strict: Setup, tmp_path: Path) -> None:
    """Each of the rules can be broken."""
    path = tmp_path / "audit.ndjson"
    assert Caller(app_with(strict, audit=path)).post(ONE, RECORD).status_code == 200
    (event,) = events(path)
    for place in range(len(event["entity"]) - 1):
        part = event["entity"][place]
        if part["type"]["code"] in {"1", "2"}:
            assert faults({**event, "entity": [each for each in event["entity"] if each is not part]})
            assert faults({**event, "entity": [*event["entity"], part]})
            assert faults({**event, "entity": [*event["entity"], {**part, "role": {"code": "7"}}]})
    person = {"type": {"coding": [{"system": BALP["systems"]["participation"], "code": "IRCP"}]}}
    assert faults({**event, "agent": [*event["agent"], person]})
    for agent in event["agent"]:
        assert faults({**event, "agent": [each for each in event["agent"] if each is not agent]})
        assert faults({**event, "agent": [{**each, "network": None} for each in event["agent"]]})
    assert faults({**event, "outcome": "4"})
    assert faults({**event, "subtype": [{"code": "operation"}]})
