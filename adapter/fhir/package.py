"""The built FHIR package (profiles/package), from which the service serves our StructureDefinitions and codes."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from adapter.fhir.elements import Json

Package = Mapping[str, Mapping[str, Json]]
"""Resource type -> id -> resource, in the order of the file names. Not to be changed: everyone shares it."""


@cache
def conformance() -> Package:
    """The conformance resources of the package, without its examples."""
    found: dict[str, dict[str, Json]] = {}
    folder = files("profiles") / "package"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        kind, _, name = file.name.removesuffix(".json").partition("-")
        if name and file.name.endswith(".json"):
            found.setdefault(kind, {})[name] = msgspec.json.decode(file.read_bytes())
    return found
