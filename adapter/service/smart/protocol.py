"""The launch as the specification has it (SMART App Launch 2.2): discovery, authorization with PKCE, the token.

A confidential client signs its requests for tokens (private_key_jwt), a public one proves with PKCE that it is the one
that asked. Nothing is fetched from an address that no configured issuer has named.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
import msgspec
from msgspec import Struct

from adapter.errors import BadAnswerError, MalformedError, UsageError
from adapter.fhir.client.auth import ClientKey, client_assertion
from adapter.fhir.client.transport import same_origin, small_answer, web_address
from adapter.record.bundle import json_text
from adapter.service.errors import ForbiddenError
from adapter.service.tokens import KeySet

_PATIENCE = 10.0
_MOST = 1024 * 1024
_LEEWAY = 30
_SIGNED_BY = ["RS256", "RS384", "ES256", "ES384", "PS256", "PS384"]
_SCOPES = "openid fhirUser patient/*.rs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An EHR that may launch us. `url`: its FHIR base; `client_id`: ours there; `key`: of a confidential client.

    `signer`: the issuer that its id_tokens name, where it is another one than its configuration says.
    """

    url: str
    client_id: str
    signer: str | None = None
    key: ClientKey | None = field(default=None, repr=False)


class Endpoints(Struct, frozen=True):
    """What an EHR says of itself at `.well-known/smart-configuration`."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None = None
    jwks_uri: str | None = None
    code_challenge_methods_supported: tuple[str, ...] = ()


class Token(Struct, frozen=True):
    """The answer of a token endpoint, with what the launch is about."""

    access_token: str
    token_type: str
    expires_in: float = 300.0
    scope: str = ""
    patient: str | None = None
    id_token: str | None = None
    need_patient_banner: bool = True
    smart_style_url: str | None = None
    app_context: Any = msgspec.field(default=None, name="appContext")

    def study(self, known: Iterable[str]) -> str | None:
        """The study (id) of the card from which the app was launched (CDS Hooks 2.0, Link: appContext); None for none.

        It is text that the EHR hands on; what is not of ours is left alone.
        """
        said = self.app_context
        if isinstance(said, str):
            try:
                said = msgspec.json.decode(json_text(said.encode()))
            except (MalformedError, ValueError):
                return None
        return next((each for each in known if isinstance(said, dict) and said.get("study") == each), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A launch that has been sent to the EHR, and what must come back from there.

    `browser`: the secret in the cookie of the browser that began it; `began`: on the monotonic clock.
    """

    issuer: Issuer
    endpoints: Endpoints
    browser: str
    state: str = field(default_factory=lambda: token_urlsafe(32))
    nonce: str = field(default_factory=lambda: token_urlsafe(32))
    verifier: str = field(default_factory=lambda: token_urlsafe(64))


async def discover(issuer: Issuer, transport: httpx.AsyncBaseTransport | None = None) -> Endpoints:
    """What the EHR says of itself. Raises BadAnswerError where it can't be used, PKCE with S256 among it."""
    what = f"the SMART configuration of {issuer.url}"
    content = await _fetched("GET", f"{issuer.url}/.well-known/smart-configuration", what, transport)
    try:
        found = msgspec.json.decode(json_text(content), type=Endpoints)
        for address in (found.authorization_endpoint, found.token_endpoint, *filter(None, [found.jwks_uri])):
            web_address(address, what, why="a login goes there")
    except (MalformedError, msgspec.DecodeError, UsageError) as error:
        msg = f"{what} names no endpoints that can be used"
        raise BadAnswerError(msg) from error
    if "S256" not in found.code_challenge_methods_supported:
        msg = f"{what} offers no PKCE with S256, without which a login could be stolen"
        raise BadAnswerError(msg)
    return found


def authorization_address(attempt: Attempt, redirect: str, launch: str | None) -> str:
    """Where the browser is sent; `launch`: the EHR's handle of the context, None for a launch of our own."""
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": attempt.issuer.client_id,
        "redirect_uri": redirect,
        "scope": f"{'launch' if launch else 'launch/patient'} {_SCOPES}",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "aud": attempt.issuer.url,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **({"launch": launch} if launch else {}),
    }
    address = attempt.endpoints.authorization_endpoint
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"


