"""The segments of a message in their order -> what belongs together: results with their order and notes, by patient.

The standard's groups are not asked for: vendors leave out ORC and OBR, put NTE where they like, and add Z segments.
What follows belongs to what stood before it. Segments that carry nothing that is converted are counted.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from mappings.patient.hl7v2.message import Message, Segment
from mappings.patient.hl7v2.observation import Order, Result
from mappings.patient.hl7v2.value import joins_lines

_ENVELOPE = frozenset({"MSH", "SFT", "UAC", "EVN", "PID", "DSC"})


@dataclass(slots=True)
class Person:
    """What a message says after one PID."""

    pid: Segment
    results: list[Result] = field(default_factory=list)
    diagnoses: list[Segment] = field(default_factory=list)
    allergies: list[Segment] = field(default_factory=list)
    merges: list[Segment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grouped:
    """A message's people; `stray`: segments before any PID; `unused`: how many of each name are not converted."""

    people: tuple[Person, ...]
    stray: tuple[Segment, ...]
    unused: Counter[str]


def grouped(message: Message) -> Grouped:
    """What belongs together in a message."""
    application = "^".join(message.header.text(field) for field in (3, 4))
    walk = _Walk(Order(application=application))
    for segment in message.segments:
        walk.step(segment)
    walk.close()
    return Grouped(tuple(walk.people), tuple(walk.stray), walk.unused)


class _Walk:
    """Where in a message we are."""

    def __init__(self, empty: Order) -> None:
        self.people: list[Person] = []
        self.stray: list[Segment] = []
        self.unused: Counter[str] = Counter()
        self._empty = empty
        self._order = empty
        self._lines: list[Segment] = []
        self._notes: list[Segment] = []
        self._last = ""
        self._seen: Counter[tuple[str, ...]] = Counter()

    def step(self, segment: Segment) -> None:
        name = segment.name
        if name == "PID":
            self.close()
            self._order = self._empty
            self._seen.clear()
            self.people.append(Person(segment))
        elif name == "NTE":
            self._note(segment)
            return
        elif name in {"ORC", "OBR", "OBX", "DG1", "AL1", "MRG"} and not self.people:
            self.stray.append(segment)
        elif name == "OBX":
            self._result(segment)
        elif name in {"ORC", "OBR", "DG1", "AL1", "MRG"}:
            self._other(segment)
        elif name not in _ENVELOPE:
            self.unused[name] += 1
        self._last = name

    def _other(self, segment: Segment) -> None:
        self.close()
        person = self.people[-1]
        match segment.name:
            case "ORC":
                self._order = replace(self._empty, orc=segment)
            case "OBR":
                orc = self._order.orc if self._last == "ORC" or self._order.obr is None else None
                self._order = replace(self._empty, orc=orc, obr=segment)
                self._seen.clear()
            case "DG1":
                person.diagnoses.append(segment)
            case "AL1":
                person.allergies.append(segment)
            case "MRG":
                person.merges.append(segment)

    def _result(self, obx: Segment) -> None:
        if self._lines and not self._notes and _carries_on(self._lines[-1], obx):
            self._lines.append(obx)
            return
        self.close()
        self._lines = [obx]

    def _note(self, nte: Segment) -> None:
        if self._lines:
            self._notes.append(nte)
        elif self._order.obr is not None and self._last in {"OBR", "NTE"}:
            self._order = replace(self._order, notes=(*self._order.notes, nte))
        else:
            self.unused["NTE"] += 1

    def close(self) -> None:
        """End the result that is open."""
        if not self._lines:
            return
        obx = self._lines[0]
        code = (obx.text(3), obx.text(3, 2), obx.text(3, 3), obx.text(4))
        self._seen[code] += 1
        self.people[-1].results.append(Result(tuple(self._lines), tuple(self._notes), self._seen[code], self._order))
        self._lines, self._notes = [], []


def _carries_on(before: Segment, obx: Segment) -> bool:
    """Whether an OBX is the next line of a text."""
    same = (2, 3, 4, 11, 14)
    return joins_lines(before) and joins_lines(obx) and all(before.raw(n) == obx.raw(n) for n in same)
