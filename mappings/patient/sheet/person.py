"""What a row says of the person: birth date, sex, death. Rows of one patient must agree on who that is."""

from dataclasses import dataclass

from adapter.criteria.written import plain
from adapter.fhir.elements import Json
from mappings.patient.sheet.columns import Row
from mappings.patient.sheet.reading import RowReader
from mappings.patient.sheet.tables import words


@dataclass(slots=True)
class Person:
    """What earlier rows said, each with its row."""

    said: dict[str, tuple[object, str]]


def person(row: RowReader, known: dict[str, Person], identifier: str) -> Json:
    """The elements of the Patient; what contradicts an earlier row is rejected, the first word stands."""
    earlier = known.setdefault(identifier, Person({}))
    elements: Json = {}
    for name, column, value in (
        ("birthDate", Row.BIRTH_DATE, _birth_date(row)),
        ("gender", Row.SEX, _gender(row)),
        ("deceased", Row.DIED, _death(row)),
    ):
        if value is None:
            continue
        first, place = earlier.said.setdefault(name, (value, row.place))
        if first == value or first is False:  # alive before, dead now
            earlier.said[name] = (value, place)
            elements[_element(name, value)] = value
        else:
            row.reject(row.layout.rows[column], f"differs from {place}; the first stands, correct one of them")
    return elements


def _element(name: str, value: object) -> str:
    if name != "deceased":
        return name
    return "deceasedBoolean" if isinstance(value, bool) else "deceasedDateTime"


def _birth_date(row: RowReader) -> str | None:
    found = row.date(row.layout.rows.get(Row.BIRTH_DATE))
    return found[:10] if found else None  # a workbook's date may have a time of day


def _gender(row: RowReader) -> str | None:
    position = row.layout.rows.get(Row.SEX)
    text = row.text(position)
    if text is None or position is None:
        return None
    found = words().sex.get(plain(text))
    if found is None:
        row.reject(position, "not a sex that is known; write female, male or other")
    return found


def _death(row: RowReader) -> str | bool | None:
    """A date of death, or whether the patient has died; a date that can't be read is a death all the same."""
    position = row.layout.rows.get(Row.DIED)
    text = row.text(position)
    if text is None or position is None:
        return None
    answer = words().answers.get(plain(text))
    if answer is not None:
        return answer
    found = row.date(position)
    return found or (any(letter.isdigit() for letter in text) or None)
