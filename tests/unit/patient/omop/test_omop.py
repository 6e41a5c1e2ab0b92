"""OMOP databases: what rows become, in whatever the database lies."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapter import cli
from adapter.errors import AdapterError, InputError
from adapter.record import read_record
from adapter.record.patient_record import PatientRecord
from adapter.screening.convert.sources import omop_units
from adapter.screening.setup import Setup
from mappings.patient import Converted, Unit, bundle_of, encode
from mappings.patient.omop.database import READ, open_database
from tests.golden.omop.regenerate import EXAMPLE, FOLDER, made
from tests.unit.patient.r4 import problems

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PERSON = "person_id,gender_concept_id,year_of_birth\n1,8532,1990\n"
MEASUREMENT = (
    "measurement_id,person_id,measurement_concept_id,measurement_date,operator_concept_id,value_as_number,"
    "unit_source_value,measurement_source_value,value_source_value\n"
)


def units(folder: Path, setup: Setup) -> list[Unit]:
    """Everything that a database converts to."""
    with omop_units(str(folder), setup.terminology, setup.policy.time_zone, NOW) as found:
        return list(found)


def record_of(folder: Path, setup: Setup) -> PatientRecord:
    """The record of the only person of a database."""
    found = [unit for unit in units(folder, setup) if isinstance(unit, Converted)]
    resources = [resource for unit in found for resource in unit.resources]
    return read_record(encode(bundle_of(found[0].patients, resources)), setup.terminology)


def test_the_example_converts_to_what_was_reviewed(tmp_path: Path) -> None:
    """`python -m tests.golden.omop.regenerate` writes the files anew."""
    files = made(tmp_path)
    assert {*files, "regenerate.py", "cdm"} == {path.name for path in FOLDER.iterdir()} - {"__pycache__"}
    for name, data in files.items():
        assert data == (FOLDER / name).read_bytes(), name


def to_duckdb(folder: Path) -> Path:
    """The example as a DuckDB file, its numbers and dates with their types."""
    path = folder / "cdm.duckdb"
    with duckdb.connect(path) as connection:
        for file in EXAMPLE.iterdir():
            texts = "quote='', delim='\t'," if file.name.startswith("CONCEPT") else ""
            source = f"FROM read_csv('{file}', {texts} header=true, all_varchar={'measurement' in file.name})"
            connection.sql(source).create(file.stem.lower())
    return path


def to_parquet(folder: Path) -> Path:
    """The example as Parquet files, one of them a folder of parts."""
    target = folder / "value_as_number=7" / "parquet"  # which is no column of what is in it
    target.mkdir(parents=True)
    with duckdb.connect(to_duckdb(folder), read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall():
            file = target / f"{table}.parquet"
            if table == "visit_occurrence":
                file.mkdir()
                file = file / "part-0.parquet"
            connection.execute(f"COPY {table} TO '{file}' (FORMAT parquet)")
    return target


def to_odd_folder(folder: Path) -> Path:
    """The example where a name could stand for other files."""
    return Path(shutil.copytree(EXAMPLE, folder / "value_as_number=7" / "cd[m] *'s"))


@pytest.mark.parametrize("stored", [to_duckdb, to_parquet, to_odd_folder])
def test_every_store_converts_to_the_same(stored: Callable[[Path], Path], tmp_path: Path) -> None:
    """CSV, Parquet and DuckDB hold the same tables."""
    (tmp_path / "out").mkdir()
    files = made(tmp_path / "out", str(stored(tmp_path)))
    for name, data in files.items():
        assert data == (FOLDER / name).read_bytes(), name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(
    st.decimals(min_value=0, max_value=10**6, allow_nan=False, places=3),
    st.sampled_from([("", ""), ("4172703", ""), ("4171756", "<"), ("4171755", ">=")]),
    st.sampled_from(["g/L", "g/dl", "mmol/l"]),
)
def test_a_value_and_its_unit_survive(
    tmp_path: Path, strict: Setup, number: Decimal, operator: tuple[str, str], unit: str
) -> None:
    """From a row to the fact that is evaluated, to the digit."""
    (tmp_path / "person.csv").write_text(PERSON)
    (tmp_path / "concept.csv").write_text("concept_id,concept_code,vocabulary_id,concept_name\n7,718-7,LOINC,Hb\n")
    row = f"1,1,7,2026-02-20,{operator[0]},{number:f},{unit},HB,\n"
    (tmp_path / "measurement.csv").write_text(MEASUREMENT + row)
    (fact,) = record_of(tmp_path, strict).observations["haemoglobin"]
    assert fact.amount is not None
    assert {fact.amount.low, fact.amount.high} - {None} == {number}
    assert (fact.amount.low is None, fact.amount.high is None) == (operator[1] == "<", operator[1] == ">=")
    assert fact.amount.text == unit


def test_a_blank_is_never_a_number(tmp_path: Path, strict: Setup) -> None:
    """A result without a value is no result."""
    (tmp_path / "person.csv").write_text(PERSON)
    (tmp_path / "concept.csv").write_text("concept_id,concept_code,vocabulary_id,concept_name\n7,718-7,LOINC,Hb\n")
    (tmp_path / "measurement.csv").write_text(MEASUREMENT + "1,1,7,2026-02-20,,, ,HB,\n2,1,7,2026-02-20,0,,g/L,HB,\n")
    assert record_of(tmp_path, strict).observations == {}


def test_without_a_vocabulary_codes_are_local_and_can_be_mapped(tmp_path: Path, strict: Setup) -> None:
    """The source's own word is a code of its table."""
    (tmp_path / "person.csv").write_text(PERSON)
    (tmp_path / "measurement.csv").write_text(MEASUREMENT + "1,1,7,2026-02-20,,9,g/L,HB,\n")
    (unmapped,) = record_of(tmp_path, strict).unmapped
    assert (unmapped.system, unmapped.code) == ("http://example.org/fhir-trial-adapter/CodeSystem/local/OMOP", "7")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no table person"),
        ({"measurement.csv": MEASUREMENT}, "no table person"),
        ({"person.csv": PERSON + '2,8532\n3,"8532,1990\n'}, "can't be read"),
        ({"person.csv": PERSON, "measurement.parquet": "no parquet"}, "can't be read"),
    ],
)
def test_what_can_not_be_read_is_said_without_what_stands_in_it(
    files: dict[str, str], said: str, tmp_path: Path, strict: Setup
) -> None:
    """The file, and where it is wrong."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        units(tmp_path, strict)
    assert "8532" not in str(caught.value)


def test_a_database_file_names_nothing_but_itself(tmp_path: Path, strict: Setup) -> None:
    """What somebody else's file calls its schemas is no SQL, and its views read none of our files."""
    secret, written = tmp_path / "secret.txt", tmp_path / "written.csv"
    secret.write_text("secret")
    schema = f"x\".person; COPY (SELECT 1) TO '{written}'; --"
    with duckdb.connect(tmp_path / "cdm.duckdb") as connection:
        connection.execute('CREATE SCHEMA "{}"'.format(schema.replace('"', '""')))
        connection.execute('CREATE TABLE "{}".death (person_id INT)'.format(schema.replace('"', '""')))
        connection.execute(f"CREATE VIEW person AS SELECT content AS person_id FROM read_text('{secret}')")  # noqa: S608  # the attack itself
    with pytest.raises(InputError) as caught:
        units(tmp_path / "cdm.duckdb", strict)
    assert "secret" not in str(caught.value)
    assert not written.exists()


