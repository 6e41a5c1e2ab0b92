"""Numbers, units and words of a source: what is certain is read, nothing else."""

from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.screening.setup import Setup
from mappings.patient.values import ComparedNumber, finding, quantity, read_bounds, read_measured, read_number

NUMBERS = {
    "4.2": ComparedNumber(Decimal("4.2")),
    " 10.50 ": ComparedNumber(Decimal("10.50")),
    "<0.5": ComparedNumber(Decimal("0.5"), "<"),
    "> 200": ComparedNumber(Decimal(200), ">"),
    "≤3": ComparedNumber(Decimal(3), "<="),
    "=>3": ComparedNumber(Decimal(3), ">="),
    "1.2E4": ComparedNumber(Decimal("1.2E4")),
    "-1": ComparedNumber(Decimal(-1)),
    ".9": ComparedNumber(Decimal("0.9")),
    "<.9": ComparedNumber(Decimal("0.9"), "<"),
    "9.": ComparedNumber(Decimal(9)),
}
NO_NUMBERS = [
    "",
    " ",
    "-",
    "neg",
    "1,5",
    "1.234,5",
    "1 234",
    "5-10",
    "4.2 g/dL",
    "<",
    "NaN",
    "inf",
    "1e99",
    "٣",
    "0x1",
    ".",
    "..9",
]


@pytest.mark.parametrize(("text", "reading"), NUMBERS.items())
def test_a_number_is_read_with_its_comparator(text: str, reading: ComparedNumber) -> None:
    """Digits and comparator are the source's."""
    assert read_number(text) == reading


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_none(text: str) -> None:
    """A blank is never a number, and an ambiguous mark is not guessed."""
    assert read_number(text) is None


def test_a_decimal_comma_is_read_where_it_is_stated() -> None:
    """With a comma as the mark, a point is not read at all."""
    assert read_number("10,5", ",") == ComparedNumber(Decimal("10.5"))
    assert read_number("1.234,5", ",") is None
    assert read_number("10.5", ",") is None


BOUNDS = {
    "3.5-5.0": (Decimal("3.5"), Decimal("5.0")),
    "3.5 – 5.0": (Decimal("3.5"), Decimal("5.0")),
    "3.5 to 5": (Decimal("3.5"), Decimal(5)),
    "<1.2": (None, Decimal("1.2")),
    ">=60": (Decimal(60), None),
    ".5-1.1": (Decimal("0.5"), Decimal("1.1")),
    "5-3": None,
    "0-0": None,
    "5": None,
    "negative": None,
    "": None,
}


@pytest.mark.parametrize(("text", "bounds"), BOUNDS.items())
def test_a_range_of_normal_is_read(text: str, bounds: tuple[Decimal | None, Decimal | None] | None) -> None:
    """Both ends, or the one that is given; no range is made of anything else."""
    assert read_bounds(text) == bounds


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=4), st.sampled_from(["", "<", ">="]))
def test_a_number_survives_with_its_digits(number: Decimal, comparator: str) -> None:
    """What is written is what is read."""
    assert read_number(f"{comparator}{number:f}") == ComparedNumber(number, comparator or None)


@given(st.text(max_size=60))
def test_any_text_is_read_or_left(text: str) -> None:
    """Nothing that a cell may hold breaks the reading."""
    for mark in (".", ","):
        reading = read_number(text, mark)
        assert reading is None or any(letter.isdigit() for letter in text)
        read_bounds(text, mark)


def test_a_unit_has_its_ucum_code_where_the_table_knows_it(strict: Setup) -> None:
    """The unit as written stays beside the code; one that nobody knows stays text; an enzyme's IU is a U."""
    reading = ComparedNumber(Decimal(7), "<")
    assert quantity(reading, "G/DL", strict.terminology) == {
        "value": Decimal(7),
        "comparator": "<",
        "unit": "G/DL",
        "system": "http://unitsofmeasure.org",
        "code": "g/dL",
    }
    assert quantity(reading, "Fuder", strict.terminology) == {"value": Decimal(7), "comparator": "<", "unit": "Fuder"}
    assert quantity(reading, "IU/l", strict.terminology, kind="enzyme")["code"] == "U/L"
    assert quantity(reading, "IU/l", strict.terminology)["code"] == "[IU]/L"
    assert quantity(ComparedNumber(Decimal(7)), None, strict.terminology) == {"value": Decimal(7)}


def test_words_of_a_result_are_coded_by_the_table(strict: Setup) -> None:
    """`neg` is negative; a question stays unread."""
    negative = finding(" Neg ", strict.terminology)
    assert negative is not None
    assert (negative["coding"][0]["code"], negative["text"]) == ("260385009", "Neg")
    assert finding("trace", strict.terminology) is None


@pytest.mark.parametrize("text", [f"1{' ' * 40_000}a\nb", f"1{',' * 40_000}a\nb"])
def test_a_long_text_is_no_number_at_once(strict: Setup, text: str) -> None:
    """The work grows with its length, and not with its square."""
    began = process_time()
    assert read_measured(text, strict.terminology) is None
    assert process_time() - began < 2
