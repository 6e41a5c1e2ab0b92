"""Searches: pages to the end, several in one round trip."""

from datetime import UTC, datetime

import httpx
import msgspec
import pytest
import respx

from adapter.errors import BadAnswerError, NoAccessError, OtherReleaseError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.client import search_path
from adapter.fhir.client.transport import seconds_of
from adapter.service.hook import _reached
from tests.unit.fhir_client.answers import BASE, answers, capabilities, json, observation, outcome, page

pytestmark = pytest.mark.anyio


async def test_pages_are_followed_to_the_end(client: FhirClient, server: respx.MockRouter) -> None:
    """A resource that is on two pages counts once, an empty page in between ends nothing."""
    server.get("/Observation", params={"patient": "p1"}).mock(
        return_value=json(page(observation("o1"), after="?page=2", total=3))
    )
    server.get("", params={"page": "2"}).mock(return_value=json(page(after=f"{BASE}?page=3")))
    server.get("", params={"page": "3"}).mock(return_value=json(page(observation("o1"), observation("o2"), total=3)))
    found = await client.search("Observation", {"patient": "p1"})
    assert [each.key for each in found] == ["Observation/o1", "Observation/o2"]


async def test_a_circle_of_pages_is_an_error(client: FhirClient, server: respx.MockRouter) -> None:
    """A server whose pages lead back would be asked for ever."""
    server.get("/Observation").mock(return_value=json(page(observation("o1"), after=f"{BASE}?page=2")))
    server.get("", params={"page": "2"}).mock(return_value=json(page(after=f"{BASE}?page=3")))
    server.get("", params={"page": "3"}).mock(return_value=json(page(after=f"{BASE}?page=2")))
    with pytest.raises(BadAnswerError, match="circle"):
        await client.search("Observation")


@pytest.mark.parametrize("held", [(), (observation("o1"),)], ids=["empty", "the same"])
async def test_pages_that_bring_nothing_end(
    client: FhirClient, server: respx.MockRouter, held: tuple[dict[str, object], ...]
) -> None:
    """Each has an address of its own, so they are no circle; some empty ones in a row are no failure."""

    def answer(request: httpx.Request) -> httpx.Response:
        return json(page(*held, after=f"{BASE}?page={int(request.url.params.get('page', 0)) + 1}"))

    route = server.get(url__startswith=BASE).mock(side_effect=answer)
    with pytest.raises(BadAnswerError, match="100 pages in a row bring nothing new"):
        await client.search("Observation")
    assert route.call_count <= 101
    with pytest.raises(BadAnswerError, match="bring nothing new"):
        [each async for each in client.pages("Observation")]


async def test_fresh_answers_and_strict_parameters_are_asked_for(client: FhirClient, server: respx.MockRouter) -> None:
    """Neither a cached search nor one whose parameter is ignored."""
    route = server.get("/Observation").mock(return_value=json(page()))
    await client.search("Observation")
    sent = route.calls.last.request.headers
    assert (sent["cache-control"], sent["prefer"]) == ("no-cache", "handling=strict")


PATHS = ["Patient?_id=p1", "Observation?patient=p1"]
PATIENT = {"resourceType": "Patient", "id": "p1"}


async def test_several_searches_are_one_batch(client: FhirClient, server: respx.MockRouter) -> None:
    """One round trip, and one more only for what has further pages."""
    server.get("/metadata").mock(return_value=json(capabilities()))
    more = page(observation("o1"), after=f"{BASE}?page=2")
    batch = server.post("").mock(return_value=json(answers(("200 OK", page(PATIENT)), ("200 OK", more))))
    server.get("", params={"page": "2"}).mock(return_value=json(page(observation("o2"))))
    patients, observations = await client.find(PATHS)
    assert [each.id for each in (*patients, *observations)] == ["p1", "o1", "o2"]
    sent = msgspec.json.decode(batch.calls.last.request.content)
    assert [entry["request"] for entry in sent["entry"]] == [{"method": "GET", "url": path} for path in PATHS]


@pytest.mark.parametrize("refusal", [400, 404, 405])
async def test_without_batch_the_searches_go_side_by_side(
    client: FhirClient, server: respx.MockRouter, refusal: int
) -> None:
    """Also where the server says that it can and then refuses; it is asked only once."""
    server.get("/metadata").mock(return_value=json(capabilities()))
    batch = server.post("").mock(return_value=json(outcome(), refusal))
    server.get("/Patient").mock(return_value=json(page(PATIENT)))
    server.get("/Observation").mock(return_value=json(page(observation("o1"))))
    for _ in range(2):
        assert [len(found) for found in await client.find(PATHS)] == [1, 1]
    assert batch.call_count == 1


async def test_a_server_that_says_it_has_no_batch_is_not_asked_for_one(
    client: FhirClient, server: respx.MockRouter
) -> None:
    """The searches go side by side at once."""
    server.get("/metadata").mock(return_value=json(capabilities(batch=False)))
    server.get("/Patient").mock(return_value=json(page(PATIENT)))
    server.get("/Observation").mock(return_value=json(page()))
    assert [len(found) for found in await client.find(PATHS)] == [1, 0]


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        pytest.param([("200 OK", page(PATIENT)), ("403", outcome())], NoAccessError, id="no access to one"),
        pytest.param([("200 OK", page(PATIENT)), ("200", outcome())], BadAnswerError, id="an OperationOutcome"),
        pytest.param([("200 OK", page(PATIENT)), ("500", outcome())], BadAnswerError, id="one failed"),
        pytest.param([("200 OK", page(PATIENT))], BadAnswerError, id="one is missing"),
    ],
)
async def test_a_failure_inside_a_batch_is_an_error(
    client: FhirClient, server: respx.MockRouter, entries: list[tuple[str, dict[str, object]]], error: type[Exception]
) -> None:
    """Never a record without one of its parts."""
    server.get("/metadata").mock(return_value=json(capabilities()))
    server.post("").mock(return_value=json(answers(*entries)))
    with pytest.raises(error) as caught:
        await client.find(PATHS)
    assert "Doe" not in str(caught.value)


async def test_a_server_of_another_fhir_version_is_refused(client: FhirClient, server: respx.MockRouter) -> None:
    """R5 has other elements under the same names."""
    server.get("/metadata").mock(return_value=json(capabilities(version="5.0.0")))
    with pytest.raises(OtherReleaseError, match=r"5\.0\.0"):
        await client.capabilities()
    assert await _reached(client) == "failed: OtherReleaseError"  # as readiness says it


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Wed, 25 Nov 2026 12:00:30 GMT", 30.0),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("9" * 400, 86_400.0),
        ("Fri, 25 Nov 2095 11:00:00 GMT", 86_400.0),
        ("-1", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110."""
    assert seconds_of(header, datetime(2026, 11, 25, 12, tzinfo=UTC)) == seconds


def test_a_search_keeps_what_fhir_separates_by() -> None:
    """Commas and bars have a meaning; everything else is escaped."""
    path = search_path("Patient", {"identifier": "urn:x|a b", "_id": "p1,p2"})
    assert httpx.URL(f"{BASE}/{path}").params["identifier"] == "urn:x|a b"
    assert "p1,p2" in path
