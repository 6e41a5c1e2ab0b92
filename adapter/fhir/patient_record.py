"""A patient's record on a FHIR server -> everything that the asked studies read."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from adapter.errors import AbsentError
from adapter.fhir.client.client import FhirClient, search_path, together
from adapter.fhir.record_searches import record_plan
from adapter.record.bundle import Contents, Resource
from adapter.record.references import ID, base_of, id_of, linked
from adapter.record.resources import PatientLink, Reference

_MOST_ROUNDS = 8
"""How many replacements of a patient, or steps from a drug to its ingredients, are followed; real chains are short."""

_CHUNK = 50

T = TypeVar("T")


class _Ingredient(Struct, frozen=True, rename="camel"):
    item_reference: Reference | None = None


class _Drug(Struct, frozen=True, rename="camel"):
    medication_reference: Reference | None = None
    ingredient: tuple[_Ingredient, ...] = ()


class _Linked(Struct, frozen=True):
    link: tuple[PatientLink, ...] = ()


_linked = msgspec.json.Decoder(_Linked)
_drug = msgspec.json.Decoder(_Drug)


async def fetch_record(client: FhirClient, patient: str, types: Iterable[str]) -> Contents:
    """All resources of `types` (and Patients, and Medications that they name) of a patient, in no order.

    `patient`: an id. A patient who was replaced by another, or who replaced others, is fetched with all of them: their
    data are one record (CONFORMANCE: Time). Usually one round trip. Raises AbsentError if the patient isn't there, and
    ServerError where anything could not be read to its end.
    """
    found: dict[str, Resource] = {}
    asked: set[str] = set()
    waiting = {patient} if ID.fullmatch(patient) else set()
    for _ in range(_MOST_ROUNDS):
        if not waiting:
            break
        resources = await _of_patients(client, sorted(waiting), types)
        found.update({each.key: each for each in resources})
        asked |= waiting
        waiting = _others(found.values(), asked)
    if f"Patient/{patient}" not in found:
        msg = f"FHIR server {client.url}: no such Patient; check the id"
        raise AbsentError(msg)
    await _add_medications(client, found)
    return Contents(tuple(found.values()))


async def _of_patients(client: FhirClient, ids: Sequence[str], types: Iterable[str]) -> list[Resource]:
    plan = record_plan(ids, types, await client.capabilities(), client.page_size)
    if plan.everything:
        return [
            each for found in await together([client.everything(path) for path in plan.everything]) for each in found
        ]
    return [each for found in await client.find(plan.searches) for each in found]


def _others(found: Iterable[Resource], asked: set[str]) -> set[str]:
    """Ids of patients that are the same person as one found, and were not asked for."""
    others: set[str] = set()
    for each in found:
        if each.type == "Patient":
            links = _decoded(_linked, each, _Linked()).link
            base = base_of(each.full_url or "")
            if each.id in asked:
                others.update(linked(links, "replaced-by", "replaces", base=base))
            elif asked.intersection(linked(links, "replaced-by", base=base)):
                others.add(each.id)
    return others - asked


async def _add_medications(client: FhirClient, found: dict[str, Resource]) -> None:
    """Fetch the Medications that drugs name and no search brought along; one that is not there stays away."""
    asked: set[str] = set()
    for _ in range(_MOST_ROUNDS):
        needed = {key for each in found.values() for key in _medications_of(each)} - found.keys() - asked
        if not needed:
            return
        asked |= needed
        ids = sorted(key.partition("/")[2] for key in needed)
        chunks = [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
        paths = [search_path("Medication", {"_id": ",".join(chunk), "_count": str(_CHUNK)}) for chunk in chunks]
        found.update({each.key: each for resources in await client.find(paths) for each in resources})


def _medications_of(resource: Resource) -> set[str]:
    if not resource.type.startswith("Medication"):
        return set()
    drug, base = _decoded(_drug, resource, _Drug()), base_of(resource.full_url or "")
    targets = (drug.medication_reference, *(each.item_reference for each in drug.ingredient))
    return {f"Medication/{id_}" for target in targets if (id_ := id_of(target, "Medication", base))}


def _decoded(decoder: msgspec.json.Decoder[T], resource: Resource, otherwise: T) -> T:
    try:
        return decoder.decode(resource.raw)
    except msgspec.ValidationError:  # the reader of the record names what is wrong with it
        return otherwise
