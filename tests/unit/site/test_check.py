"""`check` lists all that is wrong or doubtful in a site's files, each with file, line and what to do."""

import json
import re
from pathlib import Path

import pytest
import yaml

from adapter.cli import main
from adapter.criteria.value_set import ReleasedCodes
from mappings.site.check import Severity, check

HEAD = """\
id: own
version: 1.0.0
completeness: full
index: [epilepsy]
study: {title: A trial, status: recruiting}
"""
LOINC = "http://loinc.org"


def criteria(*written: str) -> str:
    """A trial with these criteria: `I1 age: {…}`."""
    lines = ["criteria:"]
    for each in written:
        id_, _, statement = each.partition(" ")
        kind = "inclusion" if id_.startswith("I") else "exclusion"
        lines.append(f"  - {{id: {id_}, kind: {kind}, label: x of {id_}, source: protocol, {statement}}}")
    return HEAD + "\n".join(lines) + "\n"


def concepts(line: str) -> str:
    """A concept of the site's own."""
    return f"conditions:\n  podagra:\n    title: Gout\n    exhaustive: []\n    codes:\n      - {line}\n"


def found(folder: Path, files: dict[str, str], **options: object) -> list[str]:
    """What check says, a line each, the folder left out."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    told = check(folder, **options)  # type: ignore[arg-type]  # as the case has it
    return [f"{Path(each.file).name}:{each.line}: {each.severity.value}: {each.said}" for each in told]


CONFLICTS: dict[str, tuple[list[str], str]] = {
    "two bounds on one value": (
        [
            "I1 'measurement: {analyte: haemoglobin, at-least: 100 g/L}'",
            "I2 'measurement: {analyte: haemoglobin, at-most: 9 g/dL}'",
        ],
        r"own\.yaml:8: error: criteria\[1\]: no haemoglobin meets both I1 and I2; correct a bound",
    ),
    "an exclusion at the same bound": (
        [
            "I1 'measurement: {analyte: haemoglobin, at-least: 100 g/L}'",
            "E1 'measurement: {analyte: haemoglobin, at-least: 100 g/L}'",
        ],
        r"own\.yaml:8: error: criteria\[1\]: I1 asks for what E1 forbids",
    ),
    "ages that don't meet": (
        ["I1 'age: {at-least: 18 a}'", "I2 'age: {less-than: 18 a}'"],
        r"own\.yaml:8: error: criteria\[1\]: no age meets both I1 and I2",
    ),
    "both sexes": (["I1 'sex: male'", "I2 'sex: female'"], r"I1 and I2 ask for both sexes at once"),
    "within one criterion": (
        [
            (
                "I1 'any-of: [{all-of: [{id: I1.1, label: a, age: {at-least: 18 a}}, "
                "{id: I1.2, label: b, age: {at-most: 16 a}}]}, {id: I1.3, label: c, sex: male}]'"
            ),
        ],
        r"own\.yaml:7: error: criteria\[0\]\.any-of\[0\]: I1 can never be met: no age meets both I1\.1 and I1\.2",
    ),
    "always met": (
        [
            (
                "I1 'any-of: [{id: I1.1, label: a, measurement: {analyte: haemoglobin, at-least: 70 g/L}}, "
                "{id: I1.2, label: b, measurement: {analyte: haemoglobin, at-most: 80 g/L}}]'"
            ),
        ],
        r"criteria\[0\]: I1 is always met by whoever has a value",
    ),
    "another unit was meant": (
        ["I1 'measurement: {analyte: haemoglobin, at-least: 70 g/dL}'"],
        r"error: criteria\[0\]: no possible value meets this bound: what is possible of haemoglobin is 20 to 260",
    ),
    "multiples of one limit": (
        ["I1 'measurement: {analyte: alt, at-most: 2 ULN}'", "I2 'measurement: {analyte: alt, more-than: 3 ULN}'"],
        r"error: criteria\[1\]: no alt meets both I1 and I2",
    ),
    "nothing is left of a diagnosis": (
        ["E1 'condition: {concepts: [aml], occurrence: ever, other-than: [malignancy, aml]}'"],
        r"error: criteria\[0\]: other-than leaves nothing of the concepts",
    ),
    "a beginning that is too late": (
        ["E1 'condition: {concepts: [aml], occurrence: ever, look-back: P6M, at-least-ago: P1Y}'"],
        r"error: criteria\[0\]: nothing began within 6 months and at least 1 year ago",
    ),
    "an infection without its tests": (
        ["E1 'condition: {concepts: [hiv], occurrence: ever}'"],
        r"warning: criteria\[0\]: tests decide hiv, and none is named: .* write tests: \[\{analyte: hiv-test\}\]",
    ),
    "a pregnancy that must not be": (
        ["I1 'not: {condition: {concepts: [pregnancy], sex-bound: true}}'"],
        r"warning: criteria\[0\]\.not: tests decide pregnancy, .*pregnancy-test",
    ),
    "a condition without which everybody is ruled out": (
        ["E1 'if: {id: E1.1, label: a, sex: female}, then: {id: E1.2, label: b, age: {less-than: 18 a}}'"],
        r"warning: criteria\[0\]: rules out everybody for whom the `if` is not met; write all-of",
    ),
    "the same below a not": (
        ["I1 'not: {if: {id: I1.1, label: a, sex: female}, then: {id: I1.2, label: b, age: {less-than: 18 a}}}'"],
        r"warning: criteria\[0\]\.not: rules out everybody",
    ),
    "an else without an if": (
        ["I1 'age: {at-least: 18 a}, else: {id: I1.1, label: a, sex: female}'"],
        r"error: criteria\[0\]: `else` stands beside `if` and `then`",
    ),
    "a pregnancy of men": (
        ["E1 'condition: {concepts: [pregnancy], tests: [{analyte: pregnancy-test}]}'"],
        r"warning: criteria\[0\]: asks men for pregnancy too, and leaves it open; write sex-bound: true",
    ),
    "half-lives that nobody knows": (
        ["E1 'exposure: {concepts: [metformin], half-lives: 5}'"],
        r"warning: criteria\[0\]: nobody has written down a half-life of metformin: .*; write half-life: P3D",
    ),
    "equivalents that nobody knows": (
        ["E1 'exposure: {concepts: [metformin], dose: {more-than: 10 mg/d}, equivalents: true}'"],
        r"error: criteria\[0\]: nobody has said which doses of metformin come to the same",
    ),
    "values too far apart": (
        ["I1 'measurement: {analyte: alt, at-most: 2 ULN, selection: any, times: 3, apart: P2M, window: P3M}'"],
        r"error: criteria\[0\]: no 3 values lie 2 months apart in the window of P3M",
    ),
    "a fall by more than all": (
        ["E1 'change: {analyte: creatinine, direction: fall, by: {more-than: 120 %}, since: highest}'"],
        r"error: criteria\[0\]: nothing falls by more than 100 %",
    ),
    "a copy whose number was forgotten": (
        ["I1 'sex: male'", "E1 'age: {at-least: 75 a}'", "E2 'age: {at-least: 75 a}'"],
        r"own\.yaml:9: warning: criteria\[2\]: E2 asks the same as E1; correct it, or take one of them out",
    ),
    "the same twice within one criterion": (
        ["E1 'any-of: [{id: E1.1, label: a, sex: male}, {id: E1.2, label: b, sex: male}]'"],
        r"warning: criteria\[0\]\.any-of\[1\]: E1\.2 asks the same as E1\.1",
    ),
    "every value": (
        ["I1 'measurement: {analyte: haemoglobin, at-least: 7 g/L}'"],
        r"warning: criteria\[0\]: every possible value meets this bound",
    ),
}


@pytest.mark.parametrize(("written", "said"), CONFLICTS.values(), ids=CONFLICTS)
def test_what_nobody_meets_is_named(tmp_path: Path, written: list[str], said: str) -> None:
    """Found by the bounds alone."""
    trial = criteria(*(each.replace("'", "") for each in written))
    told = found(tmp_path, {"trials/own.yaml": trial})
    assert len(told) == 1, told
    assert re.search(said, told[0]), told[0]


@pytest.mark.parametrize(
    "written",
    [
        [
            "I1 judgement: {why: needs-judgement}",
            "E1 judgement: {why: needs-judgement}",
        ],  # on other things, as labels say
        [
            "I1 measurement: {analyte: haemoglobin, at-least: 100 g/L}",
            "I2 measurement: {analyte: haemoglobin, at-most: 10 g/dL}",
        ],
        [
            "I1 measurement: {analyte: haemoglobin, at-least: 100 g/L}",
            "E1 measurement: {analyte: haemoglobin, less-than: 80 g/L}",
        ],
        ["I1 age: {at-least: 18 a}", "I2 age: {at-most: 18 a}"],
        [
            "I1 measurement: {analyte: haemoglobin, at-least: 100 g/L, selection: any}",
            "I2 measurement: {analyte: haemoglobin, at-most: 90 g/L}",
        ],
        ["I1 sex: male", "E1 sex: female"],
        ["I1 measurement: {analyte: alt, at-most: 2 ULN}", "I2 measurement: {analyte: alt, at-least: 3 LLN}"],
        ["I1 condition: {concepts: [pregnancy], sex-bound: true}", "E1 not: {condition: {concepts: [hiv]}}"],
    ],
    ids=[
        "two judgements",
        "the bound itself",
        "two lower bounds",
        "18 years and some months",
        "two readings",
        "one sex twice",
        "a multiple of another limit",
        "pregnant, and nothing to be ruled out",
    ],
)
def test_what_somebody_meets_is_not(tmp_path: Path, written: list[str]) -> None:
    """At the bounds, too."""
    assert found(tmp_path, {"trials/own.yaml": criteria(*written)}) == []


FILES = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("files", "said"), [(each["files"], each["said"]) for each in FILES.values()], ids=FILES)
def test_all_that_is_found_is_listed(tmp_path: Path, files: dict[str, str], said: list[str]) -> None:
    """Each at its line."""
    told = found(tmp_path, files)
    assert len(told) == len(said), told
    for each in said:
        assert any(line.startswith(each) for line in told), told


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """A link to nothing, and a folder that is called as a trial."""
    (tmp_path / "trials" / "folder.yaml").mkdir(parents=True)
    (tmp_path / "trials" / "link.yaml").symlink_to(tmp_path / "nowhere.yaml")
    told = found(tmp_path, {})
    assert [each.partition(";")[0] for each in told] == [
        f"{name}.yaml:0: warning: nothing can be read here: a folder, or a link to nothing"
        for name in ("folder", "link")
    ]


def test_a_code_that_a_release_does_not_know_is_named(tmp_path: Path) -> None:
    """It is retired, misspelt, or of a later release."""
    release = ReleasedCodes(hash="", members={}, known={"http://snomed.info/sct": frozenset({"1"})}, complete={})
    (told,) = found(tmp_path, {"concepts.yaml": concepts("snomed: 90560007 (Gout)")}, releases=[release])
    assert "warning: podagra: the imported release of http://snomed.info/sct doesn't know 90560007" in told


def test_an_example_is_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `init` makes has nothing wrong, and works at once."""
    folder = tmp_path / "site"
    assert main(["init", str(folder)]) == 0
    assert check(folder) == ()
    capsys.readouterr()
    patient = str(folder / "patients" / "example.json")
    study = "example-sleep-apnoea"
    options = ["--study", study, "--patient", patient, "--as-of", "2026-03-01", "--format", "json"]
    assert main(["evaluate", "--site", str(folder), *options]) == 0
    verdict = json.loads(capsys.readouterr().out)
    results = {each["id"]: each["result"] for each in verdict["criteria"]}
    assert {id_ for id_, result in results.items() if result == "met"} == {"I1", "I2", "I3", "I4"}
    assert {id_ for id_, result in results.items() if result == "unknown"} == {"I5", "E2", "E3"}
    assert main(["init", str(folder)]) == 2


