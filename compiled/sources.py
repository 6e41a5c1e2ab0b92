"""A module as mypyc takes it: the same code, with what mypyc would lose of its classes written in another way.

mypyc forgets a class statement's keywords, its docstring and the parameters of annotations, and takes a cached property
for a plain one. So a Struct's keywords become a base class (`BASES`), annotations of fields become text, a docstring is
given behind the class, and `cached_property` is imported under a type that doesn't tell it from any decorator.
"""

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

BASES = "adapter._bases"
"""The module, in the compiled wheel alone, of what the compiled modules are based on."""
_HELD = {"frozen", "gc", "rename"}
"""Keywords that a Struct has from the Struct that it extends."""
_STUB = """\
from collections.abc import Callable
from typing import Any, TypeVar
from msgspec import Struct
T = TypeVar("T")
def cached_property(function: Callable[[Any], T]) -> T: ...
"""

Keywords = tuple[tuple[str, str], ...]


class SourceError(Exception):
    """Why a module can't be compiled."""


class Rewritten(NamedTuple):
    """A module's text, and the keywords of its Structs, by the name of the base class that stands for them."""

    text: str
    bases: dict[str, Keywords]


class _Edit(NamedTuple):
    """Bytes of a source, and what takes their place."""

    first: int
    last: int
    text: str


def rewritten(source: str) -> Rewritten:
    """A module as mypyc takes it. Raises SourceError where it has what mypyc can't do."""
    tree = ast.parse(source)
    starts = _starts(source)
    edits: list[_Edit] = []
    bases: dict[str, Keywords] = {}
    needed: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            edits.extend(_class(node, starts, bases))
            if (said := ast.get_docstring(node, clean=False)) and node in tree.body and _is_plain(node):
                behind = starts[node.end_lineno or node.lineno]
                edits.append(_Edit(behind, behind, f"\n\nsetattr({node.name}, '__doc__', {said!r})\n"))
        elif isinstance(node, ast.ImportFrom) and node.module == "functools":
            others = [each.name for each in node.names if each.name != "cached_property"]
            if len(others) < len(node.names):
                needed.add("cached_property")
                edits.append(_at(node, starts, f"from functools import {', '.join(others)}" if others else ""))
    if not edits:
        return Rewritten(source, bases)
    text = source.encode()
    for first, last, new in sorted(edits, reverse=True):
        text = text[:first] + new.encode() + text[last:]
    imports = ["from typing import Union", "from mypy_extensions import mypyc_attr"]
    if named := sorted(needed | bases.keys()):
        imports.append(f"from {BASES} import {', '.join(named)}")
    lines = text.decode().splitlines(keepends=True)
    told = tree.body[0]
    behind = told.end_lineno if isinstance(told, ast.Expr) and told.end_lineno else 0
    return Rewritten("".join([*lines[:behind], "\n", *(f"{each}\n" for each in imports), *lines[behind:]]), bases)


def bases_module(bases: dict[str, Keywords]) -> tuple[str, str]:
    """The module of base classes, and its stub: to mypy a Struct on a frozen one that is not frozen is an error."""
    body = ["from functools import cached_property", "from msgspec import Struct", ""]
    stub = [_STUB]
    for name, keywords in sorted(bases.items()):
        said = ", ".join(f"{key}={value}" for key, value in keywords)
        body.append(f"class {name}(Struct, {said}): pass")
        told = "".join(f", {key}=True" for key in ("kw_only", "order") if (key, "True") in keywords)
        stub.append(f"class {name}(Struct{told}): ...")
    return "\n".join([*body, ""]), "\n".join([*stub, ""])


def _class(node: ast.ClassDef, starts: Sequence[int], bases: dict[str, Keywords]) -> Iterator[_Edit]:
    """What changes of one class."""
    names = [each.id for each in node.bases if isinstance(each, ast.Name)]
    decorator = next((each for each in node.decorator_list if "dataclass" in ast.unparse(each)), None)
    keywords = tuple((each.arg or "", ast.unparse(each.value)) for each in node.keywords)
    if decorator is not None:
        if any(isinstance(each, ast.FunctionDef) and each.name == "__post_init__" for each in node.body):
            msg = f"{node.name} has a __post_init__"
            raise SourceError(msg)
        first = _start(decorator, starts) - 1
        yield _Edit(first, first, "@mypyc_attr(native_class=False)\n")
    elif keywords and "Struct" in names:
        name = "Struct_" + "_".join(f"{key}_{value.strip(chr(39))}" for key, value in keywords)
        bases[name] = keywords
        others = [text for each in node.bases if (text := ast.unparse(each)) != "Struct"]
        behind = _end(node.keywords[-1], starts)
        yield _Edit(_start(node.bases[0], starts), behind, ", ".join([name, *others]))
    elif keywords and any(key in _HELD for key, _ in keywords):
        if other := {key for key, _ in keywords} - _HELD:
            msg = f"{node.name} has {', '.join(sorted(other))} of its own, beside those of the Struct that it extends"
            raise SourceError(msg)
        yield _Edit(_end(node.bases[-1], starts), _end(node.keywords[-1], starts), "")
    elif "NamedTuple" not in names:
        return
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and not isinstance(each.annotation, ast.Constant):
            said = ast.unparse(_without_bars(each.annotation))
            if "ClassVar" not in said:
                quoted = said.replace('"', "'")
                yield _at(each.annotation, starts, f'"{quoted}"')


def _is_plain(node: ast.ClassDef) -> bool:
    """Whether a class stays a class of Python's, whose docstring mypyc forgets: schemas say what they have there."""
    return bool(node.keywords or node.decorator_list) or any(
        ast.unparse(each).endswith(("Enum", "NamedTuple")) for each in node.bases
    )


class _Bars(ast.NodeTransformer):
    """`A | B` as `Union[A, B]`: of a text with a bar mypyc keeps nothing."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:  # ast's name
        """One `A | B`."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.BitOr):
            return node
        parts = ast.Tuple([node.left, node.right], ast.Load())
        return ast.Subscript(ast.Name("Union", ast.Load()), parts, ast.Load())


def _without_bars(annotation: ast.expr) -> ast.expr:
    copied = ast.parse(ast.unparse(annotation), mode="eval").body
    found: ast.expr = _Bars().visit(copied)
    return found


def _starts(source: str) -> list[int]:
    """Where each line begins, in bytes."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    return starts


def _start(node: ast.expr | ast.stmt | ast.keyword, starts: Sequence[int]) -> int:
    return starts[node.lineno - 1] + node.col_offset


def _end(node: ast.expr | ast.stmt | ast.keyword, starts: Sequence[int]) -> int:
    return starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)


def _at(node: ast.expr | ast.stmt, starts: Sequence[int], text: str) -> _Edit:
    return _Edit(_start(node, starts), _end(node, starts), text)
