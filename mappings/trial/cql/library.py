"""A definition -> the text of its CQL library: an expression a criterion and part, and one for the decision."""

from collections.abc import Iterator

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.model import Criterion
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.kinds.condition.kind import truth
from adapter.kinds.condition.statement import PREGNANCY
from mappings.trial.cql.codes import CODES
from mappings.trial.cql.decision import decision
from mappings.trial.cql.expressions import cql
from mappings.trial.cql.functions import VERSION, functions
from mappings.trial.cql.names import AS_OF, ATTESTATION, ATTESTATIONS, CUTOFF, NOW, PREGNANT, freshness
from mappings.trial.cql.record import analytes_of, record
from mappings.trial.cql.statements import named_criteria, statement_of
from mappings.trial.cql.text import call, comment, decimal, definition, duration, name, string


def study_library(held: TrialDefinition, terminology: Terminology, policy: Policy, library: str) -> str:
    """The text of the library of that name. The policy's windows and cut-off are the defaults of its parameters.

    Raises KeyError for a concept that the catalogue doesn't hold.
    """
    parts = [
        comment(f"Eligibility: {held.study.title}. Generated, do not edit; null is unknown."),
        f"library {library} version {string(held.version)}",
        "using FHIR version '4.0.1'",
        "\n".join(_includes()),
        "\n".join(_parameters(held, terminology, policy)),
        "context Patient",
        *record(held, terminology),
        definition(PREGNANT, cql(truth(PREGNANCY, terminology.catalogue))),
        *(_criterion(label, each, held, terminology) for label, each in named_criteria(held)),
        *decision(held, terminology),
    ]
    return "\n\n".join(parts) + "\n"


def _includes() -> Iterator[str]:
    yield "include FHIRHelpers version '4.0.1'"
    yield f"include {CODES} version {string(VERSION)} called Codes"
    for library in functions():
        yield f"include {library} version {string(VERSION)} called {library.removeprefix('Eligibility')}"


def _parameters(held: TrialDefinition, terminology: Terminology, policy: Policy) -> Iterator[str]:
    yield f"parameter {AS_OF} System.DateTime"
    for of_class in freshness_classes(held, terminology):
        yield f"parameter {freshness(of_class)} System.Quantity default {duration(policy.freshness[of_class])}"
    yield f"parameter {CUTOFF} Decimal default {decimal(policy.antigen_cutoff)}"


def freshness_classes(held: TrialDefinition, terminology: Terminology) -> list[str]:
    """The classes of data whose windows the library asks for."""
    analytes = terminology.catalogue.analytes
    return sorted({analytes[each].freshness for each in analytes_of(held, terminology)} | {ATTESTATION})


def _criterion(label: str, criterion: Criterion, held: TrialDefinition, terminology: Terminology) -> str:
    """A criterion or part. An attestation settles what is otherwise unknown, of what has an id."""
    said = statement_of(label, criterion, terminology)
    if criterion.id is not None:
        code = string(f"{held.id}.{criterion.id}")
        said = call("Coalesce", said, call('Persons."Attested"', ATTESTATIONS, code, NOW, freshness(ATTESTATION)))
    return definition(name(label), said, criterion.label)
