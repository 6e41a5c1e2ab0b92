"""What the words of a text name; what stands around a name is in `tests/cases/mentions.yaml`."""

from itertools import count
from time import process_time

import pytest

from adapter.criteria.named import RELAPSE, named_in
from adapter.criteria.told import called
from mappings.terminology import load_terminology


def test_a_text_is_read_to_its_end() -> None:
    """However long a letter is: what stands last in it is read, and what it says again and again is said once."""
    text = "Skin without changes. Acute GVHD. " * 5000 + "HIV positive."
    assert [sorted(each.concepts) for each in named_in(text, load_terminology())] == [["gvhd"], ["hiv"]]


@pytest.mark.parametrize(
    "words", ["blast ", "Marrow: blasts 3 % ", "no blasts in CSF, ", "GVHD prophylaxis or ", "seen. "]
)
def test_reading_grows_with_a_sentence_and_not_with_its_square(words: str) -> None:
    """Eight times the words of a sentence take some eight times as long."""
    terminology, differs = load_terminology(), count()
    named_in("", terminology)

    def seconds(times: int) -> float:
        began = process_time()
        named_in(f"{words * times}{next(differs)}", terminology)
        return process_time() - began

    short, long = (min(seconds(times) for _ in range(3)) for times in (1500, 12_000))
    assert long < 24 * short


@pytest.mark.parametrize(("between", "is_named"), [(100, False), (390, False), (400, True)])
def test_no_share_is_looked_for_in_a_sentence_without_end(between: int, is_named: bool) -> None:  # noqa: FBT001  # a case
    """A share up to its bound says that blasts in it are no relapse; among so many words it may be of anything."""
    text = f"Bone marrow: blasts {'seen ' * between} 3 %"
    assert bool(named_in(text, load_terminology())) is is_named


def test_brackets_that_nothing_closes_are_no_name() -> None:
    """They took a time that grew with their square."""
    terminology = load_terminology()
    assert "haemoglobin" in called("Hb (venös)", terminology)
    assert not called("Hb " + "(" * 1_000_000, terminology)


@pytest.mark.parametrize(("longer", "shorter"), [("cns-leukaemia", RELAPSE), ("cns-tumour", "malignancy")])
def test_a_longer_name_keeps_what_a_shorter_one_in_it_says(longer: str, shorter: str) -> None:
    """A relapse in the meninges is one, and a metastasis in the brain a malignancy: only the longest name is found."""
    terminology = load_terminology()

    def names(text: str) -> bool:
        return any(shorter in each.concepts - each.loosely for each in named_in(text, terminology))

    told = terminology.writing.called[longer]
    assert [each for each in told if any(map(names, each.split())) and not names(each)] == []
