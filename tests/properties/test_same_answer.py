"""What must not change a verdict: repetition, order, other data, the unit of an equal quantity, and hash seeds."""

import hashlib
import os
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.criteria.policy import Policy
from adapter.criteria.truth import Truth
from adapter.evaluator import bind
from tests.properties.core import (
    DEFINITIONS,
    PROBLEM_LIST,
    STRICT,
    TERMINOLOGY,
    ZONES,
    Json,
    answers,
    criteria_json,
    encoded,
    flat,
    in_zone,
    verdicts,
)
from tests.properties.measured import SUBJECT, UCUM, quantity
from tests.properties.patients import patients, resource
from tests.properties.times import AS_OFS, BASE

POLICIES = st.builds(in_zone, st.sampled_from([STRICT, PROBLEM_LIST]), st.sampled_from(ZONES))


@given(patients, AS_OFS, POLICIES)
def test_the_same_inputs_give_the_same_bytes(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """Reading and evaluating again comes to byte-identical verdicts."""
    assert encoded(verdicts(patient, as_of, policy)) == encoded(verdicts(patient, as_of, policy))


@given(patients, AS_OFS, POLICIES, st.randoms(use_true_random=False))
def test_the_order_of_resources_says_nothing(patient: list[Json], as_of: datetime, policy: Policy, rng: Random) -> None:
    """Whichever order the resources come in, the verdicts are byte-identical."""
    shuffled = list(patient)
    rng.shuffle(shuffled)
    assert encoded(verdicts(shuffled, as_of, policy)) == encoded(verdicts(patient, as_of, policy))


@given(patients, AS_OFS, POLICIES)
def test_what_was_evaluated_before_says_nothing(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """Definitions that have seen many patients answer like ones that were bound just now, alone like together."""
    anew = [bind(definition, TERMINOLOGY) for definition in DEFINITIONS]
    found = encoded(verdicts(patient, as_of, policy))
    assert found == encoded(verdicts(patient, as_of, policy, anew))
    assert found == encoded([verdict for each in anew for verdict in verdicts(patient, as_of, policy, (each,))])


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


UNRELATED: list[Json] = [
    {"resourceType": "Condition", "code": _coded("http://snomed.info/sct", "38341003"), "subject": SUBJECT},
    {
        "resourceType": "Observation",
        "status": "final",
        "code": _coded("http://loinc.org", "2951-2"),
        "subject": SUBJECT,
        "effectiveDateTime": "2026-02-28",
        "valueQuantity": {"value": 140, "system": UCUM, "code": "mmol/L"},
    },
    {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "subject": SUBJECT},
    {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": _coded("http://www.whocc.no/atc", "A02BC01"),
        "subject": SUBJECT,
    },
    {
        "resourceType": "Procedure",
        "status": "completed",
        "code": _coded("http://snomed.info/sct", "80146002"),
        "subject": SUBJECT,
    },
]


@pytest.mark.parametrize("unrelated", UNRELATED, ids=lambda resource: resource["resourceType"])
@given(patient=patients, as_of=AS_OFS, policy=POLICIES)
def test_unrelated_data_change_nothing(unrelated: Json, patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """Hypertension, sodium, an encounter, omeprazole, an appendicectomy: no criterion asks, no criterion answers."""
    before = verdicts(patient, as_of, policy)
    after = verdicts([*patient, {**unrelated, "id": "unrelated"}], as_of, policy)
    for one, other in zip(before, after, strict=True):
        assert criteria_json(one) == criteria_json(other)
        assert (one.decision, one.valid_until) == (other.decision, other.valid_until)
        assert one.decision_reasons == other.decision_reasons


@given(patients, AS_OFS)
def test_an_unmapped_code_only_opens_answers(patient: list[Json], as_of: datetime) -> None:
    """A local code is listed beside the verdict; it may make an answer unknown, and never another one."""
    local = {"resourceType": "Condition", "id": "local", "code": _coded("urn:local", "x"), "subject": SUBJECT}
    for one, other in zip(verdicts(patient, as_of, STRICT), verdicts([*patient, local], as_of, STRICT), strict=True):
        for before, after in zip(flat(one.criteria), flat(other.criteria), strict=True):
            assert after.result in (before.result, Truth.UNKNOWN)
        assert len(other.unmapped) == len(one.unmapped) + 1


# Unit -> another unit of the same dimension, and what a number is multiplied with; every product is exact.
EQUAL = {
    "g/L": [("g/dL", "0.1"), ("mg/dL", "100"), ("mg/mL", "1"), ("kg/L", "0.001")],
    "umol/L": [("mmol/L", "0.001"), ("nmol/mL", "1"), ("mol/L", "0.000001")],
    "U/L": [("mU/mL", "1"), ("U/mL", "0.001"), ("kU/L", "0.001")],
    "%": [("1", "0.01")],
    "[IU]/mL": [("[IU]/L", "1000"), ("k[IU]/L", "1")],
    "ms": [("s", "0.001")],
}


def in_other_units(value: object, choice: int) -> object:
    """The same resource with each UCUM quantity written in another unit."""
    if isinstance(value, list):
        return [in_other_units(item, choice) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("value"), Decimal) and value.get("code") in EQUAL:
        others = EQUAL[value["code"]]
        unit, factor = others[choice % len(others)]
        said = {
            key: each for key, each in value.items() if key != "unit"
        }  # the words beside the code are the old unit's
        return {**said, **quantity(value["value"] * Decimal(factor), unit)}
    return {key: in_other_units(item, choice) for key, item in value.items()}


@given(patients, AS_OFS, st.integers(0, 11))
@example([{"resourceType": "Patient", "id": "p1"}, *(resource(n) | {"id": f"r{n}"} for n in range(200))], BASE, 1)
def test_the_unit_of_an_equal_quantity_says_nothing(patient: list[Json], as_of: datetime, choice: int) -> None:
    """7.0 g/dL is 70 g/L, on the bound as beside it, and so are the limits of normal."""
    same = [in_other_units(each, choice) for each in patient]
    for one, other in zip(verdicts(patient, as_of, STRICT), verdicts(same, as_of, STRICT), strict=True):
        assert answers(one) == answers(other)
        assert one.valid_until == other.valid_until


def test_every_equal_unit_is_one_that_converts() -> None:
    """The table above is right: UCUM says so of each pair."""
    for unit, others in EQUAL.items():
        for other, factor in others:
            known = TERMINOLOGY.unit_factor(other, unit)
            assert known is not None, other
            assert known * Decimal(factor).as_integer_ratio()[0] == Decimal(factor).as_integer_ratio()[1], other


_DIGEST = """
import hashlib
from tests.properties.core import STRICT, PROBLEM_LIST, encoded, verdicts
from tests.properties.patients import resource
from tests.properties.times import BASE
found = hashlib.sha256()
for first in range(0, 600, 30):
    made = [{"resourceType": "Patient", "id": "p1", "birthDate": "2010", "gender": "female"}]
    made += [resource(number) | {"id": f"r{number}"} for number in range(first, first + 30)]
    for policy in (STRICT, PROBLEM_LIST):
        found.update(encoded(verdicts(made, BASE, policy)))
print(found.hexdigest())
"""


def test_the_hash_seed_says_nothing() -> None:
    """Another process, whose sets and dicts are hashed otherwise, comes to the same bytes."""
    digests = set()
    for seed in ("0", "1", "42"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(  # noqa: S603  # our own interpreter with a constant script
            [sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True, env=environment
        )
        digests.add(run.stdout.strip())
    assert len(digests) == 1
    assert digests != {hashlib.sha256().hexdigest()}
