"""Processes in which requests are worked on, as they look from inside: a template, and workers that are copies of it.

The template is a process of one thread that holds the loaded site and nothing of any request. It makes a worker by
forking, in milliseconds and without loading anything, whenever the service asks for one, and ends with the service.

A worker does one piece of work at a time. Its deadline is an alarm of the operating system, which ends it whatever
code runs; its memory is bounded by the operating system too. So nothing that a request makes it do lasts, or grows,
and what it costs is that request.
"""

import gc
import logging
import os
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from math import inf
from pathlib import Path
from pickle import PicklingError
from typing import Any, NoReturn

from adapter.errors import AdapterError, place_of
from adapter.service.channel import Buffer, channel, frames, receive, send
from adapter.service.errors import FaultError, TooCostlyError
from adapter.service.evaluate import warm
from adapter.service.middleware import log_as_json
from adapter.service.site import Site

_CHECK = 0.02
_LAST = 5.0
"""Seconds that a template may take to end."""
log = logging.getLogger(__name__)

COMMAND = struct.Struct("!cI")
"""What the service tells the template: make a worker for the socket that comes along, or end the worker of a pid."""
FORK, END = b"f", b"e"


def main() -> NoReturn:
    """A template that loads all by itself; the descriptor of its socket to the service is the one argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    log_as_json()

    def live() -> None:
        packed, memory, modules = receive(control)
        _live(control, packed.site(), memory, modules)

    _to_the_end(live)


def _to_the_end(live: Callable[[], None]) -> NoReturn:
    """The rest of a process: it ends with the service, or after it has said why not (in a log that has no content)."""
    try:
        live()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except Exception as error:  # noqa: BLE001  # whatever it is, nobody else is left to tell
        log.error("a template or a worker has failed: %s", place_of(error))  # noqa: TRY400  # its text is no log's
    finally:
        os._exit(0)


class Copy:
    """A copy of this process, as far as Popen says the same of another program."""

    def __init__(self, pid: int) -> None:
        """Which process it is."""
        self.pid = pid

    def wait(self, timeout: float = inf) -> None:
        """Until it has ended. Raises TimeoutExpired."""
        until = time.monotonic() + timeout
        with suppress(ChildProcessError):  # as Popen: it has ended, and somebody else, or nobody, was to be told
            while not os.waitpid(self.pid, os.WNOHANG)[0]:
                if time.monotonic() > until:
                    raise subprocess.TimeoutExpired([], timeout)
                time.sleep(_CHECK)


def copied(site: Site, modules: Sequence[str]) -> tuple[Copy, socket.socket]:
    """A template that is a copy of this process, which has loaded all, and must have one thread; and our end."""
    here, there = channel()
    pid = os.fork()
    if pid:
        there.close()
        return Copy(pid), here

    def live() -> None:
        here.close()
        os.setsid()  # Ctrl-C is the service's alone
        nothing = os.open(os.devnull, os.O_RDWR)
        for each in (0, 1):
            os.dup2(nothing, each)
        _live(there, site, site.limits.worker_memory, modules)

    _to_the_end(live)


def ended(process: subprocess.Popen[bytes] | Copy) -> None:
    """Wait for a template that was told to end; one that stands still is killed, with its workers."""
    try:
        process.wait(_LAST)
    except subprocess.TimeoutExpired:
        log.warning("the template of the workers did not end, and is killed")
        for kill in (os.killpg, os.kill):  # a copy that stood still early has no group of its own yet
            with suppress(ProcessLookupError):  # as above
                kill(process.pid, signal.SIGKILL)  # not yet waited for: neither is anybody else's
        process.wait()


def _live(control: socket.socket, site: Site, memory: int, modules: Sequence[str]) -> None:
    """A template's life. All modules are loaded that the service has: no worker loads what it does when asked to."""
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, signal.SIG_IGN)  # it ends with the service, which may have work to finish
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own sets a gigabyte aside, which counts as used
    for each in modules:
        import_module(each)
    warm(site)
    gc.collect()
    gc.freeze()
    gc.enable()
    send(control, frames(os.getpid()))
    _make_workers(control, site, memory)


def _make_workers(control: socket.socket, site: Site, memory: int) -> None:
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)  # noqa: FBT003  # as it is called
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    workers: set[int] = set()
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(control, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if woken in ready:
                    woken.recv(4096)
                    _reap(workers)
                if control in ready and not _obeyed(control, workers, (control, woken, wakes), site, memory):
                    return
    finally:
        for each in workers:
            os.kill(each, signal.SIGKILL)
        for each in workers:
            os.waitpid(each, 0)


def _reap(workers: set[int]) -> None:
    while workers:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        workers.discard(pid)


def _obeyed(control: socket.socket, workers: set[int], own: Sequence[socket.socket], site: Site, memory: int) -> bool:
    """Do what the service says next; False where it is gone."""
    said, descriptors, _, _ = socket.recv_fds(control, COMMAND.size, 1)
    if len(said) < COMMAND.size:
        return False
    command, pid = COMMAND.unpack(said)
    if command == END:
        if pid in workers:  # not yet reaped: the pid is nobody else's
            os.kill(pid, signal.SIGKILL)
        return True
    connection = socket.socket(fileno=descriptors[0])
    pid = os.fork()
    if not pid:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in own:
            each.close()
        _to_the_end(partial(_work, connection, site, memory))
    workers.add(pid)
    connection.close()
    return True


def _work(connection: socket.socket, site: Site, memory: int) -> None:
    """A worker's whole life; one that has grown large ends, so that the next request has all of its memory."""
    _bound(memory)
    large = _peak() + memory // 2
    send(connection, frames(os.getpid()))
    last = False
    while not last:
        try:
            seconds, job, arguments = receive(connection)
            signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds))  # whose default action is to end the process
            went_well, result = _done(site, job, arguments)
            last = _peak() > large
            outcome = _told((went_well, result, last))
        except MemoryError:
            arguments = result = None
            error = TooCostlyError("it takes more memory than one request may use; send less at a time")
            outcome, last = frames((False, error, True)), True
        send(connection, outcome)
        signal.setitimer(signal.ITIMER_REAL, 0)
        del arguments, result, outcome


def _done(site: Site, job: Any, arguments: tuple[Any, ...]) -> tuple[bool, object]:  # noqa: ANN401  # a function of ours
    try:
        return True, job(site, *arguments)
    except MemoryError:
        raise
    except AdapterError as error:
        return False, error
    except Exception as error:  # noqa: BLE001  # its text may hold patient data; its place does not
        return False, FaultError(place_of(error))


def _told(outcome: tuple[bool, object, bool]) -> list[Buffer]:
    try:
        return frames(outcome)
    except (AttributeError, TypeError, PicklingError) as error:  # nothing that another process can have
        return frames((False, FaultError(place_of(error)), outcome[-1]))


def _bound(memory: int) -> None:
    """Use so much more memory than now, and no more; and be the first to go where the machine has none left.

    Memory that can be written counts, and not addresses: DuckDB takes gigabytes of them and uses few.
    """
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
