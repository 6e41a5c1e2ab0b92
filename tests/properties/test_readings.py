"""Of measurements, changes and variants: what nobody can read settles nothing, and what is old says nothing.

And how long their answers hold.
"""

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.catalogue import Scale
from adapter.criteria.model import Done
from adapter.criteria.truth import Truth
from adapter.evaluator import BoundDefinition, Verdict, evaluate_all
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ATTESTATION, OBSERVATION
from adapter.kinds.change import Change
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.kinds.variant.statement import Variant
from adapter.record import read_record
from tests.agreement.about import Matter, about
from tests.agreement.genomic import genomic
from tests.agreement.site import POLICIES, TERMINOLOGY, THE_CASES
from tests.build import concept
from tests.properties.core import Json, answers, flat, written
from tests.properties.measured import SUBJECT
from tests.properties.patients import person
from tests.properties.times import BASE

Reading = Measurement | Change | Variant


class Place(NamedTuple):
    """A criterion of the trials of the cases that is about results."""

    bound: BoundDefinition
    id: str
    leaf: Reading


PLACES = {
    f"{bound.definition.id} {each.id}": Place(bound, each.id, each.statement)
    for bound in THE_CASES.bounds
    for each in bound.definition.walk()
    if each.id is not None and isinstance(each.statement, Measurement | Change | Variant)
}
ON_RESULTS = sorted(
    name
    for name, each in PLACES.items()
    if {read.data for read in reads_of(each.leaf, TERMINOLOGY.catalogue)} <= {OBSERVATION, ATTESTATION}
)
"""Those for which no diagnosis or drug counts, as in a score."""
names, seeds = st.sampled_from(sorted(PLACES)), st.integers(0, 2**32)
BY_ID = {each.id: each for each in POLICIES}
policies = st.sampled_from(sorted(BY_ID))


def patient(place: Place, seed: int) -> list[Json]:
    """Somebody with a few results that the criterion reads, near its bounds."""
    rng = Random(seed)  # noqa: S311  # made-up patients
    return [person(rng), *about(Matter(place.leaf, TERMINOLOGY), rng)]


def truth(place: Place, resources: list[Json], policy: str) -> Truth:
    """What the criterion comes to."""
    record = read_record(written(resources), TERMINOLOGY, subject="p1")
    (verdict,) = evaluate_all((place.bound,), record, BASE, BY_ID[policy])
    return next(each.result for each in flat(verdict.criteria) if each.id == place.id)


AGO = (timedelta(0), timedelta(hours=5), timedelta(days=100))
"""Now, and so long before that windows and distances between values are kept."""


def _unreadable(leaf: Reading, number: int) -> Json:
    """A final result that says nothing that can be read."""
    made: Json = {"resourceType": "Observation", "id": f"more-{number}", "status": "final", "subject": SUBJECT}
    made["effectiveDateTime"] = (BASE - AGO[number]).isoformat()
    if isinstance(leaf, Variant):
        found = genomic(leaf, Random(number))  # noqa: S311  # made-up patients
        parts = [{**found["component"][0], "valueCodeableConcept": {"text": gene}} for gene in leaf.genes]
        return {**made, "code": found["code"], "component": parts[:1], "valueCodeableConcept": {"text": "see report"}}
    coding = TERMINOLOGY.codes(leaf.analyte)[0]
    return {**made, "code": concept(coding.system, coding.code), "valueString": f"see report {number}"}


def _open(leaf: Reading) -> frozenset[Truth]:
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
        for number, each in enumerate(patient(place, seed + 1))
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


LATER = [timedelta(days=days) for days in (1, 31, 366, 4000, 9000)]


@given(name=names, seed=seeds, policy=policies)
def test_answers_hold_as_long_as_they_say(name: str, seed: int, policy: str) -> None:
    """Until `validUntil` nothing changes, and then something does: also where a formula is for another age."""
    bound = PLACES[name].bound
    record = read_record(written(patient(PLACES[name], seed)), TERMINOLOGY, subject="p1")

    def verdict(at: datetime) -> Verdict:
        return evaluate_all((bound,), record, at, BY_ID[policy])[0]

    now = verdict(BASE)
    end = now.valid_until
    moments = [BASE + step for step in LATER] if end is None else [BASE + (end - BASE) / 2, end - timedelta.resolution]
    assert [answers(verdict(moment)) for moment in moments] == [answers(now)] * len(moments)
    assert end is None or answers(verdict(end)) != answers(now)


def test_every_sort_of_reading_is_among_them() -> None:
    """The properties are asked of measurements of every scale and selection, of changes and of variants."""
    measured = [each.leaf for each in PLACES.values() if isinstance(each.leaf, Measurement)]
    assert {TERMINOLOGY.catalogue.analytes[each.analyte].scale for each in measured} == set(Scale)
    assert {each.selection for each in measured} >= {Selection.LATEST, Selection.ANY, Selection.ALL}
    assert {type(each.leaf) for each in PLACES.values()} == {Measurement, Change, Variant}
