"""An intervention -> an ActivityDefinition contained in the treatment plan, and back."""

from adapter.criteria.study import Intervention, InterventionType
from adapter.criteria.terminology import Terminology
from adapter.fhir.canonicals import conforms_to
from mappings.trial.fhir.data_requirement import few_codes
from mappings.trial.fhir.datatype import CONCEPT, enum_of
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.json_text import Json, present
from mappings.trial.fhir.names import code_system, structure
from mappings.trial.fhir.record import Extension

INTERVENTION_TYPE = code_system("intervention-type")
INTERVENTION_CONCEPT = Extension(structure("concept"), CONCEPT)
"""The drug or procedure concept of the catalogue."""


def build_activity(intervention: Intervention, terminology: Terminology) -> Json:
    """A drug or product as a MedicationRequest, a procedure as a ServiceRequest."""
    is_procedure = intervention.type is InterventionType.PROCEDURE
    coding = few_codes(intervention.concept, terminology) if intervention.concept else []
    what = present({"coding": coding, "text": intervention.name})
    return present(
        {
            "resourceType": "ActivityDefinition",
            "id": intervention.id,
            "meta": conforms_to("intervention"),
            "extension": INTERVENTION_CONCEPT.write(intervention.concept),
            "title": intervention.name,
            "status": "active",
            "topic": [{"coding": [{"system": INTERVENTION_TYPE, "code": intervention.type.value}]}],
            "kind": "ServiceRequest" if is_procedure else "MedicationRequest",
            "code": what if is_procedure else None,
            "productCodeableConcept": None if is_procedure else what,
            "dosage": [{"route": {"text": intervention.route}}] if intervention.route else None,
        }
    )


def read_activity(activity: Element) -> Intervention:
    """The intervention. Raises DefinitionError with the path of what can't be read."""
    if activity.text("resourceType") != "ActivityDefinition":
        activity.refuse("an ActivityDefinition is wanted here; correct it", "resourceType")
    type_ = activity.code("topic", INTERVENTION_TYPE)
    if type_ is None:
        activity.refuse(f"an intervention needs a code of {INTERVENTION_TYPE}; add it", "topic")
    routes = (dosage.below("route") for dosage in activity.each("dosage"))
    return Intervention(
        id=activity.need("id"),
        name=activity.need("title"),
        type=enum_of(InterventionType, type_, activity, "topic"),
        concept=INTERVENTION_CONCEPT.read_one(activity),
        route=next((route.text("text") for route in routes if route is not None), None),
    )
