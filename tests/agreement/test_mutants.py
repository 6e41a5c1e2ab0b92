"""A rule that is turned round in the evaluator is found by the patients that are made about its criteria."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import pytest

from adapter.criteria.model import Leaf
from adapter.criteria.truth import Truth
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.evaluator.extent import Reply
from adapter.kinds import timing
from adapter.kinds.condition.statement import Condition
from adapter.kinds.events import linked, sequence
from adapter.kinds.events.linked import Linked
from adapter.kinds.events.sequence import Order
from adapter.kinds.exposure import course
from adapter.kinds.exposure.statement import Exposure
from adapter.record import read_record
from tests.agreement.about import matters
from tests.agreement.differences import compare
from tests.agreement.engine import Values, need_java, running
from tests.agreement.libraries import write_libraries
from tests.agreement.patients import Asked, made_about
from tests.agreement.site import OF_CASES, STRICT, TERMINOLOGY
from tests.properties.core import flat

DEFINITIONS = tuple(each for each in OF_CASES if each.id in ("further", "events"))
TURNED = {Truth.MET: Truth.NOT_MET, Truth.NOT_MET: Truth.MET, Truth.UNKNOWN: Truth.UNKNOWN}


class Mutant(NamedTuple):
    """A function that is turned round, how, and which criteria ask what it answers."""

    module: Any
    name: str
    mutation: Callable[[Any], Any]
    asks: Callable[[Leaf], bool]

    @property
    def id(self) -> str:
        """As in `timing.at_age`."""
        return f"{self.module.__name__.rpartition('.')[2]}.{self.name}"

    def applied(self, patch: pytest.MonkeyPatch) -> None:
        """Put it in the place of the function."""
        patch.setattr(self.module, self.name, self.mutation(getattr(self.module, self.name)))


class Answered(NamedTuple):
    """Patients by mutant, and what the engine has said of each; it stands in for the engine."""

    asked: Mapping[str, list[Asked]]
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
    asked = {mutant.id: list(islice(_moved(mutant), PATIENTS)) for mutant in MUTANTS}
    with running(folder, list(libraries.values()), quick=True) as engine:
        values = {
            each.bundle: engine.evaluate(each.bundle, each.instant) for each in chain.from_iterable(asked.values())
        }
    return Answered(asked, values, libraries)


PATIENTS, MADE, SEED = 6, 600, 7
"""So many for each mutant, at most, of all that are made."""


def _moved(mutant: Mutant) -> Iterator[Asked]:
    """Patients about criteria that ask what the mutant answers, of whom it says something else than the evaluator."""
    bounds = [bind(each, TERMINOLOGY) for each in DEFINITIONS]
    about = [each for each in matters(DEFINITIONS, TERMINOLOGY) if mutant.asks(each.leaf)]
    for asked in made_about(about, MADE, SEED):
        said = _results(asked, bounds)
        with pytest.MonkeyPatch.context() as patch:
            mutant.applied(patch)
            if _results(asked, bounds) != said:
                yield asked


def _results(asked: Asked, bounds: Sequence[BoundDefinition]) -> list[Truth]:
    """What the evaluator says of every criterion and part."""
    record = read_record(asked.bundle, TERMINOLOGY)
    verdicts = evaluate_all(bounds, record, asked.as_of, STRICT)
    return [each.result for verdict in verdicts for each in flat(verdict.criteria)]


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


def asks(kind: type[Leaf], element: str | None = None) -> Callable[[Leaf], bool]:
    """Criteria of a kind, where an element of theirs is set if one is named."""
    return lambda leaf: isinstance(leaf, kind) and (element is None or bool(getattr(leaf, element)))


MUTANTS = (
    Mutant(timing, "at_least_ago", turned, asks(Condition, "at_least_ago")),
    Mutant(timing, "lasting", turned, asks(Condition, "lasting")),
    Mutant(timing, "at_age", turned, asks(Condition, "at_age")),
    Mutant(course, "ongoing", turned, asks(Exposure, "ongoing")),
    Mutant(course, "lasting", turned, asks(Exposure, "lasting")),
    Mutant(course, "compared", turned, asks(Exposure, "dose")),
    Mutant(course, "as_needed", turned, asks(Exposure, "as_needed")),
    Mutant(sequence, "related", turned, asks(Order)),
    Mutant(linked, "_is_link", opposite, asks(Linked)),
)


def differing(answered: Answered, mutants: Iterable[Mutant]) -> Iterator[str]:
    """What is not listed, patient by patient."""
    bounds = [bind(each, TERMINOLOGY) for each in DEFINITIONS]
    engine: Any = answered
    for asked in chain.from_iterable(answered.asked[each.id] for each in mutants):
        found = compare(asked, engine, answered.libraries, STRICT, bounds)
        yield from (str(each) for each in found.differences if each.kind is None)


def test_as_it_is(answered: Answered) -> None:
    """Nothing differs."""
    assert list(differing(answered, MUTANTS)) == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_a_mutant_is_found(mutant: Mutant, answered: Answered, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some patient shows it."""
    mutant.applied(monkeypatch)
    assert next(differing(answered, [mutant]), None) is not None
