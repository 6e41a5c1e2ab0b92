"""OMOP's concepts: those whose meaning decides what a row becomes (omop.yaml), and the source's own table of them.

Of the source's concepts only those that its rows name are held.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from msgspec import Struct
from pydantic import BaseModel, Field

from adapter.fhir.elements import Json, string
from mappings.patient.converted import local_system
from mappings.patient.omop.database import Database
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
    drugs: dict[str, tuple[str, ...]]
    visits: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """By concept id: gender, operator, category of a condition, type of a drug's resource, class of a visit.

    `vocabularies`: a vocabulary's id -> its code system. `statuses`: a status concept's name -> what it says. `flags`:
    words that are said beside a number.
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
