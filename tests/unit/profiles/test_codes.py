"""The published lists of codes are the lists that the adapter works with."""

from enum import StrEnum

import pytest

from adapter.criteria import model, study
from adapter.criteria.model import Completeness
from adapter.criteria.quantity import LimitOfNormal
from adapter.criteria.truth import Truth
from adapter.evaluator.extent import Relation
from adapter.evaluator.reason import Reason, truth_of
from adapter.evaluator.verdict import Decision
from adapter.fhir.publishing import conformance
from adapter.kinds import KINDS
from adapter.kinds.change import Direction, Since
from adapter.kinds.condition.statement import Grade, Occurrence, Qualifier, Severity, Stage
from adapter.kinds.disease_course.diseases import Course
from adapter.kinds.events.count import Counted
from adapter.kinds.events.linked import Link
from adapter.kinds.events.sequence import Which
from adapter.kinds.judgement import Why
from adapter.kinds.measurement.statement import Selection
from adapter.kinds.person import SexForClinicalUse
from mappings.trial.fhir.element import ELIGIBILITY, TREATMENT
from mappings.trial.fhir.eligibility import ActionKind

LISTS: dict[str, type[StrEnum]] = {
    "allocation": study.Allocation,
    "arm-type": study.ArmType,
    "completeness": Completeness,
    "course": Course,
    "criterion-kind": ActionKind,
    "counted": Counted,
    "decision": Decision,
    "direction": Direction,
    "done": model.Done,
    "eligible-sex": study.EligibleSex,
    "finding": model.Finding,
    "grade": Grade,
    "intervention-type": study.InterventionType,
    "intervention-model": study.InterventionModel,
    "limit-of-normal": LimitOfNormal,
    "masked": study.Masked,
    "masking": study.Masking,
    "observational-model": study.ObservationalModel,
    "link": Link,
    "occurrence": Occurrence,
    "qualifier": Qualifier,
    "reason": Reason,
    "relation": Relation,
    "recruitment-status": study.RecruitmentStatus,
    "sampling-method": study.SamplingMethod,
    "selection": Selection,
    "severity": Severity,
    "since": Since,
    "stage": Stage,
    "study-type": study.StudyType,
    "time-perspective": study.TimePerspective,
    "treatment-phase": study.TreatmentPhase,
    "truth": Truth,
    "which": Which,
}


def codes(system: str) -> set[str]:
    """The codes of a packaged CodeSystem."""
    return {concept["code"] for concept in conformance()["CodeSystem"][system]["concept"]}


def listed(value_set: str) -> set[str]:
    """The codes that a packaged ValueSet lists."""
    includes = conformance()["ValueSet"][value_set]["compose"]["include"]
    return {concept["code"] for include in includes for concept in include["concept"]}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_the_adapters_own(name: str) -> None:
    """A code that the adapter can write has a published meaning, and no other code is published."""
    assert codes(name) == {member.value for member in LISTS[name]}


def test_kinds_of_statements() -> None:
    """Every kind of the algebra has its code."""
    assert codes("statement-kind") == {kind.name for kind in KINDS}


def test_plan_types() -> None:
    """The types of plans are those that the ids of plans end with."""
    assert codes("plan-type") == {ELIGIBILITY, TREATMENT}


def test_parts_of_lists() -> None:
    """Value sets that list a part of a code system list the part that the adapter means."""
    definite = {Reason.ATTESTED} | {each for each in Reason if each is not Reason.ATTESTED and _is_definite(each)}
    assert listed("reason-open") == {each.value for each in Reason} - {each.value for each in definite}
    assert listed("why") == {each.value for each in Why}
    assert listed("sex-for-clinical-use") == {each.value for each in SexForClinicalUse}
    assert listed("outcome-type") == {each.value for each in study.OutcomeType}


def _is_definite(reason: Reason) -> bool:
    return truth_of(reason) is not Truth.UNKNOWN


def test_every_code_says_what_it_means() -> None:
    """Each code of a fixed list has a display and a definition in words."""
    for name in (*LISTS, "statement-kind", "plan-type", "characteristic"):
        for concept in conformance()["CodeSystem"][name]["concept"]:
            assert concept["display"]
            assert concept["definition"].endswith("."), concept
