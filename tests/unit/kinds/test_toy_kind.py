"""A kind of criterion is one room: a toy one, defined here and nowhere else, goes the whole way."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Known, Readings, call
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Flag, Keys, Section, Text, Window
from adapter.criteria.model import Leaf, TrialDefinition
from adapter.criteria.truth import Truth
from adapter.errors import DefinitionError
from adapter.evaluator import CriterionResult, Reason, Verdict, bind, evaluate
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import unsaid
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, Trial, reads_of, untold
from adapter.evaluator.latest import evidence, latest
from adapter.evaluator.moment import Moment, Placed
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import Read, Role, observed, touched
from adapter.fhir.client.resources import Capabilities
from adapter.fhir.guidance_response import data_requirement
from adapter.fhir.patients import record_plan
from adapter.kinds import KINDS
from adapter.kinds.judgement import Judgement
from adapter.record import read_record
from mappings.patient.sheet.template import template
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial.cql.library import study_library
from mappings.trial.fhir import parse, resources_of
from mappings.trial.json_schema import json_schema

TERMINOLOGY = load_terminology()
STRICT = load_policy("strict", terminology=TERMINOLOGY)


class Setting(StrEnum):
    """Where a test is done."""

    CLINIC = "clinic"
    HOME = "home"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeenTested(Leaf):
    """A test has been done, whatever came out."""

    analyte: str
    window: Duration
    settings: tuple[Setting, ...] = ()
    fasting: bool = False
    remark: str | None = None


def bind_tested(statement: BeenTested, trial: Trial) -> Evaluation:
    """Met by a dated result in the window."""
    analyte = trial.terminology.catalogue.analytes[statement.analyte]

    def evaluated(chart: Chart, moment: Moment) -> Outcome:
        newest = latest(chart.readings(analyte), moment)
        if newest is None:
            return outcome(Reason.NO_DATA)
        inside = moment.place_time(newest.time, statement.window) is Placed.INSIDE
        return outcome(Reason.RECORDED if inside else Reason.STALE, evidence(newest.readings))

    return evaluated


def reads(statement: BeenTested, catalogue: Catalogue) -> Iterator[Read]:
    """The test's results."""
    return observed(catalogue.analytes[statement.analyte], Role.ASKED, statement.window)


def words(statement: BeenTested, catalogue: Catalogue) -> Phrase:
    """As in `ECOG measured within 30 days`."""
    about = catalogue.analytes[statement.analyte].title
    asked = f"measured within {statement.window.words}"
    return Phrase(about, asked, f"{about} {asked}")


