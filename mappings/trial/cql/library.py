"""A definition -> the text of its CQL library: what it reads, an expression a criterion and part, and the decision.

A criterion -> the CQL expression of its truth, and the decision over all of them: Kleene's logic as CQL has it.

An expression of a criterion's room -> CQL. The functions that it calls are the semantics (`functions/`).
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from adapter.criteria.calendar import Duration
from adapter.criteria.expression import (
    AnalyteFacts,
    Call,
    Concepts,
    Each,
    Entries,
    Expression,
    Freshness,
    Items,
    Known,
    Lines,
    Names,
    Operation,
    Part,
    Readings,
    Row,
)
from adapter.criteria.join import join_of, truth_of
from adapter.criteria.model import (
    Combinator,
    Completeness,
    Criterion,
    CriterionRole,
    Leaf,
    TrialDefinition,
    parts_of,
)
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.kind import kind_of, reads_of
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.evaluator.reads import EXPOSURE, OBSERVATION, Role
from adapter.kinds.condition.rule import ALWAYS, truth
from adapter.kinds.condition.statement import PREGNANCY
from mappings.trial.cql.codes import CODES, concept
from mappings.trial.cql.codes import analyte as facts_of
from mappings.trial.cql.functions import VERSION, functions
from mappings.trial.cql.text import (
    AGAINST,
    ALLERGIES,
    AS_OF,
    ATTESTATION,
    ATTESTATIONS,
    CONSENTED,
    CONSENTS,
    CONSENTS_DIFFER,
    CUTOFF,
    DECISION,
    DIAGNOSES,
    EXPOSURES,
    KNOWN,
    MEASURED,
    MENTIONS,
    NOW,
    NULL,
    PERSON,
    PREGNANT,
    STUDY,
    VACCINATED,
    WAITS,
    boolean,
    call,
    comment,
    decimal,
    definition,
    duration,
    entries,
    freshness,
    items,
    lines,
    name,
    names,
    readings,
    string,
)


def cql(held: Expression) -> str:
    """The text of an expression."""
    return WRITTEN[type(held)](held)


def _call(held: Call) -> str:
    function = f"{held.library}.{name(held.function)}" if held.library else held.function
    return call(function, *(cql(each) for each in held.arguments))


def _row(held: Row) -> str:
    return f"Tuple {{ {', '.join(f'{element}: {cql(value)}' for element, value in held.elements)} }}"


def _part(held: Part) -> str:
    return f"{name(held.of)}.{held.element}" if held.element else name(held.of)


def _each(held: Each) -> str:
    """A query: CQL names what another expression uses in no other way."""
    over = f"{{ {cql(held.over)} }}" if held.alone else cql(held.over)
    query = f"({over}) {name(held.name)} return all {cql(held.then)}"
    return f"First({query})" if held.alone else query


def _operation(held: Operation) -> str:
    operands = [cql(each) for each in held.operands]
    return f"not {operands[0]}" if held.operator == "not" else f" {held.operator} ".join(operands)


WRITTEN: dict[type[Any], Callable[[Any], str]] = {
    type(None): lambda _: NULL,
    bool: lambda held: boolean(value=held),
    int: str,
    str: string,
    Decimal: decimal,
    Duration: duration,
    Known: lambda held: KNOWN[held],
    Readings: lambda held: readings(held.analyte),
    AnalyteFacts: lambda held: facts_of(held.analyte),
    Freshness: lambda held: freshness(held.of_class),
    Concepts: lambda held: items(concept(each) for each in dict.fromkeys(held.concepts)),
    Entries: lambda held: entries(held.of),
    Names: lambda held: names(dict.fromkeys(held.names)),
    Lines: lambda held: lines(held.lines),
    Part: _part,
    Each: _each,
    Items: lambda held: items(cql(each) for each in held.entries),
    Row: _row,
    Call: _call,
    Operation: _operation,
}
"""How each kind of expression is written."""


def named_criteria(held: TrialDefinition) -> Iterator[tuple[str, Criterion]]:
    """Every criterion and part with the name of its expression, parts before what they are parts of."""
    for top in held.criteria:
        yield from _below(top.id, top.criterion)


def _below(label: str, criterion: Criterion) -> Iterator[tuple[str, Criterion]]:
    for each, part in named_parts(label, criterion):
        yield from _below(each, part)
    yield label, criterion


def named_parts(label: str, criterion: Criterion) -> list[tuple[str, Criterion]]:
    """A criterion's parts with their names; one without an id is named by its place."""
    parts = enumerate(parts_of(criterion.statement), start=1)
    return [(part.id or f"{label} part {number}", part) for number, part in parts]


def statement_of(label: str, criterion: Criterion, terminology: Terminology) -> str:
    """The expression of a criterion without its attestation; `label` is the name of its own."""
    statement = criterion.statement
    if isinstance(statement, Leaf):
        return cql(kind_of(statement).rule(statement, terminology.catalogue).truth)
    return cql(join_of(statement).rule(statement, tuple(Part(each) for each, _ in named_parts(label, criterion))))


