"""The ways to join criteria, one record each: all-of, any-of, at-least-n, not, if-then, as.

A way's record holds all that is particular to it, as data: its keys in YAML, its truth as a formula over its parts,
which part's reason it takes, its words, its code in FHIR and its expression in CQL. Generic interpreters read it, as
they do a kind's (`adapter.evaluator.kind`): `evaluator/tree.py`, `columns/sql/tree.py`, and in `mappings.trial`
`schema.py`, `fhir/kinds.py`, `fhir/eligibility.py` and `cql/library.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from adapter.criteria.expression import Expression, Items, Operation, call
from adapter.criteria.model import Combinator, Criterion, Leaf
from adapter.criteria.truth import (
    MET,
    NOT_MET,
    UNKNOWN,
    Conjunction,
    Disjunction,
    Formula,
    KnownDisjunction,
    Negation,
    Threshold,
    Truth,
    apart,
    at_least,
    known_disjunction,
    signs,
    value,
)


class Key(NamedTuple):
    """A key in YAML, and the field behind it: a criterion, or with `many` a list of them. `says`: what it is for.

    An empty key is the statement that stands beside the others.
    """

    key: str
    field: str = "part"
    many: bool = False
    says: str | None = None


class Decider(NamedTuple):
    """The part whose reason is the whole's, where the first part and the whole came to these truths; None: to any.

    `beside`: what the truth stands on besides: if that is assumed, so is the whole.
    """

    place: int
    first: Truth | None = None
    whole: Truth | None = None
    beside: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Join:
    """A way to join criteria.

    `name`: its code in FHIR. `statement`: its frozen dataclass, whose `join` this becomes; `counted`: it has a count.
    `keys`: how it stands in YAML, in the order of its parts.
    `truth`: what it makes of its parts' truths.
    `deciders`: which part gives the reason, the first that fits; without any: the first part that says the same.
    `untaken`: by place, the truth of the first part with which a part has no say.
    `words`: its sentence; `{all}` are its parts, `{0}` the first, `{count}` its count.
    `behavior`: FHIR's action-selection-behavior, as far as it can say the same.
    `rule`: its expression in CQL, of the statement and its parts' expressions.
    `lends`: it is answered as a whole, so that its parts need no id of their own.

    Raises TypeError for keys that aren't the fields, and for a truth that no part is sure to say the same as.
    """

    name: str
    statement: type[Combinator]
    keys: tuple[Key, ...]
    truth: Formula | Threshold | KnownDisjunction
    words: str
    rule: Callable[[Any, tuple[Expression, ...]], Expression]
    behavior: str | None = None
    deciders: tuple[Decider, ...] = ()
    untaken: Mapping[int, Truth] = field(default_factory=dict)
    counted: bool = False
    lends: bool = False

    def __post_init__(self) -> None:
        """Check the record, and make itself known to its statements."""
        named = {*(each.field for each in self.keys), *(("count",) if self.counted else ())}
        if named != {each.name for each in fields(self.statement)}:
            msg = f"{self.name}: {self.statement.__name__} has other fields than {', '.join(sorted(named))}"
            raise TypeError(msg)
        over_all = not isinstance(self.truth, int | Negation) and not getattr(self.truth, "of", ())
        if not (self.deciders or over_all) or (self.deciders and self.deciders[-1][1:3] != (None, None)):
            msg = f"{self.name}: its last decider must be the one for all other truths"
            raise TypeError(msg)
        self.statement.join = self

    @property
    def ends(self) -> tuple[Truth, Truth] | None:
        """Of ∧ and ∨ over all parts: the truth that one part decides alone, and the one that needs all of the parts."""
        return None if self.deciders else _ENDS.get(type(self.truth))

    @property
    def size(self) -> int | None:
        """How many parts it has; None: some, as many as there are."""
        return None if any(each.many for each in self.keys) else len(self.keys)

    def parts(self, statement: Combinator) -> tuple[Criterion, ...]:
        """The criteria directly below a statement, in order."""
        held = [(getattr(statement, each.field), each.many) for each in self.keys]
        return tuple(part for below, many in held for part in (below if many else (below,)))

    def steps(self, count: int) -> list[tuple[str | int, ...]]:
        """Where each of so many parts stands in YAML, from the statement on."""
        found: list[tuple[str | int, ...]] = []
        for each in self.keys:
            above = (each.key, each.field) if self.counted else (each.key,)
            found += [(*above, place) for place in range(count)] if each.many else [above if each.key else ()]
        return found

    def of(self, parts: tuple[Criterion, ...], count: int | None = None) -> Combinator:
        """The statement that joins these parts."""
        below = {each.field: parts if each.many else parts[place] for place, each in enumerate(self.keys)}
        return self.statement(**below, **({"count": count} if self.counted else {}))

    def said(self, statement: Combinator, names: Sequence[str]) -> str:
        """The statement in words, its parts by these names."""
        return self.words.format(*names, all=", ".join(names), count=getattr(statement, "count", ""))

    def apart(self, count: int, *, denied: bool) -> tuple[tuple[int, bool], ...]:
        """The parts that must all be met, or not (`True`), so that the whole is, or is not (`denied`); by their places.

        Of so many parts; empty where the whole is not that.
        """
        return apart(self.truth, count, denied=denied)

    def denies(self, place: int) -> bool:
        """Whether it speaks for the whole that this part is not met."""
        return False in signs(self.truth, place)

    def asserts(self, place: int) -> bool:
        """Whether it speaks for the whole that this part is met."""
        return True in signs(self.truth, place)


_ENDS: dict[type[object], tuple[Truth, Truth]] = {
    Conjunction: (NOT_MET, MET),
    Disjunction: (MET, NOT_MET),
}


def keys_of(known: Iterable[Join]) -> tuple[Key, ...]:
    """The keys of joins, each once."""
    return tuple({each.key: each for join in known for each in join.keys if each.key}.values())


def families(known: Iterable[Join]) -> list[tuple[list[str], list[str]]]:
    """Of the joins that begin with the same key: the keys that all of them have, and those that only some have."""
    members: dict[str, list[list[str]]] = {}
    for join in known:
        members.setdefault(join.keys[0].key, []).append([each.key for each in join.keys])
    members.pop("", None)
    shared = [[each for each in held[0] if all(each in keys for keys in held)] for held in members.values()]
    return [
        (needed, [each for keys in held for each in keys if each not in needed])
        for needed, held in zip(shared, members.values(), strict=True)
    ]


def join_of(statement: Leaf | Combinator) -> Join:
    """How a statement joins its parts. Raises TypeError for one that has none."""
    join: Join | None = getattr(statement, "join", None)
    if join is None:
        msg = f"{type(statement).__name__} joins nothing"
        raise TypeError(msg)
    return join


def count_of(statement: Leaf | Combinator) -> int:
    """How many parts a statement asks for that counts them."""
    count: int = getattr(statement, "count")  # noqa: B009  # of the joins that are `counted`
    return count


def truth_of(statement: Leaf | Combinator, truths: Sequence[Truth]) -> Truth:
    """What a statement makes of its parts' truths, in their order. Raises TypeError for a leaf."""
    match join_of(statement).truth:
        case Threshold():
            return at_least(count_of(statement), truths)
        case KnownDisjunction():
            return known_disjunction(truths)
        case formula:
            return value(formula, truths)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Combinator):
    """∧ of the parts."""

    parts: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(Combinator):
    """∨ of the parts."""

    parts: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyKnown(Combinator):
    """∨ of those parts that are known: one finding alone suffices to clear."""

    parts: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast(Combinator):
    """At least `count` of the parts."""

    count: int
    parts: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Combinator):
    """¬ of the part."""

    part: Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class IfThen(Combinator):
    """condition → consequence."""

    condition: Criterion
    consequence: Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class IfThenElse(Combinator):
    """The consequence where the condition is met, else the alternative; where nobody knows, what both agree on."""

    condition: Criterion
    consequence: Criterion
    alternative: Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class As(Combinator):
    """The part, of the kind that the qualifier defines: heart failure, as an ejection fraction below 40 %.

    ∧ of both, told as one statement.
    """

    part: Criterion
    qualifier: Criterion


