"""Which EHRs may call: each call bears a JWT of its client, signed for this one service (CDS Hooks 2.0, Security).

A token's `jti` counts once. What has been used is remembered until the token would have ended, and no longer.
"""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from heapq import heappop, heappush
from typing import Any

import jwt

from adapter.errors import BusyError
from adapter.service.errors import UnauthorizedError
from adapter.service.tokens import KeySet

_SIGNED_BY = ["ES384", "RS384", "ES256"]
"""The first two are CDS Hooks' own recommendation; its sandbox signs with the third."""

_LEEWAY = 30
_LONGEST = 3600
"""Seconds for which a token may be valid: its `jti` is remembered so long."""

_MOST_REMEMBERED = 100_000
_CHALLENGE = 'Bearer realm="fhir-trial-adapter cds-services"'


class _Why(StrEnum):
    NO_TOKEN = "send the client's JWT: Authorization: Bearer <JWT>"  # noqa: S105  # no password
    INVALID = "the JWT is not valid for this service; sign a new one"
    UNKNOWN = "the JWT's issuer is not one that is known here"
    OTHER_KEYS = "the JWT names keys at another address than the one that is known here"
    NO_KEY = "the JWT's key is not one of its issuer's"
    TOO_LONG = "the JWT is valid for too long; sign one for an hour at most"
    USED = "the JWT has been used already; sign a new one for each call"


class Clients:
    """The allow-listed issuers with the addresses of their keys. Belongs to one app."""

    def __init__(
        self,
        issuers: Mapping[str, str],
        keys: Callable[[str], KeySet],
        *,
        clock: Callable[[], float] = time.time,
        most: int = _MOST_REMEMBERED,
    ) -> None:
        """`issuers`: `iss` -> the URL of its JSON Web Key Set; `keys`: makes one's keys. Nothing is fetched yet.

        `most`: how many tokens are remembered.
        """
        self._addresses = dict(issuers)
        self._keys = {issuer: keys(url) for issuer, url in issuers.items()}
        self._clock = clock
        self._most = most
        self._used: set[tuple[str, str]] = set()
        self._ends: list[tuple[float, tuple[str, str]]] = []

    def __bool__(self) -> bool:
        """Whether any EHR is named."""
        return bool(self._addresses)

    async def check(self, authorization: str | None, audience: str) -> str:
        """The issuer of a call to the service at `audience`.

        Raises UnauthorizedError, or BusyError where its keys can't be had.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _refused(_Why.NO_TOKEN)
        try:
            claims = await self._claims(token.strip(), audience)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _refused(_Why.INVALID) from error
        self._use_once(claims)
        issuer: str = claims["iss"]
        return issuer

    async def _claims(self, token: str, audience: str) -> Mapping[str, Any]:
        head = jwt.get_unverified_header(token)
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        keys = self._keys.get(issuer) if isinstance(issuer, str) else None
        if not isinstance(issuer, str) or keys is None:
            raise _refused(_Why.UNKNOWN)
        if head.get("jku") not in {None, self._addresses[issuer]}:
            raise _refused(_Why.OTHER_KEYS)
        key = await keys.key(head.get("kid"))
        if key is None:
            raise _refused(_Why.NO_KEY)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=_SIGNED_BY,
            audience=audience,
            issuer=issuer,
            leeway=_LEEWAY,
            options={"require": ["iss", "aud", "exp", "iat", "jti"], "strict_aud": True},
        )
        if claims["exp"] - self._clock() > _LONGEST + _LEEWAY:
            raise _refused(_Why.TOO_LONG)
        return claims

    def _use_once(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        while self._ends and self._ends[0][0] < now:
            self._used.discard(heappop(self._ends)[1])
        name = (claims["iss"], str(claims["jti"]))
        if name in self._used:
            raise _refused(_Why.USED)
        if len(self._used) >= self._most:
            msg = "too many calls within an hour; come back later"
            raise BusyError(msg)
        self._used.add(name)
        heappush(self._ends, (claims["exp"] + _LEEWAY, name))


def _refused(message: _Why) -> UnauthorizedError:
    return UnauthorizedError(message, _CHALLENGE)
