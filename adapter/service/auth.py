"""Who may call: a bearer token of the site's list, or a JWT that the site's identity provider has signed.

A JWT must not have expired, must say the audience and issuer that the settings name, and needs a SMART scope for
every kind of patient data: `system/*.read`, `user/*.read`, or version 2's `.rs`. A patient's own token
(`patient/*.read`) is not enough: an evaluation reads whatever it is asked for. The keys are fetched when they are first
needed, and again when they change.
"""

import asyncio
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import jwt
from anyio import Lock
from jwt import PyJWK

from adapter.errors import BadAnswerError
from adapter.fhir.client.transport import body_of
from adapter.service.errors import BusyError, ForbiddenError, UnauthorizedError
from adapter.service.settings import Settings

_FRESH = 600.0
"""Seconds for which fetched keys are used without asking again."""

_PAUSE = 10.0
"""Seconds between two fetches, whatever kids callers make up."""

_PATIENCE = 5.0
_MAX_SIZE = 1024 * 1024
_MOST_KEYS = 100

_SCOPE = re.compile(r"(?:system|user)/\*\.(?:read|\*|c?ru?d?s)")
_SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Public-key algorithms only: with `none` or a shared key anyone could sign."""

_LEEWAY = 30
"""Seconds by which two machines' clocks may differ."""


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
            async with (
                asyncio.timeout(_PATIENCE),
                httpx.AsyncClient(transport=self._transport, timeout=_PATIENCE) as client,
                client.stream("GET", self._url) as answer,
            ):
                content = await body_of(answer, _MAX_SIZE, "the keys")
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


class Authenticator:
    """Lets callers through, or raises why not. Belongs to one app."""

    def __init__(self, settings: Settings, keys: Keys | None = None) -> None:
        """Keys are those of the settings' URL, unless a test brings its own."""
        self._settings = settings
        self._tokens = [token.encode() for token in settings.api_tokens]
        self._keys = keys or (Keys(settings.jwks_url) if settings.jwks_url else None)

    async def check(self, authorization: str | None) -> None:
        """Raises UnauthorizedError, ForbiddenError, or BusyError where keys can't be had."""
        if not self._settings.asks_who_calls:
            return
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            msg = "send a token: Authorization: Bearer <token>"
            raise UnauthorizedError(msg, 'Bearer realm="fhir-trial-adapter"')
        if self._is_listed(token):
            return
        if self._keys is None:
            raise _invalid()
        _check_scope(await self._claims(token, self._keys))

    def _is_listed(self, token: str) -> bool:
        """Compares with every token of the list, in a time that says nothing of which one was close."""
        sent = token.encode(errors="replace")
        return sum([hmac.compare_digest(sent, known) for known in self._tokens]) > 0

    async def _claims(self, token: str, keys: Keys) -> Mapping[str, Any]:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = await keys.key(kid)
            if key is None:
                raise _invalid()
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_SIGNED_BY,
                audience=self._settings.jwt_audience,
                issuer=self._settings.jwt_issuer,
                leeway=_LEEWAY,
                options={"require": ["exp"], "verify_aud": self._settings.jwt_audience is not None},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _invalid() from error
        return claims


def _check_scope(claims: Mapping[str, Any]) -> None:
    said = claims.get("scope", claims.get("scp", ""))
    scopes = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    if not any(isinstance(scope, str) and _SCOPE.fullmatch(scope) for scope in scopes):
        msg = "the token lacks the scope; ask for system/*.read or user/*.read"
        raise ForbiddenError(msg)


def _invalid() -> UnauthorizedError:
    challenge = 'Bearer realm="fhir-trial-adapter", error="invalid_token"'
    return UnauthorizedError("the token is not valid here; get a new one", challenge)
