"""PID, MRG, AL1 and IAM: who a message is about, which number is not used any more, what the patient is allergic to.

The allergies are after the guide's segment map AL1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from adapter.fhir.elements import Json, id_string, string
from mappings.patient.converted import PatientKey, PatientPart, made
from mappings.patient.hl7v2.clinical import Problem, coded
from mappings.patient.hl7v2.datatypes import (
    Clock,
    address,
    concept,
    contact,
    human_name,
    identifier,
    read_time,
    without_nothing,
)
from mappings.patient.hl7v2.message import Segment, UnreadableError, Value
from mappings.patient.hl7v2.tables import Settings, codes, table

FieldProblem = tuple[int, str]
"""A field that could not be used, and why."""

_IDS = (3, 2, 4)
"""PID-3; before v2.4 also PID-2 and PID-4 held identifiers."""

_GIVEN_UP = (1, 2, 4)
"""MRG-1; MRG-2 and MRG-4 likewise."""


def key_of(segment: Segment, fields: tuple[int, ...], settings: Settings, clock: Clock) -> PatientKey:
    """The identifier by which the patient of a PID or MRG is known; raises UnreadableError without one."""
    found = identifier(_known_by(segment, fields, settings), settings, clock)
    return PatientKey(found["system"], found["value"])


def _known_by(segment: Segment, fields: tuple[int, ...], settings: Settings) -> Value:
    values = [value for field in fields for value in segment.repetitions(field) if id_string(value(1))]
    chosen = _chosen(values, settings)
    if chosen is None:
        wanted = " ".join(filter(None, (settings.patient_authority, settings.patient_type)))
        reason = (
            f"no identifier of {wanted}, by which the mapping file wants patients to be known"
            if wanted
            else ("no identifier of the patient")
        )
        raise UnreadableError(field=segment.place(fields[0]), reason=reason, code="101")
    return chosen


def _chosen(values: list[Value], settings: Settings) -> Value | None:
    """The site's choice; else the first of the best type, else the first."""
    if settings.patient_authority or settings.patient_type:
        return next((value for value in values if _wanted(value, settings)), None)
    order = codes("patient-number")
    ranked = sorted(values, key=lambda value: order.index(value(5)) if value(5) in order else len(order))
    return ranked[0] if ranked else None


def _wanted(value: Value, settings: Settings) -> bool:
    by_authority = settings.patient_authority in {None, value(4), value(4, 2)}
    return by_authority and settings.patient_type in {None, value(5)}


def patient_part(
    pid: Segment, settings: Settings, clock: Clock, *, leads: bool
) -> tuple[PatientPart, list[FieldProblem]]:
    """The patient of a PID; fields that could not be read are named beside it. Raises UnreadableError."""
    every = tuple(range(2, len(pid.fields)))
    return pid.once((leads, clock), every, lambda: _patient_part(pid, settings, clock, leads=leads))


def _patient_part(
    pid: Segment, settings: Settings, clock: Clock, *, leads: bool
) -> tuple[PatientPart, list[FieldProblem]]:
    key = key_of(pid, _IDS, settings, clock)
    problems: list[FieldProblem] = []
    said: Json = {
        "identifier": _unique(identifier(value, settings, clock) for n in _IDS for value in pid.repetitions(n)),
        "name": [name for value in pid.repetitions(5) if (name := human_name(value))],
        "telecom": [
            point
            for field, use in ((13, "home"), (14, "work"))
            for value in pid.repetitions(field)
            if (point := contact(value, use))
        ],
        "gender": _gender(pid, problems),
        "birthDate": _birth_date(pid, clock, problems),
        "address": [found for value in pid.repetitions(11) if (found := address(value))],
        **_death(pid, clock, problems),
    }
    elements = without_nothing(said)
    if leads:  # "" says that what was known is not so any more
        elements |= {name: None for field, name in _NULLABLE.items() if pid.is_null(field)}
    return PatientPart(key=key, elements=elements, leads=leads), problems


_NULLABLE = {5: "name", 7: "birthDate", 8: "gender", 11: "address", 13: "telecom"}


def merged(
    survivor: PatientPart, mrg: Segment, settings: Settings, clock: Clock
) -> tuple[PatientPart, list[PatientPart]]:
    """The patient that stays and those whose numbers MRG-1 gives up, linked to each other. Raises UnreadableError.

    Of several numbers all are given up that are of the same authority and type: under each there may be data. One of
    another type (a visit's, an account's) may be the same as another patient's.
    """
    first, type_ = key_of(mrg, _GIVEN_UP, settings, clock), _known_by(mrg, _GIVEN_UP, settings)(5)
    if first == survivor.key:
        reason = "MRG-1 is the number that stays (PID-3)"
        raise UnreadableError(field=mrg.place(1), reason=reason, code="204")
    alike = (value for value in mrg.repetitions(1) if value(5) == type_ and _wanted(value, settings))
    numbers = (identifier(value, settings, clock) for value in alike)
    others = (PatientKey(each["system"], each["value"]) for each in numbers if each.get("system") == first.system)
    gone = [key for key in dict.fromkeys((first, *others)) if key != survivor.key]
    link = [{"other": survivor.key.reference, "type": "replaced-by"}]
    parts = [PatientPart(key=key, elements={"active": False, "link": link}, leads=True) for key in gone]
    links = [
        *survivor.elements.get("link", ()),
        *({"other": key.reference, "type": "replaces"} for key in gone),
    ]
    return replace(survivor, elements={**survivor.elements, "link": links}), parts


