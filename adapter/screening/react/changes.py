"""What a change of a resource touches: from the resource, through names, to the studies that read it. Pure.

A name is a value set that holds one of the resource's codes (`creatinine`), an attested criterion
(`attestation:<study>.<criterion>`), `unmapped:<Type>` for codes that no map knows, `unread:<Type>` for what can't be
read, or `Patient`, `Consent` and `Medication`. Beside these there are, for changes of our own, `everything`,
`study:<id>`, and `stands:<id>` for a study's ResearchSubject that is there already.

A notification decides which patient is evaluated, never what is found there: that is read from the FHIR server. Looking
up a change costs the same however many studies there are that it doesn't touch.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.reads import every_read
from adapter.record import read_record
from adapter.record.facts import PatientRecord, Source
from adapter.record.resources import Meta, PatientLink, Reference
from adapter.screening.setup import Setup
from adapter.screening.source.ownership import name_of

EVERYTHING = "everything"
PATIENT = "Patient"
CONSENT = "Consent"
MEDICATION = "Medication"


def attestation(code: str) -> str:
    """The name of an attested `<study>.<criterion>`."""
    return f"attestation:{code}"


def unmapped(type_: str) -> str:
    """The name of codes that no map knows."""
    return f"unmapped:{type_}"


def unread(type_: str) -> str:
    """The name of what can't be read."""
    return f"unread:{type_}"


def study(name: str) -> str:
    """The name of one study, whatever it reads."""
    return f"study:{name}"


def has_subject(name: str) -> str:
    """The name of one study, of which the patient has a ResearchSubject."""
    return f"stands:{name}"


def touched_by(record: PatientRecord) -> Mapping[str, frozenset[str]]:
    """What each resource of a record touches; resources that touch nothing are left out."""
    found: dict[str, set[str]] = {record.subject: {PATIENT}}

    def note(sources: Iterable[Source], name: str) -> None:
        for source in sources:
            found.setdefault(source.resource, set()).add(name)

    for facts in (record.observations, record.conditions, record.exposures, record.allergies):
        for value_set, held in facts.items():
            note((fact.source for fact in held), value_set)
    for code, said in record.attestations.items():
        note((fact.source for fact in said), attestation(code))
    note((fact.source for fact in record.consents), CONSENT)
    for entry in record.unmapped:
        found.setdefault(entry.resource, set()).add(unmapped(entry.type))
    for issue in record.issues:
        found.setdefault(issue.resource, set()).add(unread(issue.resource.partition("/")[0]))
    return {resource: frozenset(names) for resource, names in found.items()}


