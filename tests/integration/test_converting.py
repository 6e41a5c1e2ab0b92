"""What conversion makes, on a real server: valid, and taken twice without anything new."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapter import cli
from adapter.fhir.client import ServerSettings
from adapter.screening.convert import Conversion, convert, load_bundles
from adapter.screening.setup import Setup
from mappings.patient import Converted, PatientKey, PatientPart, made
from tests.golden.omop.regenerate import EXAMPLE
from tests.golden.sheet.regenerate import FOLDER
from tests.integration.hapi.client import Hapi
from tests.unit.patient.converting import ORIGIN

Json = dict[str, Any]
MOST_TOLERATED = "warning"
"""LOINC and SNOMED CT are not on the server, narratives are not written: both are warnings."""


def versions(hapi: Hapi, out: Path) -> dict[str, str]:
    """The version of everything of the Bundles that the server has."""
    found = {}
    for path in (out / "bundles").iterdir():
        patient, *others = msgspec.json.decode(path.read_bytes())["entry"]
        for stored in hapi.http.get(f"Patient?{patient['request']['ifNoneExist']}").json()["entry"]:
            found[patient["fullUrl"]] = stored["resource"]["meta"]["versionId"]
        for entry in others:
            url = entry["request"]["url"]
            found[url] = hapi.read(url)["meta"]["versionId"]
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ["csv", str(FOLDER / "screening.csv"), "--mapping", str(FOLDER / "mapping.yaml")],
        ["omop", str(EXAMPLE), "--system", "http://hospital.example.org/omop-patients"],
    ],
    ids=["csv", "omop"],
)
def test_bundles_are_valid_and_loading_them_twice_changes_nothing(
    arguments: list[str], hapi_with_package: Hapi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """$validate finds no error; the second time nothing is created, and every version stays."""
    command = ["convert", *arguments, "--out", str(tmp_path), "--server", hapi_with_package.url]
    assert cli.main(command) == 0
    for path in (tmp_path / "bundles").iterdir():
        said = hapi_with_package.validate(msgspec.json.decode(path.read_bytes()))
        assert [each for each in said if each.severity != MOST_TOLERATED] == [], path.name
    before = versions(hapi_with_package, tmp_path)
    assert len(before) > 10
    capsys.readouterr()
    assert cli.main(command) == 0
    assert ": 0 created" in capsys.readouterr().out
    assert versions(hapi_with_package, tmp_path) == before


def test_results_are_attached_to_the_patient_whom_the_server_has(hapi: Hapi, tmp_path: Path, strict: Setup) -> None:
    """The server's own Patient stays as it is, also where the source leads it is only updated."""
    key = PatientKey("http://hospital.example.org/convert", "known")
    hapi.put({"resourceType": "Patient", "id": "convert-known", "identifier": [key.identifier], "gender": "female"})
    elements = {"status": "final", "code": {"text": "Hb"}, "subject": key.reference, "valueInteger": 1}
    result = made("Observation", ("known", "1"), elements)
    for leads, version in ((False, "1"), (True, "2")):
        unit = Converted(
            patients=(PatientPart(key=key, elements={"birthDate": "1990"}, leads=leads),),
            resources=(result,),
            origin=ORIGIN,
        )
        convert([unit], Conversion(out=tmp_path, terminology=strict.terminology))
        assert load_bundles(tmp_path, ServerSettings(url=hapi.url)).refused == 0
        assert hapi.read("Patient/convert-known")["meta"]["versionId"] == version
        assert hapi.read(f"Observation/{result['id']}")["subject"] == {"reference": "Patient/convert-known"}
    assert hapi.read("Patient/convert-known")["birthDate"] == "1990"
    assert hapi.count(f"Patient?identifier={key.system}|{key.value}") == 1


def test_a_bundle_loads_as_the_file_that_it_is(hapi: Hapi, tmp_path: Path, strict: Setup) -> None:
    """With any HTTP client, twice."""
    key = PatientKey("http://hospital.example.org/convert", "by curl")
    result = made("Observation", ("curl",), {"status": "final", "code": {"text": "Hb"}, "subject": key.reference})
    unit = Converted(patients=(PatientPart(key=key),), resources=(result,), origin=ORIGIN)
    convert([unit], Conversion(out=tmp_path, terminology=strict.terminology))
    (path,) = (tmp_path / "bundles").iterdir()
    for _ in range(2):
        headers = {"Content-Type": "application/fhir+json"}
        hapi.http.post("", content=path.read_bytes(), headers=headers).raise_for_status()
    assert hapi.count(f"Patient?identifier={key.system}|{key.value}") == 1
    assert hapi.read(f"Observation/{result['id']}")["meta"]["versionId"] == "1"
