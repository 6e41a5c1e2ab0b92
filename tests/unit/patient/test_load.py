"""Loading converted Bundles: in parts, once each, on from where it stopped; what a server may do wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import respx

from adapter.errors import NoAccessError, UnreachableError
from adapter.fhir.client import ServerSettings
from adapter.screening.convert import Conversion, Loaded, convert, load_bundles
from adapter.screening.setup import Setup
from mappings.patient import PatientKey, Unit
from tests.unit.patient.converting import ANNA, converted, haemoglobin

URL = "https://fhir.example.org/base"
SERVER = ServerSettings(url=URL, attempts=1)
PATIENTS = [ANNA, *(PatientKey(ANNA.system, f"P{number}") for number in range(5))]


@pytest.fixture
def out(tmp_path: Path, strict: Setup) -> Path:
    """Bundles of six patients, the first with more results than go into one transaction."""
    many = converted(*(haemoglobin(code=f"1{number}-7") for number in range(450)))
    units: list[Unit] = [many, *(converted(haemoglobin(key=key), key=key, place=key.value) for key in PATIENTS[1:])]
    convert(units, Conversion(out=tmp_path, terminology=strict.terminology))
    return tmp_path


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    """A FHIR server that answers as it is told."""
    with respx.mock(assert_all_called=False) as router:
        yield router


def accept(request: httpx.Request) -> httpx.Response:
    """Everything is created."""
    entries = [{"response": {"status": "201 Created"}} for _ in sent(request)]
    return httpx.Response(200, json={"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


def sent(request: httpx.Request) -> list[dict[str, Any]]:
    """The entries of a transaction."""
    found: list[dict[str, Any]] = msgspec.json.decode(request.content)["entry"]
    return found


def test_a_large_bundle_goes_in_parts_each_with_its_patient(out: Path, server: respx.MockRouter) -> None:
    """References to the Patient hold in every part; the server gives a new Patient its id."""
    route = server.post(URL).mock(side_effect=accept)
    loaded = load_bundles(out, SERVER)
    transactions = [sent(call.request) for call in route.calls]
    assert sorted(len(entries) for entries in transactions) == [3, 3, 3, 3, 3, 52, 201, 201]
    for entries in transactions:
        patient = entries[0]
        assert "id" not in patient["resource"]
        assert {each["resource"].get("subject", {}).get("reference") for each in entries[1:]} <= {
            patient["fullUrl"],
            None,
        }
    assert loaded == Loaded(answers=loaded.answers, earlier=0, refused=0)
    assert loaded.answers == {"201": sum(map(len, transactions))}


def test_it_goes_on_where_it_was_interrupted(out: Path, server: respx.MockRouter) -> None:
    """What the server has taken is not sent again; when all is taken, the next run is a new one."""
    taken: list[httpx.Request] = []

    def three(request: httpx.Request) -> httpx.Response:
        if len(taken) == 3:
            raise httpx.ConnectError(str(request.url))
        taken.append(request)
        return accept(request)

    route = server.post(URL).mock(side_effect=three)
    with pytest.raises(UnreachableError):
        load_bundles(out, SERVER)
    before = {request.content for request in taken}
    route.mock(side_effect=accept)
    calls = len(route.calls)
    loaded = load_bundles(out, SERVER)
    after = {call.request.content for call in list(route.calls)[calls:]}
    assert (loaded.earlier, len(after)) == (3, 5)
    assert before.isdisjoint(after)
    assert not (out / ".loaded").exists()
    calls = len(route.calls)
    assert load_bundles(out, SERVER).earlier == 0
    assert len(route.calls) - calls == 8


def test_what_is_refused_is_kept_and_the_rest_goes_on(out: Path, server: respx.MockRouter) -> None:
    """The next run tries just that again."""
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "invalid", "diagnostics": "no"}],
    }

    def all_but_anna(request: httpx.Request) -> httpx.Response:
        is_annas = sent(request)[0]["fullUrl"] == ANNA.full_url
        return httpx.Response(422, json=outcome) if is_annas else accept(request)

    route = server.post(URL).mock(side_effect=all_but_anna)
    assert load_bundles(out, SERVER).refused == 3
    lines = [msgspec.json.decode(line) for line in (out / "refused.ndjson").read_bytes().splitlines()]
    assert {line["bundle"] for line in lines} == {f"{ANNA.id}.json"}
    assert "no" in lines[0]["details"]
    route.mock(side_effect=accept)
    loaded = load_bundles(out, SERVER)
    assert (loaded.earlier, loaded.refused) == (5, 0)
    assert not (out / "refused.ndjson").exists()


def test_another_server_gets_everything(out: Path, server: respx.MockRouter) -> None:
    """What one has taken says nothing of another."""
    server.post(URL).mock(side_effect=[httpx.Response(401)])
    with pytest.raises(NoAccessError):
        load_bundles(out, SERVER)
    other = server.post("https://other.example.org/base").mock(side_effect=accept)
    load_bundles(out, ServerSettings(url="https://other.example.org/base", attempts=1))
    assert len(other.calls) == 8


def test_progress_counts_the_bundles(out: Path, server: respx.MockRouter) -> None:
    """Of how many, and at last all."""
    server.post(URL).mock(side_effect=accept)
    heard: list[tuple[int, int]] = []
    load_bundles(out, SERVER, lambda done, total: heard.append((done, total)))
    assert heard == [(number, 6) for number in range(1, 7)]
