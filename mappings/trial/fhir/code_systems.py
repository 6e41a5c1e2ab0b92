"""Our code systems, as FHIR CodeSystems: the codes that the resources of all studies share."""

from collections.abc import Iterable
from enum import StrEnum

from adapter.criteria import study
from adapter.criteria.definition import CriterionKind, TrialDefinition
from adapter.criteria.quantity import LimitOfNormal
from adapter.criteria.terminology import Terminology
from adapter.evaluator.attestation import SYSTEM as ATTESTATION
from mappings.trial.fhir.activity import INTERVENTION_TYPE
from mappings.trial.fhir.characteristic import CHARACTERISTIC
from mappings.trial.fhir.criterion_action import CRITERION_KIND
from mappings.trial.fhir.datatype import LIMITS
from mappings.trial.fhir.eligibility_plan import PLAN_TYPE
from mappings.trial.fhir.json_text import Json, present
from mappings.trial.fhir.names import ELIGIBILITY, TREATMENT, code_system, computer_name
from mappings.trial.fhir.narrative import element, narrative, table, text
from mappings.trial.fhir.research_study import ARM_TYPE
from mappings.trial.fhir.treatment_plan import TREATMENT_PHASE

OBSERVATION = code_system("observation")
VERSION = "1.0.0"

Codes = Iterable[tuple[str, str]]
"""Each code and its display."""


def build_code_systems(definitions: Iterable[TrialDefinition], terminology: Terminology) -> list[Json]:
    """All of them. The attestations are those that settle a criterion of these definitions."""
    return [
        _build(ATTESTATION, "Attestations of a criterion's statement", _attestations(definitions)),
        _build(OBSERVATION, "Observations that have no standard code", _observations(terminology)),
        _build(
            PLAN_TYPE, "Types of a study's plans", [(ELIGIBILITY, "Who may take part"), (TREATMENT, "What is done")]
        ),
        _build(CRITERION_KIND, "Inclusion and exclusion", _members(CriterionKind)),
        _build(TREATMENT_PHASE, "Steps of a treatment", _members(study.TreatmentPhase)),
        _build(INTERVENTION_TYPE, "Types of interventions", _members(study.InterventionType)),
        _build(ARM_TYPE, "Types of arms", _members(study.ArmType)),
        _build(
            LIMITS,
            "Limits of normal as units",
            [
                (LimitOfNormal.UPPER.value, "Upper limit of normal"),
                (LimitOfNormal.LOWER.value, "Lower limit of normal"),
            ],
        ),
        _build(
            CHARACTERISTIC,
            "What a Group's characteristic is about",
            [
                ("age", "Age"),
                ("sex", "Sex for clinical use"),
                ("diagnosis", "Active diagnosis"),
                ("past-or-present-diagnosis", "Diagnosis at any time"),
            ],
        ),
    ]


def _members(kind: type[StrEnum]) -> Codes:
    return [(member.value, member.value.replace("-", " ").capitalize()) for member in kind]


def _attestations(definitions: Iterable[TrialDefinition]) -> Codes:
    for definition in definitions:
        for criterion in definition.walk():
            if criterion.id:
                yield f"{definition.id}.{criterion.id}", criterion.label or criterion.id


def _observations(terminology: Terminology) -> Codes:
    held = {
        code.code: code.display or code.code
        for each in terminology.value_sets.values()
        for code in each.codes
        if code.system == OBSERVATION
    }
    return sorted(held.items())


def _build(url: str, title: str, codes: Codes) -> Json:
    name = url.rpartition("/")[2]
    concepts = list(codes)
    return present(
        {
            "resourceType": "CodeSystem",
            "id": name,
            "text": narrative(element("h2", text(title)), table(("Code", "Meaning"), concepts)),
            "url": url,
            "version": VERSION,
            "name": computer_name(name),
            "title": title,
            "status": "active",
            "experimental": False,
            "caseSensitive": True,
            "content": "complete",
            "concept": [{"code": code, "display": display} for code, display in concepts],
        }
    )
