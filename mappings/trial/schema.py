"""The YAML form of a trial definition, from a criterion up, and how it is loaded.

The YAML form of a criterion: an id, a label, and exactly one statement, which may join other criteria.

The forms are made for the kinds that a reader knows: each kind is a key, with what its table of fields says behind it.

The YAML form of a trial definition: what a file holds at its top, and the numbering of its criteria.

Loading definitions: the shipped ones, and that of a file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path as FilePath
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from adapter.criteria import model
from adapter.criteria.join import Join, Key, families, keys_of
from adapter.criteria.model import Completeness, CriterionRole, EligibilityCriterion, Index, TrialDefinition
from adapter.criteria.study import registered_first
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import Kinds, joins, leaf_kinds
from adapter.kinds import KINDS
from mappings.terminology import load_terminology
from mappings.terminology.concept_forms import ConceptsForm
from mappings.terminology.yaml_file import Form, Path, Problem, YamlFile, form_of, key, open_yaml, read_yaml, refuse
from mappings.trial.form import ConditionId, Some, Text, Vocabulary
from mappings.trial.leaf_form import key_of, statement_of
from mappings.trial.study_form import IdentifierForm, Slug, StudyForm

CriterionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)*$")]
"""The source's own numbering: I5; its parts I5.1, I5.2."""


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
        found["dependentRequired"] = {**_dependent(joins(cls.kinds)), "id": ["label"]}
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
        for needed, optional in families(joins(self.kinds)):
            count = sum(self._held(field(each)) is not None for each in needed)
            quoted = " and ".join(f"`{each}`" for each in needed)
            if 0 < count < len(needed):
                msg = f"{quoted} go together; write both"
                raise ValueError(msg)
            for each in optional:
                if not count and self._held(field(each)) is not None:
                    msg = f"`{each}` stands beside {quoted}; write them, or take it out"
                    raise ValueError(msg)
        if self.id is not None and self.label is None:
            msg = "a criterion with an id needs a label; say the statement in short"
            raise ValueError(msg)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it reads data or asks a person itself."""
        return any(self._held(field(kind.name)) is not None for kind in leaf_kinds(self.kinds))

    @property
    def lends(self) -> bool:
        """Whether what stands directly below needs no id of its own: a `not` or an `as` is answered as a whole."""
        return any(each.lends for each in (self._joining(), self._qualifying()) if each)

    def children(self) -> Iterator[tuple[Path, "Part"]]:
        """The criteria directly below, in order, each with its path from here."""
        for key_ in keys_of(joins(self.kinds)):
            if (below := self._held(field(key_.key))) is not None:
                yield from _below_key(key_, below)

    def to_criterion(self) -> model.Criterion:
        """The criterion with everything below it."""
        return model.Criterion(statement=self._statement(), id=self.id, label=self.label or "")

    def _held(self, name: str) -> Any:  # noqa: ANN401  # a field that `forms` has made
        return getattr(self, name)

    def _statement(self) -> model.Leaf | model.Combinator:
        join = self._qualifying()
        return (
            self._plain()
            if join is None
            else join.of(
                (model.Criterion(statement=self._plain()), *(part.to_criterion() for part in self._parts_of(join)))
            )
        )

    def _plain(self) -> model.Leaf | model.Combinator:
        """The statement without its qualifier."""
        join = self._joining()
        if join is not None:
            count = self._held(field(join.keys[0].key)).count if join.counted else None
            return join.of(tuple(part.to_criterion() for part in self._parts_of(join)), count)
        kind = next(each for each in leaf_kinds(self.kinds) if self._held(field(each.name)) is not None)
        return statement_of(kind, self._held(field(kind.name)))

    def _parts_of(self, join: Join) -> list["Part"]:
        """The parts at the keys of a join, in order."""
        held = [(each, self._held(field(each.key))) for each in join.keys if each.key]
        return [part for key_, below in held for _, part in _below_key(key_, below)]

    def _joining(self) -> Join | None:
        """The join whose keys are written: of those with the same, the one with the most."""
        return self._written(each for each in joins(self.kinds) if each.keys[0].key)

    def _qualifying(self) -> Join | None:
        """The join of the statement with the qualifier beside it."""
        return self._written(each for each in joins(self.kinds) if not each.keys[0].key)

    def _written(self, among: Iterable[Join]) -> Join | None:
        found = [
            each for each in among if all(self._held(field(key_.key)) is not None for key_ in each.keys if key_.key)
        ]
        return max(found, key=lambda join: len(join.keys), default=None)


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


def field(name: str) -> str:
    """The model's field of a key; what is a word of Python's has a line behind it."""
    plain = name.replace("-", "_")
    return f"{plain}_" if iskeyword(plain) else plain


def statements(kinds: Kinds) -> tuple[str, ...]:
    """The model's fields of which a criterion has exactly one."""
    keys = [kind.name for kind in leaf_kinds(kinds)] + [each.keys[0].key for each in joins(kinds)]
    return tuple(dict.fromkeys(field(each) for each in keys if each))


