"""`check` lists all that is wrong or doubtful in a site's files, each with file, line and what to do."""

import json
import re
from pathlib import Path

import pytest

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
        lines.append(f"  - {{id: {id_}, kind: {kind}, label: x, source: protocol, {statement}}}")
    return HEAD + "\n".join(lines) + "\n"


def concepts(line: str) -> str:
    """A concept of the site's own."""
    return f"conditions:\n  gout:\n    title: Gout\n    exhaustive: []\n    codes:\n      - {line}\n"


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
                "{id: I1.2, label: b, age: {at-most: 16 a}}]}]'"
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
        ["I1 'not: {condition: {concepts: [pregnancy]}}'"],
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
        ["I1 condition: {concepts: [pregnancy]}", "E1 not: {condition: {concepts: [hiv]}}"],
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


FILES: dict[str, tuple[dict[str, str], list[str]]] = {
    "a code of another form": (
        {"concepts.yaml": concepts("icd-10-cm: MIO (Gout)")},
        ["concepts.yaml:2: error: gout: 'MIO' is no code of ICD-10-CM: it has another form; look it up"],
    ),
    "a check digit": (
        {"concepts.yaml": concepts("snomed: 90560008 (Gout)")},
        ["concepts.yaml:2: error: gout: '90560008' is no code of SNOMED CT: its check digit doesn't fit; look it up"],
    ),
    "a letter for a digit": (
        {"concepts.yaml": concepts("icd-10: M1O (Gout)")},
        ["concepts.yaml:2: error: gout: 'M1O' is no code of ICD-10: it has another form; look it up"],
    ),
    "a drug's code in a list of diseases": (
        {"concepts.yaml": concepts("icd-10-cm: M04AA01 (allopurinol)")},
        ["concepts.yaml:2: error: gout: 'M04AA01' is no code of ICD-10-CM: it has another form; look it up"],
    ),
    "a code system that is spelt otherwise": (
        {"concepts.yaml": concepts('"http://www.snomed.info/sct|2024": 90560007 (Gout)')},
        ["concepts.yaml:2: error: gout: records say http://snomed.info/sct, and not http://www.snomed.info/sct|2024; "],
    ),
    "an edition of a code system": (
        {"concepts.yaml": concepts('"http://snomed.info/sct/11000274103": 90560007 (Gout)')},
        ["concepts.yaml:2: error: gout: records say http://snomed.info/sct, and not "],
    ),
    "minutes for months": (
        {"trials/own.yaml": criteria("E1 condition: {concepts: [gout], occurrence: ever, look-back: PT6M}")},
        ["own.yaml:7: warning: criteria[0]: PT6M is 6 minutes; is P6M meant, that many months?"],
    ),
    "nothing behind a key": (
        {"trials/own.yaml": criteria("E1 sex: male").replace("label: x", 'label: ""')},
        ["own.yaml:7: error: criteria[0].label: nothing stands here; write it"],
    ),
    "a key that no policy has": (
        {"policy.yaml": "id: own\nfreshnes: {laboratory: P30D}\n"},
        ["policy.yaml:2: error: freshnes: unknown key; correct it"],
    ),
    "a trial that an editor has named": (
        {"trials/own.yaml.txt": criteria("I1 sex: male")},
        ["own.yaml.txt:0: warning: this file is not read; files here end in .yaml or .yml"],
    ),
    "a unit": (
        {"concepts.yaml": "analytes:\n  urate: {title: Urate, unit: mgs, codes: [loinc: 3084-1]}\n"},
        ["concepts.yaml:2: error: urate: 'mgs' is no UCUM unit; write one, as in mg/dL"],
    ),
    "a shipped name": (
        {"concepts.yaml": "analytes:\n  haemoglobin: {title: Hb, unit: g/L, codes: [loinc: 718-7]}\n"},
        ["concepts.yaml:2: warning: haemoglobin goes before the shipped one of that name"],
    ),
    "a class of data without a window": (
        {"concepts.yaml": "analytes:\n  own: {title: FEV1, unit: L, freshness: laborat, codes: [loinc: 20150-9]}\n"},
        ["concepts.yaml:2: error: no window for laborat, the class of the analyte own; is it laboratory? Else "],
    ),
    "a list of codes that leaves others open": (
        {"concepts.yaml": concepts("icd-10-cm: M10 (Gout)").replace("    exhaustive: []\n", "")},
        ["concepts.yaml:2: warning: gout: any other code of icd-10-cm on record keeps a no open"],
    ),
    "files that nobody reads": (
        {"trials/notes.json": "{}", "trials.yaml": "a: b\n", "README.md": "words"},
        [
            "trials.yaml:0: warning: this file is not read; trials stand in trials/",
            "notes.json:0: warning: this file is not read; files here end in .yaml or .yml",
        ],
    ),
    "several in one file": (
        {"trials/own.yaml": criteria("I1 age: {at-lest: 18 a}", "I2 sex: men")},
        [
            "own.yaml:7: error: criteria[0].age.at-lest: unknown key; did you mean 'at-least'?",
            "own.yaml:8: error: criteria[1].sex: 'men' is not known here; write 'female' or 'male'",
        ],
    ),
    "a policy": (
        {"policy.yaml": "id: own\nassumed-absent: [goutt]\nfreshness: {laboratry: P30D}\n"},
        [
            "policy.yaml:2: error: assumed-absent[0]: no concept goutt",
            "policy.yaml:3: error: freshness.laboratry: no class",
        ],
    ),
    "concepts that can't be read, and not all that names them": (
        {
            "concepts.yaml": concepts("icd-10-cm: M1A (Gout") + "  x: [\n",
            "trials/own.yaml": criteria("I1 condition: {concepts: [gout]}"),
            "formulas.yaml": "ratio: {title: R, gives: ratio, unit: '1', value: a, source: x, inputs: {}}\n",
        },
        [
            "concepts.yaml:0: warning: the criteria of 1 trial are not looked at, since concepts",
            "concepts.yaml:8: error: not readable as YAML",
        ],
    ),
    "concepts of a trial that can't be read": (
        {
            "trials/a.yaml": criteria("I1 condition: {concepts: [gout]}").replace(
                "criteria:", "concepts: {conditions: {gout: {titel: Gout, codes: [icd-10-cm: M10]}}}\ncriteria:"
            ),
            "trials/b.yaml": criteria("I1 age: {at-least: 7 x}").replace("id: own", "id: other"),
        },
        [
            "a.yaml:0: warning: the criteria of 1 trial are not looked at",
            "a.yaml:6: error: conditions.gout.titel: ",
            "b.yaml:7: error: criteria[0].age.at-least: ",
        ],
    ),
    "a name with brackets": (
        {"concepts.yaml": "analytes:\n  hb: {unit: g/L, codes: [loinc: 718-7 (Hb [Mass/volume])]}\n"},
        ["concepts.yaml:2: error: not readable as YAML (did not find expected ',' or ']'); write what holds brackets"],
    ),
    "a name with a comma": (
        {"concepts.yaml": "conditions:\n  gout: {title: Gout, codes: [icd-10-cm: M10 (Gout, all of it)]}\n"},
        [
            "concepts.yaml:2: error: conditions.gout.codes[0]: {'icd-10-cm': 'M10 (Gout'} is no code; ",
            "concepts.yaml:2: error: conditions.gout.codes[1]: 'all of it)' is no code; ",
        ],
    ),
    "a class of freshness that is called as a condition": (
        {"concepts.yaml": concepts("icd-10-cm: M10 (Gout)") + "freshness: {pregnancy: P7D}\n"},
        [],
    ),
    "a map's line": (
        {"concept-maps/own.json": '{"resourceType": "ConceptMap",\n "group": [{"target": "http://loinc.org"}]}'},
        ["own.json:1: error: group.0.source: Field required"],
    ),
    "brackets without quotes": (
        {"trials/own.yaml": criteria("I1 measurement: {analyte: egfr, at-least: 30 mL/min/{1.73_m2}}")},
        ["own.yaml:7: error: not readable as YAML (did not find expected ',' or '}'); write what holds brackets"],
    ),
    "a drug of an unknown code system": (
        {"concepts.yaml": "exposures:\n  icd: {title: Defibrillator, codes: [cpt: 33249]}\n"},
        ["concepts.yaml:2: error: exposures.icd.codes[0]: no code system 'cpt'; "],
    ),
    "nobody is looked for": (
        {"trials/own.yaml": criteria("I1 sex: male").replace("index: [epilepsy]\n", "")},
        ["own.yaml:1: warning: id: no index: everybody is worth screening"],
    ),
    "a filter": (
        {"concepts.yaml": concepts("snomed: << 90560007 (Gout)")},
        ["concepts.yaml:2: error: gout: nothing here knows what concept is-a 90560007 is"],
    ),
}


