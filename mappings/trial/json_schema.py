"""The published JSON Schema of a definition file, made from the models.

`python -m mappings.trial.json_schema` writes `mappings/trials/trial.schema.json` anew.
"""

import json
from pathlib import Path
from typing import Any

from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.trial.form import SECTION
from mappings.trial.schema import trial_form

SCHEMA_FILE = Path(__file__).parent.parent / "trials" / "trial.schema.json"


def json_schema(kinds: Kinds = KINDS, *, sections: bool = False) -> dict[str, Any]:
    """The JSON Schema of a definition file, for editors and for reviewers.

    `sections`: each key that names a concept says of which section (`mappings.trial.form.SECTION`).
    """
    schema: dict[str, Any] = without_null(trial_form(kinds).model_json_schema(by_alias=True))
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return found if sections else _plain(found)


def _plain(schema: Any) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if isinstance(schema, dict):
        return {key: _plain(value) for key, value in schema.items() if key != SECTION}
    return schema


def without_null(schema: Any) -> Any:  # noqa: ANN401  # any JSON value
    """The schema without `null` as a value: a key is written with a value, or left out."""
    if isinstance(schema, list):
        return [without_null(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: without_null(value) for name, value in schema.items() if (name, value) != ("default", None)}
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        return choices[0] | kept
    return kept | {"anyOf": choices} if choices else kept


def schema_text() -> str:
    """The schema file's content."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
