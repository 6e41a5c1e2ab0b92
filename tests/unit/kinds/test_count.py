"""Different drugs of a class: what proves that two entries are two drugs, with a site's own concepts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.evaluator import bind, evaluate
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.site import load_site

TRIAL = """
id: arthritis
version: 1.0.0
completeness: full
concepts:
  exposures:
    csdmard:
      title: Conventional DMARD
      codes:
        - atc: L01BA01 (methotrexate)
        - atc: L04AX03 (methotrexate)
        - atc: A07EC01 (sulfasalazine)
        - atc: L04AK (Dihydroorotate dehydrogenase inhibitors)
        - atc: P01BA (Aminoquinolines)
study: {title: Arthritis, status: recruiting}
criteria:
  - {id: I1, kind: inclusion, label: Two drugs, source: none, count: {exposures: [csdmard], of: drugs, at-least: 2}}
"""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("L01BA01", "L04AX03", "unknown"),  # one drug: a cytostatic, and an immunosuppressant
        ("L01BA01", "A07EC01", "met"),
        ("P01BA01", "P01BA02", "met"),  # of one chemical subgroup, in which a drug has one code
        ("L04AK01", "P01BA02", "unknown"),  # nobody says what they are called
        ("L01BA01", "L01BA01", "unknown"),
    ],
)
def test_a_drug_of_two_codes_is_one(tmp_path: Path, one: str, other: str, expected: str) -> None:
    """Two codes are two drugs only by their names, or within a subgroup of ATC."""
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "arthritis.yaml").write_text(TRIAL)
    site = load_site(tmp_path)
    (trial,) = (each for each in site.definitions if each.id == "arthritis")
    record = [
        {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01"},
        *(
            {
                "resourceType": "MedicationAdministration",
                "id": f"m{month}",
                "status": "completed",
                "subject": {"reference": "Patient/p"},
                "effectiveDateTime": f"2025-{month}-01",
                "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": code}]},
            }
            for month, code in (("01", one), ("06", other))
        ),
    ]
    data = json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in record]}
    )
    patient = read_record(data.encode(), site.terminology)
    verdict = evaluate(bind(trial, site.terminology), patient, datetime(2026, 3, 1, tzinfo=UTC), load_policy("strict"))
    assert [each.result for each in verdict.criteria] == [expected]
