"""Writing back: what a research server may do in between."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import respx

from adapter.errors import ConflictError, RejectedError
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import GUIDANCE, STUDY
from adapter.fhir.research_subject import elsewhere
from adapter.fhir.write_back import ResearchServer, Written
from tests.properties.test_standing import proposal
from tests.unit.fhir_client.answers import BASE, Json, capabilities, json, outcome, page

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    """A research server with the study s1."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        router.get("/metadata").mock(return_value=json(capabilities(batch=False)))
        router.get("/ResearchStudy").mock(return_value=json(page({"resourceType": "ResearchStudy", "id": "77"})))
        yield router


@pytest.fixture
async def research(server: respx.MockRouter) -> AsyncIterator[ResearchServer]:  # noqa: ARG001  # the server is first
    """A client of it that doesn't wait between its tries."""
    async with open_client(ServerSettings(url=BASE, wait=0, attempts=2)) as client:
        yield ResearchServer(client)


def stands(proposed: str, version: str = "1", **more: object) -> Json:
    """What stands there: by default as the adapter left it."""
    found = {**proposal(proposed).research_subject, "id": "900", "study": {"reference": "ResearchStudy/77"}}
    return {**found, "meta": {"versionId": version}, **more}


def done(*statuses: str) -> httpx.Response:
    """The answer to a transaction."""
    entries: list[Any] = [{"response": {"status": status}} for status in statuses]
    return json({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


def made(name: str, status: str = "201 Created") -> httpx.Response:
    """The answer to a transaction that makes a ResearchSubject."""
    response = {"status": status, "location": f"ResearchSubject/{name}/_history/1", "etag": 'W/"1"'}
    return json({"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": response}]})


def sent(route: respx.Route, place: int = -1) -> list[Json]:
    """The entries of a transaction, by default the last."""
    found: list[Json] = msgspec.json.decode(route.calls[place].request.content)["entry"]
    return found


def refers_to_guidance(resource: Json) -> bool:
    """Whether a ResearchSubject refers to a guidance that is there."""
    (found,) = [each["valueReference"] for each in resource["extension"] if each["url"] == GUIDANCE]
    return "reference" in found


async def test_a_new_one_is_made_unless_it_is_there(research: ResearchServer, server: respx.MockRouter) -> None:
    """A conditional create, alone; what it stands on follows beside a change of what was made, and of that only."""
    server.get("/ResearchSubject").mock(return_value=json(page()))
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    route = server.post("").mock(side_effect=[made("900"), done("201 Created", "200 OK")])
    assert await research.write([proposal("candidate")], ()) == [
        Written(study="s1", status="candidate", proposal="candidate", by_person=False, changed=True)
    ]
    (first,) = sent(route, 0)
    assert first["request"]["method"] == "POST"
    assert "research-subject|a1" in first["request"]["ifNoneExist"]
    assert first["resource"]["study"] == {"reference": "ResearchStudy/77"}
    assert not refers_to_guidance(first["resource"])
    guidance, subject = sent(route)
    assert guidance["request"] == {"method": "PUT", "url": "GuidanceResponse/a2"}
    assert subject["request"] == {"method": "PUT", "url": "ResearchSubject/900", "ifMatch": 'W/"1"'}
    assert refers_to_guidance(subject["resource"])


async def test_a_guidance_that_is_missing_is_guarded(research: ResearchServer, server: respx.MockRouter) -> None:
    """Its ResearchSubject is written with it, also where that says the same: else a late write would go unnoticed."""
    server.get("/ResearchSubject").mock(return_value=json(page(stands("candidate", "3"))))
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    server.get("/ResearchSubject/900/_history").mock(return_value=json(page(stands("candidate", "3"))))
    route = server.post("").mock(return_value=done("201 Created", "200 OK"))
    await research.write([proposal("candidate")], ())
    assert [each["request"].get("ifMatch") for each in sent(route)] == [None, 'W/"3"']


@pytest.mark.parametrize("answered", [("200 OK", "900"), ("201 Created", None)])
async def test_who_comes_second_decides_again(
    research: ResearchServer, server: respx.MockRouter, answered: tuple[str, str | None]
) -> None:
    """Two writers at once: the second finds the first's, and what a person has done to it meanwhile stands.

    So does one that is not told what it has made.
    """
    eligible = stands("candidate", "2", status="eligible")
    server.get("/ResearchSubject").mock(side_effect=[json(page()), json(page(eligible))])
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    status, name = answered
    first = done(status) if name is None else made(name, status)
    route = server.post("").mock(side_effect=[first, done("200 OK", "200 OK")])
    assert await research.write([proposal("ineligible")], ()) == [
        Written(study="s1", status="eligible", proposal="ineligible", by_person=True, changed=True)
    ]
    assert sent(route)[1]["request"] == {"method": "PUT", "url": "ResearchSubject/900", "ifMatch": 'W/"2"'}
    assert sent(route)[1]["resource"]["status"] == "eligible"


@pytest.mark.parametrize("status", [409, 412])
async def test_an_edit_between_read_and_write_is_seen(
    research: ResearchServer, server: respx.MockRouter, status: int
) -> None:
    """HAPI answers 409 where FHIR says 412."""
    first, second = stands("candidate"), stands("candidate", "2", status="on-study")
    server.get("/ResearchSubject").mock(side_effect=[json(page(first)), json(page(second))])
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    server.post("").mock(side_effect=[json(outcome(), status), done("200 OK", "200 OK")])
    (written,) = await research.write([proposal("ineligible")], ())
    assert (written.status, written.by_person, written.disagrees) == ("on-study", True, True)


