"""What a converter yields and had to reject, what resources are called, and the transaction Bundles that they fill.

The same source always gives the same. A Patient may be on the server already, under an id of the server's: created
where no Patient has the identifier, or updated by it where the source leads. Other resources refer to the Patient by
the fullUrl in the Bundle, which a server replaces (FHIR R4, http.html: transaction), and are put under ids of their own
that are hashes of what names them in the source. So a Bundle may be loaded any number of times: the same content
changes nothing, a corrected one replaces the earlier. Provenance says which row or message it was made from.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha1
from typing import Any, overload
from urllib.parse import quote
from uuid import NAMESPACE_URL

import msgspec
from msgspec import Raw, Struct

from adapter.fhir.elements import BASE, Json, conforms_to, resource_id, string

LOCAL_PATIENTS = f"{BASE}/NamingSystem/local-patient"
"""System of patients' identifiers where the site has named none."""


@dataclass(frozen=True, slots=True, order=True)
class PatientKey:
    """The identifier by which a patient is known: its system (a URI) and its value."""

    system: str
    value: str

    @property
    def id(self) -> str:
        """The Patient's id in the Bundle; a server that has the patient already keeps its own."""
        return _patient_id(self.system, self.value)

    @property
    def full_url(self) -> str:
        """The Patient's fullUrl in every Bundle, a urn:uuid."""
        return _urn(self.system, self.value)

    @property
    def reference(self) -> Json:
        """A Reference to the Patient, for `subject` and `patient`."""
        return {"reference": self.full_url}

    @property
    def identifier(self) -> Json:
        """The identifier as an element."""
        return {"system": self.system, "value": self.value}

    @property
    def query(self) -> str:
        """The search that finds the Patient: identifier=system|value."""
        return f"identifier={_token(self.system)}%7C{_token(self.value)}"


@cache
def identifier_system(type_: str) -> str:
    """System of the identifiers that converted resources of a type have."""
    return f"{BASE}/NamingSystem/converted-{type_.lower()}"


def local_system(name: str = "") -> str:
    """The code system of a source's own codes; `name` as the source calls it (99LAB), empty where it has no name."""
    return f"{BASE}/CodeSystem/local" + (f"/{quote(name.strip(), safe='')}" if name.strip() else "")


@lru_cache(maxsize=4096)  # a patient's resources come together
def _patient_id(system: str, value: str) -> str:
    return resource_id("Patient", system, value)


@lru_cache(maxsize=4096)
def _urn(system: str, value: str) -> str:
    """As `uuid.uuid5` makes it (RFC 9562, section 5.5), which takes three times as long."""
    made = bytearray(sha1(NAMESPACE_URL.bytes + f"{system}|{value}".encode(), usedforsecurity=False).digest()[:16])
    made[6], made[8] = made[6] & 0x0F | 0x50, made[8] & 0x3F | 0x80
    text = made.hex()
    return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(maxsize=256)  # a source has few systems
