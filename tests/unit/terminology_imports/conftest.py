"""The shipped terminology, loaded once."""

import pytest

from adapter.criteria.terminology import Terminology
from mappings.terminology import load_terminology


@pytest.fixture(scope="session")
def terminology() -> Terminology:
    """What the package ships."""
    return load_terminology()
