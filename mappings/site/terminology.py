"""The terminology of a site: the packaged one, and what the site's files say before it or beside it.

Which files a site's folder has, and which of them nobody reads.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.sentence import Denials
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ValueSet
from adapter.criteria.written import Writing
from adapter.errors import DefinitionError
from mappings.terminology import content_hash, load_terminology, packaged_systems
from mappings.terminology.catalogue import (
    SECTIONS,
    ConceptFile,
    catalogue_of,
    own_value_sets,
    read_concepts,
    with_formulas,
)
from mappings.terminology.codes import Systems
from mappings.terminology.concept_forms import read_formulas
from mappings.terminology.infections import read_infections
from mappings.terminology.site_value_set import SiteValueSet, open_value_set, resolved
from mappings.terminology.tables import read_statuses, read_systems, read_units, read_words
from mappings.terminology.ucum import unit_factor
from mappings.terminology.value_set import BASE, read_concept_map
from mappings.terminology.yaml_file import Path as KeyPath
from mappings.terminology.yaml_file import YamlFile, open_yaml

TRIALS, VALUE_SETS, CONCEPT_MAPS = "trials", "value-sets", "concept-maps"
POLICY = "policy.yaml"
TABLES = (
    "concepts.yaml", "systems.yaml", "units.yaml", "findings.yaml", "statuses.yaml", "infections.yaml", "formulas.yaml",
)  # fmt: skip
_YAML = frozenset({".yaml", ".yml"})
_KEPT = re.compile(r".*(?<!\.yaml)(?<!\.yml)(?<!\.json)\.(md|txt)|.*\.schema\.json")
"""What may stand in a folder for people and editors; `trial.yaml.txt` is a trial that an editor has named so."""


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

    def written(self) -> list[Path]:
        """Every YAML file that is read."""
        tables = [path for name in (*TABLES, POLICY) if (path := self.table(name)) is not None]
        return [*tables, *self.trials()]

    def ignored(self) -> Iterator[tuple[Path, str]]:
        """The files that nobody reads, each with what to do about it."""
        read = {*self.trials(), *self.value_sets(), *self.concept_maps(), self.policy, *map(self.table, TABLES)}
        places = {TRIALS: ".yaml or .yml", VALUE_SETS: ".json", CONCEPT_MAPS: ".json"}
        for path in (*_all(self.path), *(each for name in places for each in _all(self.path / name))):
            if path not in read and not path.is_file() and path.suffix in {*_YAML, ".json"}:
                yield path, "nothing can be read here: a folder, or a link to nothing; put the file itself here"
            elif path not in read and path.is_file() and not _KEPT.fullmatch(path.name):
                wanted = places.get(path.parent.name)
                where = f"files here end in {wanted}" if wanted else f"trials stand in {TRIALS}/"
                yield path, f"this file is not read; {where}"
            elif path.parent == self.path and path.is_dir() and path.name not in places:
                close = get_close_matches(path.name.lower(), places, n=1, cutoff=0.8)
                if close:
                    yield path, f"nothing in this folder is read; did you mean {close[0]!r}?"


def _all(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")] if folder.is_dir() else []


def _files(folder: Path, ends: frozenset[str]) -> list[Path]:
    try:
        return [path for path in _all(folder) if path.suffix in ends and path.is_file()]
    except OSError as error:
        msg = f"{folder}: the folder can't be read ({error.strerror}); check its name"
        raise DefinitionError(msg, file=str(folder)) from error


T = TypeVar("T")

CONCEPTS = "concepts.yaml"
_CONCEPTS = "concepts"
"""The key of a trial's own concepts."""


@dataclass(slots=True)
class Reading:
    """What is found while a site is read.

    `problems`: what is wrong; the reading goes on. `places`: file and line of concepts and value sets, by id.
    `contents`: what the terminology is made of, for its hash. `unread`: files whose concepts could not be read; what
    names them is not looked at, since it would fail for that alone. `open`: concepts that don't say in which systems
    they are exhaustive, by id.
    """

    problems: list[DefinitionError] = field(default_factory=list)
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)

    def tried(self, work: Callable[..., T], *given: object) -> T | None:
        """What the work gives; None where a file is wrong, which is remembered."""
        try:
            return work(*given)
        except DefinitionError as error:
            self.problems += [error, *error.others]
            return None

    def table(self, folder: Folder, name: str, read: Callable[[YamlFile], T]) -> T | None:
        """What one of a folder's tables says, if there is one."""
        path = folder.table(name)
        if path is None:
            return None
        self.keep(folder, path)
        return self.tried(lambda: read(open_yaml(path)))

    def keep(self, folder: Folder, path: Path) -> bytes:
        """The bytes of a file, which go into the terminology's hash."""
        data = path.read_bytes()
        self.contents[path.relative_to(folder.path).as_posix()] = data
        return data


