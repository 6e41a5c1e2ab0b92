"""The committed package is what its sources make, today and again."""

from pathlib import Path

import pytest

from profiles.build import UnavailableError, write_package
from tests.conftest import ROOT
from tests.needs import not_available

COMMITTED = ROOT / "profiles"


@pytest.fixture
def rebuilt(tmp_path: Path) -> Path:
    """The package built anew, in a folder of the test's own."""
    try:
        write_package(tmp_path)
    except UnavailableError as error:
        not_available("rebuild of the FHIR package", str(error))
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    """The files below a folder by their names from there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_package_is_up_to_date(rebuilt: Path) -> None:
    """SUSHI makes the same files of the FSH sources, and there is no other file: `make profiles` writes them anew."""
    made, committed = files(rebuilt / "package"), files(COMMITTED / "package")
    assert sorted(made) == sorted(committed)
    assert [name for name, data in made.items() if committed[name] != data] == []
