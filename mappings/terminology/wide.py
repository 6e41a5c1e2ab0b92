"""The wider catalogue: concepts that no shipped trial names, a file a field of medicine (`fields/`).

They are read one by one, where a site's trial names them: each concept takes time for each entry of a list that is
classified, each analyte makes more results worth reading, and all of them take seconds to load.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from adapter.criteria.terminology import Terminology
from mappings.terminology import packaged_systems
from mappings.terminology.catalogue import catalogue_of, own_value_sets, read_concepts, with_formulas
from mappings.terminology.yaml_file import read_yaml

FIELDS = "fields"
_SECTION = re.compile(r"^([a-z-]+):[ \t]*\n", re.MULTILINE)
_ENTRY = re.compile(r"^  ([a-z0-9-]+):", re.MULTILINE)
_OF_ALL = ("freshness", "efforts")
"""The sections that hold no concepts, but what is said of some."""
_NOT_READ = ("sources",)
_SAID = ("title", "extent", "source", "related")
"""What a concept can do without, though words in it may be other concepts' names."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A concept, or a value set, as it stands in its file, from `start` to `end`."""

    file: str
    section: str
    start: int
    end: int


@cache
def field_files() -> Mapping[str, str]:
    """The files of the wider catalogue, by name, in order."""
    folder = files("mappings.terminology") / FIELDS
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return {f"{FIELDS}/{file.name}": file.read_text(encoding="utf-8") for file in found}


@cache
def wide_concepts() -> Mapping[str, Entry]:
    """Every concept and value set of the wider catalogue, by id: found, not yet read."""
    return {
        id_: Entry(name, section, start, end)
        for name, text in field_files().items()
        for section, begin, finish in _sections(text)
        if section not in (*_OF_ALL, *_NOT_READ)
        for id_, start, end in _pieces(_ENTRY, text, begin, finish)
    }


def _sections(text: str) -> Iterator[tuple[str, int, int]]:
    return _pieces(_SECTION, text, 0, len(text))


def _pieces(pattern: re.Pattern[str], text: str, begin: int, end: int) -> Iterator[tuple[str, int, int]]:
    """What begins with the pattern and goes on to the next, with its place."""
    found = list(pattern.finditer(text, begin, end))
    ends = [*(each.start() for each in found[1:]), end]
    for each, here in zip(found, ends, strict=True):
        yield each[1], each.start(), here


def with_wide(terminology: Terminology, named: Iterable[str]) -> Terminology:
    """The terminology with those concepts of the wider catalogue that are named, and what they refer to.

    Of a class of data that is named (`questionnaire`), how long its values stand.

    What the terminology holds already stays as it is; what nobody knows is left out. Which concepts are related to one
    another is still to be said (`with_relations`).
    """
    asked = set(named)
    chosen = _chosen(asked.difference(terminology.value_sets, terminology.catalogue.analytes), terminology)
    texts = _texts(sorted(chosen), asked)
    if not texts:
        return terminology
    held = [read_concepts(read_yaml(name, text)) for name, text in texts.items()]
    sets = dict(terminology.value_sets)
    catalogue = terminology.catalogue
    for each in held:
        sets |= own_value_sets(each, packaged_systems(), wide=True)
    for each in held:
        catalogue = catalogue_of(each, sets, catalogue)
    catalogue = with_formulas(catalogue, held, None)
    written = f"{terminology.hash}{texts!r}"
    return replace(terminology, hash=hashlib.sha256(written.encode()).hexdigest(), catalogue=catalogue, value_sets=sets)


def _chosen(named: set[str], terminology: Terminology) -> set[str]:
    known = wide_concepts()
    found = set[str]()
    new = named & known.keys()
    while new:
        found |= new
        if found == known.keys():
            break
        more = {text for id_ in new for text in _referred(read_yaml(id_, _block(id_)).content)}
        new = (more & known.keys()) - found - terminology.value_sets.keys()
    return found


def _block(id_: str) -> str:
    entry = wide_concepts()[id_]
    return field_files()[entry.file][entry.start : entry.end]


@cache
def _classes() -> Mapping[str, frozenset[str]]:
    """For each file the classes of data whose windows stand there."""
    return {
        name: frozenset(id_ for id_, _, _ in _pieces(_ENTRY, text, begin, end))
        for name, text in field_files().items()
        for section, begin, end in _sections(text)
        if section == "freshness"
    }


def _texts(chosen: Iterable[str], named: Collection[str]) -> dict[str, str]:
    """For each file what of it is wanted, as a file of its own."""
    wanted: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, classes in _classes().items():
        if not classes.isdisjoint(named):
            wanted[name].clear()
    for id_ in chosen:
        entry = wide_concepts()[id_]
        wanted[entry.file][entry.section].append(_block(id_))
    found = {}
    for name, sections in wanted.items():
        whole = field_files()[name]
        kept = [whole[start:end] for section, start, end in _sections(whole) if section in _OF_ALL]
        kept += [f"{section}:\n{''.join(blocks)}" for section, blocks in sections.items()]
        found[name] = "".join(kept)
    return found


def _referred(content: Mapping[str, Any]) -> Iterator[str]:
    """The texts in a concept that may be other concepts' names."""
    for concept in content.values():
        for name, said in concept.items():
            if name not in _SAID:
                yield from scalars(said)


def scalars(held: Any) -> Iterator[str]:  # noqa: ANN401  # any part of a YAML file, or of a definition
    """Every text that stands for itself, not in another one: one of them may be a concept's id."""
    if isinstance(held, str):
        yield held
    elif isinstance(held, Mapping):
        for name, value in held.items():
            yield from scalars(name)
            yield from scalars(value)
    elif isinstance(held, list | tuple | frozenset):
        for each in held:
            yield from scalars(each)
    elif is_dataclass(held):
        for each in fields(held):
            yield from scalars(getattr(held, each.name))


_TIMED = re.compile(r"^    half-life:", re.MULTILINE)


@cache
def timed() -> frozenset[str]:
    """The drugs of the wider catalogue that say their half-life: what a class's are read from."""
    texts = field_files()
    return frozenset(
        id_ for id_, each in wide_concepts().items() if _TIMED.search(texts[each.file], each.start, each.end)
    )


def words_that_name(text: str) -> set[str]:
    """The concepts of the wider catalogue whose ids stand somewhere in a text."""
    return set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text)) & wide_concepts().keys()
