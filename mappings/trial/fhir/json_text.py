"""Resources as JSON text and back. FHIR's decimals keep their digits: they are Decimal here, and never a float."""

from decimal import Decimal
from typing import Any

import msgspec

from adapter.errors import DefinitionError

Json = dict[str, Any]
"""A JSON object: a resource, or an element of one. Its numbers are int and Decimal."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def encode(resource: Json) -> bytes:
    """The resource as indented UTF-8, with a line end; the same resource gives the same bytes."""
    return msgspec.json.format(_ENCODER.encode(resource), indent=2) + b"\n"


def decode(data: bytes) -> Any:  # noqa: ANN401  # whatever the text holds
    """What a JSON text holds. Raises DefinitionError if it is none."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"this is no JSON ({error}); correct it"
        raise DefinitionError(msg) from error


def present(element: Json) -> Json:
    """The element without what FHIR doesn't allow to stand empty."""
    return {name: value for name, value in element.items() if value is not None and value not in ("", [], {})}
