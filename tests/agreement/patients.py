"""The patients whom evaluator and engine are asked about: the demo cohort, and those that hypothesis makes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

from demo.cohort import cohort
from tests.agreement.about import Matter, about, matters
from tests.agreement.entries import home_about
from tests.agreement.shapes import OFTEN, reshaped
from tests.agreement.site import OF_CASES, SHIPPED, TERMINOLOGY
from tests.build import TERMS, concept
from tests.properties.core import Json, written
from tests.properties.entries import WORDS, entry
from tests.properties.patients import coded, patients_for, person, some
from tests.properties.times import AS_OF_INSTANTS, AS_OFS, period, when

COHORT_AS_OF = datetime(2026, 3, 1, 23, 59, 59, 999_000, tzinfo=UTC)


class Asked(NamedTuple):
    """A patient's Bundle in JSON, the instant of the question, and a name to find the patient again."""

    name: str
    bundle: bytes
    as_of: datetime

    @property
    def instant(self) -> str:
        """The instant as the engine takes it: to the millisecond, in UTC."""
        return f"{self.as_of:%Y-%m-%dT%H:%M:%S}.{self.as_of.microsecond // 1000:03}Z"


def of_cohort(step: int = 1) -> Iterator[Asked]:
    """Every patient of the demo cohort, or every `step`-th."""
    for place, (name, story, bundle) in enumerate(cohort()):
        if place % step == 0:
            yield Asked(f"{name} of the cohort ({story.name})", bundle, COHORT_AS_OF)


