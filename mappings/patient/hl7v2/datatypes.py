"""HL7 v2 data types -> FHIR data types: DTM and TS, CWE and CE, CX, EI and HD, XPN, XAD, XTN.

A time of day needs a zone in FHIR: the time's own, else the message's (MSH-7 says the sender's), else the site's. With
none of them the time of day is left out, and so it is where only the hour is known, or where the clock is turned back
and the hour happens twice: nothing is guessed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from adapter.fhir.elements import Json, id_string, string
from mappings.patient.converted import LOCAL_PATIENTS, identifier_system, local_system
from mappings.patient.hl7v2.message import Value
from mappings.patient.hl7v2.tables import Settings, codes, table

_FORM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?)?)?\s*([+-]\d{4}|Z)?", re.ASCII
)
_ISO = re.compile(r"\d{4}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?)?", re.ASCII)
_WIDEST = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Clock:
    """What a message says of its times' zone: its own offset, else the site's zone."""

    offset: tzinfo | None = None
    zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as FHIR has it; `exact` if it is an instant with seconds and zone."""

    text: str
    exact: bool = False

    @property
    def date(self) -> str:
        """The day, or what is known of it."""
        return self.text[:10]


@lru_cache(maxsize=4096)  # a laboratory's results of one time come together
def read_time(text: str, clock: Clock) -> Moment | None:  # noqa: PLR0911  # one return a precision
    """The time that was meant; None if it is none. ISO 8601's own form, which is not HL7 v2's, has one meaning too."""
    found = _FORM.fullmatch(_compact(text))
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if month is None or day is None:
        partial = year if month is None else f"{year}-{month}"
        return Moment(partial) if int(year) and _is_day(int(year), int(month or 1), 1) else None
    if not _is_day(int(year), int(month), int(day)):
        return None
    date = f"{year}-{month}-{day}"
    if hour is None:
        return Moment(date)
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute or 0), int(second or 0))  # noqa: DTZ001  # its zone follows
    except ValueError:
        return None
    zone = _zone(offset, clock) if minute is not None else None
    if zone is None or _happens_twice(local, zone):
        return Moment(date)
    aware = local.replace(tzinfo=zone).isoformat().replace("+00:00", "Z")
    if fraction:
        aware = f"{aware[:19]}.{fraction[:3]}{aware[19:]}"
    return Moment(aware, exact=True)


def _compact(text: str) -> str:
    """A time as HL7 v2 writes it: `2026-02-28T10:30:00+01:00` as 20260228103000+0100."""
    plain = text.strip()
    if not _ISO.fullmatch(plain):
        return plain
    day, rest = plain[:10], plain[10:]
    return day.replace("-", "") + rest.replace("T", "").replace(" ", "").replace(":", "")


def clock_of(sent: str, zone: ZoneInfo | None) -> Clock:
    """The clock of a message that was sent at MSH-7."""
    found = _FORM.fullmatch(_compact(sent))
    return Clock(offset=_offset(found[8]) if found and found[8] else None, zone=zone)


def instant(text: str, clock: Clock) -> str | None:
    """The time as a FHIR instant, for records of the conversion itself; without zone it is read as UTC's."""
    found = _FORM.fullmatch(_compact(text))
    moment = read_time(text, clock)
    if found is None or moment is None:
        return None
    if moment.exact:
        return moment.text
    year, month, day, hour, minute, second = (
        int(part or least) for part, least in zip(found.groups()[:6], _LEAST, strict=True)
    )
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).isoformat().replace("+00:00", "Z")


_LEAST = (1, 1, 1, 0, 0, 0)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        datetime(year, month, day)  # noqa: DTZ001  # only whether there is such a day
    except ValueError:
        return False
    return True


def _zone(offset: str | None, clock: Clock) -> tzinfo | None:
    return (_offset(offset) if offset else None) or clock.offset or clock.zone


def _offset(text: str) -> tzinfo | None:
    if text == "Z":
        return UTC
    distance = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    if distance > _WIDEST or int(text[3:]) > 59:  # noqa: PLR2004  # minutes
        return None
    return timezone(-distance if text[0] == "-" else distance)


def _happens_twice(local: datetime, zone: tzinfo) -> bool:
    """Whether the clock shows this time twice or never, when it is turned."""
    one, other = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    return one.utcoffset() != other.utcoffset()


TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_EDITION = re.compile(r"[ _-]?(?:19|20)\d\d$", re.ASCII)
_CODINGS = ((1, 2, 3, 14), (4, 5, 6, 17), (10, 11, 12, 20))
"""Components of a CWE: code, display, name and OID of the coding system, three times over."""
ORIGINAL_TEXT = 9


