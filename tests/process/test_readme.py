"""The commands of the README run as somebody pastes them, after `make demo` and with the environment active."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.cohort import cohort
from tests.conftest import ROOT

SHELL = re.findall(r"```sh\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
RUN = [block for block in SHELL if re.match(r"trial-adapter ", block)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder after `make demo`."""
    made = tmp_path_factory.mktemp("readme")
    (made / "build/demo/cohort").mkdir(parents=True)
    for patient, _, data in cohort(30):
        (made / f"build/demo/cohort/{patient}.json").write_bytes(data)
    return made


@pytest.mark.parametrize("block", RUN, ids=["using it", "the service"])
def test_the_commands_run(block: str, folder: Path) -> None:
    """Each of them ends well; the service on a port that is free on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = block.replace("serve &", f"serve --port {port} &").replace(":8080/", f":{port}/")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["/bin/bash", "-euo", "pipefail", "-c", script]
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=300, check=False)  # noqa: S603  # ours
    assert done.returncode == 0, done.stderr.decode()
