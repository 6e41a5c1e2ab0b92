"""Work in processes: it is done, it ends, it costs nobody else, and nothing of it is left."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from statistics import median

import pytest

from adapter.errors import BusyError, InputError
from adapter.service.channel import send_on
from adapter.service.errors import FaultError, LostWorkError, TooCostlyError, TooSlowError
from adapter.service.http import Parcel
from adapter.service.limits import MEBIBYTE
from adapter.service.pool import Pool
from adapter.service.site import Site
from tests.integration.waiting import wait_until
from tests.unit.service import jobs
from tests.unit.service.pools import is_running, pool, processes, until

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def work(site: Site) -> AsyncIterator[Pool]:
    """Workers for one test after the other."""
    async with pool(site) as found:
        yield found


@asynccontextmanager
async def going_on(asked: Iterable[Coroutine[None, None, object]]) -> AsyncIterator[list[asyncio.Task[object]]]:
    """Work that goes on until the end of the block, and no longer: whatever fails in it costs no other test."""
    tasks = [asyncio.create_task(each) for each in asked]
    try:
        yield tasks
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def seconds_of_short(work: Pool) -> float:
    """How long short work of a caller who asks for little takes, mostly: now and then the machine is another's."""

    async def seconds() -> float:
        began = time.monotonic()
        await work.run("good", 30, jobs.trials)
        return time.monotonic() - began

    return median([await seconds() for _ in range(5)])


async def test_work_is_done_by_others(work: Pool) -> None:
    """With the same policy and trials; bytes of any size and number of parts come back as they were."""
    assert await work.run("a", 10, jobs.policy) == "strict"
    assert await work.run("a", 10, jobs.trials) == 1
    assert await work.run("a", 10, jobs.process) != os.getpid()
    sent = Parcel((b"one", bytes(3 * MEBIBYTE), bytearray(b"two")))
    answer = await work.run("a", 10, jobs.echo, sent)
    assert answer.plain(1) == sent.plain(1)


async def test_what_is_wrong_is_told(work: Pool) -> None:
    """An error of the request as it is; one of ours by its place alone."""
    with pytest.raises(InputError, match="no such patient"):
        await work.run("a", 10, jobs.refuse)
    with pytest.raises(FaultError, match="ValueError") as caught:
        await work.run("a", 10, jobs.fail)
    assert "Secret" not in str(caught.value)


async def test_the_deadline_ends_it(work: Pool) -> None:
    """Whatever code runs; the next request is answered."""
    with pytest.raises(TooSlowError):
        await work.run("a", 0.3, jobs.spin, 60.0)
    assert await work.run("a", 10, jobs.trials) == 1


@pytest.mark.parametrize("size", [8, 8 * MEBIBYTE])
async def test_a_worker_that_stands_still_is_ended(work: Pool, size: int) -> None:
    """With more to send than fits between, or not: the request ends in its time, and the next one is answered."""
    await until(lambda: len(work._idle) == 3)  # noqa: SLF001
    stopped = processes(work)[:-1]
    for each in stopped:
        os.kill(each, signal.SIGSTOP)
    async with asyncio.timeout(10):
        with pytest.raises(TooSlowError):
            await work.run("a", 0.2, jobs.echo, Parcel((bytes(size),)))
    await until(lambda: sum(map(is_running, stopped)) == 2)
    for each in stopped:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGCONT)
    assert await work.run("a", 10, jobs.trials) == 1


async def test_memory_is_bounded(work: Pool) -> None:
    """What takes too much is refused, and nothing else."""
    with pytest.raises(TooCostlyError, match="memory"):
        await work.run("a", 10, jobs.grow, 512 * MEBIBYTE)
    assert await work.run("a", 10, jobs.grow, 32 * MEBIBYTE) == 32 * MEBIBYTE


async def test_what_no_worker_can_hold_is_refused(work: Pool) -> None:
    """At once, and not tried with one worker after the other: where a body may be larger than a worker's memory."""
    await until(lambda: len(work._idle) == 3)  # noqa: SLF001
    before = set(processes(work))
    with pytest.raises(TooCostlyError, match="memory"):
        await work.run("a", 10, jobs.echo, Parcel((bytes(192 * MEBIBYTE),)))
    await until(lambda: len(work._idle) == 3)  # noqa: SLF001
    assert len(before - set(processes(work))) == 1


