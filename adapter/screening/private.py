"""Where a run writes: a folder of its own while it lasts, and nobody else in the folder of its results.

What lies there is patient data: folders and files are their owner's only, no link that somebody has prepared is
followed, and what a run that was killed has left is removed by the next one. A folder is held by a lock on itself,
which ends with the process, however that ends.
"""

import errno
import fcntl
import os
import signal
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from shutil import rmtree
from tempfile import gettempdir, mkdtemp
from typing import IO

from adapter.errors import UsageError

_DISK = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_IOERR: errno.EIO}
_KIND = 0xFF
"""The part of SQLite's extended codes that says which kind it is."""
_PATIENCE = 10.0
"""Seconds that a run may take to end in when it is told to."""
_ONLY_OWNER, _ONLY_OWNER_ENTERS = 0o600, 0o700
_NEW = "new"
LEFT = f".{_NEW}-"
"""How a folder's name begins that a run may have left which was to fill another one."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Write results into a folder, which is made if need be, while nobody else does.

    Raises UsageError if somebody does; on a file system without locks that is not seen.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held, locked = _hold(folder)
    try:
        if locked is False:
            msg = f"another run is writing into {folder}; wait until it has ended, or choose another --out"
            raise UsageError(msg)
        with _stopped_in_order():
            yield
    finally:
        os.close(held)


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """SIGTERM, by which schedulers stop a run, is as Ctrl-C first, so that what is temporary is removed.

    Then the process ends by that signal; by SIGKILL where it takes too long, since it runs in a library, say.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        raise KeyboardInterrupt

    told, tell = os.pipe()
    os.set_blocking(tell, False)
    before = signal.set_wakeup_fd(tell, warn_on_full_buffer=False), signal.signal(signal.SIGTERM, stop)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # the thread is to get none of them
    threading.Thread(target=_end_late, args=(told,), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before[0])
        signal.signal(signal.SIGTERM, before[1])
        os.close(tell)
        if stopped:
            signal.raise_signal(signal.SIGTERM)


def _end_late(told: int) -> None:
    """End the process some seconds after it was told by SIGTERM to end; return when the other end is closed."""
    with os.fdopen(told, "rb", buffering=0) as signals:
        while said := signals.read(64):
            if signal.SIGTERM in said and not select([signals], [], [], _PATIENCE)[0]:
                os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def disk_failures(folder: Path) -> Iterator[None]:
    """Has a temporary database in a folder fail as files do, with an OSError: a full disk, a quota, a broken disk."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = _DISK.get(error.sqlite_errorcode & _KIND)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), str(folder)) from error


@contextmanager
def temporary_folder(kind: str, within: Path | None = None) -> Iterator[Path]:
    """A folder for as long as the block lasts, in `within` (else where temporary files go).

    Those of the same kind that dead runs of this user have left there are removed.
    """
    prefix, parent = f".{kind}-", within or Path(gettempdir())
    for left in parent.glob(f"{prefix}*"):
        _remove_if_dead(left)
    while True:
        folder = Path(mkdtemp(prefix=prefix, dir=parent))
        try:
            held, _ = _hold(folder)
            try:
                if folder.exists():  # else somebody took it for dead before it was held
                    yield folder
                    return
            finally:
                os.close(held)
        finally:
            rmtree(folder, ignore_errors=True)


@contextmanager
def filled(out: Path) -> Iterator[Path]:
    """A folder whose files go to `out`, which is made if need be, once all of them are there, and else none.

    Files of their names are replaced, each at once.
    """
    out.mkdir(parents=True, exist_ok=True)
    with temporary_folder(_NEW, out) as fresh:
        yield fresh
        for file in sorted(each for each in fresh.rglob("*") if each.is_file()):
            target = out / file.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write a file that comes to `path` once it is whole; a device or a pipe is written to as it is."""
    if path.exists() and not path.is_file():
        yield path
        return
    target = path.resolve()
    with filled(target.parent) as fresh:
        yield fresh / target.name


def own_folder(path: Path) -> Path:
    """A folder that stays, its owner's only, which is made if need be.

    Raises UsageError where a link, a file or another user's folder has its name.
    """
    try:
        path.mkdir(mode=_ONLY_OWNER_ENTERS)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            msg = f"{path} is a link, a file, or another user's; remove it, or choose another --out"
            raise UsageError(msg) from None
        path.chmod(_ONLY_OWNER_ENTERS)
    return path


def new_file(path: Path) -> IO[bytes]:
    """A new file for writing, its owner's only; one that is there, or a link, is not written to but replaced."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _ONLY_OWNER), "wb")


def write_new(path: str, data: bytes) -> None:
    """Write a file that isn't there yet, its owner's only; for many small ones, of which a file object is half."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _ONLY_OWNER)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


def _remove_if_dead(folder: Path) -> None:
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            return
        held, locked = _hold(folder)
    except OSError:  # no folder, or gone in the meantime
        return
    if locked:
        rmtree(folder, ignore_errors=True)
    os.close(held)


def _hold(folder: Path) -> tuple[int, bool | None]:
    """The folder's descriptor, and whether it is locked by it; None where there are no locks."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return held, False
    except OSError:
        return held, None
    return held, True
