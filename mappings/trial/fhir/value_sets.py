"""The packaged value sets that the resources of some definitions name, as they are packaged."""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.terminology import Terminology
from mappings.trial.fhir.data_requirement import requirements
from mappings.trial.fhir.json_text import Json, decode
from mappings.trial.fhir.kinds import write_statement
from mappings.trial.fhir.names import VALUE_SET

FOLDER = "mappings.terminology"


def used_value_sets(definitions: Iterable[TrialDefinition], terminology: Terminology) -> list[Json]:
    """The value sets in the order of their ids; one that isn't packaged (a site's own concept) is left out."""
    named = {url for definition in definitions for url in _named(definition, terminology)}
    paths = [files(FOLDER) / "value-sets" / f"{url.removeprefix(VALUE_SET)}.json" for url in sorted(named)]
    return [decode(path.read_bytes()) for path in paths if path.is_file()]


def _named(definition: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    yield from (VALUE_SET + concept for concept in definition.index)
    yield from (VALUE_SET + each.concept for each in definition.study.interventions if each.concept)
    for criterion in definition.walk():
        yield from _urls(write_statement(criterion.statement))
        yield from _urls(requirements(criterion.statement, None, terminology))


def _urls(held: Any) -> Iterator[str]:  # noqa: ANN401  # any part of a resource
    match held:
        case str() if held.startswith(VALUE_SET):
            yield held
        case dict():
            for each in held.values():
                yield from _urls(each)
        case list():
            for each in held:
                yield from _urls(each)
