"""The MII's Clinical Cohort Definition Language (structured query, `application/sq+json`) -> a definition.

Source of the form: medizininformatik-initiative/clinical-cohort-definition-language on GitHub, its documentation and
schema. Inclusion criteria are a conjunction of disjunctions, exclusion criteria a disjunction of conjunctions. What is
asked is asked with the site's own concepts:

- A code of a laboratory value stands for its analyte: any value that counts in the time asked.
- A code of a diagnosis, drug or procedure stands for a concept of which it is the whole, with what lies below it: a
  code that is narrower than any concept is not answered with the wider one.
- Age is in completed units, a sex is female or male.

Facts are told by the latest day that is asked, so that an end of a time restriction has to lie on or after it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from adapter.criteria.calendar import CalendarUnit, Duration, of_a_life
from adapter.criteria.join import AllOf, AnyOf
from adapter.criteria.model import (
    Completeness,
    Criterion,
    CriterionRole,
    Done,
    EligibilityCriterion,
    Leaf,
    TrialDefinition,
)
from adapter.criteria.quantity import AgeBound, Comparator, QuantityRange, QuantityThreshold
from adapter.criteria.study import RecruitmentStatus, Study
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ValueSet, plain_code
from adapter.errors import InputError, MalformedError
from adapter.kinds.age import Age
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.kinds.person import GENDER, Sex, SexForClinicalUse
from adapter.record.bundle import json_text
from adapter.record.values import MAX_EXPONENT

L = TypeVar("L", bound=Leaf)

MEDIA_TYPE = "application/sq+json"
MOST_CRITERIA = 200

_SNOMED = "http://snomed.info/sct"
_AGE = (_SNOMED, "424144002")
_SEX = (_SNOMED, "263495000")
_UNITS = {"a": CalendarUnit.YEAR, "mo": CalendarUnit.MONTH, "wk": CalendarUnit.WEEK, "d": CalendarUnit.DAY}
_COMPARATORS = {"gt": Comparator.GREATER, "ge": Comparator.AT_LEAST, "lt": Comparator.LESS, "le": Comparator.AT_MOST}
_FIRST = date(1900, 1, 1)
"""A value of any time is one since this day."""


class _Code(Struct, frozen=True):
    code: str
    system: str = ""
    display: str = ""
    version: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.system, self.code

    def __str__(self) -> str:
        return f"{self.system[:64]}|{self.code[:64]}"


class _Filter(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    type: Literal["quantity-comparator", "quantity-range", "concept"]
    comparator: Literal["gt", "ge", "lt", "le", "eq", "ne"] | None = None
    value: Decimal | None = None
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    unit: _Code | None = None
    selected_concepts: tuple[_Code, ...] = ()


class _Time(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    after_date: date | None = None
    before_date: date | None = None


class _Asked(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    term_codes: tuple[_Code, ...]
    context: _Code | None = None
    value_filter: _Filter | None = None
    attribute_filters: tuple[msgspec.Raw, ...] = ()
    time_restriction: _Time | None = None


_Groups = tuple[tuple[_Asked, ...], ...]


class _Query(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    inclusion_criteria: _Groups
    exclusion_criteria: _Groups = ()
    version: str = ""
    display: str = ""


_query = msgspec.json.Decoder(_Query)


def read_query(text: bytes, terminology: Terminology, day: date) -> TrialDefinition:
    """The definition of a query that is asked on a day: each group of criteria is a criterion, as I1 or E2.

    Raises ValueError where it is no such query, InputError where the site can't answer what it asks.
    """
    try:
        query = _query.decode(json_text(text))
    except (MalformedError, msgspec.DecodeError) as error:
        msg = f"the structured query can't be read: {error}"
        raise ValueError(msg) from None
    groups = (*query.inclusion_criteria, *query.exclusion_criteria)
    if not query.inclusion_criteria or not all(groups):
        msg = "a structured query needs an inclusion criterion, and no group of criteria is empty"
        raise ValueError(msg)
    if sum(map(len, groups)) > MOST_CRITERIA:
        msg = f"a structured query has at most {MOST_CRITERIA} criteria"
        raise InputError(msg)

    def read(place: str, asked: _Asked) -> Criterion:
        try:
            return Criterion(statement=_statement(asked, terminology, day))
        except InputError as error:
            msg = f"{place}: {', '.join(map(str, asked.term_codes[:8]))}: {error}"
            raise InputError(msg) from None

    included = _of(query.inclusion_criteria, CriterionRole.INCLUSION, AnyOf, read)
    excluded = _of(query.exclusion_criteria, CriterionRole.EXCLUSION, AllOf, read)
    return TrialDefinition(
        id="structured-query",
        version="1",
        identifiers=(),
        completeness=Completeness.FULL,
        index=None,
        criteria=(*included, *excluded),
        study=Study(title="Structured query", status=RecruitmentStatus.UNKNOWN),
    )


def _of(
    groups: _Groups, role: CriterionRole, joined: type[AnyOf | AllOf], read: Callable[[str, _Asked], Criterion]
) -> Iterator[EligibilityCriterion]:
    for number, group in enumerate(groups):
        place = f"{role.value}Criteria[{number}]"
        parts = tuple(read(f"{place}[{n}]", each) for n, each in enumerate(group))
        statement = parts[0].statement if len(parts) == 1 else joined(parts=parts)
        id_ = f"{role.value[0].upper()}{number + 1}"
        yield EligibilityCriterion(role=role, criterion=Criterion(statement=statement, id=id_), source=place)


def _statement(asked: _Asked, terminology: Terminology, day: date) -> Leaf:
    if not asked.term_codes:
        msg = "it has no termCodes"
        raise InputError(msg)
    if asked.attribute_filters:
        msg = "attribute filters are not answered here"
        raise InputError(msg)
    since = _since(asked.time_restriction, day)
    keys = {each.key for each in asked.term_codes}
    if keys & {_AGE, _SEX}:
        if len(keys) > 1 or since is not None:
            msg = "age and sex are asked by themselves, and of today"
            raise InputError(msg)
        return _age(asked.value_filter) if keys == {_AGE} else _sex(asked.value_filter)
    catalogue = terminology.catalogue
    held = [terminology.value_sets_of(each.system, each.code) or frozenset() for each in asked.term_codes]
    analytes = {name for sets in held for name in sets if name in catalogue.analytes}
    whole = [name for name in sorted(frozenset().union(*held)) if _is_whole(name, asked.term_codes, terminology)]
    diagnoses = tuple(name for name in whole if name in catalogue.conditions)
    exposures = tuple(name for name in whole if name in catalogue.exposures)
    found = bool(analytes) + bool(diagnoses) + bool(exposures)
    if not all(held) or not found:
        raise InputError(_wanting(frozenset().union(*held), asked.term_codes, terminology))
    if found > 1 or len(analytes) > 1 or (analytes and not all(analytes & sets for sets in held)):
        msg = "these codes stand for several concepts; ask for each by itself"
        raise InputError(msg)
    if analytes:
        return _measured(analytes.pop(), asked.value_filter, since or (day - _FIRST).days, terminology)
    if asked.value_filter is not None:
        msg = "a diagnosis, drug or procedure has no value to filter by"
        raise InputError(msg)
    back = None if since is None else Duration(since, CalendarUnit.DAY)
    if diagnoses:
        _covered(diagnoses, held)
        return Condition(concepts=diagnoses, occurrence=Occurrence.EVER, look_back=back)
    _covered(exposures, held)
    return Exposure(concepts=exposures, look_back=back)


def _covered(concepts: tuple[str, ...], held: Iterable[frozenset[str]]) -> None:
    if not all(sets & {*concepts} for sets in held):
        msg = "the site has no concept that one of these codes is the whole of"
        raise InputError(msg)


def _wanting(sets: frozenset[str], asked: tuple[_Code, ...], terminology: Terminology) -> str:
    """What is wrong with codes that are no concept; of the closest one that they are part of, what the whole is."""
    systems = {terminology.canonical_system(each.system) for each in asked}
    wholes = []
    for name in sets & {*terminology.catalogue.conditions, *terminology.catalogue.exposures}:
        codes = [each.code for system in systems for each in _own(terminology.value_sets[name], system)]
        if codes:
            near = max(_alike(one, each.code) for one in codes for each in asked)
            wholes.append((-near, len(codes), name, codes))
    if not wholes:
        return "the site has no concept that has these codes"
    *_, name, codes = min(wholes)
    return f"the site tells only the whole of {name} apart; name {', '.join(codes[:20])}"


def _alike(one: str, other: str) -> int:
    """How many signs two codes begin with in common."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _own(held: ValueSet, system: str | None) -> list[Coding]:
    """The codes of a system that come to the whole of a value set with what is below them."""
    roots = [each for each in held.roots if each.system == system]
    return roots or [each for each in (*held.prefixes, *held.codes) if each.system == system]


