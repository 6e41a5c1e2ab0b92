"""From modules as mypyc takes them to a library: mypyc's C, with inline caches, compiled and linked."""

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mypyc

from ops.command import run

HERE = Path(__file__).parent
GROUP = "fhir_trial_adapter"
"""All modules are one group, so that calls between them are calls of C."""
LIBRARY = f"{GROUP}__mypyc"
"""The library, as a module."""
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
_RUNTIME = Path(mypyc.__file__).parent / "lib-rt"
_OPTIONS = (
    *("-O2", "-fPIC", "-fwrapv", "-fvisibility=hidden", "-DNDEBUG", "-w"),
    *(f"-I{each}" for each in (sysconfig.get_path("include"), _RUNTIME, HERE, "build")),
)
_TRANSLATE = """
import sys
from mypyc.build import mypycify
mypycify(["--config-file", sys.argv[1], *sys.argv[3:]], multi_file=True, group_name=sys.argv[2])
"""
_MYPY = "[mypy]\nexplicit_package_bases = True\nfollow_imports = silent\nignore_missing_imports = True\n"
_CONSTANT = r"(?P<name>cpy_r_r\d+) = CPyStatics\[\d+\];[^\n]*\n\s+cpy_r_r\d+ = "
_ATTRIBUTE = re.compile(_CONSTANT + r"(?P<called>CPyObject_GetAttr)\(\w+, (?P=name)\)")
_GLOBAL = re.compile(
    r"(?P<globals>cpy_r_r\d+) = CPyStatic_\w+___globals;\n\s+"
    + _CONSTANT
    + r"(?P<called>CPyDict_GetItem)\((?P=globals), (?P=name)\)"
)


class CompileError(Exception):
    """What a tool said."""


def translate(folder: Path, modules: Sequence[str]) -> None:
    """C of some modules of a folder, in its `build`. Raises CompileError."""
    (folder / "mypy.ini").write_text(_MYPY, encoding="utf-8")
    run([sys.executable, "-c", _TRANSLATE, "mypy.ini", GROUP, *modules], folder, CompileError, PYTHONPATH=str(folder))


def cached(text: str) -> str:
    """Generated C whose look-ups by constant names are remembered where they are; those by other names stay.

    `getattr(value, name)` is the same call, with a name that changes.
    """
    for pattern, name in ((_GLOBAL, "IC_GET_GLOBAL"), (_ATTRIBUTE, "IC_GET_ATTRIBUTE")):
        text = pattern.sub(lambda found, name=name: _renamed(found, name), text)  # type: ignore[misc]
    return text.replace("PyObject_VectorcallMethod(", "IC_CALL_METHOD(")


def _renamed(found: re.Match[str], name: str) -> str:
    first, last = (place - found.start() for place in found.span("called"))
    return found[0][:first] + name + found[0][last:]


def link(folder: Path, modules: Sequence[str]) -> list[Path]:
    """The library of the C in a folder's `build`, and beside each module what loads it from there; their paths.

    Raises CompileError.
    """
    objects = folder / "objects"
    objects.mkdir()
    for file in folder.glob("build/__native_*.c"):
        file.write_text(cached(file.read_text(encoding="utf-8")), encoding="utf-8")
    sources = [*sorted(folder.glob("build/*.c"), key=lambda each: -each.stat().st_size), HERE / "inline_cache.c"]
    shims = [(folder / "build" / name).with_suffix(".c") for name in modules]
    loaders = [folder / Path(name).with_suffix(SUFFIX) for name in modules]

    def compiled(source: Path) -> Path:
        made = objects / f"{source.stem}.o"
        generated = ["-include", str(HERE / "inline_cache.h")] if source.stem.startswith("__native_") else []
        run(["gcc", *_OPTIONS, *generated, "-c", str(source), "-o", str(made)], folder, CompileError)
        return made

    def loader(source: Path, made: Path) -> None:
        run(["gcc", *_OPTIONS, "-shared", str(source), "-o", str(made)], folder, CompileError)

    library = folder / f"{LIBRARY}{SUFFIX}"
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        parts = list(pool.map(compiled, sources))
        list(pool.map(loader, shims, loaders))
    run(["gcc", "-shared", "-s", *map(str, parts), "-o", str(library)], folder, CompileError)
    shutil.rmtree(objects)
    return [library, *loaders]
