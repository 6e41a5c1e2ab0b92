"""The commands of the webhook."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter import cli
from adapter.cli import service
from adapter.screening.react.subscriptions import SubscriptionState
from adapter.store import open_database, queue, verdicts
from adapter.store.verdicts import ResultChange, StoredResult

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with a patient who waits, one who was given up, and an event."""
    found = f"sqlite:///{tmp_path / 'hook.db'}"
    monkeypatch.setenv("TRIAL_ADAPTER_DATABASE_URL", found)
    database = open_database(found)
    with database.transaction() as connection:
        queue.notify(connection, {"Patient/p1": frozenset({"a"}), "Patient/p2": frozenset({"b"})}, NOW, NOW)
        first, second = queue.claim(connection, NOW, NOW - NOW.replace(day=1, hour=0), 2)
        queue.fail(connection, first, "InputError in adapter.record.subject:42", None)
        queue.give_back(connection, [second])
        moved = [ResultChange("I6", StoredResult("unknown", "no-data"), StoredResult("not-met", "value-fails"))]
        verdicts.record_event(connection, NOW, ("Patient/p1", "s1", "candidate", "ineligible"), moved, ())
        verdicts.record_event(connection, NOW, ("Patient/p1", "s2", None, "candidate"), (), ("https://x.example",))
    database.close()
    return found


@pytest.mark.usefixtures("url")
def test_queue_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Who waits, who was given up, and the kind of error."""
    assert cli.main(["queue", "list"]) == 0
    out = capsys.readouterr().out
    assert "given up" in out
    assert "InputError in adapter.record.subject:42" in " ".join(out.split())
    assert "1 waiting, 1 given up" in out
    assert "events: 1 to be sent, 0 given up" in out
    assert cli.main(["queue", "list", "--dead", "--json"]) == 0
    (dead,) = json.loads(capsys.readouterr().out)
    assert (dead["key"], dead["state"], dead["attempts"]) == ("Patient/p1", "dead", 1)


@pytest.mark.usefixtures("url")
def test_queue_retry(capsys: pytest.CaptureFixture[str]) -> None:
    """One by name, or all that were given up; a name that isn't there is wrong usage."""
    assert cli.main(["queue", "retry", "p9"]) == 2
    assert "Patient/p9 is not in the queue" in capsys.readouterr().err
    assert cli.main(["queue", "retry", "p1"]) == 0
    assert cli.main(["queue", "retry"]) == 0
    assert "0 to be evaluated again, 0 events to be sent again" in capsys.readouterr().out


@pytest.mark.usefixtures("url")
def test_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """What was, what is, and what moved; as text, and an event a line as JSON."""
    assert cli.main(["changes"]) == 0
    assert "I6: unknown → not-met" in capsys.readouterr().out
    assert cli.main(["changes", "--json", "--after", "1"]) == 0
    event = json.loads(capsys.readouterr().out)
    assert (event["id"], event["study"], event["old"], event["new"]) == (2, "s2", None, {"decision": "candidate"})
    assert cli.main(["changes", "--study", "nct04785833"]) == 0
    assert "no verdict has changed" in capsys.readouterr().out


