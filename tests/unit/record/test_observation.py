"""Observation -> facts: status, time, value, components, attestations."""

from decimal import Decimal

import pytest

from adapter.record import PatientRecord
from adapter.record.facts import Amount, ObservationFact
from tests.build import (
    ECOG,
    LOINC,
    PREGNANCY_STATUS,
    REAGIN,
    SNOMED,
    UCUM,
    Json,
    attestation,
    concept,
    observation,
    quantity,
)
from tests.unit.record.conftest import Read

G_PER_L = {"valueQuantity": quantity(80, "g/L")}
NOTHING_COMPARABLE = ("valueSampledData", "valueTime", "valueDateTime", "valuePeriod")


def the_fact(record: PatientRecord, analyte: str = "haemoglobin") -> ObservationFact:
    """The only fact of an analyte."""
    (fact,) = record.observations[analyte]
    return fact


def paths(record: PatientRecord) -> list[str]:
    """Where the issues are."""
    return [issue.path for issue in record.issues]


@pytest.mark.parametrize("status", ["registered", "preliminary", "final", "amended", "corrected", "unknown"])
def test_a_status_that_may_count_is_kept(read_with: Read, status: str) -> None:
    """What isn't final is kept with its status: it explains why an answer is open."""
    assert the_fact(read_with(observation(status=status, **G_PER_L))).status == status


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_status_that_never_counts_leaves_nothing(read_with: Read, status: str) -> None:
    """An error or a cancelled order is no measurement, and no trouble."""
    record = read_with(observation(status=status, **G_PER_L))
    assert not record.observations
    assert not record.issues
    assert not record.unmapped


@pytest.mark.parametrize("status", [None, "done", "Final", ""])
def test_a_missing_or_unknown_status_is_an_issue(read_with: Read, status: str | None) -> None:
    """Nothing says whether such a value counts: its status is unknown."""
    resource = observation(status=status, **G_PER_L)
    record = read_with({name: value for name, value in resource.items() if value is not None})
    assert the_fact(record).status == "unknown"
    assert paths(record) == ["Observation.status"]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"effectiveDateTime": "2026-02-20"}, "2026-02-20"),
        ({"effectiveInstant": "2026-02-20T10:00:00Z"}, "2026-02-20T10:00:00Z"),
        ({"effectivePeriod": {"start": "2026-01-01", "end": "2026-02-01"}}, "2026-02-01"),
        ({"effectivePeriod": {"start": "2026-01-01"}, "issued": "2026-02-02T10:00:00Z"}, "2026-02-02T10:00:00Z"),
        ({"effectiveTiming": {"event": ["2026-01-01"]}, "issued": "2026-02-02T10:00:00Z"}, "2026-02-02T10:00:00Z"),
        ({"effectiveDateTime": "2026-02-20", "issued": "2026-02-02T10:00:00Z"}, "2026-02-20"),
        ({"issued": "2026-02-02T10:00:00Z"}, "2026-02-02T10:00:00Z"),
        ({"effectivePeriod": {"start": "2026-01-01"}}, "2026-01-01"),
        ({}, None),
    ],
)
def test_the_time_of_a_measurement(read_with: Read, elements: Json, expected: str | None) -> None:
    """effectiveDateTime, -Instant or the end of effectivePeriod; without one, issued; else it is undated."""
    bare = {name: value for name, value in observation(**G_PER_L).items() if name != "effectiveDateTime"}
    when = the_fact(read_with(bare | elements)).when
    assert (when.text if when else None) == expected


