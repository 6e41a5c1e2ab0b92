"""Who may call: a bearer token of the site's list, or a JWT that the site's identity provider has signed.

A JWT must not have expired, must say the audience and issuer that the settings name, and needs a SMART scope for
every kind of patient data: `system/*.read`, `user/*.read`, or version 2's `.rs`. A patient's own token
(`patient/*.read`) is not enough: an evaluation reads whatever it is asked for.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Any

import jwt

from adapter.service.errors import ForbiddenError, UnauthorizedError
from adapter.service.jwks import Keys
from adapter.service.settings import Settings

_SCOPE = re.compile(r"(?:system|user)/\*\.(?:read|\*|c?ru?d?s)")
_SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Public-key algorithms only: with `none` or a shared key anyone could sign."""

_LEEWAY = 30
"""Seconds by which two machines' clocks may differ."""


class Gate:
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
