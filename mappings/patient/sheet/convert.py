"""Rows of a screening sheet -> converted units, a row at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.fhir.elements import Json, conforms_to, id_string
from mappings.patient.converted import Converted, Origin, PatientKey, PatientPart, Rejected, Unit, made, profile_of
from mappings.patient.sheet.cells import allergy, attestation, coded, condition, consent, exposure, observation
from mappings.patient.sheet.columns import About, Beside, Datum, Names, Row
from mappings.patient.sheet.mapping import Mapping, layout_of
from mappings.patient.sheet.reading import Person, Reading, RowReader, person
from mappings.patient.sheet.table import Line, read_table

_MOST_KNOWN = 20_000
"""Cells whose meaning is remembered: a sheet says the same numbers and words again and again."""
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


@dataclass(slots=True)
class _Sheet:
    """What is the same for all rows, and what earlier rows have said."""

    document: str
    reading: Reading
    terminology: Terminology
    recorded: str
    persons: dict[str, Person] = field(default_factory=dict)
    values: defaultdict[tuple[str, ...], list[Json]] = field(default_factory=lambda: defaultdict(list))
    known: dict[tuple[object, ...], tuple[str, Json] | None] = field(default_factory=dict)

    def units(self, lines: Iterable[Line]) -> Iterator[Unit]:
        for number, cells in lines:
            row = RowReader(number, cells, self.reading)
            if all(not cell.text.strip() for cell in cells):
                continue
            if any(cell.text.strip() for cell in cells[len(row.layout.headers) :]):
                reason = f"more cells than headers ({len(row.layout.headers)}); quote values that hold a separator"
                yield Rejected(place=row.place, field="", value="", reason=reason, whole=True)
                continue
            written = row.text(row.layout.rows[Row.PATIENT])
            identifier = id_string(written or "")
            if identifier is None:
                reason = "names no patient; fill it in" if written is None else "an id with control characters"
                yield Rejected(place=row.place, field="", value="", reason=reason, whole=True)
                continue
            unit = self._unit(row, PatientKey(row.mapping.form.patients, identifier))
            yield from row.rejected
            yield unit

    def _unit(self, row: RowReader, key: PatientKey) -> Converted:
        elements = person(row, self.persons, key.value)
        date = row.row_date()
        resources = [made_ for datum in row.layout.data for made_ in self._resources(datum, row, key, date)]
        origin = Origin(document=self.document, place=row.place, recorded=self.recorded)
        return Converted(patients=(PatientPart(key=key, elements=elements),), resources=tuple(resources), origin=origin)

    def _resources(self, datum: Datum, row: RowReader, key: PatientKey, row_date: str | None) -> Iterator[Json]:
        text = row.stated(datum.position)
        if text is None or (datum.about not in _ASKED and row.is_open(text)):
            return
        date = row.date_of(datum, row_date)
        found = self._once(datum, text, row, date, row_date)
        if found is None:
            return
        type_, elements = found[0], {**found[1], "patient" if found[0] in _OF_PATIENT else "subject": key.reference}
        name = (key.system, key.value, datum.about.value, datum.system or "", datum.of)
        if type_ == "Observation":
            elements["effectiveDateTime"] = date
            yield made(type_, self._distinct((*name, date or ""), elements), elements)
        elif datum.about is About.CODED:
            yield made(type_, (*name, text, date or ""), elements)
        else:
            yield made(type_, (*name, self._when(type_, elements)), elements)

    def _once(
        self, datum: Datum, text: str, row: RowReader, date: str | None, row_date: str | None
    ) -> tuple[str, Json] | None:
        """What a datum's cells come to, found once for the same ones; what is at fault is told for each row."""
        if datum.about is About.ATTESTATION:  # the row's performer says it
            return self._elements(datum, text, row, date)
        dates = () if datum.about in _UNDATED else (date, row_date)
        key = (datum.position, *dates, *row.cells_of(datum))
        if key in self.known:
            return self.known[key]
        faults = row.faults
        found = self._elements(datum, text, row, date)
        if row.faults == faults:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[key] = found
        return found

    def _elements(self, datum: Datum, text: str, row: RowReader, date: str | None) -> tuple[str, Json] | None:
        terminology = self.terminology
        match datum.about:
            case About.CONDITION:
                code = coded(datum.of, terminology, terminology.catalogue.conditions[datum.of].title)
                return condition(code, text, datum, row)
            case About.CODED:
                status = datum.beside.get(Beside.STATUS)
                word = "yes" if status is None else row.stated(status) or "yes"
                return condition({"coding": [{"system": datum.system, "code": text}]}, word, datum, row)
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

    def _distinct(self, name: tuple[str, ...], elements: Json) -> tuple[str, ...]:
        """The key of a value: two different ones of the same day are both kept, the same one once."""
        known = self.values[name]
        if elements not in known:
            known.append(elements)
        place = known.index(elements)
        return (*name, str(place)) if place else name

    def _when(self, type_: str, elements: Json) -> str:
        """What tells two entries of a concept apart: when they began."""
        period = elements.get("effectivePeriod") or elements.get("performedPeriod") or {}
        starts = (elements.get(name) for name in ("onsetDateTime", "effectiveDateTime", "performedDateTime"))
        return "" if type_ in _OF_PATIENT else next(filter(None, (*starts, period.get("start"))), "")
