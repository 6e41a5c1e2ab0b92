"""What a record of Synthea says of a criterion, worked out apart: plain look-ups in its JSON, no reading of ours.

Such a record is plain: each entry is confirmed and dated, and has one code and its words. Of the terminology only the
lists of codes are taken, of a criterion what it asks for; what can't be told so simply is left out.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from adapter.criteria.calendar import Duration, Length, add
from adapter.criteria.model import Leaf
from adapter.criteria.quantity import QuantityRange, QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.kinds.age import Age
from adapter.kinds.allergy import Allergy
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.kinds.person import Sex

Json = dict[str, Any]
COMPARED = {"<": lt, "<=": le, ">=": ge, ">": gt}
SAME = {
    ("g/dL", "g/L"): Decimal(10),
    ("g/L", "g/dL"): Decimal("0.1"),
    ("10*3/uL", "10*9/L"): Decimal(1),
    ("cm", "m"): Decimal("0.01"),
    ("%", "1"): Decimal(1),
}
"""What a number is times, of one unit in another; of all others that differ nothing is said."""

WHEN = ("end", "performedDateTime", "authoredOn", "effectiveDateTime", "occurrenceDateTime")
"""When a drug was ordered or given, or a procedure done."""

LOCAL = re.compile("topical|cream|ointment|inhal|metered|nasal|ophthalmic")
"""What is put where it works: by its name alone no drug that is asked of the whole body."""


class Refuted(NamedTuple):
    """What a record shows against each answer: an entry, or that there is none; None: nothing."""

    met: str | None = None
    not_met: str | None = None


class Entry(NamedTuple):
    """An entry of a list or a result."""

    json: Json
    coding: tuple[str, str]
    words: str

    @property
    def name(self) -> str:
        """As a reference."""
        return f"{self.json['resourceType']}/{self.json['id']} {self.words}"


class Chart:
    """A patient's record at the end of a day."""

    def __init__(self, resources: Iterable[Json], today: date) -> None:
        """By type of resource."""
        self.today = today
        self.held: dict[str, list[Json]] = {}
        for each in resources:
            self.held.setdefault(each["resourceType"], []).append(each)
        (self.patient,) = self.held["Patient"]
        self.born = date.fromisoformat(self.patient["birthDate"])
        self.drugs = {f"urn:uuid:{each['id']}": each["code"] for each in self.held.get("Medication", ())}

    def of(self, *types: str) -> Iterator[Entry]:
        """Yield the entries of these types."""
        for type_ in types:
            for entry in self.held.get(type_, ()):
                concept = entry.get("code") or entry.get("medicationCodeableConcept") or entry.get("vaccineCode")
                (coding,) = (concept or self.drugs[entry["medicationReference"]["reference"]])["coding"]
                yield Entry(entry, (coding["system"], coding["code"]), coding["display"].lower())

    def since(self, window: Duration | None) -> date:
        """The first day of a window; of none, of all time."""
        return date.min if window is None else add(self.today, window, -1)


