"""concepts.yaml, or a trial's concepts -> the Catalogue, and the value sets of those whose codes stand there."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from adapter.criteria.catalogue import (
    Analyte,
    Catalogue,
    CodedAnswer,
    ConditionConcept,
    DeviceConcept,
    Doubt,
    ExposureConcept,
    ListedConcept,
    Scale,
    SubstanceConcept,
    Support,
)
from adapter.criteria.formula import Formula
from adapter.criteria.unit import UnitFactor
from adapter.criteria.value_set import ValueSet
from mappings.terminology.codes import CodeLine, Reach, Systems, unknown_systems, value_set_of
from mappings.terminology.concept_forms import (
    POSSIBLE,
    AnalyteForm,
    CodesForm,
    ConceptsForm,
    ConditionConceptForm,
    ExposureConceptForm,
    ListedForm,
    formula_of,
    problems,
)
from mappings.terminology.yaml_file import Path, Problem, YamlFile, key, nearest, with_others

_LISTS: dict[str, type[ListedConcept]] = {
    "conditions": ConditionConcept,
    "exposures": ExposureConcept,
    "substances": SubstanceConcept,
    "devices": DeviceConcept,
    "encounters": ListedConcept,
    "reports": ListedConcept,
    "specimens": ListedConcept,
    "relatives": ListedConcept,
    "body_sites": ListedConcept,
    "methods": ListedConcept,
    "routes": ListedConcept,
}
"""The sections by which the entries of lists are classified, and what their concepts are."""

SECTIONS = ("analytes", *_LISTS)
"""The sections of concepts, as they are called in files and in the Catalogue."""


_EARLIER = {
    "molarMass": "molar-mass",
    "notComparable": "not-comparable",
    "alternativeBelow": "alternative-below",
    "systemicClass": "systemic-class",
    "possible": "may-be",
}


@dataclass(frozen=True, slots=True)
class ConceptFile:
    """The concepts of a file, each with its keys checked; names and codes are not yet looked up."""

    file: YamlFile
    form: ConceptsForm


def read_concepts(file: YamlFile) -> ConceptFile:
    """The concepts in `file`. Raises DefinitionError where a key or its value is wrong."""
    file = _with_todays_keys(file)
    return ConceptFile(file, file.checked(ConceptsForm))


def own_value_sets(held: ConceptFile, systems: Systems, *, wide: bool = False) -> dict[str, ValueSet]:
    """The value sets of the concepts whose codes stand in the file, of a site or (`wide`) of the wider catalogue.

    Raises DefinitionError for an unknown system.
    """
    problems: list[Problem] = []
    found: dict[str, ValueSet] = {}
    for group in (*SECTIONS, "value_sets"):
        for id_, concept in getattr(held.form, group).items():
            coarse = _coarse_lines(concept)
            for name, lines in (("codes", concept.codes), ("except", concept.except_), ("may-be", coarse)):
                problems += _at((key(group), id_, name), unknown_systems((each.systems for each in lines), systems))
            problems += _at(
                (key(group), id_, "exhaustive"), unknown_systems(((each,) for each in concept.exhaustive), systems)
            )
            problems += [] if wide else _unlisted((key(group), id_, "exhaustive"), concept, systems)
            if concept.codes:
                found[id_] = value_set_of(id_, concept.codes, concept.except_, concept.exhaustive, systems, wide=wide)
            if coarse:
                found[id_ + POSSIBLE] = value_set_of(id_ + POSSIBLE, coarse, (), (), systems, wide=wide)
    for id_, analyte in held.form.analytes.items():
        for name, answer in analyte.answers.items():
            path = ("analytes", id_, "answers", name, "codes")
            problems += _at(path, unknown_systems((each.systems for each in answer.codes), systems))
            if answer.codes:
                found[name] = value_set_of(name, answer.codes, answer.except_, answer.exhaustive, systems, wide=wide)
    _refuse(held.file, problems)
    return found


def _unlisted(path: Path, concept: CodesForm, systems: Systems) -> Iterator[Problem]:
    """The systems in which no list of codes is complete, since a code has others below it."""
    below = {name for line in concept.codes if line.reach is Reach.BELOW for name in line.systems}
    for place, name in enumerate(concept.exhaustive):
        if systems.canonical(name) in _DEEP and name not in below:
            said = f"no list of codes of {name} is complete: what is below one, or contains it, has codes of its own"
            yield (*path, place), f"{said}; leave it to an import, or write << before the codes"


_DEEP = frozenset({"http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"})


def _at(path: Path, problems: Iterator[Problem]) -> Iterator[Problem]:
    return (((*path, *place), said) for place, said in problems)


def _refuse(file: YamlFile, problems: Iterable[Problem]) -> None:
    found = [file.error(path, said) for path, said in problems]
    if found:
        raise with_others(found[0], found[1:], "in this file")


def read_catalogue(file: YamlFile, value_sets: Mapping[str, ValueSet]) -> Catalogue:
    """The catalogue in `file`. Raises DefinitionError where it doesn't fit itself or the value sets' ids."""
    return catalogue_of(read_concepts(file), value_sets)


_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

EMPTY = Catalogue(analytes={}, conditions={}, exposures={}, substances={})


def catalogue_of(held: ConceptFile, value_sets: Mapping[str, ValueSet], base: Catalogue = EMPTY) -> Catalogue:
    """The catalogue that a file adds to another one; what it says goes before.

    Raises DefinitionError where it names a value set or a concept that is neither in it nor there.
    """
    read = held.form
    known = {name: {*getattr(base, name), *getattr(read, name)} for name in SECTIONS}
    problems = [
        (path, f"no value set {named}; write `codes` here, or add value-sets/{named}.json")
        for path, named in _named_value_sets(read)
        if named not in value_sets
    ]
    problems += [
        (path, f"no such concept: {named}; {nearest(named, known[section])}")
        for path, named, section in _named_concepts(read)
        if named not in known[section]
    ]
    problems += [
        (("analytes", id_), "a quantity needs its canonical `unit` (UCUM); other results say their `scale`")
        for id_, analyte in read.analytes.items()
        if analyte.scale is Scale.QUANTITY and analyte.unit is None
    ]
    problems += [
        (("analytes", id_, "unit"), f"a {analyte.scale} has no unit, and this one would never be read; leave it out")
        for id_, analyte in read.analytes.items()
        if analyte.scale in (Scale.SCORE, Scale.ANSWER) and analyte.unit not in (None, "1")
    ]
    problems += [
        ((group, id_), f"{id_!r} is none; write small letters and digits, words joined by hyphens, as breast-cancer")
        for group, id_, _ in _groups(read)
        if not _ID.fullmatch(id_)
    ]
    problems += [problem for id_, analyte in read.analytes.items() for problem in _answer_problems(id_, analyte)]
    _refuse(held.file, sorted(problems, key=lambda each: held.file.line(each[0])))
    lists: dict[str, Any] = {}
    for section, concept in _LISTS.items():
        added = {id_: _entry(concept, id_, form) for id_, form in getattr(read, section).items()}
        lists[section] = {**getattr(base, section), **added}
    lists["exposures"] = {
        id_: replace(each, vaccine=True)
        if not each.vaccine and id_ in value_sets and _is_vaccine(value_sets[id_])  # codes that can't be read are none
        else each
        for id_, each in lists["exposures"].items()
    }
    return Catalogue(
        analytes={**base.analytes, **{id_: _analyte(id_, form) for id_, form in read.analytes.items()}},
        **lists,
        infections=base.infections,
        formulas=base.formulas,
        efforts={**base.efforts, **read.efforts},
        freshness={**base.freshness, **read.freshness},
    )


def with_formulas(catalogue: Catalogue, files_: Iterable[ConceptFile], unit_factor: UnitFactor | None) -> Catalogue:
    """The catalogue of several files with the formulas that stand with their analytes.

    `unit_factor`: None for ours, whose units a test converts. Raises DefinitionError for what doesn't fit.
    """
    found = {id_: each for held in files_ for id_, each in _formulas(held, catalogue, unit_factor).items()}
    return replace(catalogue, formulas={**catalogue.formulas, **found}) if found else catalogue


def _formulas(
    held: ConceptFile, catalogue: Catalogue, unit_factor: UnitFactor | None
) -> dict[str, tuple[Formula, ...]]:
    with_some = {id_: each.formulas for id_, each in held.form.analytes.items() if each.formulas}
    _refuse(
        held.file,
        (
            (("analytes", id_, "formulas", name, *path), said)
            for id_, forms in with_some.items()
            for name, form in forms.items()
            for path, said in problems(form, catalogue, unit_factor, id_)
        ),
    )
    return {id_: tuple(formula_of(name, form, id_) for name, form in forms.items()) for id_, forms in with_some.items()}


def _is_vaccine(held: ValueSet) -> bool:
    """Whether every code says so: of CVX, or of ATC's vaccines; who writes a concept need not."""
    codes = [each for each in (*held.codes, *held.prefixes) if each.system in (_CVX, _ATC)]
    return bool(codes) and all(each.system == _CVX or each.code.startswith("J07") for each in codes)


