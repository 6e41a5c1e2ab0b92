"""Copies under one business identifier: what they cost (what they answer is in tests/clinic)."""

from typing import Any

import pytest

from adapter.record import copies
from tests.build import Json, drug, observation, quantity
from tests.unit.record.conftest import Read

_PAIRS = 100


def _numbered(number: int) -> list[Json]:
    return [{"system": "http://lab.example", "value": str(number)}]


def _calls(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Calls of a function of the module, each with its name."""
    called: list[str] = []
    before = getattr(copies, name)

    def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # as what it counts
        called.append(name)
        return before(*args, **kwargs)

    monkeypatch.setattr(copies, name, counted)
    return called


def test_a_result_is_compared_with_its_own_copies(read_with: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laboratory that corrects every result: the work grows with their number, not with its square."""
    compared, held = _calls(monkeypatch, "_replaces"), _calls(monkeypatch, "_is_same")
    sent = [
        observation(id=f"{status}-{n}", status=status, identifier=_numbered(n), valueQuantity=quantity(80, "g/L"))
        for n in range(_PAIRS)
        for status in ("final", "corrected")
    ]
    record = read_with(*sent)
    assert [each.status for each in record.observations["haemoglobin"]].count("preliminary") == _PAIRS
    assert len(compared) + len(held) <= 4 * _PAIRS


def test_a_dose_is_compared_with_what_may_contradict_it(read_with: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doses of one order, all under its number, of which one was not given."""
    compared = _calls(monkeypatch, "_beside")
    given = [
        drug("MedicationAdministration", id=f"dose-{n}", status=status, identifier=_numbered(1))
        for n, status in enumerate(["not-done", *["completed"] * _PAIRS])
    ]
    record = read_with(*given)
    assert sum(each.open for each in record.all_exposures) == _PAIRS
    assert len(compared) <= 4 * _PAIRS
