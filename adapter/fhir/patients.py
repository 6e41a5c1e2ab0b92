"""The patients of a FHIR server: which are meant (all, those of a Group, those that a search finds), and their records.

What is asked for of a patient is planned from what the studies read and what the server can do.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import AbsentError, BadAnswerError, InputError, RejectedError, UsageError
from adapter.evaluator.indication import bears_on
from adapter.evaluator.reads import OF_MEDICATION
from adapter.fhir.client.client import FhirClient, search_path, together
from adapter.fhir.client.resources import Capabilities, found_in
from adapter.fhir.client.transport import without_secrets
from adapter.record.bundle import Bundle, Resource
from adapter.record.contents import Contents
from adapter.record.references import ID, base_of, id_of, linked, links_of, owner_of
from adapter.record.resources import CodeableConcept, Reference
from adapter.record.values import codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`group`: the id of a Group; `search`: parameters of a search for Patients. Neither: everyone."""

    group: str | None = None
    search: tuple[tuple[str, str], ...] = ()


class _Member(Struct, frozen=True):
    entity: Reference | None = None
    inactive: bool = False


class _Group(Struct, frozen=True):
    member: tuple[_Member, ...] = ()


class _Condition(Struct, frozen=True):
    subject: Reference | None = None
    code: CodeableConcept | None = None


def selection_of(url: str) -> tuple[str, Selection]:
    """A source's address -> a server's base and whom of it: `BASE`, `BASE/Group/ID`, or `BASE/Patient?SEARCH`.

    Raises UsageError for a search of something else than Patients.
    """
    parts = urlsplit(url)
    path = [each for each in parts.path.split("/") if each]
    base = f"{parts.scheme}://{parts.netloc}"
    if path[-2:-1] == ["Group"] and not parts.query:
        return "/".join([base, *path[:-2]]), Selection(group=path[-1])
    if path[-1:] == ["Patient"]:
        return "/".join([base, *path[:-1]]), Selection(search=tuple(parse_qsl(parts.query, keep_blank_values=True)))
    if parts.query:
        msg = f"{without_secrets(url)!r} searches no Patients; write BASE, BASE/Group/ID or BASE/Patient?SEARCH"
        raise UsageError(msg)
    return "/".join([base, *path]), Selection()


async def listed_patients(client: FhirClient, selection: Selection) -> dict[str, tuple[str, ...]]:
    """The ids of the selected patients, each once, with those whom they have replaced.

    Who was replaced by another stands with that one, whose record has the data of both. Raises ServerError where the
    list can't be read to its end, InputError where a Group does not say whom it holds.
    """
    if selection.group is not None:
        return dict.fromkeys(await _members(client, selection.group), ())
    parameters = {"_elements": "link", "_count": str(client.page_size), **dict(selection.search)}
    found: dict[str, tuple[str, ...]] = {}
    async for page in client.pages(search_path("Patient", parameters)):
        for each in found_in(page, "Patient", f"FHIR server {client.url}: GET Patient"):
            if each.type == "Patient":
                survivors = linked(links_of(each), "replaced-by", base=base_of(each.full_url or ""))
                if survivors:
                    found[survivors[0]] = (*found.get(survivors[0], ()), each.id)
                else:
                    found.setdefault(each.id, ())
    return found


async def indicated_patients(client: FhirClient, terminology: Terminology, index: frozenset[str]) -> frozenset[str]:
    """The ids of all patients with a Condition that is, or may be, one of the concepts, confirmed or not.

    Codes are compared here, not by the server: it knows neither prefixes nor the site's local codes. A diagnosis that
    nobody has classified may be any of them.
    """
    found: set[str] = set()
    path = search_path("Condition", {"_elements": "subject,code", "_count": str(client.page_size)})
    async for page in client.pages(path):
        for each in found_in(page, "Condition", f"FHIR server {client.url}: GET Condition"):
            try:
                condition = msgspec.json.decode(each.raw, type=_Condition)
            except msgspec.ValidationError:
                continue  # what can't be read says nothing; the reader of a record would say the same
            subject = id_of(condition.subject, "Patient", base_of(each.full_url or ""))
            if subject and any(bears_on(index, codes(condition.code), terminology)):
                found.add(subject)
    return frozenset(found)


