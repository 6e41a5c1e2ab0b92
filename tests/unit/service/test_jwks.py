"""The keys of the identity provider."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from adapter.errors import BusyError
from adapter.service.tokens import Keys
from tests.unit.service.tokens import URL, Provider, key_set


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:  # noqa: D107
        self.now = 0.0

    def __call__(self) -> float:  # noqa: D102
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def ask(keys: Keys, kid: str = "k1") -> bool:
    """Whether there is a key of that id."""
    return asyncio.run(keys.key(kid)) is not None


def keys_of(provider: Provider, clock: Callable[[], float]) -> Keys:
    """Keys of a provider."""
    return Keys(URL, provider, clock)


def test_keys_are_fetched_once(clock: Clock) -> None:
    """Keys that are known and fresh are not asked for again."""
    provider = Provider()
    keys = keys_of(provider, clock)
    assert [ask(keys) for _ in range(3)] == [True, True, True]
    assert provider.asked == 1


def test_keys_are_fetched_anew_when_they_are_old(clock: Clock) -> None:
    """After ten minutes the provider is asked again, so that a withdrawn key goes."""
    provider = Provider()
    keys = keys_of(provider, clock)
    assert ask(keys)
    provider.content = key_set("k2")
    clock.now = 601
    assert not ask(keys)
    assert provider.asked == 2


def test_an_unknown_key_is_asked_for_but_not_at_every_call(clock: Clock) -> None:
    """A new key is found soon; made-up ids don't turn callers into a flood on the provider."""
    provider = Provider()
    keys = keys_of(provider, clock)
    assert [ask(keys, f"made-up-{n}") for n in range(20)] == [False] * 20
    assert provider.asked == 1
    provider.content = key_set("k1", "k2")
    clock.now = 11
    assert ask(keys, "k2")
    assert provider.asked == 2


@pytest.mark.parametrize(
    "provider",
    [
        Provider(status=500),
        Provider(status=0),
        Provider(content=[]),
        Provider(content={"keys": []}),
        Provider(content={"keys": [{"kty": "oct"}]}),
        Provider(content={"keys": 7}),
    ],
    ids=["error", "no connection", "a list", "no keys", "no public key", "a number"],
)
def test_without_any_keys_nobody_is_judged(clock: Clock, provider: Provider) -> None:
    """Where keys can't be had, callers are told to come back, not that their tokens are bad."""
    with pytest.raises(BusyError, match="come back"):
        ask(keys_of(provider, clock))


class Silent(Provider):
    """A provider that answers once, and then never, for as long as nobody breaks off."""

    def __init__(self) -> None:  # noqa: D107
        super().__init__()
        self.waits = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Count, and answer or wait."""
        answer = await super().handle_async_request(request)
        if self.asked > 1:
            self.waits.set()
            await asyncio.Event().wait()
        return answer


def test_a_made_up_key_holds_nobody_up(clock: Clock) -> None:
    """While it is asked for, whoever has a known key goes on."""
    provider = Silent()
    keys = keys_of(provider, clock)

    async def both() -> bool:
        assert await keys.key("k1") is not None
        clock.now = 11
        made_up = asyncio.create_task(keys.key("made-up"))
        await provider.waits.wait()
        async with asyncio.timeout(2):
            found = await keys.key("k1")
        made_up.cancel()
        return found is not None

    assert asyncio.run(both())


def test_known_keys_outlive_a_failing_provider(clock: Clock) -> None:
    """Keys that can't be fetched anew stay in use."""
    provider = Provider()
    keys = keys_of(provider, clock)
    assert ask(keys)
    provider.status = 0
    clock.now = 10_000
    assert ask(keys)
    assert provider.asked == 2


def test_a_key_that_can_not_be_read_spoils_no_other(clock: Clock) -> None:
    """Kinds of keys that nobody here knows are passed over."""
    content = key_set("k1")
    content["keys"] = [{"kty": "oct"}, {"kty": "new", "kid": "k0"}, 7, *content["keys"]]
    assert ask(keys_of(Provider(content), clock))


def test_keys_that_are_said_twice_are_none(clock: Clock) -> None:
    """Of two lists of keys nobody knows which is meant."""

    class Twice(Provider):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            whole = (await super().handle_async_request(request)).content
            return httpx.Response(200, content=b'{"keys": [], %s' % whole[1:])

    with pytest.raises(BusyError, match="come back"):
        ask(keys_of(Twice(), clock))


def test_keys_for_encryption_don_t_count(clock: Clock) -> None:
    """A key whose use is another than signing signs nothing."""
    content = key_set("k1", "k2")
    content["keys"][0]["use"] = "enc"
    keys = keys_of(Provider(content), clock)
    assert (ask(keys, "k1"), ask(keys, "k2")) == (False, True)
