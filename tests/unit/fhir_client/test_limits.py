"""A server that sends without end, or too slowly: each is an error within bounds of time and memory."""

import asyncio
import gzip
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace

import anyio
import httpx
import pytest

from adapter.errors import BadAnswerError, UnreachableError
from adapter.fhir.client import ServerSettings, open_client
from tests.unit.fhir_client.answers import BASE, observation, page

pytestmark = pytest.mark.anyio
BOUNDED = ServerSettings(url=BASE, wait=0, wait_max=1, attempts=2, total_timeout=0.3, max_answer=10_000, max_record=900)


class Stream(httpx.AsyncByteStream):
    """Bytes as they come; `sent` counts the parts."""

    def __init__(self, part: bytes, pause: float = 0) -> None:  # noqa: D107
        self.part, self.pause, self.sent = part, pause, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Parts without end."""
        while True:
            self.sent += 1
            yield self.part
            await asyncio.sleep(self.pause)


async def test_an_answer_without_end() -> None:
    """It is broken off as soon as it passes the limit, and not asked for again."""
    stream = Stream(b"x" * 1000)
    async with open_client(BOUNDED, httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))) as client:
        with pytest.raises(BadAnswerError, match="larger than 10000 bytes"):
            await client.read("Observation", "o")
    assert stream.sent == 11


async def test_a_bomb() -> None:
    """What counts is what it is when it is unpacked."""
    bomb = httpx.Response(200, content=gzip.compress(b"0" * 1_000_000), headers={"content-encoding": "gzip"})
    async with open_client(BOUNDED, httpx.MockTransport(lambda _: bomb)) as client:
        with pytest.raises(BadAnswerError, match="larger than"):
            await client.read("Observation", "o")


async def test_a_byte_now_and_then() -> None:
    """An answer must be there in time as a whole: no pause between two bytes is too long by itself."""
    began = time.monotonic()
    slow = httpx.MockTransport(lambda _: httpx.Response(200, stream=Stream(b" ", 0.05)))
    async with open_client(BOUNDED, slow) as client:
        with pytest.raises(UnreachableError, match="in time"):
            await client.read("Observation", "o")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("entries", "succeeds"), [(200, True), (1, False)])
async def test_a_large_transaction_is_waited_for(entries: int, *, succeeds: bool) -> None:
    """Its longer wait is not cut off by the limit of one answer, which stays that of a small one."""
    answer = {"resourceType": "Bundle", "entry": [{"response": {"status": "200 OK"}}] * entries}

    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.3)
        return httpx.Response(200, json=answer)

    settings = replace(BOUNDED, timeout=10 if succeeds else 0.1, total_timeout=0.1, attempts=1)
    put = {"resource": {"resourceType": "Patient"}, "request": {"method": "PUT", "url": "Patient/p"}}
    async with open_client(settings, httpx.MockTransport(slow)) as client:
        with nullcontext() if succeeds else pytest.raises(UnreachableError, match="in time"):
            assert len(await client.transaction([put] * entries)) == entries


async def test_pages_without_end() -> None:
    """Each with another address for the next: together they are bounded too."""
    numbers = itertools.count()

    def answer(_: httpx.Request) -> httpx.Response:
        number = next(numbers)
        return httpx.Response(200, json=page(observation(f"o{number}"), after=f"{BASE}?page={number}"))

    async with open_client(BOUNDED, httpx.MockTransport(answer)) as client:
        with pytest.raises(BadAnswerError, match="never end"):
            await client.search("Observation", {})
    assert next(numbers) < 100


async def test_who_gives_up_leaves_the_server_to_others() -> None:
    """A caller's time ends while many answers come too slowly: their connections and places are free again."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n")
        if b"slow" in asked:
            writer.write(b"Content-Length: 100\r\n\r\n ")
            await reader.read()  # until it is closed
        else:
            writer.write(b'Content-Length: 25\r\n\r\n{"resourceType":"Bundle"}')
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = ServerSettings(url=f"http://127.0.0.1:{port}", attempts=1, max_concurrent=2, timeout=5)
    async with server, open_client(settings) as client:
        client._refuses_batch = True  # noqa: SLF001  # each search by itself
        with pytest.raises(TimeoutError), anyio.fail_after(0.3):
            await client.find([f"Observation?patient=slow{number}" for number in range(6)])
        with anyio.fail_after(3):
            assert await client.find(["Observation?patient=p1", "Condition?patient=p1"]) == [[], []]
