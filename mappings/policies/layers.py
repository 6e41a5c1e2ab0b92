"""A policy file and those it extends, the one that everything stands on first."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from adapter.errors import DefinitionError
from mappings.policies.form import PolicyForm
from mappings.terminology.yaml_file import YamlFile, read_yaml

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
    return Layer(file, file.checked(PolicyForm), folder)


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
