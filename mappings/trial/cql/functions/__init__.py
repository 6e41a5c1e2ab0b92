"""The CQL libraries that hold the semantics, written by hand; each is a file beside this one.

CQL gives a type no name. In the files a type of `types.yaml` stands as `$Name`; here it is written out, as engines need
it.
"""

import re
from functools import cache
from importlib.resources import files

import yaml

VERSION = "1.0.0"
"""Of all of the shared libraries; a change of what any of them answers is a new one."""

_NAMED = re.compile(r"\$([A-Z]\w*)")


@cache
def types() -> dict[str, str]:
    """Name -> type. Raises KeyError for one that names a type that isn't there."""
    named: dict[str, str] = yaml.safe_load((files(__name__) / "types.yaml").read_text("utf-8"))
    return {name: _written(text, named) for name, text in named.items()}


@cache
def functions() -> dict[str, str]:
    """Name -> text, in the order of the names. Raises KeyError for a type that `types.yaml` doesn't hold."""
    texts = {file.name: file.read_text("utf-8") for file in files(__name__).iterdir() if file.name.endswith(".cql")}
    return {name.removesuffix(".cql"): _written(text, types()) for name, text in sorted(texts.items())}


def _written(text: str, named: dict[str, str]) -> str:
    return _NAMED.sub(lambda found: _written(named[found[1]], named), text)
