"""What shows that a resource is not of FHIR R4: a type, or an element, that R4 doesn't have or has in another form.

Another release says much of the same in other places, and what stands there would be missing without a word. Data come
from one source as a rule, so the first resource of a type is looked at, and those that can't be read.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from adapter.record.contents import UNREADABLE
from adapter.record.decoded import Decoded
from adapter.record.facts import Issue
from adapter.record.patient_record import ANY_TYPE
from adapter.record.r4_types import RESOURCE_TYPES

_OLD: Final = "DSTU2 or STU3"
_ADVICE: Final = "the data must be converted to R4 first"

_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("DeviceUseRequest", "DiagnosticOrder", "MedicationOrder"), "DSTU2"),
    **dict.fromkeys(("BodySite", "DeviceComponent", "ProcedureRequest", "ReferralRequest"), _OLD),
    **dict.fromkeys(("DeviceUsage", "GenomicStudy", "ImagingSelection", "NutritionIntake"), "R5"),
}
"""Types that R4 has under another name, or not at all: which release has them."""

_Signs = Mapping[str, Mapping[str, str]]
"""Element -> what its JSON begins with ("": whatever it is) -> the release that has it so."""


def _only(**releases: tuple[str, ...]) -> _Signs:
    return {name: {"": release.replace("_", " ")} for release, names in releases.items() for name in names}


_DRUG: Final = _only(R5=("medication",), DSTU2=("patient",))
_STATUS_OF_OLD: Final = {"clinicalStatus": {'"': _OLD}, "verificationStatus": {'"': _OLD}}
_ELEMENTS: Final[Mapping[str, _Signs]] = {
    "Patient": _only(DSTU2=("careProvider",), DSTU2_or_STU3=("animal",)),
    "Condition": {**_only(DSTU2=("patient", "dateRecorded"), STU3=("context", "assertedDate")), **_STATUS_OF_OLD},
    "AllergyIntolerance": {
        **_only(DSTU2=("substance", "status"), STU3=("assertedDate",), R5=("participant",)),
        "type": {"{": "R5"},
        **_STATUS_OF_OLD,
    },
    "Observation": _only(
        DSTU2=("comments",),
        STU3=("context", "comment"),
        DSTU2_or_STU3=("related",),
        R5=("triggeredBy", "bodyStructure"),
    ),
    "MedicationRequest": {**_DRUG, **_only(STU3=("context",), R5=("informationSource", "effectiveDosePeriod"))},
    "MedicationStatement": {**_DRUG, **_only(DSTU2=("wasNotTaken",), STU3=("taken",), R5=("adherence", "encounter"))},
    "MedicationAdministration": {
        **_DRUG,
        **_only(
            DSTU2=("wasNotGiven",),
            STU3=("notGiven",),
            R5=("encounter", "occurenceDateTime", "occurencePeriod", "occurenceTiming"),
        ),
    },
    "MedicationDispense": {**_DRUG, **_only(STU3=("notDone",), R5=("encounter",))},
    "Procedure": _only(
        DSTU2=("notPerformed",),
        STU3=("context", "notDone"),
        R5=("occurrenceDateTime", "occurrencePeriod", "occurrenceString", "recorded"),
    ),
    "Immunization": _only(
        DSTU2=("wasNotGiven",), STU3=("notGiven",), DSTU2_or_STU3=("date",), R5=("administeredProduct",)
    ),
    "Encounter": {**_only(DSTU2=("patient",), R5=("actualPeriod", "admission")), "class": {'"': "DSTU2", "[": "R5"}},
    "Consent": {**_only(STU3=("except",), R5=("subject", "decision", "date")), "provision": {"[": "R5"}},
    "DiagnosticReport": _only(STU3=("context",), DSTU2_or_STU3=("codedDiagnosis",), R5=("supportingInfo",)),
    "ServiceRequest": _only(R5=("reason", "focus")),
    "ResearchSubject": _only(R5=("subject", "progress", "subjectState")),
}
"""Elements of the types that are read, each one that R4 doesn't have, or has in another form."""

_elements = msgspec.json.Decoder(dict[str, Raw])


def of_other_releases(entries: Iterable[Decoded], issues: list[Issue]) -> set[str]:
    """The types of which something may be missing, since it is not of R4; and an issue each, to the others."""
    missing: set[str] = set()
    seen: set[str] = set()
    for entry in entries:
        type_ = entry.sent.type
        if type_ in seen and entry.problem is None:
            continue
        if type_ not in RESOURCE_TYPES:
            release = _TYPES.get(type_)
            message = f"a resource type of FHIR {release}, not of R4; {_ADVICE}" if release else _UNKNOWN
            issues.append(Issue(entry.key, "resourceType", message))
            missing.add(ANY_TYPE)
            continue
        seen.add(type_)
        if _may_hold_a_sign(entry) and (found := _sign(entry)) is not None:
            issues.append(found)
            missing.add(type_)
    return missing - _TOLD_BY_CODE


_UNKNOWN: Final = "not a resource type of FHIR R4"
_TOLD_BY_CODE: Final = frozenset({"Condition"})
"""Of these the code is where R4 has it, so none is missing; what can't be read of one is said where it is read."""


_NAMES: Final = {
    type_: tuple(
        f'"{name}"{between}{begins}'.encode()
        for name, forms in signs.items()
        for begins in forms
        for between in ((":", ": ") if begins else ("",))
    )
    for type_, signs in _ELEMENTS.items()
}


def _may_hold_a_sign(entry: Decoded) -> bool:
    """A quick look, at the letters: most hold none. What can't be read is looked at however it is written."""
    if entry.problem is not None:
        return entry.type in _ELEMENTS
    raw = entry.sent.raw
    for name in _NAMES.get(entry.sent.type, ()):  # noqa: SIM110  # a generator for each resource costs more
        if name in raw:
            return True
    return False


def _sign(entry: Decoded) -> Issue | None:
    try:
        held = _elements.decode(entry.sent.raw)
    except UNREADABLE:
        return None
    signs = _ELEMENTS[entry.sent.type]
    for name, forms in () if held.keys().isdisjoint(signs) else signs.items():
        if name in held:
            release = forms.get("") or forms.get(chr(bytes(held[name])[0]))
            if release is not None:
                return Issue(entry.key, f"{entry.sent.type}.{name}", f"as FHIR {release} has it, not R4; {_ADVICE}")
    return None
