"""A patient who can be told by every word: none of them gets into a log, a metric, an address or an AuditEvent."""

import logging
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import respx
from fhir.resources.R4B.auditevent import AuditEvent

from adapter.fhir import patients
from adapter.fhir.client import ServerSettings
from adapter.fhir.client.client import search_path
from adapter.screening.setup import Setup
from adapter.service import hook_routes
from adapter.service.audit import note_access
from adapter.service.cds import routes as cds_routes
from adapter.service.cds.request import call_in
from adapter.service.middleware import JsonLines
from tests.unit.fhir_client.answers import BASE
from tests.unit.hook.service import app_of, calling
from tests.unit.react.hospital import until
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import EVALUATE, Caller, Json, app_with, parameters
from tests.unit.service.ehr import US, Browser, Ehr, browse
from tests.unit.service.patients_server import PatientsServer
from tests.unit.service.test_audit import events, faults
from tests.unit.service.test_cds import call, prefetch_of

NAME, NUMBER, BORN, VALUE, NOTE = "Zaunkoenig", "MRN-7741-QX", "1947-11-23", "71.0625", "sleeps badly since May"
CANARY = (NAME, NUMBER, BORN, VALUE, NOTE)


def held(broken: bool = False) -> list[Json]:  # noqa: FBT001, FBT002  # of a table
    """The record; `broken`: with what can't be read, which an answer may quote to who asked, and nothing else may."""
    birth = f"{BORN} {NAME}" if broken else BORN
    haemoglobin = {"coding": [{"system": "http://loinc.org", "code": "718-7", "display": NAME}]}
    return [
        patient(name=[{"family": NAME}], identifier=[{"value": NUMBER}], birthDate=birth),
        condition("c1", of()) | {"note": [{"text": NOTE}]},
        ecog("e1", of(), 1),
        {
            "resourceType": "Observation",
            "id": "o1",
            "status": "final",
            "code": haemoglobin,
            "subject": of(),
            "effectiveDateTime": "2026-02-20",
            "valueQuantity": {
                "value": float(VALUE),
                "unit": NAME,
                "system": "http://unitsofmeasure.org",
                "code": "g/L",
            },
            "note": [{"text": NOTE}],
        },
    ]


class Swept(PatientsServer):
    """A server that is asked what has changed: nothing that it didn't tell."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """As one without."""
        if "_lastUpdated" in request.url.params:
            return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset"})
        return super().answer(request)


class Complaining(PatientsServer):
    """A server that repeats, where it fails, what it was about."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Patients and the statement, but no search."""
        if request.url.path.endswith(("/metadata", "/Patient", "/Patient/p1")):
            return super().answer(request)
        issue = {"severity": "error", "code": "exception", "diagnostics": " ".join(CANARY)}
        return httpx.Response(400, json={"resourceType": "OperationOutcome", "issue": [issue]})


def bundle_of(resources: list[Json]) -> Json:
    """A collection."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def cards(caller: Caller, record: list[Json]) -> httpx.Response:
    """CDS Hooks with all that it asks for."""
    return call(caller, prefetch_of(caller, record))


def fetched_cards(caller: Caller, record: list[Json]) -> httpx.Response:
    """CDS Hooks whose Observations and Conditions are still to be fetched."""
    sent = {
        name: each for name, each in prefetch_of(caller, record).items() if name not in {"observation", "condition"}
    }
    return call(caller, sent, fhirServer=BASE, fhirAuthorization={"access_token": "of-the-user"})


def match(caller: Caller, record: list[Json]) -> httpx.Response:
    """CodeX's operation."""
    data = {"name": "trialMatchClinicalData", "resource": bundle_of(record)}
    return caller.post("/fhir/ResearchStudy/$match", parameters(data))


def mcode(caller: Caller, record: list[Json]) -> httpx.Response:
    """mCODE's contract."""
    return caller.post("/getClinicalTrial", bundle_of(record))


def evaluated(caller: Caller, record: list[Json]) -> httpx.Response:
    """Our own operation, on data that are sent."""
    return caller.post(EVALUATE, msgspec.json.encode(bundle_of(record)))


WAYS: dict[str, Callable[[Caller, list[Json]], httpx.Response]] = {
    each.__name__: each for each in (cards, fetched_cards, match, mcode, evaluated)
}


def log_of(caplog: pytest.LogCaptureFixture) -> str:
    """What the service writes of it: its own lines, and others' warnings (`log_as_json`)."""
    ours = [each for each in caplog.records if each.name.startswith("adapter") or each.levelno >= logging.WARNING]
    return "\n".join(map(JsonLines().format, ours))


def told_in(*written: str) -> list[tuple[str, str]]:
    """What stands of the patient, and where."""
    return [(each, text) for text in written for each in CANARY if each in text]


def check_events(audit: Path) -> None:
    """Every AuditEvent is one of R4, and those of what succeeded are as BALP has them."""
    for event in events(audit):
        AuditEvent.model_validate(event)
        assert event["outcome"] != "0" or faults(event) == []


