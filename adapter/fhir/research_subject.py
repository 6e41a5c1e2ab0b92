"""ResearchSubject (FHIR R4): a patient beside a study, as proposed, and as written beside what stands there.

Its status is the adapter's last proposal, or a person's, which is never overwritten. The adapter writes into each
version the version that it had read (`based-on-version`). So its own versions are those whose extension names the
version just before them; a person who edits a resource copies the extension, and it then names an older one. No memory
of our own is needed, and no server's numbering is trusted.

Bundle (FHIR R4, type collection): the answer of `$evaluate` and of `--format fhir`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapter.evaluator.verdict import Verdict
from adapter.fhir.elements import (
    BASE,
    BASED_ON,
    GUIDANCE,
    PROPOSAL,
    RESEARCH_SUBJECT,
    SET_BY_PERSON,
    Json,
    conforms_to,
    reference,
    resource_id,
)
from adapter.fhir.guidance_response import (
    Failure,
    decision_only,
    failed_guidance,
    guidance_id,
    guidance_response,
    operation_outcome,
)


def research_subject_id(study: str, subject: str) -> str:
    """The id of a patient's ResearchSubject in a study, the same at every evaluation; also its identifier's value."""
    return resource_id("ResearchSubject", study, subject)


def research_subject(verdict: Verdict) -> Json:
    """The verdict's ResearchSubject, which names the guidance that its status stands on."""
    name = research_subject_id(verdict.study, verdict.subject)
    guidance = f"GuidanceResponse/{guidance_id(verdict.study, verdict.subject)}"
    return {
        "resourceType": "ResearchSubject",
        "id": name,
        "meta": conforms_to("candidate-subject"),
        "extension": [
            {"url": GUIDANCE, "valueReference": {"reference": guidance}},
            {"url": PROPOSAL, "valueCode": verdict.decision.value},
        ],
        "identifier": [{"system": RESEARCH_SUBJECT, "value": name}],
        "status": verdict.decision.value,
        "study": {"reference": f"ResearchStudy/{verdict.study}"},
        "individual": reference(verdict.subject),
    }


WITHDRAWN = "withdrawn"
"""The status, of FHIR's own, of a subject whose patient's data were erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a ResearchSubject, as far as that question goes."""

    id: str | None
    status: str | None
    proposal: str | None
    based_on: str | None
    set_by_person: bool


def version_of(resource: Json) -> Version:
    """A version from its JSON. One that `withdrawn` has made has no proposal but its status."""
    extensions = {each.get("url"): each for each in resource.get("extension", ()) if isinstance(each, dict)}
    status, based_on = resource.get("status"), extensions.get(BASED_ON, {}).get("valueId")
    proposal = extensions.get(PROPOSAL, {}).get("valueCode")
    return Version(
        id=resource.get("meta", {}).get("versionId"),
        status=status,
        proposal=status if proposal is None and based_on is not None and status == WITHDRAWN else proposal,
        based_on=based_on,
        set_by_person=extensions.get(SET_BY_PERSON, {}).get("valueBoolean") is True,
    )


def settled_without_history(newest: Version) -> bool | None:
    """Whether the status is a person's, where the newest version alone tells; else None.

    A status other than the proposal is. One that a version written right after the one it is based on has, is not:
    that is how servers number that count versions from 1.
    """
    if newest.set_by_person or newest.proposal is None or newest.status != newest.proposal:
        return True
    if newest.id is not None and newest.id == _next(newest.based_on):
        return False
    return None


def is_persons(versions: Sequence[Version], *, complete: bool) -> bool:
    """Whether the status is a person's. `versions`: the newest first; `complete`: back to the creation.

    It is unless it came down, from a version of the adapter's own, through versions that left it as it was.
    """
    alone = settled_without_history(versions[0])
    if alone is not None:
        return alone
    for place, version in enumerate(versions):
        before = versions[place + 1] if place + 1 < len(versions) else None
        if before is None:
            return not (complete and version.based_on is None and version.proposal is not None)
        if version.proposal is not None and version.based_on == before.id:
            return False
        if version.status != before.status:
            return True
    return True


