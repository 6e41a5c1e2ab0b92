"""FSH -> StructureDefinitions, CodeSystems and ValueSets, by SUSHI, without a FHIR registry.

SUSHI looks for the package hl7.fhir.r4.core in a cache below its home. It is made from the definitions that HAPI ships
(profiles/r4-core). Home, cache and SUSHI itself are in build/profiles, and are kept while their sources stay the same.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from adapter.fhir.elements import Json
from mappings.trial.fhir import decode

LONGEST = 600
"""Seconds after which a program is given up."""


class BuildError(Exception):
    """The package can't be built; the text says why, and what to do."""


class UnavailableError(BuildError):
    """A program is not installed, or what it is built from can't be fetched."""


def need(*programs: str) -> None:
    """Raise UnavailableError unless all of them are installed."""
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        msg = f"{', '.join(absent)} not installed; Node 18 or later with npm, and Java 17 with Maven are needed"
        raise UnavailableError(msg)


def run(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program printed. Raises BuildError if it fails or takes too long."""
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


PROFILES = Path(__file__).parents[1]
CORE = PROFILES / "r4-core"
WORK = PROFILES.parent / "build" / "profiles"
HOME = WORK / "home"
R4 = HOME / ".fhir" / "packages" / "hl7.fhir.r4.core#4.0.1" / "package"
NOWHERE = "http://127.0.0.1:9"
"""Instead of a FHIR registry: a build that fetched the latest of anything would not be the same tomorrow."""


def compiled() -> list[Json]:
    """What SUSHI makes of the FSH sources.

    Raises UnavailableError where SUSHI can't run, and BuildError with its words where it finds something wrong.
    """
    need("node", "npm", "java", "mvn")
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # builds at the same time share the tools
        _made(R4, [CORE / "pom.xml", *CORE.glob("src/**/*.java")], _make_r4)
        _made(WORK / "node_modules", [PROFILES / "package-lock.json"], _install_sushi)
        return _compile()


def _compile() -> list[Json]:
    out = WORK / "compiled"
    shutil.rmtree(out, ignore_errors=True)
    environment = {**os.environ, "HOME": str(HOME), "FPL_REGISTRY": NOWHERE}
    sushi = str(WORK / "node_modules" / ".bin" / "sushi")
    said = run(sushi, "build", "--snapshot", "--out", str(out), str(PROFILES), cwd=WORK, env=environment)
    warnings = [line for line in said.splitlines() if line.startswith("warn") and NOWHERE not in line]
    if warnings:
        msg = "\n".join(["SUSHI warns:", *warnings])
        raise BuildError(msg)
    return [decode(file.read_bytes()) for file in sorted((out / "fsh-generated" / "resources").glob("*.json"))]


def _made(folder: Path, sources: list[Path], make: Callable[[], None]) -> None:
    """Make a folder unless it was made, to its end, from the same sources."""
    stamp = folder.with_name(f".{folder.name}-made-from")
    content = sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()
    if folder.is_dir() and stamp.is_file() and stamp.read_text() == content:
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        make()
    except BuildError as error:  # most often the network
        raise UnavailableError(str(error)) from error
    stamp.write_text(content)


def _make_r4() -> None:
    run("mvn", "-B", "-q", "process-classes", cwd=CORE)
    jars = os.pathsep.join(("target/classes", "target/dependency/*"))
    run("java", "-cp", jars, "r4core.R4Core", str(R4), cwd=CORE)


def _install_sushi() -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PROFILES / name, WORK)
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", cwd=WORK)
