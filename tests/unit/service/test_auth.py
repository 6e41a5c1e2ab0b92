"""Who may call."""

import asyncio
import base64
import time

import jwt
import pytest

from adapter.screening.setup import Setup
from adapter.service import Settings
from adapter.service.auth import Authenticator
from adapter.service.errors import UnauthorizedError
from adapter.service.tokens import Keys, unnamed
from tests.unit.service.calls import EVALUATE, RECORD, Caller, app_with, refusal
from tests.unit.service.tokens import URL, Provider, key, token

TOKENS = ("first-token-of-a-site", "second-token-of-a-site")


@pytest.fixture(scope="module")
def guarded(strict: Setup) -> Caller:
    """A service with tokens and an identity provider."""
    settings = Settings(tokens=unnamed(TOKENS, "test"), jwks_url=URL)
    authenticator = Authenticator(settings, Keys(URL, Provider()))
    return Caller(app_with(strict, authenticator=authenticator, tokens=unnamed(TOKENS, "test"), jwks_url=URL))


def check(authorization: str, provider: Provider | None = None, **said: str) -> None:
    """Ask a gate that knows one identity provider."""
    settings = Settings(jwks_url=URL, jwt_audience=said.get("audience"), jwt_issuer=said.get("issuer"))
    asyncio.run(Authenticator(settings, Keys(URL, provider or Provider())).check(authorization))


def test_a_listed_token_is_enough(guarded: Caller) -> None:
    """Each of the site's tokens opens every route."""
    for each in TOKENS:
        assert guarded.post(EVALUATE, RECORD, Authorization=f"Bearer {each}").status_code == 200
    assert guarded.get("/fhir/ResearchStudy", Authorization="bearer first-token-of-a-site").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic Zmlyc3QtdG9rZW4=", "first-token", "Bearer first-toke", "Bearer first-token2"],
)
def test_other_tokens_are_refused(guarded: Caller, authorization: str) -> None:
    """Anything else is a 401 with a challenge and an OperationOutcome."""
    answer = guarded.get("/fhir/ResearchStudy", Authorization=authorization)
    assert refusal(answer)[:2] == (401, "login")
    assert "www-authenticate" in answer.headers


def test_a_token_outside_of_ascii_is_refused() -> None:
    """Bytes that no token holds are no error of ours."""
    with pytest.raises(UnauthorizedError):
        asyncio.run(Authenticator(Settings(tokens=unnamed(TOKENS, "test"))).check("Bearer t\xf6ken\udcff"))


def test_a_jwt_is_enough(guarded: Caller) -> None:
    """A JWT of the identity provider opens the service."""
    assert guarded.get("/fhir/ResearchStudy", Authorization=f"Bearer {token()}").status_code == 200


def test_a_forbidden_answer(guarded: Caller) -> None:
    """Over HTTP that is a 403."""
    answer = guarded.get("/fhir/ResearchStudy", Authorization=f"Bearer {token(scope='patient/*.read')}")
    assert refusal(answer)[:2] == (403, "forbidden")


def raw(head: bytes, claims: bytes = b"{}", signature: str = "AAAA") -> str:
    """A JWT of any bytes, which nobody has signed."""
    parts = (base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (head, claims))
    return ".".join((*parts, signature))


@pytest.mark.parametrize(
    "bad",
    [
        raw(b'{"alg":"ES256","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
        raw(b'{"alg":"ES256","kid":["k1"]}'),
        raw(b'{"alg":["ES256"],"kid":"k1"}'),
        raw(b'{"alg":"ES256","kid":"\\ud800"}'),
        raw(b'{"alg":"ES256","kid":"k1","n":' + b"9" * 5000 + b"}"),
        raw(b'{"alg":"ES256","kid":"k1","b64":false,"crit":["b64"]}', b""),
        raw(b"\xff"),
        token(exp=float("inf")),
        token(nbf=float("nan")),
        token(iat=[1]),
    ],
    ids=[
        "deep",
        "list of kids",
        "list of algorithms",
        "surrogate",
        "digits",
        "detached",
        "bytes",
        "inf",
        "nan",
        "list",
    ],
)
def test_jwts_that_are_strange(bad: str) -> None:
    """No header or claim of a JWT is an error of ours."""
    with pytest.raises(UnauthorizedError, match="not valid"):
        check(f"Bearer {bad}")


@pytest.mark.parametrize(
    "bad",
    [
        token(exp=time.time() - 120),
        token(exp=None),
        token(nbf=time.time() + 120),
        token("k2"),
        token("k2", header={"kid": "k1"}),
        token()[:-4] + "AAAA",
        jwt.encode({"exp": time.time() + 60, "scope": "system/*.read"}, None, "none", {"kid": "k1"}),  # type: ignore[arg-type]
        jwt.encode({"exp": time.time() + 60, "scope": "system/*.read"}, "k" * 32, "HS256", {"kid": "k1"}),
        "a.b.c",
        "e30.e30.",
    ],
    ids=[
        "expired",
        "no end",
        "not yet",
        "unknown key",
        "other key",
        "changed",
        "unsigned",
        "shared key",
        "no JWT",
        "empty",
    ],
)
def test_jwts_that_are_refused(bad: str) -> None:
    """A JWT that the provider didn't sign, or that isn't good now, opens nothing."""
    with pytest.raises(UnauthorizedError, match="not valid"):
        check(f"Bearer {bad}")


def test_audience_and_issuer() -> None:
    """Where the site names them, a token must be for this service and of this provider."""
    good = token(aud="adapter", iss="https://identity.example.org")
    check(f"Bearer {good}", audience="adapter", issuer="https://identity.example.org")
    check(f"Bearer {good}")
    for wrong in ({"audience": "other"}, {"issuer": "https://other.example.org"}):
        with pytest.raises(UnauthorizedError):
            check(f"Bearer {good}", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UnauthorizedError):
        check(f"Bearer {token()}", audience="adapter")


def test_a_token_without_kid_means_the_only_key() -> None:
    """With one key there is no doubt which is meant."""
    plain = jwt.encode({"exp": time.time() + 60, "scope": "system/*.read"}, key("k1"), "ES256")
    check(f"Bearer {plain}")
