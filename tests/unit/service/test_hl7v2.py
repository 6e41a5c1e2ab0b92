"""`POST /hl7v2` before and around the FHIR server: what is refused, how it is answered, and what the log says."""

import asyncio
import logging
import re

import httpx
import pytest
import respx

from adapter.fhir.client import ServerSettings
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from tests.unit.patient_hl7v2.messages import PID, message, result
from tests.unit.service.calls import Caller, app_with

FHIR = "http://fhir.example"
ORU = result("OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|||||F")
TYPE = {"Content-Type": "application/hl7-v2"}


@pytest.fixture
def engine(strict: Setup) -> Caller:
    """A service with a FHIR server that is asked once."""
    server = ServerSettings(url=FHIR, attempts=1)
    return Caller(app_with(strict, servers=Servers(record=server, research=server)))


def post(engine: Caller, text: str | bytes, **headers: str) -> httpx.Response:
    """A message, sent as an engine does."""
    content = text if isinstance(text, bytes) else text.encode()
    return asyncio.run(engine.running("POST", "/hl7v2", content=content, headers={**TYPE, **headers}))


def ack(answer: httpx.Response) -> dict[str, list[str]]:
    """The ACK's segments by name."""
    assert answer.headers["content-type"] == "application/hl7-v2; charset=utf-8"
    lines = [line.split("|") for line in answer.text.rstrip("\r").split("\r")]
    return {line[0]: line for line in lines}


def stored(request: httpx.Request) -> httpx.Response:
    """The answer to a transaction that was carried out."""
    sent = len(httpx.Response(200, content=request.content).json()["entry"])
    entries = [{"response": {"status": "201 Created"}}] * sent
    return httpx.Response(200, json={"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


@respx.mock
def test_aa_only_when_the_server_has_it(engine: Caller) -> None:
    """The ACK goes back to the sender, with its control id."""
    respx.get(f"{FHIR}/metadata").respond(json={"resourceType": "CapabilityStatement"})
    respx.get(url__startswith=f"{FHIR}/").respond(json={"resourceType": "Bundle", "type": "searchset"})

    transaction = respx.post(FHIR).mock(side_effect=stored)
    answer = post(engine, ORU)
    assert answer.status_code == 200
    said = ack(answer)
    assert said["MSH"][2:6] == ["EI", "H", "LAB", "H"]
    assert said["MSH"][8] == "ACK^R01^ACK"
    assert said["MSA"] == ["MSA", "AA", "M1"]
    assert transaction.call_count == 1


def stands(patient: dict[str, object] | None = None) -> None:
    """A server that has at most one Patient, and answers every search."""
    respx.get(f"{FHIR}/metadata").respond(json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    entries = [{"resource": patient}] if patient else []
    found = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    respx.get(url__startswith=f"{FHIR}/Patient").respond(json=found)
    respx.get(url__startswith=f"{FHIR}/").respond(json={"resourceType": "Bundle", "type": "searchset"})


@respx.mock
def test_who_writes_in_between_is_looked_at_anew(engine: Caller) -> None:
    """Two conflicts, and then it is there."""
    stands()
    answers = iter([httpx.Response(412), httpx.Response(409)])
    transaction = respx.post(FHIR).mock(side_effect=lambda request: next(answers, stored(request)))
    assert ack(post(engine, ORU))["MSA"][1] == "AA"
    assert transaction.call_count == 3


ERASED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "deleted"}]}


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (httpx.Response(410, json=ERASED), 422),
        (httpx.Response(404, json=ERASED), 422),
        (httpx.Response(404, text="404 page not found"), 503),
    ],
)
@respx.mock
def test_what_is_gone_for_good_is_not_asked_for_again(engine: Caller, failure: httpx.Response, status: int) -> None:
    """An erased patient would hold up the engine's queue for ever; a proxy whose server is away is no such case."""
    stands()
    transaction = respx.post(FHIR).mock(return_value=failure)
    answer = post(engine, ORU)
    assert (answer.status_code, ack(answer)["MSA"][1], "Retry-After" in answer.headers) == (status, "AE", status == 503)
    assert transaction.call_count == (3 if status == 422 else 1)


@respx.mock
def test_what_no_server_can_be_asked_for_is_refused(engine: Caller) -> None:
    """An identifier of more characters than an address has: a message that is wrong, and no failure of ours."""
    stands()
    answer = post(engine, ORU.replace("|123^^^", f"|{'1' * 70_000}^^^"))
    assert (answer.status_code, ack(answer)["MSA"][1]) == (422, "AE")
    assert "too long" in answer.text


@respx.mock
def test_one_that_is_gone_only_now_is_made_anew(engine: Caller) -> None:
    """Somebody took it away between our look and our writing."""
    stands()
    answers = iter([httpx.Response(410, json=ERASED)])
    respx.post(FHIR).mock(side_effect=lambda request: next(answers, stored(request)))
    assert ack(post(engine, ORU))["MSA"][1] == "AA"


