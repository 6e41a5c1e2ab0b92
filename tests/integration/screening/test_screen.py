"""Screening the patients of a real HAPI FHIR: the verdicts are those of the same patients from files."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter import cli
from tests.integration.hapi.client import Hapi
from tests.integration.proxy.faults import Fault, Faults
from tests.integration.proxy.proxy import Proxy
from tests.integration.screening.hospital import (
    AS_OF,
    Hospital,
    Json,
    by_subject,
    evaluate,
    lines,
    open_hospital,
    screen,
    verdicts,
)

OpenProxy = Callable[[str], Proxy]
ALL = ("--all",)
"""Verdicts without indication are compared too."""


@pytest.fixture(scope="module")
def hospital(empty_hapi: Hapi, tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """A cohort, on a server that holds nothing else."""
    return open_hospital(empty_hapi, tmp_path_factory.mktemp("cohort"), patients=12)


@pytest.fixture(scope="module")
def from_files(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Json]:
    """The verdicts that files give."""
    out = tmp_path_factory.mktemp("from-files")
    assert screen(hospital.folder, out, *ALL) == 0
    found = verdicts(out)
    assert {subject for subject, _ in found} == {f"Patient/{each}" for each in hospital.patients}
    assert len({each["decision"] for each in found.values()}) > 1
    return found


def test_a_server_gives_the_verdicts_of_files(
    hospital: Hospital, from_files: dict[tuple[str, str], Json], tmp_path: Path
) -> None:
    """All patients, all trials, every criterion with its evidence."""
    assert screen(hospital.hapi.url, tmp_path, *ALL) == 0
    assert verdicts(tmp_path) == from_files


def test_small_pages_and_few_requests_lose_nothing(
    hospital: Hospital,
    from_files: dict[tuple[str, str], Json],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pages of 20 resources, one request at a time."""
    monkeypatch.setenv("TRIAL_ADAPTER_FHIR_PAGE_SIZE", "20")
    monkeypatch.setenv("TRIAL_ADAPTER_FHIR_REQUESTS", "1")
    assert screen(hospital.hapi.url, tmp_path, *ALL) == 0
    assert verdicts(tmp_path) == from_files


def test_one_patient_takes_at_most_two_round_trips(hospital: Hospital, open_proxy: OpenProxy, tmp_path: Path) -> None:
    """For all five trials; beside what is asked once a screening: what the server can do, and who is there."""
    proxy = open_proxy(hospital.hapi.url)
    assert screen(proxy.url, tmp_path) == 0
    asked = Counter((each.method, each.path.partition("?")[0]) for each in proxy.requests)
    assert asked.pop(("GET", "/fhir/metadata")) == 1
    assert asked.pop(("GET", "/fhir/Patient")) == 1
    assert sum(asked.values()) <= 2 * len(hospital.patients)


def test_a_group_or_a_search_names_whom_to_screen(
    hospital: Hospital, from_files: dict[tuple[str, str], Json], tmp_path: Path
) -> None:
    """Only its members, with the same verdicts."""
    chosen = hospital.patients[:3]
    members = [{"entity": {"reference": f"Patient/{each}"}} for each in chosen]
    hospital.hapi.put({"resourceType": "Group", "id": "ward", "type": "person", "actual": True, "member": members})
    wanted = {key: each for key, each in from_files.items() if key[0].partition("/")[2] in chosen}
    for name, source in (("group", "Group/ward"), ("search", f"Patient?_id={','.join(chosen)}")):
        assert screen(f"{hospital.hapi.url}/{source}", tmp_path / name, *ALL) == 0
        assert verdicts(tmp_path / name) == wanted


@pytest.mark.parametrize("seed", [1, 2])
def test_a_server_that_fails_now_and_then_changes_no_verdict(
    hospital: Hospital, from_files: dict[tuple[str, str], Json], open_proxy: OpenProxy, tmp_path: Path, seed: int
) -> None:
    """A fifth of the requests go wrong: the verdicts are the same, or who has none is named; a second run adds them."""
    proxy = open_proxy(hospital.hapi.url)
    proxy.faults = Faults(seed=seed, rate=0.2, delay=0.05)
    code = screen(proxy.url, tmp_path, *ALL)
    assert {each.fault for each in proxy.requests} > {None}
    found = verdicts(tmp_path)
    failed = {each["subject"] for each in lines(tmp_path / "failures.ndjson")}
    assert found == {key: each for key, each in from_files.items() if key[0] not in failed}
    assert (code == 0) == (not failed)
    proxy.faults = None
    assert screen(proxy.url, tmp_path, *ALL) == 0
    assert verdicts(tmp_path) == from_files


