"""What a converter yields: resources with their origin, and what had to be rejected."""

from dataclasses import dataclass, field

from adapter.fhir.canonicals import conforms_to
from adapter.fhir.elements import Json, resource_id
from mappings.patient.identity import PatientKey, identifier_system


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
    the same Bundle from then on. `resources` are made with `made`.
    """

    patients: tuple[PatientPart, ...]
    resources: tuple[Json, ...]
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


def made(type_: str, key: tuple[str, ...], elements: Json) -> Json:
    """A resource with the id and the identifier that its key always gives; elements without a value are left out.

    `key` names the resource in its source, the patient included: a filler number of the laboratory, a table and its
    row's id, patient and column and day.
    """
    id_ = resource_id(type_, *key)
    resource: Json = {
        "resourceType": type_,
        "id": id_,
        "meta": conforms_to(profile_of(type_)),
        "identifier": [{"system": identifier_system(type_), "value": id_}],
    }
    if "identifier" in elements:
        resource["identifier"] += elements["identifier"]
    resource |= {
        name: value for name, value in elements.items() if name != "identifier" and value not in (None, [], {})
    }
    return resource