TOY = Kind(
    name="been-tested",
    statement=BeenTested,
    form=Keys(
        (
            Field("analyte", ConceptOf(Section.ANALYTE)),
            Field("window", Window(), says="How long ago at most."),
            Field("settings", CodeOf(Setting), many=True, url="setting"),
            Field("fasting", Flag()),
            Field("remark", Text()),
        )
    ),
    contradiction=lambda statement: (
        "nobody fasts for a month" if statement.fasting and len(statement.settings) else None
    ),
    reads=reads,
    bind=bind_tested,
    words=words,
    rule=lambda statement, _: Rule(call("Toys", "Tested", Readings(statement.analyte), statement.window, Known.NOW)),
    traits=untold,
    columns=unsaid,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
TOYS = (*KINDS, TOY)

TRIAL = """\
id: toy
version: 1.0.0
completeness: full
index: [aml]
study: {title: A toy trial, status: recruiting}
criteria:
  - id: I1
    kind: inclusion
    label: Tested
    source: this test
    been-tested: {analyte: ecog, window: P30D, settings: [clinic, home]}
"""
STATEMENT = BeenTested(analyte="ecog", window=Duration(30, CalendarUnit.DAY), settings=(Setting.CLINIC, Setting.HOME))
Written = Callable[..., TrialDefinition]


def test_it_is_read_from_yaml(written: Written) -> None:
    """The keys are its fields."""
    assert [top.criterion.statement for top in written().criteria] == [STATEMENT]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ecog", "ecogg", r"been-tested\.analyte: the catalogue has no analyte 'ecogg'; did you mean 'ecog'"),
        ("P30D", "30 days", r"been-tested\.window: '30 days' is no duration"),
        ("window: P30D, ", "", r"been-tested\.window: this key is missing"),
        ("clinic", "moon", r"been-tested\.settings\[0\]: 'moon' is not known here"),
        ("window", "widow", r"been-tested\.widow: unknown key; did you mean 'window'"),
        ("settings", "fasting: true, settings", r"been-tested: nobody fasts"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(written: Written, old: str, new: str, said: str) -> None:
    """Concepts, windows, codes and contradictions are checked without a line of its own."""
    with pytest.raises(DefinitionError, match=said):
        written(old, new)


def test_it_stands_in_the_json_schema() -> None:
    """The schema has its keys, and the one of our own kinds does not."""
    schema = json_schema(TOYS)
    held = schema["$defs"]["BeenTestedForm"]
    assert held["description"] == "A test has been done, whatever came out."
    assert list(held["properties"]) == ["analyte", "window", "settings", "fasting", "remark"]
    assert held["required"] == ["analyte", "window"]
    assert {"required": ["been-tested"]} in schema["$defs"]["PartForm"]["oneOf"]
    assert "been-tested" not in json.dumps(json_schema())


def of_patient(definition: TrialDefinition, *dates: str) -> Verdict:
    """The verdict on a patient with a result at each date."""
    resources: list[dict[str, Any]] = [{"resourceType": "Patient", "id": "p1", "gender": "female"}]
    for number, day in enumerate(dates):
        code = {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]}
        observation = {"resourceType": "Observation", "id": f"o{number}", "status": "final", "code": code}
        resources.append(observation | {"effectiveDateTime": day, "valueQuantity": {"value": 1, "code": "{score}"}})
    record = read_record(json.dumps(resources).encode(), TERMINOLOGY)
    return evaluate(bind(definition, TERMINOLOGY), record, datetime(2026, 3, 1, 12, tzinfo=UTC), STRICT)


def result_of(verdict: Verdict) -> CriterionResult:
    """The only criterion's result."""
    (result,) = verdict.criteria
    return result


@pytest.mark.parametrize(
    ("dates", "truth", "explanation"),
    [
        (["2026-02-20"], Truth.MET, "on record: 1 score on 2026-02-20"),
        (["2026-01-20"], Truth.UNKNOWN, "too old: 1 score on 2026-01-20"),
        ([], Truth.UNKNOWN, "nothing on record that counts: ECOG performance status"),
    ],
)
def test_it_is_evaluated_and_told(written: Written, dates: list[str], truth: Truth, explanation: str) -> None:
    """Its evaluation and its words are what the verdict says."""
    result = result_of(of_patient(written(), *dates))
    assert (result.result, result.explanation) == (truth, explanation)


def test_what_would_settle_it_is_asked_for(written: Written) -> None:
    """Its reads are the data need, in FHIR too."""
    (need,) = of_patient(written()).missing
    assert (need.type, need.concept, need.within, need.criteria) == ("Observation", "ecog", "P30D", ("I1",))
    asked = data_requirement(need)
    assert asked["codeFilter"][0]["valueSet"].endswith("/ValueSet/ecog")
    assert asked["dateFilter"] == [
        {
            "path": "effective",
            "valueDuration": {"value": 30, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"},
        }
    ]


def test_what_it_reads_is_fetched_and_touches_it(written: Written) -> None:
    """Its resource type is searched for whole; a change of its analyte concerns the study."""
    bound = bind(written(), TERMINOLOGY)
    searched = {each: frozenset({"patient", "_id"}) for each in ("Patient", *bound.types)}
    able = Capabilities(batch=True, history=False, parameters=searched, includes={}, operations={})
    plan = record_plan(["p1"], bound.types, able, 100)
    assert "Observation?patient=p1&_count=100" in plan.searches
    assert touched(reads_of(STATEMENT, TERMINOLOGY.catalogue), STRICT) == {"ecog"}


def test_it_survives_fhir_and_back(written: Written) -> None:
    """The plan's extension holds every field; a reader who doesn't know the kind asks a person."""
    definition = written("settings", "remark: by a nurse, settings")
    resources = resources_of(definition, TERMINOLOGY)
    assert parse(resources, TERMINOLOGY, TOYS) == definition
    (unknown,) = parse(resources, TERMINOLOGY).criteria
    assert isinstance(unknown.criterion.statement, Judgement)
    assert "been-tested is not understood" in unknown.criterion.label


def test_the_plan_says_it_in_words(written: Written) -> None:
    """The plan's action has its sentence, and the data that it reads."""
    (plan,) = [each for each in resources_of(written(), TERMINOLOGY) if each["id"] == "toy-eligibility"]
    (action,) = plan["action"]
    assert action["textEquivalent"] == "ECOG performance status measured within 30 days"
    assert [each["type"] for each in action["input"]] == ["Observation"]


def test_it_is_called_in_cql(written: Written) -> None:
    """The study's library retrieves what it reads and calls its function."""
    text = study_library(written(), TERMINOLOGY, STRICT, "Toy")
    assert 'Toys."Tested"("Readings of ecog", 30 days, "Evaluated At")' in text
    assert 'define "Readings of ecog"' in text


def test_a_sheet_has_its_column(written: Written) -> None:
    """A screening sheet asks for what it reads."""
    columns = template([bind(written(), TERMINOLOGY)], TERMINOLOGY)
    assert [each.header for each in columns if each.criteria] == [
        "ECOG performance status",
        "ECOG performance status date",
    ]


PARTS = sorted(field.name for field in fields(Kind))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_left_out_is_named(part: str) -> None:
    """No part has a default: a room without one doesn't import."""
    given = {name: getattr(TOY, name) for name in PARTS if name != part}
    with pytest.raises(TypeError, match=part):
        Kind(**given)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TOY.form.fields[1:], "been-tested: BeenTested.analyte has no entry in the table"),
        (
            (*TOY.form.fields, Field("dose", Flag())),
            "been-tested: BeenTested.dose stands in the table, not in the dataclass",
        ),
    ],
)
def test_a_table_that_differs_is_named(table: tuple[Field, ...], said: str) -> None:
    """A field without an entry would be silently lost in FHIR; it is an error instead."""
    with pytest.raises(TypeError, match=said):
        replace(TOY, form=Keys(table))


def test_a_statement_without_a_room_is_named() -> None:
    """A dataclass that no room describes can't be bound."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Homeless(Leaf):
        """A leaf of no kind."""

    with pytest.raises(TypeError, match=r"Homeless has no kind; write its room in adapter\.kinds"):
        reads_of(Homeless(), TERMINOLOGY.catalogue)
