"""Counts over a population: those of a screening, by group and variant, without the small numbers."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.cli import app
from adapter.columns.folder import Facts
from adapter.criteria.calendar import CalendarUnit, Duration, birthday
from adapter.criteria.variant import Variant, variant_of
from adapter.errors import UsageError
from adapter.record.contents import contents_of
from adapter.screening.extract import extract
from adapter.screening.feasibility import AGES, Counts, born_by, by_records, counted, group_of
from adapter.screening.feasibility_columns import by_columns
from adapter.screening.feasibility_report import addends, few, in_order, part, svg, to_json
from adapter.screening.funnel import Summary
from adapter.screening.screen import Screener
from adapter.screening.setup import Setup
from adapter.screening.source import PatientInput
from demo.cohort import cohort
from tests.unit.screening.records import bundle, condition, ecog, lines, of, patient

AS_OF = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
PATIENTS = 60
STUDY = "nct04785833"


def facts_of(source: Path, out: Path, setup: Setup) -> Facts:
    """The facts of a source."""
    extract(source, out, setup, AS_OF, lambda _: None, parts=2)
    return Facts(out)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, strict: Setup) -> Facts:
    """Part of the demo cohort, as facts."""
    folder = tmp_path_factory.mktemp("feasibility")
    (folder / "source").mkdir()
    for name, _, content in cohort(PATIENTS, seed=3):
        (folder / "source" / f"{name}.json").write_bytes(content)
    return facts_of(folder / "source", folder / "facts", strict)


def report(facts: Facts, setup: Setup, *variants: str, least: int = 1) -> dict[str, Any]:
    """The counts as JSON."""
    found = counted(facts, setup, AS_OF, [variant_of(each) for each in variants], by_records)
    return to_json(found, facts.manifest, setup, AS_OF, least)


def test_the_counts_are_those_of_a_screening(people: Facts, strict: Setup) -> None:
    """The same funnel, whichever way it is counted."""
    summary = Summary(strict.definitions)
    screener = Screener(setup=strict, as_of=AS_OF, keep_all=False)
    for name, _, content in cohort(PATIENTS, seed=3):
        summary.add(screener(PatientInput(f"{name}.json", contents_of(content))))
    for counts in counted(people, strict, AS_OF, (), by_records):
        funnel = summary.funnels[counts.definition.id]
        assert (counts.totals.indicated, counts.unclear, counts.deceased, counts.patients) == (
            funnel.indicated,
            funnel.unclear,
            funnel.deceased,
            PATIENTS,
        )
        assert [step.remaining for step in counts.steps] == [step.remaining for step in funnel.steps()]
        assert counts.totals.possible == funnel.steps()[-1].remaining


def test_a_count_belongs_to_one_criterion_or_to_a_set(
    tmp_path: Path, strict: Setup, write: Callable[[str, bytes], Path]
) -> None:
    """Who is ruled out by one criterion alone, who by several, who is dead; by sex, age and site."""
    north = {"managingOrganization": {"reference": "Organization/north"}}
    made = (
        patient("p1", gender="female", birthDate="1980-05-01", **north),
        patient("p2", gender="male", birthDate="1950-05-01", **north),
        patient("p3", gender="male", birthDate="1980"),
        patient("p4", gender="female", birthDate="1980-05-01", deceasedBoolean=True),
        patient("p5", gender="female", birthDate="1980-05-01"),
    )
    write("source/Patient.ndjson", lines(*made))
    write("source/Condition.ndjson", lines(*(condition(f"c{n}", of(f"p{n}")) for n in range(1, 5))))
    path = write("source/Observation.ndjson", lines(ecog("e1", of("p1"), 4), ecog("e2", of("p2"), 4)))
    facts = facts_of(path.parent, tmp_path / "facts", strict)
    (study,) = (each for each in report(facts, strict)["studies"] if each["study"] == STUDY)
    totals = {name: study[name] for name in ("indicated", "deceased", "possible", "settled", "unclear")}
    assert totals == {"indicated": 4, "deceased": 1, "possible": 1, "settled": 0, "unclear": 0}
    by_id = {each["id"]: each for each in study["criteria"]}
    assert [by_id["I6"][name] for name in ("rulesOut", "onlyThis", "unknown", "remaining")] == [2, 1, 1, 1]
    assert [by_id["I1"][name] for name in ("met", "rulesOut", "onlyThis", "remaining", "settled")] == [2, 1, 0, 2, 2]
    assert study["intersections"] == [
        {"criteria": ["I1", "I6"], "patients": 1},
        {"criteria": ["I6"], "patients": 1},
    ]
    assert study["groups"]["site"] == [
        {"value": "Organization/north", "indicated": 2, "possible": 0, "settled": 0},
        {"value": "unknown", "indicated": 2, "possible": 1, "settled": 0},
    ]
    assert {each["value"]: each["indicated"] for each in study["groups"]["sex"]} == {"female": 2, "male": 2}
    assert {each["value"]: each["indicated"] for each in study["groups"]["age"]} == {"40-64": 3, "75+": 1}


def test_variants_stand_behind_their_study(people: Facts, strict: Setup) -> None:
    """A wider bound takes nobody away, and a criterion that is left out rules nobody out."""
    found = report(people, strict, f"{STUDY}:I1=<=90", f"{STUDY}:I1=off", "4scar7u:E5=off")["studies"]
    mine = [each for each in found if each["study"] == STUDY]
    assert [each["variant"] for each in mine] == [None, "I1=<=90", "I1=off"]
    assert mine[0]["possible"] < mine[1]["possible"] <= mine[2]["possible"]
    assert "I1" not in {each["id"] for each in mine[2]["criteria"]}
    assert mine[0]["criteria"][0]["onlyThis"] == mine[2]["possible"] - mine[0]["possible"]


def test_a_variant_of_another_study_is_refused(people: Facts, strict: Setup) -> None:
    """Before anything is counted."""
    with pytest.raises(UsageError, match="which is not asked for"):
        counted(people, strict, AS_OF, [Variant("nct1", (("I1", "3"),))], by_records)


@pytest.mark.parametrize(
    ("first", "last", "age"),
    [
        ("2008-03-02", "2008-03-02", "0-17"),
        ("2008-03-01", "2008-03-01", "18-39"),
        ("2008-01-01", "2008-12-31", "unknown"),
        ("1951-03-01", "1951-03-01", "75+"),
        ("1990-01-01", "1990-12-31", "18-39"),
        ("2027-01-01", "2027-01-01", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_ages(first: str | None, last: str | None, age: str) -> None:
    """By completed years; a birth date that leaves the group open is in none."""
    start, end = (date.fromisoformat(each) if each else None for each in (first, last))
    assert group_of("male", (start, end), None, born_by(date(2026, 3, 1))) == ("male", age, "unknown")


@given(st.dates(date(1990, 1, 1), date(2060, 12, 31)), st.dates(date(1880, 1, 1), date(2060, 12, 31)))
def test_an_age_is_reached_on_the_birthday(day: date, birth: date) -> None:
    """Also by who was born on the 29th of February, on the 1st of March of other years."""
    born = born_by(day)
    for years, latest in zip((18, 40, 65, 75), born[1:], strict=True):
        assert (birth <= latest) == (birthday(birth, Duration(years, CalendarUnit.YEAR)) <= day)
    assert len(born) == len(AGES)
    assert born[0] == day


@pytest.mark.parametrize("policy", ["strict", "problem_list"])
def test_sql_counts_the_same(people: Facts, request: pytest.FixtureRequest, policy: str) -> None:
    """To a patient, in every group and of every variant."""
    setup: Setup = request.getfixturevalue(policy)
    texts = (f"{STUDY}:I1=<=90", f"{STUDY}:I5=50", f"{STUDY}:I8=off", "4scar7u:E5=P3M", "nct07008872:E1=off")
    variants = [variant_of(each) for each in texts]
    one, other = (counted(people, setup, AS_OF, variants, engine) for engine in (by_records, by_columns))
    for first, second in zip(one, other, strict=True):
        assert first == second, first.variant


counts = st.lists(st.integers(0, 40), min_size=1, max_size=6)
least = st.integers(1, 12)


@given(counts, least)
def test_of_a_sum_never_one_addend_is_hidden_alone(held: list[int], floor: int) -> None:
    """It would be the sum less the others."""
    told = addends(held, floor)
    assert not any(each is not None and few(each, floor) for each in told)
    hidden = [place for place, each in enumerate(told) if each is None]
    if len(hidden) == 1:
        assert all(count == 0 for place, count in enumerate(held) if place != hidden[0])
    if floor == 1:
        assert told == held


@given(counts, least)
def test_no_step_gives_a_small_number_away(held: list[int], floor: int) -> None:
    """Neither a count nor the distance of two that are told."""
    told = [each for each in in_order(sorted(held, reverse=True), floor) if each is not None]
    assert not any(few(each, floor) for each in told)
    assert not any(few(one - other, floor) for one, other in pairwise(told))


@given(st.integers(0, 40), st.integers(0, 40), least)
def test_a_part_never_gives_the_rest_away(count: int, rest: int, floor: int) -> None:
    """Neither side is small where the part is told."""
    told = part(count, count + rest, floor)
    assert told is None or not (few(told, floor) or few(rest, floor))


def numbers(found: Any) -> Iterator[int]:  # noqa: ANN401  # JSON
    """Every number of a JSON value."""
    if isinstance(found, int):
        yield found
    for each in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from numbers(each)


def test_small_numbers_are_not_told(people: Facts, strict: Setup) -> None:
    """In no study and no variant; nor does a variant differ from its study, or from another variant, by one."""
    floor = 6
    texts = ("I5=50", "I1=<=90", *(f"I1=<={years}" for years in (70, 66, 60, 58, 50, 45, 40)))
    found = report(people, strict, *(f"{STUDY}:{each}" for each in texts), least=floor)["studies"]
    assert not [each for each in numbers(found) if few(each, floor)]
    assert [each for each in numbers(found) if each >= floor]
    for base, variant in combinations((each for each in found if each["study"] == STUDY), 2):
        for one, other in zip(base["criteria"], variant["criteria"], strict=True):
            both = [(one[name], other[name]) for name in ("met", "notMet", "unknown", "remaining", "settled")]
            assert not any(a is not None and b is not None and few(abs(a - b), floor) for a, b in both)


def test_the_picture_is_one(people: Facts, strict: Setup) -> None:
    """Well-formed, and whatever words a definition holds stand in it as words."""
    found = report(people, strict, f"{STUDY}:I5=50")
    found["studies"][0]["criteria"][0]["label"] = "<script>&"
    drawn = ET.fromstring(svg(found))  # noqa: S314  # our own
    texts = [each.text or "" for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert any("<script>&" in each for each in texts)
    assert f"{STUDY}, I5=50" in texts


def test_the_command(
    tmp_path: Path, strict: Setup, write: Callable[[str, bytes], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A JSON, a picture, variants from a file; what is no folder of facts is said."""
    source = write("source/p1.json", bundle(patient(), condition("c1", of())))
    facts_of(source.parent, tmp_path / "facts", strict)
    file = write("variants.txt", b"# wider\n\nnct04785833:I5=50\n")
    asked = ["--study", STUDY, "--variants", str(file), "--svg", str(tmp_path / "f.svg"), "--as-of", "2026-03-01"]
    assert app.run(["feasibility", "--source", str(tmp_path / "facts"), "--format", "json", *asked]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["variant"] for each in found["studies"]] == [None, "I5=50"]
    assert found["studies"][0]["indicated"] == 1
    assert (tmp_path / "f.svg").read_text().startswith("<svg")
    assert app.run(["feasibility", "--source", str(tmp_path / "facts"), *asked]) == 0
    assert "as it is" in capsys.readouterr().out
    assert app.run(["feasibility", "--source", str(source.parent), "--study", STUDY]) == 2
    assert "holds no facts" in capsys.readouterr().err


def test_counts_of_nobody(tmp_path: Path, strict: Setup, write: Callable[[str, bytes], Path]) -> None:
    """A population without the disease has no indication, and nothing is divided by it."""
    facts = facts_of(write("source/p1.json", bundle(patient())).parent, tmp_path / "facts", strict)
    found: list[Counts] = counted(facts, strict, AS_OF, (), by_records)
    assert {each.totals.indicated for each in found} == {0}
    assert ET.fromstring(svg(to_json(found, facts.manifest, strict, AS_OF, 5))) is not None  # noqa: S314  # our own
