"""Whom and what a request of `$evaluate` asks about: studies, patients, and the data there are of them.

A study is named by its id, by a reference to its ResearchStudy, or by a canonical of ours; patients by references to
Patients, or to Groups in the sent data or on the patients' server.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import msgspec
from msgspec import Struct

from adapter.criteria.model import TrialDefinition
from adapter.errors import AbsentError, AdapterError, InputError, UnknownStudyError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.client import together
from adapter.fhir.elements import BASE
from adapter.fhir.patients import Selection, fetch_record, listed_patients
from adapter.record.bundle import Resource
from adapter.record.contents import Contents, merged
from adapter.record.decoded import entries_of
from adapter.record.references import Referable, base_of, name_of
from adapter.record.resources import Reference
from adapter.record.subject import find_subject
from adapter.screening.setup import choose
from adapter.service.errors import NotSupportedError, ParameterError, TooCostlyError, TooSlowError, UnknownPatientError
from adapter.service.limits import Hold
from adapter.service.operation import EvaluateRequest

_FORM = re.compile(
    rf"(?:(?:https?://[^|?#]+/)?ResearchStudy/(?P<reference>[^/|]+)(?:/_history/[^/|]+)?"
    rf"|{re.escape(BASE)}/PlanDefinition/(?P<plan>[^/|]+)-eligibility"
    r"|(?P<id>[^/|]+))(?:\|(?P<version>.+))?"
)


def chosen(
    definitions: tuple[TrialDefinition, ...], asked: Sequence[str], instance: str | None = None
) -> tuple[TrialDefinition, ...]:
    """The asked definitions in the order asked; all of them if none is asked, `instance` alone if the URL names it.

    Raises UnknownStudyError, and ParameterError where a parameter names another study than the URL.
    """
    known = {definition.id: definition for definition in definitions}
    ids = [_study_id(text, known) for text in asked]
    if instance is not None:
        if any(each != instance for each in ids):
            msg = f"study names another study than the URL ({instance}); leave the parameter out"
            raise ParameterError(msg, expression="study")
        ids = [instance]
    return choose(definitions, ids)


def _study_id(text: str, known: dict[str, TrialDefinition]) -> str:
    found = _FORM.fullmatch(text)
    if found is None:
        raise _unknown_study(text, known)
    name = found["reference"] or found["plan"] or found["id"]
    if name not in known:
        raise _unknown_study(text, known)
    if found["version"] is not None and found["version"] != known[name].version:
        msg = f"no version {found['version'][:64]!r} of the study {name}; known is {known[name].version}"
        raise UnknownStudyError(msg)
    return name


def _unknown_study(text: str, known: Iterable[str]) -> UnknownStudyError:
    return UnknownStudyError(f"no study {text[:128]!r}; known are {', '.join(sorted(known))}")


class _Member(Struct, frozen=True):
    entity: Reference | None = None
    inactive: bool = False


class _Group(Struct, frozen=True):
    member: tuple[_Member, ...] = ()


_group = msgspec.json.Decoder(_Group)


def patients_asked(asked: Iterable[str], data: Contents, base: str | None = None) -> tuple[str, ...]:
    """The keys (Type/id) of the asked patients, each once, in the order asked; members stand for their Group.

    `base`: of the patients' server, which absolute references may name. Whether a named patient is in the data shows
    when the record is read. Raises ParameterError for a reference to something else or to another server,
    UnknownPatientError for a Group that the data don't hold.
    """
    held = _referable(data)
    return tuple(dict.fromkeys(key for text in asked for key in _keys(text, held, base)))


def group_elsewhere(text: str, data: Contents | None, base: str) -> str | None:
    """The key (Group/id) that a reference names, if it is to a Group that the data don't hold."""
    named, key = _named(text, _referable(data or Contents()), base)
    return key if named is None and key.startswith("Group/") else None


def _referable(data: Contents) -> Referable[Resource]:
    found: Referable[Resource] = Referable()
    for each in data.resources:
        if each.type in {"Patient", "Group"}:
            found.add(each, each.key, each.full_url)
    return found