def _since(time: _Time | None, day: date) -> int | None:
    """How many days before a day the time begins; None of any time."""
    if time is None:
        return None
    if time.before_date is not None and time.before_date < day:
        msg = f"a time that ends before {day.isoformat()} is not answered here"
        raise InputError(msg)
    if time.after_date is None:
        return None
    if time.after_date > day:
        msg = "the time lies ahead"
        raise InputError(msg)
    return _length((day - time.after_date).days, CalendarUnit.DAY).count


def _length(count: int, unit: CalendarUnit) -> Duration:
    length = Duration(count, unit)
    try:
        return of_a_life(length, length.words)
    except ValueError as error:
        raise InputError(str(error)) from None


def _is_whole(name: str, asked: tuple[_Code, ...], terminology: Terminology) -> bool:
    """Whether the codes, with what is below them, are all of a value set that it has of their systems."""
    held = terminology.value_sets[name]
    codes: dict[str, set[str]] = {}
    for each in asked:
        system = terminology.canonical_system(each.system) or each.system
        codes.setdefault(system, set()).add(plain_code(system, each.code))
    for system, known in codes.items():
        own = _own(held, system)
        below = tuple(known) if terminology.classifies(system) else ()
        if any(
            plain_code(system, each.code) not in known and not plain_code(system, each.code).startswith(below)
            for each in own
        ):
            return False
        if below and any(
            each.system == system and plain_code(system, each.code).startswith(below) for each in held.excluded_prefixes
        ):
            return False
    return True


