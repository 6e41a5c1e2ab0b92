"""Screening what a real HAPI FHIR exports: the verdicts are those of the same patients from files."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.hapi.client import Hapi
from tests.integration.screening.hospital import Hospital, Json, open_hospital, screen, verdicts


@pytest.fixture(scope="module")
def hospital(empty_hapi: Hapi, tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """A cohort, on a server that holds nothing else."""
    return open_hospital(empty_hapi, tmp_path_factory.mktemp("cohort"), patients=12)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """HAPI asks for two minutes between looks; this one is done in seconds."""
    monkeypatch.setattr("adapter.fhir.client.bulk_export._LONGEST_WAIT", 1.0)


def without_issues(found: dict[tuple[str, str], Json]) -> dict[tuple[str, str], Any]:
    """Verdicts without what the source could not say: an export names the types of which no file came."""
    return {key: {name: value for name, value in each.items() if name != "issues"} for key, each in found.items()}


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("path", ["$export", "Patient/$export"])
def test_an_export_gives_the_verdicts_of_files(hospital: Hospital, tmp_path: Path, path: str) -> None:
    """All patients, all trials, every criterion with its evidence; nothing of the export is left."""
    files, out = tmp_path / "files", tmp_path / "out"
    assert screen(hospital.folder, files, "--all") == 0
    assert screen(f"{hospital.hapi.url}/{path}", out, "--all") == 0
    assert without_issues(verdicts(out)) == without_issues(verdicts(files))
    assert not (out / ".export").exists()


@pytest.mark.usefixtures("patience")
def test_a_group_is_exported(hospital: Hospital, tmp_path: Path) -> None:
    """Its members and nobody else."""
    members = [{"entity": {"reference": f"Patient/{each}"}} for each in hospital.patients[:3]]
    group = {"resourceType": "Group", "id": "three", "type": "person", "actual": True, "member": members}
    hospital.hapi.put(group)
    assert screen(f"{hospital.hapi.url}/Group/three/$export", tmp_path, "--all") == 0
    assert {subject for subject, _ in verdicts(tmp_path)} == {f"Patient/{each}" for each in hospital.patients[:3]}


@pytest.mark.usefixtures("patience")
def test_the_next_run_follows_the_server(hospital: Hospital, tmp_path: Path) -> None:
    """With a folder of its own, the export is brought up to date: the verdicts are those of the server of now."""
    source, kept = f"{hospital.hapi.url}/Patient/$export", ("--export-folder", str(tmp_path / "kept"))
    assert screen(source, tmp_path / "first", "--all", *kept) == 0
    older = hospital.patients[0]
    hospital.hapi.put({**hospital.hapi.read(f"Patient/{older}"), "birthDate": "1901-01-01"})
    assert screen(source, tmp_path / "second", "--all", *kept) == 0
    assert screen(hospital.hapi.url, tmp_path / "server", "--all") == 0
    first, second, now = (without_issues(verdicts(tmp_path / each)) for each in ("first", "second", "server"))
    assert second == now
    assert {subject for (subject, study) in now if now[subject, study] != first[subject, study]} == {f"Patient/{older}"}