async def exchanged(
    attempt: Attempt, code: str, redirect: str, transport: httpx.AsyncBaseTransport | None = None
) -> Token:
    """The token for a code. Raises ForbiddenError where the EHR gives none, BadAnswerError where it can't be used."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": attempt.verifier,
        **_client(attempt),
    }
    what = f"the token endpoint of {attempt.issuer.url}"
    content = await _fetched("POST", attempt.endpoints.token_endpoint, what, transport, form)
    try:
        found = msgspec.json.decode(json_text(content), type=Token)
    except (MalformedError, msgspec.DecodeError) as error:
        msg = f"{what} gave no token"
        raise BadAnswerError(msg) from error
    if found.token_type.lower() != "bearer":
        msg = f"{what} gave a token of another type than Bearer"
        raise BadAnswerError(msg)
    return found


def _client(attempt: Attempt) -> dict[str, str]:
    """How the client says who it is."""
    issuer = attempt.issuer
    if issuer.key is None:
        return {"client_id": issuer.client_id}
    return client_assertion(issuer.client_id, issuer.key, attempt.endpoints.token_endpoint, time.time())


async def check_id_token(token: Token, attempt: Attempt, keys: Callable[[str], KeySet]) -> object:
    """Who has logged in (`fhirUser`), as the id_token says; None where there is none.

    Raises ForbiddenError for an id_token of another issuer, client or login.
    """
    if token.id_token is None:
        return None
    endpoints = attempt.endpoints
    try:
        kid = jwt.get_unverified_header(token.id_token).get("kid")
        key = await keys(endpoints.jwks_uri).key(kid) if endpoints.jwks_uri else None
        if key is None:
            raise _foreign()
        claims: dict[str, Any] = jwt.decode(
            token.id_token,
            key,
            algorithms=_SIGNED_BY,
            audience=attempt.issuer.client_id,
            issuer=_names(endpoints, attempt.issuer),
            leeway=_LEEWAY,
            options={"require": ["iss", "aud", "exp"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise _foreign() from error
    if claims.get("nonce") != attempt.nonce:
        raise _foreign()
    return claims.get("fhirUser")


def _names(endpoints: Endpoints, issuer: Issuer) -> list[str]:
    """The names under which an EHR signs: the one that the site's settings say; else the one that it says itself.

    Or one below its token endpoint's folder, as SMART's own launcher has it (smart-launcher-v2, issue 22: …/auth/fhir
    where it says …/fhir): the token comes from that very endpoint, with its key and our nonce.
    """
    if issuer.signer is not None:
        return [issuer.signer]
    return [endpoints.issuer or issuer.url, f"{endpoints.token_endpoint.rpartition('/')[0]}/fhir"]


def _foreign() -> ForbiddenError:
    return ForbiddenError("the login that came back is not the one that was asked for; launch again")


async def style_of(token: Token, issuer: Issuer, transport: httpx.AsyncBaseTransport | None = None) -> dict[str, Any]:
    """The EHR's style (`smart_style_url`) if it stands where the EHR does; none else, and none if it can't be had."""
    if token.smart_style_url is None or not same_origin(token.smart_style_url, issuer.url):
        return {}
    try:
        content = await _fetched("GET", token.smart_style_url, "the style", transport)
        return msgspec.json.decode(json_text(content), type=dict[str, Any])
    except (BadAnswerError, ForbiddenError, MalformedError, msgspec.DecodeError):
        return {}


async def _fetched(
    method: str,
    address: str,
    what: str,
    transport: httpx.AsyncBaseTransport | None,
    form: dict[str, str] | None = None,
) -> bytes:
    try:
        answer, content = await small_answer(
            method,
            address,
            what,
            seconds=_PATIENCE,
            most=_MOST,
            transport=transport,
            data=form,
            headers={"Accept": "application/json"},
        )
    except (httpx.HTTPError, TimeoutError) as error:
        msg = f"{what}: no answer ({type(error).__name__})"
        raise BadAnswerError(msg) from error
    if answer.is_client_error:
        msg = f"{what} refused ({answer.status_code}); launch again, and check the registration"
        raise ForbiddenError(msg)
    if not answer.is_success:
        msg = f"{what} answered {answer.status_code}"
        raise BadAnswerError(msg)
    return content
