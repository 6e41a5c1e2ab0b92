"""The invariants of ARCHITECTURE.md: each test fails when the invariant of its name is broken."""

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_type_hints

import pytest
from importlinter.cli import lint_imports

from adapter.criteria.truth import Truth, conjunction, disjunction, negation
from adapter.evaluator import CriterionResult, Reason, evaluate_all, to_json
from adapter.evaluator.outcome import Outcome
from adapter.record import read_record
from adapter.screening.setup import Setup
from tests.conftest import ROOT
from tests.unit.screening.records import bundle, condition, ecog, of, patient

CORE = [path for name in ("criteria", "record", "evaluator") for path in (ROOT / "adapter" / name).rglob("*.py")]
AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
CLOCK = {"now", "today", "utcnow", "fromtimestamp", "time", "time_ns", "monotonic", "perf_counter"}
WORLD = {"open", "input", "print", "exec", "eval", "__import__", "breakpoint"}


def leaves(results: tuple[CriterionResult, ...]) -> Iterator[CriterionResult]:
    """The results that stand on data themselves."""
    for result in results:
        if result.parts:
            yield from leaves(result.parts)
        else:
            yield result


def evaluated(setup: Setup, data: bytes) -> list[CriterionResult]:
    """All leaves of all trials for a record."""
    record = read_record(data, setup.terminology)
    verdicts = evaluate_all(setup.bounds, record, AS_OF, setup.policy)
    return [leaf for verdict in verdicts for leaf in leaves(verdict.criteria)]


def nodes(path: Path) -> Iterator[ast.AST]:
    """The syntax tree of a module, node by node."""
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def test_1_an_empty_record_answers_nothing(strict: Setup) -> None:
    """Missing data is never a negative finding: of a patient of whom nothing is known, everything is unknown."""
    results = evaluated(strict, bundle({"resourceType": "Patient", "id": "p1"}))
    assert results
    assert {result.result for result in results} == {Truth.UNKNOWN}


def test_1_what_a_policy_assumes_is_marked(problem_list: Setup) -> None:
    """Without any data, what is definite is named as assumed."""
    results = evaluated(problem_list, bundle({"resourceType": "Patient", "id": "p1"}))
    definite = [result for result in results if result.result is not Truth.UNKNOWN]
    assert definite
    assert all(result.assumed and result.reason is Reason.ASSUMED_ABSENT for result in definite)


def test_1_a_definite_truth_shows_its_evidence(strict: Setup, problem_list: Setup) -> None:
    """Every definite leaf stands on evidence or on an assumption, and none on both."""
    data = bundle(patient(gender="male"), condition("c1", of()), ecog("e1", of(), 1))
    for setup in (strict, problem_list):
        definite = [result for result in evaluated(setup, data) if result.result is not Truth.UNKNOWN]
        assert len(definite) > 5
        assert all(bool(result.evidence) is not result.assumed for result in definite)


def test_2_a_truth_is_no_boolean() -> None:
    """An unknown can't be taken for a no by accident."""
    for truth in Truth:
        with pytest.raises(TypeError, match="one of three"):
            bool(truth)


def test_2_the_logic_is_kleenes() -> None:
    """The complete tables of strong Kleene logic (Introduction to Metamathematics, §64)."""
    order = (Truth.NOT_MET, Truth.UNKNOWN, Truth.MET)
    for left in range(3):
        assert negation(order[left]) is order[2 - left]
        for right in range(3):
            pair = (order[left], order[right])
            assert conjunction(pair) is order[min(left, right)]
            assert disjunction(pair) is order[max(left, right)]


def test_2_outcomes_and_results_hold_a_truth_and_no_optional_boolean() -> None:
    """What evaluation hands on is a Truth; no class of the evaluator has a field of type `bool | None`."""
    assert get_type_hints(Outcome)["truth"] is get_type_hints(CriterionResult)["result"] is Truth
    for path in (ROOT / "adapter" / "evaluator").rglob("*.py"):
        fields = {ast.unparse(node.annotation) for node in nodes(path) if isinstance(node, ast.AnnAssign)}
        assert not {"bool | None", "None | bool"} & fields, path


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_3_the_core_reads_no_clock_file_or_global(path: Path) -> None:
    """As-of, policy and terminology are parameters; what imports can't show is looked for in the code."""
    for node in nodes(path):
        assert not isinstance(node, ast.Global), f"{path}:{node.lineno} changes a global"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in CLOCK, f"{path}:{node.lineno} reads the clock"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in WORLD, f"{path}:{node.lineno} reaches out with {node.func.id}"


def test_3_the_same_inputs_give_the_same_bytes(strict: Setup) -> None:
    """Read and evaluated anew, a verdict is the same; tests/unit/cli/test_endings.py does it in two processes."""
    data = bundle(patient(), condition("c1", of()), ecog("e1", of(), 1))
    outputs = set()
    for _ in range(2):
        record = read_record(data, strict.terminology)
        verdicts = evaluate_all(strict.bounds, record, AS_OF, strict.policy)
        outputs.add(json.dumps([to_json(verdict) for verdict in verdicts]))
    assert len(outputs) == 1


def test_5_what_can_not_be_read_is_named(strict: Setup) -> None:
    """A resource that can't be read is an issue, a code that no map knows is unmapped, both beside the verdict."""
    unreadable = {**ecog("e1", of(), 1), "effectiveDateTime": {"day": 1}}
    unknown = condition("c1", of(), {"system": "http://hospital.example.org/codes", "code": "X1"})
    record = read_record(bundle(patient(), unreadable, unknown), strict.terminology)
    verdict = to_json(evaluate_all(strict.bounds, record, AS_OF, strict.policy)[0])
    assert [issue["resource"] for issue in verdict["issues"]] == ["Observation/e1"]
    assert [entry["resource"] for entry in verdict["unmapped"]] == ["Condition/c1"]


def test_9_imports_go_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts of pyproject.toml are kept."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)  # it would silence our loggers for later tests
    assert lint_imports(no_cache=True) == 0