def read_terminology(
    base: Terminology, folders: Sequence[Folder], trials: Sequence[YamlFile], reading: Reading
) -> Terminology:
    """A terminology with what the folders and the trials say; a later folder goes before an earlier one."""
    systems = packaged_systems()
    for folder in folders:
        systems = systems.joined(reading.table(folder, "systems.yaml", _systems) or Systems.none())
    raw = _opened(folders, reading)
    shared = [(folder.table(CONCEPTS), reading.table(folder, CONCEPTS, read_concepts)) for folder in folders]
    reading.unread |= {str(path) for path, held in shared if path is not None and held is None}
    concepts = [held for _, held in shared if held is not None]
    concepts += _of_trials(trials, concepts, reading)
    own = _own_sets(concepts, systems, raw, reading)
    sets = {**base.value_sets, **own, **_Following(raw, base.value_sets, own, systems, reading).all()}
    catalogue = base.catalogue
    for held in concepts:
        joined = reading.tried(catalogue_of, held, sets, catalogue)
        if joined is None:
            reading.unread.add(held.file.name)
        catalogue = joined or catalogue
    if not reading.unread:  # else tables would fail for what is missing alone
        catalogue = reading.tried(with_formulas, catalogue, concepts, unit_factor) or catalogue
        catalogue = _with_tables(folders, catalogue, reading)
    tables, maps = _tables(folders, base, reading), _maps(folders, sets, reading)
    if not reading.contents:
        return base
    found = replace(
        base,
        hash=hashlib.sha256(f"{base.hash}{content_hash(dict(sorted(reading.contents.items())))}".encode()).hexdigest(),
        catalogue=catalogue,
        value_sets=sets,
        systems={**_used(sets), **systems.uris},
        **tables,
    )
    return found.with_local_maps(maps)


def _opened(folders: Sequence[Folder], reading: Reading) -> dict[str, tuple[str, SiteValueSet]]:
    """The folders' value sets by id, each with its file."""
    found: dict[str, tuple[str, SiteValueSet]] = {}
    for folder in folders:
        here: dict[str, str] = {}
        for path in folder.value_sets():
            data = reading.keep(folder, path)
            held = reading.tried(open_value_set, str(path), path.stem, data)
            if held is None:
                continue
            if held.id in here:
                said = f"the id {held.id} stands in {here[held.id]} already; give the value set another one"
                reading.problems.append(_at(str(path), 1, said))
            here[held.id] = str(path)
            found[held.id] = (str(path), held)
            reading.places[held.id] = (str(path), 1)
    return found


def _systems(file: YamlFile) -> Systems:
    """A site's code systems. Raises DefinitionError for one that takes a name or a URI of ours for something else."""
    own, ours = read_systems(file), packaged_systems()
    for name in (each for each in own.uris.values() if ":" not in each):
        raise file.error(
            ("systems",), f"{name!r} is no URI; write the one that records have, as https://hospital.example/codes"
        )
    for mine, known in ((own.names, ours.names), (own.uris, ours.uris)):
        taken = next((each for each in mine if known.get(each, mine[each]) != mine[each]), None)
        if taken is not None:
            said = f"{taken} is {known[taken]} already, in every line of codes that names it; take another name"
            raise file.error(("systems",), said)
    return own


def _of_trials(trials: Sequence[YamlFile], shared: Sequence[ConceptFile], reading: Reading) -> Iterator[ConceptFile]:
    """The concepts that trials hold, each once. One that two files say differently is a problem."""
    told: dict[tuple[str, str], tuple[Any, YamlFile, KeyPath]] = {
        (section, id_): (said, held.file, (section, id_))
        for held in shared
        for section, concepts in held.file.content.items()
        for id_, said in (concepts.items() if isinstance(concepts, dict) else ())
    }
    for file in trials:
        if not isinstance(file.content.get(_CONCEPTS), dict):
            continue
        held = reading.tried(read_concepts, file.below(_CONCEPTS))
        if held is None:
            reading.unread.add(file.name)
            continue
        for section, concepts in file.content[_CONCEPTS].items():
            for id_, said in concepts.items() if isinstance(concepts, dict) else ():
                here = (_CONCEPTS, section, id_)
                first, where, there = told.setdefault((section, id_), (said, file, here))
                if first != said:
                    other = f"{where.name}:{where.line(there)}"
                    said_of = f"{id_} means something else in {other}; write it once, in concepts.yaml"
                    reading.problems.append(file.error(here, said_of))
        written = json.dumps(file.content[_CONCEPTS], sort_keys=True)
        reading.contents[f"trials/{file.content.get('id')}"] = written.encode()
        yield held


def _own_sets(
    concepts: Sequence[ConceptFile],
    systems: Systems,
    raw: Mapping[str, tuple[str, SiteValueSet]],
    reading: Reading,
) -> dict[str, ValueSet]:
    """The value sets of the concepts whose codes stand beside them."""
    found: dict[str, ValueSet] = {}
    for held in concepts:
        for section in (*SECTIONS, "value_sets"):
            for id_, concept in getattr(held.form, section).items():
                line = held.file.line((section.replace("_", "-"), id_))
                reading.places[id_] = (held.file.name, line)
                if "codes" in concept.model_fields_set and "exhaustive" not in concept.model_fields_set:
                    reading.open.add(id_)
        sets = reading.tried(own_value_sets, held, systems) or {}
        for id_ in sets.keys() & raw.keys():
            name, line = reading.places.get(id_, (held.file.name, 1))
            said = f"the codes of {id_} stand here and in {raw[id_][0]}; keep one of them"
            reading.problems.append(_at(name, line, said))
        found |= sets
    return found


