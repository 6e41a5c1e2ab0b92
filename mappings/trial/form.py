"""What a trial in YAML may say: short texts for amounts, ages and times, names of concepts, units.

What every part of the YAML form of a trial has in common: its short texts for amounts, ages and times.

The names a definition may use: the catalogue's concepts, and units that convert to an analyte's own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, ValidationInfo, WithJsonSchema

from adapter.criteria.calendar import CalendarUnit, Duration, of_a_life
from adapter.criteria.catalogue import Analyte, Catalogue, Positivity, Scale
from adapter.criteria.fields import Amount, Bound, Comparison, Section, concepts
from adapter.criteria.model import AnswerRange, Answers, Done, Finding, Leaf
from adapter.criteria.quantity import Comparator, LimitOfNormal, LimitThreshold, QuantityRange, QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.criteria.unit import UnitFactor, canonical_conversion
from adapter.evaluator.kind import kind_of
from adapter.kinds.change import PERCENT
from adapter.kinds.measurement.statement import Test
from mappings.terminology.wide import wide_concepts
from mappings.terminology.yaml_file import Form, IsoDuration, IsoDurationOrHours, Path, Problem, key, nearest, refuse

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that says something."""

Entry = TypeVar("Entry")


def _some(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    if not entries:
        msg = "the list is empty; write at least one entry"
        raise ValueError(msg)
    return entries


Some = Annotated[tuple[Entry, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})]
"""A list that isn't empty. (pydantic's own min_length also speaks up when it is an entry that is wrong.)"""


UNITLESS = "1"
"""UCUM's unit of plain numbers; a score is written without one."""

NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
AMOUNT_PATTERN = rf"^{NUMBER}(?: \S+)?$"
"""The JSON Schema pattern of an amount."""
AGE_PATTERN = r"^[1-9][0-9]* (?:d|wk|mo|a)$"
"""The JSON Schema pattern of an age."""

_AMOUNT = re.compile(rf"({NUMBER})(?: +(\S+))?")


def threshold(comparator: Comparator, text: str) -> QuantityThreshold | LimitThreshold:
    """`<number> <UCUM unit>`, `<number>` of a score, or `<number> ULN` (LLN) as a threshold."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        msg = f"{text!r} is no amount; write a number and a UCUM unit (70 g/L), a multiple (1.5 ULN), or a score (2)"
        raise ValueError(msg)
    number, unit = Decimal(found[1]), found[2]
    if unit in set(LimitOfNormal):
        if number < 0:
            msg = f"{text!r} is below no limit of normal; a multiple is positive, as in 1.5 ULN"
            raise ValueError(msg)
        return LimitThreshold(comparator, number, LimitOfNormal(unit))
    return QuantityThreshold(comparator, number, unit or UNITLESS)


def age(text: str) -> Duration:
    """An age in UCUM's calendar units: 14 a, 6 mo, 2 wk, 10 d."""
    if re.fullmatch(AGE_PATTERN, text) is None:
        msg = f"{text!r} is no age; write a whole number and a (years), mo, wk or d, as in 14 a"
        raise ValueError(msg)
    count, unit = text.split()
    return of_a_life(Duration(int(count), CalendarUnit(unit)), text)


def _read(reader: Callable[[str], Duration]) -> PlainValidator:
    def read(value: Any) -> Duration:  # noqa: ANN401  # whatever the file holds
        return reader(value if isinstance(value, str) else repr(value))

    return PlainValidator(read)


Window = IsoDuration
"""A time back from as-of, as P30D."""

WindowOrHours = IsoDurationOrHours
"""The same, or hours and minutes, as PT24H or PT4H30M."""

AgeText = Annotated[Duration, _read(age), WithJsonSchema({"type": "string", "pattern": AGE_PATTERN})]
"""An age, as 14 a."""

AmountText = Annotated[
    str,
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": AMOUNT_PATTERN}]}),
]
"""A number with a UCUM unit, a multiple of ULN or LLN, or a score."""

