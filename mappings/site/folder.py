"""Which files a site's folder has, and which of them nobody reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adapter.errors import DefinitionError

TRIALS, VALUE_SETS, CONCEPT_MAPS = "trials", "value-sets", "concept-maps"
POLICY = "policy.yaml"
TABLES = (
    "concepts.yaml", "systems.yaml", "units.yaml", "findings.yaml", "statuses.yaml", "infections.yaml", "formulas.yaml",
)  # fmt: skip
_YAML = frozenset({".yaml", ".yml"})
_KEPT = frozenset({".md", ".txt", ".schema.json"})
"""What may stand in a folder for people and editors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A site's folder. `loose`: every other YAML file in it is a trial too, as `--trials` has it."""

    path: Path
    loose: bool = False

    def trials(self) -> list[Path]:
        """The trials' files, in the order of their names. Raises DefinitionError where the folder can't be read."""
        if not self.path.is_dir():
            msg = f"{self.path}: the folder of definitions can't be read; check its name"
            raise DefinitionError(msg, file=str(self.path))
        found = _files(self.path / TRIALS, _YAML)
        if self.loose:
            found += [path for path in _files(self.path, _YAML) if path.name not in {*TABLES, POLICY}]
        if self.loose and not found and not any(self.table(name) for name in TABLES):
            msg = f"{self.path}: no definition stands in this folder; they are files that end in .yaml or .yml"
            raise DefinitionError(msg, file=str(self.path))
        return sorted(found, key=lambda path: path.name)

    def table(self, name: str) -> Path | None:
        """The file of that name, if there is one."""
        return path if (path := self.path / name).is_file() else None

    def value_sets(self) -> list[Path]:
        """The files of value sets."""
        return _files(self.path / VALUE_SETS, frozenset({".json"}))

    def concept_maps(self) -> list[Path]:
        """The files of ConceptMaps."""
        return _files(self.path / CONCEPT_MAPS, frozenset({".json"}))

    @property
    def policy(self) -> Path | None:
        """The site's policy, if it has one."""
        return self.table(POLICY)

    def ignored(self) -> Iterator[tuple[Path, str]]:
        """The files that nobody reads, each with what to do about it."""
        read = {*self.trials(), *self.value_sets(), *self.concept_maps(), self.policy, *map(self.table, TABLES)}
        places = {TRIALS: ".yaml or .yml", VALUE_SETS: ".json", CONCEPT_MAPS: ".json"}
        for path in (*_all(self.path), *(each for name in places for each in _all(self.path / name))):
            if path not in read and path.is_file() and not any(path.name.endswith(end) for end in _KEPT):
                wanted = places.get(path.parent.name)
                where = f"files here end in {wanted}" if wanted else f"trials stand in {TRIALS}/"
                yield path, f"this file is not read; {where}"


def _all(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")] if folder.is_dir() else []


def _files(folder: Path, ends: frozenset[str]) -> list[Path]:
    try:
        return [path for path in _all(folder) if path.suffix in ends and path.is_file()]
    except OSError as error:
        msg = f"{folder}: the folder can't be read ({error.strerror}); check its name"
        raise DefinitionError(msg, file=str(folder)) from error
