"""What the words of a text name; what stands around a name is in `tests/cases/mentions.yaml`."""

from adapter.criteria.named import named_in
from mappings.terminology import load_terminology


def test_a_text_is_read_to_its_end() -> None:
    """However long a letter is: what stands last in it is read, and what it says again and again is said once."""
    text = "Skin without changes. Acute GVHD. " * 5000 + "HIV positive."
    assert [sorted(each.concepts) for each in named_in(text, load_terminology())] == [["gvhd"], ["hiv"]]