_CVX, _ATC = "http://hl7.org/fhir/sid/cvx", "http://www.whocc.no/atc"


def _analyte(id_: str, form: AnalyteForm) -> Analyte:
    made = {
        "unit": "1" if form.scale is Scale.SCORE else form.unit,
        "raised_by": tuple(Support(each.analyte, each.above) for each in form.raised_by),
        "conversions": {unit: each.read() for unit, each in form.conversions.items()},
        "answers": {name: CodedAnswer(id=name, **_said(CodedAnswer, each)) for name, each in form.answers.items()},
    }
    return Analyte(id=id_, **_said(Analyte, form) | made)


def _answer_problems(id_: str, analyte: AnalyteForm) -> Iterator[Problem]:
    if (analyte.scale is Scale.ANSWER) is not bool(analyte.answers):
        yield ("analytes", id_), "the scale `answer` and the key `answers` need each other"
    for place, name in enumerate(analyte.order):
        if name not in analyte.answers:
            yield ("analytes", id_, "order", place), f"no answer {name}; {nearest(name, analyte.answers)}"
    for name, answer in analyte.answers.items():
        for part in answer.parts:
            if part not in analyte.answers:
                yield ("analytes", id_, "answers", name, "parts"), f"no answer {part}; {nearest(part, analyte.answers)}"


