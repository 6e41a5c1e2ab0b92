"""Programs that the build calls."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

LONGEST = 600
"""Seconds after which a program is given up."""


class BuildError(Exception):
    """The package can't be built; the text says why, and what to do."""


class UnavailableError(BuildError):
    """A program is not installed, or what it is built from can't be fetched."""


def need(*programs: str) -> None:
    """Raise UnavailableError unless all of them are installed."""
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        msg = f"{', '.join(absent)} not installed; Node 18 or later with npm, and Java 17 with Maven are needed"
        raise UnavailableError(msg)


def run(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program printed. Raises BuildError if it fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  # constant commands of this build
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{' '.join(command)} took longer than {LONGEST} seconds"
        raise BuildError(msg) from error
    if done.returncode:
        msg = f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
        raise BuildError(msg)
    return done.stdout
