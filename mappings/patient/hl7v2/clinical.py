"""Clinical segments -> resources: OBX with OBR, SPM and NTEs, DG1 -> Observation, Condition.

After the guide's segment maps OBX and DG1[Condition].
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapter.fhir.elements import Json, conforms_to, string
from mappings.patient.certainty import with_certainty
from mappings.patient.converted import PatientKey, made, profile_of
from mappings.patient.hl7v2.datatypes import (
    ORIGINAL_TEXT,
    Clock,
    concept,
    entity,
    read_time,
    system_of,
    without_nothing,
)
from mappings.patient.hl7v2.message import Segment, Value
from mappings.patient.hl7v2.tables import Settings, codes, table
from mappings.patient.hl7v2.value import (
    Reader,
    UnusableError,
    depends_on_the_message,
    joins_lines,
    reference_ranges,
    value_of,
)

INTERPRETATIONS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_COUNTS = frozenset({"final", "amended", "corrected"})


@dataclass(frozen=True, slots=True)
class Order:
    """What the segments around an OBX say of it: `filler` is ORC-3 or OBR-3, `application` MSH-3 and MSH-4."""

    obr: Segment | None = None
    orc: Segment | None = None
    notes: tuple[Segment, ...] = ()
    specimens: tuple[Segment, ...] = ()
    application: str = ""

    @property
    def filler(self) -> Value | None:
        """The number under which the laboratory keeps the order; None if it gave none."""
        for segment, field in ((self.obr, 3), (self.orc, 3), (self.obr, 2), (self.orc, 2)):
            if segment is not None and segment.text(field):
                return segment.value(field)
        return None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What an order says of each of its results, found once.

    `filler`: the number that names it, as text; None without one. `number`: the same as an Identifier.
    `service`: OBR-4's code or name. `effective`, `problems`: of OBR-7 and OBR-8. `reported`: the status by OBR-25.
    `donor`: whether it is one's by its name, None where it may be; `specimen`: with the elements that hold it.
    """

    filler: tuple[str, ...] | None
    number: Json
    service: str
    reported: str
    issued: str | None
    category: list[Json]
    note: str | None
    effective: Json
    donor: bool | None
    specimen: Json
    problems: "tuple[Problem, ...]"


def order_facts(order: Order, reader: Reader) -> OrderFacts:
    """What is the same for all results of an order."""
    obr, filler, clock = order.obr, order.filler, reader.clock
    issued = read_time(obr.text(22), clock) if obr else None
    effective, problems = _collected(obr, clock)
    return OrderFacts(
        filler=tuple(filler(n) for n in (1, 2, 3)) if filler else None,
        number=entity(filler, "order") if filler else {},
        service=(obr.text(4) or obr.text(4, 2)) if obr else "",
        reported=table("report-status").get(obr.text(25).upper() if obr else "", "unknown"),
        issued=issued.text if issued and issued.exact else None,
        category=[{"coding": [{"system": _CATEGORY, "code": "laboratory"}]}] if obr else [],
        note=_note(order.notes),
        effective=effective,
        donor=_is_of_donor(obr, reader),
        specimen=_specimen(order, reader.settings),
        problems=problems,
    )


def _is_of_donor(obr: Segment | None, reader: Reader) -> bool | None:
    """Whether an order is by its name a donor's (`of-donors` in findings.yaml); None where it may be either's."""
    name = (obr.text(4, 2) or obr.text(4, 5) or obr.text(4)) if obr else ""
    return reader.terminology.writing.is_of_donor(name)


def _specimen(order: Order, settings: Settings) -> Json:
    """SPM, before v2.5 OBR-15: the specimen of all results of an order; of several, what any of them says.

    One that is rejected (SPM-21), or that by its role (SPM-11) was taken to control the laboratory, can't be used.
    """
    types = [concept(each.value(4), settings) for each in order.specimens]
    if not types and order.obr is not None and (source := order.obr.value(15)):
        types = [without_nothing({"text": string(source(1, 2) or source(1))})]
    roles = {each.text(11).upper() for each in order.specimens}
    kinds = list({str(each): each for each in types if each}.values())
    named = (each.get("text") or each["coding"][0].get("display") for each in kinds)
    said = without_nothing(
        {
            "status": "unsatisfactory"
            if any(each.raw(21) for each in order.specimens) or roles & set(codes("of-nobody"))
            else None,
            "type": kinds[0] if len(kinds) == 1 else {"text": "; ".join(filter(None, named))} if kinds else {},
            "condition": [concept(value, settings) for each in order.specimens for value in each.repetitions(24)],
        }
    )
    if not said:
        return {}
    meta = conforms_to(profile_of("Specimen"))
    return {
        "contained": [{"resourceType": "Specimen", "id": "specimen", "meta": meta, **said}],
        "specimen": {"reference": "#specimen"},
    }


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


