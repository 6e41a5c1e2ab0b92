"""A YAML file as plain data, with the line of every key and entry, so that an error can say where; and its models.

Scalars stay text: `no`, `1.0` and `2026-06-01` mean what they say, and the schema gives them their types. A key that
stands twice, one that no model knows, and a file that isn't YAML are errors.
"""

import re
import reprlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from adapter.criteria.calendar import ISO_OR_HOURS_PATTERN, ISO_PATTERN, Duration, Hours, duration, duration_or_hours
from adapter.errors import DefinitionError

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser, where it was built

_TOLD = 60
"""How many words are told at most."""
_UNQUOTED = re.compile(r"[\w)/] ?[\[{]")
"""A bracket or brace behind a word, as units and the names of codes have them."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """One file's content; `lines` count from 1, by the path of keys and positions that leads to a value."""

    name: str
    content: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of what a path leads to, or of what is nearest around it."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 1)

    def error(self, path: Path, message: str) -> DefinitionError:
        """An error that names the file, the line of `path` (or of what is nearest around it), and the path."""
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        line, said = self.line(path), f"{where + ': ' if where else ''}{message}"
        return DefinitionError(f"{self.name}:{line}: {said}", file=self.name, line=line, said=said)

    def below(self, key: str) -> "YamlFile":
        """What stands below a key, as a file of its own: the same name and lines."""
        lines = {path[1:]: line for path, line in self.lines.items() if path[:1] == (key,)}
        return YamlFile(self.name, self.content[key], lines)

    def refused(self, error: ValidationError, model: type[BaseModel] | None = None) -> DefinitionError:
        """What a model found, in the order of the lines, as one error: the first, with the others beside it."""
        problems = sorted(error.errors(include_url=False), key=lambda problem: self.line(tuple(problem["loc"])))
        first, *others = (self.error(tuple(problem["loc"]), _said(problem, model)) for problem in problems)
        return with_others(first, others, "in this file")

    def checked(self, model: type[Model]) -> Model:
        """The content as `model`; raises DefinitionError for what doesn't fit."""
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            raise self.refused(error, model) from error


def with_others(first: DefinitionError, others: Sequence[DefinitionError], where: str) -> DefinitionError:
    """The first of several errors, whose text counts the others; they stand beside it."""
    if not others:
        return first
    text = f"{first} ({len(others)} more {where})"
    return DefinitionError(text, file=first.file, line=first.line, said=first.said, others=tuple(others))


_SAID: dict[str, str] = {
    "string_type": "{input} stands where a text is wanted; write it in quotes if it is one",
    "int_type": "{input} stands where a whole number is wanted; correct it",
    "int_parsing": "{input} stands where a whole number is wanted; correct it",
    "missing": "this key is missing; add it",
    "enum": "{input} is not known here; write {expected}",
    "literal_error": "{input} is not known here; write {expected}",
    "string_pattern_mismatch": "{input} does not have the form {pattern}; correct it",
    "model_type": "{input} stands where a mapping is wanted; write `key: value` below this key",
    "extra_forbidden": "unknown key; correct it, or leave it out (`trial-adapter schema` lists those that there are)",
    "string_too_short": "nothing stands here; write it",
    "tuple_type": "{input} stands where a list is wanted; write it in square brackets",
}
"""What is said of pydantic's findings, by their type; others already say what to do, or speak for themselves."""


_FORMS: dict[str, str] = {
    r"^\d+\.\d+\.\d+$": "three numbers with dots, as 1.0.0",
    r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)*$": "a letter, then letters and digits, parts behind dots, as I4.1",
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "small letters and digits, words joined by hyphens, as flu-vaccine",
    r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$": "a year, a month or a day, as 2026, 2026-03 or 2026-03-01",
}
"""What a pattern asks for, in words."""


def _said(problem: ErrorDetails, model: type[BaseModel] | None) -> str:
    *above, word = problem["loc"]
    if problem["type"] == "extra_forbidden" and (keys := _keys(model, above)):
        return f"unknown key; {nearest(str(word), keys)}"
    known = _SAID.get(problem["type"])
    if known is None:
        return problem["msg"].removeprefix("Value error, ")
    context = problem.get("ctx", {})
    if form := _FORMS.get(str(context.get("pattern"))):
        return f"{reprlib.repr(problem['input'])} is none; write {form}"
    return known.format(input=reprlib.repr(problem["input"]), **context)


def _keys(model: type[BaseModel] | None, path: Sequence[int | str]) -> frozenset[str]:
    """The keys of what stands at a path below a model; none where that is more than a model in a model."""
    for step in path:
        held = {each.alias or name: each.annotation for name, each in model.model_fields.items()} if model else {}
        found = held.get(str(step))
        model = found if isinstance(found, type) and issubclass(found, BaseModel) else None
    return frozenset(each.alias or name for name, each in model.model_fields.items()) if model else frozenset()


