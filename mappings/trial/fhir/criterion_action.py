"""A criterion -> an action of the eligibility plan, its parts the actions below it."""

import re

from adapter.criteria.definition import EligibilityCriterion
from adapter.criteria.model import Combinator, Criterion, Leaf, parts_of
from adapter.criteria.terminology import Terminology
from mappings.trial.fhir.data_requirement import requirements
from mappings.trial.fhir.json_text import Json, present
from mappings.trial.fhir.kinds import JOINS, write_statement
from mappings.trial.fhir.names import CLINICAL_TRIALS, code_system
from mappings.trial.fhir.wording import sentence

CRITERION_KIND = code_system("criterion-kind")
"""The code system of `inclusion` and `exclusion`, the codes of the plan's own actions."""

EXPRESSION_LANGUAGE = "text/cql"
"""The language of an expression that only names a criterion of ours: by its id. Later guides have `text/cql-identifier`
for that; R4's code system doesn't list it, and engines of R4 take a name in `text/cql` for the library's expression."""

_REGISTRY_NUMBER = re.compile(r"NCT\d{8}")
_SELECTION: dict[type[Leaf | Combinator], str | None] = {join.kind: join.behavior for join in JOINS.values()}


def eligibility_action(top: EligibilityCriterion, study: str, terminology: Terminology) -> Json:
    """A criterion of the trial: what a part has, and whether it excludes, and where it is published."""
    number = _REGISTRY_NUMBER.search(top.source)
    documentation = present(
        {
            "type": "citation",
            "citation": top.source,
            "url": f"{CLINICAL_TRIALS}/study/{number[0]}" if number else None,
        }
    )
    return _action(
        top.criterion,
        study,
        terminology,
        code=[{"coding": [{"system": CRITERION_KIND, "code": top.role.value}]}],
        documentation=[documentation],
    )


def _action(
    criterion: Criterion, study: str, terminology: Terminology, code: list[Json], documentation: list[Json]
) -> Json:
    parts = parts_of(criterion.statement)
    attestation = f"{study}.{criterion.id}" if criterion.id else None
    return present(
        {
            "id": criterion.id,
            "extension": [write_statement(criterion.statement)],
            "prefix": criterion.id,
            "title": criterion.label,
            "textEquivalent": sentence(criterion, terminology.catalogue),
            "code": code,
            "documentation": documentation,
            "condition": [_condition(criterion.id)] if criterion.id else [],
            "input": requirements(criterion.statement, attestation, terminology),
            "groupingBehavior": "logical-group" if parts else None,
            "selectionBehavior": _SELECTION.get(type(criterion.statement)),
            "action": [_action(part, study, terminology, code=[], documentation=[]) for part in parts],
        }
    )


def _condition(criterion_id: str) -> Json:
    """The criterion's expression in the plan's library: an engine shows the action where its statement is met."""
    return {"kind": "applicability", "expression": {"language": EXPRESSION_LANGUAGE, "expression": criterion_id}}