COMPARATORS = {
    "at_least": Comparator.AT_LEAST,
    "more_than": Comparator.GREATER,
    "less_than": Comparator.LESS,
    "at_most": Comparator.AT_MOST,
}
"""What compares, by the models' fields."""

BOUNDS = tuple(key(field) for field in COMPARATORS)
"""The four keys that compare."""


def thresholds(form: Form) -> dict[str, QuantityThreshold | LimitThreshold]:
    """The bounds that are written, by key; one whose amount can't be read is refused at its place."""
    found: dict[str, QuantityThreshold | LimitThreshold] = {}
    for name, comparator in COMPARATORS.items():
        amount: str | None = getattr(form, name)
        if amount is not None:
            try:
                found[key(name)] = threshold(comparator, amount)
            except ValueError as error:
                refuse([((key(name),), str(error))])
    return found


class AmountBounds(Form):
    """The four ways to compare with an amount."""

    at_least: AmountText | None = None
    """The bound itself is enough."""
    more_than: AmountText | None = None
    """The bound itself is not enough."""
    less_than: AmountText | None = None
    """The bound itself is too much."""
    at_most: AmountText | None = None
    """The bound itself is allowed."""


AMOUNT_KEYS: dict[str, tuple[Any, Any]] = {
    name: (AmountText | None, Field(default=None, description=info.description))
    for name, info in AmountBounds.model_fields.items()
}
"""The same four as keys of another form."""


CONCENTRATION = re.compile(r"[munp]?(g|mol)/[dmu]?L")
"""The everyday UCUM units of mass (or amount of substance) in a volume."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A catalogue and the units; passed to pydantic as the validation context."""

    catalogue: Catalogue
    unit_factor: UnitFactor

    @classmethod
    def of(cls, terminology: Terminology) -> "Vocabulary":
        """The vocabulary of a terminology."""
        return cls(terminology.catalogue, terminology.unit_factor)


def vocabulary(info: ValidationInfo) -> Vocabulary:
    """The vocabulary that a definition is being checked against."""
    if not isinstance(info.context, Vocabulary):
        msg = "a definition is checked with a Vocabulary as context"
        raise TypeError(msg)
    return info.context


SECTION = "x-section"
"""In a schema of ours: the section of the catalogue whose concepts a key names."""


def _key(section: Section) -> str:
    """What a section is called in a file."""
    return f"{section.name.lower().replace('_', '-')}s"


def _of_section(section: Section) -> AfterValidator:
    def check(concept: str, info: ValidationInfo) -> str:
        known = section.concepts(vocabulary(info).catalogue)
        if concept not in known:
            msg = f"the catalogue has no {section.value} {concept!r}; {_instead(concept, section, info)}"
            raise ValueError(msg)
        return concept

    return AfterValidator(check)


_ALIKE, _SHARED, _SHOWN = 0.8, 12, 4


def _instead(word: str, section: Section, info: ValidationInfo) -> str:
    """What to write instead of a concept that the section doesn't have: one spelt alike, those of like words, its own.

    A word that many concepts have in their names (disease, inhibitor) makes none of them alike.
    """
    held = vocabulary(info).catalogue
    known = {*section.concepts(held), *(id_ for id_, each in wide_concepts().items() if each.section == _key(section))}
    own = f"write it below `concepts: {_key(section)}:`, with its codes"
    if close := get_close_matches(word, known, n=1, cutoff=_ALIKE):
        return f"did you mean {close[0]!r}? Else {own}"
    elsewhere = next((each for each in Section if each is not section and word in each.concepts(held)), None)
    wide = wide_concepts().get(word)
    elsewhere = elsewhere or next((each for each in Section if wide and _key(each) == wide.section), None)
    if elsewhere is not None:
        return f"it is one of the {_key(elsewhere)}; ask for it where those are named"
    words = [(id_, _words(id_)) for id_ in known]
    shared = {each: sum(each in of for _, of in words) for each in _words(word)}
    near = {id_: sum(1 / shared[each] for each in of & shared.keys() if shared[each] <= _SHARED) for id_, of in words}
    alike = sorted((id_ for id_, weight in near.items() if weight), key=lambda id_: (-near[id_], len(id_), id_))
    if alike:
        return f"like it are {', '.join(alike[:_SHOWN])}; or {own}"
    return f"{own}; docs/catalogue.md lists the {len(known)} there are"


