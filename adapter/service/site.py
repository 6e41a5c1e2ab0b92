"""What requests are worked on with: the site under every policy, how messages are read, and the limits.

The same in the service's own process and in those that work for it: they get it as it was loaded, not its files.

Where places are, and how far apart: positions of zip codes from the site's table, distances in miles.

Miles are what clients that match trials by distance send (mCODE's trial matching app among them).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import asin, cos, isfinite, radians, sin, sqrt
from pathlib import Path
from typing import NamedTuple

from adapter.criteria.model import TrialDefinition
from adapter.criteria.policy import Policy
from adapter.criteria.study import Location
from adapter.criteria.terminology import Terminology
from adapter.errors import UsageError
from adapter.evaluator import bind
from adapter.screening.react.context import Rules, rules_of
from adapter.screening.setup import (
    Setup,
    SiteConfig,
    kept_expansions,
    load_setups,
    server_definitions,
    with_definitions,
)
from adapter.service.errors import ParameterError
from adapter.service.limits import Limits
from adapter.service.settings import Settings
from mappings.patient.hl7v2 import Settings as MessageSettings
from mappings.policy import shipped_names
from mappings.site import load_site

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
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f"{path} can't be read as a table of zip codes: {reason}"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """A setup for each policy's id; `default` is the site's own. A caller can't name a file of the server."""

    default: str
    setups: Mapping[str, Setup]

    def setup(self, policy: str | None) -> Setup:
        """The setup of the asked policy. Raises ParameterError if there is none."""
        found = self.setups.get(self.default if policy is None else policy)
        if found is None:
            msg = f"no policy {str(policy)[:64]!r}; known are {', '.join(sorted(self.setups))}"
            raise ParameterError(msg, expression="policy")
        return found

    @property
    def definitions(self) -> tuple[TrialDefinition, ...]:
        """The trials, the same under every policy."""
        return self.setups[self.default].definitions


def stored_trials(settings: Settings) -> tuple[TrialDefinition, ...]:
    """The trials that the site keeps on a FHIR server, if it does. Raises DefinitionError and ServerError."""
    if settings.trial_server is None:
        return ()
    return server_definitions(settings.trial_server, load_site(settings.site, settings.trials).terminology)


def load_policies(settings: Settings, stored: tuple[TrialDefinition, ...] = ()) -> Policies:
    """Load the site's policy and the shipped ones; the site's goes before a shipped one of the same id.

    `stored`: trials of a server, which go before shipped ones. Raises UsageError and DefinitionError where the site is
    set up wrongly.
    """
    site = SiteConfig(
        policy=settings.policy,
        folder=settings.site,
        trials=settings.trials,
        stored=stored,
        terminology=settings.terminology,
    )
    if settings.terminology_server is not None:
        held = with_definitions(load_site(settings.site, settings.trials).terminology, stored)
        site = replace(site, expansions=kept_expansions(settings.terminology_server, settings.cache, held))
    *shipped, own = load_setups(site, None, (*shipped_names(), settings.policy))
    setups = {setup.policy.id: setup for setup in (*shipped, own)}
    return Policies(default=own.policy.id, setups=setups)


@dataclass(frozen=True, kw_only=True)
class Site:
    """See above; `messages`: how HL7 v2 messages are read; `zip_codes`: where they are, as far as the site says it."""

    policies: Policies
    messages: MessageSettings
    limits: Limits
    zip_codes: ZipCodes = field(default_factory=dict)

    @cached_property
    def rules(self) -> Rules:
        """What the webhook evaluates by."""
        return rules_of(self.policies.setup(None))

    def packed(self) -> "PackedSite":
        """The site in a form that can be sent to another process: bound criteria are functions, and can't."""
        setups = tuple((each.terminology, each.policy, each.definitions) for each in self.policies.setups.values())
        return PackedSite(self.policies.default, setups, self.messages, self.limits, self.zip_codes)


@dataclass(frozen=True, slots=True)
class PackedSite:
    """A site without what is worked out from it."""

    default: str
    setups: tuple[tuple[Terminology, Policy, tuple[TrialDefinition, ...]], ...]
    messages: MessageSettings
    limits: Limits
    zip_codes: ZipCodes

    def site(self) -> Site:
        """The site."""
        setups = {
            policy.id: Setup(
                terminology=terminology,
                policy=policy,
                definitions=definitions,
                bounds=tuple(bind(each, terminology) for each in definitions),
            )
            for terminology, policy, definitions in self.setups
        }
        return Site(
            policies=Policies(default=self.default, setups=setups),
            messages=self.messages,
            limits=self.limits,
            zip_codes=self.zip_codes,
        )
