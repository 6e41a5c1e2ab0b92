"""What surrounds every request."""

import logging
import re

import pytest

from adapter.screening.setup import Setup
from adapter.service import Settings, evaluate
from adapter.service.auth import Authenticator
from adapter.service.http import RETRY_AFTER
from adapter.service.middleware import FIELDS, JsonLines
from adapter.service.tokens import ApiToken, Keys, digest_of
from tests.unit.screening.records import bundle, patient
from tests.unit.service.calls import EVALUATE, ONE, RECORD, Caller, Json, app_with, data, parameters, refusal, resources
from tests.unit.service.tokens import URL, Provider, token

SECRET = "Mustermann"  # noqa: S105


def fail(*_: object, **__: object) -> None:
    """Break as a mistake of ours would, with patient data in the error's text."""
    msg = f"no such key: {SECRET}"
    raise KeyError(msg)


def test_a_request_id_is_echoed(service: Caller) -> None:
    """A caller finds their request again by the id that they gave it, in errors too."""
    for url in ("/fhir/metadata", "/nothing"):
        assert service.get(url, **{"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "ä".encode().decode("latin-1")])
def test_a_request_id_is_made(service: Caller, given: str) -> None:
    """Without one, or with one that is none, there is a new one."""
    headers = {"X-Request-Id": given.encode("latin-1").decode("latin-1")}
    found = service.call("GET", "/health/live", headers=[(k.encode(), v.encode("latin-1")) for k, v in headers.items()])
    assert re.fullmatch(r"[0-9a-f]{32}", found.headers["x-request-id"])


def test_the_log_holds_no_patient_data(service: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """A line a request: method, route, status, time and request id; no address, no query, no body."""
    caplog.set_level(logging.DEBUG)
    record = bundle({**patient(SECRET), "name": [{"family": SECRET}]})
    service.post(f"{ONE}?subject=Patient/{SECRET}", record, **{"X-Request-Id": "r1"})
    service.get(f"/fhir/Patient/{SECRET}?name={SECRET}")
    service.get(f"/fhir/ValueSet/{SECRET}")
    lines = [line.message for line in caplog.records if line.name.startswith("adapter")]
    assert [re.sub(r"\d+\.\d ms \w+", "T", line) for line in lines] == [
        "POST /fhir/ResearchStudy/{study_id}/$evaluate 200 T",
        "GET - 404 T",
        "GET /fhir/ValueSet/{id} 404 T",
    ]
    assert lines[0].endswith(" r1")
    ours = [line.message for line in caplog.records if line.name != "httpx"]  # which logs what this test calls
    assert SECRET not in "".join(ours)


def test_the_log_names_the_caller(strict: Setup, caplog: pytest.LogCaptureFixture) -> None:
    """An API token by its name, an app by its id and what kind of person uses it; no token, no person, no patient."""
    caplog.set_level(logging.INFO)
    tokens = (ApiToken("engine", frozenset({"evaluate"}), digest_of(SECRET * 2)),)
    settings: Json = {"tokens": tokens, "jwks_url": URL}
    authenticator = Authenticator(Settings(**settings), Keys(URL, Provider()))
    guarded = Caller(app_with(strict, authenticator=authenticator, **settings))
    said: Json = {"scope": "patient/*.rs", "sub": SECRET, "email": f"{SECRET}@example.org", "name": SECRET}
    for shown in (
        SECRET * 2,
        token(**said, client_id="growth-chart", fhirUser=f"Patient/{SECRET}"),
        token(**said, azp="a b\nc", patient=SECRET),
        token(**said, fhirUser=SECRET),
        f"wrong-{SECRET}",
    ):
        guarded.get("/fhir/ResearchStudy", Authorization=f"Bearer {shown}")
    lines = [line for line in caplog.records if line.name == "adapter.service.middleware"]
    named = [getattr(line, FIELDS)["caller"] for line in lines]
    assert named == ["engine", "client:growth-chart Patient", "client:a_b_c", "client:unknown", "-"]
    assert SECRET not in "".join(JsonLines().format(line) for line in lines)


def test_a_mistake_of_ours(service: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody expected is a 500 that says where it was, and not what about; so does the log."""
    monkeypatch.setattr(evaluate, "read_record", fail)
    answer = service.post(ONE, RECORD)
    status, code, text = refusal(answer)
    assert (status, code) == (500, "exception")
    assert "KeyError in adapter.service.evaluate:" in text
    assert SECRET not in answer.text + caplog.text
    assert "KeyError in adapter.service.evaluate:" in caplog.text
    assert answer.headers["x-request-id"] in caplog.text


def test_a_mistake_of_ours_among_others(
    service: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With several patients it is the OperationOutcome of each whom it befell."""
    monkeypatch.setattr(evaluate, "evaluate_all", fail)
    both = [{"name": "subject", "valueString": name} for name in ("p1", "p2")]
    answer = service.post(ONE, parameters(data(bundle(patient(), patient("p2"))), *both))
    assert [each["issue"][0]["code"] for each in resources(answer, "OperationOutcome")] == ["exception", "exception"]
    assert SECRET not in answer.text + caplog.text


def test_too_much_at_once(strict: Setup) -> None:
    """More than may wait is refused with the time to come back after."""
    answer = Caller(app_with(strict, max_waiting=0)).post(EVALUATE, RECORD)
    assert refusal(answer)[:2] == (503, "transient")
    assert answer.headers["retry-after"] == RETRY_AFTER


def test_a_refused_request_makes_room_again(service: Caller) -> None:
    """What has ended, well or badly, doesn't count as waiting."""
    for _ in range(70):
        assert service.post(EVALUATE, b"{}").status_code == 400
    assert service.post(ONE, RECORD).status_code == 200
