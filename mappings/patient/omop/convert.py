"""The tables of an OMOP database -> converted units, one table after the other, rows sorted by person.

A unit is up to 500 rows of one person in one table. Nothing is held but the concepts that rows name and one unit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from adapter.fhir.elements import Json, resource_id
from mappings.patient.converted import Converted, Origin, PatientKey, PatientPart, Rejected, Unit, made
from mappings.patient.omop import resources
from mappings.patient.omop.database import Database
from mappings.patient.omop.resources import Made, key_of, patient
from mappings.patient.omop.vocabulary import OmopContext, OmopRow

_MOST_ROWS = 500
_OF_PATIENT = frozenset({"AllergyIntolerance"})
_WITHOUT_VISIT = frozenset({"DeviceUseStatement"})
_ENCOUNTER = dict.fromkeys(("MedicationStatement", "MedicationAdministration", "MedicationDispense"), "context")
"""Where a resource names its Encounter, if not in `encounter`."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of events: its primary key, the columns that are read, and what makes a resource of a row."""

    name: str
    key: str
    ids: tuple[str, ...]
    columns: tuple[str, ...]
    convert: Callable[[OmopRow], Made | None]


def _dated(name: str) -> tuple[str, str]:
    return f"{name}_date", f"{name}_datetime"


def _coded(name: str) -> tuple[str, str]:
    return f"{name}_concept_id", f"{name}_source_concept_id"


_VALUES = ("value_as_number", "value_source_value", "unit_source_value")
TABLES: Sequence[Table] = (
    Table(
        "visit_occurrence",
        "visit_occurrence_id",
        ("visit_concept_id",),
        (*_dated("visit_start"), *_dated("visit_end")),
        resources.visit,
    ),
    Table(
        "condition_occurrence",
        "condition_occurrence_id",
        (*_coded("condition"), "condition_type_concept_id", "condition_status_concept_id"),
        (
            *_dated("condition_start"),
            *_dated("condition_end"),
            "condition_source_value",
            "condition_status_source_value",
        ),
        resources.condition,
    ),
    Table(
        "drug_exposure",
        "drug_exposure_id",
        (*_coded("drug"), "drug_type_concept_id", "route_concept_id"),
        (
            *_dated("drug_exposure_start"),
            *_dated("drug_exposure_end"),
            "drug_source_value",
            "route_source_value",
            "quantity",
            "dose_unit_source_value",
        ),
        resources.drug,
    ),
    Table(
        "procedure_occurrence",
        "procedure_occurrence_id",
        _coded("procedure"),
        (*_dated("procedure"), *_dated("procedure_end"), "procedure_source_value"),
        resources.procedure,
    ),
    Table(
        "device_exposure",
        "device_exposure_id",
        _coded("device"),
        (*_dated("device_exposure_start"), *_dated("device_exposure_end"), "device_source_value"),
        resources.device,
    ),
    Table(
        "measurement",
        "measurement_id",
        (*_coded("measurement"), "value_as_concept_id", "unit_concept_id", "operator_concept_id"),
        (*_dated("measurement"), "measurement_source_value", "range_low", "range_high", *_VALUES),
        resources.measurement,
    ),
    Table(
        "observation",
        "observation_id",
        (*_coded("observation"), "value_as_concept_id", "unit_concept_id"),
        (*_dated("observation"), "observation_source_value", "value_as_string", *_VALUES),
        resources.observation,
    ),
)


def convert_omop(database: Database, context: OmopContext) -> Iterator[Unit]:
    """Every person, then the events of each table. Raises InputError if the source can't be read."""
    yield from _persons(database, context)
    for table in TABLES:
        if table.name in database.columns:
            yield from _events(database, table, context)


def _persons(database: Database, context: OmopContext) -> Iterator[Unit]:
    names = ("person_source_value", "birth_datetime", "year_of_birth", "month_of_birth", "day_of_birth")
    columns = [database.column("person", name) for name in names]
    person = database.key("person", "person_id")
    joined, died = "", ["NULL", "NULL", "NULL"]
    if "death" in database.columns:
        dead = database.key("death", "person_id", "d")
        joined = f"LEFT JOIN (SELECT DISTINCT ON ({dead}) * FROM death d) d ON {dead} = {person}"
        died = [database.column("death", name, "d") for name in ("death_date", "death_datetime")] + [dead]
    sql = (
        f"SELECT {', '.join([person, database.key('person', 'gender_concept_id'), *columns, *died])} "
        f"FROM person t {joined} ORDER BY TRY_CAST({person} AS BIGINT), {person}"
    )
    named = ("gender_concept_id", *names, "death_date", "death_datetime", "dead")
    for number, (id_, *values) in enumerate(database.rows(sql), start=1):
        if id_ is None:
            yield Rejected(place=f"person, row {number}", field="person_id", value="", reason="no id", whole=True)
            continue
        row = OmopRow("person", id_, dict(zip(named, values, strict=True)), _key(id_, values[1], context), context)
        part = patient(row)
        yield from row.rejected
        yield Converted(patients=(part,), resources=(), origin=_origin(context, f"person {id_}"))


