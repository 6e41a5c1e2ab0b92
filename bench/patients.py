"""The patients that benchmarks run on: the demo cohort, each trimmed to its newest resources."""

import json
from collections.abc import Iterator
from typing import Any

from demo.cohort import cohort


def patients(count: int, resources: int) -> list[bytes]:
    """`count` Bundles of at most `resources` resources: the Patient, and what was written last."""
    return [_trimmed(content, resources) for content in _contents(count)]


def _contents(count: int) -> Iterator[bytes]:
    for _, _, content in cohort(count, seed=11):
        yield content


def _trimmed(content: bytes, resources: int) -> bytes:
    bundle = json.loads(content)
    entries = bundle["entry"]
    persons = [entry for entry in entries if entry["resource"]["resourceType"] == "Patient"]
    others = [entry for entry in entries if entry["resource"]["resourceType"] != "Patient"]
    others.sort(key=_written, reverse=True)
    bundle["entry"] = persons + others[: resources - len(persons)]
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def _written(entry: dict[str, Any]) -> str:
    updated: str = entry["resource"].get("meta", {}).get("lastUpdated", "")
    return updated
