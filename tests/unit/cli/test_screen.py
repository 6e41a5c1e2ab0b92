import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapter import cli
from adapter.criteria.truth import Truth
from adapter.evaluator.verdict import to_json
from adapter.screening.screen import evaluate_file
from adapter.screening.setup import SiteConfig, load_setup
from tests.unit.screening.records import T_ALL, bundle, condition, ecog, lines, of, patient

Write = Callable[[str, bytes], Path]


@pytest.fixture
def hospital(write: Write, tmp_path: Path) -> Path:
    """Three patients with a disease that trials ask for, one without."""
    for number in range(1, 4):
        name = f"p{number}"
        resources = (patient(name), condition(f"c{number}", of(name), T_ALL), ecog(f"e{number}", of(name), number))
        write(f"hospital/{name}.json", bundle(*resources))
    write("hospital/p4.json", bundle(patient("p4")))
    return tmp_path / "hospital"


def screen(source: Path, out: Path, *more: str) -> int:
    """The command on the day of the tests."""
    return cli.main(["screen", "--source", str(source), "--out", str(out), "--as-of", "2026-03-01", *more])


def verdicts(out: Path) -> list[dict[str, Any]]:
    """What was written."""
    return [json.loads(line) for line in (out / "verdicts.ndjson").read_bytes().splitlines()]


