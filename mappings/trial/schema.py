"""The YAML form of a trial definition: what a file holds at its top."""

from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from adapter.criteria.definition import Completeness, TrialDefinition
from mappings.trial.criteria import CriterionForm
from mappings.trial.form import Form, Some, refuse
from mappings.trial.numbering import numbering_problems
from mappings.trial.study_form import IdentifierForm, Slug, StudyForm
from mappings.trial.vocabulary import ConditionId


class TrialForm(Form):
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
    criteria: Some[CriterionForm]

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """What one part says of another holds: numbering, dates, interventions."""
        refuse([*self.study.problems(), *numbering_problems(self.criteria)])
        return self

    def to_definition(self) -> TrialDefinition:
        """The definition that everything else works on."""
        return TrialDefinition(
            id=self.id,
            version=self.version,
            identifiers=tuple(identifier.to_identifier() for identifier in self.identifiers),
            completeness=self.completeness,
            index=self.index,
            criteria=tuple(criterion.to_eligibility_criterion() for criterion in self.criteria),
            study=self.study.to_study(),
        )
