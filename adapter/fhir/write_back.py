"""Put proposals on a research server: a ResearchSubject and a GuidanceResponse for each patient and study; retire them.

What stands there is read first, and written with If-Match in one transaction; where somebody else was faster, it is
read and decided again. A ResearchSubject is made first, alone, by a conditional create; its guidance follows as any
change does, so that a write that a server carries out late overwrites nothing newer. A status that a person has set
stays (adapter.fhir.research_subject); the proposal beside it says where the adapter thinks otherwise. Where nothing but
the time of evaluation is new, nothing is written.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapter.errors import AbsentError, ConflictError, RejectedError, UnpublishedError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.client import search_path
from adapter.fhir.client.resources import found_in
from adapter.fhir.elements import STUDY, Json
from adapter.fhir.guidance_response import guidance_id
from adapter.fhir.research_subject import (
    Proposal,
    Version,
    created,
    elsewhere,
    found_again_by,
    is_persons,
    research_subject_id,
    says_the_same,
    settled_without_history,
    updated,
    version_of,
    withdrawn,
)
from adapter.record.bundle import Resource
from adapter.record.references import key_of

_MOST_TRIES = 6
"""How often a proposal is decided anew where others keep writing to the same ResearchSubject."""

_MOST_VERSIONS = 100
_STUDIES_AT_ONCE = 20
_CREATED = "201"


class Retirement(StrEnum):
    """What becomes of a patient's ResearchSubjects and GuidanceResponses when the patient's data are erased.

    `withdraw`: the guidances are deleted; subjects are `withdrawn` and name nobody, but for those whose status a person
    has set, which stay what they are, without our opinion. `delete`: all are deleted, those of persons too. `leave`:
    nothing is done.
    """

    WITHDRAW = "withdraw"
    DELETE = "delete"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a proposal. `status`: what stands there now; None where nothing stands, and nothing was made.

    `by_person`: the status is a person's; `changed`: something was written.
    """

    study: str
    status: str | None
    proposal: str
    by_person: bool
    changed: bool

    @property
    def disagrees(self) -> bool:
        """Whether the adapter proposes another status than the person's."""
        return self.by_person and self.status != self.proposal


