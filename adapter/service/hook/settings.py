"""How the webhook is set up: environment variables with the prefix TRIAL_ADAPTER_ -> frozen settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlsplit

from adapter.errors import UsageError
from adapter.screening.environment import PREFIX, Variables
from adapter.screening.react.site import Pace
from adapter.store.database import PATIENCE

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
    said = Variables(environment)
    secrets = said.each_of("HOOK_SECRET")
    if not secrets:
        return None
    if any(len(secret) < _SHORTEST for secret in secrets):
        msg = f"{PREFIX}HOOK_SECRET is shorter than {_SHORTEST} characters; make one with: openssl rand -hex 32"
        raise UsageError(msg)
    urls = tuple(_address(url, "EVENT_URLS") for url in said.each_of("EVENT_URLS"))
    if urls and len(said.get("EVENT_SECRET", "")) < _SHORTEST:
        msg = f"{PREFIX}EVENT_SECRET of {_SHORTEST} characters or more is needed: events are signed with it"
        raise UsageError(msg)
    pace = Pace()
    return HookSettings(
        secrets=secrets,
        database_url=said.get("DATABASE_URL", DATABASE),
        url=_address(url, "HOOK_URL").rstrip("/") if (url := said.get("HOOK_URL")) else None,
        event_urls=urls,
        event_secret=said.get("EVENT_SECRET", ""),
        workers=said.whole("WORKERS", 4),
        pace=replace(
            pace,
            settle=_seconds(said, "SETTLE", pace.settle),
            lease=_seconds(said, "LEASE", pace.lease),
            sweep=_seconds(said, "SWEEP", pace.sweep),
            overlap=_seconds(said, "OVERLAP", pace.overlap),
        ),
    )


def database_url_from(environment: Mapping[str, str]) -> str:
    """Where the webhook's database is, for commands that look into it."""
    return Variables(environment).get("DATABASE_URL", DATABASE)


def _seconds(said: Variables, name: str, default: timedelta) -> timedelta:
    return timedelta(seconds=said.number(name, default.total_seconds()))


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
