"""Which Patient a record is of, and which references point to them (CONFORMANCE: Time, `replaced-by`)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.record.bundle import Resource
from adapter.record.certainty import MODIFIED, modified
from adapter.record.contents import Contents
from adapter.record.decoded import Decoded, entries_of
from adapter.record.facts import Issue
from adapter.record.patient_record import AddressFact, MaritalStatus, Person, Spoken
from adapter.record.references import Referable
from adapter.record.resources import Address, CodeableConcept, Communication, Patient, Reference
from adapter.record.values import IssueCollector, first_code, period, title
from adapter.record.when import When

T = TypeVar("T")
_SEX = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
_SEXES = {"female-typical": "female", "male-typical": "male"}
_NO_PATIENT = "none; send the Patient too"
_WEST, _EAST = timedelta(hours=-12), timedelta(hours=14)
"""The widest offsets from UTC in use."""
_CODED_SEXES = frozenset(
    {
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex",
        "http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex",
    }
)
_RECORDED_SEX = "http://hl7.org/fhir/StructureDefinition/individual-recordedSexOrGender"
_UNSAID = "unsaid"
_SEX_CODES = {
    **dict.fromkeys(("F", "female", "248152002"), "female"),
    **dict.fromkeys(("M", "male", "248153007"), "male"),
    **dict.fromkeys(("UNK", "ASKU", "NI", "unknown", "asked-declined", "asked-unknown"), _UNSAID),
}
"""Codes of v3-AdministrativeGender, administrative-gender, SNOMED CT, and what says that nothing is said."""
_GENDERS = frozenset({"male", "female", "other", "unknown"})


class Subject(Struct, frozen=True, gc=False):
    """The patient, with everything by which resources may refer to them.

    `is_whole`: nobody has replaced them whose data the input does not hold.
    """

    reference: str
    patient: Patient
    names: Referable[str]
    identifiers: frozenset[tuple[str | None, str]]
    is_whole: bool

    @property
    def numbers(self) -> tuple[tuple[str, str], ...]:
        """The Patient's own identifiers, as (system, value)."""
        return tuple([(each.system, each.value) for each in self.patient.identifier if each.system and each.value])

    def owns(self, reference: Reference | None) -> bool | None:
        """Whether a reference points to the patient; None if there is none, or only the patient's bare id."""
        if reference is None or (reference.reference is None and reference.identifier is None):
            return None
        if reference.reference is None:
            identifier = reference.identifier
            return identifier is not None and (identifier.system, identifier.value or "") in self.identifiers
        owned = self.names.find(reference.reference) == self.reference
        return None if not owned and f"Patient/{reference.reference}" == self.reference else owned

    def may_own(self, reference: Reference) -> bool:
        """Whether a reference by a number may be the patient's: nobody says which number of its system they have."""
        if reference.reference is not None or reference.identifier is None:
            return False
        return all(system != reference.identifier.system for system, _ in self.identifiers)


def is_patients(
    subject: Subject,
    reference: Reference | None,
    collector: IssueCollector,
    name: str,
    terminology: Terminology,
    unread: set[str],
) -> bool:
    """Whether what refers so is the patient's; what may be is not read, and its type added to `unread`."""
    owned = subject.owns(reference)
    if owned is None and not (reference and terminology.writing.is_of_another(reference.display or "")):
        collector.report(name, "names nobody; taken as the patient's")
        return True
    if not owned and reference is not None and subject.may_own(reference):
        unread.add(collector.type)
        collector.report(name, "a number of a system of which the Patient has none; not read")
    elif not owned:
        collector.report(name, "another's data; not read")
    return bool(owned)


def subject_of(contents: Contents) -> Subject:
    """The only patient of an input, of which nothing else is read. Raises InputError as `find_subject` does."""
    people = tuple([each for each in contents.resources if each.type == "Patient"])
    entries, issues = entries_of(msgspec.structs.replace(contents, resources=people))
    return find_subject(entries.not_plain, None, issues)


