"""Whether converted resources have the shapes and formats of FHIR R4, by the models of fhir.resources."""

from collections.abc import Iterable

import msgspec
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from adapter.fhir.elements import Json
from mappings.patient import Converted, Unit, bundle_of, encode, provenance


def problems(units: Iterable[Unit]) -> list[str]:
    """What is wrong with any of the resources that units give, with the place."""
    found = []
    for unit in units:
        if isinstance(unit, Converted):
            origin = provenance(unit, [{"reference": "Patient/a"}])
            for entry in msgspec.json.decode(encode(bundle_of(unit.patients, [*unit.resources, origin])))["entry"]:
                found += _problems(entry["resource"])
    return found


def _problems(resource: Json) -> list[str]:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError as error:
        return [f"{resource['resourceType']}.{each['loc']}: {each['msg']}" for each in error.errors()]
    return []
