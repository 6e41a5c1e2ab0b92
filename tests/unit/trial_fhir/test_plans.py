"""The plans: what a reader of FHIR sees of a criterion and of a treatment without our extensions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.model import TrialDefinition
from adapter.criteria.study import TreatmentPhase, TreatmentStep
from adapter.criteria.terminology import Terminology
from mappings.trial.fhir.treatment import build_treatment

Json = dict[str, Any]
Find = Callable[[str, str], Json]

DAYS = {"unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}


def test_criterion(action: Find) -> None:
    """A criterion has its number, label, kind, source, and words made from the algebra."""
    found = action("nct07008872", "I5")
    assert (found["prefix"], found["title"]) == ("I5", "ECOG 0 to 2")
    assert found["textEquivalent"] == "ECOG performance status at most 2"
    assert found["code"][0]["coding"][0]["code"] == "inclusion"
    assert found["documentation"] == [
        {
            "type": "citation",
            "citation": "NCT07008872 inclusion 5",
            "url": "https://clinicaltrials.gov/study/NCT07008872",
        }
    ]


def test_words(action: Find) -> None:
    """A joining criterion says how, and of which parts; a nameless part is told in words."""
    assert action("nct07008872", "I8")["textEquivalent"] == "all of: I8.1, I8.2, I8.3, I8.4"
    assert action("nct07008872", "I3")["textEquivalent"] == "if I3.1, then (any of: I3.2, I3.3)"
    assert action("sixth", "I2")["textEquivalent"] == "at least 2 of: I2.1, I2.2, I2.3"
    assert action("sixth", "E1")["textEquivalent"] == "not: (ECOG performance status at most 2)"
    assert action("nct07008872", "E8.1")["textEquivalent"] == "HIV infection ever (settled by HIV test)"


def test_behavior(action: Find) -> None:
    """FHIR's selection behaviour stands where it says the same: all, or one or more."""
    assert action("nct07008872", "I8")["selectionBehavior"] == "all"
    assert action("nct07008872", "E1")["selectionBehavior"] == "one-or-more"
    assert action("sixth", "I2").get("selectionBehavior") is None


def test_data_of_a_window(action: Find) -> None:
    """A look-back of the trial is a date filter; data whose age the policy limits have none."""
    (infarction, *_) = action("nct07008872", "E1.2")["input"]
    assert infarction["type"] == "Condition"
    assert infarction["codeFilter"][0]["valueSet"].endswith("/ValueSet/myocardial-infarction")
    months = {"value": 12, "unit": "mo", "system": "http://unitsofmeasure.org", "code": "mo"}
    assert infarction["dateFilter"] == [{"path": "onset", "valueDuration": months}]
    assert "dateFilter" not in action("nct07008872", "I5")["input"][0]


def test_data_of_a_diagnosis(action: Find) -> None:
    """A diagnosis reads the codes too coarse to tell as well, its tests, and what names it elsewhere."""
    read = action("cd7-cart01", "I2.1")["input"]
    assert {"type": "Encounter", "mustSupport": ["reasonCode"]} in read
    coarse = [each["codeFilter"][0]["valueSet"].rpartition("/")[2] for each in read if "codeFilter" in each]
    assert coarse[:2] == ["t-all", "all-lineage-unspecified"]
    assert coarse[-3:] == ["t-lbl", "lbl-lineage-unspecified", "t-lbl-possible"]
    tested = [
        (each["type"], each["codeFilter"][0]["valueSet"])
        for each in action("nct07008872", "E8.2")["input"]
        if "codeFilter" in each
    ]
    assert [(kind, url.rpartition("/")[2]) for kind, url in tested] == [
        ("Condition", "syphilis"),
        ("Condition", "syphilis-possible"),
        ("Observation", "syphilis-reagin"),
        ("Observation", "syphilis-treponemal"),
    ]


def test_other_data(action: Find) -> None:
    """Ages read the Patient, drugs every type that shows one, a child's Karnofsky the Lansky scale too."""
    assert action("nct07008872", "I6")["input"] == [{"type": "Patient", "mustSupport": ["birthDate"]}]
    assert [each["type"] for each in action("4scar7u", "E5")["input"] if "codeFilter" in each] == [
        "MedicationAdministration",
        "MedicationStatement",
        "MedicationDispense",
        "MedicationRequest",
        "Procedure",
    ]
    scales = [each["codeFilter"][0]["valueSet"] for each in action("nct04785833", "I5")["input"]]
    assert [scale.rpartition("/")[2] for scale in scales] == ["karnofsky", "lansky"]


def test_attestation(action: Find) -> None:
    """A judgement reads the attestation that answers it."""
    system = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"
    assert action("nct07008872", "I4")["input"] == [
        {
            "type": "Observation",
            "codeFilter": [{"path": "code", "code": [{"system": system, "code": "nct07008872.I4"}]}],
        }
    ]


def test_steps(resource: Find) -> None:
    """A step has its phase, what is given as contained activities, and its place beside the infusion."""
    plan = resource("cd7-cart01", "treatment")
    assert [each["code"][0]["coding"][0]["code"] for each in plan["action"]] == [
        "apheresis",
        "lymphodepletion",
        "infusion",
        "follow-up",
    ]
    assert [each["definitionCanonical"] for each in plan["action"][1]["action"]] == [
        "#cyclophosphamide",
        "#fludarabine",
    ]
    (infused,) = [each for each in plan["contained"] if each["id"] == "cd7-cart01"]
    assert infused["dosage"] == [{"route": {"text": "intravenous"}}]
    follow_up = plan["action"][3]
    assert follow_up["relatedAction"] == [{"actionId": "step-2", "relationship": "concurrent-with-start"}]
    assert follow_up["timingDuration"] == {"comparator": ">=", "value": 28, **DAYS}


def test_days(definitions: Mapping[str, TrialDefinition], terminology: Terminology) -> None:
    """Days before and after the infusion are offsets from its start; first to last day is a length."""
    depletion, infusion, late = TreatmentPhase.LYMPHODEPLETION, TreatmentPhase.INFUSION, TreatmentPhase.FOLLOW_UP
    steps = (
        TreatmentStep(phase=depletion, title="before", start_day=-5, end_day=-3),
        TreatmentStep(phase=infusion, title="cells", start_day=0, end_day=0),
        TreatmentStep(phase=late, title="after", start_day=28, duration=Duration(2, CalendarUnit.YEAR)),
        TreatmentStep(phase=late, title="some day"),
    )
    definition = definitions["4scar7u"]
    changed = replace(definition, study=replace(definition.study, treatment=steps))
    before, cells, after, some_day = build_treatment(changed, terminology)["action"]
    offset = {"relationship": "before-start", "offsetDuration": {"value": 5, **DAYS}}
    assert before["relatedAction"] == [{"actionId": "step-1", **offset}]
    assert before["timingDuration"] == {"value": 3, **DAYS}
    assert cells["timingDuration"] == {"value": 1, **DAYS}
    assert "relatedAction" not in cells
    assert after["relatedAction"][0]["relationship"] == "after-start"
    assert after["textEquivalent"] == "follow-up; day 28, at least P2Y"
    assert not {"relatedAction", "timingDuration"} & set(some_day)
