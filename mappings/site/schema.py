"""The JSON Schemas that an editor completes a site's files from, with the ids of the concepts that there are."""

from collections.abc import Mapping
from typing import Any

from adapter.criteria.fields import Section
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.policies.form import json_schema as policy_schema
from mappings.terminology.concept_forms import ConceptsForm
from mappings.terminology.wide import wide_concepts
from mappings.trial.json_schema import json_schema as trial_schema
from mappings.trial.json_schema import without_null
from mappings.trial.vocabulary import SECTION

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas(terminology: Terminology, kinds: Kinds = KINDS) -> Mapping[str, Json]:
    """By file name: of trials, of concepts.yaml and of policies."""
    concepts = without_null(ConceptsForm.model_json_schema(by_alias=True))
    return {
        "trial.schema.json": _with_ids(trial_schema(kinds, sections=True), terminology),
        "concepts.schema.json": {"$schema": DIALECT, **concepts},
        "policy.schema.json": policy_schema(),
    }


def _with_ids(schema: Json, terminology: Terminology) -> Json:
    """The schema whose keys that name a concept refer to a list of those that there are."""
    lists = {
        section.name.lower(): {
            "type": "string",
            "enum": sorted({*section.concepts(terminology.catalogue), *_wide(section)}),
            "description": f"The id of a concept: {section.value}.",
        }
        for section in Section
    }
    found: Json = _referring(schema)
    found["$defs"] = {**found.get("$defs", {}), **{f"{name}-id": each for name, each in lists.items()}}
    return found


def _wide(section: Section) -> set[str]:
    """The ids of the wider catalogue, which a trial has that names them."""
    key = f"{section.name.lower().replace('_', '-')}s"
    return {id_ for id_, entry in wide_concepts().items() if entry.section == key}


def _referring(schema: Any) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(schema, list):
        return [_referring(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if SECTION in schema:
        kept = {key: value for key, value in schema.items() if key not in {SECTION, "type"}}
        return {**kept, "$ref": f"#/$defs/{schema[SECTION]}-id"}
    return {key: _referring(value) for key, value in schema.items()}
