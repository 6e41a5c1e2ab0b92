"""Work in processes that can be ended, shared fairly.

Work waits in a queue a caller; who has had the least of the workers lately is next. Work that takes long is let go on
while nobody waits; where others wait, one worker is kept for what is short, and the longest work is ended. So callers
who send what takes for ever, be they many, cost others a fraction of a second.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, TypeVar, TypeVarTuple, cast

from anyio import to_thread

from adapter.errors import AdapterError, BusyError, place_of
from adapter.service.channel import Arrivals, Buffer, channel, frames, left_of, received, send_on
from adapter.service.errors import LostWorkError, TooSlowError
from adapter.service.site import Site
from adapter.service.work import Processors, Shares, Turns, Waiter, crowded
from adapter.service.worker import COMMAND, END, FORK, Copy, copied, ended

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SPARE = 1
_OTHERS, _OWN = 0.2, 0.75
"""Seconds after which work is long, where another caller waits, or the same one."""
_LOOK = 0.05
_LOW = 10
"""How nice long work is to other processes, once somebody waits."""
_GRACE = 1.0
_START = 60.0
_PAUSE = 1.0
_PROGRAM = "import gc; gc.disable(); from adapter.service.worker import main; main()"
_TOO_LONG = "the work took longer than one request may; ask for less at a time"

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Worker:
    """A process that works. `ended`: it was told to end for others' sake; `low`: it was given a low priority.

    `processor`: the one that it works on, or did last; None for any.
    """

    template: "_Template"
    socket: socket.socket
    arrivals: Arrivals = field(init=False)
    pid: int
    caller: str = ""
    began: float = 0.0
    ended: bool = False
    low: bool = False
    processor: int | None = None

    def lower(self) -> None:
        """Let others' work go first."""
        if not self.low:
            self.low = True
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, _LOW)

    def end(self) -> None:
        """End it at once, whatever it does."""
        self.template.tell(END, self.pid)


@dataclass(eq=False, slots=True)
class _Template:
    """The process that makes workers: it ends with its socket, and they with it; `workers`: how many there are."""

    process: subprocess.Popen[bytes] | Copy
    control: socket.socket
    workers: int = 0

    def tell(self, command: bytes, pid: int = 0, descriptor: int | None = None) -> None:
        try:
            socket.send_fds(self.control, [COMMAND.pack(command, pid)], [] if descriptor is None else [descriptor])
        except OSError:  # it is gone, which whoever reads from it sees
            log.warning("the template of the workers is gone")


