"""Made-up patients whose data lie where answers change: values near bounds, dates near edges, every status.

Each resource is made from one number, so that an example is a list of numbers: hypothesis draws long ones quickly and
shortens them well.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from adapter.criteria.catalogue import ListedConcept
from adapter.criteria.model import Leaf, TrialDefinition
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ALLERGY, CONDITION, EXPOSURE, OBSERVATION, Data
from tests.build import ATTESTATION, TERMS, concept
from tests.properties.core import DEFINITIONS, TERMINOLOGY, Json
from tests.properties.measured import ANALYTES, MODIFIED, SUBJECT, in_words, observation
from tests.properties.times import birth, instant, period, timed

CRITERIA = [f"{definition.id}.{each.id}" for definition in DEFINITIONS for each in definition.walk() if each.id]


def _asked(concepts: Mapping[str, ListedConcept], *more: str) -> list[str]:
    """The value sets of a list: what is a concept, may be one, or denies all, and what is something else."""
    held = concepts.values()
    return sorted({*more, *concepts, *(name for each in held for name in (*each.may_be, *each.absent))})


CONDITIONS = _asked(TERMINOLOGY.catalogue.conditions, "other-conditions", "pregnancy-end", "hysterectomy", "antibiotic")
DISEASES = sorted(
    {each for definition in DEFINITIONS for each in definition.index_concepts()}
    | {"all-lineage-unspecified", "acute-leukaemia", "cns-leukaemia", "course-relapse", "course-remission"}
)
EXPOSURES = _asked(TERMINOLOGY.catalogue.exposures, "other-exposures")
SUBSTANCES = _asked(TERMINOLOGY.catalogue.substances, "other-substances")
UNKNOWN: list[Json] = [
    {"text": "see letter"},
    concept("http://snomed.info/sct", "99999999"),
    concept("http://hospital.example.org/list", "X1"),
    concept("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "M54.5"),
    concept("http://hl7.org/fhir/sid/icd-10-cm", "M54.50"),
    *(
        {
            "coding": [
                {
                    "system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
                    "code": "I48.0",
                    "extension": [
                        {
                            "url": "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit",
                            "valueCoding": {"code": letter},
                        }
                    ],
                }
            ]
        }
        for letter in "GVAZ"
    ),
    concept("http://www.nlm.nih.gov/research/umls/rxnorm", "99999999"),
]
"""Entries of which no value set holds a code: most of them nobody has classified."""


def coded(rng: Random, *value_sets: str) -> Json:
    """A CodeableConcept of one of the value sets; of a prefix, the prefix itself, or at times the heading above it."""
    if rng.random() < 0.06:
        return rng.choice(UNKNOWN)
    held = [name for name in value_sets if TERMINOLOGY.codes(name)]
    coding = rng.choice(TERMINOLOGY.codes(rng.choice(held)))
    code = coding.code[:-1].rstrip(".") if rng.random() < 0.04 and len(coding.code) > 3 else coding.code
    found = concept(coding.system, code)
    if rng.random() < 0.06:
        found["coding"] += rng.choice(UNKNOWN).get("coding", [])
    return found


def status(rng: Random, system: str, *codes: str) -> Json:
    """A status as a CodeableConcept."""
    return concept(f"{TERMS}/{system}", rng.choice(codes))


def some(rng: Random, often: float = 0.5, /, **elements: Json | str | list[Json]) -> Json:
    """Some of the elements."""
    return {name: value for name, value in elements.items() if rng.random() < often}


def _clinical(rng: Random) -> Json:
    """A clinicalStatus: mostly its code, else an older URI's, or words that are read exactly or not at all."""
    codes = ("active", "active", "relapse", "recurrence", "inactive", "remission", "resolved")
    match rng.choice(["code"] * 8 + ["old", "words"]):
        case "old":
            return concept("http://hl7.org/fhir/condition-clinical", rng.choice(codes))
        case "words":
            return {"text": rng.choice(["Resolved", "in remission", "Active ", "resolving"])}
        case _:
            return status(rng, "condition-clinical", *codes)


