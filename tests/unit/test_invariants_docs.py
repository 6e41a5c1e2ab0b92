"""What the documents claim of the code holds."""

import re
from pathlib import Path

import pytest

from adapter import cli
from demo.cohort import cohort
from mappings.policy import load_policy
from tests.conftest import ROOT

MODULES = [path for name in ("adapter", "mappings") for path in (ROOT / name).rglob("*.py")]
SECTIONS = re.findall(r"^## \d+\. (.+)$", (ROOT / "CONFORMANCE.md").read_text(encoding="utf-8"), re.MULTILINE)
CITATION = re.compile(r"CONFORMANCE: ([A-Z][a-z]+(?:[ ,-]+[a-z]+)*)")


def test_each_invariant_names_a_test_that_exists() -> None:
    """Nine invariants; those whose code exists name their tests."""
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    _, _, section = architecture.partition("## Invariants")
    rows = re.findall(r"^\| (\d) \| .+ \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    assert [number for number, _ in rows] == list("123456789")
    for _, guards in rows:
        for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+)\*?)?`", guards):
            assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_code_cites_stands_in_conformance(path: Path) -> None:
    """A reader who follows a citation finds its section."""
    for cited in CITATION.findall(path.read_text(encoding="utf-8")):
        assert any(cited.startswith(section) for section in SECTIONS), cited


def test_the_policy_that_the_guide_shows_loads(tmp_path: Path) -> None:
    """docs/running.md shows a policy file as a site would write it."""
    guide = (ROOT / "docs/running.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.+?)```", guide, re.DOTALL)
    assert example is not None
    (tmp_path / "policy.yaml").write_text(example[1], encoding="utf-8")
    (tmp_path / "local-laboratory.json").write_text('{"resourceType": "ConceptMap", "status": "active"}')
    policy = load_policy(tmp_path / "policy.yaml")
    assert (policy.id, policy.time_zone.key) == ("hospital-north", "Europe/Berlin")
    assert policy.assumed_absent == {"gvhd", "malignancy"}


def test_the_guide_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """What --help lists is explained in docs/running.md."""
    guide = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("running.md", "webhook.md"))
    converting = ("convert csv", "convert hl7v2", "convert omop")
    hook = ("subscribe", "unsubscribe", "status", "changes", "forget", "queue list")
    for command in ("trials", "evaluate", "screen", "build", "publish", "serve", "token", *converting, *hook):
        assert cli.main([*command.split(), "--help"]) == 0
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
        assert options
        assert {option for option in options if option not in guide} == set()


def test_the_python_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who copies the snippet gets a verdict."""
    snippet = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert snippet is not None
    (tmp_path / "build/demo/cohort").mkdir(parents=True)
    (tmp_path / "build/demo/cohort/p0001.json").write_bytes(next(data for _, _, data in cohort()))
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet[1], "README.md", "exec"), {})  # noqa: S102  # our own text
    printed = capsys.readouterr().out
    assert printed.startswith("potential-candidate")
    assert "\nI1 met age-within" in printed
