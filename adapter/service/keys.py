"""The public keys of whoever signs tokens: fetched when they are first needed, and again when they change."""

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

import httpx
import jwt
from anyio import Lock
from jwt import PyJWK

from adapter.errors import BadAnswerError
from adapter.fhir.client.transport import small_answer
from adapter.service.errors import BusyError

_FRESH = 600.0
"""Seconds for which fetched keys are used without asking again."""

_PAUSE = 10.0
"""Seconds between two fetches, whatever kids callers make up."""

_PATIENCE = 5.0
_MAX_SIZE = 1024 * 1024
_MOST_KEYS = 100


class KeySet(Protocol):
    """The keys of an issuer."""

    async def key(self, kid: str | None) -> PyJWK | None:
        """The key of that id; None if there is none. Raises BusyError where none could be had."""
        ...


class Keys:
    """A cached JSON Web Key Set (RFC 7517) at a URL."""

    def __init__(
        self,
        url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        proxy: str | None = None,
    ) -> None:
        """Nothing is fetched yet; `transport` and `clock` are for tests."""
        self._proxy = proxy
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
        known = self._known(kid)
        if known is not None and self._clock() - self._fetched < _FRESH:
            return known  # whoever has a key that is known doesn't wait for one that somebody has made up
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
            answer, content = await small_answer(
                "GET",
                self._url,
                "the keys",
                seconds=_PATIENCE,
                most=_MAX_SIZE,
                proxy=self._proxy,
                transport=self._transport,
            )
            if not answer.is_success:
                return
            listed = json.loads(content)["keys"][:_MOST_KEYS]
            keys = [key for each in listed if (key := _key(each)) is not None]
        except (httpx.HTTPError, TimeoutError, BadAnswerError, ValueError, LookupError, TypeError, RecursionError):
            return  # whatever the site's identity provider sent, it is no key set
        self._keys = {key.key_id: key for key in keys if key.public_key_use in {None, "sig"}}
        self._fetched = now


def _key(said: dict[str, Any]) -> PyJWK | None:
    """The key of one entry; RFC 7517 has unknown kinds passed over."""
    try:
        return PyJWK(said)
    except (jwt.PyJWTError, ValueError, LookupError, TypeError, AttributeError):
        return None
