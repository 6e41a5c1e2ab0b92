"""Structured logs: one JSON object a line on stderr. What is logged holds no patient data (invariant 8)."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from adapter.screening.mishap import place_of

FIELDS = "fields"
"""The name under which a log call passes what is to stand beside its message: `extra={FIELDS: {...}}`."""


class JsonLines(logging.Formatter):
    """A record as a line of JSON; an exception as its kind and place, never its text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        made: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info is not None and record.exc_info[1] is not None:
            made["error"] = place_of(record.exc_info[1])
        return msgspec.json.encode(made).decode()


def log_as_json() -> None:
    """Set up logging for the process: what others log below a warning is left out, since it may name patients."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in ("adapter", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)
