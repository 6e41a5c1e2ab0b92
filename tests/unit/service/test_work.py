"""Work in processes: it is done, it ends, it costs nobody else, and nothing of it is left."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

import httpx
import pytest

from adapter.errors import BusyError, InputError
from adapter.screening.setup import Setup
from adapter.service.errors import FaultError, LostWorkError, TooCostlyError, TooSlowError
from adapter.service.hl7v2 import message_settings
from adapter.service.http import Parcel
from adapter.service.limits import Limits
from adapter.service.pool import Pool
from adapter.service.site import Policies, Site
from adapter.service.work import Processors
from adapter.service.worker import copied, ended
from tests.conftest import ROOT
from tests.integration.waiting import processes as below
from tests.integration.waiting import wait_until
from tests.unit.service import jobs

pytestmark = pytest.mark.anyio
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


@pytest.fixture(scope="module")
def site(strict: Setup) -> Site:
    """A site with one trial and two workers."""
    small = replace(strict, definitions=strict.definitions[:1], bounds=strict.bounds[:1])
    policies = Policies(default="strict", setups={"strict": small})
    limits = Limits(processes=2, worker_memory=128 * MEBIBYTE, max_waiting=8)
    return Site(policies=policies, messages=message_settings(None, strict.policy), limits=limits)


@asynccontextmanager
async def pool(site: Site, *, is_copied: bool = False) -> AsyncIterator[Pool]:
    """Workers, and none of their processes afterwards. `is_copied`: of a template that is a copy of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # so that workers find this test's jobs
        made = Pool(site)
        if is_copied:
            patch.setattr("threading.active_count", lambda: 1)  # those of the test hold no lock that a copy needs
            made.copy()
        async with made as found:
            yield found
            known = processes(found)
    assert not [pid for pid in known if exists(pid)]


@pytest.fixture(scope="module")
async def work(site: Site) -> AsyncIterator[Pool]:
    """Workers for one test after the other."""
    async with pool(site) as found:
        yield found


def processes(of: Pool) -> list[int]:
    """All processes of a pool, the template among them."""
    template = of._template  # noqa: SLF001  # nobody else needs to know
    workers = [each.pid for each in (*of._idle, *of._busy)]  # noqa: SLF001
    return [*workers, template.process.pid] if template is not None else workers


def exists(pid: int) -> bool:
    """Whether there is such a process, be it one that has ended and that nobody has asked about."""
    return Path(f"/proc/{pid}").exists()


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its entry in the table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(true: Callable[[], bool]) -> None:
    """Wait for it, at most some seconds."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # a process tells by ending
            await asyncio.sleep(0.01)


async def seconds_of(work: Awaitable[object]) -> float:
    """How long it takes."""
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def test_work_is_done_by_others(work: Pool) -> None:
    """With the same policy and trials; bytes of any size and number of parts come back as they were."""
    assert await work.run("a", 10, jobs.policy) == "strict"
    assert await work.run("a", 10, jobs.trials) == 1
    assert await work.run("a", 10, jobs.process) != os.getpid()
    sent = Parcel((b"one", bytes(3 * MEBIBYTE), bytearray(b"two")))
    answer = await work.run("a", 10, jobs.echo, sent)
    assert answer.plain(1) == sent.plain(1)


@pytest.mark.parametrize("own", [True, False])
async def test_each_has_a_processor_of_its_own(site: Site, *, own: bool) -> None:
    """Where there are just as many as work at once, however often workers change; else all of them, for each."""
    known = os.sched_getaffinity(0)
    limits = site.limits.model_copy(update={"processes": len(known), "own_processors": own})
    async with pool(replace(site, limits=limits)) as found:
        for _ in range(2):
            asked = [found.run("a", 20, jobs.processors_while, 0.3) for _ in known]
            said = await asyncio.gather(*asked)
            assert sorted(map(sorted, said)) == (
                [[each] for each in sorted(known)] if own else [sorted(known)] * len(known)
            )
            with pytest.raises(TooSlowError):
                await found.run("a", 0.05, jobs.spin, 10)


@pytest.mark.parametrize(("known", "count"), [({0, 1, 2}, 2), ({0}, 2), ({0, 1}, 0), (None, 2)])
def test_processors_are_the_schedulers_where_there_are_more_or_fewer(
    monkeypatch: pytest.MonkeyPatch, known: set[int] | None, count: int
) -> None:
    """Also where the operating system has no word for it."""
    told: list[object] = []
    if known is None:
        monkeypatch.delattr(os, "sched_getaffinity")
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(known))
    monkeypatch.setattr(os, "sched_setaffinity", lambda *said: told.append(said))
    made = Processors(count)
    assert [made.give(pid, None) for pid in (1, 2)] == [None, None]
    made.give_back(None)
    assert told == []


def test_a_processor_is_kept_while_nobody_else_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is told then: it costs nothing."""
    told: list[tuple[int, set[int]]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 5})
    monkeypatch.setattr(os, "sched_setaffinity", lambda *said: told.append(said))
    made = Processors(2)
    first = made.give(10, None)
    made.give_back(first)
    assert made.give(10, first) == first
    second = made.give(11, first)
    made.give_back(first)
    assert made.give(12, second) == first
    assert told == [(10, {first}), (11, {second}), (12, {first})]
    assert {first, second} == {4, 5}


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


