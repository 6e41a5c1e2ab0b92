"""What the documents show of a FHIR server is what comes out; `make docs-samples SERVER=URL` writes it anew."""

from pathlib import Path

import pytest

from tests.docs.samples import DOCUMENTS, Sample, regenerated, samples
from tests.integration.hapi.client import Hapi

WITH_SERVER = [
    pytest.param(sample, id=f"{document.name}: {sample.commands[0]}")
    for document in DOCUMENTS
    for sample in samples(document.read_text(encoding="utf-8"))
    if sample.server is not None
]


@pytest.mark.parametrize("sample", WITH_SERVER)
def test_what_a_document_shows_is_what_comes_out(sample: Sample, empty_hapi: Hapi, tmp_path: Path) -> None:
    """To the letter."""
    empty_hapi.empty()
    assert regenerated(sample, tmp_path, empty_hapi.url) == sample.shown
