"""Where places are, and how far apart: positions of zip codes from the site's table, distances in miles.

Miles are what clients that match trials by distance send (mCODE's trial matching app among them).
"""

import csv
from collections.abc import Mapping
from math import asin, cos, isfinite, radians, sin, sqrt
from pathlib import Path
from typing import NamedTuple

from adapter.criteria.study import Location
from adapter.errors import UsageError

_RADIUS = 3958.761
"""The earth's mean radius (IUGG), in miles."""
_COLUMNS = ("zip", "latitude", "longitude")


class Position(NamedTuple):
    """Degrees, WGS 84."""

    latitude: float
    longitude: float


ZipCodes = Mapping[str, Position]


def miles(one: Position, other: Position) -> float:
    """The distance along a great circle (the haversine formula), within half a percent of the real one."""
    up, along = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    chord = sin(up / 2) ** 2 + cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(along / 2) ** 2
    return 2 * _RADIUS * asin(min(1.0, sqrt(chord)))


def load_zip_codes(path: Path | None) -> ZipCodes:
    """The table of a CSV file with the columns zip, latitude, longitude; none without a file. Raises UsageError."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not set(_COLUMNS) <= set(rows.fieldnames or ()):
                msg = f"{path}: the columns {', '.join(_COLUMNS)} are needed in its first line"
                raise UsageError(msg)
            return dict(_row(path, rows.line_num, row) for row in rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} can't be read as a table of zip codes: {error}"
        raise UsageError(msg) from error


def _row(path: Path, line: int, row: Mapping[str, str]) -> tuple[str, Position]:
    try:
        found = Position(float(row["latitude"]), float(row["longitude"]))
    except (TypeError, ValueError):
        found = Position(float("nan"), float("nan"))
    code = (row["zip"] or "").strip()
    if not code or not all(map(isfinite, found)) or abs(found.latitude) > 90 or abs(found.longitude) > 180:  # noqa: PLR2004  # degrees
        msg = f"{path}, line {line}: a zip code, a latitude and a longitude in degrees are needed"
        raise UsageError(msg)
    return code, found


def zip_position(code: str | None, zip_codes: ZipCodes) -> Position | None:
    """Where a zip code is, with or without its last four digits (ZIP+4); None where that is not known."""
    return zip_codes.get(code or "") or zip_codes.get((code or "").partition("-")[0])


def position_of(place: Location, zip_codes: ZipCodes) -> Position | None:
    """Where a site is: its own position, else its zip code's; None where neither is known."""
    if place.latitude is not None and place.longitude is not None:
        return Position(float(place.latitude), float(place.longitude))
    return zip_position(place.postal_code, zip_codes)
