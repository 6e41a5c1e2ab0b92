"""From a resource to the patients whose verdicts may stand on it: what a deletion or a changed code is known by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, delete, select

from adapter.store.tables import lots, merged, resource_index, upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """A resource as it was at a patient's last evaluation; `reads`: what it touches (adapter.screening.react)."""

    resource: str
    patient: str
    version: str | None
    updated: str | None
    reads: frozenset[str]


def of_resources(connection: Connection, resources: Iterable[str]) -> dict[str, list[Indexed]]:
    """The rows of some resources."""
    found: dict[str, list[Indexed]] = {}
    for lot in lots(resources):
        for row in connection.execute(select(resource_index).where(resource_index.c.resource.in_(lot))):
            found.setdefault(row.resource, []).append(_indexed(row))
    return found


def of_patient(connection: Connection, patient: str) -> dict[str, Indexed]:
    """A patient's rows, by resource."""
    rows = connection.execute(select(resource_index).where(resource_index.c.patient == patient))
    return {row.resource: _indexed(row) for row in rows}


def replace_patient(connection: Connection, patient: str, rows: Iterable[Indexed], *, keep_others: bool) -> None:
    """A patient's rows are these; with `keep_others` those that are not among them stay."""
    made = [
        {
            "resource": row.resource,
            "patient": patient,
            "version": row.version,
            "updated": row.updated,
            "reads": msgspec.json.encode(sorted(row.reads)).decode(),
        }
        for row in rows
    ]
    chosen = select(resource_index.c.resource).where(resource_index.c.patient == patient)
    known = set(connection.execute(chosen).scalars())
    if not keep_others:
        mine = resource_index.c.patient == patient
        for gone in lots(known - {row["resource"] for row in made}):
            connection.execute(delete(resource_index).where(mine, resource_index.c.resource.in_(gone)))
    if made:
        statement = upsert(connection, resource_index)
        values = {name: statement.excluded[name] for name in ("version", "updated", "reads")}
        connection.execute(statement.on_conflict_do_update(index_elements=["resource", "patient"], set_=values), made)


def pages(connection: Connection, type_: str, after: str, most: int) -> list[Indexed]:
    """Rows of a resource type beyond a resource, in their order."""
    names = resource_index.c.resource
    chosen = select(resource_index).where(names.like(f"{type_}/%"), names > after).order_by(names).limit(most)
    return [_indexed(row) for row in connection.execute(chosen)]


def survivors(connection: Connection, patients: Iterable[str]) -> Mapping[str, str]:
    """Which of the patients have been merged into others."""
    chosen = select(merged.c.patient, merged.c.into)
    return {
        patient: into
        for lot in lots(patients)
        for patient, into in connection.execute(chosen.where(merged.c.patient.in_(lot)))
    }


def person_of(connection: Connection, patient: str) -> set[str]:
    """The patient, with everyone who was merged into them, and whom they were merged into: one person."""
    person, new = set[str](), {patient}
    while new:
        person |= new
        chosen = select(merged.c.patient, merged.c.into).where(merged.c.patient.in_(new) | merged.c.into.in_(new))
        new = {key for row in connection.execute(chosen) for key in row} - person
    return person


def set_survivor(connection: Connection, patient: str, into: str | None) -> None:
    """A patient has been merged into another; or, None, into none."""
    connection.execute(delete(merged).where(merged.c.patient == patient))
    if into is not None:
        statement = upsert(connection, merged).values(patient=patient, into=into)
        connection.execute(statement.on_conflict_do_nothing())


def _indexed(row: object) -> Indexed:
    found = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001  # SQLAlchemy's documented name
    return Indexed(
        resource=found["resource"],
        patient=found["patient"],
        version=found["version"],
        updated=found["updated"],
        reads=frozenset(msgspec.json.decode(found["reads"], type=list[str])),
    )