def _events(database: Database, table: Table, context: OmopContext) -> Iterator[Unit]:
    """The rows of a table, gathered by person."""
    gathered: list[tuple[OmopRow, Json]] = []
    for row in _rows(database, table, context):
        if isinstance(row, Rejected):
            yield row
            continue
        found = table.convert(row)
        yield from row.rejected
        if found is None:
            continue
        if gathered and (gathered[0][0].key != row.key or len(gathered) == _MOST_ROWS):
            yield _unit(gathered, table, context)
            gathered = []
        gathered.append((row, _resource(found, row)))
    if gathered:
        yield _unit(gathered, table, context)


def _rows(database: Database, table: Table, context: OmopContext) -> Iterator[OmopRow | Rejected]:
    name = table.name
    person, known = database.key(name, "person_id"), database.key("person", "person_id", "p")
    id_ = database.key(name, table.key)
    columns = [database.key(name, each) for each in table.ids] + [database.column(name, each) for each in table.columns]
    visit, visit_end, visits = _visit(database, table)
    wanted = [id_, person, known, database.column("person", "person_source_value", "p"), visit, visit_end, *columns]
    sql = (
        f"SELECT {', '.join(wanted)} FROM {name} t LEFT JOIN person p ON {known} = {person} {visits} "
        f"ORDER BY TRY_CAST({person} AS BIGINT), {person}, TRY_CAST({id_} AS BIGINT), {id_}"
    )
    named = ("visit_occurrence_id", "visit_end", *table.ids, *table.columns)
    of: tuple[str, str | None] | None = None
    for own, asked, person_id, source_value, *values in database.rows(sql):
        if own is None or person_id is None:
            what = "no person has this id" if own is not None else "the row has no id of its own"
            place = f"{name} {own or 'without an id'}"
            yield Rejected(place=place, field="person_id", value=asked or "", reason=what, whole=True)
            continue
        if of != (person_id, source_value):  # a person's rows come together
            of = person_id, source_value
            key = _key(person_id, source_value, context)
        yield OmopRow(name, own, dict(zip(named, values, strict=True)), key, context)


def _visit(database: Database, table: Table) -> tuple[str, str, str]:
    """The visit of a row, its end, and the join that finds them: only visits that are there are referred to."""
    if "visit_occurrence" not in database.columns or table.name == "visit_occurrence":
        return "NULL", "NULL", ""
    own = database.key(table.name, "visit_occurrence_id")
    there = database.key("visit_occurrence", "visit_occurrence_id", "v")
    if own == "NULL":
        return "NULL", "NULL", ""
    end = database.column("visit_occurrence", "visit_end_date", "v")
    return there, end, f"LEFT JOIN visit_occurrence v ON {there} = {own}"


def _key(person: str, source_value: str | None, context: OmopContext) -> PatientKey:
    return key_of(person, source_value, context.patients)


def _resource(found: Made, row: OmopRow) -> Json:
    type_, elements = found
    elements["patient" if type_ in _OF_PATIENT else "subject"] = row.key.reference
    visit = row["visit_occurrence_id"]
    if visit is not None and type_ not in _WITHOUT_VISIT:
        encounter = resource_id("Encounter", row.key.system, row.key.value, "visit_occurrence", visit)
        elements[_ENCOUNTER.get(type_, "encounter")] = {"reference": f"Encounter/{encounter}"}
    return made(type_, row.name, elements)


def _unit(gathered: list[tuple[OmopRow, Json]], table: Table, context: OmopContext) -> Converted:
    first, last = gathered[0][0], gathered[-1][0]
    place = f"{table.name} {first.id}" if first.id == last.id else f"{table.name} {first.id} to {last.id}"
    return Converted(
        patients=(PatientPart(key=first.key),),
        resources=tuple(resource for _, resource in gathered),
        origin=_origin(context, place),
    )


def _origin(context: OmopContext, place: str) -> Origin:
    return Origin(document=context.document, place=place, recorded=context.recorded)
