"""What is wrong in a definition is named with file, line, path, and what to do."""

from collections.abc import Callable

import pytest

RELAPSED_AML = "concepts: [aml], courses: [relapsed]"

WRONG = {
    "syntax": ("label: Haemoglobin", "label: [Haemoglobin", "small.yaml:12: ", "not readable as YAML"),
    "tab": ("    label: Haemoglobin", "\tlabel: Haemoglobin", "small.yaml:11: ", "not readable as YAML"),
    "repeated key": ("label: Haemoglobin", "kind: inclusion", "small.yaml:11: ", "stands twice"),
    "alias": ("index: [aml]", "index: [&a aml, *a]", "small.yaml:4: ", "anchors and aliases"),
    "empty key": (
        "title: A small trial",
        "title:",
        "small.yaml:6: study.title: ",
        "has no value; write one, or leave the key out",
    ),
    "missing key": ("    source: registry 1\n", "", "small.yaml:9: criteria[0].source: ", "missing; add it"),
    "unknown key": (
        "analyte: haemoglobin",
        "analite: haemoglobin",
        "small.yaml:13: criteria[0].measurement.analite: ",
        "did you mean 'analyte'?",
    ),
    "unknown statement": (
        "measurement: {analyte: haemoglobin",
        "measure: {analyte: haemoglobin",
        "small.yaml:13: criteria[0].measure: ",
        "did you mean 'measurement'?",
    ),
    "unknown top key": ("completeness: full", "complete: full", "small.yaml:3: complete: ", "'completeness'?"),
    "unknown analyte": (
        "haemoglobin, at-least",
        "haemoglobine, at-least",
        "small.yaml:13: criteria[0].measurement.analyte: ",
        "no analyte 'haemoglobine'; did you mean 'haemoglobin'?",
    ),
    "unknown condition": (
        "[myocardial-infarction]",
        "[myocard-infarction]",
        "small.yaml:31: criteria[3].condition.concepts[0]: ",
        "did you mean 'myocardial-infarction'?",
    ),
    "a condition of like words": (
        "[myocardial-infarction]",
        "[type-two-diabetes-mellitus]",
        "small.yaml:31: criteria[3].condition.concepts[0]: ",
        "like it are diabetes-mellitus, ",
    ),
    "a condition that nobody knows": (
        "[myocardial-infarction]",
        "[ostomy]",
        "small.yaml:31: criteria[3].condition.concepts[0]: ",
        "write it below `concepts: conditions:`, with its codes",
    ),
    "a concept of another section": (
        "[myocardial-infarction]",
        "[haemoglobin]",
        "small.yaml:31: criteria[3].condition.concepts[0]: ",
        "it is one of the analytes; ask for it where those are named",
    ),
    "a dose without a unit": (
        "measurement: {analyte: haemoglobin, at-least: 70 g/L}",
        "exposure: {concepts: [immunotherapy], dose: {more-than: 10}}",
        "small.yaml:13: criteria[0].exposure: ",
        "a dose has a unit; write it after the number",
    ),
    "a version": (
        "version: 1.0.0",
        "version: 1.0",
        "small.yaml:2: version: ",
        "write three numbers with dots, as 1.0.0",
    ),
    "a bound of a flag": (
        "measurement: {analyte: haemoglobin, at-least: 70 g/L}",
        "exposure: {concepts: [immunotherapy], cumulative: {at-least: 7 mg}}",
        "small.yaml:13: criteria[0].exposure.cumulative: ",
        "takes true or false, and nothing below it",
    ),
    "unknown index": ("index: [aml]", "index: [amll]", "small.yaml:4: index[0]: ", "did you mean 'aml'?"),
    "unknown word": ("status: recruiting", "status: open", "small.yaml:7: study.status: ", "'not-yet-recruiting'"),
    "unknown unit": (
        "70 g/L",
        "70 grams",
        "small.yaml:13: criteria[0].measurement.at-least: ",
        "'grams' is no UCUM unit; the unit of haemoglobin is g/L",
    ),
    "another dimension": (
        "70 g/L",
        "'70 mm[Hg]'",
        "small.yaml:13: criteria[0].measurement.at-least: ",
        "'mm[Hg]' does not convert to g/L",
    ),
    "arbitrary unit": ("70 g/L", "'70 [IU]/mL'", "small.yaml:13: ", "'[IU]/mL' does not convert to g/L"),
    "no unit": ("70 g/L", "70", "small.yaml:13: ", "needs a unit; write it after the number, as in `g/L`"),
    "unit of a score": (
        "haemoglobin, at-least: 70 g/L",
        "ecog, at-most: 2 g/L",
        "small.yaml:13: ",
        "ecog is a score; write the number without a unit",
    ),
    "limit of a score": (
        "haemoglobin, at-least: 70 g/L",
        "ecog, at-most: 2 ULN",
        "small.yaml:13: ",
        "ecog has no reference range",
    ),
    "number of a finding": (
        "haemoglobin, at-least: 70 g/L",
        "hbsag, at-least: 5",
        "small.yaml:13: ",
        "hbsag is a finding, not a number",
    ),
    "finding of a number": (
        "haemoglobin, at-least: 70 g/L",
        "haemoglobin, finding: positive",
        "small.yaml:13: criteria[0].measurement.finding: ",
        "not a finding; compare it with an amount",
    ),
    "no amount": ("70 g/L", "about 70 g/L", "small.yaml:13: ", "is no amount; write a number and a UCUM unit"),
    "two lower bounds": ("70 g/L", "70 g/L, more-than: 90 g/L", "small.yaml:13: ", "needs one comparison, has 2"),
    "a bound and a finding": ("70 g/L", "70 g/L, finding: positive", "small.yaml:13: ", "needs one comparison, has 2"),
    "three bounds": ("70 g/L", "7 g/L, at-most: 9 g/L, less-than: 9 g/L", "small.yaml:13: ", "comparison, has 3"),
    "bounds that no value satisfies": ("70 g/L", "70 g/L, at-most: 60 g/L", ":13: ", "no value is >= 70 g/L and <= 60"),
    "bounds that meet and leave out": (
        "70 g/L",
        "70 g/L, less-than: 70 g/L",
        ":13: ",
        "no value is >= 70 g/L and < 70",
    ),
    "two bounds of the highest": (
        "70 g/L",
        "70 g/L, at-most: 90 g/L, selection: highest",
        "small.yaml:13: criteria[0].measurement: ",
        "write two measurements below `all-of`",
    ),
    "an answer that there is not": (
        "haemoglobin, at-least: 70 g/L",
        "smoking-status, answer: never-smokes",
        "small.yaml:13: criteria[0].measurement.answer: ",
        "smoking-status has no answer 'never-smokes'; did you mean 'never-smoker'",
    ),
    "an answer of a number": (
        "haemoglobin, at-least: 70 g/L",
        "haemoglobin, answer: never-smoker",
        "small.yaml:13: criteria[0].measurement.answer: ",
        "haemoglobin is a quantity, and has no coded answers",
    ),
    "a number of an answer": (
        "haemoglobin, at-least: 70 g/L",
        "smoking-status, at-least: 2",
        "small.yaml:13: criteria[0].measurement.at-least: ",
        "smoking-status has coded answers; write `answer`",
    ),
    "a range of answers without an order": (
        "haemoglobin, at-least: 70 g/L",
        "smoking-status, answer: {at-least: former-smoker}",
        "small.yaml:13: criteria[0].measurement.answer: ",
        "'former-smoker' has no place in the order of the answers of smoking-status",
    ),
    "a range of answers that holds none": (
        "haemoglobin, at-least: 70 g/L",
        "cancer-stage, answer: {at-least: stage-4, at-most: stage-2}",
        "small.yaml:13: criteria[0].measurement.answer: ",
        "no answer is at least stage-4 and at most stage-2",
    ),
    "a range of answers without an end": (
        "haemoglobin, at-least: 70 g/L",
        "cancer-stage, answer: {}",
        "small.yaml:13: criteria[0].measurement.answer: ",
        "a range of answers has an end",
    ),
    "hours of what has days": (
        "measurement: {analyte: haemoglobin, at-least: 70 g/L}",
        "exposure: {concepts: [immunotherapy], lasting: PT24H}",
        "small.yaml:13: criteria[0].exposure.lasting: ",
        "is no duration",
    ),
    "so many of one": (
        "70 g/L",
        "70 g/L, times: 2",
        "small.yaml:13: criteria[0].measurement: ",
        "write `selection: any`",
    ),
    "a distance of one": ("70 g/L", "70 g/L, selection: any, apart: P90D", ":13: ", "write `times: 2` or more"),
    "not measured": (
        "haemoglobin, at-least: 70 g/L",
        "haemoglobin, measured: false",
        "small.yaml:13: criteria[0].measurement.measured: ",
        "false is never known",
    ),
    "no comparison": (", at-least: 70 g/L", "", "small.yaml:13: criteria[0].measurement: ", "has 0"),
    "ages exchanged": (
        "{at-least: 14 a, at-most: 75 a}",
        "{at-least: 75 a, at-most: 14 a}",
        "small.yaml:26: criteria[2].age: ",
        "the lower bound is above the upper one; exchange them",
    ),
    "ages exchanged across units": (
        "at-least: 14 a, at-most: 75 a",
        "at-least: 25 mo, at-most: 2 a",
        ":26: ",
        "exchange",
    ),
    "two lower ages": ("at-most: 75 a", "more-than: 15 a", "small.yaml:26: criteria[2].age.more-than: ", "one lower"),
    "malformed age": (
        "at-least: 14 a",
        "at-least: 14 years",
        "small.yaml:26: criteria[2].age.at-least: ",
        "as in 14 a",
    ),
    "malformed duration": (
        "P12M",
        "12 months",
        "small.yaml:31: criteria[3].condition.look-back: ",
        "'12 months' is no duration; write P and a whole number",
    ),
    "compound duration": ("P12M", "P1Y6M", "small.yaml:31: ", "is no duration"),
    "endless duration": (
        "P12M",
        "P9999Y",
        "small.yaml:31: ",
        "'P9999Y' is longer than a life; write 150 years at most",
    ),
    "endless age": ("at-most: 75 a", "at-most: 751 a", "small.yaml:26: ", "'751 a' is longer than a life"),
    "no whole number": (
        "status: recruiting",
        "status: recruiting\n  enrollment: about 20",
        "small.yaml:8: study.enrollment: ",
        "'about 20' stands where a whole number is wanted",
    ),
    "no text": ("label: Haemoglobin", "label: {a: b}", "small.yaml:11: criteria[0].label: ", "where a text is wanted"),
    "repeated id": ("id: I3", "id: I1", "small.yaml:22: criteria[2].id: ", "'I1' stands above already"),
    "foreign part": ("id: I2.1", "id: I8.1", "small.yaml:19: criteria[1].all-of[0].id: ", "does not extend 'I2'"),
    "skipped level": ("id: I2.1", "id: I2.1.1", "small.yaml:19: ", "does not extend 'I2'"),
    "part on top": ("id: I3", "id: I2.3", "small.yaml:22: criteria[2].id: ", "write it below I2"),
    "nameless leaf": (
        "      - id: I2.1\n        label: ALT\n        measurement: {analyte: alt",
        "      - measurement: {analyte: alt",
        "small.yaml:19: criteria[1].all-of[0]: ",
        "needs an id; number it below I2, as I2.1",
    ),
    "unlabelled part": ("        label: ALT\n", "", "small.yaml:19: criteria[1].all-of[0]: ", "needs a label"),
    "two statements": (
        "    age: {at-least",
        "    consent: research\n    age: {at-least",
        "small.yaml:22: criteria[2]: ",
        "needs exactly one statement, has age and consent",
    ),
    "no statement": ("    age: {at-least: 14 a, at-most: 75 a}\n", "", "small.yaml:22: criteria[2]: ", "has none"),
    "if without then": (
        "    age: {at-least: 14 a, at-most: 75 a}\n",
        "    if: {id: I3.1, label: x, consent: research}\n",
        "small.yaml:22: criteria[2]: ",
        "`if` and `then` go together",
    ),
    "unreachable count": (
        "    age: {at-least: 14 a, at-most: 75 a}\n",
        "    at-least-n: {count: 2, parts: [{id: I3.1, label: x, consent: research}]}\n",
        "small.yaml:26: criteria[2].at-least-n: ",
        "asks for 2 of 1 parts",
    ),
    "no list": ("index: [aml]", "index: aml", "small.yaml:4: index: ", "write it in square brackets"),
    "empty list": ("index: [aml]", "index: []", "small.yaml:4: index: ", "write at least one entry"),
    "no mapping": ("age: {at-least: 14 a, at-most: 75 a}", "age: 14", "small.yaml:26: criteria[2].age: ", "mapping"),
    "flag": ("look-back: P12M", "sex-bound: maybe", ":31: criteria[3].condition.sex-bound: ", "neither true nor false"),
    "dates exchanged": (
        "status: recruiting",
        "status: recruiting\n  start: 2026-05-01\n  end: 2026-04",
        "small.yaml:9: study.end: ",
        "ends (2026-04) before it starts (2026-05-01)",
    ),
    "unknown intervention": (
        "status: recruiting",
        "status: recruiting\n  arms:\n    - {name: A, type: experimental, interventions: [cells]}",
        "small.yaml:9: study.arms[0].interventions[0]: ",
        "no intervention has the id 'cells'",
    ),
    "repeated intervention": (
        "status: recruiting",
        "status: recruiting\n  interventions:\n    - {id: a, name: A, type: drug}\n    - {id: a, name: B, type: drug}",
        "small.yaml:10: study.interventions[1].id: ",
        "'a' stands twice",
    ),
    "days exchanged": (
        "status: recruiting",
        "status: recruiting\n  treatment:\n    - {phase: infusion, title: x, start-day: 3, end-day: 1}",
        "small.yaml:9: study.treatment[0].end-day: ",
        "ends before it starts",
    ),
    "blasts without threshold": (
        "    age: {at-least: 14 a, at-most: 75 a}",
        f"    disease-course: {{{RELAPSED_AML}, blasts: [blasts-blood]}}",
        "small.yaml:26: criteria[2].disease-course: ",
        "write both or neither",
    ),
    "blasts in another unit": (
        "    age: {at-least: 14 a, at-most: 75 a}",
        f"    disease-course: {{{RELAPSED_AML}, blasts: [blasts-blood], blast-threshold: {{at-least: 5 a}}}}",
        "small.yaml:26: criteria[2].disease-course.blast-threshold.at-least: ",
        "'a' does not convert to %",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_errors_say_where_and_what_to_do(refusal: Callable[[str, str], str], wrong: str) -> None:
    """A broken definition is refused in one line, with file, line, path and a way out."""
    old, new, where, what = WRONG[wrong]
    said = refusal(old, new)
    assert where in said
    assert what in said
    assert said.startswith("small.yaml:")
    assert "\n" not in said


def test_further_problems_are_counted(refusal: Callable[[str, str], str]) -> None:
    """The first of several problems is told, and how many others there are."""
    assert refusal("index: [aml]", "index: [amll, alll]").endswith("(1 more in this file)")