@pytest.mark.parametrize("source", ["nowhere", "mysql://host/cdm", "postgresql://127.0.0.1:1/cdm"])
def test_a_source_that_is_not_there_is_said(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with what would be right."""
    assert cli.main(["convert", "omop", source, "--out", str(tmp_path / "out")]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert "postgresql" in line.casefold()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@example(table="death", text="\nx", with_header=False)
@given(st.sampled_from(READ[1:]), st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_any_file_converts_or_says_why_not(
    tmp_path: Path,
    strict: Setup,
    table: str,
    text: str,
    with_header: bool,  # noqa: FBT001  # hypothesis passes it by name
) -> None:
    """Nothing that a file may hold ends in an internal error."""
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    (tmp_path / "person.csv").write_text(PERSON)
    name = table.partition("_")[0]
    header = f"{table}_id,person_id,{name}_concept_id,{name}_source_value\n1,1,7,"
    (tmp_path / f"{table}.csv").write_text((header if with_header else "") + text, encoding="utf-8")
    with suppress(AdapterError):
        assert problems(units(tmp_path, strict)) == []


def test_the_example_has_the_shapes_of_fhir(strict: Setup) -> None:
    """By the models of R4."""
    assert problems(units(EXAMPLE, strict)) == []


def test_sorting_has_a_limit_of_memory(tmp_path: Path) -> None:
    """What doesn't fit goes to the folder that was given."""
    (tmp_path / "person.csv").write_text(PERSON)
    with open_database(str(tmp_path), tmp_path) as database:
        (limit,) = next(database.rows("SELECT current_setting('memory_limit')"))
        assert limit is not None
        assert float(limit.split()[0]) < 400
