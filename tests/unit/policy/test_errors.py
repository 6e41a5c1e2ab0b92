"""What is wrong in a policy is named with file, line, path, and what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.criteria.policy import Policy
from adapter.errors import DefinitionError
from mappings.policy import load_policy

WRONG = {
    "key": ("assumeAbsent: [dementia]", "site.yaml:2: assumeAbsent: "),
    "no id": ("", "site.yaml:1: id: "),
    "concept": ("assumed-absent:\n  - dementa", "site.yaml:3: assumed-absent[0]: no concept dementa; did you mean"),
    "an analyte is never absent": ("assumed-absent: [haemoglobin]", "site.yaml:2: assumed-absent[0]: no concept"),
    "class of data": ("freshness:\n  lab: P7D", "site.yaml:3: freshness.lab: no class of data lab"),
    "duration": ("freshness: {laboratory: 7 days}", "site.yaml:2: freshness.laboratory: '7 days' is no duration"),
    "no duration": ("freshness: {laboratory: P0D}", "write P and a whole number of D, W, M or Y"),
    "zone": ("time-zone: Berlin", "site.yaml:2: time-zone: Berlin is no time zone"),
    "zone outside": ("time-zone: ../../etc/passwd", "is no time zone"),
    "circle": ("extends: site.yaml", "site.yaml:2: extends: site.yaml extends this policy in turn"),
    "extended": ("extends: lenient", "site.yaml:2: extends: no policy lenient; name one of problem-list, strict"),
    "procedure": ("pregnancy-ruled-out:\n  procedures: [hysteria]", "site.yaml:3: pregnancy-ruled-out.procedures[0]: "),
    "analyte": ("normal-limits: {altt: {upper: 40}}", "site.yaml:2: normal-limits.altt: no analyte"),
    "a score has no limits": ("normal-limits: {ecog: {upper: 1}}", "normal-limits.ecog: no analyte with a unit ecog"),
    "unit": ("normal-limits:\n  alt: {upper: 40, unit: g/L}", "site.yaml:3: normal-limits.alt.unit: g/L can't be"),
    "no limit": ("normal-limits: {alt: {}}", "neither lower nor upper"),
    "limits swapped": ("normal-limits: {alt: {lower: 9, upper: 3}}", "lower 9 is not below upper 3"),
    "cutoff": ("antigen-cutoff: 120", "site.yaml:2: antigen-cutoff: "),
    "no number": ("antigen-cutoff: NaN", "site.yaml:2: antigen-cutoff: "),
    "date": ("until: 31.12.2026", "site.yaml:2: until: "),
    "map": ("local-codes: [codes.json]", "site.yaml:2: local-codes[0]: no file codes.json"),
    "an old key": ("timeZone: Berlin", "site.yaml:2: time-zone: Berlin is no time zone"),
    "an old key and its new one": ("time-zone: UTC\ntimeZone: UTC", "site.yaml:3: timeZone: the key stands twice"),
    "syntax": ("freshness: {laboratory: P7D", "not readable as YAML"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_refused(policy: Callable[..., Policy], text: str, message: str) -> None:
    """One thing wrong, one line that says so."""
    first = "" if message.endswith("id: ") else "id: site\n"
    with pytest.raises(DefinitionError) as raised:
        policy(f"{first}{text}\n" if text else "title: no id\n")
    assert message in str(raised.value)


def test_a_longer_circle(policy: Callable[..., Policy]) -> None:
    """Two policies that extend each other are told so, not followed."""
    with pytest.raises(DefinitionError, match="extends this policy in turn; end the circle"):
        policy("id: site\nextends: base.yaml\n", base="id: base\nextends: site.yaml\n")


def test_a_wrong_base_is_named(policy: Callable[..., Policy]) -> None:
    """The error names the file that is wrong, not the one that extends it."""
    with pytest.raises(DefinitionError, match=r"base\.yaml:2: "):
        policy("id: site\nextends: base.yaml\n", base="id: base\nfreshnes: {}\n")


def test_a_wrong_map_is_named(policy: Callable[..., Policy], tmp_path: Path) -> None:
    """A file of local codes that is none is named."""
    (tmp_path / "codes.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"codes\.json:1: .*ConceptMap in JSON"):
        policy("id: site\nlocal-codes: [codes.json]\n")


def test_not_text(tmp_path: Path) -> None:
    """A file in another encoding is no crash."""
    path = tmp_path / "site.yaml"
    path.write_bytes(b"id: \xff\xfe")
    with pytest.raises(DefinitionError, match="not readable as text; save the file as UTF-8"):
        load_policy(path)
