"""A change on the FHIR server moves the candidates."""

import pytest

from adapter.screening.react.worker import ClaimHandler
from adapter.store import queue
from adapter.store.queue import LostLeaseError
from tests.unit.react.hospital import NOT_READ, Hospital, creatinine, fit, with_leukaemia
from tests.unit.screening.records import condition, of, patient

pytestmark = pytest.mark.anyio


async def test_a_new_diagnosis_makes_a_subject(hospital: Hospital) -> None:
    """With the disease on record there is a ResearchSubject, and an event that says so."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    assert hospital.subject() == "potential-candidate"
    event = next(each for each in hospital.events() if each.study == "nct04785833")
    assert (event.patient, event.old, event.new) == ("Patient/p1", None, "potential-candidate")


async def test_a_result_moves_the_candidate(hospital: Hospital) -> None:
    """An ECOG of 4 rules out, one of 1 doesn't; the event names the criterion whose result has changed."""
    hospital.put(*with_leukaemia(), fit("e", 4))
    await hospital.settle()
    assert hospital.subject() == "ineligible"
    hospital.put(fit("e", 1))
    await hospital.settle()
    assert hospital.subject() == "potential-candidate"
    last = next(each for each in reversed(hospital.events()) if each.study == "nct04785833")
    assert (last.old, last.new) == ("ineligible", "potential-candidate")
    (result_changes,) = [each for each in last.criteria if each.id == "I6"]
    assert result_changes.old is not None
    assert result_changes.new is not None
    assert (result_changes.old.result, result_changes.new.result) == ("not-met", "met")


async def test_a_deletion_moves_the_candidate(hospital: Hospital) -> None:
    """The index knows whose the resource was."""
    hospital.put(*with_leukaemia(), fit("e", 4))
    await hospital.settle()
    hospital.server.delete("Observation/e")
    await hospital.settle()
    assert hospital.subject() == "potential-candidate"


async def test_what_no_criterion_reads_evaluates_nobody(hospital: Hospital) -> None:
    """Its notification is acknowledged, and that is all."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    written = len(hospital.written)
    hospital.put(creatinine("x", 1, coding=NOT_READ))
    assert await hospital.settle() == 0
    assert len(hospital.written) == written


async def test_only_touched_studies_are_evaluated(hospital: Hospital) -> None:
    """An Observation that one trial reads leaves the others' verdicts as they are."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    relevance = hospital.context.relevance
    name, studies = next((n, s) for n, s in relevance.by_name.items() if n == "creatinine")
    assert name
    assert 0 < len(studies) < len(relevance.everything)
    before = hospital.context.metrics.verdicts._value.get()  # noqa: SLF001  # prometheus_client has no other way
    hospital.put(creatinine("x", 500))
    assert await hospital.settle() == 1
    assert hospital.context.metrics.verdicts._value.get() - before == len(studies)  # noqa: SLF001  # as above


async def test_a_code_that_was_changed(hospital: Hospital) -> None:
    """A resource whose new code nobody reads still moves what stood on its old one."""
    hospital.put(*with_leukaemia(), fit("e", 4))
    await hospital.settle()
    hospital.put({**creatinine("e", 1), "code": {"coding": [NOT_READ]}})
    await hospital.settle()
    assert hospital.subject() == "potential-candidate"


async def test_a_result_that_was_another_patients(hospital: Hospital) -> None:
    """It moves both: the one it was taken from and the one it was given to."""
    hospital.put(*with_leukaemia("p1"), *with_leukaemia("p2"), fit("e", 4, "p1"))
    await hospital.settle()
    assert (hospital.subject(name="p1"), hospital.subject(name="p2")) == ("ineligible", "potential-candidate")
    hospital.put(fit("e", 4, "p2"))
    await hospital.settle()
    assert (hospital.subject(name="p1"), hospital.subject(name="p2")) == ("potential-candidate", "ineligible")


async def test_who_has_none_of_the_diseases(hospital: Hospital) -> None:
    """Their laboratory results wait for no one: nothing is fetched, nothing is written, nothing is kept."""
    hospital.put(patient(), condition("c", of(), NOT_READ), creatinine("x", 90), fit("e", 1))
    assert await hospital.settle() == 0
    assert hospital.server.asked == []


