"""Expansions of a terminology server, kept in a file for a while: terminologies change by the month."""

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import anyio
import msgspec

from adapter.criteria.terminology import Coding
from adapter.errors import ServerError
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.expansion import expansions
from adapter.screening.environment import Variables
from mappings.terminology import load_terminology

Expansions = Mapping[str, Iterable[Coding]]
_DAYS = 7
_SECONDS = _DAYS * 24 * 60 * 60

_kept = msgspec.json.Decoder(dict[str, list[Coding]])


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where expansions are kept: TRIAL_ADAPTER_CACHE, or the user's cache folder."""
    own = Variables(environment).get("CACHE")
    if own:
        return Path(own)
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fhir-trial-adapter"


def kept_expansions(server: ServerSettings | None, folder: Path, now: float | None = None) -> Expansions:
    """What a terminology server adds to the packaged value sets; nothing without one.

    It is asked anew after seven days; where it then can't say, what is kept in the folder stays. `now`: seconds since
    1970. Raises ServerError where it can't say and nothing is kept.
    """
    if server is None:
        return {}
    terminology = load_terminology()
    name = hashlib.sha256(f"{server.url} {terminology.hash}".encode()).hexdigest()[:32]
    path = folder / f"expansions-{name}.json"
    kept, age = _read(path, time.time() if now is None else now)
    if kept is not None and age < _SECONDS:
        return kept

    async def asked() -> dict[str, list[Coding]]:
        async with open_client(server) as client:
            return await expansions(client, terminology)

    try:
        found = anyio.run(asked)
    except ServerError:
        if kept is not None:
            return kept
        raise
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(msgspec.json.encode(found))
    temporary.replace(path)
    return found


def _read(path: Path, now: float) -> tuple[Expansions | None, float]:
    try:
        return _kept.decode(path.read_bytes()), now - path.stat().st_mtime
    except (OSError, msgspec.DecodeError):
        return None, 0
