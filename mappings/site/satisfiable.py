"""What a trial asks for that nobody can meet, or everybody does; found by its bounds alone, without any patient.

Every inclusion must be met and every exclusion not be met at once. What stands below nothing but `all-of` (of an
inclusion), `any-of` or `if` (of an exclusion) is therefore asked of everyone, and two such bounds on the same value
must leave room between them. Within an `any-of`, bounds that meet leave nobody out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.join import AllOf, AnyOf, AtLeast, IfThen, Not, join_of
from adapter.criteria.model import (
    Criterion,
    CriterionRole,
    EligibilityCriterion,
    Index,
    Leaf,
    TrialDefinition,
    parts_of,
)
from adapter.criteria.quantity import Comparator, LimitThreshold, QuantityRange, QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.kinds.age import Age
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.judgement import Judgement
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.kinds.person import Sex
from mappings.site.label import otherwise
from mappings.site.statement import left_open, never
from mappings.terminology.yaml_file import Path

Doubt = tuple[Path, bool, str]
"""Where in the file, whether it is an error, and what is to be said."""


@dataclass(frozen=True, slots=True)
class Span:
    """Values between two bounds; None is open. `low_open`, `high_open`: the bound itself is left out."""

    low: Fraction | None = None
    high: Fraction | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no value lies in it."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meets(self, other: "Span") -> "Span":
        """What lies in both."""
        lows = [(each.low, each.low_open) for each in (self, other) if each.low is not None]
        highs = [(each.high, not each.high_open) for each in (self, other) if each.high is not None]
        low, low_open = max(lows, default=(None, False))
        high, high_closed = min(highs, default=(None, True))
        return Span(low, high, low_open, not high_closed)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A leaf that is asked of everyone, with its place; `negated`: it must not be met."""

    path: Path
    name: str
    leaf: Leaf
    negated: bool


def doubts(definition: TrialDefinition, terminology: Terminology) -> Iterator[Doubt]:
    """What can never be met, and what always is, in the order of the file."""
    everything: list[_Asked] = []
    yield from _copied(definition.criteria)
    for place, top in enumerate(definition.criteria):
        path = ("criteria", place)
        excludes = top.role is CriterionRole.EXCLUSION
        asked = list(_asked(top.criterion, path, top.id, negated=excludes))
        yield from _leaves(top.criterion, path, terminology)
        yield from _within(top.criterion, path, top.id, terminology)
        yield from _untested(top.criterion, path, terminology, denied=excludes)
        yield from _everybody_else(top.criterion, path, excludes=excludes)
        yield from _pointless(top.criterion, path)
        yield from _labelled(top.criterion, path, top.source)
        yield from _against(everything, asked, terminology)
        everything += asked
    yield from _shut_out(definition.index, everything, terminology)
    if definition.index is None and not _admits_everybody(definition):
        said = "no index: everybody is worth screening; name the disease, or say eligibility: healthy-volunteers: true"
        yield ("id",), False, said


def _shut_out(index: Index, everything: Sequence[_Asked], terminology: Terminology) -> Iterator[Doubt]:
    """The exclusions that everybody meets whom the trial looks for, as a stroke within 3 months that is today's."""
    wanted = [(each.name, each.leaf) for each in everything if not each.negated and isinstance(each.leaf, Condition)]
    for each in everything:
        leaf = each.leaf
        if not each.negated or not isinstance(leaf, Condition) or leaf.other_than or leaf.levels or leaf.asks_time:
            continue
        met = next((name for name, other in wanted if _implies(other, leaf, terminology)), None)
        if met is not None:
            said = f"who meets {met} meets {each.name}, so nobody is left; an earlier one is an event of a sequence, "
            yield each.path, True, said + "before the last"
        elif isinstance(index, tuple) and leaf.window is None and _are_all(index, leaf.concepts, terminology):
            yield each.path, False, f"everybody whom the index names has what {each.name} asks for; is that meant?"