@respx.mock
def test_a_patient_of_another_birth_date(engine: Caller) -> None:
    """Two people under one number: nothing is written, and the reason is the message's own."""
    stands({"resourceType": "Patient", "id": "p1", "birthDate": "1999-09-09"})
    transaction = respx.post(FHIR).respond(500)
    answer = post(engine, ORU)
    assert (answer.status_code, ack(answer)["MSA"][1]) == (422, "AE")
    assert ack(answer)["ERR"][3].startswith("204^")
    assert not transaction.called


@respx.mock
def test_many_values_that_cannot_be_used(engine: Caller) -> None:
    """The first hundred are named, the others counted; the rest of the message is taken."""
    stands()
    respx.post(FHIR).mock(side_effect=stored)
    wrong = (f"OBX|{each}|NM|{each}-1^Sodium^LN||140|mmol/L|||||F|||noon" for each in range(2, 152))
    answer = post(engine, "\r".join([ORU.rstrip("\r"), *wrong]))
    assert ack(answer)["MSA"][1] == "AA"
    warnings = [line for line in answer.text.split("\r") if line.startswith("ERR|")]
    assert len(warnings) == 101
    assert warnings[-1].endswith("50 more values could not be used")


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (httpx.ConnectError("no"), 503),
        (httpx.Response(503, headers={"Retry-After": "60"}), 503),
        (httpx.Response(400), 422),
        (httpx.Response(401), 503),
        (httpx.Response(404), 503),
        (httpx.Response(410), 503),
        (httpx.Response(200, text="<html>"), 503),
        (httpx.Response(500), 503),
    ],
)
@respx.mock
def test_a_server_that_does_not_take_it(engine: Caller, failure: httpx.Response | Exception, status: int) -> None:
    """AE, and a status that is no success: the engine keeps the message."""
    route = respx.route(url__startswith=FHIR)
    route.mock(side_effect=failure) if isinstance(failure, Exception) else route.mock(return_value=failure)
    answer = post(engine, ORU)
    said = ack(answer)
    assert (answer.status_code, said["MSA"][1], said["ERR"][3]) == (
        status,
        "AE",
        "207^Application internal error^HL70357",
    )
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "Doe" not in answer.text


@respx.mock
def test_a_server_that_is_slow(strict: Setup) -> None:
    """What was not done in time is to be sent again; HTTP's own word for it (504) would be final for many engines."""

    async def never(_: httpx.Request) -> httpx.Response:
        return await asyncio.Event().wait() and httpx.Response(200)

    respx.route(url__startswith=FHIR).mock(side_effect=never)
    server = ServerSettings(url=FHIR, attempts=1)
    slow = Caller(app_with(strict, servers=Servers(record=server, research=server), timeout=0.3))
    answer = post(slow, ORU)
    assert (answer.status_code, ack(answer)["MSA"][1]) == (503, "AE")
    assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    ("text", "code", "error", "place"),
    [
        (message(PID, kind="ORM^O01"), "AR", "200", "MSH^1^9"),
        (message(PID, kind="ADT^A61"), "AR", "201", "MSH^1^9"),
        (message(PID, f11="T"), "AR", "202", "MSH^1^11"),
        (message(PID, f12="2.9"), "AR", "203", "MSH^1^12"),
        (message("PID|1||^^^H"), "AE", "101", "PID^1^3"),
        (message("EVN|x"), "AE", "100", "PID^1"),
        (message(PID, f18="8859/16"), "AE", "103", "MSH^1^18"),
        (message(PID, f18="ASCII").replace("Jane", "Jäne"), "AE", "102", "MSH^1^18"),
        (ORU + ORU, "AE", "100", "MSH^1"),
    ],
)
def test_a_message_that_is_not_taken(engine: Caller, text: str, code: str, error: str, place: str) -> None:
    """AR for kinds that never are, AE for this one; the place and the reason, nothing of the patient."""
    answer = post(engine, text)
    said = ack(answer)
    assert said["MSA"][1] == code
    assert answer.status_code == {"AR": 400, "AE": 422}[code]
    assert said["MSA"][2] == ("M1" if text.count("MSH|") == 1 else "")
    assert (said["ERR"][2], said["ERR"][3][:3], said["ERR"][4]) == (place, error, "E")
    assert "Doe" not in answer.text


def test_an_ack_in_the_senders_version(engine: Caller) -> None:
    """Before v2.5 the reason stands in MSA-3."""
    said = ack(post(engine, message(PID, kind="ORM^O01", f12="2.3.1")))
    assert said["MSH"][11] == "2.3.1"
    assert said["MSA"][:3] == ["MSA", "AR", "M1"]
    assert said["MSA"][3].startswith("MSH-9: messages of this kind are not converted")
    assert "ERR" not in said