def _gender(pid: Segment, problems: list[FieldProblem]) -> str | None:
    code = pid.text(8)
    found = table("sex").get(code.upper())
    if code and found is None:
        problems.append((8, "not a code of table 0001; Patient without gender"))
    return found


def _birth_date(pid: Segment, clock: Clock, problems: list[FieldProblem]) -> str | None:
    written = pid.text(7)
    moment = read_time(written, clock)
    if written and moment is None:
        problems.append((7, "not a date (YYYYMMDD); Patient without birthDate"))
    return moment.date if moment else None


def _death(pid: Segment, clock: Clock, problems: list[FieldProblem]) -> Json:
    """PID-29 and PID-30: a date that can't be read is a death all the same."""
    written, said = pid.text(29), pid.text(30).upper()
    moment = read_time(written, clock)
    if written and moment is None:
        problems.append((29, "not a date (YYYYMMDD); deceased without a date"))
    if moment is not None and said != "N":
        return {"deceasedDateTime": moment.text}
    if moment is not None:
        problems.append((30, "PID-30 says alive and PID-29 gives a date of death; nothing is taken from either"))
        return {}
    if said == "Y" or (written and said != "N"):
        return {"deceasedBoolean": True}
    return {"deceasedBoolean": False} if said == "N" else {}


def _unique(identifiers: Iterable[Json]) -> list[Json]:
    seen: dict[tuple[str, str], Json] = {}
    for each in identifiers:
        if each:
            seen.setdefault((each["system"], each["value"]), each)
    return list(seen.values())


def allergy(segment: Segment, patient: PatientKey, settings: Settings, clock: Clock) -> Iterator[Json | Problem]:
    """The AllergyIntolerance of an AL1 or IAM.

    Who is listed there has the allergy now, unless IAM-6 deletes it or IAM-17 says otherwise.
    """
    code = concept(segment.value(3), settings)
    if not code:
        yield Problem(segment.place(3), segment.raw(3), "no code or name of what the allergy is to")
        return
    began = 11 if segment.name == "IAM" else 6
    onset = read_time(segment.text(began), clock)
    if onset is None and segment.text(began):
        yield Problem(segment.place(began), segment.raw(began), "not a date (YYYYMMDD); left out")
    severe = (segment.text(4) or segment.text(4, 2)).upper()
    severity = table("allergy-severity").get(severe)
    if severity is None and severe not in {"", "U"}:
        yield Problem(segment.place(4), segment.raw(4), "not a severity of table 0128; left out")
    category = table("allergy-category").get(segment.text(2).upper())
    manifestations = [{"text": text} for value in segment.repetitions(5) if (text := string(value(2) or value(1)))]
    reaction = without_nothing({"manifestation": manifestations, "severity": severity})
    if severity and not manifestations:
        reaction["manifestation"] = [{"text": "not stated"}]
    status, problem = _allergy_status(segment)
    yield from problem
    elements = {
        **status,
        "category": [category] if category else [],
        "code": code,
        "patient": patient.reference,
        "recordedDate": onset.text if onset else None,
        "reaction": [reaction] if reaction else [],
    }
    named = (segment.text(3) or segment.text(3, 2), segment.text(3, 3))
    yield made("AllergyIntolerance", (patient.system, patient.value, *named), elements)


def _allergy_status(segment: Segment) -> tuple[Json, list[Problem]]:
    """Whether the allergy is there: of an AL1 always; of an IAM by its action (table 0206) and status (0438)."""
    if segment.name != "IAM":
        return {"clinicalStatus": coded("allergyintolerance-clinical", "active")}, []
    said, problems = table("allergy-status").get(segment.text(17).upper()), []
    if said is None and segment.text(17):
        problems = [Problem(segment.place(17), segment.raw(17), "not a status of table 0438; taken as unconfirmed")]
        said = "unconfirmed"
    if segment.text(6).upper() == "D":
        said = "entered-in-error"
    if said == "entered-in-error":  # which has no clinical status (R4, ait-2)
        return {"verificationStatus": coded("allergyintolerance-verification", said)}, problems
    clinical = "inactive" if said == "inactive" else "active"
    verified = None if said in {None, "inactive"} else coded("allergyintolerance-verification", str(said))
    return {
        "clinicalStatus": coded("allergyintolerance-clinical", clinical),
        "verificationStatus": verified,
    }, problems
