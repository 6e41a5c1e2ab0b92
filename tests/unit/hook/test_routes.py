"""The webhook over HTTP: who may call, what is stored, what is said."""

import asyncio
import json
import logging
import sqlite3
from pathlib import Path

import httpx
import pytest

from adapter.screening.setup import Setup
from adapter.service.tokens import unnamed
from adapter.store import open_database, queue
from tests.unit.hook.service import SECRET, SENT, app_of, calling
from tests.unit.react.hospital import with_leukaemia
from tests.unit.service.calls import refusal

pytestmark = pytest.mark.anyio

PATIENT, LEUKAEMIA = with_leukaemia("secret-p")
BODY = json.dumps(LEUKAEMIA).encode()
URL = "/hook/Condition/secret-p-c"


def waiting(folder: Path) -> list[str]:
    """What another process finds in the queue's file."""
    database = open_database(f"sqlite:///{folder}/hook.db")
    with database.transaction() as connection:
        found = [each.key for each in queue.listed(connection)]
    database.close()
    return found


async def test_answered_is_stored(strict: Setup, tmp_path: Path) -> None:
    """Invariant 6: when the answer says success, the entry is in the file, also if the process ends at once."""
    app = app_of(strict, tmp_path)
    async with calling(app) as client:
        answer = await client.put(URL, content=BODY)
        assert waiting(tmp_path) == ["Patient/secret-p"]
    assert answer.status_code == 200
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_not_stored_is_not_answered_with_success(strict: Setup, tmp_path: Path) -> None:
    """Invariant 6: with the database locked the server is told to come back, and what it then sends is stored."""
    app = app_of(strict, tmp_path)
    async with calling(app) as client:
        other = sqlite3.connect(tmp_path / "hook.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = await client.put(URL, content=BODY)
        assert refusal(answer)[:2] == (503, "transient")
        assert "retry-after" in answer.headers
        other.execute("ROLLBACK")
        other.close()
        assert (await client.put(URL, content=BODY)).status_code == 200
    assert waiting(tmp_path) == ["Patient/secret-p"]


@pytest.mark.parametrize(("method", "url"), [("PUT", URL), ("DELETE", URL), ("POST", "/hook"), ("POST", "/hook/x/y/z")])
async def test_without_the_secret(strict: Setup, tmp_path: Path, method: str, url: str) -> None:
    """Nothing is stored, and nothing is said but that the secret is missing."""
    async with calling(app_of(strict, tmp_path)) as client:
        client.headers.pop("authorization")
        for authorization in (None, "", "Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET, "Bearer ä"):
            sent = [] if authorization is None else [(b"Authorization", authorization.encode())]
            answer = await client.request(method, url, content=BODY, headers=httpx.Headers(sent))
            assert refusal(answer)[:2] == (401, "login")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get("/hook")).status_code == 401  # as `status` looks whether anybody answers: no message
        text = (await client.get("/metrics")).text
    assert 'trial_adapter_messages_total{kind="unauthorized"} 7.0' in text
    assert waiting(tmp_path) == []


async def test_an_older_secret_still_works(strict: Setup, tmp_path: Path) -> None:
    """A secret can be replaced without a moment in which nobody may call."""
    async with calling(app_of(strict, tmp_path)) as client:
        answer = await client.put(URL, content=BODY, headers={"Authorization": "Bearer an-older-secret-still-good"})
    assert answer.status_code == 200


async def test_the_hooks_secret_opens_nothing_else(strict: Setup, tmp_path: Path) -> None:
    """A FHIR server may tell of changes, and not read verdicts; nor do API tokens open the webhook."""
    app = app_of(strict, tmp_path, tokens=unnamed(("token-of-an-application",), ""))
    async with calling(app) as client:
        assert (await client.get("/fhir/ResearchStudy")).status_code == 403
        assert (await client.get("/metrics")).status_code == 403
        token = {"Authorization": "Bearer token-of-an-application"}
        assert (await client.put(URL, content=BODY, headers=token)).status_code == 403
        assert (await client.get("/metrics", headers=token)).status_code == 200


async def test_without_a_webhook(strict: Setup) -> None:
    """A service that has none says how to have one."""
    from tests.unit.service.calls import Caller, app_with  # noqa: PLC0415  # this test's only

    answer = await Caller(app_with(strict)).answer("POST", "/hook", headers=SENT)
    assert refusal(answer)[0] == 401
    assert "TRIAL_ADAPTER_HOOK_SECRET" in refusal(answer)[2]


REFUSED = [
    (b"<Patient/>", "application/fhir+xml", 415),
    (b"{", "application/fhir+json", 400),
    (b'{"resourceType": "Condition", "resourceType": "Patient"}', "application/fhir+json", 400),
    (b'{"resourceType": "Condition"}', "application/fhir+json", 422),
    (b'{"resourceType": "Condition", "id": "other"}', "application/fhir+json", 400),
    (b" " * 2000 + BODY, "application/fhir+json", 413),
]


async def test_what_is_refused(strict: Setup, tmp_path: Path) -> None:
    """With a text that says what was wrong and nothing of what was sent."""
    async with calling(app_of(strict, tmp_path, max_body=1000)) as client:
        for content, kind, status in REFUSED:
            answer = await client.put(URL, content=content, headers={"Content-Type": kind})
            assert refusal(answer)[0] == status, content
            assert "secret-p" not in answer.text
    assert waiting(tmp_path) == []


async def test_a_type_that_nobody_reads(strict: Setup, tmp_path: Path) -> None:
    """It is acknowledged whatever it holds, or the server would send it for a minute; and it is counted."""
    async with calling(app_of(strict, tmp_path)) as client:
        for url in ("/hook/Appointment/a", "/hook/Nonsense/n"):
            assert (await client.put(url, content=b"{}")).status_code == 200
        text = (await client.get("/metrics")).text
    assert 'trial_adapter_notifications_total{outcome="ignored"} 2.0' in text


async def test_a_topic_of_any_type_is_one_label(strict: Setup, tmp_path: Path) -> None:
    """What senders make up does not make metrics grow."""
    async with calling(app_of(strict, tmp_path)) as client:
        for type_ in ("made-up-1", "made-up-2", "x" * 1000):
            status = {"resourceType": "SubscriptionStatus", "type": type_}
            bundle = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": status}]}
            assert (await client.post("/hook", json=bundle)).status_code == 200
        text = (await client.get("/metrics")).text
    assert 'trial_adapter_messages_total{kind="topic of another type"} 3.0' in text
    assert "made-up" not in text


async def test_hapis_empty_message(strict: Setup, tmp_path: Path) -> None:
    """It says that it is a form, and is nothing: a sweep is asked for."""
    async with calling(app_of(strict, tmp_path)) as client:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "If-None-Exist": "x"}
        assert (await client.post("/hook", content=b"", headers=headers)).status_code == 200
        text = (await client.get("/metrics")).text
    assert 'trial_adapter_messages_total{kind="ping"} 1.0' in text


