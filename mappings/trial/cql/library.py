"""A definition -> the text of its CQL library: what it reads, an expression a criterion and part, and the decision."""

import re
from collections.abc import Iterator

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.model import Criterion
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import EXPOSURE, OBSERVATION, Role
from adapter.kinds.condition.rule import ALWAYS, truth
from adapter.kinds.condition.statement import PREGNANCY
from mappings.trial.cql.codes import CODES
from mappings.trial.cql.codes import analyte as facts_of
from mappings.trial.cql.expressions import cql
from mappings.trial.cql.functions import VERSION, functions
from mappings.trial.cql.statements import decision, named_criteria, statement_of
from mappings.trial.cql.text import (
    ALLERGIES,
    AS_OF,
    ATTESTATION,
    ATTESTATIONS,
    CONSENTED,
    CONSENTS,
    CONSENTS_DIFFER,
    CUTOFF,
    DIAGNOSES,
    EXPOSURES,
    MEASURED,
    MENTIONS,
    NOW,
    PREGNANT,
    STUDY,
    VACCINATED,
    call,
    comment,
    decimal,
    definition,
    duration,
    entries,
    freshness,
    items,
    name,
    readings,
    string,
)

_MENTIONING = (
    "Encounter",
    "Procedure",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "MedicationDispense",
    "AdverseEvent",
    "DiagnosticReport",
    "ServiceRequest",
    "Observation",
    "Immunization",
    "ExplanationOfBenefit",
    "Claim",
    "ClinicalImpression",
    "CarePlan",
    "Flag",
)
_GIVEN = tuple(place.type for place in EXPOSURE.places)
_RETRIEVED = re.compile(r"\[([A-Z][a-z][A-Za-z]+)\]")  # no unit: [IU]
_DECIDING = frozenset({Role.ASKED, Role.TEST, Role.BESIDE})


