"""ResearchSubject (FHIR R4): a patient beside a study, with the status that the adapter proposes."""

from adapter.evaluator.verdict import Verdict
from adapter.fhir.elements import Json, reference, resource_id
from adapter.fhir.guidance_response import guidance_id
from adapter.fhir.names import GUIDANCE, PROPOSAL, RESEARCH_SUBJECT, conforms_to


def research_subject_id(study: str, subject: str) -> str:
    """The id of a patient's ResearchSubject in a study, the same at every evaluation; also its identifier's value."""
    return resource_id("ResearchSubject", study, subject)


def research_subject(verdict: Verdict) -> Json:
    """The verdict's ResearchSubject, which names the guidance that its status stands on."""
    name = research_subject_id(verdict.study, verdict.subject)
    guidance = f"GuidanceResponse/{guidance_id(verdict.study, verdict.subject)}"
    return {
        "resourceType": "ResearchSubject",
        "id": name,
        "meta": conforms_to("candidate-subject"),
        "extension": [
            {"url": GUIDANCE, "valueReference": {"reference": guidance}},
            {"url": PROPOSAL, "valueCode": verdict.decision.value},
        ],
        "identifier": [{"system": RESEARCH_SUBJECT, "value": name}],
        "status": verdict.decision.value,
        "study": {"reference": f"ResearchStudy/{verdict.study}"},
        "individual": reference(verdict.subject),
    }