def _implies(one: Condition, other: Condition, terminology: Terminology) -> bool:
    """Whether an entry that is the one is the other, too."""
    if not _are_all(one.concepts, other.concepts, terminology) or (one.tests and not other.tests):
        return False
    if other.window is not None:
        return one.look_back is not None and one.look_back.days <= other.window.days
    return other.occurrence is Occurrence.EVER or one.occurrence is Occurrence.ACTIVE


def _are_all(concepts: Iterable[str], others: Iterable[str], terminology: Terminology) -> bool:
    """Whether each code of some concepts is one of others."""
    held = frozenset(others)
    return all(
        not held.isdisjoint(terminology.value_sets_of(code.system, code.code) or ())
        for name in concepts
        for code in terminology.codes(name)
    )


_ROLES = {"I": CriterionRole.INCLUSION, "E": CriterionRole.EXCLUSION}
"""What the first letter of a criterion's number says nearly everywhere."""


def _copied(criteria: Sequence[EligibilityCriterion]) -> Iterator[Doubt]:
    """What a criterion that was copied still has of the other one: its kind, its label, its statement."""
    labels = dict[str, str]()
    for place, each in enumerate(criteria):
        path = ("criteria", place)
        if _ROLES.get(each.id[0], each.role) is not each.role and each.id[1:2].isdecimal():
            yield (*path, "kind"), False, f"{each.id} is written as {each.role.value}; is that meant, or its number?"
        if (other := labels.setdefault(each.criterion.label, each.id)) != each.id:
            yield (*path, "label"), False, f"{other} has the same label; say what this one asks"
    for role in CriterionRole:
        alike = [(("criteria", place), each.criterion) for place, each in enumerate(criteria) if each.role is role]
        yield from _twice(alike)


def _twice(beside: Iterable[tuple[Path, Criterion]]) -> Iterator[Doubt]:
    """The criteria beside each other of which one asks what an earlier one does."""
    seen = list[tuple[Leaf, str]]()
    for path, each in beside:
        leaf, name = each.statement, each.id or "this one"
        if isinstance(leaf, Leaf) and not isinstance(leaf, Judgement):
            if (other := next((id_ for held, id_ in seen if held == leaf), None)) is not None:
                yield path, False, f"{name} asks the same as {other}; correct it, or take one of them out"
            seen.append((leaf, name))


def _admits_everybody(definition: TrialDefinition) -> bool:
    held = definition.study.eligibility
    return held is not None and held.healthy_volunteers is True


def _asked(criterion: Criterion, path: Path, name: str, *, negated: bool) -> Iterator[_Asked]:
    """The leaves that must be met (or, negated, must not be) whenever the criterion must."""
    statement, name = criterion.statement, criterion.id or name
    if isinstance(statement, Leaf):
        yield _Asked(path, name, statement, negated)
        return
    parts = list(_parts(criterion))
    for place, denied in join_of(statement).apart(len(parts), denied=negated):
        step, part = parts[place]
        yield from _asked(part, (*path, *step), name, negated=denied)


def _parts(criterion: Criterion) -> Iterator[tuple[Path, Criterion]]:
    """The parts of a criterion, each with its path from here."""
    if not isinstance(criterion.statement, Leaf):
        parts = parts_of(criterion.statement)
        yield from zip(join_of(criterion.statement).steps(len(parts)), parts, strict=True)


def _within(criterion: Criterion, path: Path, name: str, terminology: Terminology) -> Iterator[Doubt]:
    """The joins below a criterion that can't be met, or always are."""
    name = criterion.id or name
    for step, part in _parts(criterion):
        yield from _within(part, (*path, *step), name, terminology)
    if isinstance(criterion.statement, Leaf | Not):
        return
    for negated, said in ((False, "can never be met"), (True, "is always met by whoever has a value")):
        joined = _asked(criterion, path, name, negated=negated)
        clash = next(_against([], joined, terminology), None)
        if clash is not None:
            yield path, True, f"{name} {said}: {clash[2]}"


def _against(earlier: Iterable[_Asked], asked: Iterable[_Asked], terminology: Terminology) -> Iterator[Doubt]:
    """What of the asked leaves leaves no room beside each other or the earlier ones."""
    seen = list(earlier)
    for each in asked:
        for other in seen:
            if each.path[:2] == other.path[:2] and each.path == other.path:
                continue
            if (said := _clash(other, each, terminology)) is not None:
                yield each.path, True, said
                break
        seen.append(each)