@pytest.mark.parametrize(("files", "said"), FILES.values(), ids=FILES)
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
    assert "warning: gout: the imported release of http://snomed.info/sct doesn't know 90560007" in told


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
    assert {"gout", "epilepsy", "rheumatoid-arthritis"} <= set(schema["$defs"]["condition-id"]["enum"])
    assert {"$ref": "#/$defs/analyte-id"}.items() <= schema["$defs"]["MeasurementForm"]["properties"]["analyte"].items()


def test_a_history_that_a_concept_forgot_is_warned_of(tmp_path: Path) -> None:
    """What is asked for at any time, and exhaustive in ICD, holds the codes of a personal history too."""
    gout = "conditions:\n  gout:\n    title: Gout\n    exhaustive: [icd-10-cm]\n    codes:\n      - icd-10-cm: M10\n"
    trial = criteria("E1 condition: {concepts: [gout], occurrence: ever}")
    said = "warning: criteria[0]: gout is asked for at any time, is exhaustive in ICD"
    told = found(tmp_path, {"concepts.yaml": gout, "trials/own.yaml": trial})
    assert any(said in each for each in told), told
    mended = gout + "      - icd-10-cm: Z87.39\n"
    assert not any(said in each for each in found(tmp_path, {"concepts.yaml": mended, "trials/own.yaml": trial}))