async def changed_patients(client: FhirClient, types: Iterable[str], since: datetime) -> frozenset[str]:
    """The ids of all patients of whom a resource of the types, or the Patient, was updated since an instant.

    Medications are no patient's; who is replaced by another stands with that one too. What was deleted is not seen.
    Raises ServerError where that can't be read to its end.
    """
    seconds = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    parameters = {"_lastUpdated": f"ge{seconds}", "_count": str(client.page_size)}
    there = (await client.capabilities()).parameters
    found: set[str] = set()
    for type_ in sorted({*types, "Patient"} & {*there.keys(), "Patient"}):
        async for page in client.pages(search_path(type_, parameters)):
            for each in found_in(page, type_, f"FHIR server {client.url}: GET {type_}"):
                found.update(_concerned(each))
    return frozenset(found)


def _concerned(resource: Resource) -> Iterator[str]:
    if resource.type == "Patient":
        yield resource.id
        yield from linked(links_of(resource), "replaced-by", base=base_of(resource.full_url or ""))
        return
    try:
        owner = owner_of(resource).patient
    except msgspec.DecodeError:  # the reader of the record says what is wrong with it
        return
    if owner and owner.startswith("Patient/"):
        yield owner.partition("/")[2]


async def _members(client: FhirClient, group: str) -> list[str]:
    stored = await client.read("Group", group)
    try:
        held = msgspec.json.decode(stored.raw, type=_Group)
    except msgspec.ValidationError as error:
        msg = f"{stored.key} can't be read: {error}"
        raise BadAnswerError(msg) from error
    ids = [id_of(member.entity, "Patient", client.url) for member in held.member if not member.inactive]
    if not ids or None in ids:
        msg = f"{stored.key} must list Patients of this server as its members; give it members, or write a search"
        raise InputError(msg)
    return [each for each in ids if each is not None]


_MOST_ROUNDS = 8
"""How many replacements of a patient, or steps from a drug to its ingredients, are followed; real chains are short."""

_CHUNK = 50


class _Ingredient(Struct, frozen=True, rename="camel"):
    item_reference: Reference | None = None


class _Drug(Struct, frozen=True, rename="camel"):
    medication_reference: Reference | None = None
    ingredient: tuple[_Ingredient, ...] = ()


_drug = msgspec.json.Decoder(_Drug)


async def fetch_record(client: FhirClient, patient: str, types: Iterable[str]) -> Contents:
    """All resources of `types` (and Patients, and Medications that they name) of a patient, in no order.

    `patient`: an id. A patient who was replaced by another, or who replaced others, is fetched with all of them: their
    data are one record (CONFORMANCE: Time). Usually one round trip. Raises AbsentError if the patient isn't there, and
    ServerError where anything could not be read to its end.
    """
    if not ID.fullmatch(patient):
        raise _no_such_patient(client)
    try:
        found = await _of_person(client, patient, types)
        await _add_medications(client, found)
    except AbsentError as error:  # of a page, or of a whole type: that says nothing of the patient
        await client.read("Patient", patient)
        msg = f"{error}; the Patient is there, and the record can't be read to its end"
        raise BadAnswerError(msg) from error
    if f"Patient/{patient}" not in found:
        raise _no_such_patient(client)
    return Contents(tuple(found.values()))


async def follow_pages(client: FhirClient, begun: Mapping[str, Bundle]) -> tuple[Contents, frozenset[str]]:
    """What searches found whose first pages are there (by type), with the Medications that drugs name.

    Also the types whose further pages can't be had: the server holds them no more, or they stand elsewhere. They are to
    be fetched anew. Raises ServerError where the server gives no answer, or doesn't let us in.
    """

    async def rest(type_: str, first: Bundle) -> list[Resource] | None:
        try:
            return await client.rest(type_, first)
        except (AbsentError, BadAnswerError):
            return None

    searched = await together(rest(type_, first) for type_, first in begun.items())
    found = {each.key: each for resources in searched for each in resources or ()}
    await _add_medications(client, found)
    lost = frozenset(type_ for type_, resources in zip(begun, searched, strict=True) if resources is None)
    return Contents(tuple(found.values())), lost


