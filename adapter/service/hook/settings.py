"""How the webhook is set up: environment variables with the prefix TRIAL_ADAPTER_ -> frozen settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from adapter.errors import UsageError
from adapter.screening.react.site import Pace
from adapter.store.database import PATIENCE

PREFIX = "TRIAL_ADAPTER_"
DATABASE = "sqlite:///trial-adapter.db"
_SHORTEST = 16
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """The webhook of a site.

    `secrets`: what a FHIR server must send; the first is put into Subscriptions. `url`: our own address, as the FHIR
    server reaches it; with it, Subscriptions are kept in order. `event_urls`: where events go, signed with
    `event_secret`. `workers`: patients evaluated at once.
    """

    secrets: tuple[str, ...] = field(repr=False)
    database_url: str = field(default=DATABASE, repr=False)
    url: str | None = None
    event_urls: tuple[str, ...] = ()
    event_secret: str = field(default="", repr=False)
    workers: int = 4
    patience: float = PATIENCE
    pace: Pace = field(default_factory=Pace)


def hook_settings_from(environment: Mapping[str, str]) -> HookSettings | None:
    """The webhook that an environment sets up; None without a secret. Raises UsageError where it can't be meant."""
    said = {name.removeprefix(PREFIX): value.strip() for name, value in environment.items() if name.startswith(PREFIX)}
    given = {name: value for name, value in said.items() if value}
    secrets = tuple(given.get("HOOK_SECRET", "").replace(",", " ").split())
    if not secrets:
        return None
    if any(len(secret) < _SHORTEST for secret in secrets):
        msg = f"{PREFIX}HOOK_SECRET is shorter than {_SHORTEST} characters; make one with: openssl rand -hex 32"
        raise UsageError(msg)
    urls = tuple(_address(url, "EVENT_URLS") for url in given.get("EVENT_URLS", "").replace(",", " ").split())
    if urls and len(given.get("EVENT_SECRET", "")) < _SHORTEST:
        msg = f"{PREFIX}EVENT_SECRET of {_SHORTEST} characters or more is needed: events are signed with it"
        raise UsageError(msg)
    pace = Pace()
    return HookSettings(
        secrets=secrets,
        database_url=given.get("DATABASE_URL", DATABASE),
        url=_address(given["HOOK_URL"], "HOOK_URL").rstrip("/") if "HOOK_URL" in given else None,
        event_urls=urls,
        event_secret=given.get("EVENT_SECRET", ""),
        workers=int(_number(given, "WORKERS", 4)),
        pace=replace(
            pace,
            settle=_seconds(given, "SETTLE", pace.settle),
            lease=_seconds(given, "LEASE", pace.lease),
            sweep=_seconds(given, "SWEEP", pace.sweep),
            overlap=_seconds(given, "OVERLAP", pace.overlap),
        ),
    )


def database_url_from(environment: Mapping[str, str]) -> str:
    """Where the webhook's database is, for commands that look into it."""
    return environment.get(f"{PREFIX}DATABASE_URL", "").strip() or DATABASE


def _seconds(given: Mapping[str, str], name: str, default: timedelta) -> timedelta:
    return timedelta(seconds=_number(given, name, default.total_seconds()))


def _number(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.replace(".", "", 1).isdecimal() or float(text) <= 0:
        msg = f"{PREFIX}{name}={text!r} is no number above 0; correct it or leave it out"
        raise UsageError(msg)
    return float(text)


def _address(url: str, name: str) -> str:
    """Patients' ids go there: over plain HTTP only within this machine."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        msg = f"{PREFIX}{name}: {url!r} is no address of the web; write https://host/path"
        raise UsageError(msg)
    if name == "EVENT_URLS" and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        msg = f"{PREFIX}{name}: events to {url!r} would go over plain HTTP; use https"
        raise UsageError(msg)
    return url
