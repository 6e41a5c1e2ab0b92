"""Put proposals on a research server: a ResearchSubject and a GuidanceResponse for each patient and study.

What stands there is read first, and written with If-Match in one transaction; where somebody else was faster, it is
read and decided again. A status that a person has set stays (adapter.fhir.research_subject); the proposal beside it
says where the adapter thinks otherwise. Nothing is written where nothing but the time of evaluation is new.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapter.errors import AbsentError, ConflictError, RejectedError
from adapter.fhir.canonicals import STUDY
from adapter.fhir.client import FhirClient
from adapter.fhir.client.client import search_path
from adapter.fhir.client.resources import found_in
from adapter.fhir.elements import Json
from adapter.fhir.research_subject import (
    Proposal,
    Version,
    created,
    elsewhere,
    found_again_by,
    is_persons,
    says_the_same,
    settled_without_history,
    updated,
    version_of,
)
from adapter.record.bundle import Resource

_MOST_TRIES = 6
"""How often a proposal is decided anew where others keep writing to the same ResearchSubject."""

_MOST_VERSIONS = 100
_CREATED = "201"


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

        Raises RejectedError where a study is not published there, ConflictError where others wrote again and again,
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
        raise last

    async def _written(self, proposals: Sequence[Proposal]) -> list[Written]:
        subjects, guidances = await self._standing(proposals)
        entries: list[Json] = []
        creations: list[int] = []
        written: list[Written] = []
        for proposal in proposals:
            stands = subjects.get(proposal.identifier)
            by_person = False if stands is None else await self._is_persons(stands)
            if stands is None and not proposal.indicated:
                written.append(_written(proposal, None, by_person=False, changed=False))
                continue
            before = len(entries)
            entries += _guidance_entry(proposal.guidance, guidances.get(str(proposal.guidance["id"])))
            if stands is None:
                creations.append(len(entries))
                resource = created(proposal, self._studies[proposal.study])
                query = search_path("", {"identifier": found_again_by(proposal.identifier)}).removeprefix("?")
                request = {"method": "POST", "url": "ResearchSubject", "ifNoneExist": query}
                entries.append({"resource": resource, "request": request})
            else:
                held = stands.json()
                study = self._studies[proposal.study]
                resource = updated(held, proposal, study, stands.version, by_person=by_person)
                if not says_the_same(held, resource):
                    request = {"method": "PUT", "url": stands.key, "ifMatch": f'W/"{stands.version}"'}
                    entries.append({"resource": resource, "request": request})
            written.append(_written(proposal, resource, by_person=by_person, changed=len(entries) > before))
        if entries:
            answers = await self._client.transaction(entries)
            if any(not answers[place].status.startswith(_CREATED) for place in creations):
                msg = f"FHIR server {self._client.url}: another writer made the ResearchSubject meanwhile"
                raise ConflictError(msg)
        return written

    async def _standing(self, proposals: Sequence[Proposal]) -> tuple[dict[str, Resource], dict[str, Resource]]:
        """The ResearchSubjects by our identifier, and the GuidanceResponses by id."""
        names = ",".join(found_again_by(each.identifier) for each in proposals)
        ids = ",".join(str(each.guidance["id"]) for each in proposals)
        count = str(self._client.page_size)
        subjects, guidances = await self._client.find(
            [
                search_path("ResearchSubject", {"identifier": names, "_count": count}),
                search_path("GuidanceResponse", {"_id": ids, "_count": count}),
            ]
        )
        found: dict[str, Resource] = {}
        wanted = {each.identifier for each in proposals}
        for each in subjects:
            for identifier in each.json().get("identifier", ()):
                if (name := identifier.get("value")) in wanted and found.setdefault(name, each) is not each:
                    msg = f"FHIR server {self._client.url}: two ResearchSubjects have the identifier {name}; keep one"
                    raise RejectedError(msg)
        return found, {each.id: each for each in guidances}

    async def _is_persons(self, stands: Resource) -> bool:
        newest = version_of(stands.json())
        alone = settled_without_history(newest)
        if alone is not None:
            return alone
        versions, complete = await self._history(stands)
        return not versions or versions[0].id != newest.id or is_persons(versions, complete=complete)

    async def _history(self, stands: Resource) -> tuple[list[Version], bool]:
        """Its versions, the newest first, and whether they reach back to its creation; none where none are kept."""
        found: list[Version] = []
        try:
            async for page in self._client.pages(f"{stands.key}/_history?_count={_MOST_VERSIONS}"):
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
                raise RejectedError(msg)
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
