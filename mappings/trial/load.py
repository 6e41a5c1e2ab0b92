"""Loading definitions: the shipped ones, and those of a folder."""

import reprlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path as FilePath

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.terminology import load_terminology
from mappings.terminology.yaml_file import Path, YamlFile, read_yaml
from mappings.trial.schema import trial_form
from mappings.trial.vocabulary import Vocabulary

SHIPPED = "mappings.trials"


def load_definitions(
    folder: FilePath | None = None, *, terminology: Terminology | None = None, kinds: Kinds = KINDS
) -> tuple[TrialDefinition, ...]:
    """The shipped definitions and the folder's `*.yaml` and `*.yml` files, each in the order of the files' names.

    The folder's go before shipped ones of the same id, in their place. Raises DefinitionError if a file is wrong, the
    folder can't be read or holds no definition, or two of its files define the same study.
    """
    vocabulary = Vocabulary.of(terminology or load_terminology())
    shipped = sorted((file for file in files(SHIPPED).iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    opened = [read_yaml(file.name, file.read_text(encoding="utf-8")) for file in shipped]
    own = [_read_file(path) for path in _yaml_files(folder)] if folder is not None else []
    return tuple({**_distinct(opened, vocabulary, kinds), **_distinct(own, vocabulary, kinds)}.values())


def load_definition(path: FilePath, *, terminology: Terminology | None = None, kinds: Kinds = KINDS) -> TrialDefinition:
    """The definition in one file. Raises DefinitionError with file, line and path of what is wrong."""
    return definition_of(_read_file(path), Vocabulary.of(terminology or load_terminology()), kinds)


def definition_of(file: YamlFile, vocabulary: Vocabulary, kinds: Kinds = KINDS) -> TrialDefinition:
    """The definition that a file holds. Raises DefinitionError for the first thing wrong, and counts the others."""
    try:
        return trial_form(kinds).model_validate(file.content, context=vocabulary).to_definition()
    except ValidationError as error:
        problems = sorted(error.errors(include_url=False), key=lambda problem: _line(file, problem["loc"]))
        first, others = problems[0], len(problems) - 1
        more = f" ({others} more in this file)" if others else ""
        raise file.error(first["loc"], f"{_said(first)}{more}") from None


_SAID: dict[str, str] = {
    "string_type": "{input} stands where a text is wanted; write it in quotes if it is one",
    "int_type": "{input} stands where a whole number is wanted; correct it",
    "int_parsing": "{input} stands where a whole number is wanted; correct it",
    "missing": "this key is missing; add it",
    "enum": "{input} is not known here; write {expected}",
    "literal_error": "{input} is not known here; write {expected}",
    "string_pattern_mismatch": "{input} does not have the form {pattern}; correct it",
    "model_type": "{input} stands where a mapping is wanted; write `key: value` below this key",
    "tuple_type": "{input} stands where a list is wanted; write it in square brackets",
}
"""What is said of pydantic's findings, by their type; others already say what to do, or speak for themselves."""


def _line(file: YamlFile, path: Path) -> int:
    return next(file.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in file.lines)


def _said(problem: ErrorDetails) -> str:
    known = _SAID.get(problem["type"])
    if known is None:
        return problem["msg"].removeprefix("Value error, ")
    return known.format(input=reprlib.repr(problem["input"]), **problem.get("ctx", {}))


def _yaml_files(folder: FilePath) -> list[FilePath]:
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})
    except OSError as error:
        msg = f"{folder}: the folder of definitions can't be read ({error.strerror}); check its name"
        raise DefinitionError(msg) from error
    if not found:
        msg = f"{folder}: no definition stands in this folder; they are files that end in .yaml or .yml"
        raise DefinitionError(msg)
    return found


def _read_file(path: FilePath) -> YamlFile:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path}: the file can't be read ({error.strerror}); check its name"
        raise DefinitionError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: not readable as text; save the file as UTF-8"
        raise DefinitionError(msg) from error
    return read_yaml(str(path), text)


def _distinct(opened: Iterable[YamlFile], vocabulary: Vocabulary, kinds: Kinds) -> dict[str, TrialDefinition]:
    found: dict[str, TrialDefinition] = {}
    files_of: dict[str, str] = {}
    for file in opened:
        definition = definition_of(file, vocabulary, kinds)
        if definition.id in found:
            first = files_of[definition.id]
            raise file.error(("id",), f"{definition.id!r} is defined in {first} already; give the study another id")
        found[definition.id], files_of[definition.id] = definition, file.name
    return found