def written_of(  # of a table
    strict: Setup,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    way: str,
    record: list[Json],
    server: type[PatientsServer] = PatientsServer,
) -> tuple[httpx.Response, list[str]]:
    """The answer to a call; then log, AuditEvents, addresses and headers that it left behind."""
    audit = tmp_path / "audit.ndjson"
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "adapter")  # which `serve` sets, in tests before
    caller = Caller(
        app_with(strict, audit=audit, matching=(ip_network("127.0.0.0/8"),), cds_servers=(BASE,), public_url=US)
    )
    with respx.mock(assert_all_called=False) as router:
        router.route(host=httpx.URL(BASE).host).mock(side_effect=server(record).answer)
        answer = WAYS[way](caller, record)
        asked = [str(each.request.url) for each in router.calls]
    assert bool(asked) == (way == "fetched_cards")
    return answer, [log_of(caplog), audit.read_text(), *asked, str(dict(answer.headers))]


@pytest.mark.parametrize("broken", [False, True], ids=["read", "broken"])
@pytest.mark.parametrize(
    ("way", "server"), [*((each, PatientsServer) for each in WAYS), ("fetched_cards", Complaining)]
)
def test_nothing_is_told_of_a_patient(  # of a table
    strict: Setup,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    way: str,
    broken: bool,  # noqa: FBT001
    server: type[PatientsServer],
) -> None:
    """Whether the call is answered, or fails at the record or at a server that complains about the patient."""
    answer, written = written_of(strict, tmp_path, caplog, way, held(broken=broken), server)
    assert answer.status_code == (412 if server is Complaining else 200)
    assert "/" in written[0]
    check_events(tmp_path / "audit.ndjson")
    assert told_in(*written) == []


def leak_to_log(patch: pytest.MonkeyPatch) -> None:
    """The body of a call."""

    def logged(body: bytes, *said: Any) -> Any:  # noqa: ANN401  # as call_in
        logging.getLogger("adapter.leak").debug("a call: %s", bytes(body).decode())
        return call_in(body, *said)

    patch.setattr(cds_routes, "call_in", logged)


def leak_to_audit(patch: pytest.MonkeyPatch) -> None:
    """A number, as the study."""
    patch.setattr(cds_routes, "note_access", lambda request, action, *_: note_access(request, action, [], [NUMBER]))


def leak_to_address(patch: pytest.MonkeyPatch) -> None:
    """A name, as a search."""
    patch.setattr(patients, "search_path", lambda type_, said: search_path(type_, {**said, "name": NAME}))


@pytest.mark.parametrize("leak", [leak_to_log, leak_to_audit, leak_to_address])
def test_a_leak_is_found(
    strict: Setup,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    leak: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """The check above does look: a slip at each of the places is seen there."""
    leak(monkeypatch)
    _, written = written_of(strict, tmp_path, caplog, "fetched_cards", held())
    assert told_in(*written)


@pytest.mark.anyio
@pytest.mark.parametrize("leaks", [False, True])
async def test_the_webhook_tells_nothing(  # of a table
    strict: Setup,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    leaks: bool,  # noqa: FBT001
) -> None:
    """Neither metrics, nor logs, nor AuditEvents, of what was sent, can't be read, or is evaluated; a slip is seen."""
    audit, record = tmp_path / "audit.ndjson", held()
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "adapter")  # which `serve` sets, in tests before
    app = app_of(strict, tmp_path, ServerSettings(url=BASE, attempts=1, wait=0), audit=audit)
    if leaks:
        plain = hook_routes.resource_changed
        monkeypatch.setattr(hook_routes, "resource_changed", lambda *said: replace(plain(*said), kind=NAME))
    with respx.mock(assert_all_called=False) as router:
        router.route(host=httpx.URL(BASE).host).mock(side_effect=Swept(record).answer)
        async with calling(app) as client:
            for each in (*record, record[3] | {"status": NAME}):
                await client.put(f"/hook/{each['resourceType']}/{each['id']}", content=msgspec.json.encode(each))
            await client.put("/hook/Observation/o1", content=f'{{"resourceType": "{NAME}"'.encode())
            await until(audit.exists)
            text = (await client.get("/metrics")).text
            asked = [str(each.request.url) for each in router.calls]
    assert "trial_adapter_messages_total" in text
    check_events(audit)
    assert bool(told_in(text)) == leaks
    assert told_in(log_of(caplog), audit.read_text(), *asked) == []


def test_nothing_is_told_of_who_is_on_the_page(strict: Setup, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SMART: the page shows the name, and no address on the way to it, no log and no AuditEvent does."""
    audit = tmp_path / "audit.ndjson"
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "adapter")  # which `serve` sets, in tests before
    addresses: list[str] = []

    async def noted(answer: httpx.Response) -> None:  # httpx awaits it
        addresses.extend((str(answer.request.url), answer.headers.get("location", "")))

    async def steps(browser: Browser) -> httpx.Response:
        browser.http.event_hooks["response"].append(noted)
        return await browser.opened()

    answer = browse(strict, steps, Ehr(held=held()), audit=audit)
    assert answer.status_code == 200
    assert NAME in answer.text
    assert "Patient/p1" in audit.read_text()
    check_events(audit)
    assert told_in(log_of(caplog), audit.read_text(), *addresses) == []
