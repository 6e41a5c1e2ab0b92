"""Medication resources and Procedure -> facts."""

import pytest

from adapter.record import PatientRecord
from adapter.record.facts import ExposureFact, Route
from tests.build import ATC, DEXAMETHASONE, SNOMED, Json, bundle, concept, drug, entry, procedure
from tests.build import P1 as PATIENT
from tests.unit.record.conftest import Read

STEROID = "systemic-glucocorticoid"
KINDS = ("MedicationAdministration", "MedicationStatement", "MedicationRequest", "MedicationDispense")
OPEN: Json = {"effectivePeriod": {"start": "2026-02"}}
ORAL, INTRATHECAL = concept(SNOMED, "26643006"), concept(SNOMED, "72607000")


def the_fact(record: PatientRecord, value_set: str = STEROID) -> ExposureFact:
    """The only fact of a drug or procedure."""
    (fact,) = record.exposures[value_set]
    return fact


def times(fact: ExposureFact) -> tuple[str | None, str | None, bool]:
    """Start, end, and whether it runs on."""
    return (fact.start.text if fact.start else None, fact.end.text if fact.end else None, fact.open_end)


@pytest.mark.parametrize(
    ("kind", "elements", "expected"),
    [
        ("MedicationAdministration", {"effectiveDateTime": "2026-02-01"}, ("2026-02-01", "2026-02-01", False)),
        ("MedicationAdministration", OPEN | {"status": "in-progress"}, ("2026-02", None, True)),
        ("MedicationAdministration", OPEN | {"status": "completed"}, ("2026-02", None, False)),
        ("MedicationAdministration", OPEN | {"status": "stopped"}, ("2026-02", None, False)),
        ("MedicationAdministration", {"effectivePeriod": {"end": "2026-02"}}, (None, "2026-02", False)),
        ("MedicationAdministration", {"effectivePeriod": {"start": "2025", "end": "2026"}}, ("2025", "2026", False)),
        (
            "MedicationAdministration",
            {"effectivePeriod": {"start": "2025", "end": "x"}, "status": "in-progress"},
            ("2025", None, False),
        ),
        ("MedicationStatement", {"effectiveDateTime": "2026-02-01"}, ("2026-02-01", "2026-02-01", False)),
        ("MedicationStatement", OPEN | {"status": "active"}, ("2026-02", None, True)),
        ("MedicationStatement", {"dateAsserted": "2026-02-01"}, (None, None, False)),
        ("MedicationRequest", {"authoredOn": "2026-02-01"}, ("2026-02-01", None, False)),
        ("MedicationDispense", {"whenPrepared": "2026-02-01"}, ("2026-02-01", "2026-02-01", False)),
        (
            "MedicationDispense",
            {"whenPrepared": "2026-02-01", "whenHandedOver": "2026-02-02"},
            ("2026-02-02", "2026-02-02", False),
        ),
        ("MedicationAdministration", {}, (None, None, False)),
    ],
)
def test_when_a_drug_was_given(
    read_with: Read, kind: str, elements: Json, expected: tuple[str | None, str | None, bool]
) -> None:
    """Each resource has its own time; a period without an end runs on unless its status says that it is over.

    One whose end can't be read does not run on.
    """
    assert times(the_fact(read_with(drug(kind, **elements)))) == expected


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"performedDateTime": "2026-02-01"}, ("2026-02-01", "2026-02-01", False)),
        ({"performedPeriod": {"start": "2025", "end": "2026"}}, ("2025", "2026", False)),
        ({"performedPeriod": {"start": "2025"}, "status": "in-progress"}, ("2025", None, True)),
        ({"performedPeriod": {"start": "2025"}, "status": "completed"}, ("2025", None, False)),
        ({"performedPeriod": {"start": "2025", "end": "2026-13"}, "status": "in-progress"}, ("2025", None, False)),
        ({"performedString": "long ago"}, (None, None, False)),
        ({"performedDateTime": "long ago"}, (None, None, False)),
    ],
)
def test_when_a_procedure_was_done(
    read_with: Read, elements: Json, expected: tuple[str | None, str | None, bool]
) -> None:
    """A procedure is dated by day or period; text, or a date that can't be read, leaves it undated."""
    assert times(the_fact(read_with(procedure(**elements)), "hsct")) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["entered-in-error", "not-done", "cancelled", "draft", "not-taken", "declined"])