@dataclass(slots=True)
class _Following:
    """Follows the references of value sets, each once."""

    raw: Mapping[str, tuple[str, SiteValueSet]]
    packaged: Mapping[str, ValueSet]
    own: Mapping[str, ValueSet]
    systems: Systems
    reading: Reading
    done: dict[str, ValueSet] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    def all(self) -> dict[str, ValueSet]:
        """Those of the files by id."""
        for id_ in self.raw:
            self.reading.tried(self.one, id_)
        return self.done

    def one(self, id_: str) -> ValueSet:
        """Raises DefinitionError where it, or one that it names, is wrong."""
        if id_ not in self.done:
            name, read = self.raw[id_]
            if id_ in self.open:
                raise _at(name, 1, f"value sets name each other in a circle: {' -> '.join((*self.open, id_))}")
            self.open.append(id_)
            try:
                self.done[id_] = resolved(name, read, self.systems, self.other)
            finally:
                self.open.pop()
        return self.done[id_]

    def other(self, url: str) -> ValueSet | None:
        """A value set by its URL or id: the site's, then ours."""
        id_ = next((id_ for id_, (_, read) in self.raw.items() if url in (read.url, id_)), None)
        id_ = id_ or url.removeprefix(f"{BASE}/ValueSet/")
        if id_ in self.raw:
            return self.one(id_)
        return self.own.get(id_) or self.packaged.get(id_)


def _with_tables(folders: Sequence[Folder], catalogue: Catalogue, reading: Reading) -> Catalogue:
    read = partial(read_infections, conditions=catalogue.conditions, analytes=catalogue.analytes)
    tables = [reading.table(folder, "infections.yaml", read) or {} for folder in folders]
    infections = {condition: table for each in (catalogue.infections, *tables) for condition, table in each.items()}
    derive = partial(read_formulas, catalogue=catalogue, unit_factor=unit_factor)
    own = [reading.table(folder, "formulas.yaml", derive) or {} for folder in folders]
    formulas = {analyte: each for held in (catalogue.formulas, *own) for analyte, each in held.items()}
    return replace(catalogue, infections=infections, formulas=formulas)


def _used(sets: Mapping[str, ValueSet]) -> dict[str, str]:
    """The code systems of the site's value sets: a code of theirs is known, whether a table names them or not."""
    local = (each for each in sets.values() if each.local)
    return {code.system: code.system for each in local for code in (*each.codes, *each.prefixes, *each.roots)}


def _tables(folders: Sequence[Folder], base: Terminology, reading: Reading) -> dict[str, Any]:
    """Units and words, those of the site before the packaged ones."""
    units, statuses, words = dict(base.unit_synonyms), dict(base.status_words), base.writing
    for folder in folders:
        units |= reading.table(folder, "units.yaml", read_units) or {}
        statuses |= reading.table(folder, "statuses.yaml", read_statuses) or {}
        own = reading.table(folder, "findings.yaml", read_words)
        words = words if own is None else _joined(words, own)
    return {"unit_synonyms": units, "status_words": statuses, "writing": words}


def _joined(words: Writing | Denials, more: Writing | Denials) -> Any:  # noqa: ANN401 - the same as its first
    """What both say: of each sort of words the tables by key, and the sets, put together."""
    found: dict[str, Any] = {}
    for name in (each.name for each in fields(words) if each.init):
        one, other = getattr(words, name), getattr(more, name)
        if isinstance(one, Mapping):
            found[name] = {**one, **other}
        else:
            found[name] = _joined(one, other) if isinstance(one, Denials) else one | other
    return replace(words, **found)


def _maps(
    folders: Sequence[Folder], sets: Mapping[str, ValueSet], reading: Reading
) -> dict[tuple[str, str], tuple[Coding, ...]]:
    found: dict[tuple[str, str], tuple[Coding, ...]] = defaultdict(tuple)
    for folder in folders:
        for path in folder.concept_maps():
            data = reading.keep(folder, path)
            read = reading.tried(read_concept_map, str(path), data, sets)
            for key, targets in (read or {}).items():
                found[key] += targets
    return dict(found)


def _at(name: str, line: int, said: str) -> DefinitionError:
    return DefinitionError(f"{name}:{line}: {said}", file=name, line=line, said=said)


def unresolved(terminology: Terminology, expanded: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The value sets of a site whose filters nobody has resolved, each with a filter; `expanded`: the others."""
    packaged = {root for each in load_terminology().value_sets.values() for root in each.roots}
    for id_, held in terminology.value_sets.items():
        if held.local and id_ not in expanded:
            open_ = [f"concept is-a {root.code}" for root in held.roots if root not in packaged]
            open_ += [str(each) for each in held.filters]
            if open_:
                yield id_, open_[0]
