"""ResearchStudy: native elements where R4 has them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from adapter.criteria import study
from adapter.criteria.model import TrialDefinition
from adapter.criteria.study import RecruitmentStatus
from mappings.trial.fhir.element import part_id
from mappings.trial.fhir.study import STATUSES, build_study

Json = dict[str, Any]
Resource = Callable[[str, str], Json]

R4_STATUSES = {
    "active",
    "administratively-completed",
    "approved",
    "closed-to-accrual",
    "closed-to-accrual-and-intervention",
    "completed",
    "disapproved",
    "in-review",
    "temporarily-closed-to-accrual",
    "temporarily-closed-to-accrual-and-intervention",
    "withdrawn",
}


def test_status_is_r4() -> None:
    """Each of the registry's statuses has one of R4's codes, and only those that recruit are active."""
    assert set(STATUSES) == set(RecruitmentStatus)
    assert set(STATUSES.values()) <= R4_STATUSES
    recruiting = {
        RecruitmentStatus.RECRUITING,
        RecruitmentStatus.ENROLLING_BY_INVITATION,
        RecruitmentStatus.AVAILABLE,  # expanded access: patients can get it
    }
    assert {status for status, code in STATUSES.items() if code == "active"} == recruiting


def test_registry_status(resource: Resource) -> None:
    """The registry's own status stands beside R4's, so that `unknown` isn't lost."""
    study = resource("cd7-cart01", "")
    own = [each["valueCode"] for each in study["extension"] if each["url"].endswith("/recruitment-status")]
    assert (study["status"], own) == ("closed-to-accrual", ["unknown"])


def test_native_elements(resource: Resource) -> None:
    """Identifier, phase, period, sponsor and references stand where R4 has elements for them."""
    study = resource("nct07008872", "")
    assert study["identifier"][0] == {"system": "https://clinicaltrials.gov", "value": "NCT07008872"}
    assert study["phase"]["coding"][0]["code"] == "n-a"
    assert study["primaryPurposeType"]["coding"][0]["code"] == "treatment"
    assert study["period"] == {"start": "2025-06-01", "end": "2027-05-31"}
    assert study["sponsor"] == {"reference": "#sponsor", "display": "Qi deng"}
    assert study["protocol"] == [
        {"reference": "PlanDefinition/nct07008872-eligibility"},
        {"reference": "PlanDefinition/nct07008872-treatment"},
        {"reference": "#arm-1-1"},
    ]
    (enrollment,) = study["enrollment"]
    assert enrollment["reference"] == "Group/nct07008872-enrollment"
    assert enrollment["display"].startswith("Inclusion criteria:\nI1. Relapsed or refractory")
    assert "\n\nExclusion criteria:\nE1. Heart disease\nE2. " in enrollment["display"]


def test_what_matching_clients_read(definitions: Mapping[str, TrialDefinition]) -> None:
    """The NCT number first, texts beside codes, and sponsor, sites and what an arm receives in the resource itself."""
    held = definitions["senl-t7"]
    site = study.Location(
        name="Ward 7",
        city="Lincoln",
        state="Nebraska",
        postal_code="68502",
        country="United States",
        latitude=Decimal("40.79"),
        longitude=Decimal("-96.69"),
        status=RecruitmentStatus.RECRUITING,
    )
    changed = replace(
        held.study,
        phase=study.Phase.PHASE_1_2,
        type=study.StudyType.INTERVENTIONAL,
        sites=(site,),
        sponsors=(study.Sponsor(name="Made-up Institute", role="lead"),),
    )
    other = study.Identifier(system="urn:oid:1.2", value="own")
    made = build_study(replace(held, identifiers=(other, *held.identifiers), study=changed))
    assert [each["value"] for each in made["identifier"]] == ["NCT05716113", "own", "senl-t7"]
    assert made["phase"]["text"] == "Phase 1/Phase 2"
    assert made["category"][0]["text"] == "Study Type: Interventional"
    contained = {each["id"]: each for each in made["contained"]}
    referred = [*made["site"], *made["protocol"][2:], made["sponsor"]]
    assert {each["reference"].removeprefix("#") for each in referred} == set(contained)
    assert contained["site-1"]["position"] == {"longitude": Decimal("-96.69"), "latitude": Decimal("40.79")}
    assert contained["site-1"]["address"]["postalCode"] == "68502"
    plans = [each for each in contained.values() if each["resourceType"] == "PlanDefinition"]
    assert [(each["type"]["text"], each["title"]) for each in plans][:2] == [
        ("Procedure", "Leukapheresis"),
        ("Drug", "Cyclophosphamide"),
    ]
    assert {each["subjectCodeableConcept"]["text"] for each in plans} == {each["name"] for each in made["arm"]}


def test_an_arm_that_receives_nothing_has_a_plan(definitions: Mapping[str, TrialDefinition]) -> None:
    """Of its own name: clients look up each arm's plan among what is contained."""
    held = definitions["senl-t7"]
    arm = study.Arm(name="Observation")
    made = build_study(replace(held, study=replace(held.study, arms=(arm,), sites=(), sponsors=())))
    assert [(each["id"], each["title"]) for each in made["contained"]] == [("arm-1-1", "Observation")]


def test_outcome_measures(resource: Resource) -> None:
    """An outcome measure has its type, title and time frame."""
    measures = [each for each in resource("senl-t7", "")["extension"] if each["url"].endswith("/outcome-measure")]
    assert len(measures) == 9
    third = {each["url"]: each.get("valueString") or each.get("valueCode") for each in measures[2]["extension"]}
    assert third == {
        "type": "primary",
        "title": "Duration of response",
        "time-frame": "24 months after the infusion",
    }


def test_purpose_of_our_own(definitions: Mapping[str, TrialDefinition]) -> None:
    """A purpose that R4 has no code for stands as text."""
    definition = definitions["4scar7u"]
    study = build_study(replace(definition, study=replace(definition.study, purpose="compassion")))
    assert study["primaryPurposeType"] == {"text": "compassion"}


def test_narrative_is_escaped(definitions: Mapping[str, TrialDefinition]) -> None:
    """What looks like markup in a title is text in the narrative."""
    definition = definitions["4scar7u"]
    study = build_study(replace(definition, study=replace(definition.study, title='<b onclick="x">a & b</b>')))
    assert '<h2>&lt;b onclick="x"&gt;a &amp; b&lt;/b&gt;</h2>' in study["text"]["div"]


@pytest.mark.parametrize("study", ["a", "a" * 52, "a" * 53, "b" * 64])
def test_ids_fit(study: str) -> None:
    """An id with its ending has 64 characters at most, and differs between studies that begin alike."""
    found = part_id(study, "eligibility")
    assert len(found) <= 64
    assert found.endswith("-eligibility")
    assert part_id(study, "eligibility") != part_id(f"{study[:-1]}z", "eligibility")