def decision(held: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    """The definitions of what speaks against, what waits for data, and the decision."""
    against = [
        f"{name(top.id)} is {'false' if top.role is CriterionRole.INCLUSION else 'true'}" for top in held.criteria
    ]
    yield definition(AGAINST, _any(against), "A criterion speaks against the patient.")
    waits = [said for top in held.criteria if (said := _waits(top.id, top.criterion, terminology))]
    yield definition(WAITS, _any(waits), "A criterion is open, and not only a person can settle it.")
    settled = f"{WAITS} is false" if held.completeness is Completeness.FULL else "false"
    yield definition(
        name(DECISION),
        f"if Persons.\"IsDead\"(Patient, {NOW}) or {AGAINST} then 'ineligible'\n"
        f"else if {settled} then 'candidate'\n"
        "else 'potential-candidate'",
    )


def _any(said: list[str]) -> str:
    return "\n  or ".join(said) if said else "false"


def _unless_passed_over(label: str, criterion: Criterion, place: int, waits: str) -> str:
    """What a part waits for matters only where the first part doesn't say that the part doesn't."""
    statement = criterion.statement
    if isinstance(statement, Leaf):
        return waits
    untaken = join_of(statement).untaken.get(place)
    if untaken is None or truth_of(statement, _with_first(untaken, statement)) is not Truth.UNKNOWN:
        return waits
    condition = name(named_parts(label, criterion)[0][0])
    return f"({condition} is not {'false' if untaken is Truth.NOT_MET else 'true'} and {waits})"


def _with_first(first: Truth, statement: Combinator) -> list[Truth]:
    """The truths of parts of which the first alone is known."""
    return [first, *[Truth.UNKNOWN] * (len(parts_of(statement)) - 1)]


def _waits(label: str, criterion: Criterion, terminology: Terminology) -> str | None:
    """Whether a criterion is open and data could settle it; None where only a person ever can."""
    is_open = f"{name(label)} is null"
    if parts_of(criterion.statement):
        parts = enumerate(named_parts(label, criterion))
        told = ((place, _waits(each, part, terminology)) for place, (each, part) in parts)
        below = [_unless_passed_over(label, criterion, place, said) for place, said in told if said]
        return f"({is_open} and ({' or '.join(below)}))" if below else None
    statement = criterion.statement
    settled_by_data = (
        kind_of(statement).rule(statement, terminology.catalogue).waits if isinstance(statement, Leaf) else True
    )
    if settled_by_data is False:
        return None
    return is_open if settled_by_data is True else f"({is_open} and {cql(settled_by_data)})"


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
    "Device",
    "DeviceUseStatement",
    "ExplanationOfBenefit",
    "Claim",
    "ClinicalImpression",
    "CarePlan",
    "Flag",
    "DeviceRequest",
)
_GIVEN = tuple(place.type for place in EXPOSURE.places)
_RETRIEVED = re.compile(r"\[([A-Z][a-z][A-Za-z]+)\]")  # no unit: [IU]
_DECIDING = frozenset({Role.ASKED, Role.TEST, Role.BESIDE})


def record(held: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    """The definitions. Retrieves are by type alone: what an entry's codes belong to is asked in the library."""
    yield definition(NOW, call('Time."Local"', f"Coalesce({AS_OF}, Now())"))
    yield definition(PERSON, call('Coding."Believed"', "Patient"))
    yield definition(MEASURED, call('Observations."Read"', "[Observation]", "[Specimen]", PERSON))
    yield definition(DIAGNOSES, call('Diagnoses."Read"', "[Condition]", PERSON))
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
    """The readings of an analyte, marked where something beside them says more; in the young its alternative's too."""
    held = terminology.catalogue.analytes[analyte]
    own = call('Observations."Of"', MEASURED, string(analyte))
    if held.tumour_cells or held.of_blasts:
        of_cells = (f"Tuple {{ readings: {readings(each)}, analyte: {facts_of(each)} }}" for each in held.tumour_cells)
        cells = items(of_cells)
        blastic = call('Observations."Antigens"', own, cells) if held.tumour_cells else own
        mature = call('Observations."NotOn"', own, items(map(string, held.of_blasts))) if held.of_blasts else own
        own = f"if {_has_no_blasts(terminology)}\nthen {mature}\nelse {blastic}"
    if held.raised_by:
        treatments = (
            f"Tuple {{ readings: {readings(each.analyte)}, analyte: {facts_of(each.analyte)}, "
            f"above: {decimal(each.above)}, named: Codes.{name(f'{each.analyte} Named')} }}"
            for each in held.raised_by
        )
        own = call('Observations."Raised"', own, f"Codes.{name(f'{analyte} Names')}", items(treatments))
    for other, sign in ((held.above, "1.0"), (held.below, "-1.0")):
        if other is not None:  # the other as it was measured
            beside = call('Observations."Of"', MEASURED, string(other)), facts_of(other), sign
            own = call('Observations."Consistent"', own, facts_of(analyte), *beside)
    for treatment in held.raised_during:
        told = names(terminology.catalogue.exposures[treatment].told_by)
        of = EXPOSURES, MENTIONS, DIAGNOSES, concept(treatment), told, freshness(LIST), freshness(STATEMENT)
        own = call('Observations."RaisedDuring"', own, *of)
    if held.alternative is None or held.alternative_below is None:
        return definition(readings(analyte), own)
    young = call('Time."SurelyYounger"', f'Time."Birth"({PERSON})', NOW, duration(held.alternative_below))
    return definition(readings(analyte), f"flatten {{ {own}, if {young} then {readings(held.alternative)} else null }}")


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
