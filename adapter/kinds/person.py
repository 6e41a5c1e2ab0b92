"""`residence`, `language`, `marital-status`, `sex`: what the Patient says of the person.

`residence`, `language`, `marital-status`: what the Patient says of the person (CONFORMANCE: The person).

`sex`: sex for clinical use where recorded, else Patient.gender (CONFORMANCE: The criterion algebra).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, StrEnum, auto
from typing import Any

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression, Known, Names, call
from adapter.criteria.fields import CodeOf, Field, Keys, Text, Value
from adapter.criteria.model import Leaf
from adapter.criteria.value_set import Coding
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import LivesIn, Married, OfSex, Setting, Speaks
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, Trait, consistent, untold
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import PERSON, Read
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.patient_record import AddressFact, MaritalStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Residence(Leaf):
    """Where the patient lives: in one of the places of every sort that is named."""

    country: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    district: tuple[str, ...] = ()
    city: tuple[str, ...] = ()
    postal_code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Language(Leaf):
    """A language in which one can speak with the patient."""

    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marital(Leaf):
    """The marital status: one of these."""

    statuses: tuple[MaritalStatus, ...]


class _Place(Enum):
    """What an element of an address is, of the places that are asked for."""

    SAME = auto()
    OTHER = auto()
    UNSAID = auto()


SORTS = ("country", "state", "district", "city", "postal_code")
_COUNTRY = re.compile(r"[a-z]{2}|[a-z]{3}")


def bind_residence(statement: Residence) -> Evaluation:
    """The evaluation: every home of today is there, none is, or it can't be said."""
    asked = {sort: frozenset(map(folded, getattr(statement, sort))) for sort in SORTS if getattr(statement, sort)}

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        person = chart.record.person()
        if person.addresses is None:
            return outcome(Reason.VALUE_NOT_COMPARABLE, (_evidence(chart, "address", "unreadable"),))
        homes, changes = _homes(person.addresses, chart, moment)
        shown = tuple(_evidence(chart, "address", each.shown) for each in homes)
        found = {_lives(each, asked) for each in homes}
        if not homes:
            return outcome(Reason.NO_DATA, (), changes)
        if found == {_Place.SAME}:
            return outcome(Reason.RECORDED, shown[:1], changes)
        if found == {_Place.OTHER}:
            return outcome(Reason.VALUE_FAILS, shown, changes)
        return outcome(Reason.NEEDS_REVIEW if _Place.UNSAID in found else Reason.CONFLICTING, shown, changes)

    return evaluate


def _homes(
    addresses: tuple[AddressFact, ...], chart: Chart, moment: Moment
) -> tuple[list[AddressFact], tuple[Change, ...]]:
    """The addresses of today at which somebody lives; homes before those that don't say so."""
    current: list[AddressFact] = []
    changes: tuple[Change, ...] = ()
    for each in addresses:
        start, end = chart.span(each.start), chart.span(each.end)
        if start is not None and moment.is_future(start):
            changes += (start.start,)
        elif end is None or end.last >= moment.day:
            current.append(each)
            changes += () if end is None or end.last == date.max else (end.last + timedelta(days=1),)
    return homes_of(current), changes


def homes_of(addresses: Sequence[AddressFact]) -> list[AddressFact]:
    """The addresses that say that they are a home; all, where none does."""
    return [each for each in addresses if each.use == "home"] or [*addresses]


def _lives(address: AddressFact, asked: dict[str, frozenset[str]]) -> _Place:
    found = {_compared(sort, getattr(address, sort), places) for sort, places in asked.items()}
    return next(each for each in (_Place.OTHER, _Place.UNSAID, _Place.SAME) if each in found)


def _compared(sort: str, written: str | None, places: frozenset[str]) -> _Place:
    """Codes that differ are two places; names may be two spellings of one."""
    if not written:
        return _Place.UNSAID
    place = folded(written)
    if sort == "postal_code":
        code = place.replace(" ", "")
        return _Place.SAME if any(code.startswith(each.replace(" ", "")) for each in places) else _Place.OTHER
    if place in places:
        return _Place.SAME
    coded = {len(each) for each in (place, *places) if _COUNTRY.fullmatch(each)}
    all_coded = sort == "country" and all(_COUNTRY.fullmatch(each) for each in (place, *places))
    return _Place.OTHER if all_coded and len(coded) == 1 else _Place.UNSAID


