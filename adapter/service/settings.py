"""How the service and its webhook are set up: environment variables with the prefix TRIAL_ADAPTER_."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from adapter.errors import UsageError
from adapter.fhir.client import ServerSettings
from adapter.fhir.client.auth import BackendServices, load_key, read_secret
from adapter.fhir.client.transport import base_url, web_address
from adapter.fhir.write_back import Retirement
from adapter.screening.react.context import Timing
from adapter.screening.settings import (
    PREFIX,
    Count,
    Seconds,
    SecretWords,
    Servers,
    Variables,
    Words,
    audit_server,
    proxy_of,
    read,
    research_server,
    servers_from,
    terminology_server,
    warn_of_unknown,
)
from adapter.screening.setup import cache_folder, imported_terminology, site_folder
from adapter.service.access import UserTokens
from adapter.service.limits import Limits
from adapter.service.smart.protocol import Issuer
from adapter.service.tokens import SHORTEST, ApiToken, tokens_in, unnamed
from adapter.store.database import PATIENCE, DatabaseAddress
from adapter.store.queue import LONGEST_SETTLE
from adapter.store.retention import Retention, retention_of

DATABASE = "sqlite:///trial-adapter.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """The webhook of a site.

    `secrets`: what a FHIR server must send; the first is put into Subscriptions. `url`: our own address, as the FHIR
    server reaches it; with it, Subscriptions are kept in order. `event_urls`: where events go, signed with
    `event_secret`. `workers`: patients evaluated at once. `retention`: how long data stay; `retirement`: what becomes
    of an erased patient's ResearchSubjects.
    """

    secrets: tuple[str, ...] = field(repr=False)
    database_url: str = field(default=DATABASE, repr=False)
    url: str | None = None
    event_urls: tuple[str, ...] = ()
    event_secret: str = field(default="", repr=False)
    event_proxy: str | None = field(default=None, repr=False)
    workers: int = 4
    patience: float = PATIENCE
    timing: Timing = field(default_factory=Timing)
    retention: Retention = field(default_factory=Retention)
    retirement: Retirement = Retirement.WITHDRAW


class _HookVariables(Variables):
    hook_secret: SecretWords = ()
    database_url: SecretStr = SecretStr(DATABASE)
    hook_url: str | None = None
    event_urls: Words = ()
    event_secret: SecretStr = SecretStr("")
    event_proxy: SecretStr | None = None
    retention: Words = ()
    retire: str = Retirement.WITHDRAW
    workers: Count = 4
    settle: Seconds = Timing().settle.total_seconds()
    lease: Seconds = Timing().lease.total_seconds()
    sweep: Seconds = Timing().sweep.total_seconds()
    overlap: Seconds = Timing().overlap.total_seconds()


def hook_settings_from(environment: Mapping[str, str]) -> HookSettings | None:
    """The webhook that an environment sets up; None without a secret. Raises UsageError where it can't be meant."""
    said = read(_HookVariables, environment)
    secrets = tuple(secret.get_secret_value() for secret in said.hook_secret)
    if not secrets:
        return None
    if any(len(secret) < SHORTEST for secret in secrets):
        msg = f"{PREFIX}HOOK_SECRET is shorter than {SHORTEST} characters; make one with: openssl rand -hex 32"
        raise UsageError(msg)
    if said.settle > LONGEST_SETTLE.total_seconds():
        msg = f"{PREFIX}SETTLE={said.settle:g} is too long; write {LONGEST_SETTLE.total_seconds():g} seconds at most"
        raise UsageError(msg)
    urls = tuple(
        web_address(url, f"address for {PREFIX}EVENT_URLS", why="events name patients") for url in said.event_urls
    )
    event_secret = said.event_secret.get_secret_value()
    if urls and len(event_secret) < SHORTEST:
        msg = f"{PREFIX}EVENT_SECRET of {SHORTEST} characters or more is needed: events are signed with it"
        raise UsageError(msg)
    return HookSettings(
        secrets=secrets,
        database_url=said.database_url.get_secret_value(),
        url=web_address(said.hook_url, f"address for {PREFIX}HOOK_URL").rstrip("/") if said.hook_url else None,
        event_urls=urls,
        event_secret=event_secret,
        event_proxy=proxy_of(said.event_proxy, f"{PREFIX}EVENT_PROXY"),
        workers=said.workers,
        retention=_retention(said.retention),
        retirement=retirement_of(said.retire),
        timing=Timing(
            settle=timedelta(seconds=said.settle),
            lease=timedelta(seconds=said.lease),
            sweep=timedelta(seconds=said.sweep),
            overlap=timedelta(seconds=said.overlap),
        ),
    )


