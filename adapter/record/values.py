"""FHIR data types -> values: codes to value sets, quantities to amounts, texts to times; failures are issues."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import combinations
from typing import TypeVar

import msgspec
from msgspec import Raw

from adapter.criteria import value_set as criteria
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.written import plain
from adapter.record.facts import Amount, Coded, Issue, Unmapped
from adapter.record.references import Referable
from adapter.record.resources import (
    Annotation,
    CodeableConcept,
    Coding,
    Contained,
    Period,
    Quantity,
    Range,
    Ratio,
    Reference,
)
from adapter.record.when import When, parse

F = TypeVar("F")

UCUM = "http://unitsofmeasure.org"
MAX_EXPONENT = 40
_NOT_A_NUMBER = Decimal("NaN")
NOTHING: frozenset[str] = frozenset()

NO_DAYS = frozenset({"0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01"})
"""The first days of database systems and spreadsheets; no day of a patient's is one of them."""

NO_END = "2099"
"""The year from which on a day says that nobody knows of an end."""


_notes = msgspec.json.Decoder(tuple[Annotation, ...])


def note_texts(raw: Raw) -> list[str]:
    """The texts of a resource's notes, of those that have one. Raises msgspec.DecodeError."""
    return [each.text for each in _notes.decode(raw) if each.text] if raw else []


class IssueCollector:
    """What goes wrong while one resource is read: collects issues under its name."""

    __slots__ = ("issues", "resource", "type")

    def __init__(self, resource: str, type_: str, issues: list[Issue]) -> None:
        """`resource`: Type/id; `type_`: where its paths start."""
        self.resource = resource
        self.type = type_
        self.issues = issues

    def report(self, path: str, message: str) -> None:
        """Note what could not be read at a path below the resource."""
        self.issues.append(Issue(self.resource, f"{self.type}.{path}", message))

    def when(self, text: str | None, path: str) -> When | None:
        """A date or dateTime; None, and an issue, if it isn't one."""
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.report(path, f"{error}; taken as undated")
            return None

    def known(self, text: str | None, path: str) -> When | None:
        """The same; a day that databases have where nobody knows one (9999-12-31) is none, and an issue."""
        if stands_for_none(text):
            self.report(path, "a date that stands for none; taken as undated")
            return None
        return self.when(text, path)


def stands_for_none(text: str | None) -> bool:
    """Whether a date is a default of database systems and exports, and no date."""
    return text is not None and (text[:10] in NO_DAYS or stands_for_no_end(text))


def stands_for_no_end(text: str) -> bool:
    """Whether a date says by its year (9999-12-31) that there is no end yet."""
    return text[:4].isdecimal() and NO_END <= text[:4] <= "9999"


def value_sets(concept: CodeableConcept | None, terminology: Terminology) -> frozenset[str] | None:
    """The value sets that hold any of the codings; None if no map knows any of them, or there is none."""
    if concept is None:
        return None
    found: frozenset[str] | None = None
    for coding in concept.coding:
        sets = terminology.value_sets_of(coding.system, coding.code)
        if sets is not None:
            found = sets if found is None else found | sets
    return found


def result_sets(concept: CodeableConcept | None, terminology: Terminology) -> frozenset[str] | None:
    """The value sets of what was measured: by code, else those of a treatment that raises a result, by its exact words.

    Oxygen under a local code makes no saturation in room air of one on oxygen. Of what is somebody else's by its text,
    none; what is venous by its words is nothing of arteries, and what is by its text of urine nothing of blood.
    """
    if concept is None:
        return None
    known: dict[tuple[str | None, ...], frozenset[str] | None] = terminology.memos.setdefault("result_sets", {})
    said = all_said(concept)
    try:
        return known[said]
    except KeyError:
        return kept(known, said, _result_sets(concept, terminology), *said)


def all_said(concept: CodeableConcept) -> tuple[str | None, ...]:
    """All the texts of a concept: its own, and three of each coding."""
    if len(concept.coding) == 1:  # as most have
        coding = concept.coding[0]
        return concept.text, coding.system, coding.code, coding.display
    return (concept.text, *[text for each in concept.coding for text in (each.system, each.code, each.display)])


def _result_sets(concept: CodeableConcept, terminology: Terminology) -> frozenset[str] | None:
    if is_of_another(concept, terminology):
        return None
    found = value_sets(concept, terminology)
    writing = terminology.writing
    if found and not found.isdisjoint(writing.of_arteries) and is_venous(concept, terminology):
        return found - writing.of_arteries or None
    if found and concept.text and not found.isdisjoint(writing.of_blood) and writing.is_bloodless(concept.text):
        return found - writing.of_blood or None
    if found:
        return found
    return supports(terminology).get(plain(title(concept)), found)


