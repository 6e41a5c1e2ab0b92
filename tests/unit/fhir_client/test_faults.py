"""What a FHIR server may do wrong: each is a typed error or is tried again, and none becomes an answer."""

import httpx
import pytest
import respx

from adapter.errors import (
    AbsentError,
    BadAnswerError,
    ConflictError,
    NoAccessError,
    OverloadedError,
    RejectedError,
    ServerError,
    UnreachableError,
)
from adapter.fhir.client import FhirClient
from tests.unit.fhir_client.answers import BASE, capabilities, json, observation, outcome, page

pytestmark = pytest.mark.anyio
HTML = httpx.Response(200, html="<html>Under maintenance</html>")
CUT = httpx.Response(200, content=b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Obs')


@pytest.mark.parametrize(
    ("status", "error", "tries"),
    [
        (400, RejectedError, 1),
        (401, NoAccessError, 1),
        (403, NoAccessError, 1),
        (404, AbsentError, 1),
        (409, ConflictError, 1),
        (410, AbsentError, 1),
        (412, ConflictError, 1),
        (422, RejectedError, 1),
        (301, BadAnswerError, 1),
        (501, BadAnswerError, 1),
        (408, BadAnswerError, 3),
        (429, OverloadedError, 3),
        (500, BadAnswerError, 3),
        (502, BadAnswerError, 3),
        (503, OverloadedError, 3),
        (504, BadAnswerError, 3),
    ],
)
async def test_every_refusal_has_its_error(
    client: FhirClient, server: respx.MockRouter, status: int, error: type[ServerError], tries: int
) -> None:
    """What may be over soon is tried again; the text never repeats what the server says of a patient."""
    route = server.get("/Observation/secret-id").mock(return_value=json(outcome(), status))
    with pytest.raises(error) as caught:
        await client.read("Observation", "secret-id")
    assert route.call_count == tries
    assert f"{BASE}: GET Observation: {status}" in str(caught.value)
    assert "Doe" not in str(caught.value)
    assert "secret-id" not in str(caught.value)
    assert caught.value.details == "Jane Doe is not allowed"


async def test_an_address_where_no_fhir_is(client: FhirClient, server: respx.MockRouter) -> None:
    """A server without the path of its FHIR base answers 404 with a page of its own."""
    server.get("/Patient/p1").mock(return_value=httpx.Response(404, html="<html>No such page</html>"))
    with pytest.raises(AbsentError, match=r"is this address a FHIR server's base\?"):
        await client.read("Patient", "p1")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(httpx.ConnectError("refused"), id="no connection"),
        pytest.param(httpx.ReadTimeout("slow"), id="no answer in time"),
        pytest.param(httpx.RemoteProtocolError("cut"), id="connection broken"),
        pytest.param(json(outcome(), 500), id="500"),
        pytest.param(json(outcome(), 503), id="503"),
        pytest.param(HTML, id="HTML"),
        pytest.param(CUT, id="truncated JSON"),
        pytest.param(httpx.Response(200, content=b"\xff\xfe"), id="not UTF-8"),
        pytest.param(httpx.Response(200, content=b""), id="nothing"),
    ],
)
async def test_what_passes_is_tried_again(
    client: FhirClient, server: respx.MockRouter, fault: httpx.Response | Exception
) -> None:
    """One failure costs time and nothing else."""
    server.get("/Observation").mock(side_effect=[fault, json(page(observation("o1")))])
    assert [found.id for found in await client.search("Observation")] == ["o1"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(httpx.ConnectError("refused"), UnreachableError, id="no connection"),
        pytest.param(httpx.ReadTimeout("slow"), UnreachableError, id="no answer in time"),
        pytest.param(HTML, BadAnswerError, id="HTML"),
        pytest.param(CUT, BadAnswerError, id="truncated JSON"),
    ],
)
async def test_what_does_not_pass_is_an_error(
    client: FhirClient, server: respx.MockRouter, fault: httpx.Response | Exception, error: type[ServerError]
) -> None:
    """Never an empty answer."""
    route = server.get("/Observation").mock(side_effect=[fault] * 3)
    with pytest.raises(error):
        await client.search("Observation")
    assert route.call_count == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(outcome(), id="an OperationOutcome instead of a Bundle"),
        pytest.param({"resourceType": "Patient", "id": "p1"}, id="another type instead of a Bundle"),
        pytest.param({"resource": "none"}, id="JSON that is no resource"),
        pytest.param(page({"resourceType": "Patient", "id": "p1"}), id="another type among the found"),
        pytest.param(page(outcome(), mode="outcome"), id="an error among the found"),
        pytest.param(page(observation("o1"), total=2), id="fewer than it says it found"),
        pytest.param({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:x"}]}, id="an entry without resource"),
        pytest.param(page(observation("o1"), after="https://elsewhere.example.org/r4?page=2"), id="next elsewhere"),
        pytest.param(page(observation("o1"), after="http://fhir.example.org/r4?page=2"), id="next over plain HTTP"),
        pytest.param(page(observation("o1"), after=f"{BASE}/Observation"), id="next is the same page"),
        pytest.param({**page(observation("o1")), "link": [{"relation": "next"}]}, id="next without its address"),
    ],
)
async def test_an_answer_that_is_not_what_was_asked_for_is_an_error(
    client: FhirClient, server: respx.MockRouter, answer: dict[str, object]
) -> None:
    """An answer of success that would make a patient's record incomplete is none; asking again would not help."""
    route = server.get("/Observation").mock(return_value=json(answer))
    with pytest.raises(BadAnswerError):
        await client.search("Observation")
    assert route.call_count == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(page(outcome(), mode="outcome"), id="an error among the found"),
        pytest.param({"resourceType": "Bundle", "entry": [{"resource": outcome()}]}, id="an error in a history"),
        pytest.param({**page(observation("o1")), "link": [{"relation": "next"}]}, id="next without its address"),
        pytest.param(page(observation("o1"), total=2), id="fewer than it says it found"),
    ],
)
async def test_a_page_that_is_not_all_is_an_error(
    client: FhirClient, server: respx.MockRouter, answer: dict[str, object]
) -> None:
    """Whoever goes through pages one by one, as a sweep does, takes no part of a list for all of it either."""
    server.get("/Observation").mock(return_value=json(answer))
    with pytest.raises(BadAnswerError):
        _ = [each async for each in client.pages("Observation")]


