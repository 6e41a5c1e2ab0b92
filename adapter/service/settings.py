"""How the service is set up: environment variables with the prefix TRIAL_ADAPTER_ -> frozen settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapter.errors import UsageError
from adapter.fhir.client import ServerSettings
from adapter.screening.environment import PREFIX, Variables
from adapter.screening.expansion import cache_folder
from adapter.screening.servers import Servers, research_server, servers_from, terminology_server
from adapter.service.hook.settings import HookSettings, hook_settings_from

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
