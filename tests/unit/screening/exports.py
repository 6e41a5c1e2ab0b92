"""Bulk Data exports of a server, as tests have it answer."""

import json
from datetime import UTC, datetime
from typing import Any

from adapter.screening.source.server import Exported
from tests.unit.fhir_client.answers import BASE

Json = dict[str, Any]
TYPES = frozenset({"Patient", "Condition", "Observation"})
AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
STATUS = f"{BASE}/status/1"
P1, P2 = {"resourceType": "Patient", "id": "p1"}, {"resourceType": "Patient", "id": "p2"}
C1 = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}


def lines(*resources: Json) -> bytes:
    """NDJSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in resources)


def manifest(*parts: Json, **said: Any) -> Json:  # noqa: ANN401  # as JSON has it
    """What the server says of an export."""
    made = {"transactionTime": "2026-03-01T00:00:00Z", "request": "", "requiresAccessToken": False, "error": []}
    return {**made, "output": list(parts), "deleted": [], **said}


def part(name: str, type_: str, count: int | None = None) -> Json:
    """A file of it."""
    made: Json = {"type": type_, "url": f"{BASE}/files/{name}"}
    return made if count is None else {**made, "count": count}


def held(exported: Exported) -> set[str]:
    """What the files of an export hold."""
    texts = [file.read_text() for file in sorted((exported.folder / "output").glob("*.ndjson"))]
    found = [json.loads(line) for text in texts for line in text.splitlines()]
    return {f"{each['resourceType']}/{each['id']}/{each.get('meta', {}).get('versionId', '')}" for each in found}
