"""A screening sheet's cells: what each says, and what is rejected."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.errors import AdapterError, InputError
from adapter.fhir.elements import Json
from adapter.record.facts import Amount, Verification
from adapter.screening.setup import Setup
from mappings.patient import Converted, Rejected
from tests.golden.sheet.regenerate import FOLDER, made
from tests.unit.patient.r4 import problems
from tests.unit.patient.sheet.sheets import convert, one, write


def test_the_example_converts_to_what_was_reviewed(tmp_path: Path) -> None:
    """`python -m tests.golden.sheet.regenerate` writes the files anew."""
    for name, data in made(tmp_path).items():
        assert data == (FOLDER / name).read_bytes(), name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.decimals(min_value=0, max_value=10**6, allow_nan=False, places=3),
    st.sampled_from(["", "<", ">", "<=", ">="]),
    st.sampled_from(["g/L", "g/dL", "mmol/L", "G/DL", "g/dl"]),
)
def test_a_value_and_its_unit_survive(
    tmp_path: Path, strict: Setup, number: Decimal, comparator: str, unit: str
) -> None:
    """From a cell to the fact that is evaluated, to the digit."""
    record, rejected = one(tmp_path, strict, {f"Haemoglobin ({unit})": f"{comparator}{number:f}", "ALT (U/L)": "9.2"})
    (fact,) = record.observations["haemoglobin"]
    assert fact.amount is not None
    ends = {fact.amount.low, fact.amount.high} - {None}
    assert ends == {number}
    assert (fact.amount.low is None, fact.amount.high is None) == (comparator[:1] == "<", comparator[:1] == ">")
    assert (fact.amount.text, rejected) == (unit, [])
    analyte = strict.terminology.catalogue.analytes["haemoglobin"]
    expected = strict.terminology.conversion(analyte, unit.replace("G/DL", "g/dL").replace("dl", "dL"), None)
    assert strict.terminology.conversion(analyte, fact.amount.unit, fact.amount.text) == expected


LIKELY = ("yes", "no", "relapse", "resolved", "suspected", "ongoing", "severe", "mild", "oral", "positive", "perhaps")
CELLS = st.sampled_from(
    ["", *LIKELY, "trace", "1:8", "<3", "0", "2026-01-05", "2026-01", "2026", "2026-01-05 10:30", "2027-01-01"]
)
BLANKS = ["", " ", "-", "n/a", "N.D.", "not done"]
NOT_KNOWN = ["unknown", "Unbekannt", "?", "n.b.", "k.A.", "nicht bekannt"]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_is_no_data(blank: str, tmp_path: Path, strict: Setup) -> None:
    """It is neither a zero nor a no, and nothing to report."""
    cells = dict.fromkeys(("Haemoglobin (g/L)", "HIV test", "Infection", "Immunotherapy", "nct04785833.E1"), blank)
    record, rejected = one(tmp_path, strict, {**cells, "Birth date": blank, "Sex": blank, "Died": blank})
    assert (record.observations, record.conditions, record.exposures, record.attestations) == ({}, {}, {}, {})
    assert (record.birth, record.gender, record.deceased, rejected) == (None, None, False, [])


@pytest.mark.parametrize("text", NOT_KNOWN)
def test_what_nobody_knows_is_a_question_and_no_value(text: str, tmp_path: Path, strict: Setup) -> None:
    """Left out, a policy would take a diagnosis as absent; of a test, a person or a consent there is nothing to say."""
    asked = dict.fromkeys(
        ("Infection", "Immunotherapy", "Haematopoietic stem cell transplant", "Allergy to antibiotic"), text
    )
    others = dict.fromkeys(("Haemoglobin (g/L)", "HIV test", "nct04785833.E1", "Birth date", "Sex", "Died"), text)
    record, rejected = one(tmp_path, strict, {**asked, **others})
    assert [fact.verification for fact in record.all_conditions] == [Verification.UNCONFIRMED]
    assert [fact.verification for fact in record.all_allergies] == [Verification.UNCONFIRMED]
    assert [fact.open for fact in record.all_exposures] == [True, True]
    assert (record.observations, record.attestations, record.birth, record.gender) == ({}, {}, None, None)
    assert (record.deceased, rejected) == (False, [])


def test_a_code_whose_status_nobody_knows_is_a_question(tmp_path: Path, strict: Setup) -> None:
    """A blank status is that of what is recorded."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("columns: {ICD: {coded: Condition, system: 'urn:icd'}, Status: {beside: status, of: ICD}}")
    rows = [["Patient", "ICD", "Status"], ["A", "A01", "?"]]
    (unit,) = convert(write(tmp_path / "sheet.csv", rows), strict, mapping)
    assert isinstance(unit, Converted)
    (found,) = unit.resources
    assert found["verificationStatus"]["coding"][0]["code"] == "unconfirmed"