def _dependent(known: Iterable[Join]) -> dict[str, list[str]]:
    """Which keys need which other, in JSON Schema's form."""
    found: dict[str, list[str]] = {}
    for needed, optional in families(known):
        first, *others = needed
        found |= {first: others} if others else {}
        found |= {each: [first] for each in (*others, *optional)}
    return found


def _below_key(held: Key, below: Any) -> Iterator[tuple[Path, Part]]:  # noqa: ANN401  # what the key's form holds
    """The parts at a key, each with its path from there."""
    if isinstance(below, Part):
        yield (held.key,), below
        return
    counted = isinstance(below, AtLeast)
    for index, part in enumerate(getattr(below, "parts") if counted else below):  # noqa: B009  # as in `reachable`
        yield ((held.key, "parts", index) if counted else (held.key, index)), part


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
        **{field(kind.name): key_of(kind) for kind in leaf_kinds(kinds)},
        **{field(each.key): _key_of(join, each) for join in joins(kinds) for each in join.keys if each.key},
    }


def _key_of(join: Join, held: Key) -> tuple[str, Any]:
    """The type and the default of a join's key."""
    form = "AtLeastForm" if join.counted else "Parts" if held.many else "PartForm"
    return f"{form} | None", None if held.says is None else Field(default=None, description=held.says)


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


SHIPPED = "mappings.trials"


def shipped_files() -> list[YamlFile]:
    """The files of the shipped definitions, in the order of their names."""
    found = sorted((file for file in files(SHIPPED).iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    return [read_yaml(file.name, file.read_text(encoding="utf-8")) for file in found]


def load_definitions(*, terminology: Terminology | None = None, kinds: Kinds = KINDS) -> tuple[TrialDefinition, ...]:
    """The shipped definitions. Those of a site: `mappings.site`."""
    vocabulary = Vocabulary.of(terminology or load_terminology())
    return tuple(definition_of(file, vocabulary, kinds) for file in shipped_files())


def load_definition(path: FilePath, *, terminology: Terminology | None = None, kinds: Kinds = KINDS) -> TrialDefinition:
    """The definition in one file. Raises DefinitionError with file, line and path of what is wrong."""
    return definition_of(open_yaml(path), Vocabulary.of(terminology or load_terminology()), kinds)


def definition_of(file: YamlFile, vocabulary: Vocabulary, kinds: Kinds = KINDS) -> TrialDefinition:
    """The definition that a file holds. Raises DefinitionError for the first thing wrong, with the others beside it."""
    try:
        return trial_form(kinds).model_validate(without_concepts(file.content), context=vocabulary).to_definition()
    except ValidationError as error:
        raise file.refused(error) from None


def without_concepts(content: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without the concepts that it brings: they are the terminology's (`mappings.site`)."""
    return {key: held for key, held in content.items() if key != "concepts"}
