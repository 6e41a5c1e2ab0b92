"""Pools of processes for tests, and what is seen of their processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapter.screening.setup import Setup
from adapter.service.hl7v2 import message_settings
from adapter.service.limits import MEBIBYTE, Limits
from adapter.service.pool import Pool
from adapter.service.site import Policies, Site
from tests.conftest import ROOT


def site_of(setup: Setup, trials: int = 1) -> Site:
    """A site with so many trials and two workers."""
    small = replace(setup, definitions=setup.definitions[:trials], bounds=setup.bounds[:trials])
    policies = Policies(default="strict", setups={"strict": small})
    limits = Limits(processes=2, worker_memory=128 * MEBIBYTE, max_waiting=8)
    return Site(policies=policies, messages=message_settings(None, setup.policy), limits=limits)


@asynccontextmanager
async def pool(site: Site, *, is_copied: bool = False) -> AsyncIterator[Pool]:
    """Workers, and none of their processes afterwards. `is_copied`: of a template that is a copy of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # so that workers find a test's jobs
        made = Pool(site)
        if is_copied:
            patch.setattr("threading.active_count", lambda: 1)  # those of the test hold no lock that a copy needs
            made.copy()
        async with made as found:
            yield found
            known = processes(found)
    assert not [pid for pid in known if exists(pid)]


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
