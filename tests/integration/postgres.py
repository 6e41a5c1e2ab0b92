"""A PostgreSQL server of our own, on a socket in a folder, that ends with the block, and can be restarted in it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.needs import not_available

_USER = "postgres"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that runs. `url`: of an empty database; `restart`: ends it as a crash would, and starts it again."""

    url: str
    restart: Callable[[], None]


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database."""
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = Path(shutil.which("initdb") or (found[-1] if found else "initdb")).resolve()
    if not initdb.exists():
        not_available("PostgreSQL", "initdb is neither on the PATH nor in /usr/lib/postgresql")
    user = _USER if os.geteuid() == 0 else None  # it doesn't run as root
    with TemporaryDirectory(prefix="pg-") as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = Path(folder) / "data"
        tool = initdb.with_name("pg_ctl")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        try:
            _run([initdb, "-D", data, "-U", _USER, "-A", "trust", "--no-sync", "-E", "UTF8"], user, folder)
        except (OSError, subprocess.CalledProcessError) as error:  # a machine on which only root may do anything
            not_available("PostgreSQL", f"initdb ends with {error}")

        def start() -> None:
            _run([tool, "-D", data, "-w", "-l", Path(folder) / "log", "-o", options, "start"], user, folder)

        def stop() -> None:
            _run([tool, "-D", data, "-w", "-m", "immediate", "stop"], user, folder)

        def restart() -> None:
            stop()
            start()

        start()
        try:
            yield Postgres(f"postgresql://{_USER}@/postgres?host={folder}", restart)
        finally:
            stop()


def _run(command: list[str | Path], user: str | None, folder: str) -> None:
    subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)  # noqa: S603  # our own command