def without_nothing(elements: Json) -> Json:
    """The elements that have a value."""
    return {name: value for name, value in elements.items() if value not in (None, "", [], {})}


def system_of(name: str, oid: str, settings: Settings) -> str:
    """The URI of a coding system; one without a known name is the sender's own.

    A name with a year behind it (I10G2004 in table 0396, ICD-10-GM-2026) is an edition of the system.
    """
    named = settings.coding_systems.get
    edition = _EDITION.sub("", name.casefold())
    known = named(name.casefold()) or named(oid.casefold()) or named(edition)
    if known is not None:
        return known
    if _OID.fullmatch(oid or name):
        return f"urn:oid:{oid or name}"
    return local_system("" if name.upper() == "L" else name)


def concept(value: Value, settings: Settings) -> Json:
    """CWE, CE, CNE -> CodeableConcept; {} if it says nothing. A text without a code stays text."""
    codings = []
    texts = [value(ORIGINAL_TEXT)]
    for code, display, name, oid in _CODINGS:
        if code > len(value.parts):
            break
        said = string(value(code))
        texts.append(value(display))
        if said is not None:
            system = system_of(value(name), value(oid), settings)
            codings.append(without_nothing({"system": system, "code": said, "display": string(value(display))}))
    text = next(filter(None, map(string, texts)), None)
    return without_nothing({"coding": codings, "text": text})


def authority(value: Value, component: int, settings: Settings) -> str | None:
    """HD in a component -> the URI of who assigns identifiers; None if it names nobody."""
    named, id_, type_ = (value(component, place) for place in (1, 2, 3))
    configured = settings.authorities.get(named) or settings.authorities.get(id_)
    if configured:
        return configured
    if _OID.fullmatch(id_) and type_.upper() in {"ISO", "OID", ""}:
        return f"urn:oid:{id_}"
    if _UUID.fullmatch(id_):
        return f"urn:uuid:{id_.lower()}"
    if re.fullmatch(r"https?://\S+", id_):
        return id_
    return f"{LOCAL_PATIENTS}/{_path(named or id_)}" if named or id_ else None


def identifier(value: Value, settings: Settings, clock: Clock) -> Json:
    """CX -> Identifier; {} without a value."""
    id_ = id_string(value(1))
    if id_ is None:
        return {}
    type_ = value(5)
    start, end = read_time(value(7), clock), read_time(value(8), clock)
    period = without_nothing({"start": start and start.text, "end": end and end.text})
    known = {"coding": [{"system": TYPES, "code": type_}]} if type_ in codes("identifier-type") else {}
    return without_nothing(
        {
            "type": known or without_nothing({"text": string(type_)}),
            "system": authority(value, 4, settings) or LOCAL_PATIENTS,
            "value": id_,
            "period": period,
        }
    )


def entity(value: Value, type_: str) -> Json:
    """EI -> Identifier; {} without a value. Without an authority its system is one of converted resources."""
    id_ = id_string(value(1))
    if id_ is None:
        return {}
    universal = f"urn:oid:{value(3)}" if _OID.fullmatch(value(3)) else None
    name = value(2) or value(3)
    system = identifier_system(type_) + "-number" + (f"/{_path(name)}" if name else "")
    return {"system": universal or system, "value": id_}


def human_name(value: Value) -> Json:
    """XPN -> HumanName. A family name in parts (v2.4 and later) is its first subcomponent."""
    given = [name for text in (value(2), value(3)) if (name := string(text))]
    named = without_nothing(
        {
            "family": string(value(1)),
            "given": given,
            "suffix": [text] if (text := string(value(4))) else [],
            "prefix": [text] if (text := string(value(5))) else [],
        }
    )
    return {"use": use, **named} if named and (use := table("name-use").get(value(7))) else named


def address(value: Value) -> Json:
    """XAD -> Address."""
    said = without_nothing(
        {
            "line": [line for text in (value(1), value(2)) if (line := string(text))],
            "city": string(value(3)),
            "district": string(value(9)),
            "state": string(value(4)),
            "postalCode": string(value(5)),
            "country": string(value(6)),
        }
    )
    return {"use": use, **said} if said and (use := table("address-use").get(value(7))) else said


def contact(value: Value, use: str) -> Json:
    """XTN -> ContactPoint; before v2.7 the number is the first component, later XTN.12 or its parts."""
    number = string(value(12)) or string(value(1)) or string(" ".join(filter(None, (value(5), value(6), value(7)))))
    system = table("contact-system").get(value(3), "phone")
    if system == "email" or (not number and value(4)):
        system, number = "email", string(value(4)) or number
    if number is None:
        return {}
    return {"system": system, "value": number, "use": table("contact-use").get(value(2), use)}


def _path(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "unnamed"
