"""The golden files are what the definitions come to."""

from tests.golden.trials.regenerate import HERE, golden


def test_files() -> None:
    """Each file is up to date, and there is no other; `python -m tests.golden.trials.regenerate` writes them anew."""
    wanted = {path.name: data for path, data in golden()}
    assert {path.name: path.read_bytes() for path in HERE.glob("*.*") if path.suffix != ".py"} == wanted
