"""Who we are to a FHIR server: a token, a name and password, or SMART Backend Services."""

import logging
import os
import re
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IRGRP, S_IROTH, S_IWGRP, S_IWOTH
from typing import Any
from uuid import uuid4

import httpx
import jwt
import msgspec
from anyio import Lock
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from adapter.errors import BadAnswerError, MalformedError, NoAccessError, UnreachableError, UsageError
from adapter.fhir.client.transport import AGAIN, error_of, seconds_of, small_answer
from adapter.record.bundle import json_text

_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN = 400, 401, 403
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # no password
_OF_SUBJECT = frozenset({"invalid_grant", "invalid_request", "invalid_target"})
"""What is said of a token that is not exchanged (RFC 8693, 2.2.2; RFC 6749, 5.2); every other code is of us."""

_CODE = re.compile("[a-z_]{1,40}", re.ASCII)
_ASSERTION_SECONDS = 240
"""SMART allows five minutes."""

_EARLY = 30.0
"""Seconds before its end at which a token is not used any more: a request takes time, and clocks differ."""

_CURVE = "secp384r1"
_PATIENCE = 10.0
_MOST = 1024 * 1024
"""Seconds for an answer of the token endpoint, and its bytes."""

log = logging.getLogger(__name__)


class Bearer(httpx.Auth):
    """A fixed token."""

    def __init__(self, token: str) -> None:
        """A token."""
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """A private key that a server knows the public half of. `algorithm`: ES384 or RS384; `id`: `kid`, if it has one."""

    key: EllipticCurvePrivateKey | RSAPrivateKey = field(repr=False)
    algorithm: str
    id: str | None


class _Token(Struct, frozen=True):
    access_token: str
    expires_in: float = 300.0


class _Refusal(Struct, frozen=True):
    error: str = ""


class _RefusedError(NoAccessError):
    """A token endpoint gives no token. `of_subject`: because of the token that it was to exchange, and not of us."""

    def __init__(self, message: str, *, of_subject: bool) -> None:
        super().__init__(message)
        self.of_subject = of_subject


