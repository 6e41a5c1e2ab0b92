"""FHIR R4 resources -> PatientRecord: decode each once, keep what some concept reads, name what can't be read."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.record import read_consent as consent
from adapter.record import read_observation as observation
from adapter.record import trust as quality
from adapter.record.bundle import Resource
from adapter.record.certainty import MODIFIED, donor_names, modified, without
from adapter.record.contents import LATER, Contents, contents_of
from adapter.record.copies import Copies
from adapter.record.decoded import Decoded, entries_of, whole
from adapter.record.drug_time import NEVER, Linked, dispute, linked, said_not_taken
from adapter.record.facts import (
    AllergyFact,
    ConditionFact,
    ConsentFact,
    EntryFact,
    EntryList,
    ExposureFact,
    Issue,
    Mention,
    ObservationFact,
    Source,
    Unmapped,
    by_resource,
)
from adapter.record.links import Panel, about_what, circumstances_of, keys_of_urns, panel, set_apart, with_circumstances
from adapter.record.listed import LISTED, Consent, Immunization, Readable
from adapter.record.patient_record import ANY_TYPE, PatientRecord
from adapter.record.plain_observation import PlainObservations
from adapter.record.r4_types import RESOURCE_TYPES
from adapter.record.read_condition import allergy_fact, allergy_sets, condition_fact, disbelieved, is_error, told
from adapter.record.read_entry import READERS as ENTRIES
from adapter.record.read_entry import entry_facts
from adapter.record.read_exposure import STATUSES, drug_fact, drug_named, immunization_fact, procedure_fact
from adapter.record.read_mentions import ROWS as MENTIONING
from adapter.record.read_mentions import lost_with, mentions, told_numbers
from adapter.record.read_words import is_silent
from adapter.record.references import Referable
from adapter.record.releases import of_other_releases
from adapter.record.resources import (
    ABSENT,
    AllergyIntolerance,
    CodeableConcept,
    Condition,
    Drug,
    Medication,
    MedicationDispense,
    MedicationRequest,
    Observation,
    Procedure,
    Reference,
    Specimen,
)
from adapter.record.subject import birth, birth_sex, clinical_sex, death, find_subject, gender, is_patients, person
from adapter.record.values import NOTHING, IssueCollector, frozen, is_known, once, unknown, unmapped, value_sets

F = TypeVar("F", ConditionFact, ExposureFact, AllergyFact)
_NO_STATUS = "not a code of status; taken as unknown"
_OF_PATIENT = {
    **dict.fromkeys(("Consent", "AllergyIntolerance", "Immunization", "Claim", "ExplanationOfBenefit"), "patient"),
    **{type_: reader.patient for type_, reader in ENTRIES.items()},
}
"""The element in which a type names its patient; for the others it is `subject`."""


def read_record(
    data: bytes | Contents,
    terminology: Terminology,
    *,
    subject: str | None = None,
    types: frozenset[str] | None = None,
) -> PatientRecord:
    """Read one patient's data from FHIR JSON (a Bundle of any type, a list of resources, one resource), opened or not.

    `subject` (an id or `Patient/id`) chooses among several patients. `types`: what the studies read
    (`BoundDefinition.types`); of the types that only some studies read, others are only counted. What can't be read is
    in the record's `issues`; codes that no map knows are in `unmapped`. Raises InputError where the input as a whole
    can't be read, or doesn't say which patient is meant.
    """
    return _Reader(terminology, contents_of(data) if isinstance(data, bytes) else data, subject, types).record()


class _Reader:
    """Collects one patient's facts; lives for one call."""

    def __init__(
        self, terminology: Terminology, contents: Contents, subject: str | None, types: frozenset[str] | None
    ) -> None:
        self.terminology, self.types = terminology, types
        self.entries, self.issues = entries_of(contents, types)
        others = self.entries.not_plain
        self.subject = find_subject(others, subject, self.issues)
        self.collector = IssueCollector(self.subject.reference, "Patient", self.issues)
        self.birth = birth(self.subject.patient, self.collector)
        self.other_types: Counter[str] = Counter()  # a generic type that is called, as Counter[str](), takes its time
        lacking = contents.lacking if types is None else contents.lacking & types
        self.unread = {*lacking} if self.subject.is_whole and not contents.problems else {ANY_TYPE}
        self.unread |= of_other_releases(self.entries.one_of_each, self.issues)
        self.issues += [Issue(each, each, "the source gave away none; there may be some") for each in lacking]
        self.medications: Referable[Medication] = Referable()
        self.specimens: Referable[Specimen] = Referable()
        self.observations: defaultdict[str, list[ObservationFact]] = defaultdict(list)
        self.attestations: defaultdict[str, list[ObservationFact]] = defaultdict(list)
        self.conditions: defaultdict[str, list[ConditionFact]] = defaultdict(list)
        self.all_conditions: list[ConditionFact] = []
        self.exposures: defaultdict[str, list[ExposureFact]] = defaultdict(list)
        self.all_exposures: list[ExposureFact] = []
        self.not_taken: list[ExposureFact] = []
        self.unsure_procedures: list[ExposureFact] = []
        self.immunizations: list[ExposureFact] = []
        self.allergies: defaultdict[str, list[AllergyFact]] = defaultdict(list)
        self.all_allergies: list[AllergyFact] = []
        self.unmapped: list[Unmapped] = []
        self.consents: list[ConsentFact] = []
        self.mentions: defaultdict[str, list[Mention]] = defaultdict(list)
        self.listed: defaultdict[EntryList, list[EntryFact]] = defaultdict(list)
        self.addresses = keys_of_urns(self.entries.sent)
        self.by_name: Referable[Callable[[], Decoded]] | None = None
        self._note_referable(others)
        self.namesake = donor_names(self.subject.patient, terminology)
        self.unsure, self.panels, self.copies = set[str](), list[Panel](), Copies()

    def record(self) -> PatientRecord:
        patient = self.subject.patient
        deceased, died = death(patient, self.collector)
        found = self.observations, self.attestations, self.unmapped
        plain = PlainObservations(self.terminology, self.subject, self.specimens, *found)
        lines = self.entries.lines()
        while (line := plain.take(lines)) is not None:
            entry = whole(line)
            if entry.problem is not None:
                self.issues.append(entry.problem)
                self.unread |= lost_with(entry.type, entry.problem.path)
                self.unsure.add(entry.key)
            if entry.resource is None:
                if entry.problem is None and entry.type in RESOURCE_TYPES:
                    self.other_types[entry.type] += 1
            elif (read := _READERS.get(entry.sent.type)) is not None and self._asked(entry.sent.type):
                self._read(entry.sent, entry.resource, read)
        set_apart(self.panels, self.addresses, self.observations, self.mentions)
        self.copies.settle(self.all_conditions, *self.conditions.values())
        self.copies.settle(self.all_allergies, *self.allergies.values())
        self.copies.settle(self.all_exposures, self.immunizations, *self.exposures.values())
        self.copies.settle_results(self.entries, self.observations)
        if denying := said_not_taken(self.not_taken, self.exposures, self.terminology):
            dispute((self.all_exposures, *self.exposures.values()), denying)
        return PatientRecord(
            subject=self.subject.reference,
            terminology=self.terminology.hash,
            types=self.types,
            unread=frozenset(self.unread),
            identifiers=self.subject.numbers,
            gender=gender(patient, self.collector),
            clinical_sex=clinical_sex(patient),
            birth_sex=birth_sex(patient),
            birth=self.birth,
            person=once(partial(person, patient)),  # what it reads is kept: times are known by their identity
            deceased=deceased,
            death=died,
            observations=frozen(self.observations),
            attestations=frozen(self.attestations),
            conditions={each: by_resource(held) for each, held in self.conditions.items()},
            all_conditions=by_resource(self.all_conditions),
            all_exposures=by_resource(self.all_exposures),
            not_taken=by_resource(self.not_taken),
            unsure_procedures=by_resource(self.unsure_procedures),
            all_allergies=by_resource([*self.all_allergies, *told(self.all_conditions, self.terminology)]),
            exposures={each: by_resource(held) for each, held in self.exposures.items()},
            allergies={each: by_resource(held) for each, held in self.allergies.items()},
            consents=tuple(self.consents),
            immunizations=by_resource(self.immunizations),
            entries={each: by_resource(held) for each, held in self.listed.items()},
            mentions=frozen(self.mentions),
            issues=tuple(sorted(set(self.issues))),
            unmapped=tuple(sorted(self.unmapped, key=lambda entry: entry.resource)),
            other_types=self.other_types,
        )

    def _note_referable(self, entries: Iterable[Decoded]) -> None:
        drugs: dict[str, Drug] = {}
        for entry, resource in ((each, each.resource) for each in entries):
            if isinstance(resource, Medication):
                self.medications.add(resource, entry.key, entry.sent.full_url)
            elif isinstance(resource, Specimen):
                self.specimens.add(resource, entry.key, entry.sent.full_url)
            elif isinstance(resource, MedicationDispense | MedicationRequest):
                drugs[entry.key] = resource
        self.linked: Linked = linked(drugs, self.subject.owns, self.addresses)

    def _note_mentions(self, type_: str, resource: Readable, source: Source, collector: IssueCollector) -> None:
        focus = resource.focus if isinstance(resource, Observation) else ()  # somebody or something else's
        if about_what(focus, self.subject, self.addresses, self._named) is None:
            return
        named, lost = mentions(type_, resource, source, self._named, self.terminology, collector)
        self.unread |= lost
        for mention, concept in ((each, concept) for each in named for concept in each.concepts):
            self.mentions[concept].append(mention)
        for analyte, said in told_numbers(type_, resource, source, self.terminology):
            self.observations[analyte].append(said)

    def _read(self, sent: Resource, resource: Readable, read: Callable[..., None]) -> None:
        collector = IssueCollector(sent.key, sent.type, self.issues)
        said = getattr(resource, name := _OF_PATIENT.get(sent.type, "subject"))
        if sent.type == "Device" and said is None:
            return  # a machine that measured something
        if is_patients(self.subject, said, collector, name, self.terminology, self.unread):
            source = Source(sent.key, sent.version)
            if self.namesake and said is not None:  # its display may name the patient, and no donor
                resource = msgspec.structs.replace(resource, **{name: without(said, self.namesake)})
            if (held := panel(resource, self.terminology, collector)) is not None:
                self.panels.append(held)
            if resource.modifierExtension is not ABSENT and modified(resource):
                self.unread.add(sent.type)
                collector.report("modifierExtension", MODIFIED)
                self.unsure.add(sent.key)
                if isinstance(resource, Observation):
                    resource = msgspec.structs.replace(resource, status="unknown")
                elif not isinstance(resource, Condition | Consent | Procedure):
                    read = _Reader.read_mentions
            read(self, resource, source, collector)
            if sent.type in MENTIONING and not is_silent(resource, self.terminology):
                self._note_mentions(sent.type, resource, source, collector)

    def _status(self, status: str | None, known: frozenset[str], collector: IssueCollector) -> bool:
        if status in known:
            return True
        self.unread.add(collector.type)
        collector.report("status", "missing; not read" if status is None else "not a code of status; not read")
        return False

    def _sets(self, source: Source, concept: CodeableConcept | None) -> frozenset[str]:
        if (sets := value_sets(concept, self.terminology)) is None:
            self.unmapped.append(unmapped(source.resource, concept))
        return sets or NOTHING

    def read_observation(self, resource: Observation, source: Source, collector: IssueCollector) -> None:
        if self.copies.note_result(resource, source.resource, self.terminology):
            return
        if resource.status not in observation.STATUSES:
            collector.report("status", "missing; taken as unknown" if resource.status is None else _NO_STATUS)
            resource = msgspec.structs.replace(resource, status="unknown")
        about = about_what(resource.focus, self.subject, self.addresses, self._named)
        if about is None:
            collector.report("focus", "about somebody or something else than the patient; not read")
            return
        resource = quality.derived(resource, self._named, collector)
        trust = None
        circumstances = circumstances_of(resource, self._named, self.addresses, self.terminology)
        for value, path, sets in observation.measured(resource, self.terminology):
            attested = observation.attested(value.code)
            named = NOTHING if sets or attested is not None else observation.sets_by_name(value.code, self.terminology)
            if sets is None and attested is None and observation.has_value(value):
                self.unmapped.append(unmapped(source.resource, value.code))
            if not (sets or named) and attested is None:
                continue
            trust = trust or quality.trust(resource, self.specimens, self.subject.owns, self.terminology)
            reliance = trust.unsure() if named else trust.of(sets, value.code, self.terminology)
            fact = observation.fact(value, path, resource, source, reliance, self.terminology, collector)
            if fact is None or (named and trust.bloodless):
                continue
            fact = with_circumstances(fact, about, circumstances)
            if attested is not None:
                self.attestations[attested].append(fact)
            for value_set in sets or named:
                self.observations[value_set].append(fact)

    def read_condition(self, resource: Condition, source: Source, collector: IssueCollector) -> None:
        if (error := is_error(resource.verificationStatus, self.terminology)) and not resource.identifier:
            return
        sets, words = self._sets(source, resource.code), self.terminology
        fact = condition_fact(resource, sets, source, self.birth, words, collector, self.addresses)
        fact = disbelieved(fact) if source.resource in self.unsure else fact
        if self.copies.note("Condition", resource.identifier, fact, error=error):
            return
        _file(fact, self.all_conditions, self.conditions)

    def read_drug(self, resource: Drug, source: Source, collector: IssueCollector) -> None:
        if not self._says(resource, collector) or (isinstance(resource, MedicationRequest) and resource.doNotPerform):
            return
        drug = drug_named(resource, self.medications, self.terminology)
        if drug.doubt is not None and resource.status not in NEVER:
            self.unread.add(collector.type)
            collector.report(*drug.doubt)
            return
        if not drug.known and resource.status not in NEVER:
            self.unmapped.append(unmapped(source.resource, drug.shown))
        fact = drug_fact(resource, drug, source, self.terminology, collector, self.addresses, self.linked)
        self._exposed(fact, resource, collector)

    def _says(self, resource: Drug | Immunization, collector: IssueCollector) -> bool:
        """Whether it says something: by its status, or beside a copy."""
        known = self._status(resource.status, STATUSES[collector.type], collector)
        return known and (resource.status not in NEVER or bool(resource.identifier))

    def _exposed(self, fact: ExposureFact, resource: Drug | Procedure, collector: IssueCollector) -> None:
        if self.copies.note(collector.type, resource.identifier, fact, error=resource.status in NEVER):
            return
        if fact.denied:
            self.not_taken.append(fact)
            return
        _file(fact, self.all_exposures, self.exposures)

    def read_procedure(self, resource: Procedure, source: Source, collector: IssueCollector) -> None:
        sure = not modified(resource) and self._status(resource.status, STATUSES["Procedure"], collector)
        if (resource.status in NEVER and not (sure and resource.identifier)) or not (sure or resource.focalDevice):
            return
        sets = self._sets(source, resource.code) if sure else NOTHING
        resource = resource if sure else msgspec.structs.replace(resource, status="unknown")
        fact = procedure_fact(resource, sets, source, self.terminology, collector, self.addresses)
        if sure:
            self._exposed(fact, resource, collector)
        else:
            self.unsure_procedures.append(fact)

    def read_immunization(self, resource: Immunization, source: Source, collector: IssueCollector) -> None:
        if not self._says(resource, collector):
            return
        sets = self._sets(source, resource.vaccineCode)
        fact = immunization_fact(resource, sets, source, self.terminology, collector)
        if self.copies.note("Immunization", resource.identifier, fact, error=resource.status in NEVER):
            return
        _file(fact, self.immunizations, self.exposures)

    def read_entry(self, resource: Readable, source: Source, collector: IssueCollector) -> None:
        reader = ENTRIES[collector.type]
        status = getattr(resource, reader.status)
        if status not in reader.statuses and (status is not None or reader.unsaid is None):
            self._status(status, frozenset(), collector)
            return
        for fact in entry_facts(collector.type, resource, source, self._named, self.terminology, collector):
            self.listed[reader.of].append(fact)
            if reader.of is not EntryList.PARTICIPATIONS and not is_known(fact.what, self.terminology):
                self.unmapped.append(unknown(source.resource, fact.what))

    def _named(self, reference: Reference | None) -> Readable | None:
        """The resource of the input that a reference names."""
        if reference is None or not reference.reference:
            return None
        if self.by_name is None:
            self.by_name = Referable()
            for line in self.entries.lines():
                sent, _, entry = line
                if sent.type in LATER or (entry is not None and entry.resource is not None):
                    self.by_name.add(once(partial(whole, line)), sent.key, sent.full_url)
        found = self.by_name.find(reference.reference)
        return None if found is None else found().resource

    def _asked(self, type_: str) -> bool:
        """Whether a type is read: one that only some studies read where they do."""
        return self.types is None or type_ in self.types or type_ not in _SOMETIMES

    def read_allergy(self, resource: AllergyIntolerance, source: Source, collector: IssueCollector) -> None:
        if (error := is_error(resource.verificationStatus, self.terminology)) and not resource.identifier:
            return
        sets = allergy_sets(resource, self.terminology)
        if sets is None and not error:
            self.unmapped.append(unmapped(source.resource, resource.code))
        fact = allergy_fact(resource, sets or NOTHING, source, self.terminology, collector)
        if self.copies.note("AllergyIntolerance", resource.identifier, fact, error=error):
            return
        _file(fact, self.all_allergies, self.allergies)

    def read_mentions(self, resource: Readable, source: Source, collector: IssueCollector) -> None:
        """Nothing but what it names."""

    def read_consent(self, resource: Consent, source: Source, collector: IssueCollector) -> None:
        if self._status(resource.status, consent.STATUSES, collector):
            self.consents.extend(consent.consent_facts(resource, source, self.terminology, collector))


def _file(fact: F, whole: list[F], by_set: dict[str, list[F]]) -> None:
    whole.append(fact)
    for value_set in fact.value_sets:
        by_set[value_set].append(fact)


_READERS: dict[str, Callable[..., None]] = {
    **dict.fromkeys(MENTIONING, _Reader.read_mentions),
    "Observation": _Reader.read_observation,
    "Condition": _Reader.read_condition,
    "MedicationAdministration": _Reader.read_drug,
    "MedicationStatement": _Reader.read_drug,
    "MedicationRequest": _Reader.read_drug,
    "MedicationDispense": _Reader.read_drug,
    "Procedure": _Reader.read_procedure,
    "AllergyIntolerance": _Reader.read_allergy,
    "Consent": _Reader.read_consent,
    "Immunization": _Reader.read_immunization,
    **dict.fromkeys(ENTRIES, _Reader.read_entry),
}
_SOMETIMES = (LISTED - {"Immunization"}).union(ENTRIES)
"""What is read only where some study asks for it."""