async def test_others_who_never_stop_writing_end_it(research: ResearchServer, server: respx.MockRouter) -> None:
    """With the error, not with their work overwritten."""
    server.get("/ResearchSubject").mock(return_value=json(page(stands("candidate"))))
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    server.post("").mock(return_value=json(outcome(), 409))
    with pytest.raises(ConflictError):
        await research.write([proposal("ineligible")], ())


async def test_nothing_new_writes_nothing(research: ResearchServer, server: respx.MockRouter) -> None:
    """The same verdict at another time is no news."""
    server.get("/ResearchSubject").mock(return_value=json(page(stands("candidate"))))
    held = {"resourceType": "GuidanceResponse", "id": "a2", "occurrenceDateTime": "2026-01-01T00:00:00Z"}
    wanted = proposal("candidate")
    newer = {**held, "occurrenceDateTime": "2026-02-01T00:00:00Z"}
    server.get("/GuidanceResponse").mock(return_value=json(page({**held, "meta": {"versionId": "4"}})))
    route = server.post("")
    (written,) = await research.write(
        [type(wanted)(study="s1", research_subject=wanted.research_subject, guidance=newer, indicated=True)], ()
    )
    assert not written.changed
    assert not route.called


async def test_without_an_indication_none_is_made(research: ResearchServer, server: respx.MockRouter) -> None:
    """One that is there already still follows."""
    wanted = proposal("ineligible")
    unindicated = type(wanted)(
        study="s1", research_subject=wanted.research_subject, guidance=wanted.guidance, indicated=False
    )
    server.get("/ResearchSubject").mock(side_effect=[json(page()), json(page(stands("candidate")))])
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    route = server.post("").mock(return_value=done("200 OK", "200 OK"))
    assert [each.status for each in await research.write([unindicated], ())] == [None]
    assert not route.called
    assert [each.status for each in await research.write([unindicated], ())] == ["ineligible"]


async def test_a_study_that_is_not_published_is_named(research: ResearchServer, server: respx.MockRouter) -> None:
    """With what to do."""
    route = server.get("/ResearchStudy").mock(return_value=json(page()))
    with pytest.raises(RejectedError, match=r"s1 is not on .*publish"):
        await research.write([proposal("candidate")], ())
    assert route.calls.last.request.url.params["identifier"] == f"{STUDY}|s1"


async def test_a_study_that_is_published_anew_is_found(research: ResearchServer, server: respx.MockRouter) -> None:
    """Under another id than before: what refers to the earlier one is refused, and the next try looks again."""
    anew = [json(page({"resourceType": "ResearchStudy", "id": each})) for each in ("77", "78")]
    server.get("/ResearchStudy").mock(side_effect=anew)
    server.get("/ResearchSubject").mock(return_value=json(page()))
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    missing = json(outcome("ResearchStudy/77 not found"), 400)
    route = server.post("").mock(side_effect=[missing, made("900"), done("201 Created", "200 OK")])
    with pytest.raises(RejectedError):
        await research.write([proposal("candidate")], ())
    await research.write([proposal("candidate")], ())
    assert sent(route)[1]["resource"]["study"] == {"reference": "ResearchStudy/78"}


async def test_two_with_one_identifier_are_refused(research: ResearchServer, server: respx.MockRouter) -> None:
    """Which of them is meant, nobody can say."""
    two = [stands("candidate"), {**stands("candidate"), "id": "901"}]
    server.get("/ResearchSubject").mock(return_value=json(page(*two)))
    server.get("/GuidanceResponse").mock(return_value=json(page()))
    with pytest.raises(RejectedError, match="two ResearchSubjects"):
        await research.write([proposal("candidate")], ())


def test_on_another_server_nothing_refers_to_its_own_resources() -> None:
    """The person by an identifier of theirs, evidence by its absolute address; other record servers' are apart."""
    wanted = proposal("candidate")
    evidence = {"name": "resource", "valueReference": {"reference": "Observation/o1"}}
    guidance = {**wanted.guidance, "subject": {"reference": "Patient/p1"}, "contained": [{"parameter": [evidence]}]}
    local = type(wanted)(study="s1", research_subject=wanted.research_subject, guidance=guidance, indicated=True)
    found = elsewhere(local, "https://record.example.org/fhir", (("urn:mrn", "7"),))
    person = {"type": "Patient", "identifier": {"system": "urn:mrn", "value": "7"}}
    assert found.research_subject["individual"] == found.guidance["subject"] == person
    (named,) = found.guidance["contained"][0]["parameter"]
    address = {"system": "urn:ietf:rfc:3986", "value": "https://record.example.org/fhir/Observation/o1"}
    assert named["valueReference"] == {"type": "Observation", "identifier": address}
    other = elsewhere(local, "https://other.example.org/fhir", (("urn:mrn", "7"),))
    assert len({local.identifier, found.identifier, other.identifier}) == 3
    nameless = elsewhere(local, "https://record.example.org/fhir", ())
    assert (
        nameless.research_subject["individual"]["identifier"]["value"] == "https://record.example.org/fhir/Patient/p1"
    )