@pytest.mark.parametrize(("size", "error"), [(192 * MEBIBYTE, TooCostlyError), (64 * MEBIBYTE, LostWorkError)])
async def test_what_ends_before_all_was_sent_is_seen_late(
    work: Pool, monkeypatch: pytest.MonkeyPatch, size: int, error: type[Exception]
) -> None:
    """Where the event loop is busy, sending fails before the last words are read: they are heard all the same.

    What was killed in the midst of it is not tried with one worker after the other.
    """
    await until(lambda: len(work._idle) == 3)  # noqa: SLF001
    before = set(processes(work))

    async def late(loop: asyncio.AbstractEventLoop, connection: socket.socket, left: Sequence[bytes]) -> None:
        (worker,) = work._busy  # noqa: SLF001
        if error is LostWorkError:
            os.kill(worker.pid, signal.SIGKILL)
        wait_until(lambda: not is_running(worker.pid), 20)  # the loop sees nothing meanwhile
        await send_on(loop, connection, left)

    monkeypatch.setattr("adapter.service.pool.send_on", late)
    with pytest.raises(error):
        await work.run("a", 30, jobs.echo, Parcel((bytes(size),)))
    monkeypatch.undo()
    await until(lambda: len(work._idle) == 3)  # noqa: SLF001
    assert len(before - set(processes(work))) == 1


async def test_a_worker_that_ends_costs_its_own_request(work: Pool) -> None:
    """Killed by itself, or from outside, at work or idle; others take its place."""
    for _ in range(5):
        with pytest.raises(LostWorkError):
            await work.run("a", 10, jobs.end)
        assert await work.run("a", 10, jobs.trials) == 1
    async with going_on([work.run("a", 30, jobs.spin, 30.0)]) as (busy,):
        await until(lambda: bool(work._busy))  # noqa: SLF001
        killed = processes(work)[:-1]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(LostWorkError):
            await busy
    await until(lambda: not any(is_running(each) for each in killed))
    assert await asyncio.gather(*(work.run("b", 10, jobs.trials) for _ in range(4))) == [1] * 4


async def test_no_caller_holds_the_last_worker(work: Pool) -> None:
    """Work without end, of one caller in any number: another one waits for less than a second."""
    async with going_on(work.run("hostile", 30, jobs.spin, 30.0) for _ in range(4)) as hostile:
        await until(lambda: len(work._busy) == 2)  # noqa: SLF001
        assert await seconds_of_short(work) < 1
    assert any(not each.cancelled() and isinstance(each.exception(), BusyError) for each in hostile)
    assert await work.run("hostile", 10, jobs.trials) == 1


async def test_many_callers_with_long_work_cost_one_with_short_work_little(work: Pool) -> None:
    """Six who ask for work without end, again and again, fill all places: who asks for little waits less than 1 s."""
    names = [f"hostile {number}" for number in range(6)]

    async def asks_for_ever(name: str) -> None:
        while True:
            with suppress(BusyError):
                await work.run(name, 30, jobs.spin, 30.0)
            await asyncio.sleep(0)

    async with going_on(asks_for_ever(name) for name in names * 2):
        await until(lambda: work._queue.count == 8 and all(work._had(name) > 0.5 for name in names))  # noqa: SLF001
        assert await seconds_of_short(work) < 1


async def test_long_work_is_let_go_on(work: Pool) -> None:
    """While nobody waits nothing is ended; where others wait, all but one may go on."""
    first, second = (asyncio.create_task(work.run(name, 30, jobs.spin, 1.0)) for name in "ab")
    await asyncio.gather(first, second)
    long = asyncio.create_task(work.run("a", 30, jobs.spin, 1.5))
    await until(lambda: bool(work._busy))  # noqa: SLF001
    while not long.done():
        await asyncio.gather(*(work.run("b", 10, jobs.spin, 0.02) for _ in range(3)))
    await long


async def test_only_so_many_wait(work: Pool) -> None:
    """And half of them of one caller."""
    await until(lambda: len(work._idle) >= 2 and not work._busy)  # noqa: SLF001
    tasks = [asyncio.create_task(work.run("a", 30, jobs.spin, 0.2)) for _ in range(8)]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, BusyError) for each in done].count(True) == 2
    with pytest.raises(BusyError):
        await work.run("a", -1, jobs.trials) if not work._idle else await refused(work)  # noqa: SLF001


async def refused(work: Pool) -> None:
    """A request that waits longer than it may."""
    running = [asyncio.create_task(work.run("b", 10, jobs.spin, 0.5)) for _ in range(2)]
    await until(lambda: len(work._busy) == 2)  # noqa: SLF001
    try:
        await work.run("a", 0.1, jobs.trials)
    finally:
        await asyncio.gather(*running)


async def test_a_request_that_is_given_up_frees_its_worker(work: Pool) -> None:
    """At work or waiting."""
    async with going_on(work.run("a", 30, jobs.spin, 30.0) for _ in range(4)):
        await until(lambda: len(work._busy) == 2)  # noqa: SLF001
    assert await asyncio.gather(*(work.run("a", 10, jobs.trials) for _ in range(3))) == [1] * 3


async def test_whoever_wants_most_gives_way(work: Pool) -> None:
    """One long piece of work of a caller goes on, however much of another's waits."""
    async with going_on([work.run("modest", 30, jobs.spin, 3.0)]) as (long,):
        await until(lambda: bool(work._busy))  # noqa: SLF001
        async with going_on(work.run("greedy", 30, jobs.spin, 30.0) for _ in range(4)):
            await long
