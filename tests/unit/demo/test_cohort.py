"""The demo cohort: reproducible, big enough, valid FHIR R4, and a record of everything that the stories tell."""

import json
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from demo.cohort import AS_OF, PATIENTS, SEED, cohort, main
from demo.story import deal, stories

ROOT = Path(__file__).parents[3]

Records = dict[str, tuple[str, bytes]]


@pytest.fixture(scope="module")
def records() -> Records:
    """Patient id -> story and Bundle, of the cohort that `make demo` screens."""
    return {patient_id: (story.name, content) for patient_id, story, content in cohort()}


def resources(content: bytes) -> list[dict[str, Any]]:
    """The resources of a Bundle."""
    return [entry["resource"] for entry in json.loads(content)["entry"]]


def test_same_seed_same_bytes(records: Records) -> None:
    """The same seed writes the same bytes."""
    assert {patient_id: (story.name, content) for patient_id, story, content in cohort()} == records


def test_other_seed_other_patients(records: Records) -> None:
    """Another seed writes other patients: no Bundle is the same."""
    other = {content for _, _, content in cohort(40, SEED + 1)}
    assert other.isdisjoint(content for _, content in records.values())


def test_the_size_that_was_asked(records: Records) -> None:
    """The usual cohort has at least 300 patients, and any other size is what was asked for."""
    assert len(records) == PATIENTS >= 300
    assert [len(deal(stories(), size, SEED)) for size in (1, 50, 1000)] == [1, 50, 1000]


def test_every_story_is_told(records: Records) -> None:
    """Each story has a patient, and the more common it is, the more."""
    told = Counter(story for story, _ in records.values())
    assert set(told) == {story.name for story in stories()}
    weights = {story.name: story.weight for story in stories()}
    assert told["diabetes"] > told["cns-leukaemia"] >= told["birth-unknown"]
    assert weights["diabetes"] > weights["cns-leukaemia"] > weights["birth-unknown"]


def test_no_two_patients_alike(records: Records) -> None:
    """Patients of one story differ: no two have the same birth date and the same results."""
    seen = Counter(
        json.dumps([{k: v for k, v in r.items() if k not in {"id", "meta", "subject", "identifier"}} for r in found])
        for found in (resources(content) for _, content in records.values())
        if len(found) > 2
    )
    assert max(seen.values()) == 1


def test_valid_r4(records: Records) -> None:
    """A sample of Bundles, one of each story at least every other time, validates against the R4B models."""
    names: set[str] = set()
    for story, content in list(records.values())[::5]:
        Bundle.model_validate_json(content)
        names.add(story)
    assert len(names) > 40


def test_the_models_do_check(records: Records) -> None:
    """A Bundle with a wrong status or a missing code does not validate, so the test above can fail."""
    _, content = records["p0001"]
    broken = json.loads(content)
    broken["entry"].append({"resource": {"resourceType": "Observation", "status": "final"}})
    with pytest.raises(ValidationError):
        Bundle.model_validate(broken)


def test_ids_and_references(records: Records) -> None:
    """Ids are unique in a Bundle, carry a version, and each resource is about the Bundle's one patient."""
    for patient_id, (_, content) in records.items():
        found = resources(content)
        keys = [(r["resourceType"], r["id"]) for r in found]
        assert len(set(keys)) == len(keys)
        assert all(r["meta"]["versionId"] for r in found)
        assert [r["id"] for r in found if r["resourceType"] == "Patient"] == [patient_id]
        about = {
            (r.get("subject") or r["patient"])["reference"]
            for r in found
            if r["resourceType"] not in {"Patient", "Medication"}
        }
        assert about <= {f"Patient/{patient_id}"}


def test_referenced_medications_are_there(records: Records) -> None:
    """Every Medication that a resource refers to is contained in it or in the Bundle."""
    referred = 0
    for _, content in records.values():
        found = resources(content)
        there = {f"{r['resourceType']}/{r['id']}" for r in found}
        for resource in found:
            if "medicationReference" in resource:
                referred += 1
                target = resource["medicationReference"]["reference"]
                assert target in there or target in {f"#{c['id']}" for c in resource.get("contained", ())}
    assert referred > 0


def test_nothing_lies_in_the_future(records: Records) -> None:
    """Nothing happens after the day on which the cohort is looked at."""
    elements = ("effectiveDateTime", "onsetDateTime", "recordedDate", "performedDateTime", "authoredOn", "dateTime")
    dates = [r[e] for _, content in records.values() for r in resources(content) for e in elements if e in r]
    assert max(moment[:10] for moment in dates) <= AS_OF.isoformat()


def test_as_of_moves_the_cohort() -> None:
    """Looked at on another day, the patients are as old and their results as fresh."""
    for _, _, content in cohort(30, SEED, date(2024, 2, 29)):
        newest = max(r["meta"]["lastUpdated"][:10] for r in resources(content))
        assert newest == "2024-02-29"


def test_forms_that_the_reader_meets(records: Records) -> None:
    """The cohort holds each form of value, date, status and resource that stands in the stories' plan."""
    found = [r for _, content in records.values() for r in resources(content)]
    elements = {key for r in found for key in r}
    assert elements >= {
        "valueQuantity",
        "valueInteger",
        "valueCodeableConcept",
        "valueString",
        "valueRange",
        "valueRatio",
        "valueBoolean",
        "dataAbsentReason",
        "interpretation",
        "component",
        "effectiveDateTime",
        "effectiveInstant",
        "effectivePeriod",
        "issued",
        "onsetAge",
        "abatementDateTime",
        "deceasedBoolean",
        "deceasedDateTime",
    }
    assert {r["status"] for r in found if r["resourceType"] == "Observation"} == {
        "final",
        "amended",
        "corrected",
        "preliminary",
        "registered",
        "entered-in-error",
    }
    types = Counter(r["resourceType"] for r in found)
    for name in ("Administration", "Statement", "Request", "Dispense"):
        assert types[f"Medication{name}"] > 0
    units = {r["valueQuantity"].get("code") or r["valueQuantity"].get("unit") for r in found if "valueQuantity" in r}
    assert units >= {
        "g/L",
        "g/dL",
        "mmol/L",
        "gm/dL",
        "umol/L",
        "mg/dL",
        "mg%",
        "U/L",
        "ukat/L",
        "IU/L",
        "%",
        "1",
        None,
    }


def test_command_line(tmp_path: Path) -> None:
    """`python -m demo.cohort` writes one file a patient, and nothing else, the same as the function gives."""
    command = [sys.executable, "-m", "demo.cohort", "--out", str(tmp_path / "out"), "--patients", "3", "--list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603  # our own command
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written == {f"{patient_id}.json": content for patient_id, _, content in cohort(3)}
    assert len(done.stdout.splitlines()) == 4


def test_a_folder_that_can_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what to do."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "argv", ["cohort", "--out", str(tmp_path / "file")])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == f"{tmp_path / 'file'}: File exists; name another folder with --out\n"
