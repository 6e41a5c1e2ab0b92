"""Puts a release together in dist/, without making anything up: what it can't know it leaves out, or refuses.

    python -m ops.release [--image-metadata FILE]

dist/ then has the wheel and the source archive (built twice, and refused if the bytes differ), the locked
requirements, the list of what the product is made of (CycloneDX), the licences, the FHIR package, with
`--image-metadata` (what `docker buildx build --push --metadata-file FILE` wrote) the manifests that name the image by
its digest, and SHA256SUMS of all. Nothing is signed here: `make sign` does that with the maintainers' key.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.command import run

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
SOURCES = ("adapter", "mappings", "profiles", "docs", "pyproject.toml", "README.md", "LICENSE", ".gitignore")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==\S+(.*)$", re.MULTILINE)
_SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What packages call their licence, by its SPDX name; BSD where they don't say which of them."""


class ReleaseError(Exception):
    """Why there is no release."""


def licences(requirements: Path = ROOT / "requirements.txt") -> dict[str, str]:
    """The licence of every package that the product needs, as the package itself says it.

    Raises ReleaseError for one that says none.
    """
    found = {}
    for name, rest in _PINNED.findall(requirements.read_text(encoding="utf-8")):
        if "sys_platform == 'win32'" in rest:
            continue
        said = importlib.metadata.metadata(name)
        classified = [
            each.split(" :: ")[-1] for each in said.get_all("Classifier", []) if each.startswith("License ::")
        ]
        stated = [*said.get_all("License-Expression", []), *classified, *said.get_all("License", [])]
        plain = next(iter(stated), "")
        if not plain:
            msg = f"{name} does not say under which licence it is"
            raise ReleaseError(msg)
        found[name] = _SPDX.get(plain, plain)
    return found


def licence_table() -> str:
    """The same as a table of Markdown."""
    rows = [f"| {name} | {licence} |" for name, licence in licences().items()]
    return "\n".join(["| package | licence |", "|---|---|", *rows, ""])


def build(into: Path) -> list[Path]:
    """The wheel and the source archive, of a copy of the sources without anything that this machine has beside them."""
    with TemporaryDirectory() as folder:
        for name in SOURCES:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            else:
                shutil.copyfile(source, target)
        for each in ROOT.glob("*.md"):
            shutil.copyfile(each, Path(folder) / each.name)
        command = [sys.executable, "-m", "hatchling", "build", "--directory", str(into)]
        run(command, Path(folder), ReleaseError, SOURCE_DATE_EPOCH=_epoch())
    return sorted(into.iterdir())


def check_twice(into: Path) -> list[Path]:
    """Build twice, compare, keep one. Raises ReleaseError where the bytes differ."""
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        first, second = build(Path(one)), build(Path(other))
        if [(each.name, _sha256(each)) for each in first] != [(each.name, _sha256(each)) for each in second]:
            msg = f"two builds differ: {', '.join(each.name for each in first)}"
            raise ReleaseError(msg)
        into.mkdir(exist_ok=True)
        return [Path(shutil.copy(each, into)) for each in first]


def manifests(metadata: Path, into: Path) -> None:
    """Kubernetes' manifests with the image that was pushed, by its digest. Raises ReleaseError where none is said."""
    try:
        said = json.loads(metadata.read_bytes())
    except (OSError, ValueError) as error:
        msg = f"{metadata} can't be read ({type(error).__name__}); docker buildx build --metadata-file writes it"
        raise ReleaseError(msg) from None
    digest, name = said.get("containerimage.digest", ""), said.get("image.name", "").split(",")[0]
    repository = re.sub(r":[^:/]+$", "", name)
    if not _DIGEST.fullmatch(digest) or not repository:
        msg = f"{metadata} does not say image.name and containerimage.digest; docker buildx build --push writes both"
        raise ReleaseError(msg)
    folder = into / "kubernetes"
    shutil.copytree(ROOT / "ops/kubernetes", folder)
    with (folder / "kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write(f"images:\n  - name: fhir-trial-adapter\n    newName: {repository}\n    digest: {digest}\n")
    (into / "image.txt").write_text(f"{repository}@{digest}\n", encoding="utf-8")


def release(image_metadata: Path | None = None) -> None:
    """Everything, into an empty dist/. Raises ReleaseError."""
    sbom = ROOT / "build/sbom.json"
    if not sbom.is_file():
        msg = "build/sbom.json is not there; run: make release"
        raise ReleaseError(msg)
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    check_twice(DIST)
    shutil.copy(sbom, DIST / "sbom.cyclonedx.json")
    shutil.copy(ROOT / "requirements.txt", DIST)
    shutil.copy(ROOT / "profiles/package.tgz", DIST / "fhir-package.tgz")
    (DIST / "licences.md").write_text(licence_table(), encoding="utf-8")
    if image_metadata is not None:
        manifests(image_metadata, DIST)
    lines = [f"{_sha256(each)}  {each.relative_to(DIST)}\n" for each in _files(DIST)]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.rglob("*")) if each.is_file())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _epoch() -> str:
    """The time that archives are given: the commit's, or what the environment says."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    return said or run(["git", "log", "-1", "--format=%ct"], ROOT, ReleaseError).strip() or "315532800"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ops.release", description="Put a release together in dist/.")
    parser.add_argument("--image-metadata", type=Path, metavar="FILE", help="what docker buildx --metadata-file wrote")
    parser.add_argument("--wheel", action="store_true", help="only build, twice, and compare")
    parser.add_argument("--licences", action="store_true", help="only show the licences")
    said = parser.parse_args(arguments)
    try:
        if said.licences:
            sys.stdout.write(licence_table())
            return 0
        if said.wheel:
            sys.stdout.write("".join(f"{_sha256(each)}  {each}\n" for each in check_twice(DIST)))
            return 0
        release(said.image_metadata)
    except ReleaseError as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    sys.stdout.write((DIST / "SHA256SUMS").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
