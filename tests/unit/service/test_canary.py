"""A patient who can be told by every word: none of them gets into a log, an address or an AuditEvent."""

import json
import logging
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import httpx
import msgspec
import pytest
import respx

from adapter.screening.setup import Setup
from adapter.service.middleware import JsonLines
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import EVALUATE, Caller, Json, app_with, parameters
from tests.unit.service.test_cds import call, prefetch_of
from tests.unit.service.test_server_data import PatientsServer
from tests.unit.service.test_smart import US, Browser, Ehr, browse

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
    audit, record = tmp_path / "audit.ndjson", held(broken=broken)
    caplog.set_level(logging.DEBUG)
    caller = Caller(
        app_with(strict, audit=audit, matching=(ip_network("127.0.0.0/8"),), cds_servers=(BASE,), public_url=US)
    )
    with respx.mock(assert_all_called=False) as router:
        router.route(host=httpx.URL(BASE).host).mock(side_effect=server(record).answer)
        answer = WAYS[way](caller, record)
        asked = [str(each.request.url) for each in router.calls]
    assert bool(asked) == (way == "fetched_cards")
    assert answer.status_code == (412 if server is Complaining else 200)
    events = audit.read_text()
    assert json.loads(events.splitlines()[0])["resourceType"] == "AuditEvent"
    written = [log_of(caplog), events, *asked, str(dict(answer.headers))]
    assert "/" in written[0]
    assert not [(each, text) for text in written for each in CANARY if each in text]


def test_nothing_is_told_of_who_is_on_the_page(strict: Setup, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SMART: the page shows the name, and no address on the way to it, no log and no AuditEvent does."""
    audit = tmp_path / "audit.ndjson"
    caplog.set_level(logging.DEBUG)
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
    written = [log_of(caplog), audit.read_text(), *addresses]
    assert not [(each, text) for text in written for each in CANARY if each in text]
