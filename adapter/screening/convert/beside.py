"""What a message says beside what the FHIR server has of it: a result that is taken back, an allergy that is milder.

A series of files knows what its earlier messages said (`mappings.patient.hl7v2.convert.Series`); of one message only
the server does.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from adapter.fhir.elements import Json
from adapter.record.bundle import Resource
from mappings.patient.hl7v2.together import MILDER, again
from mappings.patient.hl7v2.withdrawn import TAKES_BACK_NOTHING, as_question, is_question, is_same_result, takes_back

Told = tuple[str, str]
"""A field, and what of it a person must see."""

_NOT_SAID = frozenset({"meta", "text"})


def days(resources: Iterable[Json]) -> Iterator[str]:
    """The days of results that are taken back, as a search names them."""
    for each in resources:
        if takes_back(each) and (when := each.get("effectiveDateTime") or each.get("effectivePeriod", {}).get("end")):
            yield when[:10]


def to_write(
    resources: Iterable[Json],
    known: Mapping[str, Resource],
    results: Sequence[Resource],
    patient: Resource | None,
    newer: Container[str],
) -> tuple[list[Json], list[Told]]:
    """What to write of a patient's resources, and what a person must see.

    `known`: what the server has under their ids; `results`: of the days of those that are taken back; `newer`: of which
    it has a later message's word.
    """
    made: list[Json] = []
    told: list[Told] = []
    for each in resources:
        key = f"{each['resourceType']}/{each['id']}"
        found, seen = _beside(each, known.get(key), results, patient.key if patient else None, late=key in newer)
        made += [] if found is None else [found]
        told += seen
    return made, told


def _beside(
    resource: Json, known: Resource | None, results: Sequence[Resource], patient: str | None, *, late: bool
) -> tuple[Json | None, tuple[Told, ...]]:
    """What to write of a resource, None for nothing, and what a person must see."""
    if resource["resourceType"] == "AllergyIntolerance":
        made, milder = _again(resource, known, late=late)
        return made, (("AL1-4", MILDER),) * milder
    if late:
        return None, ()
    if not takes_back(resource):
        return resource, ()
    stands = None if known is None else known.json()
    if stands is not None:
        return (None if is_question(stands) else resource), ()
    others = (each.json() for each in results)
    if not any(_is_of(each, patient) and is_same_result(resource, each) for each in others):
        return resource, ()
    return as_question(resource), (("OBX-11", TAKES_BACK_NOTHING),)


def _again(resource: Json, known: Resource | None, *, late: bool) -> tuple[Json | None, bool]:
    if known is None:
        return (None if late else resource), False
    stands = {name: value for name, value in known.json().items() if name not in _NOT_SAID}
    made, milder = again(resource, stands) if late else again(stands, resource)
    return (made if milder or not late else None), milder


def _is_of(result: Mapping[str, Json], patient: str | None) -> bool:
    named = str(result.get("subject", {}).get("reference", ""))
    return patient is not None and (named == patient or named.endswith(f"/{patient}"))
