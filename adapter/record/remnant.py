"""What is left of a resource that can't be read whole (CONFORMANCE: Observations)."""

import msgspec
from msgspec import Raw

from adapter.record.bundle import Resource
from adapter.record.resources import Observation

_WHOSE = ("resourceType", "id", "meta", "status", "code", "subject", "focus")
_WHEN = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued")

_parts = msgspec.json.Decoder(dict[str, Raw])
_observation = msgspec.json.Decoder(Observation)


def remnant(sent: Resource) -> Observation | None:
    """Of an Observation what was measured of whom and, if that can be read, when; never its value.

    An older result must not decide instead of one that can't be read. None where not even that is left, and for other
    types: of a list it says enough that something is missing.
    """
    if sent.type != "Observation":
        return None
    for kept in ((*_WHOSE, *_WHEN), _WHOSE):
        try:
            parts = _parts.decode(sent.raw)
            return _observation.decode(msgspec.json.encode({name: parts[name] for name in kept if name in parts}))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            continue
    return None
