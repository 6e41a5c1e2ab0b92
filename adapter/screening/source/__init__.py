"""Where patients come from, one at a time, whatever their number: Bundle files, Bulk Data exports, a FHIR server.

What a source may hold, below: `place` is the file's name in the source, with the line where a file has many resources.
"""

from dataclasses import dataclass

from adapter.record.contents import Contents
from adapter.record.glance import Glance


@dataclass(frozen=True, slots=True)
class PatientInput:
    """The data of one patient, opened, or looked at.

    `whole`: they stand together by themselves, so that an export of changes has all.
    """

    place: str
    held: Contents | Glance
    whole: bool = True

    @property
    def contents(self) -> Contents:
        """All of the data; what was only looked at is opened anew each time."""
        return self.held if isinstance(self.held, Contents) else self.held.contents

    @property
    def size(self) -> int:
        """About how many bytes they are."""
        held = self.held
        return sum([len(each.raw) for each in held.resources]) if isinstance(held, Contents) else len(held.text)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read, or that belongs to no patient; `reason` holds no patient data but ids."""

    place: str
    reason: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is no patient's: named, so that nothing is skipped silently."""

    place: str
    reason: str


Found = PatientInput | Unread | LeftOut