class ResearchServer:
    """A research server to write to. `record_url`: the base of the patients' server where that is another one."""

    def __init__(self, client: FhirClient, record_url: str | None = None) -> None:
        """Write over an open client."""
        self._client = client
        self._record_url = record_url
        self._studies: dict[str, str] = {}

    async def write(self, proposals: Iterable[Proposal], identifiers: tuple[tuple[str, str], ...]) -> list[Written]:
        """Write the proposals of one patient, who has these identifiers; what became of each, in their order.

        Raises UnpublishedError where a study is not published there, ConflictError where others wrote again and again,
        ServerError where the server fails.
        """
        made = list(proposals)
        if self._record_url is not None:
            made = [elsewhere(each, self._record_url, identifiers) for each in made]
        await self._find_studies([each.study for each in made])
        for _ in range(_MOST_TRIES):
            try:
                return await self._written(made)
            except ConflictError as error:
                last = error
            except RejectedError:
                self._studies.clear()  # one of them may be gone, or published anew under another id
                raise
        raise last

    async def retire(self, patient: str, studies: Iterable[str], how: Retirement, *, is_gone: bool) -> int:
        """Retire what stands there of a patient; how many ResearchSubjects were changed or deleted. Again does nothing.

        `studies`: of which there may be something, beside those that are published there. `is_gone`: whether the
        patient is not on the record server any more. Raises ConflictError where others wrote again and again,
        ServerError where the server fails.
        """
        if how is Retirement.LEAVE:
            return 0
        subject = patient if self._record_url is None else f"{self._record_url}/{patient}"
        known = sorted({*studies, *await self._published()})
        changed = 0
        for start in range(0, len(known), _STUDIES_AT_ONCE):
            names = {each: research_subject_id(each, subject) for each in known[start : start + _STUDIES_AT_ONCE]}
            for _ in range(_MOST_TRIES):
                try:
                    changed += await self._retired(patient, subject, names, how, is_gone=is_gone)
                    break
                except ConflictError as error:
                    last = error
            else:
                raise last
        return changed

    async def _retired(
        self, patient: str, subject: str, names: dict[str, str], how: Retirement, *, is_gone: bool
    ) -> int:
        """A guidance is deleted beside what refers to it, or after: servers refuse to delete what is referred to.

        Beside a subject that is changed, so that a deletion which is carried out late finds another version of that.
        """
        ids = {study: guidance_id(study, subject) for study in names}
        found, guidances = await self._found(names.values(), ids.values())
        entries: list[Json] = []
        if how is Retirement.DELETE:
            for each in found.values():
                await self._client.delete_version(each)
            changed = len(found)
        else:
            address = f"{self._client.url}/{patient}" if is_gone and self._record_url is None else None
            for each in found.values():
                held = each.json()
                by_person = await self._is_persons(held)
                resource = withdrawn(held, each.version, by_person=by_person, subject=address)
                if not says_the_same(held, resource):
                    request = {"method": "PUT", "url": each.key, "ifMatch": f'W/"{each.version}"'}
                    entries.append({"resource": resource, "request": request})
            changed = len(entries)
        if entries:
            entries += [{"request": {"method": "DELETE", "url": each.key}} for each in guidances.values()]
            await self._client.transaction(entries)
        else:
            for each in guidances.values():
                await self._client.delete_version(each)
        return changed

    async def _published(self) -> list[str]:
        """The studies that are there."""
        found: list[str] = []
        parameters = {"identifier": f"{STUDY}|", "_elements": "identifier", "_count": str(self._client.page_size)}
        for each in await self._client.search("ResearchStudy", parameters):
            held = each.json().get("identifier", ())
            found += [one["value"] for one in held if one.get("system") == STUDY and "value" in one]
        return found

    async def _written(self, proposals: Sequence[Proposal]) -> list[Written]:
        found, guidances = await self._standing(proposals)
        stood = {name: each.json() for name, each in found.items()}
        new = [each for each in proposals if each.indicated and each.identifier not in stood]
        subjects = {**stood, **(await self._made(new) if new else {})}
        entries: list[Json] = []
        written: list[Written] = []
        for proposal in proposals:
            held = subjects.get(proposal.identifier)
            if held is None:
                written.append(_written(proposal, None, by_person=False, changed=False))
                continue
            by_person = proposal.identifier in stood and await self._is_persons(held)
            name = str(proposal.guidance["id"])
            said = _guidance_entry(proposal.guidance, guidances.get(name))
            version = version_of(held).id
            resource = updated(held, proposal, self._studies[proposal.study], version, by_person=by_person)
            if (said and name not in guidances) or not says_the_same(held, resource):
                request = {"method": "PUT", "url": f"ResearchSubject/{held['id']}", "ifMatch": f'W/"{version}"'}
                said.append({"resource": resource, "request": request})
            entries += said
            written.append(_written(proposal, resource, by_person=by_person, changed=bool(said)))
        if entries:
            await self._client.transaction(entries)
        return written

    async def _made(self, proposals: Sequence[Proposal]) -> dict[str, Json]:
        """ResearchSubjects that were not there, by our identifier, made before their guidance.

        Raises ConflictError where they have to be read.
        """
        entries: list[Json] = []
        for proposal in proposals:
            query = search_path("", {"identifier": found_again_by(proposal.identifier)}).removeprefix("?")
            request = {"method": "POST", "url": "ResearchSubject", "ifNoneExist": query}
            entries.append({"resource": created(proposal, self._studies[proposal.study]), "request": request})
        made: dict[str, Json] = {}
        answers = await self._client.transaction(entries)
        for proposal, entry, answer in zip(proposals, entries, answers, strict=True):
            key, version = key_of(answer.location or ""), (answer.etag or "").removeprefix("W/").strip('"')
            if not (answer.status.startswith(_CREATED) and key and version):
                msg = f"FHIR server {self._client.url}: another writer made the ResearchSubject meanwhile"
                raise ConflictError(msg)
            identity = {"id": key.partition("/")[2], "meta": {"versionId": version}}
            made[proposal.identifier] = {**entry["resource"], **identity}
        return made

    async def _standing(self, proposals: Sequence[Proposal]) -> tuple[dict[str, Resource], dict[str, Resource]]:
        """The ResearchSubjects by our identifier, and the GuidanceResponses by id."""
        return await self._found(
            [each.identifier for each in proposals], [str(each.guidance["id"]) for each in proposals]
        )

    async def _found(
        self, identifiers: Collection[str], guidance_ids: Collection[str]
    ) -> tuple[dict[str, Resource], dict[str, Resource]]:
        count = str(self._client.page_size)
        names = ",".join(found_again_by(each) for each in identifiers)
        subjects, guidances = await self._client.find(
            [
                search_path("ResearchSubject", {"identifier": names, "_count": count}),
                search_path("GuidanceResponse", {"_id": ",".join(guidance_ids), "_count": count}),
            ]
        )
        found: dict[str, Resource] = {}
        wanted = set(identifiers)
        for each in subjects:
            for identifier in each.json().get("identifier", ()):
                if (name := identifier.get("value")) in wanted and found.setdefault(name, each) is not each:
                    msg = f"FHIR server {self._client.url}: two ResearchSubjects have the identifier {name}; keep one"
                    raise RejectedError(msg)
        return found, {each.id: each for each in guidances}

    async def _is_persons(self, stands: Json) -> bool:
        newest = version_of(stands)
        alone = settled_without_history(newest)
        if alone is not None:
            return alone
        versions, complete = await self._history(stands)
        return not versions or versions[0].id != newest.id or is_persons(versions, complete=complete)

    async def _history(self, stands: Json) -> tuple[list[Version], bool]:
        """Its versions, the newest first, and whether they reach back to its creation; none where none are kept."""
        found: list[Version] = []
        try:
            async for page in self._client.pages(f"ResearchSubject/{stands['id']}/_history?_count={_MOST_VERSIONS}"):
                held = found_in(page, None, f"FHIR server {self._client.url}: GET _history")
                found += [version_of(each.json()) for each in held]
                if len(found) >= _MOST_VERSIONS:
                    return found, page.next is None
        except (AbsentError, RejectedError):
            return [], False
        return found, True

    async def _find_studies(self, studies: Iterable[str]) -> None:
        missing = [each for each in dict.fromkeys(studies) if each not in self._studies]
        if not missing:
            return
        searches = [search_path("ResearchStudy", {"identifier": f"{STUDY}|{each}"}) for each in missing]
        for study, found in zip(missing, await self._client.find(searches), strict=True):
            if len(found) != 1:
                said = "is not" if not found else "is more than once"
                msg = f"the study {study} {said} on {self._client.url}; run trial-adapter publish"
                raise UnpublishedError(msg)
            self._studies[study] = found[0].key


def _guidance_entry(wanted: Json, stands: Resource | None) -> list[Json]:
    """The entry that writes a guidance, none where it says the same already."""
    request = {"method": "PUT", "url": f"GuidanceResponse/{wanted['id']}"}
    if stands is None:
        return [{"resource": wanted, "request": request}]
    if says_the_same(stands.json(), wanted):
        return []
    return [{"resource": wanted, "request": {**request, "ifMatch": f'W/"{stands.version}"'}}]


def _written(proposal: Proposal, resource: Json | None, *, by_person: bool, changed: bool) -> Written:
    return Written(
        study=proposal.study,
        status=None if resource is None else str(resource["status"]),
        proposal=str(proposal.research_subject["status"]),
        by_person=by_person,
        changed=changed,
    )