def _retention(words: tuple[str, ...]) -> Retention:
    try:
        return retention_of(words)
    except ValueError as error:
        msg = f"{PREFIX}RETENTION: {error}; for example P90D, or events=P1Y deliveries=P30D"
        raise UsageError(msg) from None


def retirement_of(word: str) -> Retirement:
    """What becomes of an erased patient's ResearchSubjects. Raises UsageError for a word that is none."""
    try:
        return Retirement(word)
    except ValueError:
        msg = f"{word!r} is none of {', '.join(Retirement)}: what becomes of an erased patient's ResearchSubjects"
        raise UsageError(msg) from None


def erasure_from(environment: Mapping[str, str]) -> tuple[Retirement, tuple[str, ...]]:
    """How ResearchSubjects are retired, and where events go, for whoever erases without a webhook."""
    said = read(_HookVariables, environment)
    return retirement_of(said.retire), said.event_urls


def database_url_from(environment: Mapping[str, str]) -> str:
    """Where the webhook's database is, for commands that look into it."""
    return read(_HookVariables, environment).database_url.get_secret_value()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The site's choices, and the bounds within which one request may use the service.

    `policy`: without one the site's own, else `strict`; `site`: the site's folder. `tokens`, `jwks_url`: who may call
    (adapter.service.auth); with neither, everyone who reaches the service. `jwt_audience`, `jwt_issuer`: what a JWT
    must say, where they are set; `smart_token_url`, `smart_authorize_url`: where apps get one. `servers`: the FHIR
    servers; `hook`: the webhook, which needs them. `hl7v2_mapping`: how the site's HL7 v2 messages are read.
    `public_url`: our own address as others see it; `proxies`: networks of proxies before us, whose word on who calls
    (X-Forwarded-For, -Proto) counts. `limits`: adapter.service.limits. `trial_server`: a FHIR server that holds trials,
    asked anew every `refresh` seconds. `terminology_server`: what expands value sets, and is kept in the folder
    `cache`. `terminology`: the file of the releases that the site imported. `cors`: origins whose web pages may call.
    `cds_clients`: EHRs that may call the services of CDS Hooks, the issuer of their JWTs -> the address of their keys;
    `cds_servers`: their FHIR servers that may be asked for what they don't send along, beside the patients' own.
    `smart_issuers`: EHRs that may launch the app. `matching`: networks from which mCODE's trial matching may be asked
    without a token; `zip_codes`: a table of where zip codes are. `user_tokens`: how the patients' server is asked for
    a person with a JWT; None: with our own credentials, as for everybody. `audit`: where AuditEvents go. `traces`: the
    collector of OpenTelemetry that spans are sent to.
    """

    policy: str | None = None
    site: Path | None = None
    trials: Path | None = None
    tokens: tuple[ApiToken, ...] = ()
    jwks_url: str | None = None
    jwks_proxy: str | None = field(default=None, repr=False)
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    smart_token_url: str | None = None
    smart_authorize_url: str | None = None
    hl7v2_mapping: Path | None = None
    servers: Servers | None = None
    hook: HookSettings | None = None
    public_url: str | None = None
    proxies: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    trial_server: ServerSettings | None = None
    refresh: float = 60
    terminology_server: ServerSettings | None = None
    cache: Path = Path()
    terminology: Path | None = None
    cors: tuple[str, ...] = ()
    cds_clients: Mapping[str, str] = field(default_factory=dict)
    cds_servers: tuple[str, ...] = ()
    smart_issuers: tuple[Issuer, ...] = ()
    matching: tuple[IPv4Network | IPv6Network, ...] = ()
    zip_codes: Path | None = None
    user_tokens: UserTokens | None = None
    audit: Path | ServerSettings | DatabaseAddress | None = None
    traces: str | None = None
    facts: Path | None = None
    min_count: int = 5

    @property
    def asks_who_calls(self) -> bool:
        """Whether callers need a token."""
        return bool(self.tokens or self.jwks_url)


class _ServiceVariables(Variables):
    """What `Settings` has under the same name, but for what must be looked at first; it has the defaults."""

    policy: str | None = None
    trials: str | None = None
    api_tokens: SecretWords = ()
    tokens: SecretStr = SecretStr("")
    tokens_file: Path | None = None
    jwks_url: str | None = None
    jwks_proxy: SecretStr | None = None
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    smart_token_url: str | None = None
    smart_authorize_url: str | None = None
    hl7v2_mapping: Path | None = None
    public_url: str | None = None
    proxies: Words = ()
    refresh: Count | None = None
    cors: Words = ()
    cds_clients: Words = ()
    cds_fhir_servers: Words = ()
    smart_issuers: Words = ()
    smart_token_issuers: Words = ()
    smart_key: Path | None = None
    matching: Words = ()
    zip_codes: Path | None = None
    user_tokens: str | None = None
    audit: str | None = None
    traces: str | None = None
    facts: Path | None = None
    min_count: Count = 5


_LOOKED_AT = {
    "trials",
    "api_tokens",
    "tokens",
    "tokens_file",
    "public_url",
    "proxies",
    "jwks_proxy",
    "cors",
    "cds_clients",
    "cds_fhir_servers",
    "smart_issuers",
    "smart_token_issuers",
    "smart_key",
    "matching",
    "user_tokens",
    "audit",
    "traces",
}


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings that an environment holds; an empty variable is none.

    Raises UsageError where a value can't be meant.
    """
    warn_of_unknown(environment)
    said = read(_ServiceVariables, environment)
    servers, hook = servers_from(environment), hook_settings_from(environment)
    if hook is not None and servers is None:
        msg = f"{PREFIX}HOOK_SECRET is set and {PREFIX}FHIR_URL is not; name the server that sends notifications"
        raise UsageError(msg)
    stored = said.trials is not None and said.trials.startswith(("http://", "https://"))
    expands = terminology_server(environment)
    for name in ("smart_token_url", "smart_authorize_url"):
        if address := getattr(said, name):
            web_address(address, f"address for {PREFIX}{name.upper()}", why="callers send credentials there")
    if said.jwks_url:
        web_address(said.jwks_url, f"address for {PREFIX}JWKS_URL", why="whoever sends the keys decides who may call")
    return Settings(
        **said.model_dump(exclude_unset=True, exclude=_LOOKED_AT),
        trials=Path(said.trials) if said.trials and not stored else None,
        tokens=_tokens(said),
        jwks_proxy=proxy_of(said.jwks_proxy, f"{PREFIX}JWKS_PROXY"),
        public_url=web_address(said.public_url, f"address for {PREFIX}PUBLIC_URL") if said.public_url else None,
        proxies=tuple(str(network) for each in said.proxies for network in _networks(each, "PROXIES")),
        traces=web_address(said.traces, f"address for {PREFIX}TRACES").rstrip("/") if said.traces else None,
        site=site_folder(environment),
        servers=servers,
        hook=hook,
        limits=read(Limits, environment),
        trial_server=research_server(environment, said.trials) if stored else None,
        terminology_server=expands,
        cache=cache_folder(environment) if expands else Path(),
        terminology=imported_terminology(environment),
        cors=tuple(_origin(each) for each in said.cors),
        cds_clients=dict(_cds_client(each) for each in said.cds_clients),
        smart_issuers=_issuers(said),
        matching=tuple(network for each in said.matching for network in _networks(each, "MATCHING")),
        user_tokens=_user_tokens(said, servers),
        audit=_audit(said.audit, environment),
        cds_servers=tuple(base_url(each, secret=True) for each in said.cds_fhir_servers),
    )


