"""OMOP's concepts: those whose meaning decides what a row becomes (omop.yaml), and the source's own table of them.

Of the source's concepts only those that its rows name are held.

A table row as a converter reads it: text by column, and what could not be used.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import BaseModel, Field

from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import Json, string
from adapter.record.values import MAX_EXPONENT, stands_for_no_end, stands_for_none
from mappings.patient.converted import PatientKey, Rejected, local_system
from mappings.patient.omop.database import Database
from mappings.patient.values import DateForms
from mappings.terminology.yaml_file import STRICT, read_yaml


class _Form(BaseModel):
    model_config = STRICT
    vocabularies: dict[str, str]
    genders: dict[str, str]
    operators: dict[str, str]
    flags: frozenset[str]
    imputed_days: frozenset[str] = Field(alias="imputed-days")
    imputed_day_of_month: frozenset[str] = Field(alias="imputed-day-of-month")
    conditions: dict[str, tuple[str, ...]]
    statuses: dict[str, str]
    source_statuses: dict[str, str] = Field(alias="source-statuses")
    drugs: dict[str, tuple[str, ...]]
    visits: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """By concept id: gender, operator, category of a condition, type of a drug's resource, class of a visit.

    `vocabularies`: a vocabulary's id -> its code system. `statuses`: a status concept's name -> what it says,
    `source_statuses`: the source's own word for it. `flags`: words that are said beside a number.
    `imputed_days` (MM-DD) and `imputed_day_of_month` (DD): what ETLs fill in for parts of a date that nobody knows.
    """

    vocabularies: Mapping[str, str]
    genders: Mapping[str, str]
    operators: Mapping[str, str]
    flags: frozenset[str]
    imputed_days: frozenset[str]
    imputed_day_of_month: frozenset[str]
    conditions: Mapping[str, str]
    statuses: Mapping[str, str]
    source_statuses: Mapping[str, str]
    drugs: Mapping[str, str]
    visits: Mapping[str, str]


@cache
def tables() -> Tables:
    """The tables, read and checked once."""
    name = "omop.yaml"
    read = read_yaml(name, (files(__package__) / name).read_text(encoding="utf-8")).checked(_Form)
    return Tables(
        vocabularies=read.vocabularies,
        genders=read.genders,
        operators=read.operators,
        flags=read.flags,
        imputed_days=read.imputed_days,
        imputed_day_of_month=read.imputed_day_of_month,
        conditions=_turned(read.conditions),
        statuses=read.statuses,
        source_statuses=read.source_statuses,
        drugs=_turned(read.drugs),
        visits=_turned(read.visits),
    )


def _turned(listed: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {id_: meaning for meaning, ids in listed.items() for id_ in ids}


CONCEPTS = local_system("OMOP")
"""The code system of concept ids that the source's concept table hasn't got."""

_NAMING = {
    "visit_occurrence": ("visit_concept_id",),
    "condition_occurrence": ("condition_concept_id", "condition_source_concept_id", "condition_status_concept_id"),
    "drug_exposure": ("drug_concept_id", "drug_source_concept_id", "route_concept_id"),
    "measurement": (
        "measurement_concept_id",
        "measurement_source_concept_id",
        "value_as_concept_id",
        "unit_concept_id",
    ),
    "procedure_occurrence": ("procedure_concept_id", "procedure_source_concept_id"),
    "device_exposure": ("device_concept_id", "device_source_concept_id"),
    "observation": (
        "observation_concept_id",
        "observation_source_concept_id",
        "value_as_concept_id",
        "unit_concept_id",
    ),
}


class Concept(Struct, frozen=True, gc=False):
    """A concept's code, code system and name; `ingredients`: of a drug, their codings."""

    system: str
    code: str
    name: str
    ingredients: tuple[tuple[str, str, str], ...] = ()

    @property
    def coding(self) -> Json:
        """The concept as a Coding."""
        return {"system": self.system, "code": self.code, **({"display": self.name} if self.name else {})}


Vocabulary = dict[str, Concept]
"""Concepts by id."""


def read_vocabulary(database: Database) -> Vocabulary:
    """The concepts that the tables name. Without a concept table there are none."""
    used = list(_used(database))
    if "concept" not in database.columns or not used:
        return {}
    database.connection.execute(f"CREATE TABLE used AS {' UNION '.join(used)}")
    id_ = database.key("concept", "concept_id", "c")
    fields = ", ".join(database.column("concept", n, "c") for n in ("concept_code", "vocabulary_id", "concept_name"))
    found: Vocabulary = {}
    for concept, code, vocabulary, name in database.rows(
        f"SELECT used.id, {fields} FROM concept c JOIN used ON used.id = {id_}"
    ):
        if concept is not None and code is not None and concept != "0":
            found[concept] = Concept(_system(vocabulary or ""), code, string(name or "") or "")
    for drug, ingredients in _ingredients(database).items():
        if drug in found:
            known = found[drug]
            found[drug] = Concept(known.system, known.code, known.name, tuple(ingredients))
    return found


def _used(database: Database) -> Iterator[str]:
    for table, names in _NAMING.items():
        for name in names:
            if name in database.columns.get(table, ()):
                yield f"SELECT {database.key(table, name)} AS id FROM {table} t"


def _ingredients(database: Database) -> dict[str, list[tuple[str, str, str]]]:
    """The ingredients and ATC classes of drugs, where the source has the hierarchy of concepts."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    if not {"concept_ancestor", "drug_exposure"} <= database.columns.keys():
        return found
    drug = database.key("concept_ancestor", "descendant_concept_id", "a")
    above = database.key("concept_ancestor", "ancestor_concept_id", "a")
    id_ = database.key("concept", "concept_id", "c")
    code, vocabulary, name, class_ = (
        database.column("concept", n, "c")
        for n in ("concept_code", "vocabulary_id", "concept_name", "concept_class_id")
    )
    given = database.key("drug_exposure", "drug_concept_id")
    for concept, code_, vocabulary_, name_ in database.rows(
        f"SELECT DISTINCT {drug}, {code}, {vocabulary}, {name} FROM concept_ancestor a "
        f"JOIN (SELECT DISTINCT {given} AS id FROM drug_exposure t) d ON d.id = {drug} "
        f"JOIN concept c ON {id_} = {above} WHERE {drug} <> {above} "
        f"AND ({class_} = 'Ingredient' OR ({vocabulary} = 'ATC' AND length({code}) = 7)) ORDER BY 1, 3, 2"
    ):
        if concept and code_:
            found.setdefault(concept, []).append((_system(vocabulary_ or ""), code_, name_ or ""))
    return found


def _system(vocabulary: str) -> str:
    return tables().vocabularies.get(vocabulary) or local_system(vocabulary)


def code_of(
    vocabulary: Vocabulary, concept: str | None, source: str | None, written: str | None, table: str
) -> Json | None:
    """A CodeableConcept of a standard concept, the source's concept, and the source's own word for it.

    A concept id that the vocabulary lacks stands as it is; the word alone is a local code of its table.
    """
    codings: list[Json] = []
    for id_ in dict.fromkeys((concept, source)):
        if id_ is None or id_ == "0":
            continue
        known = vocabulary.get(id_)
        codings.append({"system": CONCEPTS, "code": id_} if known is None else known.coding)
    word = string(written or "")
    if word and all(coding["system"] == CONCEPTS for coding in codings):
        codings.append({"system": local_system(f"omop-{table}"), "code": " ".join(word.split())})
    if not codings:
        return None
    text = word or codings[0].get("display")
    return {"coding": codings, **({"text": text} if text else {})}


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
