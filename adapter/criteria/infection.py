"""How an infection is told from its tests: what each combination of their results says."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Duration


class Answer(StrEnum):
    """What a combination of results comes to; `needs-review` is a question for a person."""

    MET = "met"
    NOT_MET = "not-met"
    NEEDS_REVIEW = "needs-review"


class Seen(StrEnum):
    """What is seen of one test. Its latest result counts, unless the word says otherwise.

    `positive`, `negative`: the latest result, of any age. `fresh-positive`, `fresh-negative`: within the policy's
    window. `was-positive`: a positive result at any time. `never-positive`: none at any time. `unanswered`: a positive
    result at any time that no later negative one of the same test follows. `none`: no result that can be read.
    """

    POSITIVE = "positive"
    NEGATIVE = "negative"
    FRESH_POSITIVE = "fresh-positive"
    FRESH_NEGATIVE = "fresh-negative"
    WAS_POSITIVE = "was-positive"
    NEVER_POSITIVE = "never-positive"
    UNANSWERED = "unanswered"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class InfectionTest:
    """One test of a table. `from_age`: below that age its results say nothing of the patient."""

    analyte: str
    from_age: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InfectionRule:
    """One cell: what must be seen of each named test, and what it comes to.

    `later`: a test -> another one that its latest result must be later than; `not_before`: or of the same time (the
    same specimen). `without_entry`: only while no entry of the disease is on record.
    """

    when: Mapping[str, tuple[Seen, ...]]
    later: Mapping[str, str]
    not_before: Mapping[str, str]
    without_entry: bool
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class InfectionTable:
    """The tests of an infection by their names in the table, its rules, the first that fits decides.

    `contradict`: the tests whose fresh negative result contradicts an open entry of the disease.
    """

    tests: Mapping[str, InfectionTest]
    contradict: tuple[str, ...]
    rules: tuple[InfectionRule, ...]

    @property
    def settling(self) -> frozenset[str]:
        """The tests of which a result settles it, alone or with others; the rest only make it a question."""
        settle = (rule for rule in self.rules if rule.answer is not Answer.NEEDS_REVIEW)
        return frozenset(name for rule in settle for name in rule.when)
