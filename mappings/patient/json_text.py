"""JSON of resources with decimals: their digits are the source's."""

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(content: Any) -> bytes:  # noqa: ANN401  # JSON
    """The content as JSON; a Decimal is a number with its digits."""
    return _encoder.encode(content)
