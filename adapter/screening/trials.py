"""The trial definitions there are, for programs."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from adapter.criteria.definition import TrialDefinition
from adapter.screening.setup import is_recruiting


def trials_json(definitions: Iterable[TrialDefinition]) -> list[dict[str, Any]]:
    """One object a trial: what it is called and whom it asks for; the criteria themselves are in the definition."""
    return [_trial(definition) for definition in definitions]


def _trial(definition: TrialDefinition) -> dict[str, Any]:
    kinds = Counter(criterion.kind.value for criterion in definition.criteria)
    return {
        "id": definition.id,
        "version": definition.version,
        "title": definition.study.title,
        "status": definition.study.status.value,
        "recruiting": is_recruiting(definition),
        "completeness": definition.completeness.value,
        "identifiers": [{"system": each.system, "value": each.value} for each in definition.identifiers],
        "index": list(definition.index),
        "criteria": dict(sorted(kinds.items())),
    }