async def test_a_worker_that_ends_costs_its_own_request(work: Pool) -> None:
    """Killed by itself, or from outside, at work or idle; others take its place."""
    for _ in range(5):
        with pytest.raises(LostWorkError):
            await work.run("a", 10, jobs.end)
        assert await work.run("a", 10, jobs.trials) == 1
    busy = asyncio.create_task(work.run("a", 30, jobs.spin, 30.0))
    await until(lambda: bool(work._busy))  # noqa: SLF001
    killed = processes(work)[:-1]
    for each in killed:
        os.kill(each, signal.SIGKILL)
    with pytest.raises(LostWorkError):
        await busy
    await until(lambda: not any(is_running(each) for each in killed))
    assert await asyncio.gather(*(work.run("b", 10, jobs.trials) for _ in range(4))) == [1] * 4


async def test_the_template_may_be_killed(site: Site) -> None:
    """Another one is made, and the work waits for it."""
    async with pool(site) as work:
        os.kill(processes(work)[-1], signal.SIGKILL)
        await until(lambda: work._template is None)  # noqa: SLF001
        for each in processes(work):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        await until(lambda: not work._idle)  # noqa: SLF001
        assert await work.run("a", 20, jobs.trials) == 1


@pytest.mark.parametrize(
    ("where", "times"),
    [("subprocess.Popen", 1), ("adapter.service.pool.channel", 1), ("adapter.service.pool.channel", 4)],
)
async def test_what_the_system_refuses_for_a_moment(
    site: Site, monkeypatch: pytest.MonkeyPatch, where: str, times: int
) -> None:
    """No process, or no descriptor: it is tried again until there is a template, and it has all its workers."""
    monkeypatch.setattr("adapter.service.pool._PAUSE", 0.01)
    module, _, name = where.rpartition(".")
    real, left = getattr(sys.modules[module], name), [times]

    def refused(*said: object, **more: object) -> object:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(errno.EAGAIN, "not now")
        return real(*said, **more)

    async with pool(site) as work:
        await until(lambda: len(work._idle) == site.limits.processes + 1)  # noqa: SLF001
        before = processes(work)
        monkeypatch.setattr(where, refused)
        for each in reversed(before):
            os.kill(each, signal.SIGKILL)
        await until(lambda: left[0] < 0 and not set(before) & set(processes(work)))
        assert await work.run("a", 20, jobs.trials) == 1
        await until(lambda: len(work._idle) == site.limits.processes + 1)  # noqa: SLF001