def _no_such_patient(client: FhirClient) -> AbsentError:
    return AbsentError(f"FHIR server {client.url}: no such Patient; check the id")


async def _of_person(client: FhirClient, patient: str, types: Iterable[str]) -> dict[str, Resource]:
    """The resources of a patient, and of all Patients that are the same person."""
    found: dict[str, Resource] = {}
    asked: set[str] = set()
    waiting = {patient}
    for _ in range(_MOST_ROUNDS):
        resources = await _of_patients(client, sorted(waiting), types)
        found.update({each.key: each for each in resources})
        asked |= waiting
        waiting = _others(found.values(), asked)
        if not waiting:
            return found
    msg = f"FHIR server {client.url}: more than {_MOST_ROUNDS} Patients replaced each other; merge them into one"
    raise BadAnswerError(msg)


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
            links = links_of(each)
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
    try:
        drug = _drug.decode(resource.raw)
    except msgspec.ValidationError:  # the reader of the record names what is wrong with it
        return set()
    base = base_of(resource.full_url or "")
    targets = (drug.medication_reference, *(each.item_reference for each in drug.ingredient))
    return {f"Medication/{id_}" for target in targets if (id_ := id_of(target, "Medication", base))}


_REFERS = ("patient", "subject")


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """Requests relative to the server's base. `searches` can go in one batch; with `everything` they are none."""

    searches: tuple[str, ...] = ()
    everything: tuple[str, ...] = ()


def record_plan(
    patients: Iterable[str], types: Iterable[str], capabilities: Capabilities, page_size: int
) -> RecordPlan:
    """The requests for all resources of some types of some patients (ids), the Patients among them.

    Whole types are asked for, not single codes: a code that no map knows must be seen to be listed. A type that the
    server doesn't have needs no request. One that can't be searched by patient is a case for Patient/$everything.
    Raises RejectedError where the server has neither.
    """
    ids = tuple(patients)
    wanted = [each for each in sorted(types) if each in capabilities.parameters]
    searched = [(each, _reference(each, capabilities)) for each in wanted]
    hidden = [type_ for type_, parameter in searched if parameter is None]
    count = str(page_size)
    if not hidden:
        names = ",".join(f"Patient/{each}" for each in ids)
        searches = [search_path("Patient", {"_id": ",".join(ids), "_count": count})]
        if capabilities.searches("Patient", "link"):
            searches.append(search_path("Patient", {"link": names, "_count": count}))
        searches += [
            search_path(type_, {str(parameter): ",".join(ids), "_count": count, **_included(type_, capabilities)})
            for type_, parameter in searched
        ]
        return RecordPlan(searches=tuple(searches))
    if not capabilities.does("Patient", "everything"):
        msg = f"the server can neither search {', '.join(hidden)} by patient nor does it have Patient/$everything"
        raise RejectedError(msg)
    asked = ["Patient", *wanted, *(["Medication"] if OF_MEDICATION.intersection(wanted) else [])]
    of = ",".join(asked)
    return RecordPlan(everything=tuple(f"Patient/{each}/$everything?_type={of}&_count={count}" for each in ids))


def _reference(type_: str, capabilities: Capabilities) -> str | None:
    return next((each for each in _REFERS if capabilities.searches(type_, each)), None)


def _included(type_: str, capabilities: Capabilities) -> dict[str, str]:
    """The Medications that a search can bring along."""
    name = f"{type_}:medication"
    known = capabilities.includes.get(type_, frozenset())
    return {"_include": name} if type_ in OF_MEDICATION and (name in known or "*" in known) else {}
