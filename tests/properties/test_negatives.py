"""No negative of a list outlives what could contradict it, and nothing is positive without evidence."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.catalogue import Breadth
from adapter.criteria.policy import Policy
from adapter.criteria.truth import Truth
from adapter.evaluator import Reason
from adapter.kinds.allergy import Allergy
from adapter.kinds.condition.statement import Condition
from adapter.kinds.disease_course.diseases import DiseaseCourse
from adapter.kinds.events.count import HowMany
from adapter.kinds.events.lines import LinesOfTherapy
from adapter.kinds.events.linked import Linked
from adapter.kinds.events.sequence import Order
from adapter.kinds.exposure.statement import Exposure
from tests.build import TERMS, concept
from tests.properties.core import DEFINITIONS, EVENTS, PROBLEM_LIST, STRICT, TERMINOLOGY, Json, flat, verdicts
from tests.properties.measured import SUBJECT
from tests.properties.patients import GONE, patients
from tests.properties.times import BASE

CATALOGUE = TERMINOLOGY.catalogue.conditions
LISTED = {
    (definition.id, each.id): each.statement.concepts
    for definition in DEFINITIONS
    for each in definition.walk()
    if isinstance(each.statement, Condition) and not each.statement.tests
}
"""Every condition criterion that stands on the problem list alone, with its concepts."""
FAMILIES = sorted({name for each in LISTED.values() for name in each if CATALOGUE[name].breadth is Breadth.FAMILY})
ON_DIAGNOSES = {
    (definition.id, each.id)
    for definition in DEFINITIONS
    for each in definition.walk()
    if isinstance(each.statement, Condition | DiseaseCourse)
}
ON_A_LIST = {Reason.RESOLVED, Reason.REFUTED, Reason.EXPLICITLY_ABSENT, Reason.ASSUMED_ABSENT}
POLICIES = [STRICT, PROBLEM_LIST]


def told(patient: list[Json], policy: Policy) -> dict[tuple[str, str | None], tuple[Truth, Reason]]:
    """What every criterion comes to."""
    found = verdicts(patient, BASE, policy)
    return {(v.study, each.id): (each.result, each.reason) for v in found for each in flat(v.criteria)}


def entry(code: Json, **elements: object) -> Json:
    """One more Condition of the patient."""
    return {"resourceType": "Condition", "id": "one-more", "subject": SUBJECT, "code": code, **elements}


@given(patient=patients, days=st.integers(0, 30), policy=st.sampled_from(POLICIES))
def test_what_nobody_has_classified_leaves_no_negative_standing(patient: list[Json], days: int, policy: Policy) -> None:
    """An active, recent entry in words could be any disease: no list denies one beside it."""
    recent = (BASE - timedelta(days=days)).date().isoformat()
    words = entry({"text": "nobody knows"}, onsetDateTime=recent, recordedDate=recent)
    after = told([*patient, words], policy)
    assert [key for key in LISTED if after[key][1] in ON_A_LIST] == []


EVENTS_OF = {
    each.id
    for each in EVENTS.definition.walk()
    if isinstance(each.statement, Order | Linked | HowMany | LinesOfTherapy)
}
ASSUMING = replace(STRICT, assumed_absent=frozenset(CATALOGUE) | frozenset(TERMINOLOGY.catalogue.exposures))
NAMED = (
    "Akute GVHD, Pneumonie, epilepsy, cerebral haemorrhage, malignant melanoma. Vorhofflimmern, Herzinfarkt, "
    "Perikarderguss. Z.n. allogener Stammzelltransplantation. On prednisone, ruxolitinib, cyclophosphamide, "
    "fludarabine and amoxicillin."
)
"""A sentence about each of the concepts that the trial of events names."""


@given(patient=patients)
def test_events_in_words_leave_no_negative_standing(patient: list[Json]) -> None:
    """Neither entries that nobody has classified nor what a report says leave a sequence, a link or a count denied."""
    recent = BASE.date().isoformat()  # inside every window, one of hours too
    words = entry({"text": "nobody knows"}, onsetDateTime=recent, recordedDate=recent)
    taken = {
        "resourceType": "MedicationStatement",
        "id": "more",
        "status": "active",
        "subject": SUBJECT,
        "medicationCodeableConcept": {"text": "nobody knows"},
        "effectivePeriod": {"start": recent},
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "said",
        "status": "final",
        "subject": SUBJECT,
        "effectiveDateTime": recent,
        "conclusion": NAMED,
    }
    for more in ([words, taken], [report]):
        (found,) = verdicts([*patient, *more], BASE, ASSUMING, [EVENTS])
        assert [each.id for each in flat(found.criteria) if each.id in EVENTS_OF and each.reason in ON_A_LIST] == []


@given(patient=patients, family=st.sampled_from(FAMILIES), years=st.integers(1, 20), policy=st.sampled_from(POLICIES))
def test_a_closed_member_denies_no_family(patient: list[Json], family: str, years: int, policy: Policy) -> None:
    """What was over years ago is no reason to deny the others."""
    code = TERMINOLOGY.codes(family)[0]
    day = (BASE - timedelta(days=366 * years)).date()
    over = entry(
        concept(code.system, code.code),
        clinicalStatus=concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "resolved"),
        onsetDateTime=(day - timedelta(days=20)).isoformat(),
        abatementDateTime=day.isoformat(),
    )
    before, after = told(patient, policy), told([*patient, over], policy)
    of_family = [key for key, concepts in LISTED.items() if family in concepts]
    assert [k for k in of_family if before[k][0] is Truth.UNKNOWN and after[k][0] is Truth.NOT_MET] == []


@given(patient=patients, policy=st.sampled_from(POLICIES))
def test_without_positive_evidence_nothing_is_met(patient: list[Json], policy: Policy) -> None:
    """With every diagnosis refuted and every result gone no diagnosis is on record."""
    refuted = concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted")
    kept = [
        {**each, "verificationStatus": refuted} if each["resourceType"] == "Condition" else each
        for each in patient
        if each["resourceType"] != "Observation"
    ]
    after = told(kept, policy)
    assert [key for key in ON_DIAGNOSES if after[key][0] is Truth.MET] == []


OF_EVENTS = {
    each.id
    for each in EVENTS.definition.walk()
    if isinstance(each.statement, Exposure | Order | Linked | HowMany | LinesOfTherapy)
    and getattr(each.statement, "at_most", None) is None
    and getattr(each.statement, "dose", None) is None
}
"""Those of which less is no more: at most so many are met by none, and a dose is compared."""
ON_TREATMENTS = {
    (definition.id, each.id)
    for definition in DEFINITIONS
    for each in definition.walk()
    if each.id and isinstance(each.statement, Exposure | Allergy)
}
NAMES = ("infection", "gvhd", "epilepsy", "cerebral-haemorrhage", "malignancy", "atrial-fibrillation")
GIVEN = (
    "hsct",
    "ruxolitinib",
    "systemic-glucocorticoid",
    "systemic-antimicrobial",
    "cyclophosphamide",
    "immunotherapy",
)


def over(name: str, years: int) -> Json:
    """A diagnosis, or a treatment, that was over years ago."""
    code = TERMINOLOGY.codes(name)[0]
    day = (BASE - timedelta(days=366 * years)).date()
    if name in NAMES:
        return entry(
            concept(code.system, code.code),
            clinicalStatus=concept(f"{TERMS}/condition-clinical", "resolved"),
            onsetDateTime=(day - timedelta(days=20)).isoformat(),
            abatementDateTime=day.isoformat(),
        )
    return {
        "resourceType": "MedicationAdministration",
        "id": "one-more",
        "status": "completed",
        "subject": SUBJECT,
        "medicationCodeableConcept": concept(code.system, code.code),
        "effectiveDateTime": day.isoformat(),
    }


@given(patient=patients, name=st.sampled_from(NAMES + GIVEN), years=st.integers(3, 20))
def test_what_was_over_denies_no_event(patient: list[Json], name: str, years: int) -> None:
    """What nobody knew of treatments, of links, sequences, counts and lines, an old entry doesn't deny."""
    for policy in (STRICT, ASSUMING):
        (before,) = verdicts(patient, BASE, policy, [EVENTS])
        (after,) = verdicts([*patient, over(name, years)], BASE, policy, [EVENTS])
        unknown = {each.id for each in flat(before.criteria) if each.result is Truth.UNKNOWN}
        denied = {each.id for each in flat(after.criteria) if each.result is Truth.NOT_MET}
        assert unknown & denied & OF_EVENTS == set()


