"""Who the adapter is to a FHIR server."""

import json
import os
import time
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from adapter.errors import NoAccessError, UsageError
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.client.auth import BackendServices, ClientKey, load_key
from adapter.screening.settings import research_server, servers_from

TOKEN_URL = "https://auth.example.org/token"  # noqa: S105  # an address
EC = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """A key as a file."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Both(httpx.AsyncBaseTransport):
    """A token endpoint and a FHIR server that takes the tokens it gave, until they are revoked."""

    def __init__(self, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, algorithm: str, expires: int = 300) -> None:
        """The client's public key."""
        self.key, self.algorithm, self.expires = key, algorithm, expires
        self.given: list[str] = []
        self.valid: set[str] = set()
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """A token for a valid assertion, a resource for a valid token."""
        if str(request.url) == TOKEN_URL:
            form = {name: values[0] for name, values in parse_qs((await request.aread()).decode()).items()}
            claims = jwt.decode(form["client_assertion"], self.key, [self.algorithm], audience=TOKEN_URL, leeway=600)
            assert claims["iss"] == claims["sub"] == "adapter"
            assert claims["exp"] - claims["iat"] <= 300
            assert (form["grant_type"], form["scope"]) == ("client_credentials", "system/*.read")
            self.given.append(f"t{len(self.given)}")
            self.valid = {self.given[-1]}
            return httpx.Response(200, json={"access_token": self.given[-1], "expires_in": self.expires})
        self.requests += 1
        token = request.headers["authorization"].removeprefix("Bearer ")
        if token not in self.valid:
            return httpx.Response(401)
        return httpx.Response(200, json={"resourceType": "Patient", "id": "p1"})


def auth(both: Both, key: ClientKey, clock: list[float]) -> BackendServices:
    """The adapter's registration."""
    return BackendServices(
        client_id="adapter",
        key=key,
        token_url=TOKEN_URL,
        scope="system/*.read",
        clock=lambda: clock[0],
        transport=both,
    )


@pytest.mark.anyio
@pytest.mark.parametrize(("private", "algorithm"), [(EC, "ES384"), (RSA, "RS384")])
async def test_a_token_is_kept_renewed_and_asked_for_anew(
    tmp_path: Path, private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, algorithm: str
) -> None:
    """One token for many requests, a new one shortly before its end, and one more where it was revoked."""
    (tmp_path / "key.pem").write_bytes(pem(private))
    both, clock = Both(private.public_key(), algorithm), [time.time()]  # PyJWT checks against the real clock
    settings = ServerSettings(
        url="https://fhir.example.org", auth=auth(both, load_key(tmp_path / "key.pem"), clock), attempts=1
    )
    async with open_client(settings, both) as client:
        for _ in range(3):
            await client.read("Patient", "p1")
        assert both.given == ["t0"]
        clock[0] += 271
        await client.read("Patient", "p1")
        assert both.given == ["t0", "t1"]
        both.valid.clear()
        await client.read("Patient", "p1")
        assert both.given == ["t0", "t1", "t2"]


@pytest.mark.anyio
async def test_a_server_that_takes_no_token_is_asked_twice_and_not_for_ever() -> None:
    """The second 401 is the answer."""

    class Never(Both):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            self.valid.clear()
            return answer

    both = Never(EC.public_key(), "ES384")
    key = ClientKey(key=EC, algorithm="ES384", id=None)
    settings = ServerSettings(url="https://fhir.example.org", auth=auth(both, key, [time.time()]), attempts=3)
    async with open_client(settings, both) as client:
        with pytest.raises(NoAccessError):
            await client.read("Patient", "p1")
    assert both.requests == 2


