"""The command line in a process of its own: its streams, its environment, and the signals that it gets."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.waiting import wait_until
from tests.unit.screening.records import bundle, condition, of, patient

Write = Callable[[str, bytes], Path]
COMMAND = [sys.executable, "-c", "import sys; from adapter.cli import main; sys.exit(main())"]
PATIENCE = 120
"""Seconds after which a process should long have done what it is to do."""


def command(*arguments: object, **options: object) -> "subprocess.CompletedProcess[bytes]":
    """The command line in a process of its own."""
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, check=False, **options)  # type: ignore[call-overload,no-any-return]  # noqa: S603


def test_a_reader_that_has_had_enough_is_no_error(write: Write) -> None:
    """`trial-adapter … | head -1` says nothing on stderr."""
    record = write("p1.json", bundle(patient(), condition("c1", of())))
    arguments = ["evaluate", "--study", "4scar7u", "--patient", str(record), "--format", "json"]
    inner = f"import sys; from adapter.cli import main; sys.exit(main({arguments}))"
    script = f'"{sys.executable}" -c "{inner}" | head -c 1; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, check=True)  # noqa: S603
    assert (done.stdout, done.stderr) == (b"{0\n", b"")


def test_a_terminal_without_utf_8_is_no_error(write: Write) -> None:
    """A mark that it can't show becomes another one: a question mark says that a criterion is open."""
    record = write("p1.json", bundle(patient(), condition("c1", of())))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = command("evaluate", "--study", "4scar7u", "--patient", record, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"+ I1   Older than 6 months  [met]" in done.stdout


def test_the_same_record_gives_the_same_bytes_in_every_process(write: Write) -> None:
    """Invariant 3: no order of sets, no clock and no chance comes into a verdict."""
    record = write("p1.json", bundle(patient(), condition("c1", of())))
    arguments = ("evaluate", "--study", "4scar7u", "--patient", record, "--as-of", "2026-03-01", "--format", "json")
    outputs = {command(*arguments, env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in ("1", "2")}
    assert len(outputs) == 1
    assert json.loads(outputs.pop())["study"] == "4scar7u"


def test_a_build_is_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Whoever publishes a trial again sees what has changed in it, and nothing else."""
    for seed in ("1", "2"):
        command("build", "cd7-cart01", "--out", tmp_path / seed, env={**os.environ, "PYTHONHASHSEED": seed})
    one, other = ({each.name: each.read_bytes() for each in (tmp_path / seed).iterdir()} for seed in ("1", "2"))
    assert "Library-EligibilityCodes.json" in one
    assert [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)] == []


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(tmp_path: Path, closed: str) -> None:
    """As schedulers start commands: nobody reads what is said, and no file takes the stream's place."""
    line = f'exec "$@" {closed}'
    wanted = [*COMMAND, "build", "cd7-cart01", "--out", str(tmp_path)]
    done = subprocess.run(["sh", "-c", line, "sh", *wanted], capture_output=True, check=False)  # noqa: S603, S607
    assert (done.returncode, done.stderr) == (0, b"")
    assert (b"resources in" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))


@contextmanager
def started(*arguments: object, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A command in a process group of its own, as a shell starts it; ended with the block, whatever happens."""
    process = subprocess.Popen(  # noqa: S603  # our own command
        [*COMMAND, *map(str, arguments)],
        env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def interrupted(process: "subprocess.Popen[bytes]") -> tuple[int, bytes]:
    """Exit code and stderr after Ctrl-C, which the terminal sends to the process and its children."""
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1]
    return process.returncode, said


def test_ctrl_c_while_a_server_is_asked() -> None:
    """No traceback, and the exit code that shells know."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/fhir"
        server.settimeout(PATIENCE)
        with started("evaluate", "--study", "4scar7u", "--patient", "p1", "--server", url) as process:
            connection, _ = server.accept()  # it asks, and waits for an answer
            with connection:
                assert interrupted(process) == (130, b"")


def test_ctrl_c_while_several_processes_screen(write: Write, tmp_path: Path) -> None:
    """Neither the process nor its children, some of which are still being started, show a traceback."""
    for number in range(50):
        source = write(f"source/p{number}.json", bundle(patient(f"p{number}"), condition("c1", of(f"p{number}"))))
    with started("screen", "--source", source.parent, "--out", tmp_path / "out", "--jobs", "2") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_until(lambda: len(children.read_text().split()) > 1, seconds=PATIENCE, pause=0.01)
        code, said = interrupted(process)
    assert (code, b"Traceback" in said) == (130, False), said.decode()


def test_a_screening_that_is_stopped_leaves_no_patient_data(write: Write, tmp_path: Path) -> None:
    """By SIGTERM, as a scheduler stops it: it ends by that signal, and its temporary folders are gone."""
    for number in range(400):
        source = write(f"source/p{number}.json", bundle(patient(f"p{number}"), condition("c1", of(f"p{number}"))))
    out = tmp_path / "out"
    with started("screen", "--source", source.parent, "--out", out, "--all") as process:
        wait_until(lambda: any(out.glob(".grouping-*/resources.sqlite")), seconds=PATIENCE, pause=0.01)
        process.terminate()
        said = process.communicate(timeout=PATIENCE)[1]
    assert (process.returncode, b"Traceback" in said) == (-signal.SIGTERM, False), said.decode()
    assert list(out.iterdir()) == []


def test_ctrl_c_ends_the_service() -> None:
    """What has begun is finished; that somebody stops it is no error."""
    with started("serve", "--port", "0") as process:
        assert process.stderr is not None
        while b"running on" not in (line := process.stderr.readline()):
            assert line, "it ended before it served"
        code, said = interrupted(process)
    assert (code, b"Traceback" in said) == (130, False), said.decode()
