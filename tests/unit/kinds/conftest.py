"""A toy's trial as a file, for each toy that goes the whole way."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.criteria.model import TrialDefinition
from mappings.terminology import load_terminology
from mappings.trial import load_definition


@pytest.fixture
def written(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., TrialDefinition]:
    """The module's TRIAL, changed, written and read with its TOYS."""
    trial, toys, terminology = request.module.TRIAL, request.module.TOYS, load_terminology()

    def read(old: str = "", new: str = "") -> TrialDefinition:
        path = tmp_path / "toy.yaml"
        path.write_text(trial.replace(old, new) if old else trial, encoding="utf-8")
        return load_definition(path, terminology=terminology, kinds=toys)

    return read
