"""A table row as a converter reads it: text by column, and what could not be used."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import Json
from adapter.record.values import MAX_EXPONENT, stands_for_no_end, stands_for_none
from mappings.patient.converted import PatientKey, Rejected
from mappings.patient.omop.vocabulary import Vocabulary, code_of
from mappings.patient.values import DateForms

_ISO = DateForms.of(())
_REMEMBERED = 20_000
"""How many texts are remembered with what was made of them: rows repeat, and what is remembered has an end."""


Said = tuple[Json, tuple[tuple[str, str], ...]]
"""The elements that columns come to, which rows with the same texts share; and what can't be used: column, reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OmopContext:
    """What is the same for all rows.

    `document`: the database's name. `patients`: system of the identifiers in person_source_value, if it is known.
    `codes`: what rows have named so far; `said`: what columns of theirs have come to, by their texts.
    """

    document: str
    recorded: str
    zone: ZoneInfo
    terminology: Terminology
    vocabulary: Vocabulary
    patients: str | None
    codes: dict[tuple[str | None, ...], Json | None] = field(default_factory=dict, compare=False, repr=False)
    said: dict[tuple[str | None, ...], Said] = field(default_factory=dict, compare=False, repr=False)


@dataclass(slots=True)
class OmopRow:
    """One row of a table: `values` by column name, `key` of its patient."""

    table: str
    id: str
    values: dict[str, str | None]
    key: PatientKey
    context: OmopContext
    rejected: list[Rejected] = field(default_factory=list)

    def __getitem__(self, column: str) -> str | None:
        """A column's text, None where there is nothing in it."""
        return self.values.get(column)

    @property
    def name(self) -> tuple[str, ...]:
        """What names the row's resource."""
        return (self.key.system, self.key.value, self.table, self.id)

    def reject(self, column: str, reason: str, *, whole: bool = False) -> None:
        """Note that a value, or the whole row, can't be used."""
        value = self.values.get(column) or ""
        place = f"{self.table} {self.id}"
        self.rejected.append(Rejected(place=place, field=column, value=value, reason=reason, whole=whole))

    def when(self, name: str) -> str | None:
        """The time in `<name>_datetime`, else the day in `<name>_date`; midnight is a day without a time.

        A day that stands for none (1900-01-01, 9999-12-31) is none.
        """
        for column in (f"{name}_datetime", f"{name}_date"):
            text = self.values.get(column)
            if text is None:
                continue
            found = _time(text, self.context.zone)
            if found is None:
                self.reject(column, "not a date or time (YYYY-MM-DD, YYYY-MM-DD hh:mm:ss); correct it")
            elif found:
                return found
        return None

    def goes_on(self, name: str) -> bool:
        """Whether the source says by a placeholder (9999-12-31) that there is no end yet."""
        return stands_for_no_end(self.values.get(f"{name}_datetime") or self.values.get(f"{name}_date") or "")

    def date(self, text: str) -> str | None:
        """A FHIR date of any precision, if the text is one."""
        return _ISO.read(text, self.context.zone)

    def number(self, column: str) -> Decimal | None:
        """A column's number; None where there is none, and for what is none, which is noted."""
        text = self.values.get(column)
        if text is None:
            return None
        try:
            found = Decimal(text)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or abs(found.adjusted()) > MAX_EXPONENT:
            self.reject(column, "not a number; correct it")
            return None
        return found

    def said(self, columns: tuple[str, ...], read: Callable[["OmopRow"], Json]) -> Json:
        """The elements that `read` makes of some columns and of nothing else; once for rows with the same texts."""
        known = self.context.said
        key = (self.table, *map(self.values.get, columns))
        found = known.get(key)
        if found is None:
            alone = OmopRow(self.table, self.id, self.values, self.key, self.context)
            made = read(alone)
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[key] = made, tuple([(each.field, each.reason) for each in alone.rejected])
        for column, reason in found[1]:
            self.reject(column, reason)
        return found[0]

    def code(self, name: str) -> Json | None:
        """The concept in `<name>_concept_id`, with the source's own."""
        get = self.values.get
        key = (get(f"{name}_concept_id"), get(f"{name}_source_concept_id"), get(f"{name}_source_value"), self.table)
        known = self.context.codes
        if key not in known:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[key] = code_of(self.context.vocabulary, *key)
        return known[key]


@lru_cache(maxsize=_REMEMBERED)
def _time(text: str, zone: ZoneInfo) -> str | None:
    """A time; midnight is a day without a time. Empty for a day that stands for none; None for what is no time."""
    found = _ISO.read(text[:10] if text[10:].strip("T :0.") == "" else text, zone)
    return "" if stands_for_none(found) else found
