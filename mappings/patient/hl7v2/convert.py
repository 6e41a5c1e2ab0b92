"""Messages -> Converted and Rejected, in their order.

A message is converted on its own (`convert_message`); what only a series knows is kept by `Series`: which sender leads
a patient's demographics, whose numbers were merged, which result is the newer one.

The standard's groups of segments are not asked for: vendors leave out ORC and OBR, put NTE where they like, and add Z
segments. What follows belongs to what stood before it. Segments that carry nothing that is converted are counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import Json
from adapter.record.references import same_birth
from mappings.patient.converted import Converted, Origin, PatientKey, PatientPart, Rejected, Unit
from mappings.patient.hl7v2.clinical import Order, Problem, Result, condition, observations, order_facts
from mappings.patient.hl7v2.datatypes import Clock, clock_of, instant
from mappings.patient.hl7v2.framing import Frame, frames
from mappings.patient.hl7v2.message import Message, Segment, UnreadableError, Writings, parse
from mappings.patient.hl7v2.patient import allergy, merged, patient_part
from mappings.patient.hl7v2.tables import Settings, events
from mappings.patient.hl7v2.together import MILDER, Allergies, together
from mappings.patient.hl7v2.value import Reader, joins_lines
from mappings.patient.hl7v2.withdrawn import (
    DELETES_ANOTHER,
    TAKES_BACK_NOTHING,
    as_question,
    doubted,
    has_number,
    is_deleted,
    measured,
    takes_back,
)

_OF_PATIENT = frozenset({"ORC", "OBR", "OBX", "SPM", "DG1", "AL1", "IAM", "MRG"})
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
        elif name in _OF_PATIENT and not self.people:
            self.stray.append(segment)
        elif name == "OBX":
            self._result(segment)
        elif name in _OF_PATIENT:
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
            case "SPM":
                self._revise(replace(self._order, specimens=(*self._order.specimens, segment)))
            case "DG1":
                person.diagnoses.append(segment)
            case "AL1" | "IAM":
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
        elif self._order.specimens and self._last == "SPM":
            self._revise(replace(self._order, notes=(*self._order.notes, nte)))
        else:
            self.unused["NTE"] += 1

    def _revise(self, order: Order) -> None:
        """What stands behind the results of an order is of all of them."""
        person, was = self.people[-1], self._order
        person.results = [replace(each, order=order) if each.order is was else each for each in person.results]
        self._order = order

    def close(self) -> None:
        """End the result that is open."""
        if not self._lines:
            return
        obx = self._lines[0]
        code = obx.once("told apart", (3, 4), lambda: (obx.text(3), obx.text(3, 2), obx.text(3, 3), obx.text(4)))
        self._seen[code] += 1
        self.people[-1].results.append(Result(tuple(self._lines), tuple(self._notes), self._seen[code], self._order))
        self._lines, self._notes = [], []


def _carries_on(before: Segment, obx: Segment) -> bool:
    """Whether an OBX is the next line of a text."""
    same = (2, 3, 4, 11, 14)
    return joins_lines(before) and joins_lines(obx) and all(before.raw(n) == obx.raw(n) for n in same)


_VERSIONS = ("2.3", "2.4", "2.5", "2.6", "2.7", "2.8")


@dataclass(frozen=True, slots=True)
class Read:
    """What one message gave: people, what could not be used, and how many segments of each name are not converted."""

    converted: tuple[Converted, ...]
    rejected: tuple[Rejected, ...]
    unused: Counter[str] = field(default_factory=Counter)


def check(message: Message, settings: Settings) -> None:
    """Raises UnreadableError unless the message is of a version and kind that are converted, and meant to be."""
    header = message.header
    version = header.text(12)
    if not version.startswith(_VERSIONS):
        raise UnreadableError(field="MSH-12", reason="not HL7 v2.3 to v2.8", code="203")
    if message.kind not in events():
        known = ", ".join(events())
        reason = f"messages of this kind are not converted; {known} are"
        raise UnreadableError(
            field="MSH-9", reason=reason, code="201" if message.kind[:3] in {"ORU", "ADT", "BAR"} else "200"
        )
    processing = header.text(11).upper() or "P"
    if processing not in settings.processing:
        reason = "not a message for production (P); a mapping file with `processing` takes others"
        raise UnreadableError(field="MSH-11", reason=reason, code="202")


def convert_message(message: Message, document: str, place: str, settings: Settings, terminology: Terminology) -> Read:
    """What a message says; raises UnreadableError where it can't be said of whom."""
    header, event = message.header, events()[message.kind]
    clock = clock_of(header.text(7), settings.zone)
    recorded = instant(header.text(7), clock)
    if recorded is None:
        raise UnreadableError(
            field="MSH-7", reason="no time at which the message was sent (YYYYMMDDHHMMSS)", code="101"
        )
    groups = grouped(message)
    if groups.stray or not groups.people:
        name = groups.stray[0].name if groups.stray else "PID"
        raise UnreadableError(field=name, reason="no PID before it that says whose data these are", code="100")
    if event.merges and not all(person.merges for person in groups.people):
        raise UnreadableError(field="MRG", reason="no MRG that says which number is not used any more", code="100")
    reader = Reader(settings, terminology, clock)
    origin = Origin(document=document, place=place, recorded=recorded)
    converted, rejected = [], []
    for person in groups.people:
        patients, problems = _patients(person, settings, clock, leads=event.leads, merges=event.merges)
        resources: dict[str, Json] = {}  # what stands twice under one name is one
        for found in _resources(person, patients[0].key, reader):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                resources[found["id"]] = together(resources.get(found["id"]), found)
        converted.append(Converted(patients=patients, resources=tuple(resources.values()), origin=origin))
        rejected += [Rejected(place=place, field=p.place, value=p.value, reason=p.reason) for p in problems]
    return Read(tuple(converted), tuple(rejected), groups.unused)


