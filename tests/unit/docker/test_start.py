"""docker/hapi/start.sh refuses what it can't mean, before it builds or starts anything."""

import subprocess

import pytest

from tests.unit.docker.files import DOCKER


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "1g"], "--data 1g looks like a memory size: that is JAVA_XMX=1g; a folder of that name is ./1g"),
        (["--data", "512MiB"], "looks like a memory size"),
        (["8090", "mem"], "'8090' is no option"),
        (["--port"], "--port needs a value"),
        (["--port", "70000"], "--port 70000 is no port"),
        (["--port", "mem"], "--port mem is no port"),
    ],
    ids=" ".join,
)
def test_what_start_refuses(arguments: list[str], said: str) -> None:
    """With its usage, and the exit code of wrong usage."""
    command = [str(DOCKER / "hapi/start.sh"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  # our own script
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.endswith("usage: start.sh [--port N] [--data DIR]\n")