def test_a_status_that_never_counts_leaves_no_exposure(read_with: Read, kind: str, status: str) -> None:
    """What was not given, or entered in error, is no exposure, in whichever resource it stands."""
    assert not read_with(drug(kind, status=status)).exposures


@pytest.mark.parametrize("status", ["entered-in-error", "not-done"])
def test_a_procedure_not_done_leaves_no_exposure(read_with: Read, status: str) -> None:
    """A procedure that was not done says nothing, and is no trouble."""
    record = read_with(procedure(status=status))
    assert (dict(record.exposures), record.issues) == ({}, ())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["done", None])
def test_a_missing_or_unknown_status_is_an_issue(read_with: Read, kind: str, status: str | None) -> None:
    """Without a status of its type a drug is not read."""
    resource = {name: value for name, value in drug(kind, status=status).items() if value is not None}
    record = read_with(resource)
    assert not record.exposures
    assert [issue.path for issue in record.issues] == [f"{kind}.status"]


@pytest.mark.parametrize(
    ("resource", "ordered"),
    [
        (drug("MedicationRequest", status="active"), True),
        (drug("MedicationRequest", status="completed"), True),
        (drug("MedicationStatement", status="intended"), True),
        (drug("MedicationDispense", status="preparation"), True),
        (drug("MedicationDispense", status="completed"), False),
        (drug("MedicationAdministration", status="in-progress"), False),
        (drug("MedicationStatement", status="active"), False),
    ],
)
def test_an_order_is_intent(read_with: Read, resource: Json, ordered: bool) -> None:  # noqa: FBT001  # a table's column
    """A request, or what was only prepared or intended, doesn't say that the drug was taken."""
    assert the_fact(read_with(resource)).ordered is ordered


def test_an_order_not_to_give_is_none(read_with: Read) -> None:
    """doNotPerform turns a request into its contrary."""
    assert not read_with(drug("MedicationRequest", status="active", doNotPerform=True)).exposures


def referring(reference: str, **elements: object) -> Json:
    """A drug named by reference."""
    resource = drug(medicationReference={"reference": reference}, **elements)
    del resource["medicationCodeableConcept"]
    return resource


MEDICATION: Json = {"resourceType": "Medication", "id": "med", "code": concept(ATC, DEXAMETHASONE)}
BY_INGREDIENT: Json = {
    "resourceType": "Medication",
    "id": "med",
    "code": concept("urn:local", "4711"),
    "ingredient": [{"itemCodeableConcept": concept(ATC, DEXAMETHASONE)}],
}


@pytest.mark.parametrize("medication", [MEDICATION, BY_INGREDIENT])
@pytest.mark.parametrize(
    "reference", ["Medication/med", "Medication/med/_history/2", "http://hospital.example/fhir/Medication/med"]
)
def test_a_referenced_medication_is_looked_up(read_with: Read, medication: Json, reference: str) -> None:
    """The Medication may stand before or after what refers to it; its ingredients count like its code."""
    assert STEROID in read_with(medication, referring(reference)).exposures
    assert STEROID in read_with(referring(reference), medication).exposures


def test_a_medication_is_found_by_its_urn(read: Read) -> None:
    """In a transaction a Medication is known by its fullUrl."""
    medication = {name: value for name, value in MEDICATION.items() if name != "id"}
    record = read(bundle("transaction", entry(PATIENT), {"fullUrl": "urn:uuid:m", "resource": medication},
                         {"resource": referring("urn:uuid:m")}))  # fmt: skip
    assert STEROID in record.exposures