def _token(text: str) -> str:
    """A part of a search token: escaped as FHIR wants it, then as a URL wants it (FHIR R4, search.html: escaping)."""
    escaped = text
    for special in ("\\", "|", ",", "$"):
        escaped = escaped.replace(special, f"\\{special}")
    return quote(escaped, safe="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The source row or message, for Provenance.

    `document`: the file's or database's name. `place`: the row, message or table part within it. `recorded`: when the
    source was last written, a FHIR instant; not the time of conversion, so that converting twice gives the same.
    """

    document: str
    place: str
    recorded: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPart:
    """What a unit of the source says of a patient.

    `elements`: of the Patient resource, without resourceType, id and the key's identifier; of several units, a later
    one's elements go before an earlier one's. `leads`: the source is the one that keeps the patient's demographics (an
    ADT feed): a Patient on the server is updated. Else it is only created where there is none.
    """

    key: PatientKey
    elements: Json = field(default_factory=dict)
    leads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What one unit of the source gave.

    `patients`: whom the resources belong to comes first; others are those that it links to (a merge), and are kept in
    the same Bundle from then on. `resources` are made with `made`, or are `Alikes`.
    """

    patients: tuple[PatientPart, ...]
    resources: Sequence[Json]
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Something in the source that could not be used.

    `place`: row, message or table row. `field`: column, HL7 field, empty for the whole. `value`: as it stood; it goes
    into the file of rejections and nowhere else. `reason`: what is wrong with it and what would be right. `whole`: the
    whole row or message is lost, not only the one value.
    """

    place: str
    field: str
    value: str
    reason: str
    whole: bool = False


Unit = Converted | Rejected


def profile_of(type_: str) -> str:
    """The name of the profile that converted resources of a type have."""
    return f"converted-{type_.lower()}"


@cache
def _conforms(type_: str) -> Json:
    """The meta of converted resources of a type, which all of them share."""
    return conforms_to(profile_of(type_))


def made(type_: str, key: tuple[str, ...], elements: Json) -> Json:
    """A resource with the id and the identifier that its key always gives; elements without a value are left out.

    `key` names the resource in its source, the patient included: a filler number of the laboratory, a table and its
    row's id, patient and column and day.
    """
    return _resource(type_, resource_id(type_, *key), elements)


def _resource(type_: str, id_: str, elements: Json) -> Json:
    resource: Json = {
        "resourceType": type_,
        "id": id_,
        "meta": _conforms(type_),
        "identifier": [{"system": identifier_system(type_), "value": id_}],
    }
    if "identifier" in elements:
        resource["identifier"] += elements["identifier"]
    for name, value in elements.items():
        if (value or value not in (None, [], {})) and name != "identifier":
            resource[name] = value
    return resource


class Alike(Struct, frozen=True, eq=False):
    """What resources have in common of which nothing differs but id, patient and, where they are `dated`, the date.

    `elements`: the others; `of`: the one that names the patient.
    """

    type: str
    elements: Json
    of: str = "subject"
    dated: bool = False

    def resource(self, id_: str, patient: str, date: str | None) -> Json:
        """The one of an id, a patient's fullUrl, and a date."""
        elements = {**self.elements, self.of: {"reference": patient}}
        if self.dated:
            elements["effectiveDateTime"] = date
        return _resource(self.type, id_, elements)


class Alikes(Sequence[Json]):
    """Resources of one patient, each by what it has in common with others, its id and its date."""

    def __init__(self, patient: PatientKey, parts: Sequence[tuple[Alike, str, str | None]]) -> None:
        """`parts`: with ids as `resource_id` makes them."""
        self.patient = patient
        self.parts = parts

    def __len__(self) -> int:
        """How many there are."""
        return len(self.parts)

    @overload
    def __getitem__(self, place: int) -> Json: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Json]: ...
    def __getitem__(self, place: int | slice) -> Json | Sequence[Json]:
        """A resource, or some."""
        if isinstance(place, slice):
            return Alikes(self.patient, self.parts[place])
        alike, id_, date = self.parts[place]
        return alike.resource(id_, self.patient.full_url, date)


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(content: Any) -> bytes:  # noqa: ANN401  # JSON
    """The content as JSON; a Decimal is a number with its digits."""
    return _encoder.encode(content)


def cut(made: Callable[[str], Json], slots: int) -> list[str]:
    """The JSON between the slots of a content, to be joined with what fills them: encoded once for many of a kind.

    `made` makes the content with a mark in each slot, within a string. The mark is one that stands nowhere else in it.
    """
    mark = "\0"
    while True:
        parts = encode(made(mark)).decode().split(encode(mark).decode()[1:-1])
        if len(parts) == slots + 1:
            return parts
        mark += "\0"


_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_ACTIVITY = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
SOURCE_PLACES = f"{BASE}/NamingSystem/source-place"
"""System of identifiers `document#place`."""


def provenance(unit: Converted, targets: Iterable[Json]) -> Json:
    """The Provenance of the targets (References), which a unit of the source gave of its first patient."""
    return provenance_of(provenance_id(unit), unit.origin.recorded, place_of(unit.origin), targets)


def provenance_id(unit: Converted) -> str:
    """The id of a unit's Provenance."""
    origin, patient = unit.origin, unit.patients[0].key
    return resource_id("Provenance", origin.document, origin.place, origin.recorded, patient.system, patient.value)


def place_of(origin: Origin) -> str:
    """`document#place`."""
    return string(f"{origin.document}#{origin.place}") or "source"