def test_errors_are_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1 for errors, 0 for warnings alone; editors read JSON."""
    (tmp_path / "trials.yaml").write_text("a: b\n")
    assert main(["check", str(tmp_path)]) == 0
    (tmp_path / "concepts.yaml").write_text(concepts("icd-10-cm: MIO (Gout)"))
    capsys.readouterr()
    assert main(["check", str(tmp_path), "--json"]) == 1
    told, ignored = json.loads(capsys.readouterr().out)
    assert (told["line"], told["severity"], ignored["severity"]) == (2, Severity.ERROR, Severity.WARNING)
    assert told["file"].endswith("concepts.yaml")


def test_a_schema_lists_the_ids_that_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Shipped ones and the site's own."""
    (tmp_path / "concepts.yaml").write_text(concepts("icd-10-cm: M10 (Gout)"))
    assert main(["schema", "--site", str(tmp_path)]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"podagra", "epilepsy", "rheumatoid-arthritis"} <= set(schema["$defs"]["condition-id"]["enum"])
    assert {"$ref": "#/$defs/analyte-id"}.items() <= schema["$defs"]["MeasurementForm"]["properties"]["analyte"].items()


def test_a_history_that_a_concept_forgot_is_warned_of(tmp_path: Path) -> None:
    """What is asked for at any time, and exhaustive in ICD, holds the codes of a personal history too."""
    podagra = (
        "conditions:\n  podagra:\n    title: Gout\n    exhaustive: [icd-10-cm]\n    codes:\n      - icd-10-cm: M10\n"
    )
    trial = criteria("E1 condition: {concepts: [podagra], occurrence: ever}")
    said = "warning: criteria[0]: podagra is asked for at any time, is exhaustive in ICD"
    told = found(tmp_path, {"concepts.yaml": podagra, "trials/own.yaml": trial})
    assert any(said in each for each in told), told
    mended = podagra + "      - icd-10-cm: Z87.39\n"
    assert not any(said in each for each in found(tmp_path, {"concepts.yaml": mended, "trials/own.yaml": trial}))
