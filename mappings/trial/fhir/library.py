"""The CQL libraries as FHIR Libraries: a study's own, and those that all studies share."""

import base64
from collections.abc import Iterable, Iterator

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import conforms_to
from mappings.policy import load_policy
from mappings.trial.cql.codes import CODES, codes_library
from mappings.trial.cql.functions import VERSION, functions
from mappings.trial.cql.library import freshness_classes, retrieved, study_library
from mappings.trial.cql.text import AS_OF, CUTOFF, DECISION, freshness
from mappings.trial.fhir.element import (
    LOGIC,
    LONGEST_ID,
    Json,
    canonical,
    computer_name,
    element,
    narrative,
    part_id,
    present,
    table,
)
from mappings.trial.fhir.element import text as plain

FHIR_HELPERS = "http://hl7.org/fhir/Library/FHIRHelpers|4.0.1"
_ROOM = LONGEST_ID - len("Trial")
_LIBRARY_TYPE = "http://terminology.hl7.org/CodeSystem/library-type"


def library_canonical(definition: TrialDefinition) -> str:
    """The canonical of a study's library, with its version."""
    return f"{canonical('Library', library_name(definition))}|{definition.version}"


def library_name(definition: TrialDefinition) -> str:
    """The name of a study's library in CQL, and its id: engines take the end of a canonical for the name."""
    return computer_name(part_id(definition.id, LOGIC)[-_ROOM:])


def library_text(definition: TrialDefinition, terminology: Terminology) -> str:
    """The CQL of a study's library; the windows of the shipped policy are the defaults of its parameters."""
    return study_library(
        definition, terminology, load_policy("strict", terminology=terminology), library_name(definition)
    )


def build_library(definition: TrialDefinition, terminology: Terminology) -> Json:
    """A study's Library: an expression a criterion, and one for the decision."""
    text = library_text(definition, terminology)
    return _library(
        library_name(definition),
        definition.version,
        f"Eligibility in CQL: {definition.study.title}",
        text,
        list(_included(text)),
        list(_parameters(definition, terminology)),
    )


def shared_libraries(terminology: Terminology) -> list[Json]:
    """The Libraries that the studies' own include: the terminology's codes, and the functions."""
    texts = {CODES: codes_library(terminology, VERSION), **functions()}
    return [_library(each, VERSION, _title(each), text, list(_included(text)), []) for each, text in texts.items()]


def _title(library: str) -> str:
    """EligibilityCodes -> Eligibility codes."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in library)
    return words.strip().capitalize()


def _included(text: str) -> Iterator[str]:
    for line in text.splitlines():
        match line.split():
            case ["include", "FHIRHelpers", *_]:
                yield FHIR_HELPERS
            case ["include", library, *_]:
                yield f"{canonical('Library', library)}|{VERSION}"


def _parameters(definition: TrialDefinition, terminology: Terminology) -> Iterator[Json]:
    given = [(AS_OF, "dateTime"), (CUTOFF, "decimal")]
    given += [(freshness(of_class), "Quantity") for of_class in freshness_classes(definition, terminology)]
    yield from (_parameter(each.strip('"'), "in", of_type) for each, of_type in given)
    answers = [each.id for each in definition.walk() if each.id]
    yield from (_parameter(each, "out", "boolean") for each in answers)
    yield _parameter(DECISION, "out", "string")


def _parameter(name: str, use: str, of_type: str) -> Json:
    return {"name": name, "use": use, "min": 0, "max": "1", "type": of_type}


def _library(name: str, version: str, title: str, text: str, includes: Iterable[str], parameters: list[Json]) -> Json:
    return present(
        {
            "resourceType": "Library",
            "id": name,
            "meta": conforms_to("criteria-library"),
            "text": _narrative(title, parameters),
            "url": canonical("Library", name),
            "version": version,
            "name": name,
            "title": title,
            "status": "active",
            "experimental": False,
            "type": {"coding": [{"system": _LIBRARY_TYPE, "code": "logic-library"}]},
            "relatedArtifact": [{"type": "depends-on", "resource": each} for each in includes],
            "parameter": parameters,
            "dataRequirement": [{"type": each} for each in ("Patient", *retrieved(text))] if parameters else [],
            "content": [{"contentType": "text/cql", "data": base64.b64encode(text.encode()).decode()}],
        }
    )


def _narrative(title: str, parameters: list[Json]) -> Json:
    rows = [(each["name"], {"in": "parameter", "out": "answer"}[each["use"]], each["type"]) for each in parameters]
    about = table(("Name", "Use", "Type"), rows) or element("p", "Functions for the libraries of studies.")
    return narrative(element("h2", plain(title)), about)