REJECTED = {
    "Haemoglobin (g/L)": "1,5",
    "HIV test": "weakly positive",
    "Infection": "perhaps",
    "Immunotherapy": "often",
    "Allergy to antibiotic": "hm",
    "nct04785833 consent": "later",
    "Birth date": "04.05.1990",
    "Sex": "unsure",
    "ECOG performance status": "fit",
    "Infection until": "soon",
}


@pytest.mark.parametrize(("header", "text"), REJECTED.items())
def test_what_can_not_be_read_is_rejected_with_row_column_value_and_reason(
    header: str, text: str, tmp_path: Path, strict: Setup
) -> None:
    """The other cells of the row stay."""
    record, rejected = one(tmp_path, strict, {"Infection": "yes", "AST (U/L)": "31", header: text})
    (found,) = rejected
    assert (found.place, found.field, found.value, found.whole) == ("row 2", header, text, False)
    assert len(found.reason) > 10
    assert "ast" in record.observations


def test_an_entry_that_can_not_be_read_is_a_question(tmp_path: Path, strict: Setup) -> None:
    """With nothing in its place a policy could take it as absent; with its end lost it would go on."""
    for cells in ({"Infection": "perhaps"}, {"Infection": "yes", "Infection until": "soon"}):
        record, rejected = one(tmp_path, strict, cells)
        (fact,) = record.conditions["infection"]
        assert (fact.verification, len(rejected)) == (Verification.UNCONFIRMED, 1)


@pytest.mark.parametrize("text", ["1,5", "1.050,0", "trace", "~9", "=A2*2"])
def test_a_value_that_can_not_be_read_does_not_leave_its_place_to_an_older_one(
    text: str, tmp_path: Path, strict: Setup
) -> None:
    """The latest result decides; that it can't be read makes the answer unknown."""
    for header in ("Haemoglobin (g/L)", "HIV test"):
        record, rejected = one(tmp_path, strict, {header: text})
        (fact,) = next(iter(record.observations.values()))
        assert (fact.string, fact.amount, fact.coded, len(rejected)) == (f"unreadable: {text}", None, None, 1)


CONDITIONS = {
    "yes": ("active", Verification.CONFIRMED),
    "Relapse": ("relapse", Verification.CONFIRMED),
    "in remission": ("remission", Verification.CONFIRMED),
    "no": (None, Verification.REFUTED),
    "suspected": (None, Verification.UNCONFIRMED),
}


@pytest.mark.parametrize(("text", "status"), CONDITIONS.items())
def test_a_diagnosis_has_a_status(
    text: str, status: tuple[str | None, Verification], tmp_path: Path, strict: Setup
) -> None:
    """Its date is the onset, the row's date the day it was recorded."""
    name = "T-cell acute lymphoblastic leukaemia"
    record, rejected = one(tmp_path, strict, {name: text, f"{name} date": "2025-03"})
    (fact,) = record.conditions["t-all"]
    assert (fact.clinical, fact.verification) == status
    assert fact.onset is not None
    assert fact.recorded is not None
    assert (fact.onset.text, fact.recorded.text, rejected) == ("2025-03", "2026-02-20", [])


