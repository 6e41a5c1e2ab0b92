"""`python -m bench.compare [COMMIT]`: how fast one patient is, beside an earlier commit, in one run.

The commit is taken out of git into build/compare, with an environment of the packages that it locks. Both commits work
on the same patients, turn by turn in small parts, and of each part the quickest of several rounds counts, in time of
the processor: so what else the machine does changes the ratio little.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.patients import patients

EARLIER = "bd3b94f"
"""What the goals for speed refer to."""

PART = 10
_ROOT = Path(__file__).resolve().parent.parent
_WORKER = Path(__file__).with_name("compare_worker.py")
_RUNS = (
    ("read a record", "strict", "one", "read"),
    ("one trial", "strict", "one", "full"),
    ("five trials", "strict", "all", "full"),
    ("one trial, problem-list", "problem-list", "one", "full"),
    ("five trials, problem-list", "problem-list", "all", "full"),
)


def main() -> None:
    """Measure, and print a table; or say why it can't be."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("commit", nargs="?", default=EARLIER, help="an earlier commit")
    parser.add_argument("--patients", type=int, default=160)
    parser.add_argument("--resources", type=int, default=60, help="resources a patient, at most")
    parser.add_argument("--rounds", type=int, default=4)
    chosen = parser.parse_args()
    try:
        python, tree = _earlier(chosen.commit)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        Console().print(f"Not measured beside {chosen.commit}: {' '.join(str(said).split())[-300:]}", markup=False)
        return
    with TemporaryDirectory() as folder, ExitStack() as stack:
        for number, content in enumerate(patients(chosen.patients, chosen.resources)):
            (Path(folder) / f"{number:04}.json").write_bytes(content)
        before = stack.enter_context(_worker(python, tree, folder))
        after = stack.enter_context(_worker(Path(sys.executable), _ROOT, folder))
        table = Table("bytes to verdict with evidence", chosen.commit, "now", "times as fast", title="One core")
        for name, policy, which, what in _RUNS:
            spent = _both((before, after), (policy, which, what), chosen.patients, chosen.rounds)
            each = [1e6 * seconds / chosen.patients for seconds in spent]
            table.add_row(name, *[f"{micro:,.0f} us" for micro in each], f"{each[0] / each[1]:.2f}")
        Console().print(table)


def _earlier(commit: str) -> tuple[Path, Path]:
    """The interpreter and the tree of a commit; made where they are not there yet."""
    named = _run("git", "-C", str(_ROOT), "rev-parse", "--short=12", f"{commit}^{{commit}}").strip()
    tree = _ROOT / "build" / "compare" / named
    python = tree / ".venv" / "bin" / "python"
    done = tree / ".whole"
    if not done.exists():
        tree.mkdir(parents=True, exist_ok=True)
        archive = tree.with_suffix(".tar")
        _run("git", "-C", str(_ROOT), "archive", "--output", str(archive), named)
        _run("tar", "-x", "-C", str(tree), "-f", str(archive))
        archive.unlink()
        _run(sys.executable, "-m", "venv", str(tree / ".venv"))
        pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
        _run(*pip, "-r", str(tree / "requirements.txt"))
        done.touch()
    return python, tree


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # commands of ours


@contextmanager
def _worker(python: Path, tree: Path, folder: str) -> Iterator[subprocess.Popen[str]]:
    environment: Mapping[str, str] = {"PYTHONPATH": str(tree), "PATH": os.defpath, "PYTHONHASHSEED": "0"}
    command = (str(python), str(_WORKER), folder)
    with subprocess.Popen(  # noqa: S603  # a command of ours
        command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        _answer(process)
        yield process
        if process.stdin is not None:
            process.stdin.close()


def _answer(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        msg = "the worker of one of the commits ended; run bench/compare_worker.py by hand to see why"
        raise SystemExit(msg)
    return line


def _asked(process: subprocess.Popen[str], *request: object) -> float:
    if process.stdin is not None:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    return float(_answer(process))


def _both(
    workers: tuple[subprocess.Popen[str], ...], run: tuple[str, str, str], count: int, rounds: int
) -> list[float]:
    """Seconds of each worker over all parts, the quickest of each part; who begins changes from part to part."""
    parts = range(0, count, PART)
    best = [dict.fromkeys(parts, float("inf")) for _ in workers]
    for turn in range(rounds):
        for first in parts:
            order = list(enumerate(workers))
            for place, worker in order[:: 1 if (turn + first // PART) % 2 else -1]:
                best[place][first] = min(best[place][first], _asked(worker, *run, first, first + PART))
    return [sum(each.values()) for each in best]


if __name__ == "__main__":
    main()
