"""SNOMED CT in RF2: the snapshot of concepts and of their is-a relationships -> the value sets that hold them."""

from collections import defaultdict
from pathlib import Path

from adapter.criteria.terminology import ReleasedCodes, Terminology
from mappings.terminology.imports.findings import findings
from mappings.terminology.imports.table import find_file, tab_rows

_IS_A = "116680003"
_ACTIVE = "1"


def read_snomed(folder: Path, terminology: Terminology) -> tuple[ReleasedCodes, tuple[Path, ...]]:
    """What the release says, and the files that were read. Raises UsageError where one is missing or not whole."""
    concepts = find_file(folder, "sct2_Concept_Snapshot_*.txt")
    relationships = find_file(folder, "sct2_Relationship_Snapshot_*.txt")
    active = {code for code, state in tab_rows(concepts, ("id", "active")) if state == _ACTIVE}
    parents: dict[str, list[str]] = defaultdict(list)
    for state, child, parent, type_ in tab_rows(relationships, ("active", "sourceId", "destinationId", "typeId")):
        if state == _ACTIVE and type_ == _IS_A and child in active and parent in active:
            parents[child].append(parent)
    return findings(parents, terminology), (concepts, relationships)