def open_yaml(path: FilePath) -> YamlFile:
    """The file at a path. Raises DefinitionError where it can't be read, or is no YAML."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path}: the file can't be read ({error.strerror}); check its name"
        raise DefinitionError(msg, file=str(path)) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: not readable as text; save the file as UTF-8"
        raise DefinitionError(msg, file=str(path)) from error
    return read_yaml(str(path), text)


def read_yaml(name: str, text: str) -> YamlFile:
    """The mapping in `text`; `name` is what errors call the file. Raises DefinitionError."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = "write what holds brackets in quotes" if _brackets(text, line) else "check indentation and quotes"
        raise _broken(name, line, f"not readable as YAML ({error.problem}); {what}") from error
    except yaml.YAMLError as error:
        said = f"not readable as YAML ({' '.join(str(error).split())}); save the file as UTF-8 text"
        raise _broken(name, 1, said) from error
    if not isinstance(node, yaml.MappingNode):
        raise _broken(name, 1, "the file must be a mapping of keys to values")
    reading = _Reading(name)
    return YamlFile(name, reading.value(node, ()), reading.lines)


def _brackets(text: str, line: int) -> bool:
    """Whether a line has a text with brackets that may stand in no quotes: YAML takes them for a list or mapping."""
    written = text.splitlines()
    return len(written) >= line and _UNQUOTED.search(written[line - 1]) is not None


def _broken(name: str, line: int, said: str) -> DefinitionError:
    return DefinitionError(f"{name}:{line}: {said}", file=name, line=line, said=said)


@dataclass(slots=True)
class _Reading:
    name: str
    lines: dict[Path, int] = field(default_factory=lambda: {(): 1})
    seen: set[int] = field(default_factory=set)

    def value(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401  # YAML holds anything; pydantic types it
        if id(node) in self.seen:  # an alias gives the same node again, within itself even without end
            said = "anchors and aliases are not used here; write the value out"
            raise _broken(self.name, node.start_mark.line + 1, said)
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
                raise _broken(self.name, line, "a key must be a word")
            if here in self.lines:
                first = self.lines[here]
                raise _broken(self.name, line, f"the key {key.value} stands twice (first in line {first}); keep one")
            self.lines[here] = line
            yield str(key.value), self.value(value, here)


IsoDuration = Annotated[Duration, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": ISO_PATTERN})]
"""A Duration in a pydantic model, written in ISO 8601."""

IsoDurationOrHours = Annotated[
    Duration | Hours,
    PlainValidator(duration_or_hours),
    WithJsonSchema({"type": "string", "pattern": ISO_OR_HOURS_PATTERN}),
]
"""The same, or hours and minutes."""

STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
"""Every model of ours refuses keys that it doesn't know: a misspelt key is never taken for a missing one."""


Problem = tuple[Path, str]
"""Something wrong below the value being checked: where, and what to do about it."""


def refuse(problems: Iterable[Problem]) -> None:
    """Raise the problems, each at its own place; nothing happens if there are none."""
    details = [
        InitErrorDetails(type=PydanticCustomError("form", "{said}", {"said": said}), loc=path, input=None)
        for path, said in problems
    ]
    if details:
        raise ValidationError.from_exception_data(title="definition", line_errors=details)


def nearest(word: str, known: Collection[str]) -> str:
    """What to write instead of a word that isn't known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if len(known) > _TOLD:
        return f"{len(known)} are known, and none is like it; `trial-adapter schema` lists them"
    return f"known are {', '.join(sorted(known))}"


def key(field: str) -> str:
    """A field's name as the file writes it: `look_back` is look-back, `not_` is not."""
    return field.rstrip("_").replace("_", "-")


class Form(BaseModel):
    """A mapping in a file of a site: kebab-case keys, and no others than the listed ones."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=key,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def known_keys(cls, value: Any) -> Any:  # noqa: ANN401  # whatever the file holds
        """Refuse a key without a value, and an unknown one, naming the one that was probably meant."""
        if isinstance(value, dict):
            empty = [word for word, content in value.items() if content is None]
            refuse(((word,), "has no value; write one, or leave the key out") for word in empty)
            keys = [key(name) for name in cls.model_fields]
            refuse(((word,), f"unknown key; {nearest(word, keys)}") for word in value if word not in keys)
        return value


def form_of(name: str, base: type[Model], says: str | None, keys: Mapping[str, Any]) -> type[Model]:
    """A form whose further keys are data, which describe themselves: there is no source text to look for."""
    unsourced = {"use_attribute_docstrings": False}
    return create_model(name, __base__=base, __doc__=says, __cls_kwargs__=unsourced, **keys)


_FLAGS = {"true": True, "false": False}


def _flag(value: object) -> bool:
    if not isinstance(value, str):
        msg = "takes true or false, and nothing below it; a bound stands at a key of its own, as `dose`"
        raise ValueError(msg)  # noqa: TRY004  # as pydantic has it
    if value not in _FLAGS:
        msg = f"{value!r} is neither true nor false; write one of them"
        raise ValueError(msg)
    return _FLAGS[value]


Flag = Annotated[bool, BeforeValidator(_flag)]
"""`true` or `false`, and no other word for them."""