def find_subject(entries: Iterable[Decoded], asked: str | None, issues: list[Issue]) -> Subject:
    """The asked patient, or the only one; one that is replaced by another is followed to it.

    Raises InputError if there is none, or if several remain.
    """
    people = [
        (entry.sent, entry.resource)
        for entry in entries
        if entry.resource is not None and isinstance(entry.resource, Patient)
    ]
    patients = {each.key: patient for each, patient in people}
    sent = [each for each, _ in people]
    names = _referable((each, each.key) for each in sent)
    follow = {key: _replacement(patient, key, names) for key, patient in patients.items()}
    survivors = _survivors(follow)
    key = survivors[_asked(asked, entries, survivors)]
    patient = patients[key]
    is_whole = follow[key] is not None or not any(link.type == "replaced-by" for link in patient.link)
    if not is_whole:
        message = "replaced by a Patient that is not in the input; ask for that one"
        issues.append(Issue(key, "Patient.link", message))
    own = names if len(survivors) == 1 else _referable((each, survivors[each.key]) for each in sent)
    identifiers = _identifiers(each for name, each in patients.items() if survivors[name] == key)
    return Subject(key, _believed(patient, IssueCollector(key, "Patient", issues)), own, identifiers, is_whole)


def _referable(patients: Iterable[tuple[Resource, str]]) -> Referable[str]:
    """Patients by all of their names, with the key that each name stands for."""
    found: Referable[str] = Referable()
    for sent, key in patients:
        found.add(key, sent.key, sent.full_url)
    return found


def _asked(asked: str | None, entries: Iterable[Decoded], survivors: Mapping[str, str]) -> str:
    """The key of the asked patient, or of the only one that no other has replaced."""
    unreadable = {entry.key: entry.problem for entry in entries if entry.problem and entry.type == "Patient"}
    key = "" if asked is None else asked if "/" in asked else f"Patient/{asked}"
    if asked is None:
        current = [each for each, last in survivors.items() if last == each]
    else:
        current = [key] if key in survivors else []
    if len(current) == 1 and (asked is not None or not unreadable):
        return current[0]
    if asked is not None:
        advice = f"{key} is not in the input; it holds {len(survivors)} Patient resources"
    else:
        several = ", ".join(sorted(current)[:5])
        known = f"{len(current)}: {several}; send one alone, or name one as the subject" if current else _NO_PATIENT
        advice = f"the input must hold one Patient, it holds {known}"
    for each, problem in unreadable.items():
        if asked is None or each == key:
            advice = f"{each} can't be read: {problem.path}: {problem.message}"
    raise InputError(advice)


def _survivors(follow: Mapping[str, str | None]) -> dict[str, str]:
    """Of each patient the one at the end of their replacements; of a circle, the one with the smallest name."""
    found: dict[str, str] = {}
    for start in follow:
        chain: dict[str, None] = {}
        each: str | None = start
        last = start
        while each is not None and each not in found and each not in chain:
            chain[each] = None
            last, each = each, follow[each]
        if each is None:
            end = last
        elif each in found:
            end = found[each]
        else:
            round_ = list(chain)
            end = min(round_[round_.index(each) :])
        found.update(dict.fromkeys(chain, end))
    return found


def _identifiers(patients: Iterable[Patient]) -> frozenset[tuple[str | None, str]]:
    return frozenset((each.system, each.value) for patient in patients for each in patient.identifier if each.value)


def _replacement(patient: Patient, key: str, names: Referable[str]) -> str | None:
    """The Patient of the input that replaced this one."""
    for link in patient.link:
        target = link.other.reference if link.other and link.type == "replaced-by" else None
        found = names.find(target) if target else None
        if found is not None and found != key:
            return found
    return None


def birth(patient: Patient, collector: IssueCollector) -> When | None:
    """Patient.birthDate. With a time of day, which it can't have, it is any of the days that this is somewhere."""
    found = collector.when(patient.birthDate, "birthDate")
    if found is None or "T" not in found.text:
        return found
    collector.report("birthDate", "a date has no time of day; its day is that of any time zone")
    if found.moment is None:
        return found
    first, last = (found.moment + offset for offset in (_WEST, _EAST))
    return When(found.text, first.date(), last.date())


def _believed(patient: Patient, collector: IssueCollector) -> Patient:
    """The Patient; of one with a modifierExtension no more than who it is, and a death: no dead are candidates."""
    if not modified(patient):
        return patient
    collector.report("modifierExtension", MODIFIED)
    return Patient(
        identifier=patient.identifier,
        deceasedBoolean=patient.deceasedBoolean,
        deceasedDateTime=patient.deceasedDateTime,
    )


def gender(patient: Patient, collector: IssueCollector) -> str | None:
    """Patient.gender, where it is one of FHIR's codes."""
    if patient.gender is not None and patient.gender not in _GENDERS:
        collector.report("gender", "not a code of gender; taken as not given")
        return None
    return patient.gender


