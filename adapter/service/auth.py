"""Who calls: the holder of an API token, a FHIR server with the webhook's secret, or whom a JWT names.

A JWT is signed by the site's identity provider, must not have expired, and must say the audience and issuer that the
settings name. What its holder may do is its SMART scopes (`adapter.service.access`). Keys are fetched when they are
first needed, and again when they change.

Whose data a JWT opens: with a `patient` claim (the launch context), or where the `fhirUser` is a Patient, that
patient's only, whatever its scopes are called. Without, `patient/` scopes open nothing, and `user/` scopes those of
practitioners only: whom a relative may ask about, the token doesn't say. `system/` scopes are for programs alone: in
the token of a person they open nothing, else that person would see more than as themselves.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import jwt

from adapter.record.references import ID, base_of, is_key, name_of
from adapter.service.access import Caller, grants_of, local, table
from adapter.service.cds.clients import Clients
from adapter.service.errors import ForbiddenError, UnauthorizedError
from adapter.service.hook import is_hook
from adapter.service.settings import Settings
from adapter.service.tokens import ApiToken, Keys, digest_of, holder

_SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Public-key algorithms only: with `none` or a shared key anyone could sign."""

_LEEWAY = 30
"""Seconds by which two machines' clocks may differ."""

_CLIENT = ("client_id", "azp", "cid", "appid")
"""The claims in which identity providers name the client; `sub` may name a person."""

_PRACTITIONERS = frozenset({"Practitioner", "PractitionerRole"})
_USERS = _PRACTITIONERS | {"Patient", "RelatedPerson", "Person"}
_OF_PEOPLE = ("patient/", "user/", "launch")
"""What those scopes begin with that only somebody who has logged in can have given, narrowed or not."""

_LONGEST = 512
"""Characters of a reference to a person."""
CDS = "/cds-services/"
"""What the addresses of the services of CDS Hooks begin with."""

MATCHED = frozenset({"/", "/getClinicalTrial"})
"""The addresses that mCODE's trial matching app asks; it sends no token."""
MATCHING = "matching"
"""The name of whoever asks them so."""

_REALM = 'Bearer realm="fhir-trial-adapter"'
_HOOK_REALM = 'Bearer realm="fhir-trial-adapter hook"'


class Authenticator:
    """Says who a caller is, or raises why nobody can tell. Belongs to one app."""

    def __init__(self, settings: Settings, keys: Keys | None = None) -> None:
        """Keys are those of the settings' URL, unless a test brings its own."""
        self._settings = settings
        secrets = settings.hook.secrets if settings.hook is not None else ()
        webhook = table().callers["webhook"]
        self._tokens = (*settings.tokens, *(ApiToken("webhook", webhook, digest_of(each)) for each in secrets))
        self._ehrs = Clients(settings.cds_clients, lambda url: Keys(url, proxy=settings.jwks_proxy))
        self._keys = keys or (Keys(settings.jwks_url, proxy=settings.jwks_proxy) if settings.jwks_url else None)

    async def check(self, authorization: str | None, path: str = "", base: str = "", address: str = "") -> Caller:
        """Who sends a request with this header to this path; the webhook is never open to everyone.

        `base`: our own address, without the path: with it, the JWTs of EHRs name the service that they call. `address`:
        the caller's, by which whole networks may have trials matched.

        Raises UnauthorizedError, ForbiddenError for a JWT of a patient who can't be told, or BusyError where keys
        can't be had.
        """
        hook = is_hook(path)
        if self._ehrs and path.startswith(CDS):
            issuer = await self._ehrs.check(authorization, f"{self._settings.public_url or base}{path}")
            return Caller(name=f"ehr:{plain_name(issuer)}", roles=table().callers["ehr"])
        if not hook and not self._settings.asks_who_calls:
            return local()
        if authorization is None and path in MATCHED and self._may_match(address):
            return Caller(name=MATCHING, roles=table().callers[MATCHING])
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and token:
            if (found := holder(token, self._tokens)) is not None:
                return found
            if self._keys is not None:
                record = self._settings.servers.record.url if self._settings.servers is not None else None
                return caller_from(await self._claims(token, self._keys), record)
        if hook:
            raise _no_secret(there_is_one=self._settings.hook is not None)
        if scheme.lower() != "bearer" or not token:
            msg = "send a token: Authorization: Bearer <token>"
            raise UnauthorizedError(msg, _REALM)
        raise _invalid()

    def _may_match(self, address: str) -> bool:
        """Whether it is in a network from which mCODE's trial matching may be asked without a token."""
        try:
            found = ip_address(address)
        except ValueError:  # a name, or a socket of this machine
            return False
        plain = getattr(found, "ipv4_mapped", None) or found
        return any(plain in network for network in self._settings.matching)

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
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise _invalid() from error
        return claims


