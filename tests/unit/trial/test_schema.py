"""The published JSON Schema of a definition file."""

import json
from typing import Any

from mappings.trial.json_schema import SCHEMA_FILE, json_schema, schema_text


def test_published_schema_is_current() -> None:
    """The published schema is what the models say; `python -m mappings.trial.json_schema` writes it anew."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


def test_a_criterion_has_exactly_one_statement() -> None:
    """An editor that knows the schema flags a criterion with two statements, or none."""
    statements = {choice["required"][0] for choice in json_schema()["$defs"]["CriterionForm"]["oneOf"]}
    assert {"age", "condition", "measurement", "all-of", "any-of", "not", "if"} <= statements


def test_keys_are_closed_and_never_null() -> None:
    """Every mapping lists all of its keys, and a key is left out rather than null."""
    schema = json_schema()
    objects = [part for part in [schema, *schema["$defs"].values()] if part.get("type") == "object"]
    assert len(objects) > 15
    assert all(part["additionalProperties"] is False for part in objects)
    assert '"null"' not in json.dumps(schema)


def test_every_reference_resolves() -> None:
    """The schema refers to nothing that it doesn't define."""
    schema = json_schema()

    def references(part: Any) -> list[str]:  # noqa: ANN401  # any JSON value
        if isinstance(part, list):
            return [found for entry in part for found in references(entry)]
        if not isinstance(part, dict):
            return []
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for entry in part.values() for found in references(entry)]

    assert {found.removeprefix("#/$defs/") for found in references(schema)} <= set(schema["$defs"])
