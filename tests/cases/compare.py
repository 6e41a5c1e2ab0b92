"""What of a verdict is not as a case says."""

import re
from collections.abc import Iterator
from typing import Any

from adapter.evaluator.verdict import Verdict, to_json
from tests.cases.case import Case

Json = dict[str, Any]


def differences(case: Case, verdict: Verdict) -> Iterator[str]:
    """Each difference as a sentence, in the words of the case."""
    answer = to_json(verdict)
    results = dict(results_of(answer["criteria"]))
    yield from _results(results, case["expect"] or {})
    yield from _evidence(results, case["evidence"] or {})
    yield from _words(results, case["says"] or {})
    yield from _lasting(results, case["lasts"] or {})
    yield from _missing(answer["missing"], case["missing"] or {})
    yield from _reasons(answer["decisionReasons"], case["because"] or [])
    yield from _issues(answer["issues"], case["issues"])
    got: Json = {
        "decision": answer["decision"],
        "valid-until": answer["validUntil"] or "never",
        "indication": verdict.has_indication,
        "unmapped": [entry["resource"] for entry in answer["unmapped"]],
        "no-unmapped": answer["unmapped"] == [],
        "needs-nothing": answer["missing"] == [],
    }
    expected = {key: case[key] for key in got if case[key] is not None}
    expected |= case["is"] or {}
    got |= {path: _at(answer, path) for path in case["is"] or {}}
    yield from (f"{key}: {got[key]}, expected {said}" for key, said in expected.items() if got[key] != said)


def results_of(criteria: list[Json]) -> Iterator[tuple[str, Json]]:
    """Every criterion and part by its id."""
    for result in criteria:
        yield result["id"], result
        yield from results_of(result["parts"])


def _results(results: dict[str, Json], expected: dict[str, str]) -> Iterator[str]:
    """`met value-satisfies`, `not-met assumed-absent assumed`; a truth alone leaves the reason open."""
    for key, said in expected.items():
        result = results[key]
        words = [result["result"], result["reason"], *(["assumed"] if result["assumed"] else [])]
        if said.split() != words[: len(words) if " " in said else 1]:
            yield f"{key}: {' '.join(words)}, expected {said} ({result['explanation']})"


def _evidence(results: dict[str, Json], expected: dict[str, list[str]]) -> Iterator[str]:
    for key, said in expected.items():
        shown = [evidence["resource"] for evidence in results[key]["evidence"]]
        if not set(said) <= set(shown):
            yield f"{key}: evidence {shown}, expected {said}"


def _words(results: dict[str, Json], expected: dict[str, str]) -> Iterator[str]:
    """What a criterion's sentence must say, among others."""
    for key, said in expected.items():
        if said not in results[key]["explanation"]:
            yield f"{key}: {results[key]['explanation']!r}, expected {said!r}"


def _lasting(results: dict[str, Json], expected: dict[str, str]) -> Iterator[str]:
    """`for good`, `for now`, `until 2026-05-01`; `does not fail` where it rules nobody out."""
    for key, said in expected.items():
        lasting, until = results[key].get("lasting"), results[key].get("until")
        plainly = {None: "does not fail", True: "for good", False: f"until {until[:10]}" if until else "for now"}
        if plainly[lasting] != said:
            yield f"{key}: {plainly[lasting]}, expected {said} ({results[key]['explanation']})"


def _missing(needs: list[Json], expected: dict[str, str]) -> Iterator[str]:
    for key, concept in expected.items():
        if not any(need["concept"] == concept and key in need["criteria"] for need in needs):
            yield f"{key}: {concept} is not among what is missing"


def _reasons(reasons: list[str], expected: list[str]) -> Iterator[str]:
    for word in expected:
        if not any(re.search(rf"\b{re.escape(word)}\b", reason) for reason in reasons):
            yield f"decisionReasons: {reasons}, expected {word}"


def _issues(found: list[Json], expected: dict[str, str] | None) -> Iterator[str]:
    """Issues of exactly these resources, each at a path that names the element."""
    if expected is None:
        return
    if {issue["resource"] for issue in found} != set(expected):
        yield f"issues: {found}, expected {expected}"
    for resource, element in expected.items():
        if not any(element in issue["path"] for issue in found if issue["resource"] == resource):
            yield f"issues: {found}, expected {element} of {resource}"


def _at(answer: Json, path: str) -> object:
    found: Any = answer
    for key in path.split("."):
        found = found[key]
    return found
