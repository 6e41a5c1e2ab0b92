"""One message's resources onto a FHIR server: all of them or none, and nothing newer is overwritten.

What stands there is read first. A Patient keeps what the message does not speak of, merges among it. A result that the
server has from a message sent later, by its Provenance, stays as it is: engines send old messages again. Whoever writes
in between makes the transaction fail (ifMatch), and it is decided anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from adapter.criteria.terminology import Terminology
from adapter.errors import ConflictError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.client import search_path
from adapter.fhir.elements import Json
from adapter.record.bundle import Resource
from adapter.record.contents import same_birth
from adapter.record.references import key_of
from mappings.patient import Converted, PatientKey, PatientPart, provenance
from mappings.patient.converted import entry, patient_entry
from mappings.patient.hl7v2.message import UnreadableError
from mappings.patient.local_codes import with_codes

_IDS = 50
"""Ids in one search; addresses stay below 4 kB."""
_ATTEMPTS = 3
_NOT_KEPT = frozenset({"id", "meta", "text"})


@dataclass(frozen=True, slots=True)
class Received:
    """What a message came to on the server; `older`: results that it has from a later message.

    `patients`: whom it is of, as the server names them (Patient/id).
    """

    written: int
    older: int
    patients: tuple[str, ...]


async def receive(client: FhirClient, message: Sequence[Converted], terminology: Terminology) -> Received:
    """Put what a message says on the server in one transaction.

    A conflict is decided anew: somebody else wrote, or an answer was lost of a transaction that had been carried out.
    Raises UnreadableError where the server's patients contradict the message, ConflictError where somebody else wrote
    at the same time, and the errors of `adapter.fhir.client`.
    """
    people = _by_patient(message)
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _receive(client, people, terminology)
        except ConflictError:
            continue
    return await _receive(client, people, terminology)


def _by_patient(message: Iterable[Converted]) -> list[Converted]:
    """What a message says of each patient, gathered: a transaction may hold a resource once (R4, http.html)."""
    found: dict[PatientKey, Converted] = {}
    for person in message:
        key = person.patients[0].key
        if (earlier := found.get(key)) is not None:
            resources = {_key(each): each for each in (*earlier.resources, *person.resources)}
            patients = (*earlier.patients, *person.patients)
            found[key] = replace(earlier, patients=patients, resources=tuple(resources.values()))
        else:
            found[key] = person
    return list(found.values())


async def _receive(client: FhirClient, message: Sequence[Converted], terminology: Terminology) -> Received:
    parts = {part.key: part for person in message for part in person.patients}
    patients = await _patients(client, list(parts))
    resources = [each for person in message for each in person.resources]
    held, newer = await _held(client, resources), await _newer(client, message)
    entries = [_patient(part, patients.get(key)) for key, part in parts.items()]
    written = older = 0
    for person in message:
        fresh = [each for each in person.resources if _key(each) not in newer]
        older += len(person.resources) - len(fresh)
        written += len(fresh)
        entries += [_entry(with_codes(each, terminology)[0], held.get(_key(each))) for each in fresh]
        if fresh:
            made = provenance(person, [{"reference": _key(each)} for each in fresh])
            entries.append(entry("Provenance", made["id"], made))
    answers = dict(zip(parts, await client.transaction(entries), strict=False))  # the patients' come first
    names = (patients[key].key if key in patients else key_of(answers[key].location or "") for key in parts)
    return Received(written, older, tuple(filter(None, names)))


async def _patients(client: FhirClient, keys: Sequence[PatientKey]) -> dict[PatientKey, Resource]:
    """The Patients that the server has under the identifiers. Raises UnreadableError for two of one number."""
    found = await client.find([f"Patient?{key.query}" for key in keys])
    for stored in found:
        if len(stored) > 1:
            reason = "the FHIR server has several patients of this number; merge them there"
            raise UnreadableError(field="PID-3", reason=reason, code="204")
    return {key: stored[0] for key, stored in zip(keys, found, strict=True) if stored}


async def _held(client: FhirClient, resources: Iterable[Json]) -> dict[str, Resource]:
    by_type: dict[str, list[str]] = {}
    for each in resources:
        by_type.setdefault(each["resourceType"], []).append(each["id"])
    paths = [
        search_path(type_, {"_id": ",".join(ids[start : start + _IDS]), "_count": str(_IDS)})
        for type_, ids in by_type.items()
        for start in range(0, len(ids), _IDS)
    ]
    found = await client.find(paths) if paths else []
    return {stored.key: stored for page in found for stored in page}


async def _newer(client: FhirClient, message: Sequence[Converted]) -> set[str]:
    """The resources of which the server has a Provenance from a message sent later."""
    paths = [
        search_path("Provenance", {"target": ",".join(keys[start : start + _IDS]), "recorded": f"gt{sent}"})
        for sent, keys in ((each.origin.recorded, [_key(one) for one in each.resources]) for each in message)
        for start in range(0, len(keys), _IDS)
    ]
    found = await client.find(paths) if paths else []
    targets = (target for page in found for stored in page for target in stored.json().get("target", ()))
    return {str(target.get("reference")) for target in targets}


def _patient(part: PatientPart, stored: Resource | None) -> Json:
    """A new Patient is created; a known one is changed only by who leads, or by a merge."""
    if stored is None:
        return patient_entry(part)
    known = stored.json()
    birth = part.elements.get("birthDate")
    if birth and not part.leads and not same_birth(birth, known.get("birthDate")):
        reason = "the FHIR server has another birth date for this number: two people, or a wrong number"
        raise UnreadableError(field="PID-7", reason=reason, code="204")
    links = [link for link in part.elements.get("link", ()) if link not in known.get("link", ())]
    if not part.leads and not links:
        return patient_entry(part)
    said = part.elements if part.leads else {}
    died = any(name.startswith("deceased") for name in said)
    kept = {
        name: value
        for name, value in known.items()
        if name not in _NOT_KEPT and not (died and name.startswith("deceased"))
    }
    changed: Json = {**kept, **said, "id": stored.id}
    changed["identifier"] = _together(known.get("identifier", []), [part.key.identifier, *said.get("identifier", [])])
    changed["link"] = [*known.get("link", []), *links]
    changed = {name: value for name, value in changed.items() if value not in (None, [], {})}
    made = entry("Patient", stored.id, changed)
    return {**made, "fullUrl": part.key.full_url, "request": {**made["request"], **_if_match(stored)}}


def _together(known: Sequence[Json], said: Sequence[Json]) -> list[Json]:
    names = [(each.get("system"), each.get("value")) for each in known]
    added = {(each["system"], each["value"]): each for each in said}
    return [*known, *(each for name, each in added.items() if name not in names)]


def _entry(resource: Json, stored: Resource | None) -> Json:
    made = entry(resource["resourceType"], resource["id"], resource)
    return made if stored is None else {**made, "request": {**made["request"], **_if_match(stored)}}


def _if_match(stored: Resource) -> Json:
    return {"ifMatch": f'W/"{stored.version}"'} if stored.version else {}


def _key(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
