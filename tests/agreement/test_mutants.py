"""A rule that is turned round in the evaluator is found by the patients that are made about its criteria."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from adapter.criteria.truth import Truth
from adapter.evaluator import bind
from adapter.evaluator.extent import Reply
from adapter.kinds import timing
from adapter.kinds.events import linked, sequence
from adapter.kinds.exposure import course
from tests.agreement.about import matters
from tests.agreement.differences import compare
from tests.agreement.engine import Values, need_java, running
from tests.agreement.libraries import write_libraries
from tests.agreement.patients import Asked, made_about
from tests.agreement.site import OF_CASES, STRICT, TERMINOLOGY

DEFINITIONS = tuple(each for each in OF_CASES if each.id in ("further", "events"))
TURNED = {Truth.MET: Truth.NOT_MET, Truth.NOT_MET: Truth.MET, Truth.UNKNOWN: Truth.UNKNOWN}


class Answered(NamedTuple):
    """Patients, and what the engine has said of each; it stands in for the engine."""

    asked: list[Asked]
    values: Mapping[bytes, Values]
    libraries: Mapping[str, str]

    def evaluate(self, bundle: bytes, as_of: str) -> Values:
        """What was said."""
        del as_of
        return self.values[bundle]


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """The engine is asked once for all mutants."""
    need_java()
    folder = tmp_path_factory.mktemp("cql")
    libraries = write_libraries(folder, DEFINITIONS, TERMINOLOGY)
    asked = list(made_about(matters(DEFINITIONS, TERMINOLOGY), PATIENTS, SEED))
    with running(folder, list(libraries.values()), quick=True) as engine:
        values = {
            each.bundle: engine.evaluate(each.bundle, f"{each.as_of:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z") for each in asked
        }
    return Answered(asked, values, libraries)


PATIENTS, SEED = 160, 7


def turned(right: Callable[..., Reply]) -> Callable[..., Reply]:
    """Yes for no."""

    def wrong(*given: Any, **named: Any) -> Reply:  # noqa: ANN401  # as the function has it
        said = right(*given, **named)
        return Reply(TURNED[said.truth], said.reason, said.changes)

    return wrong


def opposite(right: Callable[..., Any]) -> Callable[..., Any]:
    """Not, of what may be null."""

    def wrong(*given: Any, **named: Any) -> Any:  # noqa: ANN401  # as the function has it
        said = right(*given, **named)
        return said if said is None else not said

    return wrong


MUTANTS: list[tuple[Any, str, Callable[[Any], Any]]] = [
    (timing, "at_least_ago", turned),
    (timing, "lasting", turned),
    (timing, "at_age", turned),
    (course, "ongoing", turned),
    (course, "lasting", turned),
    (course, "compared", turned),
    (course, "as_needed", turned),
    (sequence, "related", turned),
    (linked, "_is_link", opposite),
]


def differing(answered: Answered) -> Iterator[str]:
    """What is not listed, patient by patient."""
    bounds = [bind(each, TERMINOLOGY) for each in DEFINITIONS]
    engine: Any = answered
    for asked in answered.asked:
        found = compare(asked, engine, answered.libraries, STRICT, bounds)
        yield from (str(each) for each in found.differences if each.kind is None)


def test_as_it_is(answered: Answered) -> None:
    """Nothing differs."""
    assert list(differing(answered)) == []


@pytest.mark.parametrize(
    ("module", "name", "mutation"),
    MUTANTS,
    ids=[f"{each[0].__name__.rpartition('.')[2]}.{each[1]}" for each in MUTANTS],
)
def test_a_mutant_is_found(
    module: Any,  # noqa: ANN401  # a module
    name: str,
    mutation: Callable[[Any], Any],
    answered: Answered,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some patient shows it."""
    monkeypatch.setattr(module, name, mutation(getattr(module, name)))
    assert next(differing(answered), None) is not None
