"""What a ResearchStudy holds in itself: its sponsor, its sites, what each arm receives, and its criteria as lines.

Clients that match trials read these and follow no reference to another resource.
"""

from collections.abc import Mapping
from enum import StrEnum

from adapter.criteria import study
from adapter.criteria.model import Completeness, CriterionRole, TrialDefinition
from adapter.fhir.elements import conforms_to
from mappings.trial.fhir.datatype import Extension, code_of
from mappings.trial.fhir.element import Element, Json, computer_name, present, structure

STATUS = Extension(structure("recruitment-status"), code_of(study.RecruitmentStatus))
"""The registry's own status, which R4's codes don't all have."""
SPONSOR_ID = "sponsor"
"""The id of the contained Organization."""


def sponsor_organization(name: str) -> Json:
    """The leading sponsor."""
    return {"resourceType": "Organization", "id": SPONSOR_ID, "meta": conforms_to("study-sponsor"), "name": name}


def words(code: StrEnum) -> str:
    """A code as people read it."""
    return code.value.replace("-", " ").capitalize()


def criterion_lines(definition: TrialDefinition) -> str:
    """The criteria for people, a line each, as registries show them; clients that know no Group show these."""
    lines: list[str] = []
    for role in CriterionRole:
        told = [f"{each.id}. {each.criterion.label}" for each in definition.criteria if each.role is role]
        if told:
            lines.append("\n".join([f"{role.value.capitalize()} criteria:", *told]))
    if definition.completeness is Completeness.PARTIAL:
        lines.append("The source publishes some of its criteria only.")
    return "\n\n".join(lines) or "No criteria are published."


def site_id(number: int) -> str:
    """The id of a site's Location; sites are counted from 1."""
    return f"site-{number}"


def site_location(number: int, place: study.Location) -> Json:
    """A site."""
    address = {"city": place.city, "state": place.state, "postalCode": place.postal_code, "country": place.country}
    has_position = place.latitude is not None and place.longitude is not None
    return present(
        {
            "resourceType": "Location",
            "id": site_id(number),
            "meta": conforms_to("study-site"),
            "extension": STATUS.write(place.status),
            "name": place.name,
            "address": present(address),
            "position": {"longitude": place.longitude, "latitude": place.latitude} if has_position else None,
        }
    )


def read_site(site: Element, contained: Mapping[str, Element]) -> study.Location:
    """The site that a reference names, among the study's contained resources by id; else one of its name alone."""
    location = contained.get((site.text("reference") or "").removeprefix("#"))
    if location is None:
        return study.Location(name=site.need("display"))
    address, position = location.below("address"), location.below("position")
    return study.Location(
        name=location.need("name"),
        city=address.text("city") if address else None,
        state=address.text("state") if address else None,
        postal_code=address.text("postalCode") if address else None,
        country=address.text("country") if address else None,
        latitude=position.decimal("latitude") if position else None,
        longitude=position.decimal("longitude") if position else None,
        status=STATUS.read_one(location),
    )


def arm_plans(held: study.Study) -> list[tuple[str, Json]]:
    """What each arm receives, as plans whose subject is the arm by its name, for clients that read no more than this.

    They say again what the arm's extension and the treatment plan say, and are not read. An arm that receives nothing
    in particular has a plan of its own name.
    """
    known = {each.id: each for each in held.interventions}
    made: list[tuple[str, Json]] = []
    for number, arm in enumerate(held.arms, 1):
        given = [known[name] for name in arm.interventions if name in known]
        told: list[tuple[str, str | None]] = [(each.name, words(each.type)) for each in given]
        for place, (title, type_) in enumerate(told or [(arm.name, None)], 1):
            name = f"arm-{number}-{place}"
            plan = {
                "resourceType": "PlanDefinition",
                "id": name,
                "meta": conforms_to("arm-plan"),
                "name": computer_name(name),
                "title": title,
                "type": {"text": type_} if type_ else None,
                "status": "active",
                "subjectCodeableConcept": {"text": arm.name},
            }
            made.append((name, present(plan)))
    return made