def made(count: int, number: int, often: float = OFTEN) -> list[Asked]:
    """Patients that hypothesis makes; the same `number` makes the same ones. `often`: of resources, in another form."""
    found: list[Asked] = []

    @seed(number)
    @settings(
        max_examples=count, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(patients_for(SHIPPED), AS_OFS)
    def make(resources: list[Any], as_of: datetime) -> None:
        rng = Random(f"{number} {len(found)}")  # noqa: S311  # made-up data, no secret
        resources = [_worded(each, rng) for each in _with_more(resources, rng)]
        named = _named_elsewhere(_copied(_implanted(resources, rng), rng), rng)
        bundle = _bundle(reshaped(named, rng, often))
        found.append(Asked(f"{len(found)} of those that {number} makes", bundle, as_of))

    make()
    return found[:count]


def _with_more(resources: list[Json], rng: Random) -> list[Json]:
    """As they are; or about one criterion of the trials of the cases; or with entries of further lists."""
    match rng.choice(["plain", "about one", "about one", "with entries"]):
        case "plain":
            return resources
        case "about one":
            return _about_one(rng)
        case _:
            pass
    who, *held = (_levelled(each, rng) for each in resources)
    number = rng.choice([0, 2, 4, 10])
    return [who | _said(rng), *held, *(_caused(entry(rng, place), held, rng) for place in range(number))]


MATTERS = matters(OF_CASES, TERMINOLOGY)


def made_about(asked: Sequence[Matter], count: int, number: int, often: float = OFTEN) -> Iterator[Asked]:
    """Patients about one criterion each, of any trials; the same `number` makes the same ones."""
    for place in range(count):
        rng = Random(f"about {number} {place}")  # noqa: S311  # made-up data, no secret
        matter = _of_any_kind(asked, rng)
        who = person(rng) | _said(rng) | home_about(matter.leaf, rng)
        resources = [who, *(_worded(_levelled(each, rng), rng) for each in about(matter, rng))]
        name = f"{place} of those about one criterion that {number} makes ({matter.leaf.kind.name})"
        yield Asked(name, _bundle(reshaped(_named_elsewhere(resources, rng), rng, often)), rng.choice(AS_OF_INSTANTS))


def _of_any_kind(asked: Sequence[Matter], rng: Random) -> Matter:
    """A criterion, of each kind as often: most ask for measurements."""
    kind = rng.choice(sorted({each.leaf.kind.name for each in asked}))
    return rng.choice([each for each in asked if each.leaf.kind.name == kind])


def _bundle(resources: Sequence[Json]) -> bytes:
    entries = [{"resource": each} for each in resources]
    return written({"resourceType": "Bundle", "type": "collection", "entry": entries})  # type: ignore[arg-type]  # any JSON


def _about_one(rng: Random) -> list[Json]:
    """A patient with few resources, all of which one criterion reads, and entries of one list."""
    held = [_levelled(each, rng) for each in about(_of_any_kind(MATTERS, rng), rng)]
    kinds = [rng.choice(sorted(WORDS)), rng.choice(["device", "used"])]
    more = [_caused(entry(rng, place, rng.choice(kinds)), held, rng) for place in range(rng.choice([0, 1, 2, 4]))]
    return [person(rng) | _said(rng), *held, *more]


def _levelled(made: Json, rng: Random) -> Json:
    """A diagnosis that says how severe it is, its stage or its grade, by code or in words."""
    if made["resourceType"] != "Condition" or rng.random() < 0.5:  # as often as not
        return made
    stage = rng.choice(
        [
            coded(rng, "stage-0", "stage-1", "stage-2", "stage-3", "stage-4"),
            {"text": rng.choice(["Stage IIA", "AJCC stage 3", "grade 2", "CTCAE Grade 3", "stage unknown"])},
            concept("http://cancerstaging.org", rng.choice(["cIIA", "pIV", "3B"])),
        ]
    )
    severity = rng.choice([coded(rng, *SEVERITIES), {"text": rng.choice(["severe", "Moderate", "very", "grade 3"])}])
    return {**made, **some(rng, 0.7, severity=severity, stage=[{"summary": stage}])}


def _implanted(made: list[Json], rng: Random) -> list[Json]:
    """With procedures that say what they did to a device."""
    devices = [each for each in made if each["resourceType"] == "Device"]
    done = [_focal(rng.choice(devices)["id"], place, rng) for place in range(rng.choice([0, 0, 1, 2])) if devices]
    return [*made, *done]


ACTIONS = ("implanted", "implanted", "explanted", "manipulated")


def _focal(device: str, place: int, rng: Random) -> Json:
    action = concept("http://hl7.org/fhir/device-action", rng.choice(ACTIONS))
    server = rng.choice(["", "", "https://fhir.example.org/r4/"])
    return {
        "resourceType": "Procedure",
        "id": f"focal-{place}",
        "status": rng.choice(["completed", "completed", "in-progress", "unknown", "preparation", "not-done"]),
        "code": {"text": "operation"},
        "subject": {"reference": "Patient/p1"},
        "focalDevice": [{"action": action, "manipulated": {"reference": f"{server}Device/{device}"}}],
        **some(rng, 0.9, performedDateTime=when(rng)),
    }


def _copied(made: list[Json], rng: Random) -> list[Json]:
    """At times with a copy of a diagnosis from another system, under the same number, that may say something else."""
    diagnoses = [each for each in made if each["resourceType"] == "Condition" and "code" in each]
    if not diagnoses or rng.random() < 0.8:  # mostly not
        return made
    one, number = rng.choice(diagnoses), [{"system": "urn:oid:1.2.3", "value": "7"}]
    said = {
        element: {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": rng.choice(said)}]}
        for element, system, said in _STATUSES
        if rng.random() < 0.5
    }
    rest = [each for each in made if each is not one]
    return [*rest, {**one, "identifier": number}, {**one, **said, "id": "copy", "identifier": number}]


_STATUSES = (
    ("clinicalStatus", "condition-clinical", ("active", "resolved", "inactive")),
    ("verificationStatus", "condition-ver-status", ("confirmed", "refuted", "entered-in-error")),
)


def _named_elsewhere(made: list[Json], rng: Random) -> list[Json]:
    """At times with what names a diagnosis or a procedure of the record in a claim, a plan, a flag or an impression."""
    codes = [each["code"] for each in made if each["resourceType"] in {"Condition", "Procedure"} and "code" in each]
    if not codes or rng.random() < 0.7:  # mostly not
        return made
    return [*made, {"id": "named", **_naming(rng.choice(codes), rng)}]


_NAMING = {
    "Claim": ("active", "active", "cancelled", "draft"),
    "ExplanationOfBenefit": ("active", "active", "cancelled", "draft"),
    "Flag": ("active", "active", "inactive", "entered-in-error"),
    "CarePlan": ("active", "completed", "revoked", "draft"),
    "ClinicalImpression": ("completed", "in-progress", "entered-in-error"),
    "DeviceRequest": ("active", "active", "completed", "revoked", "draft"),
}
"""What names something outside its list, with its statuses."""


def _naming(code: Json, rng: Random) -> Json:
    subject: Json = {"reference": "Patient/p1"}
    match type_ := rng.choice(sorted(_NAMING)):
        case "Flag":
            named: Json = {"subject": subject, "code": code, **some(rng, 0.7, period=period(rng))}
        case "CarePlan":
            planned: Json = rng.choice([{"code": code}, {"reasonCode": [code]}])
            activity = {"detail": {"status": "in-progress", **planned}}
            named = {"subject": subject, "intent": "plan", "activity": [activity], **some(rng, 0.7, period=period(rng))}
        case "ClinicalImpression":
            found = [{"itemCodeableConcept": code}]
            named = {"subject": subject, "finding": found, **some(rng, 0.7, effectiveDateTime=when(rng))}
        case "DeviceRequest":
            asked: Json = rng.choice([{"codeCodeableConcept": code}, {"reasonCode": [code]}])
            named = {"subject": subject, "intent": "order", **asked, **some(rng, 0.7, authoredOn=when(rng))}
        case _:
            billed = rng.choice(
                [
                    {"diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": code}]},
                    {"procedure": [{"sequence": 1, "procedureCodeableConcept": code}]},
                    {"item": [{"sequence": 1, "productOrService": code}]},
                ]
            )
            use = rng.choice(["claim", "claim", "preauthorization"])
            named = {"patient": subject, "use": use, **billed, **some(rng, 0.7, created=when(rng))}
    return {"resourceType": type_, "status": rng.choice(_NAMING[type_]), **named}