def _words(id_: str) -> frozenset[str]:
    """The words of an id, in one spelling."""
    plain = id_.lower().replace("ae", "e").replace("oe", "e").replace("our-", "or-")
    return frozenset(each.removesuffix("s") for each in re.split(r"[^a-z0-9]+", plain) if len(each) > 1)


def _told(section: Section) -> Any:  # noqa: ANN401  # pydantic's own type
    return Field(json_schema_extra={SECTION: section.name.lower()})


ConditionId = Annotated[str, _of_section(Section.CONDITION), _told(Section.CONDITION)]
ExposureId = Annotated[str, _of_section(Section.EXPOSURE), _told(Section.EXPOSURE)]


def concept_id(section: Section) -> Any:  # noqa: ANN401  # an annotated str
    """The type of a key that names a concept of a section."""
    return Annotated[str, _of_section(section), _told(section)]


def check_statement(statement: Leaf, known: Vocabulary) -> None:
    """Raise ValueError for what the catalogue doesn't hold or the analyte's values don't allow, and contradictions."""
    kind = kind_of(statement)
    for section, concept in concepts(statement, kind.form.fields):
        if concept not in section.concepts(known.catalogue):
            msg = f"the catalogue has no {section.value} {concept}"
            raise ValueError(msg)
    for field in kind.form.fields:
        if isinstance(field.holds, Bound) and field.holds.of:
            measured = known.catalogue.analytes[getattr(statement, field.holds.of)]
            check_difference(measured, getattr(statement, field.name), known)
        if isinstance(field.holds, Amount | Comparison):
            named, test = getattr(statement, field.holds.of), getattr(statement, field.name)
            for analyte in (named,) if isinstance(named, str) else named:
                if test is None:
                    msg = f"{analyte} needs a threshold"
                    raise ValueError(msg)
                check_comparison(known.catalogue.analytes[analyte], test, known)
    wrong = kind.contradiction(statement)
    if wrong:
        raise ValueError(wrong)


def refuse_comparisons(analyte: str, tests: Mapping[str, Test], known: Vocabulary, below: Path = ()) -> None:
    """Refuse, each at its own key, the comparisons that the analyte's values don't allow."""
    problems: list[Problem] = []
    for name, test in tests.items():
        try:
            check_comparison(known.catalogue.analytes[analyte], test, known)
        except ValueError as error:
            problems.append(((*below, name), str(error)))
    refuse(problems)


def check_comparison(
    analyte: Analyte,
    test: Test,
    known: Vocabulary,
) -> None:
    """Raise ValueError if the analyte's values can't be compared so: another kind of result, another dimension."""
    match test:
        case Answers():
            _check_answers(analyte, test.any_of)
        case AnswerRange():
            _check_order(analyte, test)
        case Done():
            pass
        case _ if analyte.scale is Scale.ANSWER:
            msg = f"{analyte.id} has coded answers; write `answer`, with some of {', '.join(analyte.answers)}"
            raise ValueError(msg)
        case QuantityThreshold():
            _check_unit(analyte, test.unit, known)
        case QuantityRange():
            check_comparison(analyte, test.low, known)
            check_comparison(analyte, test.high, known)
        case LimitThreshold() if analyte.scale is not Scale.QUANTITY:
            msg = f"{analyte.id} has no reference range, being a {analyte.scale}; compare it with a value"
            raise ValueError(msg)
        case Finding() if analyte.scale is not Scale.FINDING and analyte.positivity is Positivity.NEVER:
            msg = f"{analyte.id} is a {analyte.scale}, not a finding; compare it with an amount, as in at-least"
            raise ValueError(msg)


