"""The guide's examples are what it says: each is loaded, each kind has one, each file is shown as it is."""

import re
from pathlib import Path

import pytest

from adapter.evaluator.kind import joins, leaf_kinds
from adapter.kinds import KINDS
from mappings.site import read_site
from mappings.site.terminology import TABLES
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "first-trial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
FILES = re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", GUIDE, re.DOTALL)
HEAD = "id: own\nversion: 1.0.0\ncompleteness: full\nstudy: {title: A trial, status: recruiting}\n"


def indented(block: str, blanks: int) -> str:
    """The same lines, further in."""
    return "".join(f"{' ' * blanks}{line}\n" for line in block.splitlines())


def trial(block: str) -> tuple[str, str]:
    """The file that an example stands in, and what it holds there."""
    first = block.partition(":")[0]
    if first == "id":
        return "trials/own.yaml", block
    if first in ("conditions", "analytes"):
        return "concepts.yaml", block
    if first == "index":
        criterion = "  - {id: I1, kind: inclusion, label: x, source: protocol, age: {at-least: 18 a}}\n"
        return "trials/own.yaml", f"{HEAD}{block}criteria:\n{criterion}"
    opening = "criteria:\n  - id: I1\n    kind: inclusion\n    label: x\n    source: protocol\n"
    return "trials/own.yaml", HEAD + opening + indented(block, 4)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.split("\n")[0][:50] for block in BLOCKS])
def test_an_example_is_loaded(block: str, tmp_path: Path) -> None:
    """As the guide shows it."""
    name, text = trial(block)
    (tmp_path / "trials").mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_site(tmp_path).problems == ()


def test_each_kind_and_each_join_has_an_example() -> None:
    """Whoever adds one shows it."""
    shown = {key for block in BLOCKS for key in re.findall(r"^([a-z-]+):", block, re.MULTILINE)}
    assert {kind.name for kind in leaf_kinds(KINDS)} <= shown
    assert {key.key for join in joins(KINDS) for key in join.keys} - {""} <= shown | {"not"}


@pytest.mark.parametrize(("path", "text"), FILES)
def test_a_file_is_shown_as_it_is(path: str, text: str) -> None:
    """To the letter."""
    assert (ROOT / path).read_text(encoding="utf-8") == text


def test_each_file_of_a_site_is_told() -> None:
    """In the table of what a folder holds."""
    assert [name for name in TABLES if f"`{name}`" not in GUIDE] == []
