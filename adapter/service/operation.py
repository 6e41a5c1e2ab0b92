"""The operation `$evaluate` on ResearchStudy, as data: what it may be asked, and its OperationDefinition (FHIR R4)."""

from dataclasses import dataclass

from adapter.fhir.elements import Json
from adapter.fhir.names import BASE, conforms_to

NAME = "evaluate"
ID = "ResearchStudy-evaluate"
URL = f"{BASE}/OperationDefinition/{ID}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InParameter:
    """One parameter; `values` are the elements of Parameters.parameter that it may be sent in, `type` is FHIR's."""

    name: str
    type: str
    values: tuple[str, ...]
    max: str
    text: str

    @property
    def in_query(self) -> bool:
        """Whether it may stand in the URL: FHIR allows it for primitive ones."""
        return self.type != "Bundle"


IN = (
    InParameter(
        name="subject",
        type="string",
        values=("valueString", "valueReference", "valueUri", "valueId"),
        max="*",
        text="A reference to a Patient, or to a Group of patients. None only with data of one patient.",
    ),
    InParameter(
        name="study",
        type="string",
        values=("valueString", "valueReference", "valueUri", "valueCanonical", "valueId"),
        max="*",
        text="A study: its id, a reference to the ResearchStudy, or a canonical of ours. None: all studies.",
    ),
    InParameter(
        name="data",
        type="Bundle",
        values=("resource",),
        max="1",
        text="The patient's record, a Bundle of any type; of one patient, unless subject chooses.",
    ),
    InParameter(
        name="useServerData",
        type="boolean",
        values=("valueBoolean",),
        max="1",
        text="Whether to ask the patient record's server. True if one is configured, and can't be if none is.",
    ),
    InParameter(
        name="asOf",
        type="dateTime",
        values=("valueDateTime", "valueDate", "valueInstant"),
        max="1",
        text="The instant to evaluate at; a date is the end of that day in the policy's time zone. None: now.",
    ),
    InParameter(
        name="policy",
        type="string",
        values=("valueString", "valueId", "valueCode"),
        max="1",
        text="The id of a policy that the server knows. None: the server's own.",
    ),
)


def operation_definition() -> Json:
    """The operation as FHIR describes it to clients."""
    parameters: list[Json] = [
        {
            "name": each.name,
            "use": "in",
            "min": 0,
            "max": each.max,
            "documentation": each.text,
            "type": each.type,
        }
        for each in IN
    ]
    answer = "For each subject and study a ResearchSubject and a GuidanceResponse; an OperationOutcome for a subject "
    answer += "that failed among others."
    parameters.append({"name": "return", "use": "out", "min": 1, "max": "1", "documentation": answer, "type": "Bundle"})
    return {
        "resourceType": "OperationDefinition",
        "id": ID,
        "meta": conforms_to("operation"),
        "url": URL,
        "version": "1.0.0",
        "name": "ResearchStudyEvaluate",
        "title": "Evaluate patients against the eligibility criteria of studies",
        "status": "active",
        "experimental": False,
        "kind": "operation",
        "description": "Says for each patient and study whether they may take part, with a reason for every criterion.",
        "affectsState": False,
        "code": NAME,
        "resource": ["ResearchStudy"],
        "system": False,
        "type": True,
        "instance": True,
        "parameter": parameters,
    }
