"""What can't be read is named: which resource, which element, why; never with a patient's value in it."""

import json
from collections.abc import Mapping
from time import process_time

import pytest

from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.record.facts import UNREADABLE, Verification
from tests.build import (
    ATRIAL_FIBRILLATION,
    ECOG,
    LOINC,
    P1,
    SNOMED,
    Json,
    allergy,
    concept,
    condition,
    consent,
    drug,
    observation,
    procedure,
    quantity,
)
from tests.unit.record.conftest import Read

PRIVATE = "Ms Miller, 17 Elm Street"
GOOD = {"valueQuantity": quantity(80, "g/L")}

WRONG_TYPES: list[tuple[Json, str]] = [
    (observation(status=5), "Observation.status"),
    (observation(valueQuantity=80), "Observation.valueQuantity"),
    (observation(valueString=80), "Observation.valueString"),
    (observation(valueBoolean="true"), "Observation.valueBoolean"),
    (observation(code="718-7") | {"code": "718-7"}, "Observation.code"),
    (observation(component={}), "Observation.component"),
    (observation(component=[{"code": {"coding": [{"code": 5}]}}]), "Observation.component[0].code.coding[0].code"),
    (observation(subject=["Patient/p1"]), "Observation.subject"),
    (condition(onsetDateTime=2020), "Condition.onsetDateTime"),
    (condition(clinicalStatus="active"), "Condition.clinicalStatus"),
    (condition(stage=[5]), "Condition.stage[0]"),
    (drug(dosage="oral"), "MedicationAdministration.dosage"),
    (drug("MedicationRequest", doNotPerform="no"), "MedicationRequest.doNotPerform"),
    (procedure(performedPeriod="2020"), "Procedure.performedPeriod"),
    (allergy(reaction=[None]), "AllergyIntolerance.reaction[0]"),
    (consent(provision=[]), "Consent.provision"),
]


@pytest.mark.parametrize(("resource", "path"), WRONG_TYPES, ids=[path for _, path in WRONG_TYPES])
def test_a_wrong_type_is_named_with_its_path(read_with: Read, resource: Json, path: str) -> None:
    """A value of the wrong JSON type leaves the resource, or its value, unread; the issue says where it stands."""
    record = read_with(resource)
    name = f"{resource['resourceType']}/{resource['id']}"
    assert {(issue.resource, issue.path) for issue in record.issues} == {(name, path)}
    assert any(issue.message.endswith("was not read") for issue in record.issues)
    for fact in (each for facts in record.observations.values() for each in facts):
        assert (fact.amount, fact.coded, fact.answer, fact.string, fact.boolean) == (None, None, None, None, None)
    for each in record.all_conditions:  # of what is kept, so that nobody drops out of a screening
        assert (each.clinical, each.verification) == (UNREADABLE, Verification.UNCONFIRMED)
        assert (each.onset, each.recorded, each.abatement) == (None, None, None)
    assert not record.exposures
    assert not record.allergies
    assert record.consents == ()


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ('"80"', "not a JSON number"),
        ("null", "not a JSON number"),
        ("true", "not a JSON number"),
        ("{}", "not a JSON number"),
        ("[80]", "not a JSON number"),
        ("1e999999999", "a number beyond any measurement"),
        ("-1e999999999", "a number beyond any measurement"),
        ("1e-999999999", "a number beyond any measurement"),
        ("1e9999999999999999999", ""),
        ("9" * 100_000, "a number beyond any measurement"),
        ("0." + "0" * 100_000 + "1", "a number beyond any measurement"),
    ],
    ids=lambda text: text[:24],
)
def test_a_number_that_is_none_or_a_bomb_is_an_issue(read: Read, number: str, message: str) -> None:
    """Text in place of a number, and exponents that no measurement has, are refused at once."""
    resource = json.dumps(observation(valueQuantity=quantity("@", "g/L"))).replace('"@"', number)
    record = read(f"[{json.dumps(P1)},{resource}]".encode())
    (fact,) = record.observations["haemoglobin"]
    assert fact.amount is None
    (issue,) = record.issues
    assert issue.path == "Observation.valueQuantity.value"
    assert message in issue.message


