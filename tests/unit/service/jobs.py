"""Work that behaves badly, for processes of their own, which find it by this module's name."""

import os
import signal
import time

from adapter.errors import InputError
from adapter.service.http import Parcel
from adapter.service.site import Site


def policy(site: Site) -> str:
    """What the worker has been given."""
    return site.policies.default


def trials(site: Site) -> int:
    """How many trials it can evaluate."""
    return len(site.policies.setup(None).bounds)


def process(_: Site) -> int:
    """Who works."""
    return os.getpid()


def processors_while(_: Site, seconds: float) -> set[int]:
    """Where it may work, in so many seconds from now."""
    time.sleep(seconds)
    return os.sched_getaffinity(0)


def echo(_: Site, parcel: Parcel) -> Parcel:
    """The same bytes again."""
    return Parcel((parcel.plain(1 << 30),))


def spin(_: Site, seconds: float) -> int:
    """Use a processor for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return os.getpid()


def grow(_: Site, size: int) -> int:
    """Use so much memory."""
    return len(bytes(size))


def refuse(_: Site) -> None:
    """What is wrong with the request."""
    msg = "no such patient"
    raise InputError(msg)


def fail(_: Site) -> None:
    """A fault of ours, whose text holds what nobody may see."""
    msg = "Mrs Secret"
    raise ValueError(msg)


def end(_: Site) -> None:
    """The operating system takes the process away."""
    os.kill(os.getpid(), signal.SIGKILL)
