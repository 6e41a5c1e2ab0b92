"""Which patients of a server are meant."""

import pytest
import respx

from adapter.errors import BadAnswerError, InputError, UsageError
from adapter.fhir.client import FhirClient
from adapter.fhir.patients import Selection, indicated_patients, listed_patients, selection_of
from adapter.screening.setup import Setup
from tests.unit.fhir_client.answers import BASE, json, page
from tests.unit.fhir_client.test_patient_record import patient

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "base", "selection"),
    [
        ("https://h/fhir", "https://h/fhir", Selection()),
        ("https://h:8443/fhir/", "https://h:8443/fhir", Selection()),
        ("https://h", "https://h", Selection()),
        ("https://h/fhir/Group/g1", "https://h/fhir", Selection(group="g1")),
        ("https://h/fhir/Patient", "https://h/fhir", Selection()),
        (
            "https://h/fhir/Patient?birthdate=ge2000&active=true",
            "https://h/fhir",
            Selection(search=(("birthdate", "ge2000"), ("active", "true"))),
        ),
    ],
)
def test_an_address_says_whom_to_screen(url: str, base: str, selection: Selection) -> None:
    """Everyone, a Group's members, or whom a search finds."""
    assert selection_of(url) == (base, selection)


def test_a_search_of_something_else_is_refused() -> None:
    """Its results would be taken for patients."""
    with pytest.raises(UsageError, match="Patient"):
        selection_of("https://h/fhir/Observation?code=1")


async def test_who_was_replaced_is_screened_once_with_who_replaced_them(
    client: FhirClient, server: respx.MockRouter
) -> None:
    """On whatever page they are, in whatever order."""
    first = page(patient("p1", replaced_by="p2"), patient("p3"), after=f"{BASE}?page=2")
    server.get("/Patient").mock(return_value=json(first))
    server.get("", params={"page": "2"}).mock(return_value=json(page(patient("p2", replaces="p1"))))
    assert await listed_patients(client, Selection()) == {"p2": ("p1",), "p3": ()}


async def test_a_list_that_is_cut_short_is_an_error(client: FhirClient, server: respx.MockRouter) -> None:
    """A server that has found more patients than it sends would leave the others out in silence."""
    server.get("/Patient").mock(return_value=json(page(patient("p1"), patient("p2"), total=320)))
    with pytest.raises(BadAnswerError, match="found 320 and sent 2"):
        await listed_patients(client, Selection())


async def test_members_on_another_server_are_refused(client: FhirClient, server: respx.MockRouter) -> None:
    """Who has the same id here is somebody else."""
    members = [{"entity": {"reference": "http://other.example/fhir/Patient/p1"}}]
    server.get("/Group/g1").mock(return_value=json({"resourceType": "Group", "id": "g1", "member": members}))
    with pytest.raises(InputError, match="Patients of this server"):
        await listed_patients(client, Selection(group="g1"))


async def test_inactive_members_of_a_group_are_left_out(client: FhirClient, server: respx.MockRouter) -> None:
    """A Group says so itself."""
    members = [
        {"entity": {"reference": "Patient/p1"}},
        {"entity": {"reference": "Patient/p2"}, "inactive": True},
        {"entity": {"reference": f"{BASE}/Patient/p3"}},
    ]
    server.get("/Group/g1").mock(return_value=json({"resourceType": "Group", "id": "g1", "member": members}))
    assert list(await listed_patients(client, Selection(group="g1"))) == ["p1", "p3"]


@pytest.mark.parametrize("entity", [{"reference": "Group/g2"}, {"display": "someone"}, None])
async def test_a_group_that_does_not_say_whom_it_holds_is_refused(
    client: FhirClient, server: respx.MockRouter, entity: dict[str, str] | None
) -> None:
    """Nobody is skipped silently."""
    members = [{"entity": {"reference": "Patient/p1"}}, {"entity": entity}] if entity else []
    server.get("/Group/g1").mock(return_value=json({"resourceType": "Group", "id": "g1", "member": members}))
    with pytest.raises(InputError, match="Group/g1"):
        await listed_patients(client, Selection(group="g1"))


async def test_the_index_disease_is_found_by_our_own_terminology(
    client: FhirClient, server: respx.MockRouter, strict: Setup
) -> None:
    """A code without its dot, below a prefix: a server's token search would miss it. Words may be any disease."""
    held = [("c1", "p1", "C9101"), ("c2", "p2", "I10"), ("c3", "p3", "C91.02")]
    in_words = {"resourceType": "Condition", "id": "c4", "subject": {"reference": "Patient/p4"}, "code": {"text": "?"}}
    conditions = [
        {
            "resourceType": "Condition",
            "id": id_,
            "subject": {"reference": f"Patient/{of}"},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]},
        }
        for id_, of, code in held
    ]
    server.get("/Condition").mock(return_value=json(page(*conditions, in_words)))
    index = frozenset(name for bound in strict.bounds for name in bound.definition.index_concepts())
    assert await indicated_patients(client, strict.terminology, index) == {"p1", "p3", "p4"}
