"""The YAML form of a criterion: an id, a label, and exactly one statement, which may join other criteria.

The forms are made for the kinds that a reader knows: each kind is a key, with what its table of fields says behind it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from adapter.criteria import model
from adapter.criteria.definition import CriterionRole, EligibilityCriterion
from adapter.evaluator.kind import Kinds
from mappings.terminology.yaml_file import Form, Path, form_of, key
from mappings.trial.form import Some, Text
from mappings.trial.leaf_form import key_of, statement_of

CriterionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)*$")]
"""The source's own numbering: I5; its parts I5.1, I5.2."""

JOINS = ("all_of", "any_of", "any_known", "at_least_n", "not_", "if_")


class AtLeast(Form):
    """At least `count` of the parts."""

    count: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def reachable(self) -> Self:
        """A count that the parts can reach."""
        parts: tuple[Part, ...] = getattr(self, "parts")  # noqa: B009  # a field of the model that is made of this one
        if self.count > len(parts):
            msg = f"asks for {self.count} of {len(parts)} parts; lower the count"
            raise ValueError(msg)
        return self


class Part(Form):
    """A criterion below another one.

    Without an id it only joins, and its parts belong to the criterion above. What reads data or asks a person has an
    id, save below a `not`.
    """

    kinds: ClassVar[Kinds]

    id: CriterionId | None = None
    label: Text | None = None
    """The statement in short, in our own words."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema, with what goes together: exactly one statement, a condition with its conclusion."""
        schema = handler(core)
        found = handler.resolve_ref_schema(schema)
        found["oneOf"] = [{"required": [key(name)]} for name in statements(cls.kinds)]
        found["dependentRequired"] = {"if": ["then"], "then": ["if"], "else": ["if"], "id": ["label"]}
        return schema

    @model_validator(mode="after")
    def one_statement(self) -> Self:
        """Exactly one statement; a conclusion or a qualifier only beside it; a label for what has an id."""
        known = statements(self.kinds)
        written = [key(name) for name in known if self._held(name) is not None]
        if len(written) != 1:
            has = f"has {' and '.join(written)}" if written else "has none"
            msg = f"needs exactly one statement, {has}; write one of {', '.join(map(key, known))}"
            raise ValueError(msg)
        if (self._held("if_") is None) is not (self._held("then") is None):
            msg = "`if` and `then` go together; write both"
            raise ValueError(msg)
        if self._held("else_") is not None and self._held("if_") is None:
            msg = "`else` stands beside `if` and `then`; write them, or take it out"
            raise ValueError(msg)
        if self.id is not None and self.label is None:
            msg = "a criterion with an id needs a label; say the statement in short"
            raise ValueError(msg)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it reads data or asks a person itself."""
        return any(self._held(field(kind.name)) is not None for kind in self.kinds)

    @property
    def negates(self) -> bool:
        """Whether it is a `not`."""
        return self._held("not_") is not None

    @property
    def lends(self) -> bool:
        """Whether what stands directly below needs no id of its own: a `not` or an `as` is answered as a whole."""
        return self.negates or self._held("as_") is not None

    def children(self) -> Iterator[tuple[Path, "Part"]]:
        """The criteria directly below, in order, each with its path from here."""
        for name in ("all_of", "any_of", "any_known"):
            for index, part in enumerate(self._held(name) or ()):
                yield (key(name), index), part
        at_least = self._held("at_least_n")
        for index, part in enumerate(at_least.parts if at_least else ()):
            yield ("at-least-n", "parts", index), part
        for name in ("not_", "if_", "then", "else_", "as_"):
            if (below := self._held(name)) is not None:
                yield (key(name),), below

    def to_criterion(self) -> model.Criterion:
        """The criterion with everything below it."""
        return model.Criterion(statement=self._statement(), id=self.id, label=self.label or "")

    def _held(self, name: str) -> Any:  # noqa: ANN401  # a field that `forms` has made
        return getattr(self, name)

    def _statement(self) -> model.Leaf | model.Combinator:
        qualifier: Part | None = self._held("as_")
        if qualifier is None:
            return self._plain()
        part = model.Criterion(statement=self._plain())
        return model.As(part=part, qualifier=qualifier.to_criterion())

    def _plain(self) -> model.Leaf | model.Combinator:
        """The statement without its qualifier."""
        for kind in self.kinds:
            written = self._held(field(kind.name))
            if written is not None:
                return statement_of(kind, written)
        return self._join(tuple(part.to_criterion() for path, part in self.children() if path != ("as",)))

    def _join(self, below: tuple[model.Criterion, ...]) -> model.Combinator:
        if (at_least := self._held("at_least_n")) is not None:
            return model.AtLeast(count=at_least.count, parts=below)
        if self.negates:
            return model.Not(part=below[0])
        if self._held("if_") is not None:
            alternative = below[2] if self._held("else_") is not None else None
            return model.IfThen(condition=below[0], consequence=below[1], alternative=alternative)
        if self._held("any_known") is not None:
            return model.AnyKnown(parts=below)
        return model.AllOf(parts=below) if self._held("any_of") is None else model.AnyOf(parts=below)


class TopPart(Part):
    """A criterion of the trial itself."""

    id: CriterionId
    label: Text
    kind: CriterionRole
    source: Text
    """Where it is published: registry id and number."""

    def to_eligibility_criterion(self) -> EligibilityCriterion:
        """The criterion."""
        return EligibilityCriterion(role=self.kind, criterion=self.to_criterion(), source=self.source)


def field(kind: str) -> str:
    """The model's field of a kind's key."""
    return kind.replace("-", "_")


def statements(kinds: Kinds) -> tuple[str, ...]:
    """The model's fields of which a criterion has exactly one."""
    return (*(field(kind.name) for kind in kinds), *JOINS)


class Forms(NamedTuple):
    """The models of the criteria of some kinds: `part` below another criterion, `top` of the trial itself."""

    part: type[Part]
    top: type[TopPart]


@cache
def forms(kinds: Kinds) -> Forms:
    """The models, made once: a key for each kind, and the keys that join."""
    parts: dict[str, Any] = {"parts": ("Parts", ...)}
    at_least = form_of("AtLeastForm", AtLeast, AtLeast.__doc__, parts)
    part: Any = form_of("PartForm", Part, Part.__doc__, _keys(kinds))
    top = form_of("CriterionForm", TopPart, TopPart.__doc__, _keys(kinds))
    part.kinds = top.kinds = kinds
    named = {"PartForm": part, "AtLeastForm": at_least, "Parts": Some[part]}
    for each in (at_least, part, top):
        each.model_rebuild(_types_namespace=named)
    return Forms(part, top)


def _keys(kinds: Kinds) -> dict[str, Any]:
    return {
        **{field(kind.name): key_of(kind) for kind in kinds},
        "all_of": ("Parts | None", None),
        "any_of": ("Parts | None", None),
        "any_known": ("Parts | None", Field(default=None, description="Any of those parts that are known.")),
        "at_least_n": ("AtLeastForm | None", None),
        "not_": ("PartForm | None", None),
        "if_": ("PartForm | None", None),
        "then": ("PartForm | None", None),
        "else_": ("PartForm | None", Field(default=None, description="Instead, where the condition is not met.")),
        "as_": (
            "PartForm | None",
            Field(default=None, description="What the statement beside it is asked as: severe, uncontrolled, treated."),
        ),
    }