def check_difference(analyte: Analyte, by: QuantityThreshold, known: Vocabulary) -> None:
    """Raise ValueError if the analyte's values can't differ by so much: they are no numbers, or of another unit."""
    if analyte.scale not in (Scale.QUANTITY, Scale.SCORE):
        msg = f"{analyte.id} is a {analyte.scale}, and no number that rises or falls"
        raise ValueError(msg)
    if by.unit != PERCENT:
        _check_unit(analyte, by.unit, known)


def _check_answers(analyte: Analyte, names: tuple[str, ...]) -> None:
    if not analyte.answers:
        msg = f"{analyte.id} is a {analyte.scale}, and has no coded answers; compare it with a value"
        raise ValueError(msg)
    for name in names:
        if name not in analyte.answers:
            msg = f"{analyte.id} has no answer {name!r}; {nearest(name, analyte.answers)}"
            raise ValueError(msg)


def _check_order(analyte: Analyte, test: AnswerRange) -> None:
    """Whether the answers have an order, both ends have a place in it, and the lower one is not above the other."""
    ends = tuple(name for name in (test.low, test.high) if name is not None)
    _check_answers(analyte, ends)
    if not ends:
        msg = "a range of answers has an end; write at-least or at-most with an answer"
        raise ValueError(msg)
    ranked = analyte.ranked()
    for name in ends:
        if name not in analyte.order and not set(analyte.finest(name)) <= set(ranked):
            known = (
                f"write some of {', '.join(analyte.answers)}" if not ranked else f"those in order: {', '.join(ranked)}"
            )
            msg = f"{name!r} has no place in the order of the answers of {analyte.id}; {known}"
            raise ValueError(msg)
    places = [[ranked.index(each) for each in analyte.finest(name)] for name in ends]
    if len(places) > 1 and min(places[0]) > max(places[1]):
        msg = f"no answer is at least {test.low} and at most {test.high}; change the ends"
        raise ValueError(msg)


def _check_unit(analyte: Analyte, unit: str, known: Vocabulary) -> None:
    if analyte.scale is Scale.FINDING:
        msg = f"{analyte.id} is a finding, not a number; write `finding: positive` or `finding: negative`"
        raise ValueError(msg)
    own = analyte.unit or UNITLESS
    if unit == own:
        return
    if analyte.scale is Scale.SCORE:
        msg = f"{analyte.id} is a score; write the number without a unit"
        raise ValueError(msg)
    if unit == UNITLESS:
        msg = f"{analyte.id} needs a unit; write it after the number, as in `{own}`"
        raise ValueError(msg)
    if _concentrations(analyte, unit, own):
        return
    if canonical_conversion(analyte, unit, known.unit_factor) is not None:
        return
    if known.unit_factor(unit, f"({unit}).10") is None:  # every unit converts into ten of itself
        msg = f"{unit!r} is no UCUM unit; the unit of {analyte.id} is {own}"
    else:
        msg = f"{unit!r} does not convert to {own}, the unit of {analyte.id}; write a unit of that kind"
        if CONCENTRATION.fullmatch(unit) and CONCENTRATION.fullmatch(own):
            msg += ", or `molar-mass` (g/mol) in the concept, where it is one of yours"
    raise ValueError(msg)


def _concentrations(analyte: Analyte, unit: str, own: str) -> bool:
    """Whether both are plain concentrations that convert, seen without the UCUM parser, which is slow to import."""
    one, other = CONCENTRATION.fullmatch(unit), CONCENTRATION.fullmatch(own)
    return one is not None and other is not None and (one[1] == other[1] or analyte.molar_mass is not None)