class BackendServices(httpx.Auth):
    """SMART Backend Services (SMART App Launch 2, client_credentials with private_key_jwt).

    A token is asked for when one is needed, kept until shortly before it ends, and asked for once more where the
    server does not accept it (401): it may have been revoked.
    """

    def __init__(
        self,
        *,
        client_id: str,
        key: ClientKey,
        token_url: str,
        scope: str,
        clock: Callable[[], float] = time.time,
        transport: httpx.AsyncBaseTransport | None = None,
        proxy: str | None = None,
    ) -> None:
        """The client's registration with the server. `clock`: seconds since 1970; `transport`: for tests."""
        self._proxy = proxy
        self._client_id = client_id
        self._key = key
        self._url = token_url
        self._scope = scope
        self._clock = clock
        self._transport = transport
        self._renewing = Lock()
        self._token: str | None = None
        self._ends = 0.0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add a token; after a 401 a new one, once."""
        token = await self._current(refused=None)
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == _UNAUTHORIZED:
            token = await self._current(refused=token)
            request.headers["Authorization"] = f"Bearer {token}"
            yield request

    async def _current(self, refused: str | None) -> str:
        async with self._renewing:  # many requests at once ask for one token
            if self._token is None or self._token == refused or self._clock() >= self._ends - _EARLY:
                asked = self._clock()
                answer = await self._ask({"grant_type": "client_credentials", "scope": self._scope})
                self._token, self._ends = answer.access_token, asked + answer.expires_in
            return self._token

    async def exchanged(self, token: str) -> str:
        """A token of the server for somebody who has another one: it shows what that person may see (RFC 8693).

        Raises NoAccessError where there is none for them; another ServerError where the fault is not theirs: the
        endpoint is busy or fails, or does not take us for one who may exchange.
        """
        said = {"subject_token": token, "subject_token_type": _ACCESS_TOKEN, "requested_token_type": _ACCESS_TOKEN}
        try:
            return (await self._ask({"grant_type": _EXCHANGE, **said})).access_token
        except _RefusedError as error:
            log.warning("a person's token is not exchanged: %s", error)
            if error.of_subject:
                raise
            raise BadAnswerError(str(error)) from error

    async def _ask(self, grant: dict[str, str]) -> _Token:
        form = {**grant, **client_assertion(self._client_id, self._key, self._url, self._clock())}
        what = f"token endpoint {self._url}"
        try:
            response, content = await small_answer(
                "POST",
                self._url,
                what,
                seconds=_PATIENCE,
                most=_MOST,
                proxy=self._proxy,
                transport=self._transport,
                data=form,
                headers={"Accept": "application/json"},
            )
        except (httpx.RequestError, TimeoutError) as error:
            msg = f"{what}: no answer ({type(error).__name__}); does it run there?"
            raise UnreachableError(msg) from error
        status = response.status_code
        if response.is_client_error and status not in AGAIN:
            code = _code(content)
            msg = f"{what}: {status} {code}: it gives no token; check client id, key and scope"
            of_subject = status == _FORBIDDEN or (status == _BAD_REQUEST and code in _OF_SUBJECT)
            raise _RefusedError(msg, of_subject=of_subject)
        if not response.is_success:
            raise error_of(status, b"", what, seconds_of(response.headers.get("retry-after")))
        try:
            return msgspec.json.decode(json_text(content), type=_Token)
        except (MalformedError, msgspec.DecodeError) as error:
            msg = f"{what}: the answer holds no token; is this the token endpoint?"
            raise _RefusedError(msg, of_subject=False) from error


def _code(content: bytes) -> str:
    """The code of an OAuth error, and nothing else of the answer: what it describes may name a person."""
    try:
        said = msgspec.json.decode(json_text(content), type=_Refusal).error
    except (MalformedError, msgspec.DecodeError):
        said = ""
    return said if _CODE.fullmatch(said) else "without an error code"


def client_assertion(client_id: str, key: ClientKey, token_url: str, now: float) -> dict[str, str]:
    """How a client with a key says who it is at a token endpoint (private_key_jwt), as parameters of the request."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "iat": int(now),
        "exp": int(now) + _ASSERTION_SECONDS,
        "jti": str(uuid4()),
    }
    signed = jwt.encode(claims, key.key, key.algorithm, {"kid": key.id} if key.id else None)
    return {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": signed}


def read_secret(path: Path, *, private: bool) -> bytes:
    """A file that says who may do what. `private`: others who read it could do the same, which is warned of.

    Raises UsageError where it can't be read, and where others than its owner can write to it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MOST + 1)
    except OSError as error:
        msg = f"{path} can't be read: {error.strerror}"
        raise UsageError(msg) from error
    if mode & (S_IWGRP | S_IWOTH):
        msg = f"others can write to {path}, and so say who may do what; take that away: chmod go-w {path}"
        raise UsageError(msg)
    if len(text) > _MOST:
        msg = f"{path} is larger than {_MOST} bytes; is it the right file?"
        raise UsageError(msg)
    if private and mode & (S_IRGRP | S_IROTH):
        log.warning("others can read %s, which is secret; take that away where you can: chmod go-r %s", path, path)
    return text


def load_key(path: Path) -> ClientKey:
    """A private key from a file, as JWK or PEM. Raises UsageError where it is none that SMART knows."""
    text = read_secret(path, private=True)
    try:
        key, name = _from_jwk(text) if text.lstrip().startswith(b"{") else (load_pem_private_key(text, None), None)
    except (ValueError, TypeError, KeyError, jwt.PyJWTError, msgspec.DecodeError) as error:
        msg = f"the key {path} is no private key without password, as JWK or PEM"
        raise UsageError(msg) from error
    if isinstance(key, RSAPrivateKey):
        return ClientKey(key=key, algorithm="RS384", id=name)
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name == _CURVE:
        return ClientKey(key=key, algorithm="ES384", id=name)
    msg = f"the key {path} is neither RSA nor on the curve P-384; SMART Backend Services asks for RS384 or ES384"
    raise UsageError(msg)


def _from_jwk(text: bytes) -> tuple[Any, str | None]:
    held = msgspec.json.decode(text, type=dict[str, Any])
    return jwt.PyJWK(held, algorithm="RS384" if held.get("kty") == "RSA" else "ES384").key, held.get("kid")