def _named(text: str, held: Referable[Resource], base: str | None) -> tuple[Resource | None, str]:
    """What a reference (or a Patient's bare id) names in the data, and its key, there or on the server."""
    full = text if "/" in text or text.startswith("urn:") else f"Patient/{text}"
    named, there = held.find(full), base_of(full)
    foreign = there is not None and there != base
    if named is not None and not (foreign and base is not None and base_of(named.full_url or "") != there):
        return named, named.key
    if foreign:
        msg = f"{text[:128]!r} is neither in the data nor on the configured server; ask the server that it names"
        raise ParameterError(msg, expression="subject")
    return None, name_of(full)


def only_patient(data: Contents) -> str:
    """The key of the one patient of the data. Raises InputError if there are several, or none."""
    return find_subject(entries_of(data, frozenset())[0].not_plain, None, []).reference


def holds_patient(key: str, data: Contents) -> bool:
    """Whether the data hold this Patient, readable or not."""
    return any(each.key == key for each in data.resources)


def _keys(text: str, held: Referable[Resource], base: str | None, within: str | None = None) -> Iterator[str]:
    """Whom a reference names; `within`: the Group whose member it is."""
    named, key = _named(text, held, base)
    kind = named.type if named is not None else key.partition("/")[0]
    if kind == "Patient":
        yield key
    elif kind == "Group" and within is not None:
        msg = f"{within} holds other Groups; ask for each of them by itself"
        raise InputError(msg)
    elif kind == "Group" and named is not None:
        for member in _members(named):
            yield from _keys(member, held, base, named.key)
    elif kind == "Group" or key.startswith("urn:"):
        msg = f"{text[:128]!r} is not in the data; add it, or name the patients themselves"
        raise UnknownPatientError(msg)
    else:
        msg = f"{text[:128]!r} is no reference to a Patient or a Group; write Patient/<id>"
        raise ParameterError(msg, expression="subject")


def _members(group: Resource) -> list[str]:
    try:
        members = _group.decode(group.raw).member
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{group.key} can't be read: {error}"
        raise InputError(msg) from error
    found = [each.entity.reference for each in members if not each.inactive and each.entity and each.entity.reference]
    if not found:
        msg = f"{group.key} has no active member; name the patients themselves"
        raise InputError(msg)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSubjects:
    """Keys (Type/id) of the asked patients, Groups that the sent data don't hold among them, and the sent data.

    `alone`: one patient was asked about, so what goes wrong with them is the answer.
    """

    asked: tuple[str, ...]
    alone: bool
    sent: Contents | None

    @property
    def keys(self) -> tuple[str, ...]:
        """Everyone whom the request is about: who is asked about, and all Patients of the sent data."""
        return (*self.asked, *_patients_in(self.sent))


def _patients_in(data: Contents | None) -> list[str]:
    """A link in the data may lead from one to another."""
    return [each.key for each in data.resources if each.type == "Patient"] if data is not None else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The patients to evaluate, and their data.

    `subjects`: keys (Type/id), None for the one patient of the sent data. `alone`: as in Whom. `held`: what a server
    has of a subject, or why that could not be read; nothing of those whom it doesn't know.
    """

    subjects: tuple[str | None, ...]
    alone: bool
    sent: Contents | None
    held: Mapping[str | None, Contents | AdapterError] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Everyone whom the request is about: the subjects, and all Patients of the sent data."""
        return (*(each for each in self.subjects if each is not None), *_patients_in(self.sent))

    def data(self, subject: str | None) -> Contents:
        """The record to evaluate. Raises what went wrong with it, UnknownPatientError if there is none."""
        held = self.held.get(subject)
        if isinstance(held, AdapterError):
            raise held
        if held is not None:
            return held if self.sent is None else merged(self.sent, held)
        if self.sent is None:
            msg = f"{str(subject)[:128]!r} is not on the server; check the id, or send the record as data"
            raise UnknownPatientError(msg)
        return self.sent