def test_a_tag_without_end_takes_no_time(read: Read) -> None:
    """The work grows with the length of a report's narrative; with its square, one of a megabyte took half an hour."""
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "MRI"},
        "text": {"status": "generated", "div": f"<div>GVHD <{' ' * 60_000}</div>"},
    }
    began = process_time()
    record = read(json.dumps([P1, report]).encode())
    assert process_time() - began < 2
    assert record.mentions


OF_P1 = {"subject": {"reference": "Patient/p1"}}
STATED = {"resourceType": "MedicationStatement", "status": "active", **OF_P1}


def _codings(count: int) -> list[Json]:
    return [{"system": SNOMED, "code": str(100_000 + each)} for each in range(count)]


def _ingredients(count: int) -> list[Json]:
    return [{"itemReference": {"reference": f"#i{each}"}} for each in range(count)]


MANY: Mapping[str, list[Json]] = {
    "versions": [observation(id="o", note=[{"text": f"{each}"}]) for each in range(2_000)],
    "derivedFrom": [
        observation(id="a", note=[{"text": "x"}] * 20_000),
        observation(id="b", derivedFrom=[{"reference": "Observation/a"}] * 4_000),
    ],
    "specimen": [
        observation(
            id="a",
            specimen=[{"reference": f"#s{each}"} for each in range(6_000)],
            contained=[{"resourceType": "Specimen", "id": f"s{each}"} for each in range(6_000)],
        )
    ],
    "ingredient": [
        {
            **STATED,
            "id": "m",
            "medicationReference": {"reference": "#m"},
            "contained": [
                {"resourceType": "Medication", "id": "m", "ingredient": _ingredients(6_000)},
                *({"resourceType": "Medication", "id": f"i{each}", "code": {"text": "x"}} for each in range(6_000)),
            ],
        }
    ],
    "coding": [{"resourceType": "Condition", "id": "c", "code": {"coding": _codings(10_000)}, **OF_P1}],
    "codings of ingredients": [
        {
            "resourceType": "Medication",
            "id": "m",
            "ingredient": [{"itemCodeableConcept": {"coding": _codings(200)}}] * 50,
        },
        *({**STATED, "id": f"s{each}", "medicationReference": {"reference": "Medication/m"}} for each in range(100)),
    ],
}


@pytest.mark.parametrize("resources", MANY.values(), ids=MANY)
def test_of_many_the_work_grows_with_their_number(terminology: Terminology, read: Read, resources: list[Json]) -> None:
    """With its square, or with what each names, half a megabyte took minutes."""
    content = json.dumps([P1, *resources]).encode()
    began = process_time()
    record = read(content)
    for codes in [each.codes for each in record.all_conditions] + [each.codes for each in record.all_exposures]:
        terminology.classified(ListKind.CONDITIONS, codes)
    assert process_time() - began < 2


@pytest.mark.parametrize("resources", [MANY["coding"], MANY["codings of ingredients"]])
def test_what_has_more_codings_than_can_be_compared_is_missing(read: Read, resources: list[Json]) -> None:
    """One of them might be what is asked for, so nothing of its type is denied."""
    record = read(json.dumps([P1, *resources]).encode())
    assert record.unread & {"Condition", "MedicationStatement"}
    assert not record.all_exposures
    assert record.issues


@pytest.mark.parametrize("number", ["0e999999999", "-0", "0.0", "80E0", "8e1", "80.00"])
def test_a_number_may_be_written_in_any_way(read: Read, number: str) -> None:
    """Zeros with any exponent, and exponents within reason, are numbers like others."""
    resource = json.dumps(observation(valueQuantity=quantity("@", "g/L"))).replace('"@"', number)
    record = read(f"[{json.dumps(P1)},{resource}]".encode())
    assert record.issues == ()
    (fact,) = record.observations["haemoglobin"]
    assert fact.amount is not None
    assert fact.amount.low in (0, 80)