def is_of_another(concept: CodeableConcept | None, terminology: Terminology) -> bool:
    """Whether what was measured is by its text somebody else's."""
    if concept is None or not concept.text:
        return False
    known: dict[str, bool] = terminology.memos.setdefault("of_another", {})
    found = known.get(concept.text)
    if found is None:
        found = kept(known, concept.text, terminology.writing.is_of_another(concept.text), concept.text)
    return found


def is_called_otherwise(sets: frozenset[str] | None, concept: CodeableConcept | None, terminology: Terminology) -> bool:
    """Whether a result is not surely what its code says: its text says otherwise, or its codes are of two analytes.

    "Freies Hämoglobin" under haemoglobin's code; haemoglobin's beside that of HbA1c.
    """
    if not sets or concept is None:
        return False
    if len(concept.coding) > 1 and _is_of_two(concept, terminology):
        return True
    if not concept.text:
        return False
    held = terminology.writing.otherwise
    return any(held[each].search(plain(concept.text)) for each in sets if each in held)


def _is_of_two(concept: CodeableConcept, terminology: Terminology) -> bool:
    found = [sets for each in concept.coding if (sets := terminology.value_sets_of(each.system, each.code))]
    return any(one.isdisjoint(other) for one, other in combinations(found, 2))


def is_venous(concept: CodeableConcept | None, terminology: Terminology) -> bool:
    """Whether any word or code says of veins."""
    if concept is None:
        return False
    said = (concept.text, *(each for coding in concept.coding for each in (coding.display, coding.code)))
    return any(terminology.writing.is_venous(each) for each in said if each)


def supports(terminology: Terminology) -> dict[str, frozenset[str]]:
    """What such treatments are called, in their value sets and by people -> the value set."""
    known: dict[str, frozenset[str]] | None = terminology.memos.get("supports")
    if known is None:
        names = {each.analyte for analyte in terminology.catalogue.analytes.values() for each in analyte.raised_by}
        held = [(name, code) for name in sorted(names) for code in terminology.codes(name)]
        known = terminology.memos["supports"] = {
            plain(terminology.display(code.system, code.code) or code.code): frozenset({name}) for name, code in held
        } | {word: frozenset({name}) for name in sorted(names) for word in terminology.writing.names.get(name, ())}
    return known


def codes(*concepts: CodeableConcept | None) -> tuple[criteria.Coding, ...]:
    """Every coding that names both its system and its code."""
    return tuple(
        criteria.Coding(coding.system, coding.code)
        for concept in concepts
        if concept is not None
        for coding in concept.coding
        if coding.system and coding.code
    )


def union(concepts: tuple[CodeableConcept, ...], terminology: Terminology) -> frozenset[str]:
    """The value sets of all of the concepts together."""
    found = NOTHING
    for concept in concepts:
        found |= value_sets(concept, terminology) or NOTHING
    return found


def unmapped(resource: str, concept: CodeableConcept | None) -> Unmapped:
    """An entry for the list of what no map knows."""
    first = concept.coding[0] if concept and concept.coding else Coding()
    return Unmapped(resource, first.system, first.code, (concept.text if concept else None) or first.display)


def title(concept: CodeableConcept | None, terminology: Terminology | None = None) -> str:
    """What a person reads for a concept: its text, else a display, the terminology's where the record has none."""
    if concept is None:
        return ""
    if concept.text:
        return concept.text
    for coding in concept.coding:
        if coding.display:
            return coding.display
    for coding in concept.coding:
        known = terminology.display(coding.system, coding.code) if terminology is not None else None
        if known or coding.code:
            return known or coding.code or ""
    return ""


def first_code(concept: CodeableConcept | None, systems: tuple[str, ...]) -> str | None:
    """The code of the first coding of one of the systems, or of one without a system."""
    if concept is not None:
        for coding in concept.coding:
            if coding.code and (coding.system is None or coding.system in systems):
                return coding.code
    return None


def decimal(raw: Raw, collector: IssueCollector, path: str) -> Decimal | None:
    """A JSON number, with its digits; None, and an issue, for anything else or beyond any measurement."""
    found = _number(str(raw, "utf-8", "replace"))
    if isinstance(found, Decimal):
        return found
    collector.report(path, found)
    return None


