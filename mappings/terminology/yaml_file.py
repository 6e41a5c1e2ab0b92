"""A YAML file as plain data, with the line of every key and entry, so that an error can say where.

Scalars stay text: `no`, `1.0` and `2026-06-01` mean what they say, and the schema gives them their types. A key that
stands twice and a file that isn't YAML are errors.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from adapter.criteria.calendar import ISO_PATTERN, Duration, duration
from adapter.errors import DefinitionError

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser, where it was built


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One file's content; `lines` count from 1, by the path of keys and positions that leads to a value."""

    name: str
    content: Any
    lines: dict[Path, int]

    def error(self, path: Path, message: str) -> DefinitionError:
        """An error that names the file, the line of `path` (or of what is nearest around it), and the path."""
        line = next(self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines)
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        return DefinitionError(f"{self.name}:{line}: {where + ': ' if where else ''}{message}")

    def checked(self, model: type[Model]) -> Model:
        """The content as `model`; raises DefinitionError for the first thing that doesn't fit."""
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            first = error.errors()[0]
            raise self.error(tuple(first["loc"]), first["msg"].removeprefix("Value error, ")) from error


def read_yaml(name: str, text: str) -> YamlFile:
    """The mapping in `text`; `name` is what errors call the file. Raises DefinitionError."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        msg = f"{name}:{line}: not readable as YAML ({error.problem}); check indentation and quotes"
        raise DefinitionError(msg) from error
    except yaml.YAMLError as error:
        msg = f"{name}:1: not readable as YAML ({' '.join(str(error).split())}); save the file as UTF-8 text"
        raise DefinitionError(msg) from error
    if not isinstance(node, yaml.MappingNode):
        msg = f"{name}:1: the file must be a mapping of keys to values"
        raise DefinitionError(msg)
    reading = _Reading(name)
    return YamlFile(name, reading.value(node, ()), reading.lines)


@dataclass(slots=True)
class _Reading:
    name: str
    lines: dict[Path, int] = field(default_factory=lambda: {(): 1})
    seen: set[int] = field(default_factory=set)

    def value(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401  # YAML holds anything; pydantic types it
        if id(node) in self.seen:  # an alias gives the same node again, within itself even without end
            msg = f"{self.name}:{node.start_mark.line + 1}: anchors and aliases are not used here; write the value out"
            raise DefinitionError(msg)
        self.seen.add(id(node))
        match node:
            case yaml.MappingNode():
                return dict(self.pairs(node, path))
            case yaml.SequenceNode():
                return [self.entry(item, (*path, place)) for place, item in enumerate(node.value)]
            case _ if node.tag == "tag:yaml.org,2002:null":
                return None
        return node.value

    def entry(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401  # as above
        self.lines[path] = node.start_mark.line + 1
        return self.value(node, path)

    def pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        for key, value in node.value:
            line = key.start_mark.line + 1
            here = (*path, str(key.value))
            if not isinstance(key, yaml.ScalarNode):
                msg = f"{self.name}:{line}: a key must be a word"
                raise DefinitionError(msg)
            if here in self.lines:
                first = self.lines[here]
                msg = f"{self.name}:{line}: the key {key.value} stands twice (first in line {first}); keep one"
                raise DefinitionError(msg)
            self.lines[here] = line
            yield str(key.value), self.value(value, here)


IsoDuration = Annotated[Duration, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": ISO_PATTERN})]
"""A Duration in a pydantic model, written in ISO 8601."""

STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
"""Every model of ours refuses keys that it doesn't know: a misspelt key is never taken for a missing one."""
