"""Which Patient a record is of, and which references point to them (CONFORMANCE: Time, `replaced-by`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from adapter.errors import InputError
from adapter.record.entries import Entry
from adapter.record.facts import Issue
from adapter.record.resources import Identifier, Patient, Reference
from adapter.record.values import Trouble
from adapter.record.when import When

_SEX = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
_SEXES = {"female-typical": "female", "male-typical": "male"}
_GENDERS = frozenset({"male", "female", "other", "unknown"})
_patient = msgspec.json.Decoder(Patient)


@dataclass(frozen=True, slots=True)
class Subject:
    """The patient, with everything by which resources may refer to them."""

    reference: str
    patient: Patient
    names: frozenset[str]
    identifiers: frozenset[tuple[str | None, str]]

    def owns(self, reference: Reference | None) -> bool | None:
        """Whether a reference points to the patient; None if there is no reference at all."""
        if reference is None or (reference.reference is None and reference.identifier is None):
            return None
        if reference.reference is None:
            identifier = reference.identifier
            return identifier is not None and (identifier.system, identifier.value or "") in self.identifiers
        plain = reference.reference.partition("/_history/")[0]
        return plain in self.names or (":" in plain and "/".join(plain.split("/")[-2:]) in self.names)


def find_subject(entries: Iterable[Entry], asked: str | None, issues: list[Issue]) -> Subject:
    """The asked patient, or the only one; one that is replaced by another is followed to it.

    Raises InputError if there is none, or if several remain.
    """
    patients = {entry.key: (entry, patient) for entry in entries if (patient := _decode(entry)) is not None}
    if asked is not None:
        key = asked if "/" in asked else f"Patient/{asked}"
        if key not in patients:
            msg = f"{key} is not in the input; it holds {len(patients)} Patient resources"
            raise InputError(msg)
    else:
        current = [key for key, (_, patient) in patients.items() if _replacement(patient, patients) is None]
        if len(current) != 1:
            known = f": {', '.join(sorted(current)[:5])}" if current else ""
            advice = "name one as the subject" if current else "send the Patient with its data"
            msg = f"the input must hold one Patient, it holds {len(current)}{known}; {advice}"
            raise InputError(msg)
        key = current[0]
    followed = {key}
    while (target := _replacement(patients[key][1], patients)) is not None and target not in followed:
        key = target
        followed.add(key)
    entry, patient = patients[key]
    _note_missing_replacement(patient, entry, issues)
    merged = [key, *(k for k, (_, other) in patients.items() if _replacement(other, patients) == key)]
    names = {name for k in merged for name in (k, patients[k][0].full_url) if name}
    return Subject(key, patient, frozenset(names), frozenset(_identifiers(patients[k][1] for k in merged)))


def _decode(entry: Entry) -> Patient | None:
    if entry.type != "Patient":
        return None
    try:
        return _patient.decode(entry.raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{entry.key} can't be read: {error}"
        raise InputError(msg) from error


def _identifiers(patients: Iterable[Patient]) -> list[tuple[str | None, str]]:
    found: list[Identifier] = [identifier for patient in patients for identifier in patient.identifier]
    return [(identifier.system, identifier.value) for identifier in found if identifier.value]


def _replacement(patient: Patient, patients: Mapping[str, object]) -> str | None:
    for link in patient.link:
        target = link.other.reference if link.other and link.type == "replaced-by" else None
        key = "/".join((target or "").split("/")[-2:])
        if key in patients and key != f"Patient/{patient.id}":
            return key
    return None


def _note_missing_replacement(patient: Patient, entry: Entry, issues: list[Issue]) -> None:
    if any(link.type == "replaced-by" for link in patient.link):
        issues.append(
            Issue(entry.key, "Patient.link", "replaced by a Patient that is not in the input; ask for that one")
        )


def gender(patient: Patient, trouble: Trouble) -> str | None:
    """Patient.gender, where it is one of FHIR's codes."""
    if patient.gender is not None and patient.gender not in _GENDERS:
        trouble.report("gender", "not a code of gender; taken as not given")
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


def death(patient: Patient, trouble: Trouble) -> tuple[bool, When | None]:
    """Whether the patient is known to have died, and when; an unreadable date of death is a death all the same."""
    when = trouble.when(patient.deceasedDateTime, "deceasedDateTime")
    return patient.deceasedBoolean is True or patient.deceasedDateTime is not None, when
