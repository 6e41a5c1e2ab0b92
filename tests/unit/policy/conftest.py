"""A policy file beside others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.criteria.policy import Policy
from mappings.policy import load_policy


@pytest.fixture
def policy(tmp_path: Path) -> Callable[..., Policy]:
    """Write files and load the first one as a policy."""

    def loaded(text: str, **others: str) -> Policy:
        for name, content in {"site": text, **others}.items():
            (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
        return load_policy(tmp_path / "site.yaml")

    return loaded