def _user_tokens(said: "_ServiceVariables", servers: Servers | None) -> UserTokens | None:
    """How the patients' server is asked for a person. Raises UsageError where it can't be asked so."""
    if not said.user_tokens:
        return None
    name = f"{PREFIX}USER_TOKENS"
    if said.user_tokens not in set(UserTokens):
        msg = f"{name}={said.user_tokens[:64]!r} is neither {UserTokens.PASS_THROUGH} nor {UserTokens.EXCHANGE}"
        raise UsageError(msg)
    found = UserTokens(said.user_tokens)
    if servers is None or not said.jwks_url:
        msg = f"{name} needs {PREFIX}FHIR_URL, which is asked, and {PREFIX}JWKS_URL, by which persons are known"
        raise UsageError(msg)
    if found is UserTokens.EXCHANGE and not isinstance(servers.record.auth, BackendServices):
        msg = f"{name}={found} needs {PREFIX}FHIR_CLIENT_ID, …KEY and …TOKEN_URL, where tokens are exchanged"
        raise UsageError(msg)
    return found


def _audit(text: str | None, environment: Mapping[str, str]) -> Path | ServerSettings | DatabaseAddress | None:
    """A file, the webhook's database, or a FHIR server with its credentials. Raises UsageError."""
    if not text:
        return None
    if text == "database":
        return DatabaseAddress(database_url_from(environment))
    return audit_server(environment, text) if text.startswith(("http://", "https://")) else Path(text)