def clinical_sex(patient: Patient) -> str | None:
    """The sex parameter for clinical use, as `female` or `male`, where it is recorded and says so."""
    for extension in patient.extension:
        if extension.url == _SEX:
            for part in extension.extension:
                for coding in part.valueCodeableConcept.coding if part.valueCodeableConcept else ():
                    if part.url == "value" and coding.code in _SEXES:
                        return _SEXES[coding.code]
    return None


def birth_sex(patient: Patient) -> str | None:
    """What is recorded of the sex beside the gender, mostly of that at birth: `female`, `male`; None where nothing is.

    Anything else that is recorded, and sexes that differ, are `other`.
    """
    found = {_SEX_CODES.get(code, "other") for code in _recorded_sexes(patient)} - {_UNSAID}
    return None if not found else found.pop() if len(found) == 1 else "other"


def _recorded_sexes(patient: Patient) -> Iterator[str]:
    for extension in patient.extension:
        if extension.url in _CODED_SEXES and extension.valueCode:
            yield extension.valueCode
        if extension.url == _RECORDED_SEX:
            for part in extension.extension:
                if part.url == "value" and part.valueCodeableConcept is not None:
                    yield from (coding.code for coding in part.valueCodeableConcept.coding if coding.code)


def death(patient: Patient, collector: IssueCollector) -> tuple[bool, When | None]:
    """Whether the patient is known to have died, and when; an unreadable date of death is a death all the same."""
    when = collector.when(patient.deceasedDateTime, "deceasedDateTime")
    return patient.deceasedBoolean is True or patient.deceasedDateTime is not None, when


_addresses = msgspec.json.Decoder(tuple[Address, ...])
_communications = msgspec.json.Decoder(tuple[Communication, ...])
_concept = msgspec.json.Decoder(CodeableConcept)
_LANGUAGES = ("urn:ietf:bcp:47", "urn:ietf:rfc:3066")
_NO_HOME = frozenset({"old", "temp", "billing"})
_MARITAL = {
    "A": MaritalStatus.ANNULLED,
    "D": MaritalStatus.DIVORCED,
    "I": MaritalStatus.INTERLOCUTORY,
    "L": MaritalStatus.LEGALLY_SEPARATED,
    "M": MaritalStatus.MARRIED,
    "P": MaritalStatus.POLYGAMOUS,
    "S": MaritalStatus.NEVER_MARRIED,
    "T": MaritalStatus.DOMESTIC_PARTNER,
    "U": MaritalStatus.UNMARRIED,
    "W": MaritalStatus.WIDOWED,
}
"""HL7 v3 MaritalStatus (hl7.org/fhir/R4/v3/MaritalStatus/cs.html)."""


def person(patient: Patient) -> Person:
    """Where the patient lives, what they speak and whether they are married: read when a criterion asks.

    What can't be read is as if it were not there, but addresses, of which another may be the one that counts.
    """
    languages = _decoded(patient.communication, _communications) or ()
    return Person(
        addresses=_homes(patient),
        languages=tuple(
            Spoken(first_code(each.language, _LANGUAGES), title(each.language))
            for each in languages
            if each.language is not None
        ),
        marital=_marital(_decoded(patient.maritalStatus, _concept)),
    )


def _homes(patient: Patient) -> tuple[AddressFact, ...] | None:
    """The addresses at which somebody may live; None if they can't be read."""
    addresses = _decoded(patient.address, _addresses) if patient.address else ()
    if addresses is None:
        return None
    issues: list[Issue] = []
    found: list[AddressFact] = []
    for each in addresses:
        if each.use not in _NO_HOME and each.type != "postal":
            start, end = period(each.period, IssueCollector("", "Patient", issues), "address.period")
            places = (each.country, each.state, each.district, each.city, each.postalCode)
            found.append(AddressFact(each.use, *places, start, end))
    return None if issues else tuple(found)


def _decoded(raw: Raw, decoder: "msgspec.json.Decoder[T]") -> T | None:
    if not raw:
        return None
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError:
        return None


def _marital(concept: CodeableConcept | None) -> MaritalStatus | None:
    """Of its codes, one that is known; None where there is none, or several differ."""
    found = {_MARITAL[coding.code] for coding in (concept.coding if concept else ()) if coding.code in _MARITAL}
    return found.pop() if len(found) == 1 else None
