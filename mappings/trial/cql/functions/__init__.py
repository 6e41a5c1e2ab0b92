"""The CQL libraries that hold the semantics, written by hand; each is a file beside this one."""

from functools import cache
from importlib.resources import files

VERSION = "1.0.0"
"""Of all of the shared libraries; a change of what any of them answers is a new one."""


@cache
def functions() -> dict[str, str]:
    """Name -> text, in the order of the names."""
    held = [file for file in files(__name__).iterdir() if file.name.endswith(".cql")]
    return {file.name.removesuffix(".cql"): file.read_text("utf-8") for file in sorted(held, key=lambda f: f.name)}
