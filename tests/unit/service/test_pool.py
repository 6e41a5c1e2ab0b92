"""The processes of a pool: how many there are, where they run, and that none is left."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

import httpx
import pytest

from adapter.screening.setup import Setup
from adapter.service.errors import TooSlowError
from adapter.service.pool import Pool
from adapter.service.site import Site
from adapter.service.work import Processors
from adapter.service.worker import copied, ended
from tests.integration.waiting import processes as below
from tests.integration.waiting import wait_until
from tests.unit.service import jobs
from tests.unit.service.pools import exists, is_running, pool, processes, site_of, until

pytestmark = pytest.mark.anyio


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


async def test_another_site(site: Site, strict: Setup) -> None:
    """What runs is finished; what comes is worked on with the new trials; the earlier processes go."""
    async with pool(site) as work:
        before = processes(work)
        running = asyncio.create_task(work.run("a", 30, jobs.spin, 6.0))
        await until(lambda: bool(work._busy))  # noqa: SLF001
        await work.adopt(site_of(strict, trials=2))
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
