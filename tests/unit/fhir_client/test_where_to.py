"""Where credentials go: the configured server, below its base, and through no proxy that isn't named."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import AdapterError, BadAnswerError, UsageError
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.client.auth import BackendServices, Bearer, ClientKey, load_key
from adapter.fhir.client.resources import Trail, next_address
from adapter.fhir.client.transport import base_url, http_client, same_origin, web_address
from adapter.fhir.patients import selection_of
from adapter.record.bundle import bundle_of
from adapter.screening.react.subscriptions import listens
from adapter.screening.settings import servers_from
from adapter.service.settings import settings_from
from adapter.service.tokens import Keys
from tests.conftest import ROOT
from tests.unit.fhir_client.answers import json, page

BASE = "https://fhir.example.org:8443/r4"


def following(named: str, base: str = BASE) -> str | None:
    """The address of the page after the first of a search, where the server names this one."""
    found = bundle_of(json(page(after=named)).content)
    return next_address(found, f"{base}/Observation?patient=1", base, Trail(), "FHIR server")


@pytest.mark.parametrize(
    "named",
    [
        BASE + "?_getpages=1&_bundletype=searchset",
        BASE + "/?page=2",
        BASE + "/Observation?page=2",
        "?page=2",
        "Observation?page=2",
        "/r4/Observation?page=../x",
        "HTTPS://FHIR.example.org:8443/r4?page=2",
    ],
)
def test_pages_below_the_base(named: str) -> None:
    """Written in full or not."""
    assert (following(named) or "").startswith(BASE)


@pytest.mark.parametrize(
    "named",
    [
        "https://fhir.example.org:8443/admin?page=2",
        "https://fhir.example.org:8443/r4x/Observation",
        "https://fhir.example.org:8443/",
        "/other/Observation?page=2",
        BASE + "/../admin",
        BASE + "/%2e%2e/admin",
        BASE + "/%252e%252e/admin",
        BASE + "/..%2fadmin",
        BASE + "/..\\admin",
        BASE + "/.%2E;x=1/../../admin",
        "../../admin",
        "https://user:pass@fhir.example.org:8443/r4?page=2",
        "https://fhir.example.org:8443@evil.example/r4?page=2",
        "https://fhir.example.org:8443\\@evil.example/r4?page=2",
        "https://fhir.example.org/r4?page=2",
        "http://fhir.example.org:8443/r4?page=2",
        "//evil.example/r4?page=2",
        "https://fhir.example.org:port/r4",
        "https://[/r4",
        "file:///r4",
    ],
)
def test_pages_elsewhere(named: str) -> None:
    """Nothing else gets the token: not another path of the same machine, nor a step out of the base."""
    with pytest.raises(BadAnswerError, match=r"outside of the base|on another server"):
        following(named)


@given(st.text(alphabet="./%2eEfF\\@:;?#rhttps4admin ", max_size=40))
def test_whatever_is_named(named: str) -> None:
    """What is followed is the base or below it."""
    with suppress(BadAnswerError):
        address = following(f"{BASE}{named}")
        assert address is None or address.removeprefix(BASE)[:1] in {"", "/", "?", "#"}
        assert address is None or ".." not in address.partition("?")[0].partition("#")[0].split("/")


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A machine that takes requests and says 500; its address, and the first line of each."""
    lines: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        writer.write(b"HTTP/1.1 400 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lines


async def call_all(address: str, proxy: str | None) -> None:
    """Everything that calls somebody."""
    key = ClientKey(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", id=None)
    services = BackendServices(client_id="c", key=key, token_url=f"{address}/token", scope="s", proxy=proxy)
    for auth in (Bearer("secret"), services):
        settings = ServerSettings(url=f"{address}/fhir", auth=auth, attempts=1, proxy=proxy)
        async with open_client(settings) as client:
            with pytest.raises(AdapterError):
                await client.read("Patient", "p")
    with pytest.raises(AdapterError):
        await Keys(f"{address}/jwks", proxy=proxy).key("k")
    async with http_client(timeout=5, proxy=proxy) as client:
        await client.post(f"{address}/events")
    if proxy is None:
        assert await listens(f"{address}/hook")


@pytest.mark.anyio
async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets it would get every token and record; a named one is used, for all of them."""
    async with listener() as (server, asked), listener() as (proxy, through):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy)
        await call_all(server, None)
        assert [line.split()[1] for line in asked] == [b"/fhir/Patient/p", b"/token", b"/jwks", b"/events", b"/hook"]
        assert through == []
        asked.clear()
        await call_all(server, proxy)
        assert [line.split()[1].removeprefix(server.encode()) for line in through] == [
            b"/fhir/Patient/p",
            b"/token",
            b"/jwks",
            b"/events",
        ]
        assert asked == []


def test_a_proxy_is_named_for_a_server(caplog: pytest.LogCaptureFixture) -> None:
    """By its own setting; that the environment's isn't used is said, and nothing that is secret in it."""
    environment = {"TRIAL_ADAPTER_FHIR_URL": "https://fhir.example.org", "HTTPS_PROXY": "http://u:s3cret@proxy:3128"}
    found = servers_from(environment)
    assert found is not None
    assert found.record.proxy is None
    assert "HTTPS_PROXY is not used for TRIAL_ADAPTER_FHIR_" in caplog.text
    assert "s3cret" not in caplog.text
    caplog.clear()
    named = servers_from({**environment, "TRIAL_ADAPTER_FHIR_PROXY": "http://u:s3cret@proxy:3128"})
    assert named is not None
    assert named.record.proxy == "http://u:s3cret@proxy:3128"
    assert "s3cret" not in repr(named) + caplog.text
    assert caplog.text == ""
    settings = settings_from(
        {
            "TRIAL_ADAPTER_FHIR_URL": "http://127.0.0.1/fhir",
            "TRIAL_ADAPTER_HOOK_SECRET": "x" * 16,
            "TRIAL_ADAPTER_JWKS_PROXY": "http://a:1",
            "TRIAL_ADAPTER_EVENT_PROXY": "http://b:1",
        }
    )
    assert settings.hook is not None
    assert (settings.jwks_proxy, settings.hook.event_proxy) == ("http://a:1", "http://b:1")
    for wrong in ("proxy:3128", "socks5://proxy", "http://", "http://u:s3cret@proxy:port"):
        with pytest.raises(UsageError, match="FHIR_PROXY") as caught:
            servers_from({**environment, "TRIAL_ADAPTER_FHIR_PROXY": wrong})
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:80@evil.example/fhir",
        "https://localhost\\@evil.example/fhir",
        "https://evil.example\\.fhir.example.org/fhir",
        "https://fhir.example.org:99999/fhir",
        "https://fhir.example.org:port/fhir",
        "https:///fhir",
        "https://[::1/fhir",
        "https://fhir.example.org\u200b\n/fhir",
        "ftp://fhir.example.org",
    ],
)
def test_addresses_that_can_be_read_in_two_ways(address: str) -> None:
    """Are refused with words, before anything is sent."""
    with pytest.raises(UsageError):
        web_address(address, "address")
    with pytest.raises(UsageError):
        base_url(address, secret=False)


@pytest.mark.parametrize("address", ["http://[::1]:8080/hook", "https://a.example:443/x", "http://localhost/fhir"])
def test_addresses_that_are_fine(address: str) -> None:
    """As they are."""
    assert web_address(address, "address") == address


def test_a_search_is_not_repeated() -> None:
    """It may name a patient, or hold a token."""
    with pytest.raises(UsageError) as caught:
        selection_of("https://user:s3cret@fhir.example.org/r4/Observation?token=s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "refused", "warned"),
    [
        (0o600, False, False),
        (0o400, False, False),
        (0o640, False, True),
        (0o604, False, True),
        (0o660, True, False),
        (0o602, True, False),
    ],
)
def test_a_key_that_others_reach(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    mode: int,
    refused: bool,  # noqa: FBT001  # expected
    warned: bool,  # noqa: FBT001  # expected
) -> None:
    """One that others can write to is refused; one that they can read is warned of (orchestrators mount it so)."""
    path = tmp_path / "key.jwk"
    path.write_text("no key")
    path.chmod(mode)
    with pytest.raises(UsageError, match="chmod go-w" if refused else "no private key"):
        load_key(path)
    assert ("chmod go-r" in caplog.text) == warned


def test_a_sites_own_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SSL_CERT_FILE is read, though the environment's proxies aren't: one that isn't there is an error."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with pytest.raises(FileNotFoundError):
        http_client(timeout=5)


def test_nobody_connects_in_another_way() -> None:
    """Each client of ours is made in one place, where it is said whom it may ask."""
    made = [
        path.relative_to(ROOT).as_posix()
        for name in ("adapter", "mappings")
        for path in (ROOT / name).rglob("*.py")
        if re.search(
            r"httpx\.(Async)?Client\(|httpx\.(get|post|put|request|stream)\(|urlopen\(", path.read_text("utf-8")
        )
    ]
    assert made == ["adapter/fhir/client/transport.py"]


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("https://fhir.example.org/other", True),
        ("https://FHIR.example.org:443/r4", True),
        ("http://fhir.example.org/r4", False),
        ("https://fhir.example.org:8443/r4", False),
        ("https://fhir.example.org.evil.example/r4", False),
        ("https://fhir.example.org@evil.example/r4", False),
        ("https://fhir.example.org\\@evil.example/r4", False),
        ("https://fhir.example.org:x/r4", False),
        ("/r4", False),
    ],
)
def test_one_server(*, one: str, same: bool) -> None:
    """Scheme, host and port; written in another way it is the same one."""
    assert same_origin(one, "https://fhir.example.org/r4") is same
