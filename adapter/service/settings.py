"""How the service and its webhook are set up: environment variables with the prefix TRIAL_ADAPTER_."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from adapter.errors import UsageError
from adapter.fhir.client import ServerSettings
from adapter.screening.from_servers import cache_folder
from adapter.screening.react.context import Timing
from adapter.screening.settings import PREFIX, Servers, Variables, research_server, servers_from, terminology_server
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
    timing: Timing = field(default_factory=Timing)


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
    timing = Timing()
    return HookSettings(
        secrets=secrets,
        database_url=said.get("DATABASE_URL", DATABASE),
        url=_address(url, "HOOK_URL").rstrip("/") if (url := said.get("HOOK_URL")) else None,
        event_urls=urls,
        event_secret=said.get("EVENT_SECRET", ""),
        workers=said.whole("WORKERS", 4),
        timing=replace(
            timing,
            settle=_seconds(said, "SETTLE", timing.settle),
            lease=_seconds(said, "LEASE", timing.lease),
            sweep=_seconds(said, "SWEEP", timing.sweep),
            overlap=_seconds(said, "OVERLAP", timing.overlap),
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


MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The site's choices, and the bounds within which one request may use the service.

    `api_tokens`, `jwks_url`: who may call (adapter.service.auth); with neither, everyone who reaches the service.
    `jwt_audience`, `jwt_issuer`: what a JWT must say, where they are set. `servers`: the FHIR servers; `hook`: the
    webhook, which needs them. `hl7v2_mapping`: how the site's HL7 v2 messages are read. `max_body`: bytes of a request,
    decompressed. `timeout`: seconds for one request. `max_waiting`: evaluations that run or wait; further ones are
    refused. `trial_server`: a FHIR server that holds trials, asked anew every `refresh` seconds.
    `terminology_server`: what expands value sets, and is kept in the folder `cache`.
    """

    policy: str = "strict"
    trials: Path | None = None
    api_tokens: tuple[str, ...] = field(default=(), repr=False)
    jwks_url: str | None = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    hl7v2_mapping: Path | None = None
    servers: Servers | None = None
    hook: HookSettings | None = None
    max_body: int = 16 * MEBIBYTE
    max_subjects: int = 100
    max_waiting: int = 64
    timeout: float = 30
    trial_server: ServerSettings | None = None
    refresh: float = 60
    terminology_server: ServerSettings | None = None
    cache: Path = Path()

    @property
    def asks_who_calls(self) -> bool:
        """Whether callers need a token."""
        return bool(self.api_tokens or self.jwks_url)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings that an environment holds; an empty variable is none.

    Raises UsageError where a value can't be meant.
    """
    said = Variables(environment)
    servers, hook = servers_from(environment), hook_settings_from(environment)
    if hook is not None and servers is None:
        msg = f"{PREFIX}HOOK_SECRET is set and {PREFIX}FHIR_URL is not; name the server that tells of changes"
        raise UsageError(msg)
    trials, default = said.get("TRIALS"), Settings()
    stored = trials is not None and trials.startswith(("http://", "https://"))
    return Settings(
        policy=said.get("POLICY", default.policy),
        trials=Path(trials) if trials and not stored else None,
        api_tokens=said.each_of("API_TOKENS"),
        jwks_url=_https(said.get("JWKS_URL")),
        jwt_audience=said.get("JWT_AUDIENCE"),
        jwt_issuer=said.get("JWT_ISSUER"),
        hl7v2_mapping=Path(mapping) if (mapping := said.get("HL7V2_MAPPING")) else None,
        servers=servers,
        hook=hook,
        max_body=said.whole("MAX_BODY", default.max_body),
        max_subjects=said.whole("MAX_SUBJECTS", default.max_subjects),
        max_waiting=said.whole("MAX_WAITING", default.max_waiting),
        timeout=said.whole("TIMEOUT", int(default.timeout)),
        trial_server=research_server(environment, trials) if stored else None,
        refresh=said.whole("REFRESH", int(default.refresh)),
        terminology_server=terminology_server(environment),
        cache=cache_folder(environment) if said.get("TERMINOLOGY_URL") else default.cache,
    )


def _https(url: str | None) -> str | None:
    """Keys that come over plain HTTP can be anybody's, unless they come from this machine."""
    safe = ("https://", "http://localhost:", "http://localhost/", "http://127.0.0.1:", "http://127.0.0.1/")
    if url is not None and not url.startswith(safe):
        msg = f"{PREFIX}JWKS_URL must be an https:// address; whoever sends the keys decides who may call"
        raise UsageError(msg)
    return url
