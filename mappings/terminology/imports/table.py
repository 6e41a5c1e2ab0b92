"""A release's files: where they are in its folder, and their rows, one at a time.

Three forms: RxNorm's RRF (`|`, no header, a `|` at the end of each line), SNOMED CT's RF2 and OMOP's CSV (tabs, a
header, nothing quoted).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes, ValueSet
from adapter.errors import UsageError


def find_file(folder: Path, pattern: str) -> Path:
    """The one file below a folder whose name fits. Raises UsageError if there is none, or more than one."""
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    if len(found) != 1:
        told = f"{len(found)} files" if found else "no file"
        msg = f"{told} {pattern} below {folder}; name the folder of one unpacked release"
        raise UsageError(msg)
    return found[0]


def rrf_rows(path: Path, width: int) -> Iterator[list[str]]:
    """The fields of each row. Raises UsageError, with the line, where one has another number of them."""
    for number, line in _lines(path):
        row = line.split("|")[:-1]
        if len(row) != width:
            msg = f"{path}:{number}: {len(row)} fields where RRF has {width}; is the file whole?"
            raise UsageError(msg)
        yield row


def tab_rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The named columns of each row. Raises UsageError, with the line, where a column or a field is missing."""
    lines = _lines(path)
    _, first = next(lines, (1, ""))
    header = first.split("\t")
    missing = [column for column in columns if column not in header]
    if missing:
        msg = f"{path}:1: no column {', '.join(missing)}; the header is {' '.join(header)[:100]!r}"
        raise UsageError(msg)
    places = [header.index(column) for column in columns]
    for number, line in lines:
        row = line.split("\t")
        if len(row) != len(header):
            msg = f"{path}:{number}: {len(row)} fields where the header has {len(header)}; is the file whole?"
            raise UsageError(msg)
        yield [row[place] for place in places]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                text = line.rstrip("\r\n")
                if text:
                    yield number, text
    except UnicodeDecodeError as error:
        msg = f"{path}:{number + 1}: not UTF-8; take the release's file as it was delivered"
        raise UsageError(msg) from error


SNOMED = "http://snomed.info/sct"
_CLINICAL_FINDING = "404684003"
"""Whose descendants are told apart: situations ("history of …") say something else of a disease."""


def findings(parents: Mapping[str, Iterable[str]], terminology: Terminology) -> ReleasedCodes:
    """What a hierarchy (code -> what stands next above it) says of the value sets of conditions."""
    children: dict[str, list[str]] = defaultdict(list)
    for child, above in parents.items():
        for parent in above:
            children[parent].append(child)
    members: dict[str, list[Coding]] = {}
    complete: set[str] = set()
    for id_, concept in terminology.catalogue.conditions.items():
        held = terminology.value_sets[id_]
        roots = [root.code for root in held.roots if root.system == SNOMED]
        own = _closure(roots, children)
        members[id_] = [Coding(SNOMED, code) for code in own]
        if SNOMED in held.rooted and concept.may_be:
            listed = [code.code for code in held.codes if code.system == SNOMED]
            above_them = _closure([*own, *listed], parents) - own - set(listed)
            members.setdefault(concept.may_be[-1], []).extend(Coding(SNOMED, code) for code in above_them)
            complete.add(id_)
    for id_, held in terminology.value_sets.items():
        if held.local:  # whatever it is a value set of: the filters are what its author asks for
            members[id_] = [Coding(SNOMED, code) for code in _found(held, children)]
    known = frozenset(_closure([_CLINICAL_FINDING], children))
    held_by = {name: tuple(codes) for name, codes in members.items()}
    return ReleasedCodes(hash="", members=held_by, known={SNOMED: known}, complete={SNOMED: frozenset(complete)})


def _found(held: ValueSet, children: Mapping[str, Iterable[str]]) -> set[str]:
    """The codes that a value set's filters find in the hierarchy."""
    found = _closure([root.code for root in held.roots if root.system == SNOMED], children)
    for each in held.filters:
        if (each.system, each.property, each.op) == (SNOMED, "concept", "descendent-of"):
            found |= _closure([each.value], children) - {each.value}
    return found


def _closure(start: Iterable[str], steps: Mapping[str, Iterable[str]]) -> set[str]:
    """The codes from which one starts, and all that can be reached."""
    found: set[str] = set()
    open_ = list(start)
    while open_:
        code = open_.pop()
        if code not in found:
            found.add(code)
            open_.extend(steps.get(code, ()))
    return found
