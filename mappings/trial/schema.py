"""The YAML form of a trial definition: what a file holds at its top, and the numbering of its criteria."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    WrapValidator,
    model_validator,
)

from adapter.criteria.definition import Completeness, Index, TrialDefinition
from adapter.criteria.study import registered_first
from adapter.evaluator.kind import Kinds
from mappings.terminology.concept_forms import ConceptsForm
from mappings.terminology.yaml_file import Form, Path, Problem, form_of, refuse
from mappings.trial.criteria import Part, TopPart, forms
from mappings.trial.form import Some
from mappings.trial.study_form import IdentifierForm, Slug, StudyForm
from mappings.trial.vocabulary import ConditionId


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
        if part.id is None and part.is_leaf and not above.lends:
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


class Trial(Form):
    """A trial definition."""

    id: Slug
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    """Of this definition: major.minor.patch."""
    identifiers: tuple[IdentifierForm, ...] = ()
    completeness: Completeness
    """Whether the source publishes all of its criteria."""
    concepts: ConceptsForm | None = None
    """Concepts that the trial brings: every trial of the site may then name them."""
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

    def _index(self) -> Index:
        found: tuple[str, ...] | Part | None = getattr(self, "index")  # noqa: B009  # as above
        return found.to_criterion() if isinstance(found, Part) else found

    def to_definition(self) -> TrialDefinition:
        """The definition that everything else works on."""
        return TrialDefinition(
            id=self.id,
            version=self.version,
            identifiers=registered_first(identifier.to_identifier() for identifier in self.identifiers),
            completeness=self.completeness,
            index=self._index(),
            criteria=tuple(criterion.to_eligibility_criterion() for criterion in self.tops),
            study=self.study.to_study(),
        )


@cache
def trial_form(kinds: Kinds) -> type[Trial]:
    """The model of a definition whose criteria are of these kinds."""
    held = forms(kinds)
    top: Any = held.top
    keys: dict[str, Any] = {
        "index": (Annotated[_Diseases | held.part | None, WrapValidator(_index_reader(held.part))], _INDEX),
        "criteria": (Some[top], ...),
    }
    return form_of("TrialForm", Trial, Trial.__doc__, keys)


_Diseases = Some[ConditionId]
_diseases: TypeAdapter[tuple[str, ...]] = TypeAdapter(_Diseases)
_INDEX = Field(
    default=None,
    description="Who is worth screening: conditions, any of which is enough; or a criterion. Without it, everybody is.",
)


def _index_reader(part: type[Part]) -> Callable[[Any, Any, ValidationInfo], Any]:
    """Reads a list as conditions and a mapping as a criterion, so that what is wrong is named at its place."""

    def read(value: Any, _: Any, info: ValidationInfo) -> Any:  # noqa: ANN401  # whatever the file holds
        if isinstance(value, dict):
            found = part.model_validate(value, context=info.context)
            refuse(((), f"the index needs no id; take out {each.id}") for each in (found, *_all(found)) if each.id)
            return found
        return _diseases.validate_python(value, context=info.context)

    return read


def _all(above: Part) -> Iterator[Part]:
    for _, part in above.children():
        yield part
        yield from _all(part)
