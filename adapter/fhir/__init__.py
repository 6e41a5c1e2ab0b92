"""FHIR on the way out: verdicts as ResearchSubject and GuidanceResponse, errors as OperationOutcome."""

from adapter.fhir.guidance_response import Failure, Issue, operation_outcome
from adapter.fhir.research_subject import verdict_bundle

__all__ = ["Failure", "Issue", "operation_outcome", "verdict_bundle"]
