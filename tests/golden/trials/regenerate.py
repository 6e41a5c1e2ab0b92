"""The shipped definitions' resources, as files to review in a diff.

`python -m tests.golden.trials.regenerate` writes them anew.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from adapter.fhir.elements import Json
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from mappings.trial.fhir import encode, resources_of
from mappings.trial.fhir.library import library_text

HERE = Path(__file__).parent


def golden() -> Iterator[tuple[Path, bytes]]:
    """Each file and what it should hold."""
    terminology = load_terminology()
    for definition in load_definitions(terminology=terminology):
        yield HERE / f"{definition.id}.json", encode(_bundle(resources_of(definition, terminology)))
        yield HERE / f"{definition.id}.cql", library_text(definition, terminology).encode()


def _bundle(resources: Iterable[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


if __name__ == "__main__":
    for path, data in golden():
        path.write_bytes(data)
