"""How values go between the service and its workers: through a socket, as a pickle with the large parts beside it.

Only our own processes hold either end. One half waits in an event loop, the other in a process that does nothing else.
"""

import asyncio
import pickle
import socket
import struct
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, cast

_HEAD = struct.Struct("!IQ")
"""A frame's head: how many buffers it has beside its pickle, and how long that is. The buffers' lengths follow."""
_SIZE = struct.Struct("!Q")
_AT_ONCE = _BUFFER = 1024 * 1024
_READS = 6
"""Of a socket at a time: what is there already waits for no turn of the event loop; what has no end keeps nobody."""
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


def receiving() -> Generator[int | memoryview, bytes | int, Any]:
    """Reads one value, of both ends' own making: yields how many bytes it wants, and takes as many of them as came.

    Of what is large it yields where they may go, and is told how many came. Nothing is copied, or cleared before.
    Raises EOFError where none come any more.
    """
    count, size = _HEAD.unpack((yield from _whole(_HEAD.size)))
    first = yield from _whole(count * _SIZE.size + size)
    buffers = []
    for place in range(count):
        (length,) = _SIZE.unpack_from(first, place * _SIZE.size)
        buffers.append((yield from _whole(length)))
    pickled = memoryview(first)[count * _SIZE.size :]
    return pickle.loads(pickled, buffers=buffers)  # noqa: S301  # nobody else can write to the socket


def _whole(size: int) -> Generator[int | memoryview, bytes | int, bytes | bytearray]:
    """So many bytes: as they came where they came together, as they mostly do."""
    came = (yield size) if 0 < size <= _AT_ONCE else b""
    held = len(cast("bytes", came))
    if held == size:
        return cast("bytes", came)
    if size <= _AT_ONCE and not held:
        raise EOFError
    whole = bytearray(size)
    whole[:held] = cast("bytes", came)
    while held < size:
        more = cast("int", (yield memoryview(whole)[held:]))
        if not more:
            raise EOFError
        held += more
    return whole


def _read(connection: socket.socket, wanted: int | memoryview) -> bytes | int:
    return connection.recv(wanted) if isinstance(wanted, int) else connection.recv_into(wanted)


def receive(connection: socket.socket) -> Any:  # noqa: ANN401  # whatever was sent
    """The next value of a socket that blocks. Raises EOFError where the other end is gone."""
    reading = receiving()
    wanted = next(reading)
    try:
        while True:
            wanted = reading.send(_read(connection, wanted))
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


async def send_on(loop: asyncio.AbstractEventLoop, connection: socket.socket, parts: Iterable[Buffer]) -> None:
    """Send frames, or what is left of them, on a socket that doesn't block."""
    for part in parts:
        await loop.sock_sendall(connection, part)


def left_of(connection: socket.socket, parts: Sequence[Buffer]) -> list[Buffer]:
    """Send at once of frames what a socket that doesn't block takes; what it leaves. Raises OSError."""
    try:
        sent = connection.sendmsg(parts)
    except BlockingIOError:
        sent = 0
    return [*unsent(parts, sent)]


async def received(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> Any:  # noqa: ANN401  # whatever was sent
    """The next value of a socket that doesn't block. Raises EOFError where the other end is gone."""
    reading = receiving()
    wanted = next(reading)
    try:
        while True:
            if isinstance(wanted, int):
                wanted = reading.send(await loop.sock_recv(connection, wanted))
            else:
                wanted = reading.send(await loop.sock_recv_into(connection, wanted))
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
        self._wanted = next(self._reading)
        loop.add_reader(connection, self._come)

    def next(self) -> asyncio.Future[Any]:
        """The next value; EOFError or OSError where the other end is gone. Nobody else may wait for it."""
        self._next = self._loop.create_future()
        return self._next

    def finish(self) -> None:
        """Read what is there: of another end that is gone, its last words, of which the loop may not have seen yet."""
        while self._next is not None and not self._next.done() and self._come():
            pass

    def close(self) -> None:
        """Watch no longer, and close the socket."""
        self._loop.remove_reader(self._connection)
        self._connection.close()

    def _come(self) -> bool:
        """Take some of what has come; False where there is nothing just now, or nobody to take it."""
        waits = self._next
        if waits is None or waits.done():
            self._loop.remove_reader(self._connection)
            self._gone()
            return False
        try:
            for _ in range(_READS):
                self._wanted = self._reading.send(_read(self._connection, self._wanted))
        except BlockingIOError:
            return False
        except StopIteration as whole:
            self._next = None
            self._reading = receiving()
            self._wanted = next(self._reading)
            waits.set_result(whole.value)
        except Exception as error:  # noqa: BLE001  # whatever it is, whoever waits is told
            self._loop.remove_reader(self._connection)
            waits.set_exception(error)
            waits.exception()  # who has failed to send asks no more, and needn't be told again
        return True
