"""Observations that are read quickly are read as the others are: the same facts, issues and unknown codes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from adapter.errors import InputError
from adapter.record import PatientRecord, read_record
from adapter.record.decoded import Line
from adapter.record.facts import ObservationFact
from adapter.record.plain_observation import PlainObservations
from demo.cohort import cohort
from tests.build import ATTESTATION, LOINC, concept, observation, patient, quantity
from tests.properties.core import TERMINOLOGY, written
from tests.properties.patients import patients
from tests.properties.strange import ODD, as_bytes, broken, broken_bundles, broken_patients

COHORT = [content for _, _, content in cohort(30, seed=5)]


@contextmanager
def read_whole() -> Iterator[None]:
    """No Observation is read quickly."""
    with patch.object(PlainObservations, "take", lambda _, lines: next(lines, None)):
        yield


def seen(record: PatientRecord) -> list[object]:
    """What was read of Observations; limits of normal, which are read late, are read."""

    def told(facts: Sequence[ObservationFact]) -> list[object]:
        return [(structs.replace(fact, ranges=None), fact.ranges is None, fact.limits) for fact in facts]

    held = [
        sorted((name, told(facts)) for name, facts in each.items())
        for each in (record.observations, record.attestations)
    ]
    return [
        *held,
        record.issues,
        record.unmapped,
        sorted(record.unread),
        record.other_types,
        record.entries,
        record.mentions,
    ]


def same(data: bytes) -> None:
    """Both ways give the same record, or refuse alike."""
    quick = whole = None
    with suppress(InputError):
        quick = read_record(data, TERMINOLOGY, subject="p1")
    with read_whole(), suppress(InputError):
        whole = read_record(data, TERMINOLOGY, subject="p1")
    assert (quick is None) == (whole is None)
    if quick is not None and whole is not None:
        assert seen(quick) == seen(whole)


@given(patients)
def test_patients(content: list[Any]) -> None:
    """Of any patient."""
    same(written(content))


@given(broken_patients)
def test_broken_patients(content: list[Any]) -> None:
    """Of one with something wrong."""
    same(as_bytes(content))


@given(broken_bundles)
def test_broken_bundles(content: Any) -> None:  # noqa: ANN401  # any JSON
    """The same in Bundles."""
    same(as_bytes(content))


VALUES: dict[str, list[Any]] = {
    "valueQuantity": [
        quantity(71, "g/L"),
        quantity(7.1, "g/dL", unit="g/dl"),
        {"value": "7"},
        {},
        quantity(1, comparator="<"),
    ],
    "valueInteger": [0, 1, 2.5, 10**30, "1"],
    "valueCodeableConcept": [
        concept(LOINC, "LA9622-7"),
        concept(LOINC, "LA6577-6"),
        {"text": "positive"},
        {"coding": [{}]},
    ],
    "valueString": ["negative", "7.1 g/dL", ""],
    "valueBoolean": [True, False],
    "valueRange": [{"low": quantity(1, "g/L")}],
}
MORE: dict[str, list[Any]] = {
    **VALUES,
    "status": ["final", "preliminary", "entered-in-error", "cancelled", "registered", "done", None],
    "code": [concept(LOINC, code) for code in ("718-7", "2160-0", "89247-1", "8480-6", "no-such")]
    + [concept(ATTESTATION, "nct04785833.I1"), concept("http://snomed.info/sct", "422512005"), {"text": "Hb"}, {}],
    "subject": [
        {"reference": "Patient/p1"}, {"reference": "Patient/p2"}, {"display": "her"}, {"identifier": {"value": "1"}}
    ],
    "effectiveDateTime": ["2026-02-20", "2026-02-20T10:00:00+01:00", "2026-02-20T10:00:00Z", "2026-13-01", "", "2026"],
    "issued": ["2026-02-21T10:00:00Z", "yesterday"],
    "effectivePeriod": [{"end": "2026-02-20"}],
    "interpretation": [
        [concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", code)]
        for code in ("H", "N", "QCF", "POS")
    ],
    "referenceRange": [[{"high": quantity(100, "umol/L")}], [], [{"text": "60-100"}], [{"low": {"value": "x"}}], None],
    "performer": [[{"display": "Lab"}], [{"reference": "Organization/1"}], [], [{}]],
    "dataAbsentReason": [{"text": "unknown"}],
    "note": [[{"text": "haemolytic"}]],
    "component": [[{"code": concept(LOINC, "8480-6"), "valueQuantity": quantity(120, "mm[Hg]")}]],
    "hasMember": [[{"reference": "Observation/o2"}], []],
    "meta": [{"versionId": "3"}],
    "bodySite": [{"text": "left arm"}, {"text": "vein"}],
    "device": [{"display": "cuff"}, {}, None],
    "specimen": [
        *({"reference": f"Specimen/s{place}"} for place in range(9)),
        *({"display": words} for words in ("blood", "urine", "venous blood", "donor")),
        {"reference": "#s0"},
        [{"reference": "Specimen/s0"}],
        [{"reference": "Specimen/s0"}, {"reference": "Specimen/s3"}],
        {},
        None,
    ],
}  # fmt: skip
"""Elements of an Observation, with what may stand in them: what is usual, and what is not."""

SPECIMENS: list[dict[str, Any]] = [
    {},
    {"type": {"text": "blood"}, "status": "available", "subject": {"reference": "Patient/p1"}},
    {"type": {"text": "urine"}},
    {"type": {"text": "venous blood"}},
    {"status": "unsatisfactory"},
    {"subject": {"reference": "Patient/p2"}},
    {"condition": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0493", "code": "HEM"}]}]},
    {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
]
"""Of which results can be relied on, the first two, and of which not; one more is not there."""


def specimens() -> list[dict[str, Any]]:
    """All of them."""
    return [{"resourceType": "Specimen", "id": f"s{place}", **each} for place, each in enumerate(SPECIMENS)]


@st.composite
def observations(draw: st.DrawFn) -> dict[str, Any]:
    """An Observation with some elements changed, and sometimes with something odd in one."""
    found = observation(**{name: draw(st.sampled_from(VALUES[name])) for name in (draw(st.sampled_from([*VALUES])),)})
    for name in draw(st.lists(st.sampled_from([*MORE]), max_size=3)):
        odd = draw(st.integers(0, 9)) == 0
        found[name] = draw(st.sampled_from(ODD if odd else MORE[name]))
    return found


@given(st.lists(observations(), min_size=1, max_size=6))
def test_observations(content: list[dict[str, Any]]) -> None:
    """Of Observations alone."""
    named = [each | {"id": f"o{place}"} for place, each in enumerate(content)]
    same(as_bytes([patient(), *named, *specimens()]))


@pytest.mark.parametrize("number", range(len(COHORT)))
def test_cohort(number: int) -> None:
    """Of the demo cohort's patients, as they are and with something wrong."""
    bundle = json.loads(COHORT[number])
    person = next(each["resource"]["id"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient")
    text = json.dumps(bundle).replace(f"Patient/{person}", "Patient/p1").replace(f'"id": "{person}"', '"id": "p1"')
    same(text.encode())
    content = [entry["resource"] for entry in json.loads(text)["entry"]]
    for seed in range(3):
        same(as_bytes(broken(content, 100 * number + seed)))


def test_most_are_plain() -> None:
    """Of the demo cohort, nine of ten Observations at least are read quickly, whatever specimen they are of."""
    assert sum(taken(COHORT)) > 0.9 * results(COHORT) > 0
    of_specimens = [each.replace(b'"subject":', b'"specimen":{"reference":"Specimen/1"},"subject":') for each in COHORT]
    assert sum(taken(of_specimens)) > 0.9 * results(COHORT)


def results(contents: list[bytes]) -> int:
    """How many Observations there are."""
    return sum(content.count(b'"resourceType":"Observation"') for content in contents)


def taken(contents: list[bytes]) -> list[bool]:
    """Which of a cohort's Observations that may be plain are read quickly."""
    found: list[bool] = []
    take = PlainObservations.take

    def counted(self: PlainObservations, lines: Iterator[Line]) -> Line | None:
        asked: list[Line] = []

        def told() -> Iterator[Line]:
            for line in lines:
                asked.append(line)
                yield line

        left = take(self, told())
        found.extend(line is not left for line in asked if line[1] is not None)
        return left

    with patch.object(PlainObservations, "take", counted):
        for content in contents:
            read_record(content, TERMINOLOGY)
    return found


@pytest.mark.parametrize("specimen", MORE["specimen"], ids=str)
def test_specimens(specimen: Any) -> None:  # noqa: ANN401  # any JSON
    """Of each specimen, of what is measured in blood and of what only in arteries."""
    result = observation(valueQuantity=quantity(71, "g/L"), specimen=specimen)
    results = [{**result, "id": code, "code": concept(LOINC, code)} for code in ("718-7", "2708-6", "no-such")]
    same(as_bytes([patient(), *results, *specimens()]))