def _clash(one: _Asked, other: _Asked, terminology: Terminology) -> str | None:
    """Why two leaves can't hold together; None if they may."""
    if one.leaf == other.leaf:
        if one.negated is other.negated or isinstance(one.leaf, Judgement):  # what is judged, the label says
            return None
        return f"{one.name} asks for what {other.name} forbids; take one of them out"
    if isinstance(one.leaf, Sex) and isinstance(other.leaf, Sex):
        return None if one.negated or other.negated else f"{one.name} and {other.name} ask for both sexes at once"
    first, second = _span(one, terminology), _span(other, terminology)
    if first is None or second is None or first[0] != second[0] or not first[1].meets(second[1]).is_empty:
        return None
    return f"no {first[0][0]} meets both {one.name} and {other.name}; correct a bound"


def _span(asked: _Asked, terminology: Terminology) -> tuple[tuple[str, ...], Span] | None:
    """What the leaf is about, and the values that it lets through; None where that is no one range."""
    leaf = asked.leaf
    if isinstance(leaf, Age):
        about: tuple[str, ...] = ("age",)
        span: Span | None = _ages(leaf)
    elif isinstance(leaf, Measurement) and leaf.selection is Selection.LATEST:
        limit = _limit(leaf)
        about, span = (leaf.analyte, str(leaf.window), limit), _multiples(leaf) if limit else _values(leaf, terminology)
    else:
        return None
    span = _negated(span) if asked.negated and span is not None else span
    return None if span is None else (about, span)


def _negated(span: Span) -> Span | None:
    if span.low is None and span.high is not None:
        return Span(low=span.high, low_open=not span.high_open)
    if span.high is None and span.low is not None:
        return Span(high=span.low, high_open=not span.low_open)
    return None


_YEARS = {
    CalendarUnit.YEAR: Fraction(1),
    CalendarUnit.MONTH: Fraction(1, 12),
    CalendarUnit.WEEK: Fraction(7 * 4, 1461),
    CalendarUnit.DAY: Fraction(4, 1461),
}


def _years(age: Duration, more: int = 0) -> Fraction:
    return (age.count + more) * _YEARS[age.unit]


def _ages(leaf: Age) -> Span:
    """In years; at most 75 a ends the day before the 76th birthday."""
    low, high = leaf.lower, leaf.upper
    return Span(
        low=None if low is None else _years(low.age),
        low_open=low is not None and not low.inclusive,
        high=None if high is None else _years(high.age, 1 if high.inclusive else 0),
        high_open=True,
    )


def _bounds(leaf: Measurement) -> tuple[Any, ...]:
    return (leaf.test.low, leaf.test.high) if isinstance(leaf.test, QuantityRange) else (leaf.test,)


def _limit(leaf: Measurement) -> str:
    """The limit of normal of which all bounds are multiples; empty if there is none."""
    limits = {bound.limit.value if isinstance(bound, LimitThreshold) else "" for bound in _bounds(leaf)}
    return limits.pop() if len(limits) == 1 else ""


def _multiples(leaf: Measurement) -> Span:
    """In multiples of the limit."""
    found = Span()
    for bound in _bounds(leaf):
        found = found.meets(_one_side(bound.comparator, Fraction(bound.factor)))
    return found


def _one_side(comparator: Comparator, value: Fraction) -> Span:
    strict, upper = comparator.is_strict, comparator.is_upper
    return Span(high=value, high_open=strict) if upper else Span(low=value, low_open=strict)


def _values(leaf: Measurement, terminology: Terminology) -> Span | None:
    """In the analyte's canonical unit."""
    found = Span()
    for bound in _bounds(leaf):
        if not isinstance(bound, QuantityThreshold):
            return None
        turned = terminology.conversion(terminology.catalogue.analytes[leaf.analyte], bound.unit, None)
        if turned is None:
            return None
        found = found.meets(_one_side(bound.comparator, Fraction(turned.of(bound.value))))
    return found


