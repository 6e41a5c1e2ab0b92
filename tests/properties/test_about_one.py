"""Criteria of the trials of the cases, one at a time, on patients made about them.

Of measurements, changes and variants: what nobody can read settles nothing, what is old says nothing, and answers hold
as long as they say. Of sequences, links, counts and lines: no negative outlives what could contradict it. Of all:
nothing is met without evidence.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from adapter.criteria.catalogue import Scale
from adapter.criteria.model import Done, Leaf
from adapter.criteria.policy import Policy
from adapter.criteria.truth import Truth
from adapter.evaluator import BoundDefinition, CriterionResult, Reason, Verdict, evaluate_all
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ATTESTATION, CONDITION, ENCOUNTER, EXPOSURE, OBSERVATION, Read
from adapter.kinds.change import Change
from adapter.kinds.events.count import HowMany
from adapter.kinds.events.lines import LinesOfTherapy
from adapter.kinds.events.linked import Linked
from adapter.kinds.events.sequence import Order
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.kinds.variant.statement import Variant
from adapter.record import read_record
from adapter.record.facts import EntryList
from tests.agreement.about import Matter, about
from tests.agreement.genomic import genomic
from tests.agreement.shapes import reshaped
from tests.agreement.site import POLICIES, STRICT, TERMINOLOGY, THE_CASES
from tests.build import TERMS, concept
from tests.properties.core import Json, answers, flat, written
from tests.properties.measured import SUBJECT
from tests.properties.patients import GONE, person
from tests.properties.times import BASE

Reading = Measurement | Change | Variant
Event = Order | Linked | HowMany | LinesOfTherapy


class Place(NamedTuple):
    """A criterion."""

    bound: BoundDefinition
    id: str
    leaf: Leaf


EVERY = {
    f"{bound.definition.id} {each.id}": Place(bound, each.id, each.statement)
    for bound in THE_CASES.bounds
    for each in bound.definition.walk()
    if each.id is not None and isinstance(each.statement, Leaf)
}
"""Of every kind."""
ALL = {name: each for name, each in EVERY.items() if isinstance(each.leaf, Reading | Event)}
PLACES = {name: each for name, each in ALL.items() if isinstance(each.leaf, Reading)}
EVENTS = {name: each for name, each in ALL.items() if isinstance(each.leaf, Event)}
ON_RESULTS = sorted(
    name
    for name, each in PLACES.items()
    if {read.data for read in reads_of(each.leaf, TERMINOLOGY.catalogue)} <= {OBSERVATION, ATTESTATION}
)
"""Those for which no diagnosis or drug counts, as in a score."""
names, seeds = st.sampled_from(sorted(PLACES)), st.integers(0, 2**32)
BY_ID = {each.id: each for each in POLICIES}
policies = st.sampled_from(sorted(BY_ID))
events = st.sampled_from(sorted(EVENTS))
ASSUMING = replace(
    STRICT,
    assumed_absent=frozenset(TERMINOLOGY.catalogue.conditions) | frozenset(TERMINOLOGY.catalogue.exposures),
    complete_lists=frozenset(each.value for each in EntryList),
)
ON_A_LIST = (Reason.RESOLVED, Reason.REFUTED, Reason.EXPLICITLY_ABSENT, Reason.ASSUMED_ABSENT)


def patient(place: Place, seed: int) -> list[Json]:
    """Somebody with a few entries that the criterion reads, near its bounds, some of them in other forms."""
    rng = Random(seed)  # noqa: S311  # made-up patients
    return reshaped(_plain(place, rng), rng)


def _plain(place: Place, rng: Random) -> list[Json]:
    return [person(rng), *about(Matter(place.leaf, TERMINOLOGY), rng)]


def result(place: Place, resources: list[Json], policy: Policy) -> CriterionResult:
    """What the criterion comes to."""
    record = read_record(written(resources), TERMINOLOGY, subject="p1")
    (verdict,) = evaluate_all((place.bound,), record, BASE, policy)
    return next(each for each in flat(verdict.criteria) if each.id == place.id)


def truth(place: Place, resources: list[Json], policy: str) -> Truth:
    """Its truth."""
    return result(place, resources, BY_ID[policy]).result


AGO = (timedelta(0), timedelta(hours=5), timedelta(days=100))
"""Now, and so long before that windows and distances between values are kept."""


def _unreadable(leaf: Leaf, number: int) -> Json:
    """A final result that says nothing that can be read."""
    made: Json = {"resourceType": "Observation", "id": f"more-{number}", "status": "final", "subject": SUBJECT}
    made["effectiveDateTime"] = (BASE - AGO[number]).isoformat()
    if isinstance(leaf, Variant):
        found = genomic(leaf, Random(number))  # noqa: S311  # made-up patients
        parts = [{**found["component"][0], "valueCodeableConcept": {"text": gene}} for gene in leaf.genes]
        return {**made, "code": found["code"], "component": parts[:1], "valueCodeableConcept": {"text": "see report"}}
    assert isinstance(leaf, Measurement | Change)
    coding = TERMINOLOGY.codes(leaf.analyte)[0]
    return {**made, "code": concept(coding.system, coding.code), "valueString": f"see report {number}"}


def _open(leaf: Leaf) -> frozenset[Truth]:
    """What is still possible beside such results: of several one may satisfy, and one may not."""
    if isinstance(leaf, Variant) or (isinstance(leaf, Measurement) and leaf.test is Done.MEASURED):
        return frozenset({Truth.UNKNOWN, Truth.MET})
    if isinstance(leaf, Measurement) and leaf.share is not None:
        return frozenset(Truth)  # so many others may decide
    if isinstance(leaf, Measurement) and leaf.taken is not Selection.LATEST:
        return frozenset({Truth.UNKNOWN, Truth.NOT_MET if leaf.taken is Selection.ALL else Truth.MET})
    return frozenset({Truth.UNKNOWN})


@given(name=names, seed=seeds, policy=policies)
def test_what_nobody_can_read_settles_nothing(name: str, seed: int, policy: str) -> None:
    """Beside final results in words, the last of them of now, no older result decides in their place."""
    place = PLACES[name]
    more = [_unreadable(place.leaf, number) for number in range(len(AGO))]
    assert truth(place, [*patient(place, seed), *more], policy) in _open(place.leaf)


@given(name=names, seed=seeds, policy=policies)
def test_what_is_old_says_nothing(name: str, seed: int, policy: str) -> None:
    """Results of twenty years ago change no answer; a variant that was found then is one, and denies nothing."""
    place = PLACES[name]
    kept = patient(place, seed)
    old = [
        {**each, "id": f"old-{number}", "status": "final", "effectiveDateTime": "2006-03-01"}
        for number, each in enumerate(_plain(place, Random(seed + 1)))  # noqa: S311  # made-up patients
        if each["resourceType"] == "Observation"
    ]
    before, after = truth(place, kept, policy), truth(place, [*kept, *old], policy)
    if isinstance(place.leaf, Variant):
        assert after is not Truth.NOT_MET or before is Truth.NOT_MET
    else:
        assert after is before


@given(name=st.sampled_from(ON_RESULTS), seed=seeds, policy=policies)
def test_without_results_nothing_is_settled(name: str, seed: int, policy: str) -> None:
    """With every result taken back, it is neither met nor denied."""
    place = PLACES[name]
    kept = [
        {**each, "status": "entered-in-error"} if each["resourceType"] == "Observation" else each
        for each in patient(place, seed)
    ]
    assert truth(place, kept, policy) is Truth.UNKNOWN


TODAY = BASE.date().isoformat()
WORDS: Json = {"text": "nobody knows"}
UNCLASSIFIED: list[Json] = [
    {"resourceType": "Condition", "code": WORDS, "onsetDateTime": TODAY, "recordedDate": TODAY},
    {"resourceType": "Procedure", "status": "completed", "code": WORDS, "performedDateTime": TODAY},
    {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": WORDS,
        "effectivePeriod": {"start": TODAY},
    },
    {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "?"},
        "type": [WORDS],
        "reasonCode": [WORDS],
        "period": {"start": TODAY, "end": TODAY},
    },
]
"""Of each list that events are read from, an entry of today that nobody has classified."""


@given(name=events, seed=seeds)
def test_what_nobody_has_classified_leaves_no_event_denied(name: str, seed: int) -> None:
    """Whatever a policy assumes, and however complete lists are: one more may be the event, or one more of them."""
    more = [{**each, "id": f"more-{number}", "subject": SUBJECT} for number, each in enumerate(UNCLASSIFIED)]
    found = result(EVENTS[name], [*patient(EVENTS[name], seed), *more], ASSUMING)
    assert (found.reason in ON_A_LIST, found.assumed) == (False, False)


def _old(read: Read, number: int) -> Json:
    """An entry of what is read that was over many years ago."""
    coding = TERMINOLOGY.codes(read.value_set or read.name)[0]
    code, day = concept(coding.system, coding.code), "2006-03-01"
    made: Json = {"id": f"old-{number}", "subject": SUBJECT, "status": "completed"}
    match read.data:
        case data if data == CONDITION:
            over = concept(f"{TERMS}/condition-clinical", "resolved")
            times = {"onsetDateTime": "2006-02-01", "abatementDateTime": day, "recordedDate": "2006-02-01"}
            return {**made, "resourceType": "Condition", "code": code, "clinicalStatus": over, **times}
        case data if data == ENCOUNTER:
            stay = {"class": code["coding"][0], "period": {"start": day, "end": day}, "status": "finished"}
            return {**made, "resourceType": "Encounter", **stay}
        case _:
            given_ = {"medicationCodeableConcept": code, "effectiveDateTime": day}
            return {**made, "resourceType": "MedicationAdministration", **given_}


@given(name=events, seed=seeds, assuming=st.booleans())
def test_what_was_over_denies_no_event(name: str, seed: int, assuming: bool) -> None:  # noqa: FBT001  # of two policies
    """What nobody knew is not denied by entries of twenty years ago; nor are there at most so many for one more."""
    place, policy = EVENTS[name], ASSUMING if assuming else STRICT
    reads = [
        read for read in reads_of(place.leaf, TERMINOLOGY.catalogue) if read.data in (CONDITION, EXPOSURE, ENCOUNTER)
    ]
    old = [_old(read, number) for number, read in enumerate(reads) if TERMINOLOGY.codes(read.value_set or read.name)]
    kept = patient(place, seed)
    before, after = (result(place, each, policy).result for each in (kept, [*kept, *old]))
    limited = getattr(place.leaf, "at_most", None) is not None
    wrong = Truth.MET if limited else Truth.NOT_MET
    assert (before, after) != (Truth.UNKNOWN, wrong)


@given(name=events, seed=seeds, assuming=st.booleans())
def test_without_entries_no_event_is_met(name: str, seed: int, assuming: bool) -> None:  # noqa: FBT001  # as above
    """With every entry refuted, not done or not taken, and every result gone, only "at most so many" is met."""
    place, policy = EVENTS[name], ASSUMING if assuming else STRICT
    kept = [each | GONE.get(each["resourceType"], {"status": "entered-in-error"}) for each in patient(place, seed)]
    found = result(place, kept, policy).result
    assert found is not Truth.MET or getattr(place.leaf, "at_most", None) is not None


LATER = [timedelta(days=days) for days in (1, 31, 366, 4000, 9000)]


# Of a drug that is only known to end on a day to come, why it isn't known since when it is taken changes on that day.
HELD = sorted(name for name, each in EVERY.items() if not (isinstance(each.leaf, Exposure) and each.leaf.asks_time))


@given(name=st.sampled_from(HELD), seed=seeds, policy=policies)
@example(name="circumstances H6", seed=0, policy="problem-list")  # a stay that is told by the day is over with it
@example(name="further N4", seed=22, policy="problem-list")  # a number of lines of a day to come
@example(name="person E3", seed=41, policy="problem-list")  # "no known allergies" of a day to come, beside one
def test_answers_hold_as_long_as_they_say(name: str, seed: int, policy: str) -> None:
    """Until `validUntil` nothing changes, and then something does: also where a formula is for another age."""
    bound = EVERY[name].bound
    record = read_record(written(patient(EVERY[name], seed)), TERMINOLOGY, subject="p1")

    def verdict(at: datetime) -> Verdict:
        return evaluate_all((bound,), record, at, BY_ID[policy])[0]

    now = verdict(BASE)
    end = now.valid_until
    moments = [BASE + step for step in LATER] if end is None else [BASE + (end - BASE) / 2, end - timedelta.resolution]
    assert [answers(verdict(moment)) for moment in moments] == [answers(now)] * len(moments)
    assert end is None or answers(verdict(end)) != answers(now)


def test_every_sort_is_among_them() -> None:
    """The properties are asked of measurements of every scale and selection, and of every other kind that is meant."""
    measured = [each.leaf for each in PLACES.values() if isinstance(each.leaf, Measurement)]
    assert {TERMINOLOGY.catalogue.analytes[each.analyte].scale for each in measured} == set(Scale)
    assert {each.selection for each in measured} >= {Selection.LATEST, Selection.ANY, Selection.ALL}
    assert {type(each.leaf) for each in ALL.values()} == {*get_args(Reading), *get_args(Event)}
