"""CDS Hooks: which EHR calls, by the JWT that signs each call."""

import asyncio
import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from adapter.errors import BusyError
from adapter.screening.setup import Setup
from adapter.service.cds.clients import Clients
from adapter.service.errors import UnauthorizedError
from tests.unit.service.calls import Caller, Json, app_with
from tests.unit.service.test_cds import SERVICE, call, prefetch_of, record

ISSUER, KEYS = "https://ehr.example.org", "https://ehr.example.org/jwks"
AUDIENCE = f"http://adapter.example{SERVICE}"


class EhrKeys:
    """The keys of an EHR: one, `k1`."""

    def __init__(self, url: str) -> None:
        """Whatever the address."""
        self.url = url

    async def key(self, kid: str | None) -> jwt.PyJWK | None:
        """The key."""
        public = ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        return jwt.PyJWK({**public, "alg": "ES384"}) if kid == "k1" else None


KEY = ec.generate_private_key(ec.SECP384R1())
OTHER_KEY = ec.generate_private_key(ec.SECP384R1())


def signed(header: Json | None = None, key: ec.EllipticCurvePrivateKey = KEY, **claims: object) -> str:
    """The header of a call, with a JWT that is good unless the claims say otherwise."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 300, "iat": now, "jti": "once", **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return f"Bearer {jwt.encode(kept, key, 'ES384', {'kid': 'k1', **(header or {})})}"


def check(clients: Clients, authorization: str | None) -> str:
    """Whom a call comes from."""
    return asyncio.run(clients.check(authorization, AUDIENCE))


def test_an_ehr_is_known_by_its_signature() -> None:
    """Once: the same JWT again is somebody else's copy."""
    clients = Clients({ISSUER: KEYS}, EhrKeys)
    sent = signed({"jku": KEYS})
    assert check(clients, sent) == ISSUER
    with pytest.raises(UnauthorizedError, match="used already"):
        check(clients, sent)
    assert check(clients, signed(jti="another")) == ISSUER


REFUSED: dict[str, Callable[[], str | None]] = {
    "no token": lambda: None,
    "no JWT": lambda: "Bearer x",
    "another scheme": lambda: signed().replace("Bearer", "Basic"),
    "another service": lambda: signed(aud="http://adapter.example/cds-services/other"),
    "one of several audiences": lambda: signed(aud=[AUDIENCE, "https://other.example"]),
    "an unknown issuer": lambda: signed(iss="https://evil.example"),
    "a shared secret": lambda: f"Bearer {jwt.encode({'iss': ISSUER}, 'x' * 64, 'HS384', {'kid': 'k1'})}",
    "keys elsewhere": lambda: signed({"jku": "https://evil.example/jwks"}),
    "an unknown key": lambda: signed({"kid": "k2"}),
    "another key": lambda: signed(key=OTHER_KEY),
    "expired": lambda: signed(exp=int(time.time()) - 60),
    "valid for a day": lambda: signed(exp=int(time.time()) + 86400),
    "no jti": lambda: signed(jti=None),
    "no iat": lambda: signed(iat=None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_other_token_is_refused(name: str) -> None:
    """With 401, and nothing is remembered of it."""
    clients = Clients({ISSUER: KEYS}, EhrKeys)
    with pytest.raises(UnauthorizedError):
        check(clients, REFUSED[name]())
    assert check(clients, signed()) == ISSUER


def test_what_has_been_used_is_forgotten_when_it_has_ended() -> None:
    """And more within an hour than can be remembered is refused, never forgotten early."""
    now = [time.time()]
    clients = Clients({ISSUER: KEYS}, EhrKeys, clock=lambda: now[0], most=2)
    check(clients, signed(jti="1"))
    check(clients, signed(jti="2"))
    with pytest.raises(BusyError):
        check(clients, signed(jti="3"))
    now[0] += 400
    check(clients, signed(jti="3"))


def test_where_ehrs_are_named_every_call_is_signed(strict: Setup) -> None:
    """The discovery stays open; a call without a JWT is answered with 401."""
    caller = Caller(app_with(strict, cds_clients={ISSUER: KEYS}))
    assert caller.get("/cds-services").status_code == 200
    refused = call(caller, prefetch_of(caller, record()))
    assert refused.status_code == 401
    assert "cds-services" in refused.headers["www-authenticate"]
