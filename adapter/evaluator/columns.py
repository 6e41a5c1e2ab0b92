"""What a statement asks of facts in columns: rows of numbers, days and names, which any engine can join with them.

A kind's part `columns` compiles a statement to one of these for a terminology, a policy and a moment. All arithmetic of
calendars and units is done here, once: what an engine compares are days, instants and numbers. An engine that can't say
something exactly leaves it undecided, and the evaluation decides (docs/adr/0028-the-algebra-in-columns.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from adapter.criteria.calendar import Duration, Hours, Length, birthday, last_day
from adapter.criteria.catalogue import Analyte
from adapter.criteria.formula import Formula
from adapter.criteria.infection import InfectionTable
from adapter.criteria.model import Leaf
from adapter.criteria.policy import Policy
from adapter.criteria.quantity import Comparator, LimitOfNormal, Number
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.moment import Moment
from adapter.evaluator.reason import Reason


class Setting(NamedTuple):
    """What a statement is compiled for; the policy as it is in force at the moment. `names`: of the study."""

    terminology: Terminology
    policy: Policy
    moment: Moment
    names: frozenset[str] = frozenset()

    def since(self, window: Length | None) -> date | None:
        """The first day of a window; of one in hours the day of its first instant."""
        if (at := self.since_at(window)) is not None:
            return at.astimezone(self.moment.zone).date()
        return self.moment.window_start(window) if isinstance(window, Duration) else None

    def since_at(self, window: Length | None) -> datetime | None:
        """The first instant of a window in hours; None of any other one."""
        return self.moment.as_of - window.back if isinstance(window, Hours) else None

    def born_until(self, age: Duration) -> date:
        """Who was born on this day or before has completed the age; date.min - of nobody - is never a birth date."""
        return last_day(lambda born: birthday(born, age) <= self.moment.day, self.moment.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempt:
    """Whom a statement does not concern: men, who is too young or old, and after an operation.

    `by`: value sets of the operations, and `before` which day they must have been, if it matters. Of whom `pregnancy`,
    a statement of its own, is met all the same, what the statement itself says stands, and contradicts that.
    """

    young_after: date | None
    old_until: date | None
    by: frozenset[str]
    before: date | None
    pregnancy: Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """The same for everybody whom it concerns, whatever is on record."""

    reason: Reason
    exempt: Exempt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Born:
    """An age as birth days.

    Who was born after `young_after` is too young, until `old_until` too old, and until `impossible_until` older than
    anybody. `placeholders`: birth dates that stand for none.
    """

    young_after: date | None
    old_until: date | None
    impossible_until: date
    placeholders: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSex:
    """The sex for clinical use, else the gender."""

    sex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LivesIn:
    """Where the patient lives: by sort, the beginnings of postal codes, and the names of other places, folded.

    `code_length`: of the countries' codes, 0 where they are not all codes of one length: other names may be the same.
    """

    places: Mapping[str, frozenset[str]]
    code_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaks:
    """One of the languages, without script and region."""

    languages: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Married:
    """What each marital status comes to."""

    reasons: Mapping[str, Reason]


OfPerson = Born | OfSex | LivesIn | Speaks | Married
"""What the row of the patient says."""


class Basis(StrEnum):
    """What of a value is compared."""

    NUMBER = "number"
    UPPER = "upper"
    LOWER = "lower"
    FINDING = "finding"
    BOOLEAN = "boolean"
    DONE = "done"


BASES = {LimitOfNormal.UPPER: Basis.UPPER, LimitOfNormal.LOWER: Basis.LOWER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One bound of a value.

    `bound`: in the analyte's canonical unit, or how many times the limit of normal. `expected`: a finding or boolean.
    `near`: a number that lies no further from the bound may be as good as equal, so that only the evaluation can tell.
    """

    basis: Basis
    comparator: Comparator = Comparator.AT_LEAST
    bound: Number | None = None
    expected: str = ""
    near: Number | None = None