def _patients(
    person: Person, settings: Settings, clock: Clock, *, leads: bool, merges: bool
) -> tuple[tuple[PatientPart, ...], list[Problem]]:
    part, troubles = patient_part(person.pid, settings, clock, leads=leads)
    problems = [Problem(person.pid.place(number), person.pid.raw(number), reason) for number, reason in troubles]
    others: list[PatientPart] = []
    for mrg in person.merges if merges else ():
        part, gone = merged(part, mrg, settings, clock)
        others += gone
    return (part, *others), problems


def _resources(person: Person, patient: PatientKey, reader: Reader) -> Iterator[Json | Problem]:
    order, facts = None, None
    for result in person.results:
        if facts is None or result.order is not order:
            order, facts = result.order, order_facts(result.order, reader)
        yield from observations(result, facts, patient, reader)
    for dg1 in person.diagnoses:
        yield from condition(dg1, patient, reader.settings, reader.clock)
    for segment in person.allergies:
        yield from allergy(segment, patient, reader.settings, reader.clock)


class Series:
    """Converts the messages of a source one after another, of all its files."""

    def __init__(self, settings: Settings, terminology: Terminology) -> None:
        """`unused` counts the segments that are not converted, by name."""
        self.unused: Counter[str] = Counter()
        self._document = ""
        self._settings = settings
        self._terminology = terminology
        self._leading: dict[PatientKey, str | None] = {}
        self._births: dict[PatientKey, str] = {}
        self._links: dict[PatientKey, list[Json]] = {}
        self._sent: dict[int, float] = {}
        self._numbers: dict[str, tuple[str, str | None]] = {}
        self._pairs: set[frozenset[str]] = set()
        self._measured: set[int] = set()
        self._diagnoses: dict[int, dict[str, bool]] = {}
        self._questions: set[int] = set()
        self._allergies = Allergies()
        self._number = 0
        self._batch: int | None = None
        self._writings: Writings = {}

    def units(self, document: str, chunks: Iterable[bytes]) -> Iterator[Unit]:
        """What the messages in a stream of bytes give; `document`: the file's name, for Provenance."""
        self._document, self._number, self._batch = document, 0, None
        for frame in frames(chunks):
            yield from self._stray(frame) if frame.stray else self._message(frame)

    def _message(self, frame: Frame) -> Iterator[Unit]:
        self._number += 1
        self._batch = None if self._batch is None else self._batch + 1
        place = f"message {self._number}, line {frame.line}"
        try:
            message = parse(frame, self._settings.charset, self._writings)
            check(message, self._settings)
            place = f"message {self._number}, line {frame.line}, MSH-10 {message.control_id or 'empty'}"
            read = convert_message(message, self._document, place, self._settings, self._terminology)
            found = [self._in_series(converted) for converted in read.converted]
        except UnreadableError as error:
            text = frame.data.decode("utf-8", "backslashreplace")
            where = f"{self._document}, {place}"
            yield Rejected(place=where, field=error.field, value=text, reason=error.reason, whole=True)
            return
        self.unused += read.unused
        yield from (replace(each, place=f"{self._document}, {each.place}") for each in read.rejected)
        for converted, told in found:
            where = f"{self._document}, {place}"
            yield from (Rejected(place=where, field=field_, value="", reason=reason) for field_, reason in told)
            yield converted

    def _stray(self, frame: Frame) -> Iterator[Unit]:
        text, place = frame.data.decode("utf-8", "backslashreplace"), f"{self._document}, line {frame.line}"
        if frame.envelope == "BHS":
            self._batch = 0
        elif frame.envelope == "BTS":
            said = text[4:].split(text[3:4] or "|")[0].strip()
            if self._batch is not None and said.isdecimal() and int(said) != self._batch:
                reason = f"the batch says that it has {said} messages, and has {self._batch}; ask for what is missing"
                yield Rejected(place=place, field="BTS-1", value=text, reason=reason)
            self._batch = None
        elif not frame.envelope:
            reason = "stands outside of any message: a message begins with a line MSH"
            yield Rejected(place=place, field="", value=text, reason=reason, whole=True)

    def _in_series(self, converted: Converted) -> tuple[Converted, list[tuple[str, str]]]:
        """The same with what earlier messages said; and what of it a person must see, by field and reason.

        Raises UnreadableError where they contradict who the patient is.
        """
        first = converted.patients[0]
        self._same_person(first)
        patients = tuple(self._part(part) for part in converted.patients)
        sent = datetime.fromisoformat(converted.origin.recorded).timestamp()
        resources: list[Json] = []
        told = self._one_authority(first)
        for resource in converted.resources:
            name = int(resource["id"][1:17], 16)
            known = self._sent.get(name)
            late = known is not None and known > sent  # messages may come out of their order
            if not late:
                self._sent[name] = sent
            if resource["resourceType"] == "AllergyIntolerance":
                said, milder = self._allergies.with_others(resource, late=late)
                told += [("AL1-4", MILDER)] * milder
                resources.append(said)
            elif late:
                continue
            elif resource["resourceType"] == "Condition":
                asked = self._diagnosed(resource, known=known is not None)
                told += [("DG1-21", DELETES_ANOTHER)] * bool(asked)
                resources += [*asked, resource]
            elif not takes_back(resource):
                if resource["resourceType"] == "Observation":
                    self._measured.add(measured(resource))
                    self._questions.discard(name)
                resources.append(resource)
            elif known is None and measured(resource) in self._measured:
                self._questions.add(name)
                told.append(("OBX-11", TAKES_BACK_NOTHING))
                resources.append(as_question(resource))
            elif name not in self._questions:  # or it is the same question again
                resources.append(resource)
        return replace(converted, patients=patients, resources=tuple(resources)), told

    def _diagnosed(self, resource: Json, *, known: bool) -> list[Json]:
        """Note a diagnosis; those of its code whose place nobody knows, if it is deleted under a name of its own."""
        same = self._diagnoses.setdefault(measured(resource), {})
        if not is_deleted(resource):
            same[resource["id"]] = has_number(resource)
            return []
        same.pop(resource["id"], None)
        if known:
            return []
        return [doubted(resource, id_) for id_, number in same.items() if not (number and has_number(resource))]

    def _one_authority(self, part: PatientPart) -> list[tuple[str, str]]:
        """Whether a number is known under another authority, of somebody born on the same day: most likely the same."""
        birth = part.elements.get("birthDate")
        system, born = self._numbers.setdefault(part.key.value, (part.key.system, birth))
        pair = frozenset((system, part.key.system))
        if len(pair) == 1 or not birth or birth != born or pair in self._pairs:
            return []
        self._pairs.add(pair)
        reason = f"the same number and birth date under {system}: two patients of one; map both in `authorities`"
        return [("PID-3", reason)]

    def _same_person(self, part: PatientPart) -> None:
        birth = part.elements.get("birthDate")
        known = self._births.get(part.key)
        if birth and known and not part.leads and not same_birth(birth, known):
            reason = "another birth date than the patient of this number had before: two people, or a wrong number"
            raise UnreadableError(field="PID-7", reason=reason, code="204")
        if birth and (known is None or part.leads):
            self._births[part.key] = birth

    def _part(self, part: PatientPart) -> PatientPart:
        """A patient's demographics are those of the sender who leads; links of merges add up."""
        elements = dict(part.elements)
        links = self._links.setdefault(part.key, []) if "link" in elements else []
        links += [link for link in elements.get("link", ()) if link not in links]
        if part.leads:
            self._leading[part.key] = None
        elif part.key in self._leading:
            elements = {}
        if links:
            elements["link"] = list(links)
        return replace(part, elements=elements)
