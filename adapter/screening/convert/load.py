"""Converted data onto a FHIR server: the Bundles of a run, or one message's resources.

Puts converted Bundles on a FHIR server, in transactions that are not too large; goes on where it was interrupted.

A file beside the Bundles remembers what the server has taken, until it has all. A patient's transactions follow each
other, several patients' go side by side. What the server refuses is kept with its reason, and the rest goes on; where
it can't be reached, the next run goes on.

One message's resources onto a FHIR server: all of them or none, and nothing newer is overwritten.

What stands there is read first. A Patient keeps what the message does not speak of, merges among it. A result that the
server has from a message sent later, by its Provenance, stays as it is: engines send old messages again. Whoever writes
in between makes the transaction fail (ifMatch), and it is decided anew.

Two pure steps, `searches` and `transaction`, which may run in another process, with the server between them.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import IO

import anyio
import msgspec
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import AbsentError, ConflictError, RejectedError
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.client.client import search_path
from adapter.fhir.elements import Json
from adapter.record.bundle import Resource
from adapter.record.references import key_of, same_birth
from adapter.screening.convert.beside import Told, days, to_write
from adapter.screening.private import new_file
from mappings.patient import Converted, PatientKey, PatientPart, provenance
from mappings.patient.converted import encode, entry, patient_entry
from mappings.patient.hl7v2.message import UnreadableError
from mappings.patient.local_codes import Coder

JOURNAL = ".loaded"
REFUSED = "refused.ndjson"
_MOST_ENTRIES = 200
_AT_ONCE = 4
_URN = "urn:uuid:"


class _Request(Struct, frozen=True, omit_defaults=True):
    method: str
    url: str
    ifNoneExist: str | None = None  # noqa: N815  # FHIR's name


class _Entry(Struct, frozen=True):
    fullUrl: str  # noqa: N815  # FHIR's name
    resource: Raw
    request: _Request


class _Bundle(Struct, frozen=True):
    entry: tuple[_Entry, ...] = ()


_bundle = msgspec.json.Decoder(_Bundle)


@dataclass(slots=True)
class Loaded:
    """What came of it: entries by the server's answer (201 created, 200 updated or there already), and the rest."""

    answers: Counter[str] = field(default_factory=Counter)
    earlier: int = 0
    refused: int = 0


def load_bundles(folder: Path, server: ServerSettings, tell: Callable[[int, int], None] = lambda *_: None) -> Loaded:
    """Load every Bundle of `folder`/bundles; `tell` hears how many of how many are done.

    Raises ServerError where the server can't be reached or lets nobody in: what it took by then is remembered.
    """
    files = sorted((folder / "bundles").glob("*.json"))
    journal = folder / JOURNAL
    if journal.is_symlink() or not journal.exists():  # a link is nothing of ours
        new_file(journal).close()
    done = set(journal.read_text(encoding="ascii").split("\n")[:-1])
    loaded = Loaded()
    with journal.open("a", encoding="ascii") as taken, new_file(folder / REFUSED) as refused:
        loading = _Loading(server, done, taken, refused, loaded, tell, len(files))
        anyio.run(loading.all, files)
    if loaded.refused == 0:
        (folder / REFUSED).unlink()
        journal.unlink()
    return loaded


@dataclass(slots=True)
class _Loading:
    server: ServerSettings
    done: set[str]
    taken: IO[str]
    refused: IO[bytes]
    loaded: Loaded
    tell: Callable[[int, int], None]
    total: int
    ended: int = 0

    async def all(self, files: list[Path]) -> None:
        waiting = iter(files)
        try:
            async with open_client(self.server) as client, anyio.create_task_group() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.start_soon(self._some, client, waiting)
        except BaseExceptionGroup as group:
            raise _first(group) from group

    async def _some(self, client: FhirClient, waiting: Iterator[Path]) -> None:
        for path in waiting:
            for entries in _transactions(path.read_bytes()):
                await self._one(client, path.name, entries)
            self.ended += 1
            self.tell(self.ended, self.total)

    async def _one(self, client: FhirClient, name: str, entries: list[Json]) -> None:
        key = sha256(msgspec.json.encode([self.server.url, entries])).hexdigest()
        if key in self.done:
            self.loaded.earlier += 1
            return
        try:
            answers = await client.transaction(entries)
        except (RejectedError, ConflictError) as error:
            reason = {"bundle": name, "reason": str(error), "details": getattr(error, "details", None)}
            self.refused.write(msgspec.json.encode(reason) + b"\n")
            self.loaded.refused += 1
            return
        self.loaded.answers.update((answer.status or "")[:3] for answer in answers)
        self.taken.write(f"{key}\n")
        self.taken.flush()