@dataclass(frozen=True, slots=True)
class _Said:
    """What an OBX says beside its value and time, found once for all that say the same.

    `status`: by OBX-11, empty where it says none, None where it is no status; `held`: a flag holds the result back.
    `what`: code and code system, as they name a result.
    """

    code: Json
    what: tuple[str, str]
    status: str | None
    held: bool
    missing: bool
    status_only: bool
    joined: bool
    timed: bool
    rest: Json


_BESIDE = (2, 3, 6, 7, 8, 11, 16, 17)


def _said(obx: Segment, reader: Reader) -> _Said:
    status = obx.text(11).upper()
    flags = {flag(1).upper() for flag in obx.repetitions(8)}
    return _Said(
        code=concept(obx.value(3), reader.settings),
        what=(obx.text(3) or obx.text(3, 2), obx.text(3, 3)),
        status=table("result-status").get(status) if status else "",
        held=bool(flags & set(codes("held-flags"))),
        missing=status == "X",
        status_only=status in codes("status-only"),
        joined=joins_lines(obx),
        timed=depends_on_the_message(obx),
        rest={
            "performer": [found for value in obx.repetitions(16) if (found := _performer(value))],
            "interpretation": [found for value in obx.repetitions(8) if (found := _interpretation(value))],
            "method": concept(obx.value(17), reader.settings) if obx.raw(17) else {},
            "referenceRange": reference_ranges(obx, reader),
        },
    )


def observations(result: Result, order: OrderFacts, patient: PatientKey, reader: Reader) -> Iterator[Json | Problem]:
    """The Observations of a result: one, or one for each repetition of a value that is no text."""
    obx = result.obx
    said = obx.once("beside", _BESIDE, lambda: _said(obx, reader))
    if not said.code:
        yield Problem(obx.place(3), obx.raw(3), "no code or name of what was observed")
        return
    status = order.reported if said.status == "" else said.status
    if status is None:
        yield Problem(obx.place(11), obx.raw(11), "not a status of table 0085")
        return
    if status == "none":
        return
    values = [value for line in result.lines for value in line.repetitions(5)]
    if not values and said.status_only:
        yield Problem(
            obx.place(5), "", "a change of status without the result; ask the sender to send the result with it"
        )
        return
    effective, problems = _effective(obx, order, reader.clock)
    yield from problems
    try:
        contents = _values(result, said, values, reader)
    except UnusableError as error:
        yield Problem(obx.place(5), "", str(error))
        contents = [{"dataAbsentReason": {"coding": [{"system": _ABSENT, "code": "unsupported"}]}}]
    own = entity(obx.value(21), "observation") if obx.raw(21) else {}
    shared = {
        "status": "preliminary" if (said.held or order.donor is None) and status in _COUNTS else status,
        "category": order.category,
        "code": said.code,
        "subject": patient.reference,
        **effective,
        "issued": order.issued,
        "performer": said.rest["performer"],
        "interpretation": said.rest["interpretation"],
        "note": [{"text": text} for text in (order.note, _note(result.notes)) if text],
        "method": said.rest["method"],
        **order.specimen,
        "focus": [{"display": "donor"}] if order.donor else [],
        "referenceRange": said.rest["referenceRange"],
        "identifier": [each for each in (own, order.number) if each],
    }
    for place, content in enumerate(contents, start=1):
        key = _key(result, said.what, order, patient, place, content, shared)
        yield made("Observation", key, {**shared, **content})


def _values(result: Result, said: _Said, values: Sequence[Value], reader: Reader) -> list[Json]:
    if said.joined and len(values) > 1:
        text = string("\n".join(value.whole for value in values))
        found = [{"valueString": text}] if text else []
    elif said.timed or len(result.lines) > 1:
        found = _each(result.obx, values, reader)
    else:
        found = result.obx.once("value", (2, 5, 6, 8), lambda: _each(result.obx, values, reader))
    return found or [_absent(said)]


def _each(obx: Segment, values: Sequence[Value], reader: Reader) -> list[Json]:
    return [content for value in values if (content := value_of(obx, value, reader))]


def _absent(said: _Said) -> Json:
    reason = "not-performed" if said.missing else "unknown"
    return {"dataAbsentReason": {"coding": [{"system": _ABSENT, "code": reason}]}}


