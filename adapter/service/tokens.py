"""Tokens by which callers are known: our own, and those that others sign.

Named API tokens: how one is made, and the lines in which a site keeps them.

A line is `NAME ROLE,ROLE sha256:HEX`; # begins a comment. Only hashes are kept, so a file that is read by others opens
nothing; one that others can write to is refused. Tokens have 256 random bits: a plain hash of one can't be guessed, as
that of a password could.

The public keys of whoever signs tokens: fetched when they are first needed, and again when they change.
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import jwt
from anyio import Lock
from jwt import PyJWK

from adapter.errors import BadAnswerError, BusyError, MalformedError, UsageError
from adapter.fhir.client.transport import small_answer
from adapter.record.bundle import json_text
from adapter.service.access import Caller, table

SHORTEST = 16
"""Characters of the shortest token or secret that is accepted."""

_PREFIX = "ta_"
"""By which scanners find a token that somebody has written down where it doesn't belong."""

_BYTES = 32
_HASH = "sha256:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_RESERVED = frozenset({"local", "webhook"})
_PARTS = 3
_UNNAMED = "unnamed:"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token that may call: whose it is, what it may do, and its SHA-256."""

    name: str
    roles: frozenset[str]
    digest: bytes = field(repr=False)

    @property
    def unnamed(self) -> bool:
        """Whether it stands in a variable as it is, with neither name nor roles of its own."""
        return self.name.startswith(_UNNAMED)


def digest_of(token: str) -> bytes:
    """The SHA-256 of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def new_token(name: str, roles: Sequence[str]) -> tuple[str, str]:
    """A new token, and the line to keep of it. Raises UsageError for a name or role that can't be."""
    token = _PREFIX + secrets.token_urlsafe(_BYTES)
    line = f"{name} {','.join(roles)} {_HASH}{digest_of(token).hex()}"
    tokens_in(line, "the new token")
    return token, line


def tokens_in(text: str, where: str) -> tuple[ApiToken, ...]:
    """The tokens of a file or variable, a line each (; separates, too). Raises UsageError, which shows no hash.

    A name may stand twice, while its token is replaced.
    """
    lines = [line.partition("#")[0].strip() for line in text.replace(";", "\n").splitlines()]
    return tuple(_token(line.split(), f"{where}, line {number}") for number, line in enumerate(lines, 1) if line)


def _token(parts: list[str], where: str) -> ApiToken:
    if len(parts) != _PARTS or not parts[2].startswith(_HASH) or not _DIGEST.fullmatch(parts[2].removeprefix(_HASH)):
        msg = f"{where}: no token; write NAME ROLE,ROLE {_HASH}HEX, as `trial-adapter token` prints it"
        raise UsageError(msg)
    name, roles = parts[0], frozenset(parts[1].split(","))
    if not _NAME.fullmatch(name) or name in _RESERVED:
        msg = f"{where}: {name[:64]!r} is no name for a token; use letters, digits, dots, hyphens, 64 at most"
        raise UsageError(msg)
    if unknown := sorted(roles - table().roles.keys()):
        msg = f"{where}: no role {unknown[0][:64]!r}; known are {', '.join(table().roles)}"
        raise UsageError(msg)
    return ApiToken(name, roles, bytes.fromhex(parts[2].removeprefix(_HASH)))


def unnamed(tokens: Iterable[str], where: str) -> tuple[ApiToken, ...]:
    """Tokens that stand in a variable as they are, numbered. Raises UsageError for one that could be guessed."""
    held = tuple(tokens)
    if any(len(each) < SHORTEST for each in held):
        msg = f"{where} has a token of less than {SHORTEST} characters; make one with: trial-adapter token NAME"
        raise UsageError(msg)
    roles = table().callers["unnamed"]
    return tuple(ApiToken(f"{_UNNAMED}{number}", roles, digest_of(each)) for number, each in enumerate(held, 1))


def holder(token: str, known: Iterable[ApiToken]) -> Caller | None:
    """Whose token it is; of one that is listed twice, who is first, with the roles of both.

    Compares with all of them, in a time that says nothing of which was close.
    """
    sent = digest_of(token)
    found = [each for each in known if hmac.compare_digest(sent, each.digest)]
    if not found or len(token) < SHORTEST:
        return None
    return Caller(name=found[0].name, roles=frozenset().union(*(each.roles for each in found)))


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
            listed = json.loads(json_text(content))["keys"][:_MOST_KEYS]
            keys = [key for each in listed if (key := _key(each)) is not None]
        except (httpx.HTTPError, TimeoutError, BadAnswerError, MalformedError, ValueError, LookupError, TypeError):
            return  # whatever the site's identity provider sent, it is no key set
        self._keys = {key.key_id: key for key in keys if key.public_key_use in {None, "sig"}}
        self._fetched = now


def _key(said: dict[str, Any]) -> PyJWK | None:
    """The key of one entry; RFC 7517 has unknown kinds passed over."""
    try:
        return PyJWK(said)
    except (jwt.PyJWTError, ValueError, LookupError, TypeError, AttributeError):
        return None
