"""The libraries' texts in a folder, each in a file of its name, as engines look for them."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from mappings.trial.fhir import resources_of, shared_resources
from mappings.trial.fhir.library import library_name


def write_libraries(
    folder: Path, definitions: Iterable[TrialDefinition], terminology: Terminology
) -> Mapping[str, str]:
    """Write what the published Libraries hold. The name of each study's library, by the study's id."""
    held = tuple(definitions)
    own = [resource for definition in held for resource in resources_of(definition, terminology)]
    for each in (*own, *shared_resources(held, terminology)):
        if each["resourceType"] == "Library":
            text = base64.b64decode(each["content"][0]["data"])
            (folder / f"{each['name']}.cql").write_bytes(text)
    return {definition.id: library_name(definition) for definition in held}
