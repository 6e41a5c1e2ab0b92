"""Results that only their name tells, or that say it elsewhere, are the same to the evaluator and to the CQL engine."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.agreement.differences import compare
from tests.agreement.engine import Engine, need_java, running
from tests.agreement.examples import PATIENT, UCUM, bundle, haemoglobin, leukaemia
from tests.agreement.libraries import write_libraries
from tests.agreement.patients import Asked
from tests.agreement.site import DEFINITIONS, LABORATORY, TERMINOLOGY

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOUND = {"valueString": "nachweisbar"}
GRAMS = {"valueQuantity": {"value": 60, "system": UCUM, "code": "g/L"}}
SAID_NONE = {"system": "http://snomed.info/sct", "code": "160245001"}


@pytest.fixture(scope="module")
def running_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Mapping[str, str]]]:
    """The engine with the libraries of the trials, and their names."""
    need_java()
    folder = tmp_path_factory.mktemp("cql")
    libraries = write_libraries(folder, DEFINITIONS, TERMINOLOGY)
    with running(folder, list(libraries.values()), quick=True) as engine:
        yield engine, libraries


@pytest.mark.parametrize(
    ("name", "more", "answers"),
    [
        ({"text": "Galaktomannan i.S."}, FOUND, {"E5": None}),
        ({"text": "Galaktomannan i.S."}, {"valueString": "negativ"}, {"E5": False}),
        (
            {"coding": [{"system": LABORATORY, "code": "7", "display": "DNA CMV [PCR]"}]},
            {"valueString": "nachweisbar"},
            {"E5": None},
        ),
        ({"text": "CMV-PCR des Spenders"}, FOUND, {"E5": False}),
        (
            {"text": "Epstein-Barr virus DNA", "coding": [{"display": "a panel"}]},
            FOUND,
            {"E5": False},
        ),
        ({"text": "Hämoglobin (venös)"}, GRAMS, {"I7": None}),
        ({"coding": [{"code": "B1", "display": "HAEMOGLOBIN, Blut"}]}, GRAMS, {"I7": None}),
        ({"text": "glykiertes Hämoglobin"}, GRAMS, {"I7": True}),
    ],
)
def test_a_result_that_only_its_name_tells(
    name: Mapping[str, Any],
    more: Mapping[str, Any],
    answers: Mapping[str, bool | None],
    running_engine: tuple[Engine, Mapping[str, str]],
) -> None:
    """It is never final, and what it would change is open to both: what is denied beside it, an older result."""
    engine, libraries = running_engine
    said = {key: each for key, each in haemoglobin(0).items() if key != "valueQuantity"}
    named = {**said, "id": "named", "effectiveDateTime": "2026-02-28", "code": name, **more}
    none_known = {**leukaemia("none", "2026-02-27", "active"), "code": {"coding": [SAID_NONE]}}
    asked = Asked(str(name), bundle(PATIENT, none_known, haemoglobin(90), named), AS_OF)
    assert [str(each) for each in compare(asked, engine, libraries).differences] == []
    found = engine.evaluate(asked.bundle, asked.instant)[libraries["nct07008872"]]
    assert {each: found[each] for each in answers} == answers


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("siehe Befund", None),
        ("see report", None),
        ("folgt", True),
        ("Material geronnen", True),
        ("keine Gerinnsel, s. Anlage", None),
    ],
)
@pytest.mark.parametrize("status", ["unknown", "preliminary", "undated"])
def test_a_newer_result_that_says_it_elsewhere(
    words: str,
    status: str,
    answer: bool | None,  # noqa: FBT001  # what CQL says
    running_engine: tuple[Engine, Mapping[str, str]],
) -> None:
    """It is not final; no older one decides in its place, unless it came to nothing."""
    engine, libraries = running_engine
    said = {key: each for key, each in haemoglobin(0).items() if key != "valueQuantity"}
    newer = {**said, "id": "newer", "effectiveDateTime": "2026-02-28", "status": status, "valueString": words}
    if status == "undated":
        newer = {key: each for key, each in newer.items() if key != "effectiveDateTime"} | {"status": "final"}
    asked = Asked(words, bundle(PATIENT, haemoglobin(90), newer), AS_OF)
    assert [str(each) for each in compare(asked, engine, libraries).differences] == []
    assert engine.evaluate(asked.bundle, asked.instant)[libraries["nct07008872"]]["I7"] is answer