class Listed:
    """The codes of concepts, and the names that the lists have for single substances and diseases."""

    def __init__(self, terminology: Terminology, concepts: Iterable[str], but: Iterable[str] = ()) -> None:
        """Those of the concepts, and not of others."""
        others = {(code.system, code.code) for each in but for code in terminology.codes(each)}
        sets = [held for each in concepts if (held := terminology.value_sets.get(each)) is not None]
        listed = [code for held in sets for code in held.codes if (code.system, code.code) not in others]
        self.codes = {(each.system, each.code) for each in listed}
        self.beginnings = [(each.system, each.code) for held in sets for each in held.prefixes]
        names = {re.sub(r"\s*[(\[].*", "", each.display).lower() for each in listed}
        self.named = re.compile("|".join(rf"\b{re.escape(each)}\b" for each in sorted(names) if len(each) > 5) or "$^")

    def __contains__(self, coding: tuple[str, str]) -> bool:
        """Whether a code is listed, by itself or by its beginning."""
        return coding in self.codes or any(
            coding[0] == system and coding[1].startswith(begin) for system, begin in self.beginnings
        )

    def coded(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those whose code is listed."""
        return [each for each in entries if each.coding in self]

    def all(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those whose code is listed, or whose words hold a listed name."""
        return [each for each in entries if each.coding in self or self.named.search(each.words)]


def day(text: str) -> date:
    """The day of a dateTime: Synthea and the tests are in UTC."""
    return datetime.fromisoformat(text).date()


def refuted(leaf: Leaf, chart: Chart, terminology: Terminology, freshness: Mapping[str, Duration]) -> Refuted | None:
    """What the record shows against each answer to a criterion; None of one that is not looked at here."""
    found: Refuted | None = None
    match leaf:
        case Age():
            found = _either("birthDate", holds=_aged(leaf, chart))
        case Sex():
            found = _either("gender", holds=chart.patient["gender"] == leaf.sex.value)
        case Condition():
            found = _condition(leaf, chart, terminology)
        case Exposure():
            found = _exposure(leaf, chart, terminology)
        case Allergy() if leaf.concepts:
            found = _allergy(leaf, chart, terminology)
        case Measurement() if not (leaf.times or leaf.share or leaf.asks_how or leaf.before):
            found = _measurement(leaf, chart, terminology, freshness)
    return found


def _either(why: str, *, holds: bool) -> Refuted:
    return Refuted(not_met=why) if holds else Refuted(met=why)


def _aged(leaf: Age, chart: Chart) -> bool:
    if leaf.lower is not None:
        reached = add(chart.born, leaf.lower.age)
        if chart.today < reached or (chart.today == reached and not leaf.lower.inclusive):
            return False
    if leaf.upper is None:
        return True
    ends = Duration(leaf.upper.age.count + leaf.upper.inclusive, leaf.upper.age.unit)
    return chart.today < add(chart.born, ends)


def _condition(leaf: Condition, chart: Chart, terminology: Terminology) -> Refuted | None:
    if not isinstance(leaf.window, Duration | None):
        return None
    listed = Listed(terminology, leaf.concepts, leaf.other_than)
    entries = list(chart.of("Condition"))
    since = chart.since(leaf.window)

    def counts(entry: Json) -> bool:
        ended = entry.get("abatementDateTime")
        if leaf.overlaps is not None:
            return ended is None or day(ended) >= since
        if leaf.occurrence is Occurrence.ACTIVE and ended is not None:
            return False
        return day(entry["onsetDateTime"]) >= since

    against = [each.name for each in listed.coded(entries) if counts(each.json)]
    asks_more = leaf.asks_of_entry or leaf.qualifier is not None
    by_other_things = bool(leaf.tests) or listed.all(entries)
    return Refuted(
        met=None if by_other_things else "no such diagnosis",
        not_met=against[0] if against and not asks_more else None,
    )


def _exposure(leaf: Exposure, chart: Chart, terminology: Terminology) -> Refuted | None:
    if not isinstance(leaf.look_back, Duration | None):
        return None
    listed = Listed(terminology, leaf.concepts)
    entries = listed.all(chart.of("MedicationRequest", "MedicationAdministration", "Immunization", "Procedure"))
    entries = [each for each in entries if each.coding in listed or not LOCAL.search(each.words)]
    since = chart.since(leaf.look_back)

    def counts(entry: Json) -> bool:
        if entry["status"] == "active":
            return True
        said = {**entry, **entry.get("performedPeriod", {})}
        when = next(said[name] for name in WHEN if name in said)
        return not leaf.ongoing and day(when) >= since

    against = [each.name for each in entries if counts(each.json)]
    asks_more = leaf.asks_time or leaf.dose or leaf.frequency or leaf.stable_for or leaf.half_lives or leaf.body_site
    return Refuted(
        met=None if entries else "no such drug or procedure",
        not_met=against[0] if against and not asks_more else None,
    )


def _allergy(leaf: Allergy, chart: Chart, terminology: Terminology) -> Refuted:
    listed = Listed(terminology, leaf.concepts)
    entries = list(chart.of("AllergyIntolerance"))
    coded = listed.coded(entries)
    return Refuted(
        met=None if listed.all(entries) else "no such allergy",
        not_met=coded[0].name if coded and not leaf.severe else None,
    )


def _measurement(
    leaf: Measurement, chart: Chart, terminology: Terminology, freshness: Mapping[str, Duration]
) -> Refuted | None:
    analyte = terminology.catalogue.analytes[leaf.analyte]
    window: Length = leaf.window or freshness[analyte.freshness]
    if not isinstance(window, Duration) or analyte.unit is None:
        return None
    codes = {each.code for each in terminology.codes(leaf.analyte)}
    values = sorted(_values(chart, codes, chart.since(window)), key=lambda each: each[0])
    if not values:
        derived = leaf.analyte in terminology.catalogue.formulas
        return None if derived else Refuted(met="no value", not_met="no value")
    bounds = (leaf.test.low, leaf.test.high) if isinstance(leaf.test, QuantityRange) else (leaf.test,)
    if not all(isinstance(bound, QuantityThreshold) for bound in bounds):
        return None
    latest = [each for each in values if each[0] == values[-1][0]]
    held = latest if leaf.selection is Selection.LATEST else values
    told = {_holds(quantity, bounds) for _, quantity in held}  # type: ignore[arg-type]
    if None in told:
        return None
    any_is_enough = leaf.taken is Selection.ANY
    if leaf.selection is Selection.LATEST and len(told) > 1:
        return Refuted(met="two values at one time", not_met="two values at one time")
    return _either(f"{leaf.analyte} {held}", holds=(True in told) if any_is_enough else False not in told)


def _values(chart: Chart, codes: Collection[str], since: date) -> Iterator[tuple[str, Json]]:
    inside = (each for each in chart.held.get("Observation", ()) if day(each["effectiveDateTime"]) >= since)
    for entry in inside:
        for part in (entry, *entry.get("component", ())):
            if part["code"]["coding"][0]["code"] in codes and "valueQuantity" in part:
                yield entry["effectiveDateTime"], part["valueQuantity"]


def _holds(quantity: Json, bounds: tuple[QuantityThreshold, ...]) -> bool | None:
    number = Decimal(str(quantity["value"]))
    told = []
    for bound in bounds:
        factor = Decimal(1) if quantity["code"] == bound.unit else SAME.get((quantity["code"], bound.unit))
        if factor is None:
            return None
        told.append(COMPARED[bound.comparator.value](number * factor, bound.value))
    return all(told)