def _transactions(data: bytes) -> Iterator[list[Json]]:
    """A Bundle's entries in parts, each with the patients that its resources refer to."""
    entries = _bundle.decode(data).entry
    patients = [_without_id(entry) for entry in entries if entry.fullUrl.startswith(_URN)]
    others = [
        msgspec.to_builtins(entry, builtin_types=(Raw,)) for entry in entries if not entry.fullUrl.startswith(_URN)
    ]
    for start in range(0, max(len(others), 1), _MOST_ENTRIES):
        yield [*patients, *others[start : start + _MOST_ENTRIES]]


def _without_id(entry: _Entry) -> Json:
    """A Patient as it is sent: the server that has them already keeps the id that they have there."""
    resource = msgspec.json.decode(entry.resource)
    del resource["id"]
    return {"fullUrl": entry.fullUrl, "resource": resource, "request": msgspec.to_builtins(entry.request)}


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended all: of several at once, the first."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


_IDS = 50
"""Ids in one search; addresses stay below 4 kB."""
_SEARCHES = 200
"""Searches in one batch: neither we nor the server hold up others with it."""
_ATTEMPTS = 3
_NOT_KEPT = frozenset({"id", "meta", "text"})


@dataclass(frozen=True, slots=True)
class Searches:
    """What to look for on the server, as paths: a Patient each, the resources, Provenances of later messages.

    `of_day`: the results of a day, of the Patient at a place among them, of whom the message takes one back.
    """

    patients: tuple[str, ...]
    resources: tuple[str, ...]
    later: tuple[str, ...]
    of_day: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there: of each Patient that was looked for, of resources (Type/id), Provenances, results of a day."""

    patients: Sequence[Sequence[Resource]]
    known: Mapping[str, Resource]
    later: Sequence[Resource]
    of_day: Sequence[Resource]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction Bundle as JSON. `guarded`: it fails where somebody else has written.

    `patients`: whom it is about, in the order of its first entries; None for those whom it creates. `told`: what of it
    a person must see.
    """

    bundle: bytes
    entries: int
    guarded: bool
    patients: tuple[str | None, ...]
    told: tuple[Told, ...]


