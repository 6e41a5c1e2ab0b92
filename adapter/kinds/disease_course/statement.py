"""What a `disease-course` criterion says."""

from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.model import Leaf
from adapter.criteria.quantity import QuantityThreshold


class Course(StrEnum):
    """A disease's course that a trial asks for (CONFORMANCE: Course of a disease)."""

    RELAPSED = "relapsed"
    REFRACTORY = "refractory"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiseaseCourse(Leaf):
    """A disease has relapsed, or is refractory (any of `courses`).

    `blasts` are analytes whose value above `blast_threshold` proves a relapse beside a recorded remission.
    `after`: what the source asks to have gone before and no data carry (lines of therapy); with it the answer is
    never met without an attestation.
    """

    concepts: tuple[str, ...]
    courses: tuple[Course, ...]
    blasts: tuple[str, ...] = ()
    blast_threshold: QuantityThreshold | None = None
    after: str | None = None