_DRUGS = frozenset({"MedicationAdministration", "MedicationStatement", "MedicationRequest", "MedicationDispense"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """The studies, by what touches them.

    `by_name`: names of `touched` -> studies. `index`: value sets any of which indicates a study's disease. `types`:
    resource types that any study reads.
    """

    by_name: Mapping[str, frozenset[str]]
    everything: frozenset[str]
    index: frozenset[str]
    types: frozenset[str]

    def known(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that some study reads."""
        return frozenset(name for name in names if name in self.by_name)

    def indicates(self, names: Iterable[str]) -> bool:
        """Whether one of the names indicates a study's disease."""
        return not self.index.isdisjoint(names)

    def studies(self, names: Iterable[str]) -> frozenset[str]:
        """The studies that a change of these names can touch."""
        return frozenset().union(*(self.by_name.get(name, frozenset()) for name in names))


def relevance_of(setup: Setup) -> Relevance:
    """What the studies read, under the policy."""
    by_name: dict[str, set[str]] = {}
    types: set[str] = set()
    for bound in setup.bounds:
        name = bound.definition.id
        read, reads_types = _reads(bound, setup)
        types |= reads_types
        special = (PATIENT, CONSENT, MEDICATION, EVERYTHING, study(name), has_subject(name))
        for each in (*read, *special, *(f(type_) for type_ in reads_types | {PATIENT} for f in (unmapped, unread))):
            by_name.setdefault(each, set()).add(name)
    return Relevance(
        by_name={name: frozenset(studies) for name, studies in by_name.items()},
        everything=frozenset(bound.definition.id for bound in setup.bounds),
        index=frozenset(name for bound in setup.bounds for name in bound.index_sets),
        types=frozenset(types | {PATIENT} | ({MEDICATION} if types & _DRUGS else set())),
    )


def _reads(bound: BoundDefinition, setup: Setup) -> tuple[set[str], set[str]]:
    """The names and the types that a study reads."""
    names: set[str] = set(bound.index_sets)
    for leaf in bound.definition.leaves():
        names |= every_read(leaf, setup.terminology, setup.policy)
    names.update(attestation(code) for _, criterion in bound.criteria for code in _attested(criterion))
    return names, set(bound.types)


def _attested(criterion: BoundCriterion) -> Iterable[str]:
    if criterion.attestation is not None:
        yield criterion.attestation
    for part in criterion.parts:
        yield from _attested(part)


_ID = r"[A-Za-z0-9.-]{1,64}"
_KEY = re.compile(rf"([A-Z][A-Za-z]{{1,63}})/({_ID})", re.ASCII)
_PATIENT = re.compile(rf"Patient/{_ID}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One resource that was created, changed or deleted.

    `patient`: whom it names, None if nothing says so. `touches`: what it touches (adapter.screening.react.changes);
    None: it is not known, and the resource must be read. `identifier`: system|value of a patient who is named by it
    alone. `merges`: a Patient that is linked to another.
    """

    resource: str
    patient: str | None = None
    touches: frozenset[str] | None = None
    identifier: str | None = None
    version: str | None = None
    updated: str | None = None
    deleted: bool = False
    merges: bool = False

    @property
    def type(self) -> str:
        """The resource type."""
        return self.resource.partition("/")[0]


class _Head(Struct, frozen=True, gc=False, rename="camel"):
    resource_type: str
    id: str | None = None
    meta: Meta | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    link: tuple[PatientLink, ...] = ()


_head = msgspec.json.Decoder(_Head)


def key_of(text: str) -> str | None:
    """Type/id of a reference or URL, relative or absolute, of a version or not; None if it is none."""
    name = name_of(text.partition("?")[0])
    return name if _KEY.fullmatch(name) else None


def change_of(raw: bytes, terminology: Terminology) -> ResourceChange:
    """What a resource in full says. Raises InputError where it is no resource with an id."""
    try:
        head = _head.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "not a FHIR resource"
        raise InputError(msg) from error
    key = f"{head.resource_type}/{head.id}"
    if head.id is None or not _KEY.fullmatch(key):
        msg = f"a {head.resource_type[:64]!r} without an id"
        raise InputError(msg)
    meta = head.meta or Meta()
    patient, touches = _owner(head, key), _touches(raw, key, head, terminology)
    return ResourceChange(
        resource=key,
        patient=patient,
        touches=touches if patient or head.resource_type == MEDICATION or _names_other(head) else None,
        identifier=_identifier(head),
        version=meta.versionId,
        updated=meta.lastUpdated,
        merges=any(link.type in {"replaced-by", "replaces"} for link in head.link),
    )


def _owner(head: _Head, key: str) -> str | None:
    if head.resource_type == PATIENT:
        return key
    reference = head.patient or head.subject
    name = name_of(reference.reference) if reference is not None and reference.reference else ""
    return name if _PATIENT.fullmatch(name) else None


def _identifier(head: _Head) -> str | None:
    reference = head.patient or head.subject
    if reference is None or reference.reference or reference.identifier is None or not reference.identifier.value:
        return None
    return f"{reference.identifier.system or ''}|{reference.identifier.value}"


def _names_other(head: _Head) -> bool:
    """Whether it names somebody or something that is no Patient: a Group, a Device, a Location."""
    reference = head.patient or head.subject
    name = name_of(reference.reference) if reference is not None and reference.reference else ""
    return bool(_KEY.fullmatch(name)) and not name.startswith("Patient/")


def _touches(raw: bytes, key: str, head: _Head, terminology: Terminology) -> frozenset[str]:
    """What the reader makes of it, beside a Patient of whom nothing else is known."""
    if head.resource_type in {PATIENT, MEDICATION}:
        return frozenset({head.resource_type})
    owner = (_owner(head, key) or "Patient/unknown").partition("/")[2]
    patient = msgspec.json.encode({"resourceType": "Patient", "id": owner})
    try:
        record = read_record(b"[" + patient + b"," + raw + b"]", terminology, subject=f"Patient/{owner}")
    except InputError:
        return frozenset({unread(head.resource_type)})
    return touched_by(record).get(key, frozenset())