def _leaves(criterion: Criterion, path: Path, terminology: Terminology) -> Iterator[Doubt]:
    """The measurements that no possible value meets, or every one; and what nothing on record can be."""
    yield from _twice(((*path, *step), part) for step, part in _parts(criterion))
    for step, part in _parts(criterion):
        yield from _leaves(part, (*path, *step), terminology)
    leaf = criterion.statement
    if isinstance(leaf, Leaf):
        yield from ((path, False, said) for said in left_open(leaf, terminology))
        yield from ((path, True, said) for said in never(leaf, terminology))
    if not isinstance(leaf, Measurement):
        return
    possible = terminology.catalogue.analytes[leaf.analyte].plausible
    span = _values(leaf, terminology)
    if possible is None or span is None:
        return
    real = Span(low=Fraction(possible.low), high=Fraction(possible.high))
    told = f"what is possible of {leaf.analyte} is {possible.low} to {possible.high} in its own unit"
    if span.meets(real).is_empty:
        yield path, True, f"no possible value meets this bound: {told}; is the unit right?"
    elif span.meets(real) == real:
        yield path, False, f"every possible value meets this bound: {told}; is the unit right?"


def _pointless(criterion: Criterion, path: Path) -> Iterator[Doubt]:
    """Joins that say no more than their parts."""
    statement = criterion.statement
    for step, part in _parts(criterion):
        yield from _pointless(part, (*path, *step))
        if isinstance(statement, Not) and isinstance(part.statement, Not):
            yield path, False, "not of a not says the part itself; take both out"
    if isinstance(statement, AtLeast) and statement.count == len(statement.parts):
        yield path, False, "asks for all of its parts; write all-of, or add the part that is missing"
    if isinstance(statement, AllOf | AnyOf) and len(statement.parts) == 1:
        yield path, False, "joins a single part; write that alone, or add the one that is missing"


def _labelled(criterion: Criterion, path: Path, source: str) -> Iterator[Doubt]:
    """The labels that say something else than what they stand beside."""
    found = list(otherwise(criterion, source))
    yield from (((*path, "label") if criterion.label else path, False, said) for said in found)
    for step, part in _parts(criterion):
        yield from _labelled(part, (*path, *step), source)


def _everybody_else(criterion: Criterion, path: Path, *, excludes: bool) -> Iterator[Doubt]:
    """The implications that must not be met: they are, by all of whom the condition is not true."""
    statement = criterion.statement
    if isinstance(statement, Leaf):
        return
    for place, (step, part) in enumerate(_parts(criterion)):
        yield from _everybody_else(part, (*path, *step), excludes=excludes is not join_of(statement).denies(place))
    if excludes and isinstance(statement, IfThen):
        said = "rules out everybody for whom the `if` is not met; write all-of, or say with `else` what rules them out"
        yield path, False, said


def _untested(criterion: Criterion, path: Path, terminology: Terminology, *, denied: bool) -> Iterator[Doubt]:
    """The infections and pregnancies that must be absent, and that tests could show, of which none is named."""
    below = denied is not isinstance(criterion.statement, Not)
    for step, part in _parts(criterion):
        yield from _untested(part, (*path, *step), terminology, denied=below)
    leaf, catalogue = criterion.statement, terminology.catalogue
    if not isinstance(leaf, Condition):
        return
    for name in leaf.concepts:
        table = catalogue.infections.get(name)
        analytes = [each.analyte for each in table.tests.values()] if table else []
        others = sorted({each.analyte for each in leaf.tests}.difference(analytes)) if leaf.concepts == (name,) else []
        if analytes and others:
            yield path, True, f"{others[0]} is no test for {name}; take one of {', '.join(analytes)}"
        analytes += ["pregnancy-test"] if catalogue.conditions[name].pregnancy else []
        if analytes and denied and not leaf.tests:
            said = f"tests decide {name}, and none is named: no result will count; write tests: [{{analyte: "
            yield path, False, f"{said}{analytes[0]}}}], or others of {', '.join(analytes)}"