def condition(rng: Random, about: Sequence[str] = CONDITIONS) -> Json:
    """A Condition that some criterion reads, with statuses and dates of any kind."""
    verified = ("confirmed", "confirmed", "confirmed", "provisional", "refuted", "entered-in-error")
    ended: Json = (
        {"abatementString": "last year"} if rng.random() < 0.03 else timed(rng, "abatementDateTime", often=0.2)
    )
    return {
        "resourceType": "Condition",
        "code": coded(rng, *(rng.choice([DISEASES, about]) if about is CONDITIONS else about)),
        "subject": SUBJECT,
        **timed(rng, "onsetDateTime", "recordedDate", often=0.6),
        **ended,
        **some(
            rng,
            clinicalStatus=_clinical(rng),
            verificationStatus=status(rng, "condition-ver-status", *verified),
            category=[status(rng, "condition-category", "encounter-diagnosis", "problem-list-item")],
            severity=coded(rng, "severity-severe", "severity-not-severe"),
            stage=[{"summary": coded(rng, "stage-advanced", "stage-not-advanced")}],
        ),
    }


_GIVEN = {
    "Procedure": ["completed", "completed", "stopped", "unknown", "preparation", "on-hold", "entered-in-error"],
    "MedicationAdministration": ["completed", "completed", "in-progress", "stopped", "unknown", "on-hold", "not-done"],
    "MedicationStatement": [
        "active",
        "active",
        "completed",
        "stopped",
        "intended",
        "not-taken",
        "not-taken",
        "on-hold",
    ],
    "MedicationRequest": ["active", "active", "completed", "stopped", "on-hold", "draft"],
    "MedicationDispense": ["completed", "completed", "in-progress", "cancelled"],
}


_REASONED = ("MedicationAdministration", "MedicationStatement", "MedicationRequest")


def exposure(rng: Random, about: Sequence[str] = EXPOSURES) -> Json:
    """A drug given, taken, dispensed or ordered, or a procedure; or the word that it isn't taken."""
    kind = rng.choice(sorted(_GIVEN))
    dosage: Json = {"route": coded(rng, rng.choice(["route-systemic", "route-other", "severity-severe"]))}
    routed: dict[str, Json] = {
        "Procedure": {},
        "MedicationAdministration": {"dosage": dosage},
        "MedicationStatement": {"dosage": [dosage]},
        "MedicationRequest": {"dosageInstruction": [dosage]},
        "MedicationDispense": {"dosageInstruction": [dosage]},
    }
    return {
        "resourceType": kind,
        "status": rng.choice(_GIVEN[kind]),
        "code" if kind == "Procedure" else "medicationCodeableConcept": coded(rng, *about),
        "subject": SUBJECT,
        **(routed[kind] if rng.random() < 0.6 else {}),
        **_times(rng, kind),
        **({"reasonCode": [{"text": "prophylaxis"}]} if kind in _REASONED and rng.random() < 0.1 else {}),
    }


def _times(rng: Random, kind: str) -> Json:
    """When: of an order also until when, of a list also when it was asserted."""
    match kind:
        case "MedicationRequest":
            until = {"dispenseRequest": {"validityPeriod": period(rng)}} if rng.random() < 0.3 else {}
            bounds: Json = {"timing": {"repeat": {"boundsPeriod": period(rng)}}}
            return {
                **timed(rng, "authoredOn"),
                **until,
                **({"dosageInstruction": [bounds]} if rng.random() < 0.2 else {}),
                **({"meta": {"lastUpdated": instant(rng)}} if rng.random() < 0.3 else {}),
            }
        case "MedicationDispense":
            return timed(rng, "whenHandedOver") | some(rng, 0.5, daysSupply={"value": rng.choice([1, 7, 30, 999])})
        case "MedicationStatement":
            return _performed(rng, "effective") | timed(rng, "dateAsserted", often=0.5)
        case _:
            return _performed(rng, "performed" if kind == "Procedure" else "effective")