def _entry(concept: type[ListedConcept], id_: str, form: ListedForm) -> Any:  # noqa: ANN401  # one of that type
    made: dict[str, Any] = {"may_be": _coarse(id_, form)}
    if isinstance(form, ConditionConceptForm):
        made["doubts"] = tuple(Doubt(**dict(each)) for each in form.doubts)
    if isinstance(form, ExposureConceptForm) and form.equivalents is not None:
        made["equivalents"] = form.equivalents.read()
    return concept(id=id_, **_said(concept, form) | made)


def _said(concept: type[Any], form: CodesForm) -> dict[str, Any]:
    """What a form says of the fields of a concept."""
    return {each.name: getattr(form, each.name) for each in fields(concept) if each.name in type(form).model_fields}


def _coarse(id_: str, concept: ListedForm) -> tuple[str, ...]:
    """The value sets of what may be a concept; lines of codes have one of their own."""
    named = tuple(each for each in concept.may_be if isinstance(each, str))
    return (*named, id_ + POSSIBLE) if _coarse_lines(concept) else named


def _coarse_lines(concept: CodesForm) -> list[CodeLine]:
    """The codes that may be a concept.

    ICD-10-GM keeps the headings of WHO: where a diagnosis names all codes of the one and none of the other, those of
    the other may be it.
    """
    coarse = [each for each in getattr(concept, "may_be", ()) if isinstance(each, CodeLine)]
    lines = [*concept.codes, *coarse]
    if (
        isinstance(concept, ConditionConceptForm)
        and not _WHO.isdisjoint(concept.exhaustive)
        and not any(_GM.intersection(each.systems) for each in lines)
    ):
        coarse += [replace(each, systems=("icd-10-gm",)) for each in lines if _WHO.intersection(each.systems)]
    return coarse


