"""Builds the compiled wheel, or a tree to run from.

    python -m compiled.build --wheel dist    # the wheel, for CPython 3.11 and this platform
    python -m compiled.build --tree build/compiled

Needs gcc, and minutes. What is built of the same sources is not built again. The wheel holds the pure modules as they
are, too: where a tool wants a source, or an error its line, it is there.
"""

import argparse
import base64
import hashlib
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from compiled.library import CompileError, link, translate
from compiled.sources import BASES, Keywords, SourceError, bases_module, rewritten
from ops.release import ReleaseError, build

ROOT = Path(__file__).parent.parent
TREE = ROOT / "build/compiled"
PACKAGES = ("adapter", "mappings", "profiles")
_TAG = f"cp311-cp311-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def modules() -> list[str]:
    """The paths of the modules that are compiled."""
    lines = Path(__file__).with_name("modules.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def tree(into: Path = TREE) -> Path:
    """A tree with the pure packages, and what is compiled beside its sources. Raises CompileError, SourceError."""
    if sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 11):
        msg = "the compiled wheel is for CPython 3.11"
        raise CompileError(msg)
    whole, digest = into / ".whole", _digest()
    if whole.is_file() and whole.read_text(encoding="utf-8") == digest:
        return into
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    _copy(into)
    with TemporaryDirectory() as folder:
        made = _compiled(Path(folder))
        for file in made:
            shutil.copy(file, into / file.relative_to(folder))
    whole.write_text(digest, encoding="utf-8")
    return into


def _compiled(folder: Path) -> list[Path]:
    """What is made of the modules, in a copy of the packages that is rewritten for it."""
    _copy(folder)
    bases: dict[str, Keywords] = {}
    for name in modules():
        file = folder / name
        try:
            found = rewritten(file.read_text(encoding="utf-8"))
        except SourceError as error:
            msg = f"{name}: {error}"
            raise SourceError(msg) from None
        file.write_text(found.text, encoding="utf-8")
        bases.update(found.bases)
    base = (folder / BASES.replace(".", "/")).with_suffix(".py")
    body, stub = bases_module(bases)
    base.write_text(body, encoding="utf-8")
    base.with_suffix(".pyi").write_text(stub, encoding="utf-8")
    translate(folder, modules())
    return [base, *link(folder, modules())]


def _copy(into: Path) -> None:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _digest() -> str:
    """Of all that the result depends on."""
    files = [each for name in (*PACKAGES, "compiled") for each in sorted((ROOT / name).rglob("*")) if each.is_file()]
    kept = (each for each in files if each.suffix != ".pyc" and each.name != "check.py")
    return hashlib.sha256(
        b"".join(str(each.relative_to(ROOT)).encode() + each.read_bytes() for each in kept)
    ).hexdigest()


def wheel(into: Path) -> Path:
    """The wheel: the pure one, with what is compiled. Raises CompileError, SourceError, ReleaseError."""
    made = tree()
    with TemporaryDirectory() as folder:
        pure = next(each for each in build(Path(folder)) if each.suffix == ".whl")
        name = "-".join(pure.name.split("-")[:2])
        target = into / f"{name}-{_TAG}.whl"
        into.mkdir(parents=True, exist_ok=True)
        with ZipFile(pure) as source, ZipFile(target, "w", ZIP_DEFLATED) as archive:
            record: list[str] = []
            for file, content in sorted([*_pure(source), *_beside(made)]):
                archive.writestr(ZipInfo(file), content, ZIP_DEFLATED)
                hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                record.append(f"{file},sha256={hashed},{len(content)}")
            listed = f"{name}.dist-info/RECORD"
            archive.writestr(ZipInfo(listed), "\n".join([*record, f"{listed},,", ""]), ZIP_DEFLATED)
    return target


def _pure(archive: ZipFile) -> Iterator[tuple[str, bytes]]:
    """The files of the pure wheel; what it says of itself is said anew."""
    for name in archive.namelist():
        content = archive.read(name)
        if name.endswith(".dist-info/WHEEL"):
            lines = [
                line for line in content.decode().splitlines() if not line.startswith(("Tag:", "Root-Is-Purelib:"))
            ]
            content = "\n".join([*lines, "Root-Is-Purelib: false", f"Tag: {_TAG}", ""]).encode()
        if not name.endswith((".dist-info/RECORD", "/")):
            yield name, content


def _beside(made: Path) -> Iterator[tuple[str, bytes]]:
    """What is compiled."""
    bases = Path(BASES.replace(".", "/")).with_suffix(".py")
    for file in (made / bases, *made.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}")):
        yield file.relative_to(made).as_posix(), file.read_bytes()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m compiled.build", description="Build what is compiled.")
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--wheel", type=Path, metavar="DIR", help="write the wheel there")
    chosen.add_argument("--tree", type=Path, metavar="DIR", help="make a tree to run from")
    said = parser.parse_args(arguments)
    try:
        made = wheel(said.wheel) if said.wheel else tree(said.tree)
    except (CompileError, SourceError, ReleaseError) as error:
        sys.stderr.write(f"compiled: {error}\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