def test_an_unreadable_time_is_no_reason_to_take_another(read_with: Read) -> None:
    """A bad effectiveDateTime leaves the value undated, with an issue; issued does not stand in for it."""
    record = read_with(observation(effectiveDateTime="last week", issued="2026-02-02T10:00:00Z", **G_PER_L))
    assert the_fact(record).when is None
    assert paths(record) == ["Observation.effectiveDateTime"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (quantity(80, "g/L"), Amount(Decimal(80), Decimal(80), unit="g/L", text="g/L")),
        (quantity(80, "g/L", unit="grams"), Amount(Decimal(80), Decimal(80), unit="g/L", text="grams")),
        ({"value": 80, "unit": "g/l"}, Amount(Decimal(80), Decimal(80), text="g/l")),
        ({"value": 80, "code": "g/l"}, Amount(Decimal(80), Decimal(80), text="g/l")),
        ({"value": 80, "system": "urn:other", "code": "X"}, Amount(Decimal(80), Decimal(80), text="X")),
        ({"value": 80}, Amount(Decimal(80), Decimal(80))),
        (quantity(0, "g/L"), Amount(Decimal(0), Decimal(0), unit="g/L", text="g/L")),
        (quantity(-2.5, "g/L"), Amount(Decimal("-2.5"), Decimal("-2.5"), unit="g/L", text="g/L")),
        (quantity(80, "g/L", comparator="<"), Amount(None, Decimal(80), high_open=True, unit="g/L", text="g/L")),
        (quantity(80, "g/L", comparator="<="), Amount(None, Decimal(80), unit="g/L", text="g/L")),
        (quantity(80, "g/L", comparator=">"), Amount(Decimal(80), None, low_open=True, unit="g/L", text="g/L")),
        (quantity(80, "g/L", comparator=">="), Amount(Decimal(80), None, unit="g/L", text="g/L")),
    ],
)  # fmt: skip
def test_a_quantity_is_an_interval(read_with: Read, value: Json, expected: Amount) -> None:
    """A comparator opens the interval to one side; only a UCUM code is a unit, anything else is text."""
    record = read_with(observation(valueQuantity=value))
    assert the_fact(record).amount == expected
    assert record.issues == ()


def test_a_decimal_keeps_its_digits(read: Read) -> None:
    """A number is never turned into a float on the way."""
    text = '{"resourceType":"Observation","id":"o1","status":"final","subject":{"reference":"Patient/p1"},'
    text += f'"code":{{"coding":[{{"system":"{LOINC}","code":"718-7"}}]}},'
    text += f'"valueQuantity":{{"value":7.10000000000000000001,"system":"{UCUM}","code":"g/L"}}}}'
    record = read(f'[{{"resourceType":"Patient","id":"p1"}},{text}]'.encode())
    amount = the_fact(record).amount
    assert amount is not None
    assert str(amount.low) == "7.10000000000000000001"
    assert the_fact(record).shown == "7.10000000000000000001 g/L"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (quantity(5, "g/L"), quantity(9, "g/L"), Amount(Decimal(5), Decimal(9), unit="g/L", text="g/L")),
        (quantity(5, "g/L"), None, Amount(Decimal(5), None, unit="g/L", text="g/L")),
        (None, quantity(9, "g/L"), Amount(None, Decimal(9), unit="g/L", text="g/L")),
    ],
)
def test_a_range_is_a_closed_interval(read_with: Read, low: Json | None, high: Json | None, expected: Amount) -> None:
    """A Range reaches from its low end to its high end; a missing end is open."""
    ends = {name: end for name, end in (("low", low), ("high", high)) if end}
    assert the_fact(read_with(observation(valueRange=ends))).amount == expected


@pytest.mark.parametrize(
    "ends",
    [
        {"low": quantity(9, "g/L"), "high": quantity(5, "g/L")},
        {"low": quantity(5, "g/L"), "high": quantity(9, "mg/L")},
    ],
)
def test_a_range_whose_ends_do_not_fit_is_an_issue(read_with: Read, ends: Json) -> None:
    """Ends in the wrong order, or in two units, are no interval."""
    record = read_with(observation(valueRange=ends))
    assert the_fact(record).amount is None
    assert paths(record) == ["Observation.valueRange"]


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ({"numerator": {"value": 1}, "denominator": {"value": 128}}, Decimal(128)),
        ({"numerator": {"value": 2}, "denominator": {"value": 128}}, None),
        ({"numerator": {"value": 1}}, None),
        ({}, None),
    ],
)
def test_a_titre_is_the_number_it_was_diluted_to(read_with: Read, ratio: Json, expected: Decimal | None) -> None:
    """1:128 is the number 128; another Ratio is shown and compares with nothing."""
    amount = the_fact(read_with(observation(REAGIN, valueRatio=ratio)), "syphilis-reagin").amount
    assert (amount.low if amount else None) == expected


def test_coded_values_come_to_value_sets_and_numbers(read_with: Read) -> None:
    """An answer code of a score is its number, a qualitative one its value sets."""
    score = the_fact(read_with(observation(ECOG, valueCodeableConcept=concept(LOINC, "LA9623-5"))), "ecog")
    assert score.answer == 1
    status = observation(PREGNANCY_STATUS, valueCodeableConcept=concept(SNOMED, "77386006", display="Pregnant"))
    found = the_fact(read_with(status), "pregnancy-status")
    assert found.coded is not None
    assert "result-positive" in found.coded
    assert found.shown == "Pregnant"
    strange = the_fact(read_with(observation(ECOG, valueCodeableConcept=concept("urn:x", "y"))), "ecog")
    assert (strange.coded, strange.answer, strange.shown) == (frozenset(), None, "y")


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_stays_one(read_with: Read, value: bool) -> None:  # noqa: FBT001  # the value itself
    """valueBoolean is a boolean, and false is a value."""
    fact = the_fact(read_with(observation(valueBoolean=value)))
    assert fact.boolean is value
    assert fact.shown == str(value).lower()