def caller_from(claims: Mapping[str, Any], record: str | None) -> Caller:
    """Whom a JWT's claims name; `record`: the base of the patients' server, which absolute references may name.

    Raises ForbiddenError where it is for a patient who can't be told.
    """
    said = claims.get("scope", claims.get("scp", ""))
    listed = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    scopes = [each for each in listed if isinstance(each, str)]
    grants = grants_of(scopes)
    user, context = claims.get("fhirUser"), claims.get("patient")
    is_person = not (user is context is None) or any(each.startswith(_OF_PEOPLE) for each in scopes)
    kind = name_of(user).partition("/")[0] if isinstance(user, str) else ""
    named = user if context is None and kind == "Patient" else context
    patient = None if named is None else _patient_id(named, record)
    if patient is not None:
        grants = frozenset(replace(each, level="patient") for each in grants)
    else:
        open_ = "system" if not is_person else "user" if user is None or kind in _PRACTITIONERS else None
        grants = frozenset(each for each in grants if each.level == open_)
    return Caller(name=_told(claims, kind), grants=grants, is_person=is_person, patient=patient, user=user_in(user))


def user_in(said: object) -> str:
    """Who uses a client, for an AuditEvent, if it is a reference to somebody; else nothing."""
    key = name_of(said) if isinstance(said, str) and len(said) <= _LONGEST else ""
    return str(said) if is_key(key) and key.partition("/")[0] in _USERS else ""


def _patient_id(named: object, record: str | None) -> str:
    """The id of a patient who is named by it, or by a reference to our patients' server."""
    text = named if isinstance(named, str) else ""
    key = text if "/" not in text else name_of(text) if base_of(text) in {None, record} else ""
    id_ = key.removeprefix("Patient/")
    if not ID.fullmatch(id_) or ("/" in text and not is_key(key)):
        msg = "the token is for a patient who is not one of this server; get one for a patient here"
        raise ForbiddenError(msg)
    return id_


def _told(claims: Mapping[str, Any], kind: str) -> str:
    """The client, and what kind of person uses it; never who that is."""
    client = next((said for name in _CLIENT if isinstance(said := claims.get(name), str) and said), "unknown")
    plain = plain_name(client)
    return f"client:{plain} {kind}" if kind in _USERS else f"client:{plain}"


def plain_name(text: str) -> str:
    """A client's name, as it may stand in a log."""
    return re.sub(r"[^A-Za-z0-9._:/-]", "_", text)[:64]


def _no_secret(*, there_is_one: bool) -> UnauthorizedError:
    if not there_is_one:
        msg = "there is no webhook here; set TRIAL_ADAPTER_HOOK_SECRET and TRIAL_ADAPTER_FHIR_URL"
    else:
        msg = "send the webhook's secret: Authorization: Bearer <secret>"
    return UnauthorizedError(msg, _HOOK_REALM)


def _invalid() -> UnauthorizedError:
    challenge = f'{_REALM}, error="invalid_token"'
    return UnauthorizedError("the token is not valid here; get a new one", challenge)
