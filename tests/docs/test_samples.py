"""What the documents show is what comes out; `make docs-samples` writes it anew."""

from pathlib import Path

import pytest

from tests.docs.samples import DOCUMENTS, Sample, regenerated, samples

ALONE = [
    pytest.param(sample, id=f"{document.name}: {sample.commands[0]}")
    for document in DOCUMENTS
    for sample in samples(document.read_text(encoding="utf-8"))
    if sample.server is None
]


@pytest.mark.parametrize("sample", ALONE)
def test_what_a_document_shows_is_what_comes_out(sample: Sample, tmp_path: Path) -> None:
    """To the letter."""
    assert regenerated(sample, tmp_path) == sample.shown


def test_each_document_that_shows_much_is_run() -> None:
    """The README and the guides of the commands."""
    assert len(ALONE) > 3