def test_a_diagnosis_that_has_ended_is_resolved(tmp_path: Path, strict: Setup) -> None:
    """`yes` with an end is over."""
    record, _ = one(tmp_path, strict, {"Infection": "yes", "Infection until": "2026-01-31"})
    (fact,) = record.conditions["infection"]
    assert (fact.clinical, fact.abated) == ("resolved", True)


def test_the_rows_date_does_not_date_a_drug(tmp_path: Path, strict: Setup) -> None:
    """Taken at some time is not taken on the day of the visit."""
    record, _ = one(tmp_path, strict, {"Immunotherapy": "yes"})
    (fact,) = record.exposures["immunotherapy"]
    assert fact.start is None
    record, _ = one(tmp_path, strict, {"Immunotherapy": "2025-12-01"})
    (fact,) = record.exposures["immunotherapy"]
    assert fact.start is not None
    assert fact.start.text == "2025-12-01"


def test_an_attestation_needs_a_named_performer(tmp_path: Path, strict: Setup) -> None:
    """Somebody must have said it."""
    cells = {"nct04785833.I3: Expected survival": "yes"}
    record, rejected = one(tmp_path, strict, {**cells, "Performer": "Dr. Ada"})
    (fact,) = record.attestations["nct04785833.I3"]
    assert (fact.boolean, bool(fact.performer), rejected) == (True, True, [])
    record, (found,) = one(tmp_path, strict, cells)
    assert record.attestations == {}
    assert "nobody is named" in found.reason


def test_an_unreadable_date_of_death_is_a_death(tmp_path: Path, strict: Setup) -> None:
    """A dead patient is never proposed."""
    record, rejected = one(tmp_path, strict, {"Died": "3.3.26"})
    assert (record.deceased, len(rejected)) == (True, 1)


def test_reference_limits_are_in_the_unit_of_the_value(tmp_path: Path, strict: Setup) -> None:
    """A multiple of the upper limit is compared with it."""
    record, _ = one(tmp_path, strict, {"ALT (U/L)": "31", "ALT upper limit": "35"})
    (fact,) = record.observations["alt"]
    assert fact.limits
    assert fact.limits[0].high == Amount(Decimal(35), Decimal(35), unit="U/L", text="U/L")


def test_two_values_of_one_day_are_both_kept_and_the_same_one_once(tmp_path: Path, strict: Setup) -> None:
    """Which of two holds, nobody knows; a row that stands twice says nothing more."""
    rows = [["Patient", "Date", "Haemoglobin (g/L)"], *(["A", "2026-02-20", text] for text in ("90", "95", "90"))]
    units = convert(write(tmp_path / "sheet.csv", rows), strict)
    ids = [resource["id"] for unit in units if isinstance(unit, Converted) for resource in unit.resources]
    assert len(ids) == 3
    assert len(set(ids)) == 2


def test_an_unknown_column_is_named(tmp_path: Path, strict: Setup) -> None:
    """Nothing is left out silently."""
    _, (found,) = one(tmp_path, strict, {"Notes": "well"})
    assert (found.place, found.field) == ("row 1", "Notes")


def test_a_row_without_patient_or_with_too_many_cells_is_rejected_as_a_whole(tmp_path: Path, strict: Setup) -> None:
    """The others go on; a row without anything is no row."""
    rows = [["Patient", "HIV test"], ["", "neg"], ["A", "neg", "x"], ["", ""], ["B", "neg"], ["C"]]
    units = convert(write(tmp_path / "sheet.csv", rows), strict)
    assert [each.place for each in units if isinstance(each, Rejected) and each.whole] == ["row 2", "row 3"]
    assert [len(each.resources) for each in units if isinstance(each, Converted)] == [1, 0]