_IF = (Key("if", "condition"), Key("then", "consequence"))

JOINS = (
    Join(
        name="all-of",
        statement=AllOf,
        keys=(Key("all-of", "parts", many=True),),
        truth=Conjunction(),
        words="all of: {all}",
        behavior="all",
        rule=lambda _, parts: Operation("and", parts),
    ),
    Join(
        name="any-of",
        statement=AnyOf,
        keys=(Key("any-of", "parts", many=True),),
        truth=Disjunction(),
        words="any of: {all}",
        behavior="one-or-more",
        rule=lambda _, parts: Operation("or", parts),
    ),
    Join(
        name="any-known",
        statement=AnyKnown,
        keys=(Key("any-known", "parts", many=True, says="Any of those parts that are known."),),
        truth=KnownDisjunction(),
        words="any of those that are known: {all}",
        behavior="one-or-more",
        rule=lambda _, parts: call("Measurements", "AnyKnown", Items(parts)),
    ),
    Join(
        name="at-least-n",
        statement=AtLeast,
        keys=(Key("at-least-n", "parts", many=True),),
        counted=True,
        truth=Threshold(),
        words="at least {count} of: {all}",
        rule=lambda said, parts: call("Measurements", "AtLeast", said.count, Items(parts)),
    ),
    Join(
        name="not",
        statement=Not,
        keys=(Key("not"),),
        truth=Negation(0),
        deciders=(Decider(0),),
        words="not: {0}",
        rule=lambda _, parts: Operation("not", parts),
        lends=True,
    ),
    Join(
        name="if-then",
        statement=IfThen,
        keys=_IF,
        truth=Disjunction((Negation(0), 1)),
        deciders=(
            Decider(0, first=NOT_MET, whole=MET),
            Decider(0, first=UNKNOWN, whole=UNKNOWN),
            Decider(1, whole=NOT_MET, beside=(0,)),
            Decider(1),
        ),
        untaken={1: NOT_MET},
        words="if {0}, then {1}",
        rule=lambda _, parts: Operation("implies", parts),
    ),
    Join(
        name="if-then",
        statement=IfThenElse,
        keys=(*_IF, Key("else", "alternative", says="Instead, where the condition is not met.")),
        truth=Disjunction((Conjunction((0, 1)), Conjunction((Negation(0), 2)), Conjunction((1, 2)))),
        deciders=(
            Decider(0, first=UNKNOWN, whole=UNKNOWN),  # what would settle it
            Decider(1, first=UNKNOWN, beside=(2,)),  # what both say
            Decider(2, first=NOT_MET, beside=(0,)),
            Decider(1, beside=(0,)),
        ),
        untaken={1: NOT_MET, 2: MET},
        words="if {0}, then {1}, else {2}",
        rule=lambda _, parts: call("Measurements", "Choice", *parts),
    ),
    Join(
        name="as",
        statement=As,
        keys=(
            Key("", "part"),
            Key("as", "qualifier", says="What the statement beside it is asked as: severe, uncontrolled, treated."),
        ),
        truth=Conjunction(),
        words="{0}, as {1}",
        behavior="all",
        rule=lambda _, parts: Operation("and", parts),
        lends=True,
    ),
)
"""All of them, in the order of a definition's keys. Two may share a name, if they join another number of parts."""
