"""The public keys that sign callers' tokens: fetched when they are first needed, and again when they change."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
from anyio import Lock
from jwt import PyJWK

from adapter.service.errors import BusyError

_FRESH = 600.0
"""Seconds for which fetched keys are used without asking again."""

_PAUSE = 10.0
"""Seconds between two fetches, whatever kids callers make up."""

_PATIENCE = 5.0
_MAX_SIZE = 1024 * 1024


class Keys:
    """A cached JSON Web Key Set (RFC 7517) at a URL."""

    def __init__(
        self, url: str, transport: httpx.AsyncBaseTransport | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is fetched yet; `transport` and `clock` are for tests."""
        self._url = url
        self._transport = transport
        self._clock = clock
        self._lock = Lock()
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched = -_FRESH
        self._tried = -_PAUSE

    async def key(self, kid: str | None) -> PyJWK | None:
        """The key of that id; None if there is none. Keys that can't be fetched anew stay in use.

        Raises BusyError where none could be had at all.
        """
        async with self._lock:
            now = self._clock()
            stale = now - self._fetched >= _FRESH
            if (stale or self._known(kid) is None) and now - self._tried >= _PAUSE:
                self._tried = now
                await self._fetch(now)
            if not self._keys:
                msg = "the keys that check tokens can't be had just now; come back in a few seconds"
                raise BusyError(msg)
            return self._known(kid)

    def _known(self, kid: str | None) -> PyJWK | None:
        """A token without a kid can mean the only key there is."""
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def _fetch(self, now: float) -> None:
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=_PATIENCE) as client:
                answer = await client.get(self._url)
            if not answer.is_success or len(answer.content) > _MAX_SIZE:
                return
            listed = answer.json()["keys"]
            keys = [key for each in listed if (key := _key(each)) is not None]
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            return  # whatever the site's identity provider sent, it is no key set
        self._keys = {key.key_id: key for key in keys if key.public_key_use in {None, "sig"}}
        self._fetched = now


def _key(said: dict[str, Any]) -> PyJWK | None:
    """The key of one entry; RFC 7517 has unknown kinds passed over."""
    try:
        return PyJWK(said)
    except (jwt.PyJWTError, ValueError, LookupError, TypeError, AttributeError):
        return None
