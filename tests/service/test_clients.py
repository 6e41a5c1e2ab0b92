"""Clients as others write them: Medplum's for CDS Hooks, and the examples of docs/clients, in TypeScript and Python."""

import fcntl
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.needs import not_available
from tests.service.serving import TOKEN, Served, serving
from tests.unit.screening.records import bundle, condition, ecog, of, patient

HERE = Path(__file__).parent / "clients"
EXAMPLES = ROOT / "docs" / "clients"
WORK = ROOT / "build" / "clients"
RESOURCES = [patient(), condition("c1", of()), ecog("e1", of(), 1)]


def run(*command: str, cwd: Path | None = None) -> str:
    """What a program printed; it must do what it was asked for."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603  # our own commands
    assert done.returncode == 0, f"{done.stdout[-1000:]}{done.stderr[-1000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def node() -> Path:
    """A folder with what the clients need; their programs are run there."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        not_available("Node", "node and npm are not installed")
    version = run("node", "--version").removeprefix("v")
    if int(version.partition(".")[0]) < 20:  # of Medplum's client
        not_available("Node", f"it is {version}, and 20 or later is needed")
    WORK.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", WORK)
    with (WORK / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, made = HERE / "package-lock.json", WORK / "package-lock.json"
        if not made.exists() or made.read_bytes() != wanted.read_bytes() or not (WORK / "node_modules").exists():
            shutil.copy(wanted, made.with_suffix(".new"))
            made.with_suffix(".new").replace(made)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            installed = subprocess.run(  # noqa: S603  # npm with constant arguments
                command, cwd=WORK, capture_output=True, text=True, timeout=300, check=False
            )
            if installed.returncode:
                made.unlink()
                not_available("clients", f"npm ci failed: {(installed.stderr.splitlines() or ['no message'])[0]}")
    return WORK


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A service that asks nobody who they are."""
    with serving() as service:
        yield service


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    """A service that wants a token."""
    with serving(API_TOKENS=TOKEN) as service:
        yield service


def test_medplum_shows_our_cards(node: Path, served: Served, tmp_path: Path) -> None:
    """Of every service; its own client makes the prefetch of our templates, and takes what we answer."""
    file = tmp_path / "record.json"
    file.write_text(json.dumps(RESOURCES))
    program = shutil.copy(HERE / "medplum.mjs", node)
    answer: dict[str, Any] = json.loads(run("node", str(program), served.address, str(file), cwd=node))
    assert set(answer["called"]) == {"patient-view", "encounter-start", "order-select"}
    for called in answer["called"].values():
        summaries = [card["summary"] for card in called["cards"]]
        assert any("May qualify for NCT04785833" in each for each in summaries)
    assert "Condition?patient=p1" in answer["asked"]


def decisions(printed: str) -> dict[str, str]:
    """What an example printed: a line each study."""
    return dict(re.findall(r"^(\S+): (\S+)", printed, re.MULTILINE))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A file with a record."""
    file = tmp_path / "record.json"
    file.write_bytes(bundle(*RESOURCES))
    return file


@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_python_example(request: pytest.FixtureRequest, record: Path, token: str | None) -> None:
    """It prints a decision for each study, and what is open."""
    service: Served = request.getfixturevalue("guarded" if token else "served")
    said = run(sys.executable, str(EXAMPLES / "evaluate.py"), service.address, str(record), *([token] if token else []))
    assert len(decisions(said)) == 5  # trials that are shipped
    assert decisions(said)["nct04785833"] == "potential-candidate"
    assert "I3 Expected survival" in said


def test_the_typescript_example(node: Path, guarded: Served, record: Path) -> None:
    """It compiles without a complaint, strictly, and prints the same."""
    program = shutil.copy(EXAMPLES / "evaluate.ts", node)
    strictly = ("--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext")
    run("node", "node_modules/typescript/bin/tsc", *strictly, "--types", "node", str(program), cwd=node)
    said = run("node", "evaluate.js", guarded.address, str(record), TOKEN, cwd=node)
    python = run(sys.executable, str(EXAMPLES / "evaluate.py"), guarded.address, str(record), TOKEN)
    assert said == python
