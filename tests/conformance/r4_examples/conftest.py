"""The official examples of FHIR R4, fetched once with npm (package hl7.fhir.r4.examples, licence CC0-1.0)."""

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from tests.needs import not_available

PACKAGE = "hl7.fhir.r4.examples@4.0.1"
FOLDER = Path(__file__).parents[3] / "build" / "r4-examples"
ARCHIVE = FOLDER / "hl7.fhir.r4.examples-4.0.1.tgz"
SHA256 = "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682"


@dataclass(frozen=True, slots=True)
class Example:
    """One example resource: its file, its type, its JSON."""

    file: str
    type: str
    data: bytes


class _Head(msgspec.Struct):
    resourceType: str | None = None  # noqa: N815  # FHIR element name


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Every JSON resource of the package.

    Skips where npm can't fetch it, but fails where CI is set: there it must be available.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist: one worker fetches, the others wait
        if not ARCHIVE.exists():
            _fetch()
    if hashlib.sha256(ARCHIVE.read_bytes()).hexdigest() != SHA256:
        pytest.fail(f"{ARCHIVE} is not the package that these tests were written for; delete it and run them again")
    return [
        Example(name, kind, data)
        for name, data in _files(ARCHIVE)
        if name.endswith(".json") and (kind := msgspec.json.decode(data, type=_Head).resourceType) is not None
    ]


def _files(archive: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        members = [(member, tar.extractfile(member)) for member in tar if member.isfile()]
        return [(member.name.rpartition("/")[2], content.read()) for member, content in members if content is not None]


def _fetch() -> None:
    npm = shutil.which("npm")
    if npm is None:
        not_available("R4 examples", "npm is not installed")
    command = [npm, "pack", "--loglevel=error", PACKAGE]
    try:
        run = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  # npm with constant arguments
    except subprocess.TimeoutExpired:
        not_available("R4 examples", f"npm pack {PACKAGE} took too long")
    if run.returncode or not ARCHIVE.exists():
        not_available(
            "R4 examples", f"npm pack {PACKAGE} failed: {(run.stderr.strip() or 'no message').splitlines()[0]}"
        )
