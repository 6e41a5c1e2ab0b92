"""FHIR on the way out: verdicts as ResearchSubject and GuidanceResponse, errors as OperationOutcome."""

from adapter.fhir.answer import verdict_bundle
from adapter.fhir.outcomes import Failure, Issue, operation_outcome

__all__ = ["Failure", "Issue", "operation_outcome", "verdict_bundle"]
