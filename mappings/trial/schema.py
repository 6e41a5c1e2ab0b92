"""The YAML form of a trial definition: what a file holds at its top."""

from functools import cache
from typing import Annotated, Any, Self

from pydantic import StringConstraints, create_model, model_validator

from adapter.criteria.definition import Completeness, TrialDefinition
from adapter.evaluator.kind import Kinds
from mappings.trial.criteria import TopPart, forms
from mappings.trial.form import Form, Some, refuse
from mappings.trial.numbering import numbering_problems
from mappings.trial.study_form import IdentifierForm, Slug, StudyForm
from mappings.trial.vocabulary import ConditionId


class Trial(Form):
    """A trial definition."""

    id: Slug
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    """Of this definition: major.minor.patch."""
    identifiers: tuple[IdentifierForm, ...] = ()
    completeness: Completeness
    """Whether the source publishes all of its criteria."""
    index: Some[ConditionId]
    """Conditions any of which makes a patient worth screening."""
    study: StudyForm

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """What one part says of another holds: numbering, dates, interventions."""
        refuse([*self.study.problems(), *numbering_problems(self.tops)])
        return self

    @property
    def tops(self) -> tuple[TopPart, ...]:
        """The trial's criteria, in document order."""
        found: tuple[TopPart, ...] = getattr(self, "criteria")  # noqa: B009  # a field that `trial_form` makes
        return found

    def to_definition(self) -> TrialDefinition:
        """The definition that everything else works on."""
        return TrialDefinition(
            id=self.id,
            version=self.version,
            identifiers=tuple(identifier.to_identifier() for identifier in self.identifiers),
            completeness=self.completeness,
            index=self.index,
            criteria=tuple(criterion.to_eligibility_criterion() for criterion in self.tops),
            study=self.study.to_study(),
        )


@cache
def trial_form(kinds: Kinds) -> type[Trial]:
    """The model of a definition whose criteria are of these kinds."""
    top: Any = forms(kinds).top
    criteria: dict[str, Any] = {"criteria": (Some[top], ...)}
    return create_model("TrialForm", __base__=Trial, __doc__=Trial.__doc__, **criteria)
