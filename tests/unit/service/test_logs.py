"""The log, as a machine reads it."""

import json
import logging

from adapter.service.middleware import FIELDS, JsonLines


def line(message: str, *arguments: object, error: BaseException | None = None, **fields: object) -> dict[str, object]:
    """A record as it is written."""
    information = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord("adapter.x", logging.WARNING, "x.py", 1, message, arguments, information)
    setattr(record, FIELDS, fields)
    written = JsonLines().format(record)
    assert "\n" not in written
    found: dict[str, object] = json.loads(written)
    return found


def test_a_line() -> None:
    """One JSON object, whatever is in the message, with the fields beside it."""
    found = line("a\n%s", '"b"', status=200, request="r1")
    assert (found["level"], found["logger"], found["message"]) == ("warning", "adapter.x", 'a\n"b"')
    assert (found["status"], found["request"]) == (200, "r1")
    assert str(found["time"]).endswith("+00:00")


def test_an_error_shows_its_kind_and_place_only() -> None:
    """Invariant 8: its text may hold patient data."""
    found = line("failed", error=KeyError("Mustermann"))
    assert found["error"] == "KeyError"
    assert "Mustermann" not in json.dumps(found)
