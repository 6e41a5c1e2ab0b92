"""Tools that are run for us: what they print, or the error that says what they said."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


def run(command: Sequence[str], folder: Path, failed: type[Exception], **environment: str) -> str:
    """What a command prints that is run in a folder, with more of an environment. Raises `failed` where it fails."""
    done = subprocess.run(  # noqa: S603  # our own commands
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"{' '.join(command[:4])} failed: {(done.stderr + done.stdout).strip()[-1500:]}"
        raise failed(msg)
    return done.stdout