def _age(filter_: _Filter | None) -> Age:
    if filter_ is None or filter_.type == "concept" or filter_.unit is None or filter_.unit.code not in _UNITS:
        msg = "an age is compared with a quantity in a, mo, wk or d"
        raise InputError(msg)
    unit = _UNITS[filter_.unit.code]

    def age(value: Decimal | None) -> Duration:
        number = _number(value)
        if not 0 <= number <= 1 << 16 or number != int(number):
            msg = "an age is a whole number"
            raise InputError(msg)
        return _length(int(number), unit)

    if filter_.type == "quantity-range":
        low, high = age(filter_.min_value), age(filter_.max_value)
        return _checked(Age(lower=AgeBound(low), upper=AgeBound(high)))
    at = AgeBound(age(filter_.value))
    match filter_.comparator:
        case "ge":
            return Age(lower=at)
        case "gt":
            return Age(lower=AgeBound(Duration(at.age.count + 1, unit)))
        case "le":
            return Age(upper=at)
        case "lt":
            return Age(upper=AgeBound(at.age, inclusive=False))
        case "eq":
            return Age(lower=at, upper=at)
    raise InputError(_NOT_EQUAL)


_NOT_EQUAL = "a quantity is compared by gt, ge, lt, le or eq"


def _number(value: Decimal | None) -> Decimal:
    """A number that can be reckoned with: one of a million digits would take seconds."""
    if value is None or not value.is_finite():
        msg = "a quantity has a number"
        raise InputError(msg)
    if abs(value.adjusted()) > MAX_EXPONENT or len(value.as_tuple().digits) > 2 * MAX_EXPONENT:
        msg = "a number beyond any measurement"
        raise InputError(msg)
    return value


def _sex(filter_: _Filter | None) -> Leaf:
    known = {each.value for each in SexForClinicalUse}
    chosen = filter_.selected_concepts if filter_ is not None and filter_.type == "concept" else ()
    if len(chosen) != 1 or chosen[0].system != GENDER or chosen[0].code not in known:
        msg = f"a sex is one of {', '.join(sorted(known))} of {GENDER}"
        raise InputError(msg)
    return Sex(sex=SexForClinicalUse(chosen[0].code))


def _measured(name: str, filter_: _Filter | None, days: int, terminology: Terminology) -> Measurement:
    return _checked(
        Measurement(
            analyte=name,
            test=Done.MEASURED if filter_ is None else _quantity(name, filter_, terminology),
            selection=Selection.ANY,
            window=Duration(days, CalendarUnit.DAY),
        )
    )


def _quantity(name: str, filter_: _Filter, terminology: Terminology) -> QuantityThreshold | QuantityRange:
    if filter_.type == "concept":
        msg = "a value is compared with a quantity here"
        raise InputError(msg)
    unit = filter_.unit.code if filter_.unit is not None else "1"
    if terminology.conversion(terminology.catalogue.analytes[name], unit, None) is None:
        msg = f"values of {name} are not in {unit[:32]!r}"
        raise InputError(msg)

    def bound(comparator: Comparator, value: Decimal | None) -> QuantityThreshold:
        return QuantityThreshold(comparator, _number(value), unit)

    if filter_.type == "quantity-range" or filter_.comparator == "eq":
        ranged = filter_.type == "quantity-range"
        low, high = (filter_.min_value, filter_.max_value) if ranged else (filter_.value, filter_.value)
        return QuantityRange(bound(Comparator.AT_LEAST, low), bound(Comparator.AT_MOST, high))
    if filter_.comparator not in _COMPARATORS:
        raise InputError(_NOT_EQUAL)
    return bound(_COMPARATORS[filter_.comparator], filter_.value)


def _checked(statement: L) -> L:
    wrong = statement.kind.contradiction(statement)
    if wrong:
        raise InputError(wrong)
    return statement