def test_who_could_not_be_fetched_is_named_and_fetched_by_the_next_run(
    hospital: Hospital,
    from_files: dict[tuple[str, str], Json],
    open_proxy: OpenProxy,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One patient's requests always break off: the others have verdicts; the second run asks for that one only."""
    broken = hospital.patients[4]
    proxy = open_proxy(hospital.hapi.url)
    proxy.faults = Faults(seed=1, rate=1, kinds=(Fault.CUT_MIDDLE,), only=broken.encode())
    assert screen(proxy.url, tmp_path, *ALL) == 1
    assert f"1 of {len(hospital.patients)} could not be screened" in capsys.readouterr().err
    (failure,) = lines(tmp_path / "failures.ndjson")
    assert failure["subject"] == f"Patient/{broken}"
    assert verdicts(tmp_path) == {key: each for key, each in from_files.items() if key[0] != failure["subject"]}
    proxy.faults = None
    proxy.requests.clear()
    assert screen(proxy.url, tmp_path, *ALL) == 0
    assert verdicts(tmp_path) == from_files
    assert len([each for each in proxy.requests if broken.encode() in each.body or broken in each.path]) <= 2
    assert not [each for each in proxy.requests if hospital.patients[0].encode() in each.body]


def test_a_list_that_breaks_off_is_an_error_and_no_shorter_list(
    hospital: Hospital, open_proxy: OpenProxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The patients can't be listed: nothing is written, and one line says why."""
    proxy = open_proxy(hospital.hapi.url)
    proxy.faults = Faults(seed=1, rate=1, kinds=(Fault.HTML,), only=b"/fhir/Patient?")
    assert screen(proxy.url, tmp_path / "out") == 1
    assert "no JSON, or was cut off" in capsys.readouterr().err
    assert not (tmp_path / "out" / "verdicts.ndjson").exists()


def test_a_thousand_observations_are_all_read(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest of 1,100 results decides, wherever it lies among pages of 20."""
    record = json.loads((hospital.folder / f"{hospital.patients[0]}.json").read_bytes())
    head = [e["resource"] for e in record["entry"] if e["resource"]["resourceType"] in ("Patient", "Condition")]
    renamed = json.loads(json.dumps(head).replace(hospital.patients[0], "many"))
    ecog = [
        _ecog(number, f"{2020 + number % 6}-{1 + number % 12:02}-{1 + number % 28:02}", 1) for number in range(1099)
    ]
    newest = _ecog(777_777, "2026-02-27", 4)
    resources = [*renamed, *ecog[:600], newest, *ecog[600:]]
    for start in range(0, len(resources), 400):
        hospital.hapi.transact(resources[start : start + 400])
    entry = [{"resource": each} for each in resources]
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entry}))
    monkeypatch.setenv("TRIAL_ADAPTER_FHIR_PAGE_SIZE", "20")
    found = by_subject(evaluate(capsys, "many", "--server", hospital.hapi.url))
    assert found == by_subject(evaluate(capsys, file))
    criteria = {each["id"]: each for each in found["Patient/many", "nct04785833"]["criteria"]}
    assert criteria["I6"]["result"] == "not-met"
    assert criteria["I6"]["evidence"][0]["resource"] == f"Observation/{newest['id']}"


def _ecog(number: int, day: str, score: int) -> Json:
    return {
        "resourceType": "Observation",
        "id": f"many-ecog-{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]},
        "subject": {"reference": "Patient/many"},
        "effectiveDateTime": day,
        "valueInteger": score,
    }


@pytest.mark.parametrize("patient", ["nobody", "no body"])
def test_a_patient_who_is_not_there_is_an_error(
    hospital: Hospital, capsys: pytest.CaptureFixture[str], patient: str
) -> None:
    """Never a verdict of an empty record."""
    server = ("--server", hospital.hapi.url, "--as-of", AS_OF)
    assert cli.main(["evaluate", "--study", "senl-t7", "--patient", patient, *server]) == 2
    assert f"no Patient/{patient} on {hospital.hapi.url}; check the id" in capsys.readouterr().err
