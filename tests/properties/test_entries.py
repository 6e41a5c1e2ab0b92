"""Entries of lists, whatever they say: what they may never come to, and how long an answer stands."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.policy import Policy
from adapter.criteria.truth import Truth
from adapter.evaluator import Verdict, bind, evaluate_all
from adapter.record.facts import EntryList
from mappings.trial import load_definition
from mappings.trial.fhir import parse, resources_of
from tests.cases.builder import resource
from tests.properties.core import STRICT, TERMINOLOGY, ZONES, Json, answers, encoded, in_zone, record_of
from tests.properties.entries import entry
from tests.properties.times import AS_OFS

CASES = Path(__file__).parent.parent / "cases" / "trials"
DEFINITIONS = [load_definition(CASES / f"{name}.yaml", terminology=TERMINOLOGY) for name in ("entries", "person")]
BOUND = tuple(bind(each, TERMINOLOGY) for each in DEFINITIONS)
OF_LISTS = frozenset({"E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E13", "I1", "I2", "I3"})
COMPLETE = replace(STRICT, complete_lists=frozenset(each.value for each in EntryList))
POLICIES = st.builds(in_zone, st.sampled_from([STRICT, COMPLETE]), st.sampled_from(ZONES))
SILENT = {"no-known-devices", "no-family-history"}
MILLISECOND = timedelta(milliseconds=1)


def _patient(seed: int) -> list[Json]:
    rng = Random(seed)  # noqa: S311  # made-up patients
    person = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1966-05-02"}
    return [person, *(entry(rng, number) for number in range(rng.randint(0, 6)))]


patients = st.builds(_patient, st.integers(min_value=0, max_value=2**32))


def verdicts(patient: list[Json], as_of: datetime, policy: Policy) -> tuple[Verdict, ...]:
    """The verdicts for the trials of the cases."""
    return evaluate_all(BOUND, record_of(patient), as_of, policy)


def _says(patient: list[Json], absence: Callable[[str], bool]) -> bool:
    return absence(msgspec.json.encode(patient[1:]).decode())


def _denies(text: str) -> bool:
    return "no-known-devices" in text or "160266009" in text


@given(patients, AS_OFS, st.randoms(use_true_random=False))
def test_their_order_says_nothing(patient: list[Json], as_of: datetime, rng: Random) -> None:
    """The same resources in another order give the same bytes."""
    shuffled = rng.sample(patient, len(patient))
    assert encoded(verdicts(patient, as_of, COMPLETE)) == encoded(verdicts(shuffled, as_of, COMPLETE))


@given(patients, AS_OFS)
def test_nothing_is_denied_without_a_word(patient: list[Json], as_of: datetime) -> None:
    """Where nobody says that there are none, and no policy that lists are complete, no list denies anything."""
    if _says(patient, _denies):
        return
    entries, _ = verdicts(patient, as_of, STRICT)
    assert [each.id for each in entries.criteria if each.id in OF_LISTS and each.result is Truth.NOT_MET] == []


@given(patients, AS_OFS)
def test_what_nobody_has_classified_takes_away_every_no(patient: list[Json], as_of: datetime) -> None:
    """An entry in words only, of today, in each list: nothing is denied any more, and nothing is met by it."""
    words = {"text": "something"}
    more: list[Json] = [
        {"device": {"code": words}},
        {"encounter": {"class": "inpatient", "type": words, "from": "2026-02-28", "reason": words}},
        {"relative": {"conditions": [words], "relation": "mother"}},
        {"participant": {"status": "off-study"}},
        {"plan": {"code": words}},
        {"adverse-event": {"code": words}},
        {"report": {"code": words, "words": "something"}},
        {"specimen": {"code": words}},
    ]
    added = [resource(each, 100 + place) for place, each in enumerate(more)]
    before, _ = verdicts(patient, as_of, COMPLETE)
    after, _ = verdicts([*patient, *added], as_of, COMPLETE)
    for one, other in zip(before.criteria, after.criteria, strict=True):
        if one.id in OF_LISTS - {"E2"}:  # a stay in hospital of that day is one
            assert other.result is not Truth.NOT_MET
            assert other.result is not Truth.MET or one.result is Truth.MET


OLD = "2009-03-01"
OVER: list[Json] = [
    {"device": {"code": "pacemaker", "status": "inactive"}},
    {"used": {"device": "Device/gone", "status": "completed", "on": OLD}},
    {"encounter": {"class": "inpatient", "status": "finished", "from": OLD, "to": OLD}},
    {"relative": {"relation": "mother", "conditions": ["pneumonia"], "recorded": OLD}},
    {"participant": {"study": "x", "status": "off-study", "from": OLD, "to": OLD}},
    {"plan": {"code": "hsct", "status": "completed", "on": OLD, "authored": OLD}},
    {"adverse-event": {"code": "pneumonia", "on": OLD}},
    {"report": {"code": "brain-mri", "on": OLD, "concludes": ["dementia"]}},
    {"specimen": {"code": "ffpe", "status": "unavailable", "on": OLD}},
    {"vaccinated": {"code": "mmr", "on": OLD}},
    {"condition": {"code": "gvhd", "clinical": "resolved", "on": OLD, "abated": OLD}},
    {"given": {"code": "ondansetron-atc", "on": OLD}},
]
"""Entries that were over many years ago."""


@given(patients, AS_OFS, st.sampled_from(OVER), st.sampled_from([STRICT, COMPLETE]))
def test_what_was_over_long_ago_denies_nothing(
    patient: list[Json], as_of: datetime, over: Json, policy: Policy
) -> None:
    """What nobody knew, an old entry of whatever list doesn't deny."""
    before, _ = verdicts(patient, as_of, policy)
    after, _ = verdicts([*patient, resource(over, 100)], as_of, policy)
    assert [
        one.id
        for one, other in zip(before.criteria, after.criteria, strict=True)
        if one.result is Truth.UNKNOWN and other.result is Truth.NOT_MET
    ] == []