TWICE = {
    "a result": b'{"resourceType":"Observation","id":"o1","status":"final","status":"entered-in-error"}',
    "deep inside": b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":6,"value":60}}',
    "an escaped key": b'{"resourceType":"Observation","id":"o1","st\\u0061tus":"final","status":"final"}',
}


@pytest.mark.parametrize("resource", TWICE.values(), ids=TWICE)
async def test_an_answer_that_says_two_things_is_none(
    client: FhirClient, server: respx.MockRouter, resource: bytes
) -> None:
    """Of two equal keys nobody knows which is meant: no answer to a read, a search, or a batch rests on one."""
    found = b'{"resourceType":"Bundle","entry":[{"resource":%s}]}' % resource
    entry = b'{"resource":%s,"response":{"status":"200 OK"}}' % found
    server.get("/metadata").mock(return_value=json(capabilities()))
    server.get("/Observation/o1").respond(content=resource)
    server.get("/Observation").respond(content=found)
    server.post("").respond(content=b'{"resourceType":"Bundle","entry":[%s,%s]}' % (entry, entry))
    for asked in (
        client.read("Observation", "o1"),
        client.search("Observation"),
        client.find(["Observation?code=1", "Observation?code=2"]),
    ):
        with pytest.raises(BadAnswerError, match=r"(GET Observation|POST batch): .* stands twice in one object"):
            await asked


async def test_a_list_that_stands_twice_in_an_answer_is_none(client: FhirClient, server: respx.MockRouter) -> None:
    """Else the first half of a search would be lost."""
    server.get("/Observation").respond(content=b'{"resourceType":"Bundle","entry":[{"x":1}],"entry":[]}')
    with pytest.raises(BadAnswerError, match="'entry' stands twice"):
        await client.search("Observation")


