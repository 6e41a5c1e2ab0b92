"""The CQL engine as another process: a patient in, the values of all expressions out."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

ENGINE = Path(__file__).parent / "runner"

Values = Mapping[str, Mapping[str, Any]]
"""Library -> expression -> true, false, None, a text, or an object with the engine's `error`."""


@dataclass(frozen=True)
class Engine:
    """A running engine with some libraries compiled. `expressions`: those of each library."""

    expressions: Mapping[str, Sequence[str]]
    questions: IO[str]
    answers: IO[str]

    def evaluate(self, bundle: bytes, as_of: str) -> Values:
        """The values for the one patient of a Bundle in JSON; `as_of` is an instant in UTC."""
        self.questions.write(f"{as_of}\t{bundle.decode().strip()}\n")
        self.questions.flush()
        found: Values = _answer(self.answers)
        return found


def _answer(answers: IO[str]) -> Any:  # noqa: ANN401  # JSON
    line = answers.readline()
    if not line:
        msg = "the CQL engine has ended; what was wrong stands on its standard error"
        raise RuntimeError(msg)
    return json.loads(line)


@contextmanager
def running(
    folder: Path, libraries: Sequence[str], *, cores: str | None = None, quick: bool = False
) -> Iterator[Engine]:
    """An engine with the libraries of a folder, built if needed; it ends with the block.

    `cores`: as taskset has them. `quick`: compile little, for few patients.
    """
    subprocess.run([str(ENGINE / "build.sh")], check=True)  # noqa: S603  # ours
    pinned = ["taskset", "--cpu-list", cores] if cores else []
    places = f"{ENGINE}/target/classes:{ENGINE}/target/dependency/*"
    options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] if quick else []
    command = [
        *pinned,
        "java",
        *options,
        "-Xss16m",
        "-Duser.timezone=UTC",
        "-cp",
        places,
        "cqlengine.Main",
        str(folder),
        *libraries,
    ]
    with subprocess.Popen(  # noqa: S603  # ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Engine(_answer(process.stdout), process.stdin, process.stdout)
        finally:
            process.stdin.close()


def need_java() -> None:
    """Skip where Java or Maven is missing; fail where that must not be (`CI`)."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{' and '.join(missing)} not found: the CQL engine can't run")
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found: the CQL engine can't run")