async def receive(
    client: FhirClient, asked: Searches, decide: Callable[[Standing], Awaitable[Transaction]]
) -> tuple[str, ...]:
    """Put what a message says on the server in one transaction; whom it is of, as the server names them (Patient/id).

    `decide` makes the transaction. A conflict is decided anew: somebody else wrote, or an answer was lost of a
    transaction that had been carried out. Raises ConflictError where somebody else wrote at the same time each time,
    VanishedError, what `decide` raises, and the errors of `adapter.fhir.client`.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _received(client, await decide(await _standing(client, asked)))
        except (ConflictError, VanishedError):
            continue
    return await _received(client, await decide(await _standing(client, asked)))


class VanishedError(RejectedError):
    """What the message is about is gone from the server for good, erased perhaps, however often one looks anew.

    For a sender that is final, as a search that is not found is not: there the server itself is away, or elsewhere.
    """


async def _received(client: FhirClient, made: Transaction) -> tuple[str, ...]:
    try:
        answers = await client.transact(made.bundle, made.entries, repeats=not made.guarded)
    except AbsentError as error:
        if not error.details:  # nothing that speaks FHIR said so: a proxy in front of a server that is away
            raise
        msg = f"{error}; what the message is about is no longer there"
        raise VanishedError(msg) from error
    named = (known or key_of(answer.location or "") for known, answer in zip(made.patients, answers, strict=False))
    return tuple(filter(None, named))


async def _standing(client: FhirClient, asked: Searches) -> Standing:
    patients = await _found(client, asked.patients)
    known = {each.key: each for each in await _all(client, asked.resources)}
    days = [
        search_path("Observation", {"patient": patients[place][0].id, "date": day})
        for place, day in asked.of_day
        if len(patients[place]) == 1
    ]
    return Standing(patients, known, await _all(client, asked.later), await _all(client, days))


async def _all(client: FhirClient, paths: Sequence[str]) -> list[Resource]:
    return [each for page in await _found(client, paths) for each in page]


async def _found(client: FhirClient, paths: Sequence[str]) -> list[list[Resource]]:
    """What each search finds, of however many; a few at a time."""
    found: list[list[Resource]] = []
    for start in range(0, len(paths), _SEARCHES):
        found += await client.find(paths[start : start + _SEARCHES])
    return found


def searches(message: Sequence[Converted]) -> Searches:
    """What must be known of the server before a message can be written there."""
    people = _by_patient(message)
    by_type: dict[str, list[str]] = {}
    for person in people:
        for each in person.resources:
            by_type.setdefault(each["resourceType"], []).append(each["id"])
    resources = [
        search_path(type_, {"_id": ",".join(some), "_count": str(_IDS)})
        for type_, ids in by_type.items()
        for some in _batches(ids)
    ]
    later = [
        search_path("Provenance", {"target": ",".join(some), "recorded": f"gt{person.origin.recorded}"})
        for person in people
        for some in _batches([_key(each) for each in person.resources])
    ]
    parts = list(_parts(people))
    of_day = ((parts.index(person.patients[0].key), day) for person in people for day in days(person.resources))
    patients = tuple(f"Patient?{key.query}" for key in parts)
    return Searches(patients, tuple(resources), tuple(later), tuple(dict.fromkeys(of_day)))


def transaction(message: Sequence[Converted], standing: Standing, terminology: Terminology) -> Transaction:
    """What to write of a message. Raises UnreadableError where the server's patients contradict it."""
    people = _by_patient(message)
    parts = _parts(people)
    stored = {key: found for key, found in zip(parts, map(_only, standing.patients), strict=True) if found is not None}
    newer = {str(target.get("reference")) for each in standing.later for target in each.json().get("target", ())}
    entries = [_patient(part, stored.get(key)) for key, part in parts.items()]
    coded = Coder(terminology)
    told: list[Told] = []
    for person in people:
        patient = stored.get(person.patients[0].key)
        fresh, seen = to_write(person.resources, standing.known, standing.of_day, patient, newer)
        told += seen
        entries += [_entry(coded(each)[0], standing.known) for each in fresh]
        if fresh:
            made = provenance(person, [{"reference": _key(each)} for each in fresh])
            entries.append(entry("Provenance", made["id"], made))
    return Transaction(
        bundle=encode({"resourceType": "Bundle", "type": "transaction", "entry": entries}),
        entries=len(entries),
        guarded=any("ifMatch" in each["request"] for each in entries),
        patients=tuple(stored[key].key if key in stored else None for key in parts),
        told=tuple(told),
    )


def _batches(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _IDS] for start in range(0, len(names), _IDS))


def _parts(people: Iterable[Converted]) -> dict[PatientKey, PatientPart]:
    """Whom a message speaks of, and what it says of them last."""
    return {part.key: part for person in people for part in person.patients}


def _by_patient(message: Iterable[Converted]) -> list[Converted]:
    """What a message says of each patient, gathered: a transaction may hold a resource once (R4, http.html)."""
    found: dict[PatientKey, list[Converted]] = {}
    for person in message:
        found.setdefault(person.patients[0].key, []).append(person)
    return [
        replace(
            said[0],
            patients=tuple(part for each in said for part in each.patients),
            resources=tuple({_key(one): one for each in said for one in each.resources}.values()),
        )
        for said in found.values()
    ]


def _only(stored: Sequence[Resource]) -> Resource | None:
    """The Patient that the server has under a number. Raises UnreadableError for two of one number."""
    if len(stored) > 1:
        reason = "the FHIR server has several patients of this number; merge them there"
        raise UnreadableError(field="PID-3", reason=reason, code="204")
    return stored[0] if stored else None


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
    return {**made, "fullUrl": part.key.full_url, "request": {**made["request"], **_if_match(stored.version)}}


def _together(known: Sequence[Json], said: Sequence[Json]) -> list[Json]:
    names = [(each.get("system"), each.get("value")) for each in known]
    added = {(each["system"], each["value"]): each for each in said}
    return [*known, *(each for name, each in added.items() if name not in names)]


def _entry(resource: Json, known: Mapping[str, Resource]) -> Json:
    made = entry(resource["resourceType"], resource["id"], resource)
    stands = known.get(_key(resource))
    return {**made, "request": {**made["request"], **_if_match(stands.version if stands else None)}}


def _if_match(version: str | None) -> Json:
    return {"ifMatch": f'W/"{version}"'} if version else {}


def _key(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