LOST = [httpx.ReadTimeout("slow"), json(outcome(), 504), CUT]
UNSENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("busy")]
TAKEN = {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": {"status": "200 OK"}}]}
PUT = {"resource": {"resourceType": "CodeSystem"}, "request": {"method": "PUT", "url": "CodeSystem?url=http://x"}}
CHANGED = {**PUT, "request": {"method": "PUT", "url": "CodeSystem/1", "ifMatch": 'W/"1"'}}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("refusal", [409, 422])
async def test_a_transaction_in_conflict_with_its_own_earlier_try_is_sent_again(
    client: FhirClient, server: respx.MockRouter, lost: httpx.Response | Exception, refusal: int
) -> None:
    """The server still carries out the first one, and refuses the second for it; the third finds all done."""
    route = server.post("").mock(side_effect=[lost, json(outcome(), refusal), json(TAKEN)])
    assert [each.status for each in await client.transaction([PUT])] == ["200 OK"]
    assert route.call_count == 3


@pytest.mark.parametrize(
    ("entry", "answers", "error", "tries"),
    [
        pytest.param(PUT, [json(outcome(), 422)], RejectedError, 1, id="refused at once"),
        pytest.param(PUT, [json(outcome(), 503), json(outcome(), 422)], RejectedError, 2, id="503 was not carried out"),
        *[
            pytest.param(PUT, [unsent, json(outcome(), 422)], RejectedError, 2, id=f"{type(unsent).__name__}: not sent")
            for unsent in UNSENT
        ],
        pytest.param(PUT, [LOST[0], UNSENT[0], json(outcome(), 422)], ConflictError, 3, id="sent, and then not"),
        pytest.param(PUT, [LOST[0], *[json(outcome(), 422)] * 2], ConflictError, 3, id="refused again and again"),
        pytest.param(PUT, [json(outcome(), 409)] * 3, ConflictError, 3, id="somebody else writes all the time"),
        pytest.param(PUT, [json(outcome(), 412)], ConflictError, 1, id="several stand there"),
        pytest.param(CHANGED, [json(outcome(), 409)], ConflictError, 1, id="of a version: decided anew by the caller"),
        pytest.param(CHANGED, [LOST[0], json(outcome(), 422)], ConflictError, 2, id="of a version, perhaps done"),
    ],
)
async def test_a_transaction_that_is_refused(
    client: FhirClient,
    server: respx.MockRouter,
    entry: dict[str, object],
    answers: list[httpx.Response | Exception],
    error: type[ServerError],
    tries: int,
) -> None:
    """What can't be our own doing is the server's word."""
    route = server.post("").mock(side_effect=answers)
    with pytest.raises(error) as caught:
        await client.transaction([entry])
    assert type(caught.value) is error or error is ConflictError
    assert caught.value.details == "Jane Doe is not allowed"
    assert route.call_count == tries


async def test_a_large_transaction_has_more_time(client: FhirClient, server: respx.MockRouter) -> None:
    """A server answers once all of it is done."""
    taken = {**TAKEN, "entry": [{"response": {"status": "200 OK"}}] * 205}
    route = server.post("").mock(side_effect=[json(taken), json(TAKEN)])
    await client.transaction([PUT] * 205)
    await client.transaction([PUT])
    large, small = (call.request.extensions["timeout"] for call in route.calls)
    assert (large["read"], small["read"]) == (330, 30)
    assert large["connect"] == small["connect"] == 5


async def test_retry_after_is_waited_for(client: FhirClient, server: respx.MockRouter) -> None:
    """A server that says when to come back is asked then."""
    route = server.get("/Observation/o1")
    route.mock(side_effect=[json(outcome(), 429, **{"Retry-After": "0"}), json(observation("o1"))])
    assert (await client.read("Observation", "o1")).id == "o1"


async def test_a_long_retry_after_ends_the_tries(client: FhirClient, server: respx.MockRouter) -> None:
    """Longer than a caller waits: it is told how long."""
    route = server.get("/Observation/o1").mock(return_value=json(outcome(), 503, **{"Retry-After": "120"}))
    with pytest.raises(OverloadedError) as caught:
        await client.read("Observation", "o1")
    assert caught.value.retry_after == 120
    assert route.call_count == 1
