"""What laboratories write for a qualitative result."""

import pytest

from adapter.criteria.terminology import Terminology


@pytest.mark.parametrize("text", ["positive", "reactive", "detected", "positiv", "stark positiv", "阳性", "2+", "pos"])
def test_positive(terminology: Terminology, text: str) -> None:
    """Languages, signs and abbreviations that are certain."""
    assert terminology.writing.finding(text) == "positive"


@pytest.mark.parametrize("text", ["negative", "not detected", "non-reactive", "niet-reactief", "steril", "阴性", "neg"])
def test_negative(terminology: Terminology, text: str) -> None:
    """Languages, signs and abbreviations that are certain."""
    assert terminology.writing.finding(text) == "negative"


@pytest.mark.parametrize("text", ["-", "–", "(+)", "no growth to date", "equivocal", "weakly positive", "normal"])
def test_a_question(terminology: Terminology, text: str) -> None:
    """What isn't certain is in neither list: a dash is as often no result as a negative one."""
    assert terminology.writing.finding(text) is None
