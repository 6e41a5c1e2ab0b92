"""The shipped definitions, loaded once, and a small trial to break."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from adapter.criteria.model import Criterion, TrialDefinition, parts_of
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from mappings.terminology import load_terminology
from mappings.trial import load_definition, load_definitions


@pytest.fixture(scope="session")
def terminology() -> Terminology:
    """The shipped terminology."""
    return load_terminology()


@pytest.fixture(scope="session")
def definitions(terminology: Terminology) -> Mapping[str, TrialDefinition]:
    """The shipped definitions by id."""
    return {definition.id: definition for definition in load_definitions(terminology=terminology)}


@pytest.fixture(scope="session")
def criterion(definitions: Mapping[str, TrialDefinition]) -> Callable[[str, str], Criterion]:
    """A criterion or part of a shipped definition, by study and id."""

    def find(study: str, number: str) -> Criterion:
        (found,) = [found for found in definitions[study].walk() if found.id == number]
        return found

    return find


@pytest.fixture(scope="session")
def flattened() -> Callable[[Criterion], Iterator[Criterion]]:
    """What a criterion joins directly, the parts of nameless ones in their place."""

    def below(above: Criterion) -> Iterator[Criterion]:
        for part in parts_of(above.statement):
            if part.id is None:
                yield from below(part)
            else:
                yield part

    return below


SMALL = """\
id: small
version: 1.0.0
completeness: full
index: [aml]
study:
  title: A small trial
  status: recruiting
criteria:
  - id: I1
    kind: inclusion
    label: Haemoglobin
    source: registry 1
    measurement: {analyte: haemoglobin, at-least: 70 g/L}
  - id: I2
    kind: inclusion
    label: Liver
    source: registry 2
    all-of:
      - id: I2.1
        label: ALT
        measurement: {analyte: alt, at-most: 3 ULN}
  - id: I3
    kind: inclusion
    label: Age
    source: registry 3
    age: {at-least: 14 a, at-most: 75 a}
  - id: E1
    kind: exclusion
    label: Infarction
    source: registry 4
    condition: {concepts: [myocardial-infarction], look-back: P12M}
"""


@pytest.fixture
def refusal(tmp_path: Path, terminology: Terminology) -> Callable[[str, str], str]:
    """What is said of the small trial after a replacement, the folder's name left out."""

    def said(old: str, new: str) -> str:
        assert SMALL.count(old) == 1, f"{old!r} must stand once in the small trial"
        path = tmp_path / "small.yaml"
        path.write_text(SMALL.replace(old, new), encoding="utf-8")
        with pytest.raises(DefinitionError) as caught:
            load_definition(path, terminology=terminology)
        return str(caught.value).removeprefix(f"{tmp_path}/")

    return said


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The small trial's file, unbroken."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path
