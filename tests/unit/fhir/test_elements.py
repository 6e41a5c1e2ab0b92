"""Text from outside as FHIR elements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir.elements import date_time, reference, resource_id, string


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "2026-02",
        "2026-02-28",
        "2026-02-28T12:00:00Z",
        "2026-02-28T12:00:00.123456+14:00",
        "0001-01-01",
    ],
)
def test_date_times_are_kept(text: str) -> None:
    """A FHIR dateTime of any precision stays as it is."""
    assert date_time(text) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "age 45 a",
        "2026-02-28T12:00:00",
        "2026-02-28T12:00Z",
        "2026-13",
        "0000",
        "2026-02-28T24:00:00Z",
        "2026-02-28T12:00:00+15:00",
        "2026-2-8",
        "2026-02-28 12:00:00Z",
        "2026\n",
    ],
)
def test_other_text_is_no_date_time(text: str | None) -> None:
    """Text that FHIR would not take as a dateTime is left out."""
    assert date_time(text) is None


@pytest.mark.parametrize("text", ["Patient/p1", "Observation/a.b-1", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"])
def test_references_are_literal(text: str) -> None:
    """Type/id and URNs are references."""
    assert reference(text) == {"reference": text}


@pytest.mark.parametrize("text", ["Bundle.entry[3]", "Patient/ä", "p1", "Patient/a b", "[0]"])
def test_places_are_words(text: str) -> None:
    """A resource without a usable id is named in words, not by a reference that leads nowhere."""
    assert reference(text) == {"display": text}


@given(st.text())
def test_strings_are_fhir_strings(text: str) -> None:
    """Whatever came in: no control characters, no blanks around, encodable; nothing printable is lost."""
    shown = string(text)
    if shown is None:
        return
    shown.encode()
    assert shown == shown.strip() != ""
    assert not any(ord(character) < 32 and character not in "\t\r\n" for character in shown)
    assert "".join(c for c in text if c.isprintable() and c != " ") == "".join(
        c for c in shown if c.isprintable() and c != " "
    )


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_ids_differ_where_parts_differ(one: list[str], other: list[str]) -> None:
    """An id is valid, the same for the same parts, and another for other ones."""
    assert resource_id(*one) == resource_id(*one)
    assert len(resource_id(*one)) == 41
    assert (resource_id(*one) == resource_id(*other)) is (one == other)