@pytest.mark.parametrize(
    ("elements", "path"),
    [
        ({"valueQuantity": {"unit": "g/L"}}, "Observation.valueQuantity"),
        ({"valueQuantity": quantity(80, "g/L", comparator="~")}, "Observation.valueQuantity.comparator"),
        ({"valueRange": {"low": {"unit": "g/L"}}}, "Observation.valueRange.low"),
        ({"effectivePeriod": {"end": "?"}, "effectiveDateTime": None, **GOOD}, "Observation.effectivePeriod.end"),
    ],
)
def test_a_value_that_makes_no_sense_is_an_issue(read_with: Read, elements: Json, path: str) -> None:
    """Each part that can't be read has its own path."""
    resource = {name: value for name, value in observation(**elements).items() if value is not None}
    assert [issue.path for issue in read_with(resource).issues] == [path]


def test_a_component_has_its_own_path(read_with: Read) -> None:
    """The issue of a component says which one it is."""
    parts = [
        {"code": concept(LOINC, ECOG), "valueInteger": 1},
        {"code": concept(LOINC, "718-7"), "valueQuantity": {"value": "80"}},
    ]
    record = read_with(observation("x", component=parts))
    assert [issue.path for issue in record.issues] == ["Observation.component[1].valueQuantity.value"]
    assert "ecog" in record.observations


def test_an_issue_stands_once(read_with: Read) -> None:
    """A panel's bad date is one issue, however many components it dates."""
    parts = [{"code": concept(LOINC, code), "valueInteger": 1} for code in (ECOG, "89243-0")]
    record = read_with(observation("x", component=parts, effectiveDateTime="?"))
    assert [issue.path for issue in record.issues] == ["Observation.effectiveDateTime"]


def test_an_unknown_resource_type_is_an_issue(read_with: Read) -> None:
    """A type of another FHIR release, or a made-up one, is named."""
    record = read_with({"resourceType": "NutritionProduct", "id": "x"}, {"resourceType": "observation", "id": "y"})
    found = [(issue.resource, issue.path, issue.message) for issue in record.issues]
    assert found == [
        ("NutritionProduct/x", "resourceType", "not a resource type of FHIR R4"),
        ("observation/y", "resourceType", "not a resource type of FHIR R4"),
    ]


def test_types_that_no_criterion_reads_are_counted(read_with: Read) -> None:
    """R4 resources of other types are no trouble; how many there are is known."""
    record = read_with(
        {"resourceType": "Appointment", "id": "e"}, {"resourceType": "Appointment"}, {"resourceType": "List"}
    )
    assert dict(record.other_types) == {"Appointment": 2, "List": 1}
    assert record.issues == ()


LEAKS: list[Json] = [
    observation(status=PRIVATE, **GOOD),
    observation(effectiveDateTime=PRIVATE, **GOOD),
    observation(valueQuantity=quantity(PRIVATE)),
    observation(valueQuantity=quantity(80, comparator=PRIVATE)),
    observation(subject={"reference": PRIVATE}),
    condition(clinicalStatus=concept(None, PRIVATE)),
    condition(verificationStatus=concept(None, PRIVATE)),
    condition(concept(SNOMED, ATRIAL_FIBRILLATION), onsetAge=quantity(5, PRIVATE)),
    condition(onsetDateTime=[PRIVATE]),
    condition(stage=PRIVATE),
    drug(status=PRIVATE),
    procedure(performedDateTime=PRIVATE),
    consent(status=PRIVATE),
    consent(dateTime=PRIVATE),
    allergy(verificationStatus=concept(None, PRIVATE)),
    {"resourceType": "Observation", "id": "x", "code": PRIVATE},
]


@pytest.mark.parametrize("resource", LEAKS)
def test_no_issue_repeats_a_patients_value(read_with: Read, resource: Json) -> None:
    """Whatever stands in the wrong place may be about the patient, so it is not repeated."""
    patient = P1 | {"birthDate": "1990-01-01"}
    record = read_with(patient, resource)
    assert record.issues
    assert not any("Miller" in f"{issue.resource}{issue.path}{issue.message}" for issue in record.issues)