class Pool:
    """Work in processes of one site, while its block runs; belongs to one event loop."""

    def __init__(self, site: Site, modules: Sequence[str] = ()) -> None:
        """Work for a site, once it is started; `modules`: which workers need, and the service itself doesn't."""
        self._site = site
        self._modules = modules
        self._limits = site.limits
        self._loop: asyncio.AbstractEventLoop
        self._template: _Template | None = None
        self._copy: _Template | None = None
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._starting = 0
        self._queue: Turns[_Worker] = Turns()
        self._shares = Shares()
        self._processors = Processors(self._limits.processes if self._limits.own_processors else 0)
        self._looking: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def copy(self) -> None:
        """Make the first template a copy of this process, which has loaded all already; before it has other threads."""
        if threading.active_count() == 1:
            process, here = copied(self._site, self._modules)
            here.setblocking(False)  # noqa: FBT003  # as it is called
            self._copy = _Template(process, here)

    async def __aenter__(self) -> Self:
        """Go on when there are workers. Raises AdapterError where there can't be any."""
        self._loop = asyncio.get_running_loop()
        self._use(await self._ready(self._copy) if self._copy is not None else await self._started(self._site))
        while not self._idle:
            await asyncio.gather(*self._tasks)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all processes, and go on when they are gone."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for worker in [*self._idle, *self._busy]:
            self._close_worker(worker)
        if self._template is not None:
            await self._retire(self._template)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def adopt(self, site: Site) -> None:
        """As in Work: what runs is finished by workers of the earlier site."""
        template = await self._started(site)
        before, self._site = self._template, site
        self._use(template)
        for worker in [each for each in self._idle if each.template is before]:
            self._idle.remove(worker)
            self._close_worker(worker)
        if before is not None and not before.workers:
            self._spawn(self._retire(before))

    async def run(self, caller: str, seconds: float, job: Callable[[Site, *Ts], T], *args: *Ts) -> T:
        """As in Work."""
        until = self._loop.time() + seconds
        while True:
            worker = await self._worker(caller, until)
            worker.caller, worker.began = caller, self._loop.time()
            answer = worker.arrivals.next()
            began = False
            try:
                async with asyncio.timeout_at(until + _GRACE):
                    left = left_of(worker.socket, frames((until - worker.began, job, args)))
                    began = True
                    await send_on(self._loop, worker.socket, left)
                    went_well, result, last = await answer
            except (BrokenPipeError, ConnectionResetError, EOFError):
                worker.arrivals.finish()
                self._free(worker, last=True)
                if answer.done() and answer.exception() is None:  # it can't hold all of it, as it has said
                    raise answer.result()[1] from None
                if began:
                    raise self._why_ended(worker, until) from None
                continue  # it had ended before
            except TimeoutError:  # it stands still, whatever its alarm says
                worker.end()
                self._free(worker, last=True)
                raise TooSlowError(_TOO_LONG) from None
            except BaseException:
                worker.end()
                self._free(worker, last=True)
                raise
            self._free(worker, last=last)
            if not went_well:
                raise result
            return cast("T", result)

    def _why_ended(self, worker: _Worker, until: float) -> AdapterError:
        """What its caller is told of a worker that ended in the middle of its work."""
        if worker.ended:
            return BusyError("the work took long while others waited; come back later, or ask for less at a time")
        if self._loop.time() >= until:
            return TooSlowError(_TOO_LONG)
        log.warning("a worker process ended in the middle of its work")
        return LostWorkError("the process that worked on it ended; try again")

    async def _worker(self, caller: str, until: float) -> _Worker:
        """A worker that is nobody else's now. Raises BusyError where too many wait, or none comes in time."""
        if self._idle and not self._queue.count and len(self._busy) < self._limits.processes:
            return self._taken()
        most = self._limits.max_waiting
        if self._queue.of(caller) >= max(1, most // 2):
            raise crowded()
        if self._queue.count >= most and not self._queue.gives_way(caller, self._had):
            raise crowded()
        waiter: Waiter[_Worker] = Waiter(caller, self._loop.time(), self._loop.create_future())
        self._queue.add(waiter)
        self._look_soon()
        try:
            async with asyncio.timeout_at(until):
                return await waiter.worker
        except TimeoutError:
            self._given_up(waiter)
            raise crowded() from None
        except BaseException:
            self._given_up(waiter)
            raise

    def _given_up(self, waiter: Waiter[_Worker]) -> None:
        self._queue.remove(waiter)
        given = waiter.worker
        if not (given.cancel() or given.cancelled() or given.exception()):  # it has got one in the same moment
            self._free(waiter.worker.result(), last=False)

    def _taken(self) -> _Worker:
        worker = self._idle.pop()
        self._busy.add(worker)
        worker.processor = self._processors.give(worker.pid, worker.processor)
        return worker

    def _hand_out(self) -> None:
        while self._queue.count and self._idle and len(self._busy) < self._limits.processes:
            waiter = self._queue.take(self._loop.time(), self._had)
            if not waiter.worker.done():
                worker = self._taken()
                worker.caller, worker.began = waiter.caller, self._loop.time()
                waiter.worker.set_result(worker)

    def _had(self, caller: str) -> float:
        """The seconds of work that a caller has had lately, with what goes on now."""
        now = self._loop.time()
        return self._shares.of(caller, now) + sum(now - each.began for each in self._busy if each.caller == caller)

    def _look_soon(self) -> None:
        if self._looking is None and not self._closed:
            self._looking = self._loop.call_later(_LOOK, self._look)

    def _look(self) -> None:
        """While somebody waits: where long work holds too many workers, end that of whoever wants and had most."""
        self._looking = None
        if not self._queue.count:
            return
        self._look_soon()
        self._hand_out()
        now, waiting = self._loop.time(), self._queue.lines.keys()
        long = [
            each
            for each in self._busy
            if not each.ended and now - each.began > (_OTHERS if waiting - {each.caller} else _OWN)
        ]
        for each in long:
            each.lower()
        if self._queue.count and not any(each.ended for each in self._busy) and len(long) >= self._limits.processes:
            asks = Counter(each.caller for each in self._busy)
            longest = max(
                long, key=lambda each: (asks[each.caller] + self._queue.of(each.caller), self._had(each.caller))
            )
            longest.ended = True
            longest.end()

    def _free(self, worker: _Worker, *, last: bool) -> None:
        """Work is done, or its worker ended in the middle of it, and works no more."""
        self._busy.discard(worker)
        if worker.began:
            self._shares.add(worker.caller, worker.began, self._loop.time())
        self._processors.give_back(worker.processor)
        if last or worker.ended or worker.low or worker.template is not self._template or self._closed:
            self._close_worker(worker)
        else:
            self._idle.append(worker)
        self._fill()
        self._hand_out()

    def _gone(self, worker: _Worker) -> None:
        """It ended while it had nothing to do. Whoever was about to give it work will see that."""
        if worker in self._idle:
            self._idle.remove(worker)
            self._close_worker(worker)
            self._fill()

    def _close_worker(self, worker: _Worker) -> None:
        worker.arrivals.close()
        worker.template.workers -= 1
        if not worker.template.workers and worker.template is not self._template:
            self._spawn(self._retire(worker.template))

    def _use(self, template: _Template) -> None:
        self._template = template
        self._loop.add_reader(template.control, self._template_gone, template)
        self._fill()

    def _fill(self) -> None:
        """As many workers as there should be, and a spare."""
        if self._closed or self._template is None:
            return
        own = sum(each.template is self._template for each in (*self._idle, *self._busy))
        for _ in range(self._limits.processes + _SPARE - own - self._starting):
            self._starting += 1
            self._spawn(self._forked(self._template))

    def _spawn(self, work: Any) -> None:  # noqa: ANN401  # a coroutine
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forked(self, template: _Template) -> None:
        """One more worker; where none can be had just now, soon."""
        try:
            with ExitStack() as undone:
                here, there = map(undone.enter_context, channel())
                here.setblocking(False)  # noqa: FBT003  # as it is called
                template.tell(FORK, descriptor=there.fileno())
                there.close()
                async with asyncio.timeout(_START):
                    pid = await received(self._loop, here)
                undone.pop_all()
        except Exception as error:  # noqa: BLE001  # whatever it is: the pool would be one worker short for good
            self._starting -= 1
            if template is self._template:
                log.warning("a worker could not be started, and is tried again: %s", place_of(error))
                await asyncio.sleep(_PAUSE)
                self._fill()
            return
        self._starting -= 1
        template.workers += 1
        worker = _Worker(template, here, pid)
        worker.arrivals = Arrivals(self._loop, here, partial(self._gone, worker))
        self._busy.add(worker)
        self._free(worker, last=False)

    def _template_gone(self, template: _Template) -> None:
        """Its workers end with it. Nothing else makes its socket readable."""
        self._loop.remove_reader(template.control)
        if template is self._template and not self._closed:
            log.warning("the template of the workers ended; another one is started")
            self._template = None
            self._spawn(self._restarted())
        self._spawn(self._retire(template))

    async def _restarted(self) -> None:
        while True:
            try:
                self._use(await self._started(self._site))
            except Exception as error:  # noqa: BLE001  # whatever it is: without one, all work would wait for ever
                log.error("%s", error if isinstance(error, AdapterError) else place_of(error))  # noqa: TRY400  # as said
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _started(self, site: Site) -> _Template:
        here, there = channel()
        here.setblocking(False)  # noqa: FBT003  # as it is called
        with there, ExitStack() as undone:
            undone.callback(here.close)
            process = subprocess.Popen(  # noqa: ASYNC220, S603  # returns at once; our own code
                [sys.executable, "-P", "-c", _PROGRAM, str(there.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                start_new_session=True,  # Ctrl-C is the service's alone
            )
            undone.pop_all()
        sent = frames((site.packed(), site.limits.worker_memory, [*_loaded(), *self._modules]))
        return await self._ready(_Template(process, here), sent)

    async def _ready(self, template: _Template, sent: Sequence[Buffer] = ()) -> _Template:
        """A template that has been sent what it needs, and has said that it is there."""
        try:
            async with asyncio.timeout(_START):
                if sent:
                    await send_on(self._loop, template.control, sent)
                await received(self._loop, template.control)
        except (OSError, EOFError, TimeoutError) as error:
            await self._retire(template)
            msg = "no worker process could be started; the log says why"
            raise AdapterError(msg) from error
        except BaseException:
            template.control.close()
            raise
        return template

    async def _retire(self, template: _Template) -> None:
        """End a template, and wait for it."""
        if template.control.fileno() >= 0:  # else somebody does already, and its pid may soon be another's
            self._loop.remove_reader(template.control)
            template.control.close()
            await to_thread.run_sync(ended, template.process)


def _loaded() -> list[str]:
    """The project's modules that the service has loaded."""
    return [name for name in sorted(sys.modules) if name.partition(".")[0] in ("adapter", "mappings")]