def sent_records(asked: EvaluateRequest, max_subjects: int) -> Records:
    """The records of a request for which no server is asked.

    Raises ParameterError, NotSupportedError, TooCostlyError, and UnknownPatientError for a Group that is not there.
    """
    if asked.use_server_data:
        msg = "useServerData: no FHIR server is configured; send the patient's record as data"
        raise NotSupportedError(msg)
    if asked.data is None:
        why = (
            "useServerData is false" if asked.use_server_data is False else "no FHIR server is configured to ask for it"
        )
        msg = f"no data: {why}; POST the patient's record as data (a Bundle)"
        if asked.subjects:
            raise NotSupportedError(msg)
        raise ParameterError(msg, code="required", expression="data")
    if not asked.subjects:
        return Records(subjects=(None,), alone=True, sent=asked.data)
    subjects = patients_asked(asked.subjects, asked.data)
    check_number(subjects, max_subjects)
    return Records(subjects=subjects, alone=len(asked.subjects) == len(subjects) == 1, sent=asked.data)


def asked_subjects(asked: EvaluateRequest, base: str) -> AskedSubjects:
    """Whom a request asks about, for which a server (`base`) is asked too.

    Raises ParameterError where that is nobody, InputError where the data hold several patients and none is named.
    """
    if asked.data is None and not asked.subjects:
        msg = "nobody is asked about: name a subject (a Patient or a Group), or send a record as data"
        raise ParameterError(msg, code="required", expression="subject")
    if asked.data is not None and not asked.subjects:
        return AskedSubjects(asked=(only_patient(asked.data),), alone=True, sent=asked.data)
    found: list[str] = []
    for text in asked.subjects:
        group = group_elsewhere(text, asked.data, base)
        found += [group] if group else patients_asked([text], asked.data or Contents(), base)
    alone = len(asked.subjects) == 1 and not (found and found[0].startswith("Group/"))
    return AskedSubjects(asked=tuple(found), alone=alone and len(found) == 1, sent=asked.data)


def check_number(subjects: Sequence[str], max_subjects: int) -> None:
    """Raises TooCostlyError for more subjects than one request may ask about."""
    if len(subjects) > max_subjects:
        msg = f"{len(subjects)} patients are more than the {max_subjects} of one request; ask in parts"
        raise TooCostlyError(msg)


async def server_records(
    asked: AskedSubjects, client: FhirClient, types: frozenset[str], max_subjects: int, seconds: float, hold: Hold
) -> Records:
    """The records of a request: what was sent, and what the server holds of resources of some types.

    Raises TooCostlyError for more than `max_subjects`, TooSlowError after so many seconds, UnknownPatientError for a
    Group that is nowhere, BusyError where there is no room to hold it all. What goes wrong with one patient stands in
    the answer for that one.
    """
    try:
        with anyio.fail_after(max(0.0, seconds)):
            return await _fetched(asked, client, types, max_subjects, hold)
    except TimeoutError as error:
        msg = "the FHIR server's answers take longer than one request may; ask for fewer patients, or later"
        raise TooSlowError(msg) from error


async def _fetched(
    asked: AskedSubjects, client: FhirClient, types: frozenset[str], max_subjects: int, hold: Hold
) -> Records:
    found: list[str] = []
    for each in asked.asked:
        is_group = each.startswith("Group/")
        found += [f"Patient/{id_}" for id_ in await _group_members(client, each)] if is_group else [each]
    subjects = tuple(dict.fromkeys(found))
    check_number(subjects, max_subjects)
    held = await together([_held(client, subject, types, hold) for subject in subjects])
    known: dict[str | None, Contents | AdapterError] = {}
    known.update((subject, data) for subject, data in zip(subjects, held, strict=True) if data is not None)
    return Records(subjects=subjects, alone=asked.alone, sent=asked.sent, held=known)


async def _group_members(client: FhirClient, group: str) -> list[str]:
    try:
        return list(await listed_patients(client, Selection(group=group.partition("/")[2])))
    except AbsentError as error:
        msg = f"{group[:128]!r} is neither in the data nor on the server; check the id"
        raise UnknownPatientError(msg) from error


async def _held(client: FhirClient, subject: str, types: frozenset[str], hold: Hold) -> Contents | AdapterError | None:
    type_, _, id_ = subject.partition("/")
    if type_ != "Patient":  # a URN, or a place in the data
        return None
    try:
        found = await fetch_record(client, id_, types)
    except AbsentError:
        return None
    except AdapterError as error:
        return error
    hold.add(sum(len(each.raw) for each in found.resources))
    return found
