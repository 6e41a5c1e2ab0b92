"""Which Patient a record is of, and which references point to them (CONFORMANCE: Time, `replaced-by`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapter.errors import InputError
from adapter.record.entries import Entry
from adapter.record.facts import Issue
from adapter.record.resources import Identifier, Patient, Reference
from adapter.record.values import Trouble
from adapter.record.when import When

_SEX = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
_SEXES = {"female-typical": "female", "male-typical": "male"}
_GENDERS = frozenset({"male", "female", "other", "unknown"})


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
    patients = {entry.key: (entry, entry.resource) for entry in entries if isinstance(entry.resource, Patient)}
    names = {name: key for key, (entry, _) in patients.items() for name in (key, entry.full_url) if name}
    follow = {key: _replacement(patient, key, names) for key, (_, patient) in patients.items()}
    key = _survivor(_asked(asked, entries, follow), follow)
    patient = patients[key][1]
    if follow[key] is None and any(link.type == "replaced-by" for link in patient.link):
        message = "replaced by a Patient that is not in the input; ask for that one"
        issues.append(Issue(key, "Patient.link", message))
    merged = [each for each in patients if _survivor(each, follow) == key]
    own = {name for name, of in names.items() if of in merged}
    return Subject(key, patient, frozenset(own), frozenset(_identifiers(patients[each][1] for each in merged)))


def _asked(asked: str | None, entries: Iterable[Entry], follow: Mapping[str, str | None]) -> str:
    """The key of the asked patient, or of the only one that no other has replaced."""
    unreadable = {entry.key: entry.problem for entry in entries if entry.type == "Patient" and entry.problem}
    if asked is not None:
        key = asked if "/" in asked else f"Patient/{asked}"
        current = [key] if key in follow else []
        advice = f"{key} is not in the input; it holds {len(follow)} Patient resources"
    else:
        key = ""
        current = [each for each in follow if _survivor(each, follow) == each]
        known = f": {', '.join(sorted(current)[:5])}; name one as the subject" if current else "; send it with its data"
        advice = f"the input must hold one Patient, it holds {len(current)}{known}"
    if len(current) == 1 and (asked is not None or not unreadable):
        return current[0]
    for each, problem in unreadable.items():
        if asked is None or each == key:
            advice = f"{each} can't be read: {problem.path}: {problem.message}"
    raise InputError(advice)


def _survivor(key: str, follow: Mapping[str, str | None]) -> str:
    """The patient at the end of a chain of replacements; of a circle, the one with the smallest name."""
    seen = [key]
    while (target := follow[seen[-1]]) is not None:
        if target in seen:
            return min(seen[seen.index(target) :])
        seen.append(target)
    return seen[-1]


def _identifiers(patients: Iterable[Patient]) -> list[tuple[str | None, str]]:
    found: list[Identifier] = [identifier for patient in patients for identifier in patient.identifier]
    return [(identifier.system, identifier.value) for identifier in found if identifier.value]


def _replacement(patient: Patient, key: str, names: Mapping[str, str]) -> str | None:
    """The Patient of the input that replaced this one."""
    for link in patient.link:
        target = (link.other.reference if link.other and link.type == "replaced-by" else None) or ""
        found = names.get(target) or names.get("/".join(target.split("/")[-2:]))
        if found is not None and found != key:
            return found
    return None


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
