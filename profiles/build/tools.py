"""Programs that the build calls."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

NEEDED = ("node", "npm", "java", "mvn")
LONGEST = 600
"""Seconds after which a program is given up."""


class BuildError(Exception):
    """The package can't be built; the text says why, and what to do."""


def missing() -> list[str]:
    """The needed programs that aren't there."""
    return [name for name in NEEDED if shutil.which(name) is None]


def run(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program printed. Raises BuildError if it isn't there, fails, or takes too long."""
    if shutil.which(command[0]) is None:
        msg = f"{command[0]} is not installed; install it (Node 20, npm, Java 17 and Maven are needed)"
        raise BuildError(msg)
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
