"""A patient who could not be evaluated."""

from dataclasses import dataclass

from adapter.fhir.outcome import Issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One patient, the studies that were asked for as (id, version), and why there is no verdict."""

    subject: str
    studies: tuple[tuple[str, str], ...]
    issue: Issue