@given(patient=patients, policy=st.sampled_from(POLICIES))
def test_without_treatments_and_events_nothing_is_met(patient: list[Json], policy: Policy) -> None:
    """With every entry refuted, not done or not taken, and every result gone, no treatment, allergy or event is met."""
    kept = [each | GONE.get(each["resourceType"], {}) for each in patient if each["resourceType"] != "Observation"]
    after = told(kept, policy)
    assert [key for key in ON_TREATMENTS if after[key][0] is Truth.MET] == []
    (found,) = verdicts(kept, BASE, ASSUMING, [EVENTS])
    assert [each.id for each in flat(found.criteria) if each.id in OF_EVENTS and each.result is Truth.MET] == []


@given(patient=patients, days=st.integers(0, 5), policy=st.sampled_from([*POLICIES, ASSUMING]))
def test_what_nobody_has_classified_leaves_no_treatment_or_allergy_denied(
    patient: list[Json], days: int, policy: Policy
) -> None:
    """A drug and an allergy in words, recent and active, could be any."""
    recent = (BASE - timedelta(days=days)).date().isoformat()
    words = {"text": "nobody knows"}
    done = {"resourceType": "Procedure", "id": "done", "status": "completed", "subject": SUBJECT, "code": words}
    taken = {
        "resourceType": "MedicationStatement",
        "id": "taken",
        "status": "active",
        "subject": SUBJECT,
        "medicationCodeableConcept": words,
        "effectivePeriod": {"start": recent},
    }
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": SUBJECT,
        "code": words,
        "criticality": "high",
    }
    more = [{**done, "performedDateTime": recent}, taken, {**allergy, "recordedDate": recent}]
    after = told([*patient, *more], policy)
    assert [key for key in ON_TREATMENTS if after[key][1] in ON_A_LIST] == []
