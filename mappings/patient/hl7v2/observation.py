"""OBX, with the OBR that it belongs to and the NTE that follow it -> Observations (the guide's segment map OBX)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapter.fhir.elements import Json, string
from mappings.patient.converted import PatientKey, made
from mappings.patient.hl7v2.datatypes import concept, entity, read_time, without_nothing
from mappings.patient.hl7v2.message import Segment, Value
from mappings.patient.hl7v2.tables import codes, table
from mappings.patient.hl7v2.value import Reader, UnusableError, joins_lines, reference_ranges, value_of

INTERPRETATIONS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_COUNTS = frozenset({"final", "amended", "corrected"})


@dataclass(frozen=True, slots=True)
class Order:
    """What the segments before an OBX say of it: `filler` is ORC-3 or OBR-3, `application` MSH-3 and MSH-4."""

    obr: Segment | None = None
    orc: Segment | None = None
    notes: tuple[Segment, ...] = ()
    application: str = ""

    @property
    def filler(self) -> Value | None:
        """The number under which the laboratory keeps the order; None if it gave none."""
        for segment, field in ((self.obr, 3), (self.orc, 3), (self.obr, 2), (self.orc, 2)):
            if segment is not None and segment.text(field):
                return segment.value(field)
        return None


@dataclass(frozen=True, slots=True)
class Result:
    """An OBX and those after it that carry on its text, with its notes; `ordinal` tells apart those of one code."""

    lines: tuple[Segment, ...]
    notes: tuple[Segment, ...]
    ordinal: int
    order: Order

    @property
    def obx(self) -> Segment:
        """The first of the lines."""
        return self.lines[0]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of a segment that could not be used."""

    place: str
    value: str
    reason: str


def observations(result: Result, patient: PatientKey, reader: Reader) -> Iterator[Json | Problem]:
    """The Observations of a result: one, or one for each repetition of a value that is no text."""
    obx = result.obx
    code = concept(obx.value(3), reader.settings)
    if not code:
        yield Problem(obx.place(3), obx.raw(3), "no code or name of what was observed")
        return
    status = _status(result)
    if status is None:
        yield Problem(obx.place(11), obx.raw(11), "not a status of table 0085")
        return
    if status == "none":
        return
    values = [value for line in result.lines for value in line.repetitions(5)]
    if not values and obx.text(11).upper() in codes("status-only"):
        yield Problem(
            obx.place(5), "", "a change of status without the result; ask the sender to send the result with it"
        )
        return
    shared, problems = _shared(result, patient, code, status, reader)
    yield from problems
    try:
        contents = _values(result, values, reader)
    except UnusableError as error:
        yield Problem(obx.place(5), "", str(error))
        contents = [{"dataAbsentReason": {"coding": [{"system": _ABSENT, "code": "unsupported"}]}}]
    for place, content in enumerate(contents, start=1):
        yield made("Observation", _key(result, patient, place, content, shared), {**shared, **content})


def _values(result: Result, values: Sequence[Value], reader: Reader) -> list[Json]:
    if joins_lines(result.obx) and len(values) > 1:
        text = string("\n".join(value.whole for value in values))
        return [{"valueString": text}] if text else [_absent(result)]
    found = [value_of(result.obx, value, reader) for value in values]
    return [content for content in found if content] or [_absent(result)]


def _absent(result: Result) -> Json:
    reason = "not-performed" if result.obx.text(11).upper() == "X" else "unknown"
    return {"dataAbsentReason": {"coding": [{"system": _ABSENT, "code": reason}]}}


def _status(result: Result) -> str | None:
    """OBX-11, else OBR-25, else `unknown`; a flag that holds a result back leaves it preliminary."""
    said = result.obx.text(11).upper()
    if said:
        found = table("result-status").get(said)
    else:
        reported = result.order.obr.text(25).upper() if result.order.obr else ""
        found = table("report-status").get(reported, "unknown")
    flags = {flag(1).upper() for flag in result.obx.repetitions(8)}
    return "preliminary" if found in _COUNTS and flags & set(codes("held-flags")) else found


