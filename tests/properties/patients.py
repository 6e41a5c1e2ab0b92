"""Made-up patients whose data lie where answers change: values near bounds, dates near edges, every status.

Each resource is made from one number, so that an example is a list of numbers: hypothesis draws long ones quickly and
shortens them well.
"""

from random import Random

from hypothesis import strategies as st

from tests.build import ATTESTATION, TERMS, concept
from tests.properties.core import DEFINITIONS, TERMINOLOGY, Json
from tests.properties.measured import SUBJECT, observation
from tests.properties.times import birth, period, timed

CRITERIA = [f"{definition.id}.{each.id}" for definition in DEFINITIONS for each in definition.walk() if each.id]
CONDITIONS = sorted(
    {"no-known-conditions", *TERMINOLOGY.catalogue.conditions}
    | {name for each in TERMINOLOGY.catalogue.conditions.values() for name in each.may_be}
)
DISEASES = sorted({each for definition in DEFINITIONS for each in definition.index} | {"all-lineage-unspecified"})
EXPOSURES = [*sorted(TERMINOLOGY.catalogue.exposures), "no-known-medications"]
SUBSTANCES = [*sorted(TERMINOLOGY.catalogue.substances), "no-known-allergies"]


def coded(rng: Random, *value_sets: str) -> Json:
    """A CodeableConcept of one of the value sets; of a prefix, the prefix itself."""
    coding = rng.choice(TERMINOLOGY.codes(rng.choice(value_sets)))
    return concept(coding.system, coding.code)


def status(rng: Random, system: str, *codes: str) -> Json:
    """A status as a CodeableConcept."""
    return concept(f"{TERMS}/{system}", rng.choice(codes))


def some(rng: Random, often: float = 0.5, /, **elements: Json | str | list[Json]) -> Json:
    """Some of the elements."""
    return {name: value for name, value in elements.items() if rng.random() < often}


def condition(rng: Random) -> Json:
    """A Condition that some criterion reads, with statuses and dates of any kind."""
    clinical = ("active", "active", "relapse", "recurrence", "inactive", "remission", "resolved")
    verified = ("confirmed", "confirmed", "confirmed", "provisional", "refuted", "entered-in-error")
    return {
        "resourceType": "Condition",
        "code": coded(rng, *rng.choice([DISEASES, CONDITIONS])),
        "subject": SUBJECT,
        **timed(rng, "onsetDateTime", "recordedDate", often=0.6),
        **timed(rng, "abatementDateTime", often=0.2),
        **some(
            rng,
            clinicalStatus=status(rng, "condition-clinical", *clinical),
            verificationStatus=status(rng, "condition-ver-status", *verified),
            category=[status(rng, "condition-category", "encounter-diagnosis", "problem-list-item")],
            severity=coded(rng, "severity-severe", "severity-not-severe"),
            stage=[{"summary": coded(rng, "stage-advanced", "stage-not-advanced")}],
        ),
    }


def exposure(rng: Random) -> Json:
    """A drug given, taken or ordered, or a procedure."""
    kind = rng.choice(["Procedure", "MedicationAdministration", "MedicationStatement", "MedicationRequest"])
    named, element = ("code", "performed") if kind == "Procedure" else ("medicationCodeableConcept", "effective")
    dosage = {"route": coded(rng, rng.choice(["route-systemic", "route-other", "severity-severe"]))}
    span: Json = {f"{element}Period": period(rng)}
    times = span if rng.random() < 0.5 else timed(rng, f"{element}DateTime")
    routed: dict[str, Json] = {
        "Procedure": {},
        "MedicationAdministration": {"dosage": dosage},
        "MedicationStatement": {"dosage": [dosage]},
        "MedicationRequest": {"dosageInstruction": [dosage]},
    }
    return {
        "resourceType": kind,
        "status": rng.choice(["completed", "completed", "completed", "stopped", "unknown", "entered-in-error"]),
        named: coded(rng, *EXPOSURES),
        "subject": SUBJECT,
        **(timed(rng, "authoredOn") if kind == "MedicationRequest" else times),
        **(routed[kind] if rng.random() < 0.6 else {}),
    }


def allergy(rng: Random) -> Json:
    """An AllergyIntolerance, or the word that there is none."""
    verified = ("confirmed", "confirmed", "unconfirmed", "refuted")
    return {
        "resourceType": "AllergyIntolerance",
        "code": coded(rng, *SUBSTANCES),
        "patient": SUBJECT,
        **timed(rng, "onsetDateTime", "recordedDate", often=0.5),
        **some(
            rng,
            clinicalStatus=status(rng, "allergyintolerance-clinical", "active", "inactive", "resolved"),
            verificationStatus=status(rng, "allergyintolerance-verification", *verified),
            criticality=rng.choice(["low", "high"]),
            reaction=[{"severity": rng.choice(["mild", "severe"])}],
        ),
    }


def consent(rng: Random) -> Json:
    """A research consent, to a study or to none."""
    study = {"reference": f"ResearchStudy/{rng.choice(DEFINITIONS).id}"}
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


def attestation(rng: Random) -> Json:
    """A person's word on some criterion of some trial."""
    return {
        "resourceType": "Observation",
        "status": rng.choice(["final"] * 5 + ["preliminary"]),
        "code": concept(ATTESTATION, rng.choice(CRITERIA)),
        "subject": SUBJECT,
        "valueBoolean": rng.choice([True, False]),
        **timed(rng, "effectiveDateTime"),
        **some(rng, 0.9, performer=[{"reference": "Practitioner/d"}]),
    }


def person(rng: Random) -> Json:
    """Patient/p1, alive or, at times, not."""
    known = some(rng, 0.9, birthDate=birth(rng), gender=rng.choice(["female", "female", "male", "other"]))
    return {"resourceType": "Patient", "id": "p1", **known, **timed(rng, "deceasedDateTime", often=0.1)}


_KINDS = [observation] * 6 + [condition] * 4 + [exposure] * 2 + [allergy, consent, attestation, attestation]


def resource(number: int) -> Json:
    """The resource that a number stands for."""
    rng = Random(number)  # noqa: S311  # made-up data, no secret
    return rng.choice(_KINDS)(rng)


def _patient(person_number: int, numbers: list[int]) -> list[Json]:
    made = [{**resource(number), "id": f"r{place}"} for place, number in enumerate(numbers)]
    return [person(Random(person_number)), *made]  # noqa: S311  # made-up data, no secret


_NUMBERS = st.integers(0, 2**32)
_FEW, _MANY = st.lists(_NUMBERS, max_size=8), st.lists(_NUMBERS, min_size=20, max_size=50)
patients = st.builds(_patient, _NUMBERS, st.one_of(_FEW, _MANY))
"""Patient/p1 and resources of theirs, each with an id of its own."""