def test_a_key_may_be_a_jwk_with_its_id(tmp_path: Path) -> None:
    """As a server's registration page gives it."""
    jwk = ECAlgorithm.to_jwk(EC, as_dict=True)
    (tmp_path / "key.json").write_text(json.dumps({**jwk, "kid": "k7"}))
    found = load_key(tmp_path / "key.json")
    assert (found.algorithm, found.id) == ("ES384", "k7")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="an empty JWK"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", id="broken"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), id="another curve"),
    ],
)
def test_a_key_that_smart_does_not_know_is_refused(tmp_path: Path, content: bytes) -> None:
    """At the start, with the file's name and never its content."""
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(UsageError, match=str(tmp_path / "key")) as caught:
        load_key(tmp_path / "key")
    assert "AAAA" not in str(caught.value)


URL = {"TRIAL_ADAPTER_FHIR_URL": "https://fhir.example.org/r4/"}


def test_one_server_for_both_unless_another_is_named() -> None:
    """The research server has credentials of its own."""
    servers = servers_from({**URL, "TRIAL_ADAPTER_FHIR_TOKEN": "t"})
    assert servers is not None
    assert servers.are_one
    assert servers.record.url == "https://fhir.example.org/r4"
    other = servers_from({**URL, "TRIAL_ADAPTER_FHIR_TOKEN": "t", "TRIAL_ADAPTER_RESEARCH_FHIR_URL": "http://r/fhir"})
    assert other is not None
    assert not other.are_one
    assert other.research.auth is None
    assert servers_from({}) is None


RESEARCH = {"TRIAL_ADAPTER_RESEARCH_FHIR_URL": "https://r/fhir", "TRIAL_ADAPTER_RESEARCH_FHIR_TOKEN": "r"}


@pytest.mark.parametrize(
    ("environment", "url", "expected", "asks"),
    [
        (URL, None, "https://fhir.example.org/r4", False),
        (RESEARCH, None, "https://r/fhir", True),
        ({**URL, **RESEARCH}, None, "https://r/fhir", True),
        ({**URL, **RESEARCH}, "https://r/fhir/", "https://r/fhir", True),
        ({**URL, **RESEARCH}, "https://third/fhir", "https://third/fhir", False),
        ({}, "http://third/fhir", "http://third/fhir", False),
    ],
)
def test_where_to_publish(environment: dict[str, str], url: str | None, expected: str, asks: bool) -> None:  # noqa: FBT001  # expected
    """The named server, else the research server; a server never gets the other one's credentials."""
    found = research_server(environment, url)
    assert (found.url, found.auth is not None) == (expected, asks)


def test_nowhere_to_publish() -> None:
    """Says what to do."""
    with pytest.raises(UsageError, match="--server"):
        research_server({}, None)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"FHIR_TOKEN": "t", "FHIR_USER": "u", "FHIR_PASSWORD": "p"}, "more than one way"),
        ({"FHIR_USER": "u"}, "FHIR_PASSWORD is not set"),
        ({"FHIR_CLIENT_ID": "u", "FHIR_KEY": "p"}, "FHIR_TOKEN_URL is not set"),
        ({"FHIR_URL": "http://fhir.example.org", "FHIR_TOKEN": "t"}, "plain HTTP"),
        ({"FHIR_URL": "ftp://fhir.example.org"}, "no FHIR base address"),
        ({"FHIR_URL": "https://u:p@fhir.example.org"}, "must not hold a password"),
        ({"FHIR_TIMEOUT": "soon"}, "no whole number"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(more: dict[str, str], said: str) -> None:
    """Before anything is sent; a password is not repeated."""
    environment = {**URL, **{f"TRIAL_ADAPTER_{name}": value for name, value in more.items()}}
    with pytest.raises(UsageError, match=said) as caught:
        servers_from(environment)
    assert "u:p" not in str(caught.value)


def test_the_environment_of_the_process_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is given: another thread may change the process's own while it is read."""

    class Changing(dict[str, str]):
        def items(self) -> NoReturn:
            raise KeyError

    monkeypatch.setattr(os, "environ", Changing(os.environ))
    found = servers_from({"TRIAL_ADAPTER_FHIR_URL": "https://fhir.example.org"})
    assert found is not None
    assert found.record.url == "https://fhir.example.org"