def test_text_and_whole_numbers(read_with: Read) -> None:
    """valueString stays text; valueInteger is a number without unit."""
    assert the_fact(read_with(observation(valueString=" Positive "))).string == " Positive "
    assert the_fact(read_with(observation(ECOG, valueInteger=0)), "ecog").amount == Amount(Decimal(0), Decimal(0))


def test_a_broken_integer_is_an_issue(read_with: Read) -> None:
    """valueInteger with a fraction is no integer: it is named, not read."""
    record = read_with(observation(ECOG, valueInteger=1.5))
    assert record.observations["ecog"][0].amount is None
    assert paths(record) == ["Observation.valueInteger"]


@pytest.mark.parametrize("element", NOTHING_COMPARABLE)
def test_a_value_that_compares_with_nothing_is_a_measurement_all_the_same(read_with: Read, element: str) -> None:
    """Such a value is kept, so that the answer says that it can't be compared."""
    content = {"valueSampledData": {"dimensions": 1}, "valuePeriod": {"start": "2026"}}.get(element, "10:00:00")
    fact = the_fact(read_with(observation(**{element: content})))
    assert (fact.element, fact.amount, fact.coded, fact.string, fact.boolean) == (element, None, None, None, None)


def test_interpretation_alone_is_a_value(read_with: Read) -> None:
    """Some laboratories send the finding as an interpretation only."""
    positive = concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "POS")
    fact = the_fact(read_with(observation(REAGIN, interpretation=[positive])), "syphilis-reagin")
    assert fact.element == "interpretation"
    assert "result-positive" in fact.interpretation


def test_no_value_with_a_reason_is_no_measurement(read_with: Read) -> None:
    """dataAbsentReason without a value says that nothing was measured."""
    record = read_with(observation(dataAbsentReason=concept(None, "not-performed")))
    assert not record.observations
    assert record.issues == ()


def test_more_than_one_value_is_an_issue(read_with: Read) -> None:
    """FHIR allows one value[x]; with two, neither is trusted."""
    record = read_with(observation(valueString="x", **G_PER_L))
    assert the_fact(record).amount is None
    assert paths(record) == ["Observation.value[x]"]


def test_components_are_read_like_observations(read_with: Read) -> None:
    """A component has its own code and value, and its panel's status and time."""
    parts = [
        {"code": concept(LOINC, "718-7"), **G_PER_L},
        {"code": concept(LOINC, ECOG), "valueInteger": 1},
        {"code": concept("urn:local", "x"), "valueInteger": 1},
    ]
    panel = observation("58410-2", component=parts, status="amended")
    record = read_with(panel)
    fact = the_fact(record)
    assert (fact.element, fact.status) == ("component[0].valueQuantity", "amended")
    assert fact.when is not None
    assert fact.when.text == "2026-02-20"
    assert the_fact(record, "ecog").element == "component[1].valueInteger"
    (unknown,) = record.unmapped
    assert (unknown.resource, unknown.system, unknown.code) == ("Observation/o1", "urn:local", "x")


def test_a_panel_with_a_value_and_an_unknown_code_is_unmapped(read_with: Read) -> None:
    """Components don't excuse an unknown code that has a value of its own."""
    panel = observation("", component=[{"code": concept(LOINC, "718-7"), **G_PER_L}], valueString="x")
    panel["code"] = concept("urn:local", "y")
    assert [entry.code for entry in read_with(panel).unmapped] == ["y"]


def test_a_pure_panel_with_an_unknown_code_is_none(read_with: Read) -> None:
    """A panel that only groups its components is no measurement that could be missed."""
    panel = observation(component=[{"code": concept(LOINC, "718-7"), **G_PER_L}]) | {"code": concept("urn:local", "y")}
    assert read_with(panel).unmapped == ()


def test_attestations_stand_apart(read_with: Read) -> None:
    """A word on a criterion is kept by its code, with whether somebody stands for it."""
    record = read_with(attestation())
    (fact,) = record.attestations["nct04785833.I3"]
    assert (fact.boolean, bool(fact.performer)) == (True, True)
    (alone,) = read_with(attestation(performer=[])).attestations["nct04785833.I3"]
    assert not alone.performer
