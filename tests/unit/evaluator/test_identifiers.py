"""The number by which people at a site know a patient stands in the verdict; every other stays in the record."""

import json
from datetime import UTC, datetime
from pathlib import Path

from adapter.evaluator import bind, evaluate, to_json
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from tests.build import patient

MRN = "http://hospital.smarthealthit.org"
US_CORE = patient(
    identifier=[
        {
            "use": "usual",
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
            "system": MRN,
            "value": "1032702",
        },
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-00-0000"},
        {"type": {"text": "a number without a system"}, "value": "77"},
    ]
)
"""Identifiers as US Core has them: each with a system and a value."""


def test_the_policy_names_the_system(tmp_path: Path) -> None:
    """The medical record number is told, the social security number is not."""
    path = tmp_path / "policy.yaml"
    path.write_text(f"id: p\npatient-identifier-system: {MRN}\n", encoding="utf-8")
    terminology = load_terminology()
    record = read_record(json.dumps([US_CORE]).encode(), terminology)
    bound = bind(load_definitions(terminology=terminology)[0], terminology)
    policy = load_policy(path, terminology=terminology)
    told = to_json(evaluate(bound, record, datetime(2026, 3, 1, tzinfo=UTC), policy))
    assert told["identifiers"] == [{"system": MRN, "value": "1032702"}]
    strict = load_policy("strict", terminology=terminology)
    assert to_json(evaluate(bound, record, datetime(2026, 3, 1, tzinfo=UTC), strict))["identifiers"] == []
