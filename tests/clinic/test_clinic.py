"""Charts with every answer that a careful clinician would accept; a definite one must be signed, not guessed."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapter.criteria.policy import Policy
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.evaluator.verdict import to_json
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from tests.cases.builder import bundle
from tests.cases.case import read_yaml, spread
from tests.cases.compare import results_of
from tests.cases.test_cases import as_of
from tests.cases_sites.test_sites import trials

HERE = Path(__file__).parent
TRUTHS = {"met", "not-met", "unknown"}
DECISIONS = {"candidate", "potential-candidate", "ineligible"}


def charts() -> list[dict[str, Any]]:
    """Every chart of every file, with its file's defaults."""
    found = []
    for path in sorted(HERE.glob("*.yaml")):
        head = read_yaml(path)
        records, cases = head.pop("records"), head.pop("cases")
        found += [{**head, **case, "record": list(spread(case.get("record", []), records))} for case in cases]
    return found


CHARTS = charts()


@cache
def bound(study: str, site: str | None) -> BoundDefinition:
    """A shipped trial, or one of a site in `demo/sites`."""
    if site is not None:
        return trials(site).bound[study]
    terminology = load_terminology()
    return bind(next(each for each in load_definitions() if each.id == study), terminology)


def policy_of(chart: dict[str, Any]) -> Policy:
    """The policy that a chart names, else its site's own."""
    if "policy" not in chart:
        return trials(chart["site"]).policy
    return named_policy(chart["policy"], chart["study"], chart.get("site"))


@cache
def named_policy(name: str, study: str, site: str | None) -> Policy:
    """A shipped policy, read once for the terminology of a trial."""
    return load_policy(name, terminology=bound(study, site).terminology)


@pytest.mark.parametrize("chart", CHARTS, ids=[chart["case"] for chart in CHARTS])
def test_a_clinician_would_sign_it(chart: dict[str, Any]) -> None:
    """Each answer is among those that are accepted."""
    trial, policy = bound(chart["study"], chart.get("site")), policy_of(chart)
    data = chart["bundle"].encode() if "bundle" in chart else bundle(chart["patient"], chart["record"])
    record = read_record(data, trial.terminology, types=trial.types)
    (verdict,) = evaluate_all((trial,), record, as_of(chart["as-of"], policy), policy)
    answer = to_json(verdict)
    told = {id_: result["result"] for id_, result in results_of(answer["criteria"])} | {"decision": answer["decision"]}
    assert {key: told[key] for key, accepted in chart["accept"].items() if told[key] not in accepted} == {}


def test_every_chart_accepts_something_and_not_everything() -> None:
    """A chart that accepts any answer would say nothing."""
    for chart in CHARTS:
        for key, accepted in chart["accept"].items():
            possible = DECISIONS if key == "decision" else TRUTHS
            assert set(accepted) <= possible, chart["case"]
            assert set(accepted) != possible, chart["case"]
