"""What is kept in the repository, and what is not."""

import subprocess

from tests.conftest import ROOT
from tests.needs import not_available

LARGEST = 1_000_000
"""Bytes of a file that needs no reason."""
LARGE: dict[str, str] = {
    "profiles/package/StructureDefinition-criterion.json": "the snapshot of every field that a criterion may have",
}
"""Each larger file, and why it has to be here."""


def test_no_large_file_is_kept_without_a_reason() -> None:
    """A server's database, a build's result or an export was once committed by mistake: it stays in every clone."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        not_available("repository", "git knows none here")
    tracked = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(tracked) > 500
    large = {str(path.relative_to(ROOT)) for path in tracked if path.is_file() and path.stat().st_size > LARGEST}
    assert large == LARGE.keys()
    assert all(LARGE.values())