def _next(version: str | None) -> str | None:
    if version is None:
        return "1"
    return str(int(version) + 1) if version.isascii() and version.isdecimal() else None


ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_URI = "urn:ietf:rfc:3986"
_NOBODY: Json = {"extension": [{"url": ABSENT_REASON, "valueCode": "masked"}]}
_OURS = frozenset({GUIDANCE, PROPOSAL, BASED_ON, SET_BY_PERSON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A verdict as resources. `indicated`: a new ResearchSubject may be made of it."""

    study: str
    research_subject: Json
    guidance: Json
    indicated: bool

    @property
    def identifier(self) -> str:
        """The value by which the ResearchSubject is found again."""
        return str(self.research_subject["identifier"][0]["value"])


def proposal_of(verdict: Verdict) -> Proposal:
    """The proposal that a verdict is; the value sets of what is missing are published where it goes."""
    return Proposal(
        study=verdict.study,
        research_subject=research_subject(verdict),
        guidance=guidance_response(verdict, every_code=False),
        indicated=verdict.has_indication,
    )


_SEARCHED = 200
"""Characters of an identifier's parts by which servers search; HAPI FHIR's index holds no more."""


def is_searchable(system: str, value: str) -> bool:
    """Whether somebody can be found by an identifier."""
    return max(len(system), len(value)) <= _SEARCHED


def elsewhere(proposal: Proposal, record_url: str, identifiers: tuple[tuple[str, str], ...]) -> Proposal:
    """The proposal for a research server that does not hold the patient's record.

    The patient is named by an identifier of theirs, and evidence by its absolute URL, both as logical references: a
    relative one would hit another person there, and a server may refuse a literal one that it can't resolve. Ids are
    made of the absolute address, so that two record servers with the same ids don't meet.
    """
    subject = f"{record_url}/{_subject_of(proposal)}"
    system, value = next((each for each in identifiers if is_searchable(*each)), (_URI, subject))
    person = {"type": "Patient", "identifier": {"system": system, "value": value}}
    guidance = guidance_id(proposal.study, subject)
    name = research_subject_id(proposal.study, subject)
    found = {
        **proposal.research_subject,
        "id": name,
        "identifier": [{"system": RESEARCH_SUBJECT, "value": name}],
        "individual": person,
        "extension": [
            {"url": GUIDANCE, "valueReference": {"reference": f"GuidanceResponse/{guidance}"}}
            if each["url"] == GUIDANCE
            else each
            for each in proposal.research_subject["extension"]
        ],
    }
    said = {name: _absolute(content, record_url) for name, content in proposal.guidance.items()}
    return Proposal(
        study=proposal.study,
        research_subject=found,
        guidance={**said, "id": guidance, "subject": person},
        indicated=proposal.indicated,
    )


def _subject_of(proposal: Proposal) -> str:
    individual = proposal.research_subject["individual"]
    return str(individual.get("reference") or individual.get("display"))


def _absolute(content: Any, base: str) -> Any:  # noqa: ANN401  # JSON
    """The same JSON with references to the record server's resources as logical ones."""
    if isinstance(content, list):
        return [_absolute(each, base) for each in content]
    if not isinstance(content, dict):
        return content
    target = content.get("reference")
    if isinstance(target, str) and "/" in target and not target.startswith(("#", "urn:", "http")):
        rest = {name: each for name, each in content.items() if name != "reference"}
        return {**rest, "type": target.partition("/")[0], "identifier": {"system": _URI, "value": f"{base}/{target}"}}
    return {name: _absolute(each, base) for name, each in content.items()}


def updated(stands: Json, proposal: Proposal, study: str, version: str | None, *, by_person: bool) -> Json:
    """The ResearchSubject that stands there, with what is ours brought up to date; all else stays as people left it.

    `study`: the reference to the ResearchStudy on that server; `version`: the one that was read.
    """
    wanted = proposal.research_subject
    extensions = [each for each in stands.get("extension", ()) if each.get("url") not in _OURS]
    extensions += [each for each in wanted["extension"] if each["url"] in _OURS]
    if version is not None:
        extensions.append({"url": BASED_ON, "valueId": version})
    if by_person:
        extensions.append({"url": SET_BY_PERSON, "valueBoolean": True})
    meta = _meta(stands.get("meta", {}), wanted.get("meta", {}))
    made = {
        **stands,
        "meta": meta,
        "extension": extensions,
        "status": stands["status"] if by_person else wanted["status"],
        "study": {"reference": study},
        "individual": wanted["individual"],
    }
    return made if meta else {name: each for name, each in made.items() if name != "meta"}


def withdrawn(stands: Json, version: str | None, *, by_person: bool, subject: str | None) -> Json:
    """The ResearchSubject that stands there once the patient's data are erased: nothing of a verdict is left in it.

    Of the adapter's own, the status is `withdrawn` and nobody is named; if the patient comes back, it is the adapter's
    to move. A person's status stays, and so does whom it is about: `subject` is their address as a logical reference,
    where a literal one would lead nowhere.
    """
    extensions = [each for each in stands.get("extension", ()) if each.get("url") not in _OURS]
    if version is not None:
        extensions.append({"url": BASED_ON, "valueId": version})
    if by_person:
        extensions.append({"url": SET_BY_PERSON, "valueBoolean": True})
    profile = conforms_to("candidate-subject")["profile"]
    meta = _meta(stands.get("meta", {}), {})
    meta = {**meta, "profile": [each for each in meta.get("profile", ()) if each not in profile]}
    made = {**stands, "meta": {name: each for name, each in meta.items() if each}, "extension": extensions}
    if not by_person:
        made |= {"status": WITHDRAWN, "individual": _NOBODY}
    elif subject is not None and "reference" in stands.get("individual", {}):
        made["individual"] = {"type": "Patient", "identifier": {"system": _URI, "value": subject}}
    return {name: each for name, each in made.items() if each or name not in {"meta", "extension"}}


def _meta(stands: Json, wanted: Json) -> Json:
    """Tags and labels as they stand, and the profiles of both; the server sets the rest."""
    kept = {name: each for name, each in stands.items() if name in {"tag", "security"}}
    profiles = list(dict.fromkeys([*stands.get("profile", ()), *wanted.get("profile", ())]))
    return {**kept, "profile": profiles} if profiles else kept


def created(proposal: Proposal, study: str) -> Json:
    """A new ResearchSubject; the server gives it its id. Its guidance is not there yet to be referred to."""
    made = {name: each for name, each in proposal.research_subject.items() if name != "id"}
    follows = {"url": GUIDANCE, "valueReference": {"type": "GuidanceResponse", "display": "not written yet"}}
    extensions = [follows if each["url"] == GUIDANCE else each for each in made["extension"]]
    return {**made, "extension": extensions, "study": {"reference": study}}


def says_the_same(one: Json, other: Json) -> bool:
    """Whether two versions of a ResearchSubject or GuidanceResponse differ in when they were made at most."""
    return _lasting(one) == _lasting(other)


def _lasting(resource: Json) -> Json:
    lasting = {name: each for name, each in resource.items() if name not in {"meta", "occurrenceDateTime", "text"}}
    if "extension" in lasting:
        kept = [each for each in lasting["extension"] if each.get("url") != BASED_ON]
        lasting["extension"] = sorted(kept, key=lambda each: str(each.get("url")))
    if "contained" in lasting:
        lasting["contained"] = [_without_as_of(each) for each in lasting["contained"]]
    return lasting


def _without_as_of(contained: Json) -> Json:
    if "parameter" not in contained:
        return contained
    return {**contained, "parameter": [each for each in contained["parameter"] if each.get("name") != "asOf"]}


def found_again_by(name: str) -> str:
    """The search that finds the ResearchSubject with an identifier of ours."""
    return f"{RESEARCH_SUBJECT}|{name}"


def verdict_bundle(
    verdicts: Iterable[Verdict], failures: Iterable[Failure] = (), *, base: str = BASE, whole: bool = True
) -> Json:
    """A ResearchSubject and a GuidanceResponse for each verdict.

    For each failure an OperationOutcome, and a GuidanceResponse for each study that says that it failed. `base`: the
    server on which the fullUrls stand; by default our own name, since the answer is on no server. Unless `whole` is
    asked for, guidance has the decision without the criteria.
    """
    resources = [
        resource
        for verdict in verdicts
        for resource in (research_subject(verdict), guidance_response(verdict) if whole else decision_only(verdict))
    ]
    resources += [resource for failure in failures for resource in _failed(failure)]
    made: Json = {"resourceType": "Bundle", "meta": conforms_to("answer"), "type": "collection"}
    if resources:
        made["entry"] = [
            {"fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}", "resource": resource}
            for resource in resources
        ]
    return made


def _failed(failure: Failure) -> Iterator[Json]:
    yield {**operation_outcome([failure.issue]), "id": resource_id("OperationOutcome", failure.subject)}
    for study, version in failure.studies:
        yield failed_guidance(failure, study, version)