@pytest.mark.parametrize("medication", [MEDICATION, BY_INGREDIENT])
def test_a_contained_medication_is_looked_up(read_with: Read, medication: Json) -> None:
    """A Medication may stand inside the resource itself."""
    assert STEROID in read_with(referring("#med", contained=[medication])).exposures


@pytest.mark.parametrize("reference", ["Medication/other", "#other", "urn:uuid:other"])
def test_a_medication_that_is_missing_leaves_the_drug_unmapped(read_with: Read, reference: str) -> None:
    """A drug whose Medication isn't in the input is listed; it may be anything."""
    record = read_with(referring(reference), MEDICATION)
    assert not record.exposures
    assert [item.resource for item in record.unmapped] == ["MedicationAdministration/m1"]


def test_a_drug_that_is_only_named_is_listed_by_its_name(read_with: Read) -> None:
    """A person can find it then."""
    drug = referring("#other")
    drug["medicationReference"] = {"display": "PREDNISONE TAB 20MG"}
    assert [item.text for item in read_with(drug).unmapped] == ["PREDNISONE TAB 20MG"]


def test_a_bad_medication_is_an_issue(read_with: Read) -> None:
    """A Medication that can't be read is named, and so is the drug that refers to it."""
    record = read_with(MEDICATION | {"code": "dexamethasone"}, referring("Medication/med"))
    assert [issue.resource for issue in record.issues] == ["Medication/med"]
    assert [item.resource for item in record.unmapped] == ["MedicationAdministration/m1"]


ROUTES = [
    ([], Route.NONE),
    ([ORAL], Route.SYSTEMIC),
    ([INTRATHECAL], Route.OTHER),
    ([concept("urn:local", "po")], Route.UNMATCHED),
    ([{"text": "by mouth"}], Route.SYSTEMIC),
    ([{"text": "P.O."}], Route.SYSTEMIC),
    ([{"text": "intrathekal"}], Route.OTHER),
    ([{"text": "oral or rectal"}], Route.UNMATCHED),
    ([{"coding": [{"system": "urn:local", "code": "4", "display": "i.v."}]}], Route.SYSTEMIC),
    ([{"coding": [{"system": "urn:local", "code": "4", "display": "oral"}], "text": "topical"}], Route.UNMATCHED),
    ([INTRATHECAL, ORAL], Route.SYSTEMIC),
    ([INTRATHECAL, {"text": "?"}], Route.UNMATCHED),
]


def dosed(kind: str, routes: list[Json]) -> Json:
    """A drug with a dosage for each route; a MedicationAdministration has one at most."""
    dosages = [{"route": route} for route in routes]
    if kind == "MedicationAdministration":
        return drug(kind, **({"dosage": dosages[0]} if dosages else {}))
    return drug(kind, **{"dosage" if kind == "MedicationStatement" else "dosageInstruction": dosages})


@pytest.mark.parametrize(
    ("kind", "routes", "expected"),
    [
        (kind, routes, expected)
        for kind in KINDS
        for routes, expected in ROUTES
        if len(routes) < 2 or kind != "MedicationAdministration"
    ],
)
def test_the_route(read_with: Read, kind: str, routes: list[Json], expected: Route) -> None:
    """Systemic if any dosage is; other if all are known not to be; else unmatched, or none at all."""
    assert the_fact(read_with(dosed(kind, routes))).route is expected


@pytest.mark.parametrize("kind", [*KINDS, "Procedure"])
def test_what_no_map_knows_is_listed(read_with: Read, kind: str) -> None:
    """A drug or procedure of an unknown code is unmapped."""
    local = concept("urn:local", "4711", display="Dexa")
    resource = procedure(code=local) if kind == "Procedure" else drug(kind, medicationCodeableConcept=local)
    (item,) = read_with(resource).unmapped
    assert (item.type, item.system, item.code, item.text) == (kind, "urn:local", "4711", "Dexa")
