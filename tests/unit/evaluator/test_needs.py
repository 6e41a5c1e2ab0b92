"""Data needs of several criteria (CONFORMANCE: Evidence, missing, lifetime)."""

from adapter.evaluator.verdict import Codes, DataNeed, each_once

CODES = Codes(())


def need(concept: str, *criteria: str, within: str | None = None) -> DataNeed:
    """Data that would settle some criteria."""
    return DataNeed("Observation", concept, CODES, within, criteria)


def test_each_is_asked_for_once() -> None:
    """In the order in which they are first named, each with its criteria in theirs; how recent makes another one."""
    sodium, calcium = need("sodium", "I1"), need("calcium", "I2")
    asked = [sodium, calcium, need("sodium", "E3", "I1"), need("sodium", "I1", within="P30D"), need("sodium", "E1")]
    assert each_once(asked) == (need("sodium", "I1", "E3", "E1"), calcium, need("sodium", "I1", within="P30D"))


def test_what_stands_once_stays_as_it_is() -> None:
    """The same need of one criterion, named twice, is one."""
    sodium, calcium = need("sodium", "I1"), need("calcium", "I2")
    assert [id(each) for each in each_once([calcium, sodium])] == [id(calcium), id(sodium)]
    assert [id(each) for each in each_once([sodium, calcium, sodium])] == [id(sodium), id(calcium)]
