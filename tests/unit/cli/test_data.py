"""The commands about what the webhook keeps."""

from pathlib import Path

import httpx
import pytest
import respx

from adapter import cli
from adapter.fhir.elements import RESEARCH_SUBJECT
from adapter.fhir.research_subject import research_subject_id
from adapter.store import open_database, queue, verdicts
from bench.fhir_stub import StubServer
from tests.unit.cli.test_webhook import NOW

BASE = "http://127.0.0.1:9/fhir"


@pytest.fixture
def server(respx_mock: respx.MockRouter, monkeypatch: pytest.MonkeyPatch) -> StubServer:
    """A server with a patient p1 who is beside the study s1."""
    stub = StubServer()
    name = research_subject_id("s1", "Patient/p1")
    stub.put({"resourceType": "Patient", "id": "p1"})
    stub.put(
        {
            "resourceType": "ResearchSubject",
            "id": "x",
            "identifier": [{"system": RESEARCH_SUBJECT, "value": name}],
            "status": "on-study",
        }
    )

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/fhir").strip("/")
        try:
            status, content = stub.answer(
                request.method, path, request.url.query.decode(), request.content, dict(request.headers)
            )
        except Exception:  # noqa: BLE001  # the stub's refusals
            status, content = 404, {"resourceType": "OperationOutcome"}
        return httpx.Response(status, json=content)

    respx_mock.route().mock(side_effect=answer)
    monkeypatch.setenv("TRIAL_ADAPTER_FHIR_URL", BASE)
    return stub


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with an event of p1, who waits."""
    url = f"sqlite:///{tmp_path / 'hook.db'}"
    monkeypatch.setenv("TRIAL_ADAPTER_DATABASE_URL", url)
    opened = open_database(url)
    with opened.transaction() as connection:
        queue.notify(connection, {"Patient/p1": frozenset({"a"})}, NOW, NOW)
        verdicts.record_event(connection, NOW, ("Patient/p1", "s1", None, "candidate"), (), ())
    opened.close()
    return url


def test_forget(database: str, server: StubServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Says what became of the subjects, and that who is still there comes back."""
    assert cli.main(["forget", "p1", "--retire", "delete"]) == 0
    said = capsys.readouterr()
    assert said.out == "Patient/p1: nothing is kept; ResearchSubjects deleted: 1\n"
    assert "still on the record server" in said.err
    assert server.get("ResearchSubject/x") is None
    opened = open_database(database)
    with opened.reading() as connection:
        assert queue.listed(connection) == []
        assert verdicts.events(connection) == []
    opened.close()
    server.delete("Patient/p1")
    assert cli.main(["forget", "Patient/p1"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("Patient/p1: nothing is kept; ResearchSubjects withdrawn: 0\n", "")


@pytest.mark.usefixtures("database", "server")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["p 1"], "PATIENT is no id"),
        (["Group/1"], "PATIENT is no id"),
        (["p1", "--retire", "hide"], "withdraw, delete"),
    ],
)
def test_forget_what_can_not_be_meant(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage, and nothing is done."""
    assert cli.main(["forget", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("database")
def test_backup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that opens; not over one that is there."""
    copy = tmp_path / "copy.db"
    assert cli.main(["backup", str(copy)]) == 0
    assert "checked; it holds patient data" in capsys.readouterr().out
    open_database(f"sqlite:///{copy}").close()
    assert cli.main(["backup", str(copy)]) == 1
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "value"), [("RETENTION", "90"), ("RETENTION", "queue=P1D"), ("RETIRE", "hide")])
def test_serve_with_a_setting_that_can_not_be_meant(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage, before it listens."""
    for each, said in {"HOOK_SECRET": "x" * 16, "FHIR_URL": BASE, name: value}.items():
        monkeypatch.setenv(f"TRIAL_ADAPTER_{each}", said)
    assert cli.main(["serve", "--port", "0"]) == 2
    assert capsys.readouterr().err.startswith("trial-adapter: ")
