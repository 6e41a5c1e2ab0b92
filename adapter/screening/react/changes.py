"""What a change of a resource touches: from the resource, through names, to the studies that read it. Pure.

A name is a value set that holds one of the resource's codes (`creatinine`), `entry:<Type>` for an entry of a list that
is read whole, an attested criterion (`attestation:<study>.<criterion>`), `unmapped:<Type>` for codes that no map knows,
`unread:<Type>` for what can't be read, or `Patient`, `Consent` and `Medication`. Beside these there are, for changes of
our own, `everything`, `study:<id>`, and `stands:<id>` for a study's ResearchSubject that is there already.

A notification decides which patient is evaluated, never what is found there: that is read from the FHIR server. Looking
up a change costs the same however many studies there are that it doesn't touch.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import CONDITION, LIST_TYPES, OF_MEDICATION, PERSON, lists, resource_types, touched
from adapter.record import read_record
from adapter.record.bundle import Entry, Resource, resource_of
from adapter.record.contents import Contents
from adapter.record.facts import Source
from adapter.record.patient_record import PatientRecord
from adapter.record.references import is_key, key_of, links_of, owner_of
from adapter.screening.setup import Setup

EVERYTHING = "everything"
PATIENT = "Patient"
CONSENT = "Consent"
MEDICATION = "Medication"


def attestation(code: str) -> str:
    """The name of an attested `<study>.<criterion>`."""
    return f"attestation:{code}"


def entry(type_: str) -> str:
    """The name of an entry of a list, whatever its code: one that no value set holds may matter too."""
    return f"entry:{type_}"


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
    for concept, named in record.mentions.items():
        note((each.source for each in named), concept)
    for code, said in record.attestations.items():
        note((fact.source for fact in said), attestation(code))
    note((fact.source for fact in record.consents), CONSENT)
    note((fact.source for fact in record.all_conditions), entry("Condition"))
    for each in record.unmapped:
        found.setdefault(each.resource, set()).add(unmapped(each.type))
    for issue in record.issues:
        found.setdefault(issue.resource, set()).add(unread(issue.resource.partition("/")[0]))
    for resource, names in found.items():
        names.update(_entry(resource.partition("/")[0]))
    return {resource: frozenset(names) for resource, names in found.items()}


def _entry(type_: str) -> frozenset[str]:
    return frozenset({entry(type_)} if type_ in LIST_TYPES else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """The studies, by what touches them.

    `by_name`: names of `touched` -> studies. `index`: value sets any of which indicates a study's disease, or the
    Patient, where that alone may be enough; `index_types`: the resource types of what indicates. `types`: resource
    types that any study reads.
    """

    by_name: Mapping[str, frozenset[str]]
    everything: frozenset[str]
    index: frozenset[str]
    index_types: frozenset[str]
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
        index=frozenset(name for bound in setup.bounds for name in _index(bound, setup)),
        index_types=frozenset(type_ for bound in setup.bounds for type_ in _index_types(bound, setup)),
        types=frozenset(types | {PATIENT} | ({MEDICATION} if types & OF_MEDICATION else set())),
    )


def _index(bound: BoundDefinition, setup: Setup) -> Iterator[str]:
    yield from bound.index_sets
    if PATIENT in _index_types(bound, setup):
        yield PATIENT


def _index_types(bound: BoundDefinition, setup: Setup) -> frozenset[str]:
    """The resource types in which one finds who is worth screening for a study."""
    if isinstance(bound.definition.index, tuple):
        return CONDITION.types
    reads = [read for leaf in bound.definition.index_leaves() for read in reads_of(leaf, setup.terminology.catalogue)]
    by_person = not reads or any(read.data is PERSON for read in reads)
    return resource_types(reads) | ({PATIENT} if by_person else frozenset())


def _reads(bound: BoundDefinition, setup: Setup) -> tuple[set[str], set[str]]:
    """The names and the types that a study reads."""
    names: set[str] = set(bound.index_sets)
    for leaf in (*bound.definition.leaves(), *bound.definition.index_leaves()):
        reads = reads_of(leaf, setup.terminology.catalogue)
        names |= touched(reads, setup.policy) | {entry(type_) for type_ in lists(reads)}
    names.update(attestation(code) for _, criterion in bound.criteria for code in _attested(criterion))
    return names, set(bound.types)


def _attested(criterion: BoundCriterion) -> Iterable[str]:
    if criterion.attestation is not None:
        yield criterion.attestation
    for part in criterion.parts:
        yield from _attested(part)


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


def change_of(sent: bytes | Resource, terminology: Terminology) -> ResourceChange:
    """What a resource in full says. Raises InputError where it is no resource with an id."""
    try:
        resource = sent if isinstance(sent, Resource) else resource_of(sent)
        named = owner_of(resource).patient or ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "not a FHIR resource"
        raise InputError(msg) from error
    key, kind = resource.key, resource.type
    if not is_key(key):
        msg = f"a {kind[:64]!r} without an id"
        raise InputError(msg)
    owner = key if kind == PATIENT else named if is_key(named) and named.startswith(f"{PATIENT}/") else None
    whose = owner is not None or kind == MEDICATION or is_key(named)  # somebody's, or nobody's: a Group, a Device
    return ResourceChange(
        resource=key,
        patient=owner,
        touches=_touches(resource, owner, terminology) if whose else None,
        identifier=named if "|" in named else None,
        version=resource.version,
        updated=resource.last_updated,
        merges=any(link.type in {"replaced-by", "replaces"} for link in links_of(resource)),
    )


def change_in(entry: Entry, terminology: Terminology) -> ResourceChange | None:
    """What an entry of a Bundle says has changed; None: something has, and it doesn't say what.

    What stands there as a patch is no resource that has changed. Of one that can't be read the name is enough.
    """
    named = next(_keys(entry), None)
    method = entry.request.method if entry.request is not None else None
    if method == "DELETE":
        return ResourceChange(resource=named, deleted=True) if named else None
    if entry.resource and method != "PATCH":
        try:
            return change_of(bytes(entry.resource), terminology)
        except InputError:
            pass
    return ResourceChange(resource=named) if named else None


def _keys(entry: Entry) -> Iterator[str]:
    """The names that an entry gives its resource, the surest first."""
    located = entry.response.location if entry.response is not None else None
    asked = entry.request.url if entry.request is not None and entry.request.method != "POST" else None
    for text in (located, asked, entry.full_url):
        key = key_of(text) if text and "?" not in text else None
        if key is not None:
            yield key


def _touches(resource: Resource, owner: str | None, terminology: Terminology) -> frozenset[str]:
    """What the reader makes of it, beside a Patient of whom nothing else is known."""
    if resource.type in {PATIENT, MEDICATION}:
        return frozenset({resource.type})
    key = owner or f"{PATIENT}/unknown"
    patient = resource_of(msgspec.json.encode({"resourceType": PATIENT, "id": key.partition("/")[2]}))
    try:
        record = read_record(Contents((patient, resource)), terminology, subject=key)
    except InputError:
        return frozenset({unread(resource.type)})
    return touched_by(record).get(resource.key, _entry(resource.type))
