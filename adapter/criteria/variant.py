"""Variants of a definition: the same trial with another bound, to see what the bound costs.

A change is written `CRITERION=BOUND`. The bound is a number, in the unit in which the criterion is written; a number
behind `>=`, `>`, `<=` or `<`, where it has a lower and an upper bound, or where the comparison changes; a duration
(`P6M`), for how far back it looks; or `off`, for the trial without the criterion.

A criterion that is changed, or holds one that is, has the change in its id (`I5=50`): what a person has attested of the
original says nothing of it.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from adapter.criteria.calendar import Duration, duration
from adapter.criteria.model import Criterion, Leaf, TrialDefinition
from adapter.criteria.quantity import AgeBound, Comparator, LimitThreshold, QuantityThreshold

OFF = "off"
_CHANGE = re.compile(r"(?P<criterion>[^\s=<>]+)=(?P<bound>\S.*)")
_ORIGINAL = re.compile(r"[ =]")
_NUMBER = re.compile(r"(?P<comparator>>=|<=|>|<)?\s*(?P<number>\d+(?:\.\d+)?)")
_LOWER = frozenset({Comparator.AT_LEAST, Comparator.GREATER})
_AGE_UPPER = "upper"

Path = tuple[str | int, ...]
"""The way to a value in a tree of dataclasses: fields and places in tuples."""

_Bound = QuantityThreshold | LimitThreshold | AgeBound


@dataclass(frozen=True, slots=True)
class Variant:
    """Changes to a study, as they are written: a criterion and its bound each."""

    study: str
    changes: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """As `I5=50, I6=3`."""
        return ", ".join(f"{criterion}={bound}" for criterion, bound in self.changes)


def variant_of(text: str) -> Variant:
    """Read `STUDY:CRITERION=BOUND`, of which several stand behind commas. Raises ValueError, which says how."""
    study, _, rest = text.strip().partition(":")
    found = [_CHANGE.fullmatch(each.strip()) for each in rest.split(",")]
    if not study or not all(found):
        msg = f"{text!r} is no variant; write STUDY:CRITERION=BOUND, as nct04785833:I5=50"
        raise ValueError(msg)
    changes = tuple((each["criterion"], each["bound"].strip()) for each in found if each)
    without = {criterion for criterion, bound in changes if bound == OFF}
    for each in without:
        if sum(criterion == each for criterion, _ in changes) > 1:
            msg = f"{text!r} leaves {each} out and changes it, too; write one of them, or two variants"
            raise ValueError(msg)
    return Variant(study, changes)


def original(id_: str) -> str:
    """The id of a criterion without what a variant has put behind it."""
    return _ORIGINAL.split(id_, maxsplit=1)[0]


def varied(definition: TrialDefinition, changes: Iterable[tuple[str, str]]) -> TrialDefinition:
    """The definition with other bounds. Raises ValueError where a criterion has none that the change can mean."""
    for name, bound in changes:
        definition = _without(definition, name) if bound == OFF else _with(definition, name, bound)
    return definition


def _without(definition: TrialDefinition, name: str) -> TrialDefinition:
    kept = tuple(each for each in definition.criteria if original(each.id) != name)
    if len(kept) == len(definition.criteria):
        raise ValueError(_unknown(definition, name, [each.id for each in definition.criteria]))
    return replace(definition, criteria=kept)


def _with(definition: TrialDefinition, name: str, bound: str) -> TrialDefinition:
    for place, top in enumerate(definition.criteria):
        for path, criterion in _criteria(top.criterion):
            if criterion.id and original(criterion.id) == name:
                changed = _replaced(top.criterion, path, _changed(criterion, bound))
                changed = _marked(changed, path, f"{name}={bound}")
                criteria = list(definition.criteria)
                criteria[place] = replace(top, criterion=changed)
                return replace(definition, criteria=tuple(criteria))
    raise ValueError(_unknown(definition, name, [each.id for each in definition.walk() if each.id]))


def _marked(criterion: Criterion, path: Path, change: str) -> Criterion:
    """The criterion with the change in the id of the one at the end of the way, and of those that hold it."""
    for length in range(len(path) + 1):
        *_, held = (criterion, *_on_the_way(criterion, path[:length]))
        if isinstance(held, Criterion) and held.id:
            bound = change.partition("=")[2]
            id_ = f"{held.id}={bound}" if length == len(path) else f"{held.id} ({change})"
            criterion = _replaced(criterion, path[:length], replace(held, id=id_))
    return criterion


def _unknown(definition: TrialDefinition, name: str, known: Sequence[str]) -> str:
    return f"{definition.id} has no criterion {name}; it has {', '.join(known)}"


def _changed(criterion: Criterion, written: str) -> Criterion:
    number = _NUMBER.fullmatch(written)
    if number is None:
        try:
            window = duration(written)
        except ValueError:
            msg = f"{criterion.id}={written}: write a number, as 50 or >=50, a duration, as P6M, or off"
            raise ValueError(msg) from None
        found = [(path, window) for path, held in _values(criterion) if isinstance(held, Duration)]
        what = "a duration"
    else:
        comparator = Comparator(number["comparator"]) if number["comparator"] else None
        bounds = [(path, held) for path, held in _values(criterion) if isinstance(held, _Bound)]
        meant = [each for each in bounds if comparator is None or _is_lower(*each) is (comparator in _LOWER)]
        found = [(path, _moved(held, Decimal(number["number"]), comparator)) for path, held in meant]
        what = "a bound"
    if len(found) != 1:
        aside = "" if number is None else ", or write >= or <= before the number"
        where = "none" if not found else f"several; name the part{aside}"
        msg = f"{criterion.id}={written}: it must have {what} that can be meant, and has {where}"
        raise ValueError(msg)
    changed: Criterion = _replaced(criterion, *found[0])
    for _, each in _criteria(changed):
        wrong = each.statement.kind.contradiction(each.statement) if isinstance(each.statement, Leaf) else None
        if wrong:
            msg = f"{criterion.id}={written}: {wrong}"
            raise ValueError(msg)
    return changed


def _is_lower(path: Path, bound: Any) -> bool:  # noqa: ANN401  # one of _Bound
    """Whether it is a lower bound; an age's is known by its field."""
    return _AGE_UPPER not in str(path[-1]) if isinstance(bound, AgeBound) else bound.comparator in _LOWER