_WHO = frozenset({"icd-10", "http://hl7.org/fhir/sid/icd-10"})
_GM = frozenset({"icd-10-gm", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"})


def _with_todays_keys(file: YamlFile) -> YamlFile:
    """The same file with earlier names of keys replaced; the lines of errors stay those of the file."""
    content = {
        group: {
            id_: {_EARLIER.get(key, key): value for key, value in concept.items()}
            if isinstance(concept, dict)
            else concept
            for id_, concept in concepts.items()
        }
        if isinstance(concepts, dict)
        else concepts
        for group, concepts in file.content.items()
    }
    return replace(file, content=content)


def _groups(read: ConceptsForm) -> Iterator[tuple[str, str, CodesForm]]:
    for group in SECTIONS:
        for id_, concept in getattr(read, group).items():
            yield group, id_, concept


_SETS = (
    "not_comparable",
    "systemic_class",
    "absent",
    "passing",
    "ended_by",
    "apart",
    "ruled_out_by",
    "implanted_by",
    "told_by",
)


def _named_value_sets(read: ConceptsForm) -> Iterator[tuple[Path, str]]:
    """Every value set that a concept stands on, with the path that names it: its own id, and those it refers to."""
    for group, id_, concept in _groups(read):
        if not concept.codes:
            yield (group, id_), id_
        for place, named in enumerate(getattr(concept, "may_be", ())):
            if isinstance(named, str):
                yield (group, id_, "may-be", place), named
        for field in _SETS:
            for place, named in enumerate(getattr(concept, field, ())):
                yield (group, id_, key(field), place), named
    for id_, analyte in read.analytes.items():
        for name, answer in analyte.answers.items():
            if not answer.codes and not answer.parts:
                yield ("analytes", id_, "answers", name), name


def _named_concepts(read: ConceptsForm) -> Iterator[tuple[Path, str, str]]:
    """Every other concept that a concept names, with the path that names it, and its section."""
    for group, id_, concept in _groups(read):
        for field in ("related", "sites", "cross_reacts"):
            for place, named in enumerate(getattr(concept, field, ())):
                yield (group, id_, key(field), place), named, group
        for place, doubt in enumerate(getattr(concept, "doubts", ())):
            section = "exposures" if doubt.analyte is None else "analytes"
            yield (group, id_, "doubts", place), doubt.analyte or doubt.exposure, section
    for id_, analyte in read.analytes.items():
        for field, named in _named_analytes(analyte):
            yield ("analytes", id_, field), named, "analytes"
        for place, named in enumerate(analyte.raised_during):
            yield ("analytes", id_, "raised-during", place), named, "exposures"


def _named_analytes(analyte: AnalyteForm) -> Iterator[tuple[str, str]]:
    """Every other analyte that one refers to, with the key that names it."""
    if analyte.alternative is not None:
        yield "alternative", analyte.alternative
    yield from (("tumour-cells", named) for named in analyte.tumour_cells)
    yield from (("of-blasts", named) for named in analyte.of_blasts)
    yield from (("raised-by", support.analyte) for support in analyte.raised_by)
    yield from ((field, named) for field, named in (("above", analyte.above), ("below", analyte.below)) if named)