def test_a_template_without_a_group_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stands still before it has made a group of its own: nobody waits for it for ever."""
    monkeypatch.setattr("adapter.service.worker._LAST", 0.1)
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as still:
        ends = Thread(target=ended, args=(still,), daemon=True)
        ends.start()
        ends.join(20)
        is_ended = not ends.is_alive()
        still.kill()
    assert is_ended


@pytest.mark.parametrize("whole", [False, True])
async def test_a_template_that_stands_still_is_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    """Stopped, by itself or with its workers: the service ends all the same, and nothing of it is left."""
    monkeypatch.setattr("adapter.service.worker._LAST", 0.2)
    async with asyncio.timeout(60):
        async with Pool(site) as work:
            known = processes(work)
            for each in known if whole else known[-1:]:
                os.kill(each, signal.SIGSTOP)
        await until(lambda: not any(map(is_running, known)))


async def test_no_caller_holds_the_last_worker(work: Pool) -> None:
    """Work without end, of one caller in any number: another one waits for less than a second."""
    hostile = [asyncio.create_task(work.run("hostile", 30, jobs.spin, 30.0)) for _ in range(4)]
    await until(lambda: len(work._busy) == 2)  # noqa: SLF001
    assert max([await seconds_of(work.run("good", 10, jobs.trials)) for _ in range(4)]) < 1
    for each in hostile:
        each.cancel()
    said = await asyncio.gather(*hostile, return_exceptions=True)
    assert any(isinstance(each, BusyError) for each in said)
    assert await work.run("hostile", 10, jobs.trials) == 1


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
    tasks = [asyncio.create_task(work.run("a", 30, jobs.spin, 30.0)) for _ in range(4)]
    await until(lambda: len(work._busy) == 2)  # noqa: SLF001
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.gather(*(work.run("a", 10, jobs.trials) for _ in range(3))) == [1] * 3


async def test_another_site(site: Site, strict: Setup) -> None:
    """What runs is finished; what comes is worked on with the new trials; the earlier processes go."""
    async with pool(site) as work:
        before = processes(work)
        running = asyncio.create_task(work.run("a", 30, jobs.spin, 6.0))
        await until(lambda: bool(work._busy))  # noqa: SLF001
        more = replace(strict, definitions=strict.definitions[:2], bounds=strict.bounds[:2])
        await work.adopt(replace(site, policies=Policies(default="strict", setups={"strict": more})))
        assert await work.run("a", 10, jobs.trials) == 2
        assert await running in before
        await until(lambda: not any(exists(pid) for pid in before))


@pytest.mark.parametrize("is_copied", [False, True])
async def test_a_template_is_ended_once(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *, is_copied: bool
) -> None:
    """Its last idle worker goes with it: whoever sees that leaves it to who ends it, even where it stands still."""
    monkeypatch.setattr("adapter.service.worker._LAST", 0.2)
    async with pool(site, is_copied=is_copied) as work:
        await until(lambda: len(work._idle) == 3)  # noqa: SLF001
        before = processes(work)
        os.kill(before[-1], signal.SIGSTOP)
        await work.adopt(site)
        await until(lambda: not any(map(is_running, before)))
        assert await work.run("a", 10, jobs.trials) == 1
    gc.collect()
    assert [each.message for each in caplog.records if each.name == "asyncio"] == []


def test_a_copy_that_was_asked_after_by_others_has_ended(site: Site) -> None:
    """Where the operating system was told that nobody asks after processes that have ended, or somebody else did."""
    process, here = copied(site, ())
    here.close()
    os.waitpid(process.pid, 0)
    process.wait()


def test_why_a_copy_fails_is_logged(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By its kind and place, never its text; so is what the system refuses it."""
    handler, logger = logging.StreamHandler(), logging.getLogger("adapter.service.worker")
    for error in (ValueError("Secret"), OSError("Secret")):
        monkeypatch.setattr("adapter.service.worker.warm", partial(fail_with, error))
        logger.addHandler(handler)
        process, here = copied(site, ())
        logger.removeHandler(handler)
        with here:
            process.wait()
        told = capfd.readouterr().err
        assert f"{type(error).__name__} in" in told
        assert "Secret" not in told


def fail_with(error: Exception, _: Site) -> None:
    """It doesn't get ready."""
    raise error


async def test_whoever_wants_most_gives_way(work: Pool) -> None:
    """One long piece of work of a caller goes on, however much of another's waits."""
    long = asyncio.create_task(work.run("modest", 30, jobs.spin, 3.0))
    await until(lambda: bool(work._busy))  # noqa: SLF001
    many = [asyncio.create_task(work.run("greedy", 30, jobs.spin, 30.0)) for _ in range(4)]
    await long
    for each in many:
        each.cancel()
    await asyncio.gather(*many, return_exceptions=True)


STARTED = """
import sys
from adapter.service.serve import server
from adapter.service.settings import Settings
server(Settings(), "127.0.0.1", int(sys.argv[1])).run()
"""


def used(pid: int) -> int:
    """The processor time that a process has used by itself, in the operating system's ticks."""
    said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(said[11]) + int(said[12])


def is_live(port: int) -> bool:
    """Whether a service answers there."""
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/health/live").is_success
    return False


def test_what_is_needed_is_loaded_once() -> None:
    """Those who work are copies of the service: to make them takes a small part of what its own start took."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    started = subprocess.Popen([sys.executable, "-c", STARTED, str(port)])  # noqa: S603  # our own code
    try:
        wait_until(lambda: is_live(port), 60)
        own, *workers = below(started.pid)
        assert len(workers) >= 2
        assert sum(map(used, workers)) < used(own) / 3
    finally:
        started.terminate()
        started.wait(30)
