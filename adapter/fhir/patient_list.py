"""Which patients of a FHIR server are meant: all, those of a Group, or those that a search finds."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import BadAnswerError, InputError, UsageError
from adapter.evaluator.indication import bears_on
from adapter.fhir.client.client import FhirClient, search_path
from adapter.fhir.client.resources import found_in
from adapter.record.references import base_of, id_of, linked, links_of
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
        msg = f"{url!r} searches no Patients; write BASE, BASE/Group/ID or BASE/Patient?SEARCH"
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
