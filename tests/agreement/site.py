"""The site that is asked about: the shipped trials, some codes of its own, and three policies."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.policy import NormalLimits
from adapter.criteria.value_set import Coding
from adapter.evaluator import bind
from mappings.trial import load_definition
from tests.properties import core

LABORATORY = "http://hospital.example.org/laboratory"
TERMINOLOGY = core.TERMINOLOGY.with_local_maps(
    {
        (LABORATORY, "HB"): (Coding("http://loinc.org", "718-7"),),
        ("http://loinc.org", "20509-6"): (Coding("http://loinc.org", "2160-0"),),
        ("http://hl7.org/fhir/sid/icd-10-cm", "I48.0"): (Coding("http://hl7.org/fhir/sid/icd-10-cm", "B20"),),
    }
)
"""The second and third name codes that are known, and say that they mean something else here."""

CASES = Path(__file__).parents[1] / "cases" / "trials"
SHIPPED = core.DEFINITIONS
OF_CASES = tuple(
    load_definition(CASES / f"{name}.yaml", terminology=core.TERMINOLOGY)
    for name in ("entries", "person", "events", "readings")
)
"""Trials that nobody runs, for what none of the five asks."""
DEFINITIONS = (*SHIPPED, *OF_CASES)
BOUND = tuple(bind(definition, TERMINOLOGY) for definition in DEFINITIONS)
STRICT, PROBLEM_LIST = core.STRICT, core.PROBLEM_LIST
WITH_RULES = replace(
    STRICT,
    id="with-rules",
    normal_limits={"creatinine": NormalLimits(upper=Decimal(104))},
    pregnancy_ruled_out_from=Duration(55, CalendarUnit.YEAR),
    pregnancy_ruled_out_by=("hysterectomy",),
)
"""With limits of normal for results that have none, and rules on whom pregnancy doesn't concern."""