async def test_readiness(strict: Setup, tmp_path: Path) -> None:
    """A FHIR server that is away is said, and is no reason to send its notifications elsewhere; a database is."""
    async with calling(app_of(strict, tmp_path)) as client:
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["database"]) == (200, "ok")
        assert ready.json()["fhirServer"] == "failed: UnreachableError"
        assert ready.json()["queue"] == {"waiting": 0, "dead": 0, "oldest": None}
        other = sqlite3.connect(tmp_path / "hook.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(20):
            while (locked := await client.get("/health/ready")).status_code != 503:  # noqa: ASYNC110  # no event
                await asyncio.sleep(0.05)
        other.execute("ROLLBACK")
        other.close()
    assert locked.json()["status"] == "failed"
    assert "retry-after" in locked.headers
    assert "locked" in locked.json()["database"]


async def test_metrics_and_logs_name_nobody(strict: Setup, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Invariant 8: no id of a patient or resource, wherever a change comes through and whatever fails."""
    caplog.set_level(logging.DEBUG)
    async with calling(app_of(strict, tmp_path)) as client:
        await client.put(URL, content=BODY)
        await client.put(URL, content=b"{")
        await client.delete(URL)
        await client.put("/hook/Patient/secret-p", content=b"")
        text = (await client.get("/metrics")).text
    ours = [line.getMessage() for line in caplog.records if not line.name.startswith(("httpx", "httpcore", "asyncio"))]
    assert any("evaluation failed" in line for line in ours)
    assert "secret-p" not in text + "\n".join(ours)
