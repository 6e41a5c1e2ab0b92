"""Messages in the shapes of public sources become what was reviewed."""

from tests.golden.hl7v2.regenerate import HERE, SOURCES, golden


def test_files() -> None:
    """Each file is up to date, and there is no other; `python -m tests.golden.hl7v2.regenerate` writes them anew."""
    wanted = {path.name: data for path, data in golden()}
    assert {path.name: path.read_bytes() for path in (HERE / "expected").glob("*.json")} == wanted


def test_every_message_names_where_its_quirk_was_seen() -> None:
    """And no source without a message."""
    assert set(SOURCES) == {path.stem for path in (HERE / "messages").glob("*.hl7")}
    assert all(source["seen"] and source["shows"] for source in SOURCES.values())
    assert len(SOURCES) >= 5