def record(held: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    """The definitions. Retrieves are by type alone: what an entry's codes belong to is asked in the library."""
    yield definition(NOW, call('Time."Local"', f"Coalesce({AS_OF}, Now())"))
    yield definition(MEASURED, call('Observations."Read"', "[Observation]", "[Specimen]", "Patient"))
    yield definition(DIAGNOSES, call('Diagnoses."Read"', "[Condition]", "Patient"))
    yield definition(EXPOSURES, call('Treatments."Read"', *(f"[{each}]" for each in _GIVEN), "[Medication]"))
    yield definition(MENTIONS, call('Mentions."Read"', *(f"[{each}]" for each in _MENTIONING)))
    read = call('Allergies."Read"', "[AllergyIntolerance]"), call('Allergies."Told"', DIAGNOSES)
    yield definition(ALLERGIES, f"flatten {{ {', '.join(read)} }}")
    yield definition(ATTESTATIONS, call('Persons."Attestations"', MEASURED))
    yield definition(CONSENTS, call('Persons."Consents"', "[Consent]"))
    names = _names(held)
    yield definition(CONSENTED, call('Persons."Consented"', CONSENTS, names, NOW))
    yield definition(CONSENTS_DIFFER, call('Persons."Differ"', CONSENTS, names, NOW))
    for analyte in analytes_of(held, terminology):
        yield _readings(analyte, terminology)


def further(held: TrialDefinition) -> Iterator[tuple[str, str]]:
    """The definitions of what only some studies ask for, by name: lists, vaccinations, the study's names."""
    given = ", ".join(f"[{each}]" for each in (*_GIVEN, "Medication", "Immunization"))
    for of, read in {
        "devices": "Devices([Device], [DeviceUseStatement])",
        "encounters": "Encounters([Encounter], [Condition])",
        "family-history": "Relatives([FamilyMemberHistory])",
        "participations": "Participations([ResearchSubject])",
        "plans": "Plans([ServiceRequest])",
        "adverse-events": f"AdverseEvents([AdverseEvent], Entries.Causes({given}))",
        "reports": "Reports([DiagnosticReport])",
        "specimens": "Specimens([Specimen])",
    }.items():
        yield entries(of), f"Entries.{read}"
    yield VACCINATED, f"flatten {{ {EXPOSURES}, Treatments.Vaccinated([Immunization]) }}"
    yield STUDY, _names(held)


def _names(held: TrialDefinition) -> str:
    return items(string(each) for each in (held.id, *(identifier.value for identifier in held.identifiers)))


def retrieved(text: str) -> tuple[str, ...]:
    """The resource types that a study's library reads, beside Patient."""
    code = (line for line in text.splitlines() if not line.startswith("//"))
    return tuple(dict.fromkeys(found for line in code for found in _RETRIEVED.findall(line)))


def analytes_of(held: TrialDefinition, terminology: Terminology) -> list[str]:
    """The analytes that decide one of the definition's criteria, alternatives too."""
    read = (read for leaf in (*held.leaves(), PREGNANCY) for read in reads_of(leaf, terminology.catalogue))
    return sorted({each.name for each in read if each.data is OBSERVATION and each.role in _DECIDING})


def _readings(analyte: str, terminology: Terminology) -> str:
    """The readings of an analyte; those of its alternative as well while the patient is young enough.

    Those of an antigen are marked where the sample held no cells that could carry it, and those of what a treatment
    raises where it was given.
    """
    analytes = terminology.catalogue.analytes
    held = analytes[analyte]
    own = call('Observations."Of"', MEASURED, string(analyte))
    if held.tumour_cells or held.of_blasts:
        cells = items(
            f"Tuple {{ readings: {readings(each)}, analyte: {facts_of(each)} }}" for each in held.tumour_cells
        )
        blastic = call('Observations."Antigens"', own, cells) if held.tumour_cells else own
        mature = call('Observations."NotOn"', own, items(map(string, held.of_blasts))) if held.of_blasts else own
        own = f"if {_has_no_blasts(terminology)}\nthen {mature}\nelse {blastic}"
    if held.raised_by:
        treatments = (
            f"Tuple {{ readings: {readings(each.analyte)}, analyte: {facts_of(each.analyte)}, "
            f"above: {decimal(each.above)} }}"
            for each in held.raised_by
        )
        own = call('Observations."Raised"', own, items(treatments))
    if held.alternative is None or held.alternative_below is None:
        return definition(readings(analyte), own)
    young = call('Time."SurelyYounger"', 'Time."Birth"(Patient)', NOW, duration(held.alternative_below))
    other = readings(held.alternative)
    return definition(readings(analyte), f"flatten {{ {own}, if {young} then {other} else null }}")


def _has_no_blasts(terminology: Terminology) -> str:
    conditions = terminology.catalogue.conditions
    mature = items(string(id_) for id_, each in conditions.items() if each.mature)
    blastic = dict.fromkeys(name for id_, each in conditions.items() if each.blastic for name in (id_, *each.may_be))
    return call('Conditions."HasNoBlasts"', DIAGNOSES, mature, items(map(string, blastic)))


def study_library(held: TrialDefinition, terminology: Terminology, policy: Policy, library: str) -> str:
    """The text of the library of that name. The policy's windows and cut-off are the defaults of its parameters.

    Raises KeyError for a concept that the catalogue doesn't hold.
    """
    criteria = [_criterion(label, each, held, terminology) for label, each in named_criteria(held)]
    criteria += decision(held, terminology)
    asked = "\n".join(criteria)
    body = [
        *record(held, terminology),
        *(definition(name, said) for name, said in further(held) if name in asked),
        definition(PREGNANT, cql(truth(PREGNANCY, terminology.catalogue))),
        *criteria,
    ]
    parts = [
        comment(f"Eligibility: {held.study.title}. Generated, do not edit; null is unknown."),
        f"library {library} version {string(held.version)}",
        "using FHIR version '4.0.1'",
        "\n".join(_includes("\n".join(body))),
        "\n".join(_parameters(held, terminology, policy)),
        "context Patient",
        *body,
    ]
    return "\n\n".join(parts) + "\n"


def _includes(body: str) -> Iterator[str]:
    """The libraries that are called."""
    yield "include FHIRHelpers version '4.0.1'"
    yield f"include {CODES} version {string(VERSION)} called Codes"
    for library in functions():
        called = library.removeprefix("Eligibility")
        if re.search(rf"\b{called}\.", body):
            yield f"include {library} version {string(VERSION)} called {called}"


def _parameters(held: TrialDefinition, terminology: Terminology, policy: Policy) -> Iterator[str]:
    yield f"parameter {AS_OF} System.DateTime"
    for of_class in freshness_classes(held, terminology):
        yield f"parameter {freshness(of_class)} System.Quantity default {duration(policy.freshness[of_class])}"
    yield f"parameter {CUTOFF} Decimal default {decimal(policy.antigen_cutoff)}"


def freshness_classes(held: TrialDefinition, terminology: Terminology) -> list[str]:
    """The classes of data whose windows the library asks for."""
    analytes = terminology.catalogue.analytes
    return sorted({analytes[each].freshness for each in analytes_of(held, terminology)} | {ATTESTATION, *ALWAYS})


def _criterion(label: str, criterion: Criterion, held: TrialDefinition, terminology: Terminology) -> str:
    """A criterion or part. An attestation settles what is otherwise unknown, of what has an id."""
    said = statement_of(label, criterion, terminology)
    if criterion.id is not None:
        code = string(f"{held.id}.{criterion.id}")
        said = call("Coalesce", said, call('Persons."Attested"', ATTESTATIONS, code, NOW, freshness(ATTESTATION)))
    return definition(name(label), said, criterion.label)
