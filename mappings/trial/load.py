"""Loading definitions: the shipped ones, and that of a file."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.terminology import load_terminology
from mappings.terminology.yaml_file import YamlFile, open_yaml, read_yaml
from mappings.trial.schema import trial_form
from mappings.trial.vocabulary import Vocabulary

SHIPPED = "mappings.trials"


def shipped_files() -> list[YamlFile]:
    """The files of the shipped definitions, in the order of their names."""
    found = sorted((file for file in files(SHIPPED).iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    return [read_yaml(file.name, file.read_text(encoding="utf-8")) for file in found]


def load_definitions(*, terminology: Terminology | None = None, kinds: Kinds = KINDS) -> tuple[TrialDefinition, ...]:
    """The shipped definitions. Those of a site: `mappings.site`."""
    vocabulary = Vocabulary.of(terminology or load_terminology())
    return tuple(definition_of(file, vocabulary, kinds) for file in shipped_files())


def load_definition(path: Path, *, terminology: Terminology | None = None, kinds: Kinds = KINDS) -> TrialDefinition:
    """The definition in one file. Raises DefinitionError with file, line and path of what is wrong."""
    return definition_of(open_yaml(path), Vocabulary.of(terminology or load_terminology()), kinds)


def definition_of(file: YamlFile, vocabulary: Vocabulary, kinds: Kinds = KINDS) -> TrialDefinition:
    """The definition that a file holds. Raises DefinitionError for the first thing wrong, with the others beside it."""
    try:
        return trial_form(kinds).model_validate(without_concepts(file.content), context=vocabulary).to_definition()
    except ValidationError as error:
        raise file.refused(error) from None


def without_concepts(content: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without the concepts that it brings: they are the terminology's (`mappings.site`)."""
    return {key: held for key, held in content.items() if key != "concepts"}