def provenance_of(id_: str, recorded: str, place: str, targets: Iterable[Json]) -> Json:
    """The Provenance of an id, with what is said of the source."""
    return {
        "resourceType": "Provenance",
        "id": id_,
        "meta": conforms_to("conversion"),
        "target": list(targets),
        "recorded": recorded,
        "activity": {"coding": [{"system": _ACTIVITY, "code": "CREATE"}]},
        "agent": [
            {
                "type": {"coding": [{"system": _PARTICIPANT, "code": "assembler"}]},
                "who": {"display": "fhir-trial-adapter"},
            }
        ],
        "entity": [{"role": "source", "what": {"identifier": {"system": SOURCE_PLACES, "value": place}}}],
    }


def bundle_of(patients: Sequence[PatientPart], resources: Iterable[Json]) -> Json:
    """One transaction Bundle with the patients and the resources."""
    entries = (entry(each["resourceType"], each["id"], each) for each in resources)
    return transaction([*(patient_entry(part) for part in patients), *entries])


def transaction(entries: list[Json]) -> Json:
    """The Bundle of entries that `entry` and `patient_entry` made."""
    return {"resourceType": "Bundle", "meta": conforms_to("converted-record"), "type": "transaction", "entry": entries}


def entry(type_: str, id_: str, resource: Json | Raw) -> Json:
    """The entry of a resource that is put under its own id; the resource may be encoded already."""
    url = f"{type_}/{id_}"
    return {"fullUrl": f"{BASE}/{url}", "resource": resource, "request": {"method": "PUT", "url": url}}


def patient_entry(part: PatientPart) -> Json:
    """The entry of a Patient: a conditional create, or a conditional update where the source leads."""
    return _patient_entry(part.key.full_url, patient_resource(part), part.key.query, leads=part.leads)


def patient_text(part: PatientPart) -> str:
    """The same in JSON; of a Patient with no other identifier, what all of a system have is encoded once."""
    key, elements = part.key, part.elements
    if "identifier" in elements:
        return encode(patient_entry(part)).decode()
    head, of_id, of_value, rest, of_request, end = _patient_parts(key.system, leads=part.leads)
    said = encode({name: value for name, value in elements.items() if value not in _NONE}).decode()[1:-1]
    more = f",{said}" if said else ""
    value = encode(key.value).decode()[1:-1]
    return f"{head}{key.full_url}{of_id}{key.id}{of_value}{value}{rest}{more}{of_request}{_token(key.value)}{end}"


_NONE: tuple[object, ...] = (None, [], {})


@lru_cache(maxsize=256)
def _patient_parts(system: str, *, leads: bool) -> list[str]:
    """What stands before, between and behind the fullUrl, id, value, further elements and search value of a Patient."""

    def made(mark: str) -> Json:
        resource = _patient_resource(mark, [{"system": system, "value": mark}], {mark: 0})
        return _patient_entry(mark, resource, f"identifier={_token(system)}%7C{mark}", leads=leads)

    head, of_id, of_value, before, behind, end = cut(made, 5)
    return [head, of_id, of_value, before.removesuffix(',"'), behind.removeprefix('":0'), end]


def _patient_entry(full_url: str, resource: Json, query: str, *, leads: bool) -> Json:
    request: Json = {"method": "POST", "url": "Patient", "ifNoneExist": query}
    if leads:
        request = {"method": "PUT", "url": f"Patient?{query}"}
    return {"fullUrl": full_url, "resource": resource, "request": request}


def patient_resource(part: PatientPart) -> Json:
    """The Patient resource of a part."""
    elements = part.elements
    others = [each for each in elements.get("identifier", ()) if not _same(each, part.key.identifier)]
    own = next(
        (each for each in elements.get("identifier", ()) if _same(each, part.key.identifier)), part.key.identifier
    )
    rest = {name: value for name, value in elements.items() if name != "identifier" and value not in _NONE}
    return _patient_resource(part.key.id, [own, *others], rest)


def _patient_resource(id_: str, identifiers: list[Json], rest: Json) -> Json:
    meta = conforms_to(profile_of("Patient"))
    return {"resourceType": "Patient", "id": id_, "meta": meta, "identifier": identifiers, **rest}


def _same(one: Json, other: Json) -> bool:
    return (one.get("system"), one.get("value")) == (other["system"], other["value"])
