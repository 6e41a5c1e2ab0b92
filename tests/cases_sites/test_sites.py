"""Trials of other fields, as a site writes them: clean, counted, tried on patients on both sides of each bound.

Each folder beside this file holds the cases of the site of that name in `demo/sites`, a file a trial; how they are
written: `tests/cases/case.py`. Their policy is the site's own unless they name another one. `cannot` in a file's head
names the answers that a criterion never has, with the reason beside them.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.criteria.model import Criterion, EligibilityCriterion, Leaf, TrialDefinition, parts_of
from adapter.criteria.policy import Policy
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.judgement import Contraindication, Judgement
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.site import Site, load_site
from mappings.site.check import check
from mappings.terminology.related import with_relations
from tests.cases.builder import bundle
from tests.cases.case import Case, cases_of, read_yaml
from tests.cases.compare import differences
from tests.cases.test_cases import as_of
from tests.cases_sites.places import AS_WRITTEN, GAP, NO_DATA, counts, rows, table
from tests.conftest import ROOT

HERE = Path(__file__).parent
SITES = ROOT / "demo/sites"
FILES = sorted(HERE.glob("*/*.yaml"))
CASES = [(path.parent.name, case) for path in FILES for case in cases_of(path)]
TRUTHS = {"met", "not-met", "unknown"}
LEAST_AS_WRITTEN = 0.85


@dataclass(frozen=True, slots=True)
class Trials:
    """A site as its cases see it."""

    folder: Path
    site: Site
    bound: dict[str, BoundDefinition]
    policy: Policy

    @property
    def own(self) -> list[TrialDefinition]:
        """The trials that stand in its folder."""
        names = {path.stem for path in (self.folder / "trials").glob("*.yaml")}
        return sorted((each for each in self.site.definitions if each.id in names), key=lambda each: each.id)


@cache
def trials(name: str) -> Trials:
    """A site's folder, loaded once."""
    loaded = load_site(SITES / name)
    site = replace(loaded, terminology=with_relations(loaded.terminology))  # as every command has it
    names = {path.stem for path in (SITES / name / "trials").glob("*.yaml")}
    bound = {each.id: bind(each, site.terminology) for each in site.definitions if each.id in names}
    return Trials(SITES / name, site, bound, load_policy(SITES / name / "policy.yaml", terminology=site.terminology))


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}: {case.at}" for name, case in CASES])
def test_a_case_comes_out_as_it_says(name: str, case: Case, tmp_path: Path) -> None:
    """A clinician's expectation holds."""
    held = trials(name)
    policy = _policy(held, case["policy"], tmp_path)
    record = read_record(bundle(case["patient"] or {}, case["record"] or []), held.site.terminology)
    (verdict,) = evaluate_all((held.bound[case["study"]],), record, as_of(case["as-of"], policy), policy)
    wrong = list(differences(case, verdict))
    assert not wrong, "\n".join(wrong)


def _policy(held: Trials, said: str | dict[str, Any] | None, folder: Path) -> Policy:
    if said is None:
        return held.policy
    if isinstance(said, str):
        return load_policy(said, terminology=held.site.terminology)
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(said), encoding="utf-8")
    return load_policy(path, terminology=held.site.terminology)


NAMES = sorted(path.parent.name for path in SITES.glob("*/README.md"))


@pytest.mark.parametrize("name", NAMES)
def test_check_finds_nothing(name: str) -> None:
    """No error, and no warning but of diagnoses without codes of a personal history, which leaves a question."""
    meant = ("personal history", "goes before the shipped one")  # older than the histories, and than the wide catalogue
    found = map(str, check(SITES / name))
    assert [each for each in found if not any(words in each for words in meant)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_computed_criterion_is_met_missed_and_unknown_in_some_case(name: str) -> None:
    """What data decide has a patient for each answer."""
    lacking = {}
    for trial in trials(name).own:
        files = [path for path in FILES if path.parent.name == name and read_yaml(path)["study"] == trial.id]
        cannot = {key: set(said) for path in files for key, said in (read_yaml(path).get("cannot") or {}).items()}
        cases = [case for path in files for case in cases_of(path)]
        for top in trial.criteria:
            if not all(row.how in {NO_DATA, GAP} for row in rows(top)):
                seen = {(case["expect"] or {}).get(top.id, "").split(" ")[0] for case in cases}
                if missing := TRUTHS - seen - cannot.get(top.id, set()):
                    lacking[f"{trial.id} {top.id}"] = sorted(missing)
    assert lacking == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_person_judges_is_said_to_be_lost(name: str) -> None:
    """Only where a row says so is a judgement, and where it says so there is one."""
    wrong = []
    for trial in trials(name).own:
        for top in trial.criteria:
            hows, judged = {row.how for row in rows(top)}, _is_judged(top)
            if (judged and hows == {AS_WRITTEN}) or (not judged and hows & {GAP, NO_DATA}):
                wrong.append(f"{trial.id} {top.id}")
    assert wrong == []


def _is_judged(top: EligibilityCriterion) -> bool:
    return any(isinstance(leaf, Judgement | Contraindication | ResearchConsent) for leaf in _leaves(top.criterion))


def _leaves(criterion: Criterion) -> list[Leaf]:
    below = parts_of(criterion.statement)
    return [leaf for part in below for leaf in _leaves(part)] if below else [criterion.statement]  # type: ignore[list-item]  # what has no parts is a leaf


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_counts_what_the_trials_say(name: str) -> None:
    """Its table is the one that follows from the sources, and most of what data could answer is computed as written."""
    own = trials(name).own
    assert "\n".join(table(own)) in (SITES / name / "README.md").read_text(encoding="utf-8")
    _, answerable, as_written, *_ = counts(row for each in own for top in each.criteria for row in rows(top))
    assert as_written / answerable >= LEAST_AS_WRITTEN
