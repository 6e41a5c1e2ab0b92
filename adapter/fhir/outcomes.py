"""OperationOutcome (FHIR R4): what went wrong, or what to know beside an answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from adapter.fhir.canonicals import conforms_to
from adapter.fhir.elements import Json, string

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One issue. `code`: of FHIR's issue-type; `expression`: a FHIRPath of the element concerned."""

    code: str
    text: str
    severity: Severity = "error"
    expression: str | None = None


def operation_outcome(issues: Iterable[Issue]) -> Json:
    """An OperationOutcome; FHIR asks for at least one issue."""
    return {
        "resourceType": "OperationOutcome",
        "meta": conforms_to("outcome"),
        "issue": [_issue(issue) for issue in issues],
    }


def _issue(issue: Issue) -> Json:
    made: Json = {
        "severity": issue.severity,
        "code": issue.code,
        "diagnostics": string(issue.text) or "no more is known",
    }
    if issue.expression and (path := string(issue.expression)):
        made["expression"] = [path]
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One patient, the studies that were asked for as (id, version), and why there is no verdict."""

    subject: str
    studies: tuple[tuple[str, str], ...]
    issue: Issue