def _effective(obx: Segment, order: OrderFacts, clock: Clock) -> tuple[Json, tuple[Problem, ...]]:
    """OBX-14; else when the order says that the specimen was collected."""
    text = obx.text(14)
    if not text:
        return order.effective, order.problems
    moment = read_time(text, clock)
    return ({}, (_undated(obx, 14),)) if moment is None else ({"effectiveDateTime": moment.text}, ())


def _collected(obr: Segment | None, clock: Clock) -> tuple[Json, tuple[Problem, ...]]:
    """OBR-7, to OBR-8 if the specimen was collected over a time."""
    if obr is None or not obr.text(7):
        return {}, ()
    start, end = read_time(obr.text(7), clock), read_time(obr.text(8), clock)
    if start is None:
        return {}, (_undated(obr, 7),)
    if end is not None and end.text[:10] > start.text[:10]:
        return {"effectivePeriod": {"start": start.text, "end": end.text}}, ()
    return {"effectiveDateTime": start.text}, ()


def _undated(segment: Segment, field: int) -> Problem:
    return Problem(segment.place(field), segment.raw(field), "not a time (YYYYMMDDHHMMSS); undated")


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


def _key(  # what names a result
    result: Result,
    what: tuple[str, str],
    order: OrderFacts,
    patient: PatientKey,
    place: int,
    content: Json,
    shared: Json,
) -> tuple[str, ...]:
    """What names the result: who, whose order number, which service, which code, which one of it.

    A corrected result has the same and replaces the earlier one. Without an order number nothing says which result is
    corrected, so time and value belong to the name: the same result sent twice is one, another one stands beside it.
    """
    application, sub_id = result.order.application, result.obx.text(4)
    who = (patient.system, patient.value)
    if order.filler is not None:
        named = (*order.filler, order.service, *what, sub_id, str(result.ordinal), str(place))
        return (*who, application, *named)
    when = str(shared.get("effectiveDateTime") or shared.get("effectivePeriod") or "")
    return (*who, application, "", order.service, *what, sub_id, when, str(sorted(content.items())))


_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


def condition(dg1: Segment, patient: PatientKey, settings: Settings, clock: Clock) -> Iterator[Json | Problem]:
    """The Condition of a DG1, as a diagnosis of the encounter.

    DG1-5 says when it was made, not when the disease began: it is the recordedDate (the guide takes onsetDateTime, and
    marks it as open). DG1-6 A and W (admitting, working) are suspicions; DG1-21 D deletes.
    """
    code = concept(dg1.value(3), settings)
    if "coding" in code and not dg1.text(3, 3) and dg1.text(2):  # before v2.4 DG1-2 names the coding system
        code["coding"][0]["system"] = system_of(dg1.text(2), "", settings)
    text = string(dg1.text(4))
    if text:  # the sender's own words, which may say more than the code's: "Ausschluss …"
        code["text"] = "; ".join(dict.fromkeys((text, *filter(None, (string(dg1.text(3, ORIGINAL_TEXT)),)))))
    if not code:
        yield Problem(dg1.place(3), dg1.raw(3), "no code or name of the diagnosis")
        return
    if "coding" in code:
        code["coding"] = [with_certainty(each) for each in code["coding"]]
    recorded = read_time(dg1.text(5), clock)
    if recorded is None and dg1.text(5):
        yield Problem(dg1.place(5), dg1.raw(5), "not a time (YYYYMMDDHHMMSS); undated")
    deleted = dg1.text(21).upper() == "D"
    said = "entered-in-error" if deleted else table("diagnosis-type").get(dg1.text(6).upper())
    if said is None and dg1.text(6):
        yield Problem(dg1.place(6), dg1.raw(6), "not a type of table 0052; the diagnosis is taken as unconfirmed")
        said = "unconfirmed"
    elements = {
        "identifier": [number] if (number := entity(dg1.value(20), "diagnosis")) else [],
        "verificationStatus": coded("condition-ver-status", said) if said else None,
        "category": [coded("condition-category", "encounter-diagnosis")],
        "code": code,
        "subject": patient.reference,
        "recordedDate": recorded.text if recorded else None,
    }
    own = tuple(dg1.text(20, n) for n in (1, 2, 3))
    named = own if own[0] else (dg1.text(3) or text or dg1.text(3, 2), dg1.text(3, 3) or dg1.text(2), dg1.text(5)[:8])
    yield made("Condition", (patient.system, patient.value, *named), elements)


def coded(system: str, code: str) -> Json:
    """A CodeableConcept of one of HL7's terminology."""
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}