TURNED = (
    "suspected {}", "R/O {}", "No evidence of {}", "Family history of {}", "{}, excluded by CT of 2024",
    "{}, not excluded", "{}?", "V.a. {}", "Ausschluß {}", "疑似{}", "{} 待排", "h/o {}", "Z.n. {}",
    "{} in remission", "{}, declined", "known {}", "{} without complication", "not {}", "old {}", "{} (suspected)",
)  # fmt: skip
"""What people write around a name; some of it says nothing of the code."""


def _worded(made: Json, rng: Random) -> Json:
    """A diagnosis, an allergy or a procedure with words beside its code, which may turn it round."""
    if made["resourceType"] not in {"Condition", "AllergyIntolerance", "Procedure"}:
        return made
    if rng.random() < 0.8:  # most are plain
        return made
    code = made.get("code", {})
    words = rng.choice(TURNED).format(rng.choice(["it", "the disease", "肺炎"]))
    if not code.get("coding") or rng.random() < 0.5:  # as often as not
        return {**made, "code": {**code, "text": words}}
    first, *others = code["coding"]
    return {**made, "code": {**code, "coding": [{**first, "display": words}, *others]}}


SEVERITIES = ("severity-mild", "severity-moderate", "severity-severe", "severity-life-threatening", "severity-fatal")


def _said(rng: Random) -> Json:
    """Where somebody lives, what they speak, and whether they are married."""
    return some(
        rng,
        address=[_address(rng) for _ in range(rng.choice([1, 1, 2]))],
        communication=[
            {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": rng.choice(["en", "en-GB", "zh"])}]}}
        ],
        maritalStatus=concept(f"{TERMS}/v3-MaritalStatus", rng.choice("ADILMPSTUWX")),
    )


def _address(rng: Random) -> Json:
    return some(
        rng,
        0.7,
        use=rng.choice(["home", "home", "old", "temp", "work"]),
        type=rng.choice(["physical", "postal"]),
        country=rng.choice(["CN", "China", "CHN", "DE"]),
        city=rng.choice(["Chongqing", " chongqing", "重庆", "Beijing"]),
        postalCode=rng.choice(["80331", "8 1", "10115"]),
        period=period(rng),
    )


def _caused(made: Json, held: list[Json], rng: Random) -> Json:
    """An adverse event with its severity and what may have caused it; an encounter for a diagnosis on record."""
    if made["resourceType"] == "AdverseEvent":
        named = [f"{each['resourceType']}/{each['id']}" for each in held] or ["Procedure/gone"]
        made |= some(
            rng,
            0.6,
            severity=coded(rng, "severity-severe", "severity-not-severe"),
            suspectEntity=[{"instance": {"reference": rng.choice(named)}}],
        )
    diagnoses = [each["id"] for each in held if each["resourceType"] == "Condition"]
    if made["resourceType"] == "Encounter" and diagnoses and rng.random() < 0.4:  # now and then
        made["diagnosis"] = [{"condition": {"reference": f"Condition/{rng.choice(diagnoses)}"}}]
    return made