def _issuers(said: "_ServiceVariables") -> tuple[Issuer, ...]:
    """The EHRs that may launch the app. Raises UsageError."""
    key = load_key(said.smart_key) if said.smart_key else None
    signers = dict(_of_ehr(each, "SMART_TOKEN_ISSUERS", "ISSUER") for each in said.smart_token_issuers)
    clients = dict(_of_ehr(each, "SMART_ISSUERS", "CLIENT-ID") for each in said.smart_issuers)
    if unknown := sorted(signers.keys() - clients.keys()):
        msg = f"{PREFIX}SMART_TOKEN_ISSUERS: {unknown[0]} is none of {PREFIX}SMART_ISSUERS; write the same FHIR base"
        raise UsageError(msg)
    return tuple(Issuer(url=url, client_id=client, key=key, signer=signers.get(url)) for url, client in clients.items())


def _of_ehr(text: str, name: str, what: str) -> tuple[str, str]:
    """A FHIR base, and what is said of the EHR there. Raises UsageError."""
    address, equals, value = text.rpartition("=")
    if not equals or not value:
        msg = f"{PREFIX}{name}: write https://ehr.example/fhir={what} for each EHR, its FHIR base first"
        raise UsageError(msg)
    return base_url(address, secret=True), value


_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def _networks(word: str, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks by their name or address, which a setting trusts. Raises UsageError, also for everybody."""
    if word == "loopback":
        return _LOOPBACK
    try:
        found = ip_network(word)
    except ValueError as error:
        msg = f"{PREFIX}{name}: {error}; write loopback, or a network such as 10.2.0.0/16"
        raise UsageError(msg) from None
    if not found.prefixlen:
        msg = f"{PREFIX}{name}: {word} is everybody, and who is there is trusted; name a network"
        raise UsageError(msg)
    return (found,)


def _origin(text: str) -> str:
    """An origin, as a browser names it: scheme, host and port. Raises UsageError."""
    address = web_address(text, f"origin for {PREFIX}CORS")
    if urlsplit(address).path.strip("/") or "?" in address:
        msg = f"{PREFIX}CORS: {text!r} is more than an origin; write https://host[:port]"
        raise UsageError(msg)
    return address.rstrip("/")


def _cds_client(text: str) -> tuple[str, str]:
    issuer, equals, keys = text.partition("=")
    if not equals or not issuer:
        msg = f"{PREFIX}CDS_CLIENTS: write ISSUER=https://…, an EHR's `iss` and the address of its keys"
        raise UsageError(msg)
    why = "whoever sends the keys decides who may call"
    return issuer, web_address(keys, f"address for {PREFIX}CDS_CLIENTS", why=why)


def _tokens(said: _ServiceVariables) -> tuple[ApiToken, ...]:
    """The API tokens of the environment and of the file that it names. Raises UsageError."""
    plain = unnamed((each.get_secret_value() for each in said.api_tokens), f"{PREFIX}API_TOKENS")
    listed = tokens_in(said.tokens.get_secret_value(), f"{PREFIX}TOKENS")
    file = said.tokens_file
    held = tokens_in(read_secret(file, private=False).decode(errors="replace"), str(file)) if file else ()
    if file and not held:
        msg = f"{file} holds no token; make one with: trial-adapter token NAME --role ROLE"
        raise UsageError(msg)
    return (*plain, *listed, *held)
