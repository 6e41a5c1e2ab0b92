import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter import cli
from tests.conftest import ROOT
from tests.unit.screening.records import bundle, condition, ecog, of, patient

Write = Callable[[str, bytes], Path]
STUDY = "nct07008872"
SITES = ROOT / "demo" / "sites"


@pytest.fixture
def record(write: Write) -> Path:
    """A woman with AML and ECOG 3, which is too high for STUDY; an infection that excludes or not."""
    coded = {"system": "http://hospital.example.org/codes", "code": "\x1b[31mX1"}
    data = bundle(patient(), condition("c1", of()), ecog("e1", of(), 3), condition("c2", of(), coded))
    return write("p1.json", data)


def run(*arguments: object) -> int:
    """The command line in this process."""
    return cli.main([str(argument) for argument in arguments])


def test_one_study_prints_one_object(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON form is the contract's, for the instant asked for."""
    code = run("evaluate", "--study", STUDY, "--patient", record, "--as-of", "2026-03-01", "--format", "json")
    verdict = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (verdict["study"], verdict["subject"], verdict["asOf"]) == (STUDY, "Patient/p1", "2026-03-01T23:59:59.999Z")
    assert verdict["decision"] == "ineligible"


def test_several_studies_print_a_list_in_the_order_asked(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each study once, as asked."""
    asked = ("senl-t7", STUDY, "senl-t7")
    options = [option for study in asked for option in ("--study", study)]
    assert run("evaluate", *options, "--patient", record, "--format", "json") == 0
    assert [verdict["study"] for verdict in json.loads(capsys.readouterr().out)] == ["senl-t7", STUDY]


def test_the_text_says_what_a_criterion_means_for_the_patient(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What keeps the patient out is a warning, with whether it will for good, in words and not in colours alone."""
    assert run("evaluate", "--study", STUDY, "--patient", record, "--as-of", "2026-03-01") == 0
    text = capsys.readouterr().out
    assert "INELIGIBLE FOR NOW" in text
    assert "Ruled out by I5 (for now)" in text
    assert "✗ I5   ECOG 0 to 2  [RULES OUT: for now]" in text
    assert "3 on 2026-02-20 (not: at most 2)  <value-fails, Observation/e1>" in text
    assert "This study is not recruiting (registry: not-yet-recruiting)" in text


def test_a_status_that_the_registry_does_not_know_is_not_a_no(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`unknown` says that nobody has updated the entry, not that nobody is taken."""
    assert run("evaluate", "--study", "cd7-cart01", "--patient", record, "--as-of", "2026-03-01") == 0
    assert "This study is not known to be recruiting (registry: unknown)" in capsys.readouterr().out


def test_the_text_names_what_is_open_and_what_would_settle_it(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each as an instruction: examinations before questions to people, whose consent is the last."""
    assert run("evaluate", "--study", "4scar7u", "--patient", record, "--as-of", "2026-03-01") == 0
    said = capsys.readouterr().out.partition("What is still open\n")[2]
    order = ["examination, of the last 30 days: Karnofsky", "the investigator's judgement", "consent to this study"]
    assert [said.index(each) for each in order] == sorted(said.index(each) for each in order)


def test_a_record_can_not_steer_the_terminal(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in codes and texts are shown as such, never sent."""
    assert run("evaluate", "--study", STUDY, "--patient", record) == 0
    text = capsys.readouterr().out
    assert "1 entry with codes that no map knows" in text
    assert "Condition/c2: http://hospital.example.org/codes|�[31mX1" in text
    assert "\x1b" not in text


def test_an_exclusion_that_is_not_met_does_not_exclude(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Pregnancy doesn't apply to a man: not met, which is good."""
    record = write("p1.json", bundle(patient(gender="male"), condition("c1", of())))
    assert run("evaluate", "--study", "nct04785833", "--patient", record) == 0
    assert "✓ E5   Pregnant or breast-feeding (either excludes)  [does not exclude]" in capsys.readouterr().out


@pytest.mark.parametrize("format_", ["text", "fhir"])
@pytest.mark.parametrize("site", sorted(path.name for path in SITES.iterdir() if path.is_dir()))
def test_what_would_settle_a_trial_of_any_site_is_told(
    site: str, format_: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of somebody of whom nothing is known every need is told, in days or in hours."""
    studies = [path.stem for path in sorted((SITES / site / "trials").glob("*.yaml"))]
    asked = [option for study in studies for option in ("--study", study)]
    nobody = write("p1.json", bundle(patient()))
    assert run("evaluate", "--site", SITES / site, *asked, "--patient", nobody, "--format", format_) == 0
    said = capsys.readouterr()
    assert not said.err
    assert all(study in said.out for study in studies)