def test_every_patient_with_an_indication_gets_a_line(
    hospital: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the source's order, a study at a time; the table counts the same."""
    assert screen(hospital, tmp_path / "out", "--study", "nct04785833", "--study", "senl-t7") == 0
    written = verdicts(tmp_path / "out")
    assert [(v["subject"], v["study"]) for v in written] == [
        (f"Patient/p{number}", study) for number in (1, 2, 3) for study in ("nct04785833", "senl-t7")
    ]
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["nct04785833", "0", "2", "1", "0", "1", "0", "0"] in table
    assert ["I6", "ECOG", "0", "to", "2", "2", "1", "0", "2"] in table


def test_all_studies_are_screened_for_unless_some_are_named(hospital: Path, tmp_path: Path) -> None:
    """Five trials ship; all of them want T-ALL."""
    assert screen(hospital, tmp_path / "out") == 0
    assert {verdict["study"] for verdict in verdicts(tmp_path / "out")} == {
        "4scar7u",
        "cd7-cart01",
        "nct04785833",
        "nct07008872",
        "senl-t7",
    }


def test_all_writes_those_without_indication_too(hospital: Path, tmp_path: Path) -> None:
    """The fourth patient has no disease that a trial asks for."""
    assert screen(hospital, tmp_path / "out", "--study", "senl-t7", "--all") == 0
    assert [verdict["subject"] for verdict in verdicts(tmp_path / "out")] == [f"Patient/p{n}" for n in (1, 2, 3, 4)]


def test_any_number_of_jobs_writes_the_same_bytes(hospital: Path, tmp_path: Path, write: Write) -> None:
    """Order and content don't depend on who did the work, failures included."""
    write("hospital/p2b.json", b"{")
    assert [screen(hospital, tmp_path / jobs, "--jobs", jobs) for jobs in ("1", "2")] == [1, 1]
    for name in ("verdicts.ndjson", "needs.json", "failures.ndjson"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes() != b""


def test_needs_name_value_sets_whose_codes_stand_once(hospital: Path, tmp_path: Path) -> None:
    """Put back from needs.json, the lines are what `evaluate` says; the file is the same whoever is screened."""
    assert screen(hospital, tmp_path / "out", "--all") == 0
    beside = json.loads((tmp_path / "out/needs.json").read_bytes())
    setup = load_setup(SiteConfig(), None)
    named: set[str] = set()
    for line in verdicts(tmp_path / "out"):
        assert line["terminology"] == beside["terminology"]
        for need in needs_in(line):
            if "valueSet" in need:
                named.add(need["valueSet"])
                need["codes"] = beside["valueSets"][need.pop("valueSet")]
            else:
                assert len(need["codes"]) <= 1
        record = hospital / f"{str(line['subject']).removeprefix('Patient/')}.json"
        told = evaluate_file(record, setup, datetime.fromisoformat(line["asOf"])).verdicts
        assert line in [to_json(each) for each in told]
    assert len(named) > 10
    assert screen(hospital / "p4.json", tmp_path / "none") == 0
    assert (tmp_path / "none/needs.json").read_bytes() == (tmp_path / "out/needs.json").read_bytes()


def needs_in(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The data needs of a verdict, or of a criterion and its parts."""
    below = [each for name in ("criteria", "parts") for part in told.get(name, ()) for each in needs_in(part)]
    return [*told["missing"], *below]


def test_bulk_data_and_bundles_give_the_same_verdicts(hospital: Path, tmp_path: Path, write: Write) -> None:
    """How the data came makes no difference to what they say."""
    files = [json.loads(path.read_bytes()) for path in sorted(hospital.iterdir())]
    resources = [entry["resource"] for file in files for entry in file["entry"]]
    for kind in ("Condition", "Observation", "Patient"):
        write(f"bulk/{kind}.ndjson", lines(*(r for r in reversed(resources) if r["resourceType"] == kind)))
    write("bulk/Patient.ndjson", lines(*(r for r in resources if r["resourceType"] == "Patient")))
    assert [screen(hospital, tmp_path / "a"), screen(tmp_path / "bulk", tmp_path / "b")] == [0, 0]
    assert verdicts(tmp_path / "a") == verdicts(tmp_path / "b") != []


def test_a_file_that_can_not_be_read_is_named_and_the_rest_goes_on(
    hospital: Path, tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends with 1, says how many failed, and where the reasons are."""
    write("hospital/p0.json", b"no JSON")
    assert screen(hospital, tmp_path / "out", "--study", "senl-t7") == 1
    said = capsys.readouterr().err
    assert "failed: p0.json: it is not JSON" in said
    assert "trial-adapter: 1 of 5 could not be screened" in said
    assert len(verdicts(tmp_path / "out")) == 3
    failure = json.loads((tmp_path / "out/failures.ndjson").read_bytes())
    assert (failure["file"], failure["subject"]) == ("p0.json", None)


def test_results_never_land_among_the_patients(hospital: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Else the next screening would read them as patients."""
    assert screen(hospital, hospital) == 2
    assert "is the source" in capsys.readouterr().err
    assert not (hospital / "verdicts.ndjson").exists()


def test_nothing_but_the_results_is_left(hospital: Path, tmp_path: Path) -> None:
    """Temporary files, which hold patient data, are gone."""
    assert screen(hospital, tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "failures.ndjson",
        "needs.json",
        "research-subjects.ndjson",
        "unclear.ndjson",
        "verdicts.ndjson",
    ]


def test_the_trials_are_listed_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """The ids are those that the other commands take."""
    assert cli.main(["trials"]) == 0
    assert "nct07008872" in capsys.readouterr().out
    assert cli.main(["trials", "--json"]) == 0
    listed = {trial["id"]: trial for trial in json.loads(capsys.readouterr().out)}
    assert listed["cd7-cart01"]["completeness"] == "partial"
    assert listed["nct04785833"]["criteria"] == {"exclusion": 7, "inclusion": 8}


def test_an_unknown_truth_is_never_counted_as_a_no(hospital: Path, tmp_path: Path) -> None:
    """Patients of whom little is known are potential candidates, not ineligible ones."""
    assert screen(hospital, tmp_path / "out", "--study", "4scar7u") == 0
    for verdict in verdicts(tmp_path / "out"):
        criteria = verdict["criteria"]
        assert isinstance(criteria, list)
        assert {c["result"] for c in criteria} == {Truth.MET.value, Truth.UNKNOWN.value}
        assert verdict["decision"] == "potential-candidate"


def test_a_policy_past_its_last_day_is_told(
    hospital: Path, tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the counts, in every verdict, and in what is read about one patient."""
    policy = str(write("old.yaml", b"extends: problem-list\nid: old\nuntil: 2025-12-31\n"))
    assert screen(hospital, tmp_path / "out", "--policy", policy) == 0
    assert "the policy old: its last day was 2025-12-31" in capsys.readouterr().err
    assert verdicts(tmp_path / "out")[0]["issues"][0]["message"].startswith("its last day was 2025-12-31")
    record = str(next(hospital.glob("*.json")))
    cli.main(["evaluate", "--study", "senl-t7", "--patient", record, "--policy", policy, "--as-of", "2026-03-01"])
    assert "The policy old: its last day was 2025-12-31" in capsys.readouterr().out