class Measured(NamedTuple):
    """What a formula asks for by a name: an analyte since a day, times `factor`, plus `offset`."""

    name: str
    analyte: str
    since: date
    factor: Number
    offset: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """A formula whose value is a plain number of measured values, age and sex, in the canonical unit of what it gives.

    It is for those who were born until `born_until` and after `born_after`; None: whenever.
    """

    formula: Formula
    inputs: tuple[Measured, ...]
    born_until: date | None
    born_after: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The latest value of an analyte since a day, inclusive, held against one test or two.

    `young_after`: of who was born after it, the values of the analyte's alternative count, too. `reckoned_from`: for
    each formula by which it is reckoned, the analytes that it needs, the first one first; of whom a formula may say
    something, it is undecided. `ages`: of the ages for which the formulas are, the last birthday of who has reached it.
    `reckoned`: the formulas themselves, where columns can say what they come to of most patients.
    """

    analyte: Analyte
    tests: tuple[Test, ...]
    since: date
    young_after: date | None = None
    reckoned_from: tuple[tuple[str, ...], ...] = ()
    ages: tuple[date, ...] = ()
    reckoned: tuple[Reckoned, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubting:
    """What makes a negative unsafe: an analyte's result since a day that is not negative, or above a number.

    Or an exposure that ran on a day since then.
    """

    analyte: Analyte | None = None
    above: Number | None = None
    exposure: str = ""
    since: date


class Ask(StrEnum):
    """Of which time an entry of the problem list is asked."""

    PRESENT = "present"
    EVER = "ever"
    BEGAN = "began"
    ACTIVE_SINCE = "active-since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The tests that settle a condition: for each by its name, since when its result is fresh."""

    table: InfectionTable
    analytes: Mapping[str, Analyte]
    fresh: Mapping[str, date]
    of_age: Mapping[str, Duration]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed:
    """A diagnosis on the problem list.

    `since_at`: the first instant of a window in hours, of whose day `since` is then. `stands`: until when an entry of a
    concept, or of one of its value sets, counts that was never closed: the first day of its time. `listed_since`: the
    same of an encounter diagnosis. `absent`: value sets that deny it; `stated_since`: how old such a statement may be.
    `levels`: value sets that say that a qualifier holds, and that it doesn't.
    `graded`: of severity, stage and grade, as far as they are asked, the levels that will do, and all others.
    `begun_until`, `lasted_from`: the day on which it must have begun at the latest, to be as old, or to have lasted as
    long until today.
    """

    concepts: tuple[str, ...]
    ask: Ask
    since: date | None
    since_at: datetime | None
    stands: Mapping[str, date]
    passing: tuple[tuple[str, str, date], ...]
    listed_since: date
    other_than: tuple[str, ...]
    absent: frozenset[str]
    stated_since: date
    qualified: bool
    levels: tuple[str, str]
    graded: tuple[tuple[frozenset[str], frozenset[str]], ...] = ()
    begun_until: date | None = None
    lasted_from: date | None = None
    doubts: tuple[Doubting, ...] = ()
    tested: Tested | None = None
    exempt: Exempt | None = None
    gate: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A drug or procedure in a window, or ever.

    `listed_since`: an entry without an end that was asserted since then reaches the window. `as_needed`: such use is
    what is asked for. `asks_more`: of an entry that counts more is asked than its time and route; `of_any`: of any
    entry, as where it was. Who has such an entry is undecided. `half_lives`: value sets of drugs whose own count.
    `since_at`: the first instant of a window in hours, of whose day `since` is then.
    """

    concepts: tuple[str, ...]
    since: date | None
    systemic: bool
    systemic_class: frozenset[str]
    as_needed: bool
    asks_more: bool
    of_any: bool
    half_lives: frozenset[str]
    since_at: datetime | None
    listed_since: date | None
    stated_since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergic:
    """An allergy to a substance; `crossing`: substances to which one may be one to this."""

    concepts: tuple[str, ...]
    crossing: tuple[str, ...]
    absent: frozenset[str]
    diagnosed: frozenset[str]
    severe: bool
    stated_since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseOf:
    """The course of diseases: what words of it are wanted, and what may speak beside them.

    `questioned`: what is wanted is a question all the same. `blasts`: analytes that count, `marrow` the one that may
    show a remission, where it isn't above `above`, in its canonical unit. `sites`: conditions of the disease elsewhere,
    `outside`: analytes that may show it there. `stated_since`: how old a remission may be.
    """

    concepts: tuple[str, ...]
    relapsed: bool
    refractory: bool
    questioned: bool
    blasts: tuple[str, ...]
    marrow: str
    above: Number | None
    sites: tuple[str, ...]
    outside: tuple[str, ...]
    stated_since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Pregnant:
    """A pregnancy: the newest word of its diagnosis, its tests and its ends.

    `ended_by`: value sets of the ends; one is fresh since `ended_since`. `sets`: of what may speak of a pregnancy: with
    any of that it is undecided where the policy assumes that there is none.
    """

    diagnosed: Diagnosed
    tested: Tested
    ended_by: frozenset[str]
    ended_since: date
    sets: frozenset[str]
    exempt: Exempt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consented:
    """The consent to a study of these names."""

    names: frozenset[str]


class Beside(StrEnum):
    """What is asked of events beside one another."""

    BOTH = "both"
    UNTREATED = "untreated"
    SO_MANY = "so-many"
    NO_MORE = "no-more"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """What is asked of events beside one another, by what each sort of them comes to alone.

    `events` and `others`: alternatives, each a statement of its own. Of whom both are, or may be, on record, it is
    undecided: how they lie to one another is for the evaluation.
    """

    asks: Beside
    events: tuple[Leaf, ...]
    others: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A score of age, sex and what is on record: with nothing of that on record, it is the person's alone.

    `births`: the last birthdays of those who have reached each of the ages that matter. With any of what the statement
    reads on record, it is undecided.
    """

    births: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """What columns can't say of whom the record holds anything of these value sets; of all others, what it always is.

    Of whom a statement that is bound to sex doesn't concern, it is not asked either.
    """

    sets: frozenset[str]
    exempt: Exempt | None = None


_OfLists = Several | Consented | Pregnant | CourseOf | Diagnosed | Exposed | Allergic
Asked = OfPerson | Scored | Latest | Fixed | Undecided | _OfLists
"""What a statement asks."""


def unsaid(*_: object) -> None:
    """Nothing: of a kind that facts in columns can't say; it stays for the evaluation."""


TRUTHS = (Truth.NOT_MET, Truth.UNKNOWN, Truth.MET)
"""Strong Kleene logic as numbers: a truth is its place here, ∧ the least, ∨ the greatest, ¬ what lacks to 2."""
