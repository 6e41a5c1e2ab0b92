"""What criteria about entries of lists say."""

from dataclasses import dataclass

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.model import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Leaf):
    """A device that the patient has: implanted, worn or used; lately, or for so long, if that is asked.

    `look_back`: put in, or first used, within it. `at_least_ago`: so long ago, or longer.
    """

    concepts: tuple[str, ...]
    look_back: Duration | None = None
    at_least_ago: Duration | None = None

    @property
    def asks_time(self) -> bool:
        """Whether it asks since when."""
        return self.look_back is not None or self.at_least_ago is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter(Leaf):
    """A way of being treated (a stay in hospital, an emergency visit), for a reason if asked, lately or ever.

    `began`: it began within `look_back`; else any of it lies there.
    """

    concepts: tuple[str, ...]
    reason: tuple[str, ...] = ()
    look_back: Length | None = None
    began: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyHistory(Leaf):
    """A disease in the family, of certain relatives if asked."""

    concepts: tuple[str, ...]
    relative: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation(Leaf):
    """Taking part in a study: in one of those named, else in any other than this; now or lately, or ever."""

    studies: tuple[str, ...] = ()
    intervention: bool = False
    look_back: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Leaf):
    """A drug or procedure that is planned, within a time from now if asked."""

    concepts: tuple[str, ...]
    within: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEvent(Leaf):
    """An adverse event, severe or of a suspected cause if asked, lately or ever."""

    concepts: tuple[str, ...]
    severe: bool = False
    suspect: tuple[str, ...] = ()
    look_back: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Leaf):
    """A report: of an examination, with a coded conclusion if asked, lately or ever."""

    concepts: tuple[str, ...] = ()
    conclusion: tuple[str, ...] = ()
    look_back: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen(Leaf):
    """A specimen that is there, collected lately or at any time."""

    concepts: tuple[str, ...]
    look_back: Length | None = None
