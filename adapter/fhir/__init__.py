"""FHIR on the way out: verdicts as ResearchSubject and GuidanceResponse, errors as OperationOutcome."""

from adapter.fhir.bundle import verdict_bundle
from adapter.fhir.failure import Failure
from adapter.fhir.outcome import Issue, operation_outcome

__all__ = ["Failure", "Issue", "operation_outcome", "verdict_bundle"]