def folded(text: str) -> str:
    """A name of a place as it is compared."""
    return " ".join(text.casefold().split())


def bind_language(statement: Language) -> Evaluation:
    """The evaluation: a language of the Patient's; another one says nothing of those that are not listed."""
    asked = frozenset(primary(each) for each in statement.languages)

    def evaluate(chart: Chart, _: Moment) -> Outcome:
        spoken = chart.record.person().languages
        if not spoken:
            return outcome(Reason.NO_DATA)
        same = [each for each in spoken if each.code is not None and primary(each.code) in asked]
        shown = tuple(_evidence(chart, "communication.language", each.shown) for each in same[:1] or spoken)
        return outcome(Reason.RECORDED if same else Reason.NEEDS_REVIEW, shown)

    return evaluate


def primary(tag: str) -> str:
    """The language of a BCP 47 tag, without script and region."""
    return tag.replace("_", "-").partition("-")[0].casefold()


_SINGLE = frozenset(
    {MaritalStatus.NEVER_MARRIED, MaritalStatus.DIVORCED, MaritalStatus.WIDOWED, MaritalStatus.ANNULLED}
)
"""What unmarried people are, said more closely."""

_BETWEEN = frozenset({MaritalStatus.LEGALLY_SEPARATED, MaritalStatus.INTERLOCUTORY, MaritalStatus.DOMESTIC_PARTNER})
"""Married or not: it depends on who asks."""


def bind_marital(statement: Marital) -> Evaluation:
    """The evaluation of a marital status."""
    asked = frozenset(statement.statuses)

    def evaluate(chart: Chart, _: Moment) -> Outcome:
        known = chart.record.person().marital
        if known is None:
            return outcome(Reason.NO_DATA)
        shown = (_evidence(chart, "maritalStatus", known.value.replace("-", " ")),)
        return outcome(_marital(known, asked), shown)

    return evaluate


def _marital(known: MaritalStatus, asked: frozenset[MaritalStatus]) -> Reason:
    if known in asked or (known in _SINGLE and MaritalStatus.UNMARRIED in asked):
        return Reason.RECORDED
    closer = known is MaritalStatus.UNMARRIED and not asked.isdisjoint(_SINGLE)
    between = (known in _BETWEEN and not asked.isdisjoint({MaritalStatus.MARRIED, MaritalStatus.UNMARRIED})) or (
        known is MaritalStatus.POLYGAMOUS and MaritalStatus.MARRIED in asked
    )
    return Reason.NEEDS_REVIEW if closer or between else Reason.VALUE_FAILS


def _evidence(chart: Chart, element: str, shown: str) -> Evidence:
    return Evidence(chart.record.subject, None, element, shown, None)


def _reads(element: str) -> Any:  # noqa: ANN401  # a function of Kind
    def reads(_: Leaf, __: Catalogue) -> Iterator[Read]:
        yield Read(data=PERSON, name=element)

    return reads


def _places(statement: Residence) -> str:
    told = [" or ".join(places) for sort in reversed(SORTS) if (places := getattr(statement, sort))]
    return ", ".join(told)


def _lives_in(statement: Residence) -> Expression:
    places = (Names(getattr(statement, sort)) for sort in SORTS)
    return call("Persons", "LivesIn", Known.PATIENT, *places, Known.NOW)


def _columns_of_places(statement: Residence, _: Setting) -> LivesIn:
    asked = {sort: frozenset(map(folded, getattr(statement, sort))) for sort in SORTS if getattr(statement, sort)}
    codes = {len(each) if _COUNTRY.fullmatch(each) else 0 for each in asked.get("country", ())}
    return LivesIn(places=asked, code_length=codes.pop() if len(codes) == 1 else 0)


def _columns_of_marriage(statement: Marital, _: Setting) -> Married:
    asked = frozenset(statement.statuses)
    return Married(reasons={each.value: _marital(each, asked) for each in MaritalStatus})