@given(patients, AS_OFS, st.sampled_from([STRICT, COMPLETE]))
def test_without_an_entry_that_counts_nothing_is_met(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """What was entered in error, not done, cancelled or withdrawn is none of what is asked."""
    without = {
        "Device": "entered-in-error",
        "DeviceUseStatement": "entered-in-error",
        "Encounter": "cancelled",
        "FamilyMemberHistory": "entered-in-error",
        "ResearchSubject": "withdrawn",
        "ServiceRequest": "revoked",
        "DiagnosticReport": "cancelled",
        "Specimen": "entered-in-error",
        "Immunization": "not-done",
    }
    kept = [
        {**each, "status": without[each["resourceType"]]} if each["resourceType"] in without else each
        for each in patient
        if each["resourceType"] != "AdverseEvent"
    ]
    found, _ = verdicts(kept, as_of, policy)
    assert [each.id for each in found.criteria if each.id in OF_LISTS | {"E12"} and each.result is Truth.MET] == []


@given(patients, AS_OFS, st.sampled_from(["conclusion", "note"]))
def test_a_device_in_a_sentence_is_never_denied(patient: list[Json], as_of: datetime, where: str) -> None:
    """Whatever the list says, a sentence of today that names a pacemaker keeps it a question."""
    said: Json = (
        {"resourceType": "DiagnosticReport", "conclusion": "Pacemaker in situ."}
        if where == "conclusion"
        else {"resourceType": "Observation", "code": {"text": "pulse"}, "note": [{"text": "pacemaker in situ"}]}
    )
    told = {"id": "said", "status": "final", "subject": {"reference": "Patient/p1"}, **said}
    found, _ = verdicts([*patient, told], as_of, COMPLETE)
    assert next(each.result for each in found.criteria if each.id == "E1") is not Truth.NOT_MET


@given(patients, AS_OFS, POLICIES)
def test_an_answer_stands_until_it_says(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """Until the end of its life nothing changes; then something does."""
    record = record_of(patient)
    for place, verdict in enumerate(evaluate_all(BOUND, record, as_of, policy)):
        end = verdict.valid_until
        far = as_of + timedelta(days=5000)
        moments = [far] if end is None else [as_of + (end - as_of) / 2, end - MILLISECOND]
        for moment in moments:
            (later,) = evaluate_all((BOUND[place],), record, max(moment, as_of), policy)
            assert answers(later) == answers(verdict), moment
        if end is not None:
            assert end > as_of
            assert end.tzinfo is UTC
            (then,) = evaluate_all((BOUND[place],), record, end, policy)
            assert answers(then) != answers(verdict)


def test_their_trials_survive_fhir_and_back() -> None:
    """Every field of every kind about entries and persons stands in FHIR, both ways."""
    for definition in DEFINITIONS:
        assert parse(resources_of(definition, TERMINOLOGY), TERMINOLOGY) == definition
