"""Every case of the YAML files: the record is read, one study evaluated, and the verdict compared."""

from datetime import datetime, time
from functools import cache
from typing import Any

import pytest
import yaml

from adapter import errors
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Verdict
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.site import Site, load_site
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from tests.cases.builder import bundle
from tests.cases.case import HERE, Case, all_cases
from tests.cases.compare import differences

CASES = all_cases()
END_OF_DAY = time(23, 59, 59, 999000)
BOUND: dict[tuple[str, str], BoundDefinition] = {}
"""Definitions, each bound once to each terminology (by its hash)."""
POLICIES: dict[tuple[str, str], Policy] = {}
"""Policies that cases name, each read once for each terminology."""


@pytest.mark.parametrize("case", CASES, ids=[case.at for case in CASES])
def test_a_case_comes_out_as_it_says(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A clinician's expectation holds."""
    if case["error"]:
        with pytest.raises(getattr(errors, case["error"])):
            judged(case, tmp_path_factory)
        return
    wrong = list(differences(case, judged(case, tmp_path_factory)))
    assert not wrong, "\n".join(wrong)


def test_every_reason_is_produced_by_some_case() -> None:
    """No reason code of the closed list goes without a case."""
    expected = {text.split()[1] for case in CASES for text in (case["expect"] or {}).values() if " " in text}
    assert {reason.value for reason in Reason} - expected == set()


def test_every_trial_and_criterion_has_a_case() -> None:
    """Every top-level criterion of the shipped trials is expected somewhere, itself or one of its parts."""
    expected = {(case["study"], key.partition(".")[0]) for case in CASES for key in (case["expect"] or {})}
    asked = {(study.id, top.id) for study in load_definitions() for top in study.criteria}
    assert asked - expected == set()


def test_case_names_are_distinct() -> None:
    """A failing case can be found by its name."""
    names = [case.at for case in CASES]
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})


def judged(case: Case, folders: pytest.TempPathFactory) -> Verdict:
    """The verdict on the case's record."""
    site = _site(case["trials"] or "trials")
    policy = policy_of(case["policy"] or "strict", folders, site.terminology)
    terminology = site.terminology.with_local_maps(policy.local_maps)
    data = bundle(case["patient"] or {}, case["record"] or [], case["references"])
    if case["bundle"] is not None:
        data = case["bundle"].encode()
    record = read_record(data, terminology, subject=case["subject"])
    if (case["study"], terminology.hash) not in BOUND:
        study = next(each for each in site.definitions if each.id == case["study"])
        BOUND[case["study"], terminology.hash] = bind(study, terminology)
    bound = BOUND[case["study"], terminology.hash]
    (verdict,) = evaluate_all((bound,), record, as_of(case["as-of"], policy), policy)
    return verdict


def as_of(text: str, policy: Policy) -> datetime:
    """An instant; a date is the end of that day in the policy's time zone."""
    moment = datetime.fromisoformat(text)
    return moment if "T" in text else datetime.combine(moment, END_OF_DAY, tzinfo=policy.time_zone)


def policy_of(said: str | dict[str, Any], folders: pytest.TempPathFactory, terminology: Terminology) -> Policy:
    """A shipped policy by its name, one of this folder's `policies`, or one written into the case."""
    if not isinstance(said, str):
        path = folders.mktemp("policy") / "policy.yaml"
        path.write_text(yaml.safe_dump(said), encoding="utf-8")
        return load_policy(path, terminology=terminology)
    if (said, terminology.hash) not in POLICIES:
        path = HERE / "policies" / said
        found = load_policy(path if path.suffix == ".yaml" else said, terminology=terminology)
        POLICIES[said, terminology.hash] = found
    return POLICIES[said, terminology.hash]


@cache
def _site(folder: str) -> Site:
    """The trials of a folder, with what they name of the wider catalogue."""
    return load_site(trials=HERE / folder, base=load_terminology())