RESIDENCE = Kind(
    name="residence",
    statement=Residence,
    form=Keys(
        (
            Field("country", Text(), many=True, says="ISO 3166 codes, as Patient.address has them."),
            Field("state", Text(), many=True),
            Field("district", Text(), many=True),
            Field("city", Text(), many=True),
            Field("postal_code", Text(), many=True, says="Beginnings of postal codes."),
        )
    ),
    contradiction=lambda statement: None if any(getattr(statement, sort) for sort in SORTS) else "name a place",
    reads=_reads("address"),
    bind=lambda statement, _: bind_residence(statement),
    words=lambda statement, _: Phrase("residence", _places(statement), f"lives in {_places(statement)}"),
    rule=lambda statement, _: Rule(_lives_in(statement)),
    traits=untold,
    columns=_columns_of_places,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)


_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
"""A language tag: the language in ISO 639, and what tells its varieties apart (BCP 47, section 2.1)."""


def _uncoded(statement: Language) -> str | None:
    wrong = next((each for each in statement.languages if not _TAG.fullmatch(each)), None)
    return None if wrong is None else f"{wrong!r} is no code of a language; write it by BCP 47, as en or de-CH"


LANGUAGE = Kind(
    name="language",
    statement=Language,
    form=Keys((Field("languages", Text(), many=True, url="language", says="BCP 47 codes, as en."),)),
    contradiction=_uncoded,
    reads=_reads("communication"),
    bind=lambda statement, _: bind_language(statement),
    words=lambda statement, _: Phrase(
        "language", " or ".join(statement.languages), f"speaks {' or '.join(statement.languages)}"
    ),
    rule=lambda statement, _: Rule(call("Persons", "Speaks", Known.PATIENT, Names(statement.languages))),
    traits=untold,
    columns=lambda statement, _: Speaks(languages=frozenset(map(primary, statement.languages))),
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
MARITAL_STATUS = Kind(
    name="marital-status",
    statement=Marital,
    form=Keys((Field("statuses", CodeOf(MaritalStatus), many=True, url="status"),)),
    contradiction=consistent,
    reads=_reads("maritalStatus"),
    bind=lambda statement, _: bind_marital(statement),
    words=lambda statement, _: Phrase(
        "marital status",
        " or ".join(each.value for each in statement.statuses),
        f"marital status {' or '.join(each.value for each in statement.statuses)}",
    ),
    rule=lambda statement, _: Rule(
        call("Persons", "IsMarried", Known.PATIENT, Names(tuple(each.value for each in statement.statuses)))
    ),
    traits=untold,
    columns=_columns_of_marriage,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)


GENDER = "http://hl7.org/fhir/administrative-gender"


class SexForClinicalUse(StrEnum):
    """FHIR administrative gender, as far as a criterion can ask for it."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sex(Leaf):
    """Sex parameter for clinical use where recorded, else Patient.gender."""

    sex: SexForClinicalUse


def bind_sex(statement: Sex) -> Evaluation:
    """The evaluation of a sex criterion."""

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        del moment
        record = chart.record
        known = record.clinical_sex or record.gender
        if known not in ("female", "male"):
            return outcome(Reason.NO_DATA)
        element = "extension(sexParameterForClinicalUse)" if record.clinical_sex else "gender"
        shown = (Evidence(record.subject, None, element, known, None),)
        return outcome(Reason.SEX_MATCHES if known == statement.sex.value else Reason.SEX_DIFFERS, shown)

    return evaluate


SEX = Kind(
    name="sex",
    statement=Sex,
    form=Value(Field("sex", CodeOf(SexForClinicalUse))),
    contradiction=consistent,
    reads=lambda *_: (Read(data=PERSON, name="gender"),),
    bind=lambda statement, _: bind_sex(statement),
    words=lambda statement, _: Phrase("sex", statement.sex.value, f"sex {statement.sex.value}"),
    rule=lambda statement, _: Rule(call("Coding", "IsOfSex", Known.PATIENT, statement.sex.value)),
    traits=lambda statement, _: (Trait(about="sex", value=Coding(GENDER, statement.sex.value)),),
    columns=lambda statement, _: OfSex(sex=statement.sex.value),
    outlook=lambda *_: Outlook.LASTING,
    of_study=False,
)
