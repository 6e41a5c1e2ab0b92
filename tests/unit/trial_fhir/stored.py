"""What a FHIR server gives back of a resource that it stored (seen with HAPI FHIR 8.8)."""

from decimal import Decimal
from typing import Any

META = {"versionId": "1", "lastUpdated": "2026-03-01T00:00:00.000+00:00", "source": "#BeZbIhAzfWi69mQ0"}


def stored(resource: dict[str, Any], *, floats: bool = False) -> Any:  # noqa: ANN401  # JSON
    """The resource with `meta`, without narrative, keys in another order, empty lists, decimals without their zeros.

    `floats`: as a reader gets it that knows no decimals.
    """
    bare = {name: value for name, value in resource.items() if name != "text"}
    return _rewritten({**bare, "meta": META, "note": []}, floats=floats)


def _rewritten(value: Any, *, floats: bool) -> Any:  # noqa: ANN401  # JSON
    match value:
        case dict():
            return {name: _rewritten(value[name], floats=floats) for name in sorted(value, reverse=True)}
        case list():
            return [_rewritten(each, floats=floats) for each in value]
        case Decimal():
            return float(value) if floats else value.normalize()
        case _:
            return value
