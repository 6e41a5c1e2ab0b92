"""docs/licences.md, written anew: python -m tests.docs.licences."""

from ops.release import licence_table
from tests.conftest import ROOT

FILE = ROOT / "docs/licences.md"
_BEFORE = "<!-- licences: python -m tests.docs.licences -->\n\n"


def written() -> str:
    """The document with the licences of what is locked now."""
    words = FILE.read_text(encoding="utf-8").partition(_BEFORE)[0]
    return f"{words}{_BEFORE}{licence_table()}"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
