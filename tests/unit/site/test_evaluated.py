"""A site's own concepts as criteria see them: what a newcomer wrote, and what came out."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapter.evaluator import bind, evaluate
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.site import load_site
from mappings.terminology.related import with_relations

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRIAL = """\
id: own
version: 1.0.0
completeness: full
concepts:
  analytes:
    t-score: {title: T-score, scale: score, plausible: [-8, 8], codes: [hospital: T]}
  substances:
    pain-killer:
      title: Pain killer
      codes: [rxnorm: 5640 (ibuprofen)]
      may-be: [rxnorm: 1191 (aspirin)]
    aspirin: {title: Aspirin, codes: [rxnorm: 1191 (aspirin)]}
study: {title: Own, status: recruiting}
criteria:
  - {id: I1, kind: inclusion, label: T-score, source: protocol, measurement: {analyte: t-score, at-most: -2.5}}
  - {id: E1, kind: exclusion, label: Allergies, source: protocol, allergy: {concepts: [pain-killer, aspirin]}}
  - {id: E2, kind: exclusion, label: Allergy, source: protocol, allergy: {concepts: [pain-killer]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The site."""
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials/own.yaml").write_text(TRIAL, encoding="utf-8")
    (tmp_path / "systems.yaml").write_text(
        "systems:\n  - {name: hospital, uri: 'https://hospital.example/codes', title: Own}\n", encoding="utf-8"
    )
    return tmp_path


def _results(folder: Path, *resources: dict[str, Any]) -> dict[str, str]:
    terminology = with_relations((site := load_site(folder)).terminology)
    (own,) = (each for each in site.definitions if each.id == "own")
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01", "gender": "female"}
    of = {"subject": {"reference": "Patient/p"}, "patient": {"reference": "Patient/p"}}
    entries = [patient, *(each | of | {"id": str(number)} for number, each in enumerate(resources))]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in entries]}
    record = read_record(json.dumps(bundle).encode(), terminology)
    verdict = evaluate(bind(own, terminology), record, AS_OF, load_policy("strict"))
    return {each.id: each.result.value for each in verdict.criteria}


@pytest.mark.parametrize(("value", "said"), [(-2.6, "met"), (-2.5, "met"), (-2.4, "not-met"), (2.5, "not-met")])
def test_a_bound_may_be_negative(folder: Path, value: float, said: str) -> None:
    """T-scores and base excess are."""
    coding = {"system": "https://hospital.example/codes", "code": "T"}
    result = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [coding]},
        "effectiveDateTime": "2026-02-28",
        "valueQuantity": {"value": value},
    }
    assert _results(folder, result)["I1"] == said


def test_one_substance_that_it_is_outweighs_one_that_it_may_be(folder: Path) -> None:
    """An allergy to aspirin is one of those that are asked, though it only may be one to a pain killer."""
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1191"}
    allergy = {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [coding]},
    }
    found = _results(folder, allergy)
    assert (found["E1"], found["E2"]) == ("met", "unknown")
