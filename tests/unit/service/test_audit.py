"""Who was shown what of whom is written down, before anything is shown."""

import json
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from fhir.resources.R4B.auditevent import AuditEvent

from adapter.fhir.client import ServerSettings
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service.settings import settings_from
from tests.unit.fhir_client.answers import BASE
from tests.unit.service.calls import ONE, RECORD, Caller, Json, app_with, parameters
from tests.unit.service.test_cds import call, prefetch_of, record
from tests.unit.service.test_hl7v2 import ORU, post


def events(path: Path) -> list[Json]:
    """What stands in a file of them."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def asked(strict: Setup, audit: Path | ServerSettings, **said: Any) -> httpx.Response:  # noqa: ANN401  # as of a call
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
    whats = [each["what"] for each in event["entity"]]
    assert whats[0] == {"reference": "Patient/p1"}
    assert {"reference": "ResearchStudy/senl-t7"} in whats
    assert whats[-1] == {"identifier": {"value": answer.headers["x-request-id"]}}
    assert "Canary" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_a_refusal_is_an_event_too(strict: Setup, tmp_path: Path) -> None:
    """With its outcome: the prefetch lacked something."""
    path = tmp_path / "audit.ndjson"
    caller = Caller(app_with(strict, audit=path))
    assert call(caller, {}).status_code == 412
    assert events(path)[0]["outcome"] == "4"


@pytest.mark.parametrize("route", ["/getClinicalTrial", "/fhir/ResearchStudy/$match"])
def test_a_match_is_an_event(strict: Setup, tmp_path: Path, route: str) -> None:
    """Of the patient whose data were sent, without them."""
    path = tmp_path / "audit.ndjson"
    caller = Caller(app_with(strict, audit=path, matching=(ip_network("127.0.0.0/8"),)))
    held = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in record()]}
    sent = held if route == "/getClinicalTrial" else parameters({"name": "trialMatchClinicalData", "resource": held})
    assert caller.post(route, sent).status_code == 200
    (event,) = events(path)
    whats = [each["what"] for each in event["entity"]]
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


def test_the_setting(tmp_path: Path) -> None:
    """A path, or an address with credentials of its own."""
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
    whats = [each["what"] for each in event["entity"]]
    assert whats[:2] == [{"reference": "Patient/p1"}, {"reference": "ResearchStudy/nct04785833"}]
    assert caller.post(ONE, b'{"resourceType": "Bundle", "type": "collection"}').status_code == 422
    refused = events(path)[1]
    assert (refused["outcome"], len(refused["entity"])) == ("4", 1)


@respx.mock
def test_a_message_is_an_event(strict: Setup, tmp_path: Path) -> None:
    """The patient is named as the server names them, whom the message knows by a number only."""
    path = tmp_path / "audit.ndjson"
    respx.get(f"{BASE}/metadata").respond(json={"resourceType": "CapabilityStatement"})
    respx.get(url__startswith=f"{BASE}/").respond(json={"resourceType": "Bundle", "type": "searchset"})

    def stored(request: httpx.Request) -> httpx.Response:
        entries = [{"response": {"status": "201 Created"}} for _ in json.loads(request.content)["entry"]]
        entries[0]["response"]["location"] = "Patient/77/_history/1"
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    respx.post(BASE).mock(side_effect=stored)
    server = ServerSettings(url=BASE, attempts=1)
    engine = Caller(app_with(strict, audit=path, servers=Servers(record=server, research=server)))
    assert post(engine, ORU).status_code == 200
    assert post(engine, "MSH|nothing").status_code == 422
    written, refused = events(path)
    assert (written["action"], written["outcome"]) == ("U", "0")
    assert written["entity"][0]["what"] == {"reference": "Patient/77"}
    assert (refused["outcome"], len(refused["entity"])) == ("4", 1)
    assert "Doe" not in path.read_text()