async def test_what_came_before_the_diagnosis_counts(hospital: Hospital) -> None:
    """What was told of a patient before they had the disease is found on the server when they have it."""
    hospital.put(patient(), fit("e", 4))
    await hospital.settle()
    hospital.put(condition("c", of(), with_leukaemia()[1]["code"]["coding"][0]))
    await hospital.settle()
    assert hospital.subject() == "ineligible"


async def test_a_subject_that_exists_is_kept_up(hospital: Hospital) -> None:
    """Also when the diagnosis turns out to have been a mistake."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    hospital.server.delete("Condition/p1-c")
    await hospital.settle()
    hospital.put(fit("e", 4))
    await hospital.settle()
    assert hospital.subject() == "ineligible"


async def test_the_same_again_writes_nothing(hospital: Hospital) -> None:
    """Three times the same notification, in any order: one evaluation, and no second version on the server."""
    hospital.put(*with_leukaemia(), fit("e", 1))
    hospital.notifications = [*hospital.notifications, *reversed(hospital.notifications), *hospital.notifications]
    assert await hospital.settle() == 1
    hospital.put(fit("e", 1))
    versions = {key: len(found) for key, found in hospital.server.versions.items()}
    assert await hospital.settle() == 0
    assert {key: len(found) for key, found in hospital.server.versions.items()} == versions


async def test_a_patient_who_is_gone(hospital: Hospital) -> None:
    """Nothing is kept of them here (what becomes of their ResearchSubjects: test_forget)."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    hospital.server.delete("Condition/p1-c")
    hospital.server.delete("Patient/p1")
    await hospital.settle()
    assert hospital.events() == []
    assert hospital.waiting() == []


async def test_merged_patients(hospital: Hospital) -> None:
    """After a merge every notification of the old patient moves the one who is left."""
    hospital.put(*with_leukaemia("old"), patient("new"))
    await hospital.settle()
    hospital.put(patient("old", link=[{"type": "replaced-by", "other": of("new")}], active=False))
    hospital.put(patient("new", link=[{"type": "replaces", "other": of("old")}]))
    await hospital.settle()
    assert hospital.subject(name="new") == "potential-candidate"
    hospital.put(fit("e", 4, "old"))
    await hospital.settle()
    assert hospital.subject(name="new") == "ineligible"
    ended = [each for each in hospital.events() if each.patient == "Patient/old" and each.new is None]
    assert {each.study for each in ended} == hospital.context.relevance.everything


async def test_patients_who_are_parted_again(hospital: Hospital) -> None:
    """A merge that was a mistake is undone: each has their own data, and their own verdict, again."""
    hospital.put(*with_leukaemia("old"), *with_leukaemia("new"), fit("e", 4, "old"))
    hospital.put(patient("old", link=[{"type": "replaced-by", "other": of("new")}]))
    await hospital.settle()
    assert hospital.subject(name="new") == "ineligible"
    hospital.put(patient("old"))
    await hospital.settle()
    assert (hospital.subject(name="old"), hospital.subject(name="new")) == ("ineligible", "potential-candidate")


async def test_a_drug_behind_a_reference(hospital: Hospital) -> None:
    """A Medication that becomes another drug moves who takes it."""
    taken = {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "active",
        "subject": of(),
        "medicationReference": {"reference": "Medication/d"},
        "effectiveDateTime": "2026-02-28",
        "dosage": [{"route": {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}}],
    }
    drug = {"resourceType": "Medication", "id": "d", "code": {"coding": [{"system": ATC, "code": "N02BE01"}]}}
    hospital.put(drug, *with_leukaemia(), taken)
    await hospital.settle()
    before = len(hospital.events())
    hospital.put({**drug, "code": {"coding": [{"system": ATC, "code": "H02AB06"}]}})
    await hospital.settle()
    assert len(hospital.events()) > before


ATC = "http://www.whocc.no/atc"


async def test_a_claim_that_was_lost_changes_nothing(hospital: Hospital) -> None:
    """A worker whose lease has ended while it worked leaves what the next one does alone."""
    hospital.put(*with_leukaemia())
    await hospital.deliver()
    (slow,) = await hospital.claim()
    hospital.clock.pass_(seconds=100)
    (quick,) = await hospital.claim()
    await ClaimHandler(hospital.context)(quick)
    events = len(hospital.events())
    with pytest.raises(LostLeaseError):
        await hospital.work(slow)
    assert len(hospital.events()) == events
    with hospital.context.database.transaction() as connection:
        assert queue.depth(connection).waiting == 0