@pytest.mark.usefixtures("url")
def test_changes_of_no_study(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt id is not a trial of which nothing has changed; one that is no longer screened keeps its changes."""
    assert cli.main(["changes", "--study", "nct0478583"]) == 2
    assert "did you mean 'nct04785833'?" in capsys.readouterr().err
    assert cli.main(["changes", "--study", "s1"]) == 0
    assert "I6: unknown → not-met" in capsys.readouterr().out


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    ("since", "shown"),
    [("2026-03", 2), ("2026-03-01", 2), ("2026-03-01T12:00:00Z", 2), ("2026-03-01T13:00:01+01:00", 0), ("2027", 0)],
)
def test_changes_since(capsys: pytest.CaptureFixture[str], since: str, shown: int) -> None:
    """From a day's beginning in UTC, or an instant on."""
    assert cli.main(["changes", "--json", "--since", since]) == 0
    assert len(capsys.readouterr().out.splitlines()) == shown


def test_a_change_is_one_line_for_another_program(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the output is no terminal, however many criteria moved."""
    database = open_database(url)
    unknown, met = StoredResult("unknown", "no-data"), StoredResult("met", "recorded")
    moved = [ResultChange(f"I{number}", unknown, met) for number in range(1, 20)]
    with database.transaction() as connection:
        verdicts.record_event(connection, NOW, ("Patient/p3", "s1", "candidate", "ineligible"), moved, ())
    database.close()
    assert cli.main(["changes", "--after", "2"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "Patient/p3" in line)
    assert "I1: unknown → met" in line
    assert line.endswith("I19: unknown → met")


def test_serve_without_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A database that can't be used ends serve with one line, before it listens; a typing error makes no folder."""
    for name, value in {"HOOK_SECRET": "x" * 16, "FHIR_URL": "http://127.0.0.1:1/fhir"}.items():
        monkeypatch.setenv(f"TRIAL_ADAPTER_{name}", value)
    for url in (f"sqlite:///{tmp_path}/none/hook.db", "postgresql://user:s3cret@127.0.0.1:1/none"):
        monkeypatch.setenv("TRIAL_ADAPTER_DATABASE_URL", url)
        assert cli.main(["serve", "--port", "0"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("trial-adapter: the database")
        assert "s3cret" not in line
    assert not (tmp_path / "none").exists()


def test_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looking makes no file; the message says what to set."""
    monkeypatch.setenv("TRIAL_ADAPTER_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    assert cli.main(["queue", "list"]) == 1
    assert "TRIAL_ADAPTER_DATABASE_URL" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("environment", "arguments", "said"),
    [
        ({}, ["subscribe", "--hook", "https://a.example/hook"], "TRIAL_ADAPTER_HOOK_SECRET is not set"),
        ({"HOOK_SECRET": "short"}, ["subscribe", "--hook", "https://a.example/hook"], "shorter than 16"),
        ({"HOOK_SECRET": "x" * 16}, ["subscribe"], "https://host/hook"),
        ({"HOOK_SECRET": "x" * 16}, ["subscribe", "--hook", "https://a.example/"], "https://host/hook"),
        ({}, ["unsubscribe", "--hook", "https://a.example/hook"], "--server URL"),
        ({"HOOK_SECRET": "x" * 16}, ["serve"], "TRIAL_ADAPTER_FHIR_URL is not"),
        ({"HOOK_SECRET": "x" * 16, "FHIR_URL": "http://f", "EVENT_URLS": "http://e.example"}, ["serve"], "use https"),
        ({"HOOK_SECRET": "x" * 16, "FHIR_URL": "http://f", "EVENT_URLS": "https://e"}, ["serve"], "EVENT_SECRET"),
        ({"HOOK_SECRET": "x" * 16, "FHIR_URL": "http://f", "SWEEP": "often"}, ["serve"], "no number above 0"),
    ],
)
def test_wrong_usage(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    arguments: list[str],
    said: str,
) -> None:
    """Exit code 2, and what to do."""
    for name in ("HOOK_SECRET", "HOOK_URL", "FHIR_URL", "EVENT_URLS", "EVENT_SECRET", "SWEEP"):
        monkeypatch.delenv(f"TRIAL_ADAPTER_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(f"TRIAL_ADAPTER_{name}", value)
    assert cli.main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("answers", [True, False])
def test_an_address_where_nobody_listens(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: bool,  # noqa: FBT001  # a case
) -> None:
    """A server calls a Subscription in order that leads nowhere; `status` says so."""

    async def look(*_: object) -> list[SubscriptionState]:
        return [SubscriptionState(type="Condition", id="1", status="active", in_order=True)]

    async def listens(*_: object) -> bool:
        return answers

    monkeypatch.setenv("TRIAL_ADAPTER_HOOK_SECRET", "x" * 16)
    monkeypatch.setenv("TRIAL_ADAPTER_FHIR_URL", "http://127.0.0.1:1/fhir")
    monkeypatch.setattr(service, "look", look)
    monkeypatch.setattr(service, "listens", listens)
    assert cli.main(["status", "--hook", "https://a.example/hook"]) == 0
    assert ("nobody answers at https://a.example/hook" in capsys.readouterr().err) is not answers


@pytest.mark.parametrize("address", ["https://u:s3cret@a.example/hook", "http://localhost:80@evil.example/hook"])
def test_an_address_that_hides_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    """The secret of the webhook would go there."""
    monkeypatch.setenv("TRIAL_ADAPTER_HOOK_SECRET", "x" * 16)
    assert cli.main(["subscribe", "--server", "http://127.0.0.1:1/fhir", "--hook", address]) == 2
    assert "s3cret" not in capsys.readouterr().err
