"""Processes in which requests are worked on, as they look from inside: a template, and workers that are copies of it.

The template is a process of one thread that holds the loaded site and nothing of any request. It makes a worker by
forking, in milliseconds and without loading anything, whenever the service asks for one, and ends with the service.

A worker does one piece of work at a time. Its deadline is an alarm of the operating system, which ends it whatever
code runs; its memory is bounded by the operating system too. So nothing that a request makes it do lasts, or grows,
and what it costs is that request.

How values go between the service and its workers: through a socket, as a pickle with the large parts beside it.

Only our own processes hold either end. One half waits in an event loop, the other in a process that does nothing else.
"""

import asyncio
import gc
import logging
import os
import pickle
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import accumulate
from math import inf
from pathlib import Path
from pickle import PicklingError
from typing import Any, NoReturn

from adapter.errors import AdapterError, place_of
from adapter.service.errors import FaultError, TooCostlyError
from adapter.service.evaluate import warm
from adapter.service.middleware import log_as_json
from adapter.service.site import Site

_HEAD = struct.Struct("!IQ")
"""A frame's head: how many buffers it has beside its pickle, and how long that is. The buffers' lengths follow."""
_SIZE = struct.Struct("!Q")
_FIRST = 64 * 1024
_BUFFER = 1024 * 1024
_CHECK = 0.02
_LAST = 5.0
"""Seconds that a template may take to end."""
_READS = 3
"""Of a socket at a time: what is there already waits for no turn of the event loop; what has no end keeps nobody."""
log = logging.getLogger(__name__)
Buffer = bytes | bytearray | memoryview


def channel() -> tuple[socket.socket, socket.socket]:
    """Two sockets that are connected, through which an ordinary request or answer goes at once."""
    both = socket.socketpair()
    for each in both:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return both


def frames(value: object) -> list[Buffer]:
    """A value as bytes to send, in parts. What stands in it as PickleBuffer is not copied."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(value, 5, buffer_callback=buffers.append)
    raw: list[Buffer] = [each.raw() for each in buffers]
    head = _HEAD.pack(len(raw), len(pickled)) + b"".join(_SIZE.pack(len(each)) for each in raw)
    return [head + pickled, *raw]


def receiving() -> Generator[memoryview, int, Any]:
    """Reads one value, of both ends' own making: yields where bytes may go, and is told how many have come.

    Raises EOFError where none come any more.
    """
    first = memoryview(bytearray(_FIRST))
    held = 0
    wanted = _HEAD.size
    count = size = 0
    while held < wanted:
        held += _came((yield first[held:]))
        if held >= _HEAD.size and wanted == _HEAD.size:
            count, size = _HEAD.unpack_from(first)
            wanted += count * _SIZE.size
    sizes = [size, *(_SIZE.unpack_from(first, _HEAD.size + each * _SIZE.size)[0] for each in range(count))]
    rest = memoryview(bytearray(sum(sizes)))
    filled = held - wanted
    rest[:filled] = first[wanted:held]
    while filled < len(rest):
        filled += _came((yield rest[filled:]))
    ends = list(accumulate(sizes))
    pickled, *buffers = (rest[end - size : end] for end, size in zip(ends, sizes, strict=True))
    return pickle.loads(pickled, buffers=buffers)  # noqa: S301  # nobody else can write to the socket


def _came(count: int) -> int:
    if not count:
        raise EOFError
    return count


def receive(connection: socket.socket) -> Any:  # noqa: ANN401  # whatever was sent
    """The next value of a socket that blocks. Raises EOFError where the other end is gone."""
    reading = receiving()
    view = next(reading)
    try:
        while True:
            view = reading.send(connection.recv_into(view))
    except StopIteration as done:
        return done.value


def send(connection: socket.socket, parts: Sequence[Buffer]) -> None:
    """Send frames on a socket that blocks."""
    for part in unsent(parts, connection.sendmsg(parts)):
        connection.sendall(part)


def unsent(parts: Iterable[Buffer], sent: int) -> Iterator[Buffer]:
    """What of some parts is left after so many bytes."""
    for part in parts:
        if sent < len(part):
            yield memoryview(part)[sent:] if sent else part
        sent = max(0, sent - len(part))


async def send_on(loop: asyncio.AbstractEventLoop, connection: socket.socket, parts: Sequence[Buffer]) -> None:
    """Send frames on a socket that doesn't block."""
    try:
        sent = connection.sendmsg(parts)
    except BlockingIOError:
        sent = 0
    for part in unsent(parts, sent):
        await loop.sock_sendall(connection, part)


async def received(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> Any:  # noqa: ANN401  # whatever was sent
    """The next value of a socket that doesn't block. Raises EOFError where the other end is gone."""
    reading = receiving()
    view = next(reading)
    try:
        while True:
            view = reading.send(await loop.sock_recv_into(connection, view))
    except StopIteration as done:
        return done.value


class Arrivals:
    """What comes on a socket that doesn't block, one value after another, as an event loop sees it come.

    The loop watches the socket all the time, whoever waits: a value costs it no more than reading it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: socket.socket, gone: Callable[[], None]) -> None:
        """Begin to watch. `gone`: called, once, where the other end goes while nobody waits."""
        self._loop = loop
        self._connection = connection
        self._gone = gone
        self._next: asyncio.Future[Any] | None = None
        self._reading = receiving()
        self._view = next(self._reading)
        loop.add_reader(connection, self._come)

    def next(self) -> asyncio.Future[Any]:
        """The next value; EOFError or OSError where the other end is gone. Nobody else may wait for it."""
        self._next = self._loop.create_future()
        return self._next

    def close(self) -> None:
        """Watch no longer, and close the socket."""
        self._loop.remove_reader(self._connection)
        self._connection.close()

    def _come(self) -> None:
        waits = self._next
        if waits is None or waits.done():
            self._loop.remove_reader(self._connection)
            self._gone()
            return
        try:
            for _ in range(_READS):
                self._view = self._reading.send(self._connection.recv_into(self._view))
        except BlockingIOError:
            return
        except StopIteration as whole:
            self._next = None
            self._reading = receiving()
            self._view = next(self._reading)
            waits.set_result(whole.value)
        except Exception as error:  # noqa: BLE001  # whatever it is, whoever waits is told
            self._loop.remove_reader(self._connection)
            waits.set_exception(error)
            waits.exception()  # who has failed to send asks no more, and needn't be told again


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