def _shared(result: Result, patient: PatientKey, code: Json, status: str, reader: Reader) -> tuple[Json, list[Problem]]:
    """All but the value."""
    obx, order = result.obx, result.order
    effective, problems = _effective(result, reader)
    issued = read_time(order.obr.text(22), reader.clock) if order.obr else None
    filler = order.filler
    numbers = [(obx.value(21), "observation"), *([(filler, "order")] if filler else [])]
    elements = without_nothing(
        {
            "identifier": [found for value, kind in numbers if (found := entity(value, kind))],
            "status": status,
            "category": [{"coding": [{"system": _CATEGORY, "code": "laboratory"}]}] if order.obr else [],
            "code": code,
            "subject": patient.reference,
            **effective,
            "issued": issued.text if issued and issued.exact else None,
            "performer": [found for value in obx.repetitions(16) if (found := _performer(value))],
            "interpretation": [found for value in obx.repetitions(8) if (found := _interpretation(value))],
            "note": [{"text": text} for notes in (order.notes, result.notes) if (text := _note(notes))],
            "method": concept(obx.value(17), reader.settings),
            "referenceRange": reference_ranges(obx, reader),
        }
    )
    return elements, problems


def _effective(result: Result, reader: Reader) -> tuple[Json, list[Problem]]:
    """OBX-14; else OBR-7, to OBR-8 if the specimen was collected over a time."""
    obx, obr = result.obx, result.order.obr
    problems = []
    for segment, field in ((obx, 14), (obr, 7)):
        if segment is None or not segment.text(field):
            continue
        moment = read_time(segment.text(field), reader.clock)
        if moment is None:
            problems.append(Problem(segment.place(field), segment.raw(field), "not a time (YYYYMMDDHHMMSS); undated"))
            return {}, problems
        end = read_time(segment.text(8), reader.clock) if segment is obr else None
        if end is not None and end.text[:10] > moment.text[:10]:
            return {"effectivePeriod": {"start": moment.text, "end": end.text}}, problems
        return {"effectiveDateTime": moment.text}, problems
    return {}, problems


def _performer(value: Value) -> Json:
    """XCN -> a Reference by name; the person's record is not ours to make."""
    family, given = string(value(2)), string(value(3))
    name = ", ".join(filter(None, (family, given))) or string(value(1))
    return {"display": name} if name else {}


def _interpretation(value: Value) -> Json:
    code, text = value(1), string(value(2))
    if code in codes("interpretation"):
        return without_nothing({"coding": [{"system": INTERPRETATIONS, "code": code}], "text": text})
    return without_nothing({"text": text or string(code)})


def _note(segments: Sequence[Segment]) -> str | None:
    """NTE-3: lines that follow each other are one note."""
    return string("\n".join(value.whole for nte in segments for value in nte.repetitions(3)))


def _key(result: Result, patient: PatientKey, place: int, content: Json, shared: Json) -> tuple[str, ...]:
    """What names the result: who, whose order number, which service, which code, which one of it.

    A corrected result has the same and replaces the earlier one. Without an order number nothing says which result is
    corrected, so time and value belong to the name: the same result sent twice is one, another one stands beside it.
    """
    obx, order = result.obx, result.order
    who = (patient.system, patient.value)
    what = (obx.text(3) or obx.text(3, 2), obx.text(3, 3), obx.text(4), str(result.ordinal), str(place))
    service = (order.obr.text(4) or order.obr.text(4, 2)) if order.obr else ""
    filler = order.filler
    if filler is not None:
        return (*who, order.application, *(filler(n) for n in (1, 2, 3)), service, *what)
    when = str(shared.get("effectiveDateTime") or shared.get("effectivePeriod") or "")
    return (*who, order.application, "", service, *what[:3], when, str(sorted(content.items())))
