"""The site that is asked about: the shipped trials, some codes of its own, and three policies; and others' sites."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.model import TrialDefinition
from adapter.criteria.policy import NormalLimits, Policy
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.evaluator import BoundDefinition, bind
from mappings.policy import load_policy
from mappings.site.load import load_site
from tests.properties import core

LABORATORY = "http://hospital.example.org/laboratory"
CASES = Path(__file__).parents[1] / "cases" / "trials"
_CASES = load_site(trials=CASES, base=core.TERMINOLOGY)
TERMINOLOGY = _CASES.terminology.with_local_maps(
    {
        (LABORATORY, "HB"): (Coding("http://loinc.org", "718-7"),),
        ("http://loinc.org", "20509-6"): (Coding("http://loinc.org", "2160-0"),),
        ("http://hl7.org/fhir/sid/icd-10-cm", "I48.0"): (Coding("http://hl7.org/fhir/sid/icd-10-cm", "B20"),),
    }
)
"""The second and third name codes that are known, and say that they mean something else here."""

SHIPPED = core.DEFINITIONS
_OF_CASES = ("entries", "person", "events", "readings", "further", "circumstances")
OF_CASES = tuple(each for each in _CASES.definitions if each.id in _OF_CASES)
"""Trials that nobody runs, for what none of the five asks."""
DEFINITIONS = (*SHIPPED, *OF_CASES)
BOUND = tuple(bind(definition, TERMINOLOGY) for definition in DEFINITIONS)
STRICT, PROBLEM_LIST = (load_policy(name, terminology=TERMINOLOGY) for name in ("strict", "problem-list"))
WITH_RULES = replace(
    STRICT,
    id="with-rules",
    normal_limits={"creatinine": NormalLimits(upper=Decimal(104))},
    pregnancy_ruled_out_from=Duration(55, CalendarUnit.YEAR),
    pregnancy_ruled_out_by=("hysterectomy",),
)
"""With limits of normal for results that have none, and rules on whom pregnancy doesn't concern."""

POLICIES = (STRICT, STRICT, WITH_RULES, PROBLEM_LIST)
"""What patients are asked about with, one after another."""


class Asking(NamedTuple):
    """Trials that are asked for, with the terminology that they are bound to."""

    terminology: Terminology
    definitions: tuple[TrialDefinition, ...]
    bounds: tuple[BoundDefinition, ...]
    policies: tuple[Policy, ...]


EVERYTHING = Asking(TERMINOLOGY, DEFINITIONS, BOUND, POLICIES)
THE_CASES = Asking(TERMINOLOGY, OF_CASES, BOUND[len(SHIPPED) :], POLICIES)


def of_site(folder: Path) -> Asking:
    """The trials of a site's folder."""
    site = load_site(folder)
    shipped = {each.id for each in SHIPPED}
    own = tuple(each for each in site.definitions if each.id not in shipped)
    policies = tuple(load_policy(name, terminology=site.terminology) for name in ("strict", "problem-list"))
    return Asking(site.terminology, own, tuple(bind(each, site.terminology) for each in own), policies)
