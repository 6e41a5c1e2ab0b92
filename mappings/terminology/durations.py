"""ISO 8601 durations of one calendar unit (P30D, P2W, P12M, P16Y) as they stand in YAML."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema

from adapter.criteria.calendar import ISO_PATTERN, Duration, duration

IsoDuration = Annotated[Duration, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": ISO_PATTERN})]
"""A Duration in a pydantic model, written in ISO 8601."""

STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
"""Every model of ours refuses keys that it doesn't know: a misspelt key is never taken for a missing one."""
