"""`$evaluate` of patients of a real HAPI FHIR that, as a stock one does, answers searches from earlier ones."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from adapter.screening.settings import servers_from
from adapter.service.serve import server
from adapter.service.settings import Settings as ServiceSettings
from tests.integration.hapi.client import Hapi
from tests.integration.hapi.server import Process, Settings
from tests.integration.proxy.faults import Fault, Faults
from tests.integration.proxy.proxy import Proxy
from tests.integration.screening.hospital import AS_OF, Hospital, Json, evaluate, open_hospital

OpenProxy = Callable[[str], Proxy]
REUSE = 60_000
STARTING = 60


@contextmanager
def serving(record_url: str) -> Iterator[httpx.Client]:
    """The service in a thread, on a free port, asking the record server; yields a client of it."""
    settings = ServiceSettings(servers=servers_from({"TRIAL_ADAPTER_FHIR_URL": record_url}))
    running = server(settings, "127.0.0.1", 0)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until = time.monotonic() + STARTING
    while not running.started:
        assert thread.is_alive()
        assert time.monotonic() < until
        time.sleep(0.02)
    host, port = running.servers[0].sockets[0].getsockname()[:2]
    try:
        with httpx.Client(base_url=f"http://{host}:{port}/fhir", timeout=60) as client:
            yield client
    finally:
        running.should_exit = True
        thread.join(STARTING)


@pytest.fixture(scope="module")
def hospital(start_hapi: Callable[..., Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """A cohort on a server that reuses searches."""
    hapi = Hapi(start_hapi(Settings(search_reuse_ms=REUSE)).url)
    yield open_hospital(hapi, tmp_path_factory.mktemp("cohort"), patients=6)
    hapi.http.close()


@pytest.fixture(scope="module")
def service(hospital: Hospital) -> Iterator[httpx.Client]:
    """A service that asks this server."""
    with serving(hospital.hapi.url) as client:
        yield client


def asked(service: httpx.Client, *subjects: str, study: str | None = None) -> list[Json]:
    """The resources that `$evaluate` answers with."""
    path = f"/ResearchStudy/{study}/$evaluate" if study else "/ResearchStudy/$evaluate"
    answer = service.get(path, params=[*(("subject", each) for each in subjects), ("asOf", AS_OF)])
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json()["entry"]]


def statuses(resources: list[Json]) -> dict[tuple[str, str], str]:
    """The status of each ResearchSubject, by patient and study."""
    return {
        (each["individual"]["reference"], each["study"]["reference"].partition("/")[2]): each["status"]
        for each in resources
        if each["resourceType"] == "ResearchSubject"
    }


def test_http_gives_the_verdicts_of_files(
    hospital: Hospital, service: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """For each patient and trial the status is the decision that the command line takes on the patient's file."""
    for patient in hospital.patients:
        from_file = evaluate(capsys, Path(hospital.folder / f"{patient}.json"))
        expected = {(f"Patient/{patient}", each["study"]): each["decision"] for each in from_file}
        assert statuses(asked(service, f"Patient/{patient}")) == expected


def test_a_group_is_its_members(hospital: Hospital, service: httpx.Client) -> None:
    """Several patients in one answer, the same as one by one."""
    chosen = hospital.patients[:2]
    members = [{"entity": {"reference": f"Patient/{each}"}} for each in chosen]
    hospital.hapi.put({"resourceType": "Group", "id": "ward", "type": "person", "actual": True, "member": members})
    together = statuses(asked(service, "Group/ward"))
    assert together == {
        key: status for each in chosen for key, status in statuses(asked(service, f"Patient/{each}")).items()
    }


def test_a_new_result_counts_at_once(hospital: Hospital, service: httpx.Client) -> None:
    """Where another client's search is still answered as it was before, the verdict is of now."""
    about = {"subject": {"reference": "Patient/fresh"}}
    t_all = {"coding": [{"system": "http://snomed.info/sct", "code": "277575008"}]}
    ecog = {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]}
    hospital.hapi.put(
        {"resourceType": "Patient", "id": "fresh", "birthDate": "1990-05-05"},
        {"resourceType": "Condition", "id": "fresh-c", "code": t_all, **about},
    )
    result = {"resourceType": "Observation", "status": "final", "code": ecog, **about}
    search = "Observation?patient=Patient/fresh"

    def found() -> int:
        return len(hospital.hapi.read(search).get("entry", []))

    seen = []
    for number, (day, score) in enumerate((("2026-02-20", 1), ("2026-02-21", 4))):
        hospital.hapi.put(result | {"id": f"fresh-{number}", "effectiveDateTime": day, "valueInteger": score})
        (status,) = statuses(asked(service, "Patient/fresh", study="nct04785833")).values()
        seen.append((status, found()))
    assert seen == [("potential-candidate", 1), ("ineligible", 1)]


def test_one_patient_takes_at_most_two_round_trips(hospital: Hospital, open_proxy: OpenProxy) -> None:
    """For all trials, once the service knows what the server can do; two where there are Medications to fetch."""
    proxy = open_proxy(hospital.hapi.url)
    with serving(proxy.url) as service:
        asked(service, f"Patient/{hospital.patients[0]}")
        for patient in hospital.patients:
            proxy.requests.clear()
            asked(service, f"Patient/{patient}")
            assert 1 <= len(proxy.requests) <= 2


def test_who_is_not_there_is_not_found(service: httpx.Client) -> None:
    """404, never a verdict on an empty record."""
    answer = service.get("/ResearchStudy/$evaluate", params={"subject": "Patient/nobody"})
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_MIDDLE, Fault.STATUS_500, Fault.HTML])
def test_a_failing_server_is_a_503_that_tells_nothing_of_the_patient(
    hospital: Hospital, open_proxy: OpenProxy, fault: Fault
) -> None:
    """Whatever goes wrong there, and however often it was tried."""
    proxy = open_proxy(hospital.hapi.url)
    patient = hospital.patients[0]
    proxy.faults = Faults(seed=1, rate=1, kinds=(fault,), only=patient.encode())
    with serving(proxy.url) as service:
        answer = service.get("/ResearchStudy/$evaluate", params={"subject": f"Patient/{patient}", "asOf": AS_OF})
    assert answer.status_code == 503
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert patient not in answer.text
    assert len(proxy.requests) > 2
