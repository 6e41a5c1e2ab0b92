"""The numbering of a definition's criteria: each id once, and parts numbered below what they are parts of."""

from collections.abc import Iterator, Sequence

from mappings.terminology.yaml_file import Path
from mappings.trial.criteria import Part, TopPart
from mappings.trial.form import Problem


def numbering_problems(criteria: Sequence[TopPart]) -> Iterator[Problem]:
    """What is wrong with the ids, in document order."""
    seen: set[str] = set()
    for index, criterion in enumerate(criteria):
        here = ("criteria", index)
        if "." in criterion.id:
            yield (*here, "id"), f"{criterion.id!r} is a part's id; write it below {criterion.id.rpartition('.')[0]}"
        yield from _repeated(criterion, here, seen)
        yield from _below(criterion, here, criterion.id)


def _below(above: Part, path: Path, number: str) -> Iterator[Problem]:
    """The problems of the parts of what has this number."""
    for step, part in above.children():
        here = (*path, *step)
        if part.id is None and part.is_leaf and not above.negates:
            yield here, f"a part that reads data or asks a person needs an id; number it below {number}, as {number}.1"
        if part.id is not None and part.id.rpartition(".")[0] != number:
            yield (*here, "id"), f"{part.id!r} does not extend {number!r}; number it {number}.1, {number}.2, …"
        yield from _below(part, here, part.id or number)


def _repeated(part: Part, path: Path, seen: set[str]) -> Iterator[Problem]:
    """The ids from `part` downwards that stood before."""
    if part.id in seen:
        yield (*path, "id"), f"{part.id!r} stands above already; give each criterion its own id"
    if part.id is not None:
        seen.add(part.id)
    for step, below in part.children():
        yield from _repeated(below, (*path, *step), seen)