@lru_cache(4096)  # the numbers of a laboratory are few
def _number(text: str) -> Decimal | str:
    """A JSON number, or why there is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = _NOT_A_NUMBER
    if not number.is_finite():  # what is in quotes is no Decimal either
        return "not a JSON number"
    if not number:
        return Decimal(0)  # whatever its exponent
    if abs(number.adjusted()) > MAX_EXPONENT or len(text) > 2 * MAX_EXPONENT:
        return "a number beyond any measurement"
    return number


def amount(quantity: Quantity, collector: IssueCollector, path: str) -> Amount | None:
    """A Quantity as an interval: its comparator opens it to one side."""
    if not quantity.value:
        collector.report(path, "a Quantity without value")
        return None
    number = decimal(quantity.value, collector, f"{path}.value")
    if number is None:
        return None
    unit = quantity.code if quantity.system == UCUM else None
    text = quantity.unit or quantity.code
    match quantity.comparator:
        case None:
            return Amount(number, number, unit=unit, text=text)
        case "<" | "<=":
            return Amount(None, number, high_open=quantity.comparator == "<", unit=unit, text=text)
        case ">" | ">=":
            return Amount(number, None, low_open=quantity.comparator == ">", unit=unit, text=text)
        case _:
            collector.report(f"{path}.comparator", "not one of <, <=, >=, >")
            return None


def range_amount(values: Range, collector: IssueCollector, path: str) -> Amount | None:
    """A Range as a closed interval; its ends must agree on the unit."""
    low = amount(values.low, collector, f"{path}.low") if values.low else None
    high = amount(values.high, collector, f"{path}.high") if values.high else None
    named = low or high
    if named is None:
        return None
    if low and high and ((low.unit, low.text) != (high.unit, high.text) or (low.low or 0) > (high.high or 0)):
        collector.report(path, "the ends of the Range don't fit each other")
        return None
    return Amount(low.low if low else None, high.high if high else None, unit=named.unit, text=named.text)


def titre(ratio: Ratio, collector: IssueCollector, path: str) -> Amount | None:
    """A titre 1:n as the number n; None for any other Ratio."""
    if ratio.numerator is None or ratio.denominator is None:
        return None
    one = amount(ratio.numerator, collector, f"{path}.numerator")
    value = amount(ratio.denominator, collector, f"{path}.denominator")
    if one is None or value is None or one.low != 1 or one.high != 1:
        return None
    return value


def quantity_text(quantity: Quantity) -> str:
    """A Quantity as people read it: without the unit 1, and without the braces round what counts for 1 ({score})."""
    number = str(quantity.value, "utf-8", "replace") if quantity.value else "?"
    unit = quantity.unit or quantity.code
    if unit and (unit == "1" or unit[0] == "{"):
        unit = "" if unit == "1" else unit.strip("{}")
    return f"{quantity.comparator or ''}{number}{f' {unit}' if unit else ''}"


N = TypeVar("N")


def by_id(contained: tuple[Contained, ...]) -> Mapping[str | None, Contained]:
    """What stands in a resource, by the ids by which it is named there; of several of one id the first."""
    return {each.id: each for each in reversed(contained)}


def named(
    reference: Reference | None, contained: Mapping[str | None, Contained], others: Referable[N]
) -> N | Contained | None:
    """The resource that a reference names: contained beside it (`by_id`), or one of `others`, of the same input."""
    target = reference.reference if reference else None
    if not target:
        return None
    if target.startswith("#"):
        return contained.get(target[1:])
    return others.find(target)


def period(value: Period | None, collector: IssueCollector, path: str) -> tuple[When | None, When | None]:
    """The two ends of a Period."""
    if value is None:
        return None, None
    return collector.when(value.start, f"{path}.start"), collector.when(value.end, f"{path}.end")


def once(read: Callable[[], F]) -> Callable[[], F]:
    """The same, read at most once; `functools.cache` is slow to make."""
    held: list[F] = []

    def told() -> F:
        if not held:
            held.append(read())
        return held[0]

    return told


def pairs_of(coded: Coded) -> list[tuple[str, str]]:
    """System and code of each."""
    return [(code.system, code.code) for code in coded.codes]


def is_known(what: tuple[Coded, ...], terminology: Terminology) -> bool:
    """Whether any code of an entry is known; an entry that says nothing at all is of unknown meaning too."""
    return any(terminology.value_sets_of(*code) is not None for each in what for code in pairs_of(each))


def unknown(resource: str, what: tuple[Coded, ...]) -> Unmapped:
    """An entry without a known code, by the first of its codes."""
    system, code = next((pair for each in what for pair in pairs_of(each)), (None, None))
    return Unmapped(resource, system, code, what[0].shown if what else None)


def frozen(facts: dict[str, list[N]]) -> dict[str, tuple[N, ...]]:
    """The facts of each value set, as they were found."""
    return {value_set: tuple(found) for value_set, found in facts.items()}
