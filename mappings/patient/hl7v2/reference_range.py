"""OBX-7 -> Observation.referenceRange: its text always, limits where the text is one of the forms that are certain."""

import re

from adapter.fhir.elements import Json, string
from mappings.patient.hl7v2.datatypes import without_nothing
from mappings.patient.hl7v2.message import Segment
from mappings.patient.hl7v2.value import Reader, unit_of
from mappings.patient.values import Reading, quantity, read_bounds

_AROUND = re.compile(r"^[\[(]\s*(.*?)\s*[\])]$")


def reference_ranges(obx: Segment, reader: Reader) -> list[Json]:
    """The reference ranges of an OBX.

    A unit behind the limits (`3.5-5.0 g/dL`) is taken off if it is OBX-6's own; any other one leaves a text only.
    """
    return [made for value in obx.repetitions(7) if (made := _range(value.whole, obx, reader))]


def _range(text: str, obx: Segment, reader: Reader) -> Json:
    written, ucum = unit_of(obx, reader)
    plain = _AROUND.sub(r"\1", text)
    for unit in filter(None, (written, ucum)):
        plain = plain.removesuffix(unit).rstrip()
    bounds = read_bounds(plain, reader.settings.decimal_mark)
    low, high = bounds or (None, None)

    def limit(value: object) -> Json | None:
        return None if value is None else quantity(Reading(value), written, reader.terminology, ucum=ucum)  # type: ignore[arg-type]

    return without_nothing({"low": limit(low), "high": limit(high), "text": string(text)})
