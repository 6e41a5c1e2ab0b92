"""A policy file and those it extends, the one that everything stands on first.

Keys are kebab-case, as those of trials are. The camelCase keys of the first version are still read, with a warning.
"""

import logging
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from adapter.errors import DefinitionError
from mappings.policies.form import PolicyForm, earlier_keys
from mappings.terminology.yaml_file import YamlFile, read_yaml

log = logging.getLogger(__name__)

ROOT = "strict"
"""The shipped policy that every other begins from."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of the chain; `folder` is None for a shipped one."""

    file: YamlFile
    form: PolicyForm
    folder: Path | None


@cache
def shipped_names() -> tuple[str, ...]:
    """The names of the shipped policies."""
    found = (file.name for file in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


def layers(name_or_path: str | Path) -> tuple[Layer, ...]:
    """The chain of a shipped policy or of a file. Raises DefinitionError."""
    found: list[Layer] = []
    seen: set[str | Path] = set()
    following: str | Path | None = name_or_path
    while following is not None:
        seen.add(following)
        layer = _layer(following)
        found.insert(0, layer)
        following = _extended(layer, following)
        if following in seen:
            raise layer.file.error(("extends",), f"{layer.form.extends} extends this policy in turn; end the circle")
    return tuple(found)


def _layer(name_or_path: str | Path) -> Layer:
    if isinstance(name_or_path, str):
        shipped = files(__package__) / f"{name_or_path}.yaml"
        file, folder = read_yaml(shipped.name, shipped.read_text(encoding="utf-8")), None
    else:
        file, folder = read_yaml(str(name_or_path), _text(name_or_path)), name_or_path.parent
    file = _with_new_keys(file)
    return Layer(file, file.checked(PolicyForm), folder)


def _with_new_keys(file: YamlFile) -> YamlFile:
    """The file as if it were written with the keys of today. Raises DefinitionError where a key stands in both ways."""
    new = earlier_keys()
    if not any(step in new for path in file.lines for step in path):
        return file
    lines = {tuple(new.get(str(step), step) for step in path): line for path, line in file.lines.items()}
    for path, line in file.lines.items():
        if path[-1:] and path[-1] in new:
            key = new[str(path[-1])]
            if (*path[:-1], key) in file.lines:
                raise file.error(path, f"the key stands twice, here and as {key}; keep {key}")
            told = "%s:%d: the key %s is written %s from now on; the next version will refuse it"
            log.warning(told, file.name, line, path[-1], key)
    return YamlFile(file.name, _renamed(file.content, new), lines)


def _renamed(content: Any, new: dict[str, str]) -> Any:  # noqa: ANN401  # what YAML holds
    if isinstance(content, dict):
        return {new.get(key, key): _renamed(value, new) for key, value in content.items()}
    return content


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: not readable as UTF-8 text ({error}); check the file"
        raise DefinitionError(msg) from error


def _extended(layer: Layer, own: str | Path) -> str | Path | None:
    """What a policy stands on: a shipped one by name, another file, by default the root; nothing for the root."""
    named = layer.form.extends
    if named is None:
        return None if own == ROOT else ROOT
    if named in shipped_names():
        return named
    path = (layer.folder / named).resolve() if layer.folder is not None else None
    if path is None or not path.is_file():
        raise layer.file.error(("extends",), f"no policy {named}; name one of {', '.join(shipped_names())}, or a file")
    return path
