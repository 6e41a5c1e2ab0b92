"""Rows of a screening sheet -> converted units, a row at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.fhir.elements import Json, conforms_to, id_string, resource_id
from mappings.patient.certainty import with_certainty
from mappings.patient.converted import (
    Alike,
    Alikes,
    Converted,
    Origin,
    PatientKey,
    PatientPart,
    Rejected,
    Unit,
    profile_of,
)
from mappings.patient.sheet.cells import allergy, attestation, coded, condition, consent, exposure, observation
from mappings.patient.sheet.columns import About, Beside, Datum, Names, Row
from mappings.patient.sheet.mapping import Mapping, layout_of
from mappings.patient.sheet.reading import NOTHING, Persons, Reading, RowReader, person
from mappings.patient.sheet.table import Cell, Line, read_table

_MOST_KNOWN = 20_000
"""Cells of all columns whose meaning is remembered: a sheet says the same numbers and words again and again."""
_UNDATED = frozenset({About.ANALYTE, About.LOCAL})
"""What is the same on each day: its date is said of it afterwards."""
_ASKED = frozenset({About.CONDITION, About.EXPOSURE, About.ALLERGY})
"""Of what it says something that nobody knows: a policy must not assume its absence."""
_OF_PATIENT = frozenset({"AllergyIntolerance", "Consent"})


def convert_sheet(path: Path, mapping: Mapping, names: Names, zone: ZoneInfo, recorded: str) -> Iterator[Unit]:
    """The rows of a CSV file or workbook.

    `zone`: of times without one. `recorded`: when the sheet was last written, a FHIR instant. Raises InputError if the
    sheet can't be used at all, DefinitionError if the mapping names a column that isn't there.
    """
    lines = read_table(path, mapping.form)
    header = next(lines, None)
    if header is None:
        msg = f"{path.name} has no header row {mapping.form.headerRow}; the first row names the columns"
        raise InputError(msg)
    layout = layout_of([cell.text for cell in header[1]], mapping, names)
    for unknown in layout.unknown:
        reason = "no column that is known; name it in a mapping file, or list it under `ignore`"
        yield Rejected(place=f"row {header[0]}", field=unknown, value="", reason=reason)
    yield from _Sheet(path.name, Reading(layout, mapping, zone), names.terminology, recorded).units(lines)


class _Said(NamedTuple):
    """What a datum's cells come to. `name`: of the id, after the patient. `dated`: by its own date, or by the row's."""

    alike: Alike
    name: str
    date: str | None
    dated: bool


@dataclass(frozen=True, slots=True)
class _Column:
    """A datum, the cells that say it, and what cells came to."""

    datum: Datum
    cells: Callable[[Sequence[Cell]], object]
    undated: bool
    known: dict[tuple[object, object], _Said | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Sheet:
    """What is the same for all rows, and what earlier rows have said.

    `values`: the first of an id; `others`: of the few ids that have several, those after it.
    """

    document: str
    reading: Reading
    terminology: Terminology
    recorded: str
    columns: tuple[_Column, ...] = ()
    persons: Persons = field(default_factory=Persons)
    values: dict[str, Alike] = field(default_factory=dict)
    others: dict[str, list[Alike]] = field(default_factory=dict)
    latest: dict[str, tuple[str | None, Alike]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare the columns."""
        self.columns = tuple(map(self._column, self.reading.layout.data))

    def _column(self, datum: Datum) -> _Column:
        by = self.reading.layout.rows.get(Row.PERFORMER) if datum.about is About.ATTESTATION else None
        places = (datum.position, *datum.beside.values(), *(() if by is None else (by,)))
        return _Column(datum, itemgetter(*places), datum.about in _UNDATED)

    def units(self, lines: Iterable[Line]) -> Iterator[Unit]:
        layout, mapping = self.reading.layout, self.reading.mapping
        width = len(layout.headers)
        for number, cells in lines:
            if all(not cell.text.strip() for cell in cells):
                continue
            row = RowReader(number, [*cells, *[NOTHING] * (width - len(cells))], self.reading)
            if any(cell.text.strip() for cell in cells[width:]):
                reason = f"more cells than headers ({width}); quote values that hold a separator"
                yield Rejected(place=row.place, field="", value="", reason=reason, whole=True)
                continue
            written = row.text(layout.rows[Row.PATIENT])
            identifier = id_string(written or "")
            if identifier is None:
                reason = "names no patient; fill it in" if written is None else "an id with control characters"
                yield Rejected(place=row.place, field="", value="", reason=reason, whole=True)
                continue
            unit = self._unit(row, PatientKey(mapping.form.patients, identifier))
            yield from row.rejected
            yield unit

    def _unit(self, row: RowReader, key: PatientKey) -> Converted:
        elements = person(row, self.persons, key.value)
        date = row.row_date()
        parts = []
        patient = f"{key.system}|{key.value}"
        for column in self.columns:
            said = self._said(column, row, date)
            if said is not None:
                at = said.date if said.dated else date
                alike = said.alike
                if alike.type == "Observation":
                    id_ = resource_id("Observation", patient, said.name, at or "")
                    if self.values.setdefault(id_, alike) is not alike:
                        id_ = self._distinct(id_, ("Observation", patient, said.name, at or ""), alike)
                    parts.append((alike, id_, at))
                else:
                    parts += self._stated((alike.type, patient, said.name), alike, at)
        origin = Origin(document=self.document, place=row.place, recorded=self.recorded)
        resources = Alikes(key, parts) if parts else ()
        return Converted(patients=(PatientPart(key=key, elements=elements),), resources=resources, origin=origin)

    def _said(self, column: _Column, row: RowReader, date: str | None) -> _Said | None:
        """What a datum's cells come to, found once for the same ones; what is at fault is told for each row."""
        key = (date is None if column.undated else date, column.cells(row.cells))
        known = column.known
        if key in known:
            return known[key]
        faults = row.faults
        found = self._read(column.datum, row, date)
        if row.faults == faults:
            if len(known) >= _MOST_KNOWN // len(self.columns):
                known.clear()
            known[key] = found
        return found

    def _read(self, datum: Datum, row: RowReader, row_date: str | None) -> _Said | None:
        text = row.stated(datum.position)
        if text is None or (datum.about not in _ASKED and row.is_open(text)):
            return None
        own = row.has_date(datum)
        date = row.date(datum.beside[Beside.DATE]) if own else row_date
        found = self._elements(datum, text, row, date)
        if found is None:
            return None
        type_, elements = found
        name = f"{datum.about.value}|{datum.system or ''}|{datum.of}"
        if type_ != "Observation":
            name += f"|{text}|{date or ''}" if datum.about is About.CODED else f"|{_when(type_, elements)}"
        of = "patient" if type_ in _OF_PATIENT else "subject"
        return _Said(Alike(type_, elements, of, type_ == "Observation" and date is not None), name, date, own)

    def _elements(self, datum: Datum, text: str, row: RowReader, date: str | None) -> tuple[str, Json] | None:
        terminology = self.terminology
        match datum.about:
            case About.CONDITION:
                code = coded(datum.of, terminology, terminology.catalogue.conditions[datum.of].title)
                return condition(code, text, datum, row)
            case About.CODED:
                status = datum.beside.get(Beside.STATUS)
                word = "yes" if status is None else row.stated(status) or "yes"
                code = {"coding": [with_certainty({"system": datum.system, "code": text})]}
                return condition(code, word, datum, row)
            case About.EXPOSURE:
                return exposure(datum, text, row, terminology)
            case About.ALLERGY:
                return allergy(datum, text, row, terminology)
            case About.CONSENT:
                return consent(datum, text, row, date)
            case About.ATTESTATION:
                named = row.beside(datum, Beside.PERFORMER) or datum.performer
                performer = named or row.text(row.layout.rows.get(Row.PERFORMER))
                said = attestation(datum, text, performer, row)
                if said is not None and date is not None:  # without a time it doesn't count, and the profile says so
                    said["meta"] = conforms_to(profile_of("Observation"), "attestation")
            case _:
                said = observation(datum, text, row, terminology)
        return None if said is None else ("Observation", said)

    def _stated(self, name: tuple[str, ...], alike: Alike, date: str | None) -> list[tuple[Alike, str, str | None]]:
        """What stands of a datum that rows state again: the newest row's word, in whatever order the rows are.

        A relapse or remission that another word has followed stays beside it, under its row's date.
        """
        id_ = resource_id(*name)
        known, before = self.latest.get(id_, (None, None))
        older = date is not None and known is not None and date[:_DAY] < known[:_DAY]
        if not older:
            self.latest[id_] = date, alike
        newest, other, then = (before, alike, date) if older else (alike, before, known)
        kept = [] if older else [(alike, id_, date)]
        if (
            other is not None
            and newest is not None
            and then is not None
            and _course(other) not in {None, _course(newest)}
        ):
            kept.append((other, resource_id(*name, then[:_DAY]), then))
        return kept

    def _distinct(self, id_: str, name: tuple[str, ...], alike: Alike) -> str:
        """The id of a value beside another: two different ones of the same day are both kept, the same one once."""
        known = [self.values[id_], *self.others.get(id_, ())]
        place = next((place for place, each in enumerate(known) if each.elements == alike.elements), len(known))
        if place == len(known):
            self.others.setdefault(id_, []).append(alike)
        return resource_id(*name, str(place)) if place else id_


_DAY = len("YYYY-MM-DD")
_COURSES = frozenset({"relapse", "recurrence", "remission"})


def _course(alike: Alike) -> str | None:
    """The clinical status of a diagnosis that has come and gone; None for any other."""
    status = alike.elements.get("clinicalStatus") if alike.type == "Condition" else None
    code = status["coding"][0]["code"] if status else None
    return code if code in _COURSES else None


def _when(type_: str, elements: Json) -> str:
    """What tells two entries of a concept apart: when they began."""
    period = elements.get("effectivePeriod") or elements.get("performedPeriod") or {}
    starts = (elements.get(name) for name in ("onsetDateTime", "effectiveDateTime", "performedDateTime"))
    return "" if type_ in _OF_PATIENT else next(filter(None, (*starts, period.get("start"))), "")