@pytest.mark.parametrize("body", [b"", b"hello", b"MSH", b"MSH|", b"\x00\xff", b"\x0b\x1c\r"])
def test_what_is_no_message_at_all(engine: Caller, body: bytes) -> None:
    """There is nobody to answer to, and still an ACK."""
    said = ack(post(engine, body))
    assert said["MSA"][1] == "AE"


def test_what_is_no_hl7_is_answered_as_on_every_route(engine: Caller, strict: Setup) -> None:
    """Media type, size, a service without a FHIR server: an OperationOutcome."""
    assert post(engine, ORU, **{"Content-Type": "application/fhir+json"}).status_code == 415
    assert post(Caller(app_with(strict)), ORU).status_code == 422

    assert engine.call("GET", "/hl7v2").status_code == 405


@respx.mock
def test_the_log_holds_nothing_of_the_patient(engine: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """The answer and the codes of its reasons."""
    respx.route(url__startswith=FHIR).mock(side_effect=httpx.ConnectError("no"))
    with caplog.at_level(logging.DEBUG, logger="adapter"):
        post(engine, ORU)
        post(engine, message("PID|1||77777^^^H||Doe^Jane||19800101", kind="ORM^O01").replace("Jane", "Jäne"))
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "hl7v2 AE 207" in said
    assert not any(re.search(rf"\b{word}\b", said) for word in ("Doe", "123", "77777", "19800101", "M1"))


def holds(*resources: dict[str, object]) -> None:
    """A server that has a Patient of the number, and these resources of his, found by id or by their day."""
    patient: dict[str, object] = {"resourceType": "Patient", "id": "p", "identifier": [{"value": "1"}]}
    respx.get(f"{FHIR}/metadata").respond(json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})

    def found(request: httpx.Request) -> httpx.Response:
        type_, asked = request.url.path.rpartition("/")[2], request.url.params
        of_type = [patient] if type_ == "Patient" else [each for each in resources if each["resourceType"] == type_]
        if "_id" in asked:
            of_type = [each for each in of_type if each["id"] in asked["_id"].split(",")]
        entries = [{"resource": each} for each in of_type]
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "entry": entries})

    respx.get(url__startswith=f"{FHIR}/").mock(side_effect=found)


def written(route: respx.Route, type_: str) -> list[dict[str, object]]:
    """The resources of a type in the one transaction."""
    (call,) = route.calls
    entries = httpx.Response(200, content=call.request.content).json()["entry"]
    return [each["resource"] for each in entries if each["resource"]["resourceType"] == type_]


HAEMOGLOBIN = {
    "resourceType": "Observation",
    "id": "other",
    "status": "final",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    "effectiveDateTime": "2026-02-25T07:00:00+00:00",
    "valueQuantity": {"value": 9.5, "unit": "g/dl"},
}


@respx.mock
@pytest.mark.parametrize(
    ("stands", "asked"),
    [
        ({}, True),
        ({"subject": {"reference": "http://fhir.example/Patient/p"}}, True),
        ({"subject": {"reference": "Patient/q"}}, False),
        ({"effectiveDateTime": "2026-02-25T09:00:00+00:00"}, False),
        ({"code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]}}, False),
        ({"status": "entered-in-error"}, False),
    ],
)
def test_a_result_that_is_taken_back_under_another_number(
    engine: Caller,
    stands: dict[str, object],
    asked: bool,  # noqa: FBT001  # of a row
) -> None:
    """It is told, and stands as one that can't be read; where the server has none of that time it was none."""
    holds({**HAEMOGLOBIN, **stands})
    transaction = respx.post(FHIR).mock(side_effect=stored)
    text = message(PID, "OBR|1||F2|LAB|||20260225080000+0100", "OBX|1|NM|718-7^Hb^LN||||||||D")
    answer = post(engine, text)
    (made,) = written(transaction, "Observation")
    assert made["status"] == ("final" if asked else "entered-in-error")
    assert ("taken back" in str(made.get("valueString"))) is asked
    assert ("takes back a result" in answer.text) is asked
    assert ack(answer)["MSA"][1] == "AA"


@respx.mock
def test_an_allergy_that_is_sent_again_milder(engine: Caller) -> None:
    """It keeps the reaction that the server has, is unconfirmed, and is told."""
    text = message(PID, "AL1|1|DA|7980^Penicillin G^RXNORM|SV|Anaphylaxie", kind="ADT^A01")
    holds()
    transaction = respx.post(FHIR).mock(side_effect=stored)
    post(engine, text)
    (severe,) = written(transaction, "AllergyIntolerance")
    respx.reset()
    holds(severe)
    transaction = respx.post(FHIR).mock(side_effect=stored)
    answer = post(engine, text.replace("|SV|Anaphylaxie", "|MI|Exanthem"))
    (made,) = written(transaction, "AllergyIntolerance")
    assert [each["severity"] for each in made["reaction"]] == ["severe", "mild"]  # type: ignore[attr-defined]  # JSON
    assert "unconfirmed" in str(made["verificationStatus"])
    assert "milder than another message" in answer.text
