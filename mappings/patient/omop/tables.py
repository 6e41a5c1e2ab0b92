"""omop.yaml -> look-up tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, Field

from mappings.terminology.durations import STRICT
from mappings.terminology.yaml_file import read_yaml


class _Form(BaseModel):
    model_config = STRICT
    vocabularies: dict[str, str]
    genders: dict[str, str]
    operators: dict[str, str]
    flags: frozenset[str]
    placeholders: frozenset[str]
    endless: int
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
    words that are said beside a number. `placeholders`: days that stand for none, as do all from the year `endless` on.
    `imputed_days` (MM-DD) and `imputed_day_of_month` (DD): what ETLs fill in for parts of a date that nobody knows.
    """

    vocabularies: Mapping[str, str]
    genders: Mapping[str, str]
    operators: Mapping[str, str]
    flags: frozenset[str]
    placeholders: frozenset[str]
    endless: int
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
        placeholders=read.placeholders,
        endless=read.endless,
        imputed_days=read.imputed_days,
        imputed_day_of_month=read.imputed_day_of_month,
        conditions=_turned(read.conditions),
        statuses=read.statuses,
        drugs=_turned(read.drugs),
        visits=_turned(read.visits),
    )


def _turned(listed: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {id_: meaning for meaning, ids in listed.items() for id_ in ids}
