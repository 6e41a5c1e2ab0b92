"""The command line in a process of its own: its streams, its environment, and the signals that it gets."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.unit.screening.records import bundle, condition, of, patient

Write = Callable[[str, bytes], Path]


def command(*arguments: object, **options: object) -> "subprocess.CompletedProcess[bytes]":
    """The command line in a process of its own."""
    line = [sys.executable, "-c", "import sys; from adapter.cli import main; sys.exit(main())", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, check=False, **options)  # type: ignore[call-overload,no-any-return]  # noqa: S603


def test_a_reader_that_has_had_enough_is_no_error(write: Write) -> None:
    """`trial-adapter … | head -1` says nothing on stderr."""
    record = write("p1.json", bundle(patient(), condition("c1", of())))
    arguments = ["evaluate", "--study", "4scar7u", "--patient", str(record), "--format", "json"]
    inner = f"import sys; from adapter.cli import main; sys.exit(main({arguments}))"
    script = f'"{sys.executable}" -c "{inner}" | head -c 1; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, check=True)  # noqa: S603
    assert (done.stdout, done.stderr) == (b"{0\n", b"")


def test_a_terminal_without_utf_8_is_no_error(write: Write) -> None:
    """Marks that it can't show become question marks."""
    record = write("p1.json", bundle(patient(), condition("c1", of())))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = command("evaluate", "--study", "4scar7u", "--patient", record, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"? I1   Older than 6 months  [met]" in done.stdout


def test_the_same_record_gives_the_same_bytes_in_every_process(write: Write) -> None:
    """Invariant 3: no order of sets, no clock and no chance comes into a verdict."""
    record = write("p1.json", bundle(patient(), condition("c1", of())))
    arguments = ("evaluate", "--study", "4scar7u", "--patient", record, "--as-of", "2026-03-01", "--format", "json")
    outputs = {command(*arguments, env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in ("1", "2")}
    assert len(outputs) == 1
    assert json.loads(outputs.pop())["study"] == "4scar7u"
