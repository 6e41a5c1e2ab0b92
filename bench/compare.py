"""`python -m bench.compare [COMMIT] [--compiled]`: how fast one patient is, beside an earlier commit, in one run.

The commit is taken out of git into build/compare, with an environment of the packages that it locks. Both commits work
on the same patients, turn by turn in small parts, and of each part the quickest of several rounds counts, in time of
the processor: so what else the machine does changes the ratio little. `--compiled`: what is compiled of the present
sources too (`compiled.build`, which takes minutes where it is not there yet).
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from rich.console import Console
from rich.table import Table

from adapter.evaluator import indications
from adapter.record import read_record
from adapter.screening.setup import SiteConfig, load_setup
from bench.patients import patients
from compiled.build import tree as compiled_tree

EARLIER = "bd3b94f"
"""What the goals for speed refer to."""

PART = 10
ROOT = Path(__file__).resolve().parent.parent
_WORKER = Path(__file__).with_name("compare_worker.py")
_RUNS = (
    ("read a record", "strict", "one", "read"),
    ("one trial", "strict", "one", "full"),
    ("five trials", "strict", "all", "full"),
    ("one trial, problem-list", "problem-list", "one", "full"),
    ("five trials, problem-list", "problem-list", "all", "full"),
)


AS_OF = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
_COHORT = 50
_INDICATED, _UNCLEAR = 2, 10
_UNKNOWN = {"coding": [{"system": "http://example.org/codes", "code": "x1"}]}


def main() -> None:
    """Measure, and print a table; or say why it can't be."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("commit", nargs="?", default=EARLIER, help="an earlier commit")
    parser.add_argument("--patients", type=int, default=160)
    parser.add_argument("--resources", type=int, default=60, help="resources a patient, at most")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--compiled", action="store_true", help="what is compiled, too")
    chosen = parser.parse_args()
    try:
        python, tree = earlier(chosen.commit)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        Console().print(f"Not measured beside {chosen.commit}: {' '.join(str(said).split())[-300:]}", markup=False)
        return
    with TemporaryDirectory() as folder, ExitStack() as stack:
        clear, unclear = screened(chosen.resources)
        everyone = [*patients(chosen.patients, chosen.resources), *clear, *unclear]
        for number, content in enumerate(everyone):
            (Path(folder) / f"{number:04}.json").write_bytes(content)
        workers = [stack.enter_context(worker(python, tree, _WORKER, folder))]
        trees = {"now": ROOT, **({"compiled": compiled_tree()} if chosen.compiled else {})}
        workers.extend(
            stack.enter_context(worker(Path(sys.executable), each, _WORKER, folder)) for each in trees.values()
        )
        columns = [column for name in trees for column in (name, "times as fast")]
        table = Table("bytes to verdict with evidence", chosen.commit, *columns, title="One core")
        for name, policy, which, what in _RUNS:
            where = range(0, chosen.patients, PART)
            table.add_row(name, *_told(_each(workers, (policy, which, what), where, chosen.rounds), where))
        for place, name in enumerate(("screening, 4 % indicated", "screening, 20 % of them unclear")):
            first = chosen.patients + place * _COHORT
            where = range(first, first + _COHORT, PART)
            table.add_row(name, *_told(_each(workers, ("strict", "all", "screen"), where, chosen.rounds), where))
        Console().print(table)


def screened(resources: int) -> tuple[list[bytes], list[bytes]]:
    """A cohort of whom few have a disease of the trials, and the same with diagnoses that nobody has classified."""
    setup = load_setup(SiteConfig(), None)
    having: list[bytes] = []
    others: list[bytes] = []
    for content in patients(4 * _COHORT, resources):
        record = read_record(content, setup.terminology)
        found = indications(setup.bounds, record, AS_OF, setup.policy)
        if any(indicated for indicated, _ in found):
            having.append(content)
        elif not any(unclear for _, unclear in found):
            others.append(content)
    clear = [*having[:_INDICATED], *others[: _COHORT - _INDICATED]]
    with_unclear = [_unclassified(each) for each in clear[-_UNCLEAR:]]
    return clear, [*clear[:-_UNCLEAR], *with_unclear]


def _unclassified(content: bytes) -> bytes:
    """The patient with one more diagnosis, of a code that nobody knows."""
    bundle = json.loads(content)
    person = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient")
    subject = {"reference": f"Patient/{person['id']}"}
    diagnosis = {"resourceType": "Condition", "id": "unclear", "subject": subject, "code": _UNKNOWN}
    bundle["entry"].append({"resource": diagnosis})
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def earlier(commit: str) -> tuple[Path, Path]:
    """The interpreter and the tree of a commit; made where they are not there yet."""
    named = _run("git", "-C", str(ROOT), "rev-parse", "--short=12", f"{commit}^{{commit}}").strip()
    tree = ROOT / "build" / "compare" / named
    python = tree / ".venv" / "bin" / "python"
    done = tree / ".whole"
    if not done.exists():
        tree.mkdir(parents=True, exist_ok=True)
        archive = tree.with_suffix(".tar")
        _run("git", "-C", str(ROOT), "archive", "--output", str(archive), named)
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
def worker(python: Path, tree: Path, script: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A script in a tree of the project, which answers lines; it is ready."""
    environment: Mapping[str, str] = {
        "PYTHONPATH": str(tree),
        "PATH": os.defpath,
        "PYTHONHASHSEED": "0",
        "TMPDIR": gettempdir(),  # where it writes: on some disks a file costs more than all that is reckoned
    }
    command = (str(python), str(script), *arguments)
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


def asked(process: subprocess.Popen[str], *request: object) -> float:
    """The seconds that a worker answers to a request."""
    if process.stdin is not None:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
    return float(_answer(process))


def _told(spent: list[float], where: range) -> list[str]:
    """Microseconds a patient before, and of each of the others, and how many times as fast it is."""
    before, *others = (1e6 * seconds / (len(where) * PART) for seconds in spent)
    return [f"{before:,.0f} us", *(cell for each in others for cell in (f"{each:,.0f} us", f"{before / each:.2f}"))]


def _each(
    workers: Sequence[subprocess.Popen[str]], run: tuple[str, str, str], parts: range, rounds: int
) -> list[float]:
    """Seconds of each worker over all parts, the quickest of each part; who begins changes from part to part."""
    best = [dict.fromkeys(parts, float("inf")) for _ in workers]
    for turn in range(rounds):
        for first in parts:
            order = list(enumerate(workers))
            for place, each in order[:: 1 if (turn + first // PART) % 2 else -1]:
                best[place][first] = min(best[place][first], asked(each, *run, first, first + PART))
    return [sum(each.values()) for each in best]


if __name__ == "__main__":
    main()