def _performed(rng: Random, element: str) -> Json:
    return {f"{element}Period": period(rng)} if rng.random() < 0.5 else timed(rng, f"{element}DateTime")


def allergy(rng: Random, about: Sequence[str] = SUBSTANCES) -> Json:
    """An AllergyIntolerance, or the word that there is none."""
    verified = ("confirmed", "confirmed", "unconfirmed", "refuted")
    reactions = [
        some(
            rng,
            0.7,
            severity=rng.choice(["mild", "moderate", "severe"]),
            manifestation=[rng.choice([coded(rng, "anaphylaxis"), {"text": "Anaphylaxis"}, {"text": "rash"}])],
        )
        for _ in range(rng.choice([1, 1, 2]))
    ]
    return {
        "resourceType": "AllergyIntolerance",
        "code": {"text": rng.choice(_ALLERGIC)} if rng.random() < 0.1 else coded(rng, *about),
        "patient": SUBJECT,
        **timed(rng, "onsetDateTime", "recordedDate", often=0.5),
        **some(
            rng,
            clinicalStatus=status(rng, "allergyintolerance-clinical", "active", "inactive", "resolved", "unheard-of"),
            verificationStatus=status(rng, "allergyintolerance-verification", *verified),
            criticality=rng.choice(["low", "high"]),
            reaction=[each for each in reactions if each],
        ),
    }


_ALLERGIC = ("Penicillin", "Penicillinallergie", "no known allergies", "Latex", "keine bekannt")
"""What is written for an allergy where no code is."""


def consent(rng: Random, to: str | None = None) -> Json:
    """A research consent, to a study or to none."""
    study = {"reference": f"ResearchStudy/{to or rng.choice(DEFINITIONS).id}"}
    return {
        "resourceType": "Consent",
        "status": rng.choice(["active", "active", "active", "rejected", "inactive", "draft"]),
        "scope": concept(f"{TERMS}/consentscope", "research"),
        "patient": SUBJECT,
        "provision": some(
            rng, 0.7, period=period(rng), type=rng.choice(["permit", "deny"]), data=[{"reference": study}]
        ),
        **timed(rng, "dateTime"),
    }


def attestation(rng: Random, of: str | None = None) -> Json:
    """A person's word on some criterion of some trial, or of this one."""
    return {
        "resourceType": "Observation",
        "status": rng.choice(["final"] * 5 + ["preliminary"]),
        "code": concept(ATTESTATION, of or rng.choice(CRITERIA)),
        "subject": SUBJECT,
        "valueBoolean": rng.choice([True, False]),
        **timed(rng, "effectiveDateTime"),
        **some(rng, 0.9, performer=[{"reference": "Practitioner/d"}]),
    }


_BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
_CLINICAL_SEX = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"


def person(rng: Random) -> Json:
    """Patient/p1, alive or, at times, not."""
    born = "1900-01-01" if rng.random() < 0.03 else birth(rng)
    known = some(rng, 0.9, birthDate=born, gender=rng.choice(["female", "female", "male", "other", "unknown"]))
    sexes: list[Json] = [{"url": _BIRTH_SEX, "valueCode": rng.choice(["F", "M", "UNK"])}] * (rng.random() < 0.2)
    if rng.random() < 0.1:
        clinical = {"coding": [{"code": rng.choice(["female-typical", "male-typical"])}]}
        sexes.append({"url": _CLINICAL_SEX, "extension": [{"url": "value", "valueCodeableConcept": clinical}]})
    held: Json = {"extension": sexes} if sexes else {}
    return {"resourceType": "Patient", "id": "p1", **held, **known, **timed(rng, "deceasedDateTime", often=0.1)}


