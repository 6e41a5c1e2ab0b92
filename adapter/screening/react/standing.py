"""Whose the ResearchSubjects on the research server are: what tells, where nothing is remembered, whom to keep up."""

import msgspec
from msgspec import Struct

from adapter.fhir.client.stored import Bundle
from adapter.fhir.names import RESEARCH_SUBJECT
from adapter.fhir.research_subject import research_subject_id
from adapter.record.resources import Identifier, Reference
from adapter.screening.react.hint import key_of
from adapter.screening.react.site import Reacting
from adapter.screening.react.touched import PATIENT, stands, study

_URI = "urn:ietf:rfc:3986"


class _Subject(Struct, frozen=True):
    identifier: tuple[Identifier, ...] = ()
    individual: Reference | None = None


_subject = msgspec.json.Decoder(_Subject)


async def standing(page: Bundle, site: Reacting) -> dict[str, set[str]]:
    """What a page of ResearchSubjects touches: their patients, each with the studies that the site has."""
    found: dict[str, set[str]] = {}
    for entry in page.entry:
        try:
            subject = _subject.decode(entry.resource)
        except (msgspec.DecodeError, UnicodeDecodeError):  # an outcome, or a subject that is not ours
            continue
        ours = {each.value for each in subject.identifier if each.system == RESEARCH_SUBJECT}
        for patient in await _patients(subject.individual, site):
            for name in _studies(patient, ours, site):
                found.setdefault(patient, set()).update((study(name), stands(name)))
    return found


async def _patients(individual: Reference | None, site: Reacting) -> list[str]:
    """The keys of the patients that a subject's reference may mean."""
    if individual is None:
        return []
    key = key_of(individual.reference or "")
    named = individual.identifier
    if key is None and named is not None and named.system == _URI:
        key = key_of((named.value or "").removeprefix(site.record.url).lstrip("/"))
    if key is not None:
        return [key] if key.startswith(f"{PATIENT}/") else []
    if named is None or not named.value:
        return []
    identifier = f"{named.system or ''}|{named.value}"
    return [each.key for each in await site.record.search(PATIENT, {"identifier": identifier}) if each.type == PATIENT]


def _studies(patient: str, ours: set[str | None], site: Reacting) -> list[str]:
    """The studies whose subject of this patient has one of the identifiers."""
    subject = patient if site.record.url == site.research.url else f"{site.record.url}/{patient}"
    return [name for name in site.interest.everything if research_subject_id(name, subject) in ours]