def _moved(bound: Any, number: Decimal, comparator: Comparator | None) -> Any:  # noqa: ANN401  # one of _Bound
    """A bound at another number, in its own unit."""
    if isinstance(bound, AgeBound):
        if number != int(number):
            msg = f"an age is a whole number of units, and {number} is none"
            raise ValueError(msg)
        inclusive = bound.inclusive if comparator is None else comparator in {Comparator.AT_LEAST, Comparator.AT_MOST}
        return AgeBound(Duration(int(number), bound.age.unit), inclusive=inclusive)
    changed = replace(bound, comparator=comparator or bound.comparator)
    if isinstance(changed, LimitThreshold):
        return replace(changed, factor=number)
    return replace(changed, value=number)


def _criteria(criterion: Criterion) -> Iterator[tuple[Path, Criterion]]:
    """The criterion and those below it, with the way to each."""
    return _below(criterion, (), lambda held: isinstance(held, Criterion))


def _values(criterion: Criterion) -> Iterator[tuple[Path, Any]]:
    """The bounds and durations of a criterion and of its parts that have no id of their own, with the way to each."""
    for path, held in _below(criterion, (), lambda held: isinstance(held, _Bound | Duration)):
        if not any(isinstance(each, Criterion) and each.id for each in _on_the_way(criterion, path)):
            yield path, held


def _on_the_way(held: Any, path: Path) -> Iterator[Any]:  # noqa: ANN401  # any dataclass or tuple
    for step in path:
        held = held[step] if isinstance(step, int) else getattr(held, step)
        yield held


def _below(held: Any, path: Path, asked: Callable[[Any], bool]) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401
    """What is asked for in a tree of dataclasses; what is found is looked into only where it is a criterion."""
    if asked(held):
        yield path, held
        if not isinstance(held, Criterion):
            return
    if isinstance(held, tuple):
        for place, each in enumerate(held):
            yield from _below(each, (*path, place), asked)
    elif dataclasses.is_dataclass(held):
        for field in dataclasses.fields(held):
            yield from _below(getattr(held, field.name), (*path, field.name), asked)


def _replaced(held: Any, path: Path, value: Any) -> Any:  # noqa: ANN401  # any dataclass or tuple
    """The tree with another value at the end of the way."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return (*held[:step], _replaced(held[step], rest, value), *held[step + 1 :])
    return replace(held, **{step: _replaced(getattr(held, step), rest, value)})