@pytest.mark.parametrize("written", ["A\0", "\0A", "A\x01", "\x02"])
def test_an_id_with_control_characters_is_nobodys(written: str, tmp_path: Path, strict: Setup) -> None:
    """Without them it is somebody else's, whose data it would become."""
    units = convert(write(tmp_path / "sheet.csv", [["Patient", "HIV test"], ["A", "neg"], [written, "pos"]]), strict)
    assert [each.place for each in units if isinstance(each, Rejected) and each.whole] == ["row 3"]
    assert [each.patients[0].key.value for each in units if isinstance(each, Converted)] == ["A"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no header row"),
        ([["Name", "HIV test"]], "no column of patients"),
        ([["Patient", "HIV test", "HIV test"]], "stands twice"),
        ([["Patient", "MRN"]], "say the same"),
    ],
)
def test_a_sheet_that_can_not_be_used_says_why(rows: list[list[str]], said: str, tmp_path: Path, strict: Setup) -> None:
    """Before any row is read."""
    with pytest.raises(InputError, match=said):
        convert(write(tmp_path / "sheet.csv", rows), strict)


@pytest.mark.parametrize(
    ("written", "system", "letter"),
    [
        ("I48.0 V", "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "V"),
        ("I48.0A", "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "A"),
        ("I48.0 A", "http://hl7.org/fhir/sid/icd-10", "A"),
        ("I48.0A", "http://hl7.org/fhir/sid/icd-10", "V"),
        ("I48.0", "http://fhir.de/CodeSystem/bfarm/icd-10-gm", None),
        ("S72.01A", "http://hl7.org/fhir/sid/icd-10-cm", None),
    ],
)
def test_the_letter_of_certainty_behind_a_code(
    written: str, system: str, letter: str | None, tmp_path: Path, strict: Setup
) -> None:
    """A suspected diagnosis has the code of the diagnosis itself, and a V behind it where there is no field for it."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(f"columns: {{ICD: {{coded: Condition, system: '{system}'}}}}")
    path = write(tmp_path / "sheet.csv", [["Patient", "ICD"], ["A", written]])
    (unit,) = [each for each in convert(path, strict, mapping) if isinstance(each, Converted)]
    (coding,) = unit.resources[0]["code"]["coding"]
    assert coding["code"] == (written[:5] if letter else written)
    assert [each["valueCoding"]["code"] for each in coding.get("extension", [])] == ([letter] if letter else [])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (("2026-01-10", "yes"), ("2026-02-20", "no"), {"refuted 2026-02-20"}),
        (("2026-02-20", "no"), ("2026-01-10", "yes"), {"refuted 2026-02-20"}),
        (("2026-01-10", "relapse"), ("2026-02-20", "remission"), {"relapse 2026-01-10", "remission 2026-02-20"}),
        (("2026-02-20", "relapse"), ("2026-01-10", "remission"), {"relapse 2026-02-20", "remission 2026-01-10"}),
        (("2026-01-10", "relapse"), ("2026-02-20", "relapse"), {"relapse 2026-02-20"}),
        (("2026-02-20", "relapse"), ("2026-02-20", "yes"), {"relapse 2026-02-20", "active 2026-02-20"}),
    ],
)
def test_the_newest_row_says_what_holds(
    first: tuple[str, str], second: tuple[str, str], said: set[str], tmp_path: Path, strict: Setup
) -> None:
    """In whatever order the rows are; a relapse or remission of an earlier visit stays beside it."""
    path = write(tmp_path / "sheet.csv", [["Patient", "Date", "T-ALL"], ["A", *first], ["A", *second]])
    units = [each for each in convert(path, strict) if isinstance(each, Converted)]
    found = {each["id"]: each for unit in units for each in unit.resources}.values()
    assert {f"{_status(each)} {each['recordedDate']}" for each in found} == said


def _status(condition: Json) -> str:
    status = condition.get("clinicalStatus") or condition["verificationStatus"]
    return str(status["coding"][0]["code"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.binary(max_size=300) | st.lists(st.text(max_size=12), max_size=30).map(lambda t: ",".join(t).encode()))
def test_any_file_converts_or_says_why_not(tmp_path: Path, strict: Setup, data: bytes) -> None:
    """Nothing that a file may hold ends in an internal error."""
    for name in ("sheet.csv", "sheet.xlsx"):
        path = tmp_path / name
        path.write_bytes(b"Patient,Birth date,ALT (U/L),Infection\n" * (name == "sheet.csv") + data)
        with suppress(AdapterError):
            convert(path, strict)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=8, max_size=8))
def test_any_cells_make_fhir_that_can_be_read(tmp_path: Path, strict: Setup, cells: list[str]) -> None:
    """Whatever is written in them."""
    headers = ["Birth date", "Sex", "Died", "ALT (U/L)", "Infection", "Immunotherapy", "nct04785833.E1", "Performer"]
    record, _ = one(tmp_path, strict, dict(zip(headers, cells, strict=True)))
    assert record.issues == ()
    assert problems(convert(tmp_path / "sheet.csv", strict)) == []


@pytest.mark.parametrize(
    ("began", "refused"),
    [("2026-02-21", ["Infection date"]), ("2026-03", ["Infection date"]), ("2026-02-20", []), ("2026-02", [])],
)
def test_what_began_after_its_row_is_rejected(tmp_path: Path, strict: Setup, began: str, refused: list[str]) -> None:
    """Nobody records what is to come: the cell is named, and stands for no date."""
    record, rejected = one(tmp_path, strict, {"Infection": "yes", "Infection date": began})
    assert [each.field for each in rejected] == refused
    (fact,) = record.all_conditions
    assert (fact.onset is None) is bool(refused)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(CELLS, min_size=15, max_size=15))
def test_any_likely_cells_make_fhir_that_can_be_read(tmp_path: Path, strict: Setup, cells: list[str]) -> None:
    """Of everything that a sheet knows, in any combination."""
    about = ("Infection", "Immunotherapy", "Haematopoietic stem cell transplant")
    besides = [f"{name} {beside}" for name in about for beside in ("date", "until")]
    headers = [*about, *besides, "Infection severity", "Immunotherapy route", "HIV test", "Allergy to antibiotic"]
    headers += ["nct04785833 consent", "Died"]
    record, _ = one(tmp_path, strict, dict(zip(headers, cells, strict=True)))
    assert record.issues == ()
    assert problems(convert(tmp_path / "sheet.csv", strict)) == []


def test_the_example_has_the_shapes_of_fhir(strict: Setup) -> None:
    """By the models of R4."""
    assert problems(convert(FOLDER / "screening.csv", strict, FOLDER / "mapping.yaml")) == []


@pytest.mark.parametrize(
    ("cell", "beside", "number"),
    [
        ("1.250", "", None),
        ("1.250 G/l", "", None),
        ("<1.250", "", None),
        ("1.250", "9.2", Decimal("1.250")),
        ("1.250", "0.912", Decimal("1.250")),
        ("1.250", "9,2", None),
        ("1.250", "01.02.2026", None),
        ("1.250", "05.2024", None),  # a month
        ("1.250", "14.30 Uhr", None),
        ("0.125", "", Decimal("0.125")),
        ("12.5", "", Decimal("12.5")),
        ("1.2504", "", Decimal("1.2504")),
    ],
)
def test_a_point_that_may_part_thousands(
    tmp_path: Path, strict: Setup, cell: str, beside: str, number: Decimal | None
) -> None:
    """Without the site's word it is read only where another number of the row shows what a point is."""
    record, rejected = one(tmp_path, strict, {"Neutrophils (10*9/L)": cell, "Remark": beside})
    (fact,) = record.observations["neutrophils"]
    ends = set() if fact.amount is None else {fact.amount.low, fact.amount.high} - {None}
    assert ends == (set() if number is None else {number})
    told = [each.reason for each in rejected if each.field.startswith("Neutrophils")]
    assert (len(told) == 1 and "`decimal`" in told[0]) is (number is None)
    assert number is not None or fact.string == f"unreadable: {cell}"