class Theme(NamedTuple):
    """What the resources of a patient are about: value sets by list, and analytes."""

    conditions: Sequence[str]
    exposures: Sequence[str]
    substances: Sequence[str]
    analytes: Sequence[str]


EVERYTHING = Theme(CONDITIONS, EXPOSURES, SUBSTANCES, ANALYTES)


def _theme(leaf: Leaf) -> Theme:
    """What one criterion reads, and what is like it: statements of absence, and entries that it is not."""
    read = list(reads_of(leaf, TERMINOLOGY.catalogue))

    def named(data: Data, held: Sequence[str], *more: str) -> list[str]:
        found = [each.value_set for each in read if each.data is data and each.value_set and each.value_set in held]
        return [*found, *found, *more] if found else []

    return Theme(
        named(CONDITION, CONDITIONS, "no-known-conditions", "other-conditions"),
        named(EXPOSURE, EXPOSURES, "no-known-medications", "other-exposures"),
        named(ALLERGY, SUBSTANCES, "no-known-allergies", "other-substances"),
        [each.name for each in read if each.data is OBSERVATION and each.name in ANALYTES],
    )


def themes(definitions: Iterable[TrialDefinition]) -> list[Theme]:
    """What the criteria of some trials read, each for itself."""
    read = (_theme(leaf) for definition in definitions for leaf in definition.leaves())
    return [theme for theme in read if any(theme)]


def resource(number: int, theme: Theme = EVERYTHING) -> Json:
    """The resource that a number stands for."""
    rng = Random(number)  # noqa: S311  # made-up data, no secret
    kinds: list[Callable[[], Json]] = [
        *([lambda: observation(rng, theme.analytes)] * 6 if theme.analytes else []),
        *([lambda: condition(rng, theme.conditions)] * 4 if theme.conditions else []),
        *([lambda: exposure(rng, theme.exposures)] * 3 if theme.exposures else []),
        *([lambda: allergy(rng, theme.substances)] * 2 if theme.substances else []),
        *([lambda: consent(rng), *[lambda: attestation(rng)] * 2] if theme is EVERYTHING else []),
    ]
    return rng.choice(kinds)()


def patient_of(about: Sequence[Theme], person_number: int, numbers: list[int]) -> list[Json]:
    """Two of three are about one criterion, so that what it reads meets in one record."""
    rng = Random(person_number)  # noqa: S311  # made-up data, no secret
    theme = EVERYTHING if rng.random() < 0.35 else rng.choice(about)
    made = [{**resource(number, theme), "id": f"r{place}"} for place, number in enumerate(numbers)]
    if rng.random() < 0.015:
        made.append({**in_words(rng), "id": "words"})
    whole = [person(rng), *made]
    if rng.random() < 0.008:
        rng.choice(whole)["modifierExtension"] = MODIFIED
    return whole


_NUMBERS = st.integers(0, 2**32)
_FEW, _MANY = st.lists(_NUMBERS, max_size=8), st.lists(_NUMBERS, min_size=20, max_size=50)


def patients_for(definitions: Iterable[TrialDefinition]) -> st.SearchStrategy[list[Json]]:
    """Patient/p1 and resources of theirs, each with an id of its own, for some trials."""
    return st.builds(partial(patient_of, themes(definitions)), _NUMBERS, st.one_of(_FEW, _MANY))


patients = patients_for(DEFINITIONS)
"""For the five trials."""


GONE: dict[str, Json] = {
    "Condition": {"verificationStatus": concept(f"{TERMS}/condition-ver-status", "refuted")},
    "AllergyIntolerance": {"verificationStatus": concept(f"{TERMS}/allergyintolerance-verification", "refuted")},
    "Procedure": {"status": "not-done"},
    "MedicationAdministration": {"status": "not-done"},
    "MedicationStatement": {"status": "not-taken"},
    "MedicationRequest": {"status": "cancelled"},
    "MedicationDispense": {"status": "cancelled"},
    "Encounter": {"status": "cancelled"},
}
"""How an entry of each list says that it was not."""
