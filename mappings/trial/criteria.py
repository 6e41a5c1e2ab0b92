"""The YAML form of a criterion: an id, a label, and exactly one statement, which may join other criteria."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from adapter.criteria import model
from adapter.criteria.definition import CriterionKind, EligibilityCriterion
from mappings.terminology.yaml_file import Path
from mappings.trial.form import Form, Some, Text, key
from mappings.trial.measured import AgeForm, DiseaseCourseForm, MeasurementForm
from mappings.trial.recorded import AllergyForm, ConditionForm, ExposureForm, JudgementForm

CriterionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)*$")]
"""The source's own numbering: I5; its parts I5.1, I5.2."""

Parts = Some["PartForm"]

LEAVES = ("age", "sex", "condition", "disease_course", "measurement", "exposure", "allergy", "consent", "judgement")
JOINS = ("all_of", "any_of", "any_known", "at_least_n", "not_", "if_")
STATEMENTS = tuple(key(field) for field in (*LEAVES, *JOINS))
"""The keys of which a criterion has exactly one."""


class AtLeastForm(Form):
    """At least `count` of the parts."""

    count: Annotated[int, Field(ge=1)]
    parts: Parts

    @model_validator(mode="after")
    def reachable(self) -> Self:
        """A count that the parts can reach."""
        if self.count > len(self.parts):
            msg = f"asks for {self.count} of {len(self.parts)} parts; lower the count"
            raise ValueError(msg)
        return self


class PartForm(Form):
    """A criterion below another one.

    Without an id it only joins, and its parts belong to the criterion above. What reads data or asks a person has an
    id, save below a `not`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [statement]} for statement in STATEMENTS],
            "dependentRequired": {"if": ["then"], "then": ["if"], "id": ["label"]},
        }
    )

    id: CriterionId | None = None
    label: Text | None = None
    """The statement in short, in our own words."""
    age: AgeForm | None = None
    sex: model.SexForClinicalUse | None = None
    condition: ConditionForm | None = None
    disease_course: DiseaseCourseForm | None = None
    measurement: MeasurementForm | None = None
    exposure: ExposureForm | None = None
    allergy: AllergyForm | None = None
    consent: Literal["research"] | None = None
    """An active research consent to this study."""
    judgement: JudgementForm | None = None
    all_of: Parts | None = None
    any_of: Parts | None = None
    any_known: Parts | None = None
    """Any of those parts that are known."""
    at_least_n: AtLeastForm | None = None
    not_: "PartForm | None" = None
    if_: "PartForm | None" = None
    then: "PartForm | None" = None

    @model_validator(mode="after")
    def one_statement(self) -> Self:
        """Exactly one statement; a conclusion only beside its condition; a label for what has an id."""
        written = [key(field) for field in (*LEAVES, *JOINS) if getattr(self, field) is not None]
        if len(written) != 1:
            has = f"has {' and '.join(written)}" if written else "has none"
            msg = f"needs exactly one statement, {has}; write one of {', '.join(STATEMENTS)}"
            raise ValueError(msg)
        if (self.if_ is None) is not (self.then is None):
            msg = "`if` and `then` go together; write both"
            raise ValueError(msg)
        if self.id is not None and self.label is None:
            msg = "a criterion with an id needs a label; say the statement in short"
            raise ValueError(msg)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it reads data or asks a person itself."""
        return any(getattr(self, field) is not None for field in LEAVES)

    def children(self) -> Iterator[tuple[Path, "PartForm"]]:
        """The criteria directly below, in order, each with its path from here."""
        for field in ("all_of", "any_of", "any_known"):
            for index, part in enumerate(getattr(self, field) or ()):
                yield (key(field), index), part
        for index, part in enumerate(self.at_least_n.parts if self.at_least_n else ()):
            yield ("at-least-n", "parts", index), part
        for field in ("not_", "if_", "then"):
            if (below := getattr(self, field)) is not None:
                yield (key(field),), below

    def to_criterion(self) -> model.Criterion:
        """The criterion with everything below it."""
        return model.Criterion(statement=self._statement(), id=self.id, label=self.label or "")

    def _statement(self) -> model.Leaf | model.Combinator:
        forms = (
            self.age,
            self.condition,
            self.disease_course,
            self.measurement,
            self.exposure,
            self.allergy,
            self.judgement,
        )
        leaves: list[model.Leaf] = [form.to_statement() for form in forms if form is not None]
        if self.sex is not None:
            leaves.append(model.Sex(sex=self.sex))
        if self.consent is not None:
            leaves.append(model.ResearchConsent())
        return leaves[0] if leaves else self._join(tuple(part.to_criterion() for _, part in self.children()))

    def _join(self, below: tuple[model.Criterion, ...]) -> model.Combinator:
        if self.at_least_n is not None:
            return model.AtLeast(count=self.at_least_n.count, parts=below)
        if self.not_ is not None:
            return model.Not(part=below[0])
        if self.if_ is not None:
            return model.IfThen(condition=below[0], consequence=below[1])
        if self.any_known is not None:
            return model.AnyKnown(parts=below)
        return model.AllOf(parts=below) if self.any_of is None else model.AnyOf(parts=below)


class CriterionForm(PartForm):
    """A criterion of the trial itself."""

    id: CriterionId
    label: Text
    kind: CriterionKind
    source: Text
    """Where it is published: registry id and number."""

    def to_eligibility_criterion(self) -> EligibilityCriterion:
        """The criterion."""
        return EligibilityCriterion(kind=self.kind, criterion=self.to_criterion(), source=self.source)
