"""Which FHIR servers a site has, and who we are there: environment variables with the prefix TRIAL_ADAPTER_.

An empty variable is none, a wrong one is named with what to do, a secret is never shown.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from adapter.errors import UsageError
from adapter.fhir.client.auth import BackendServices, Bearer, load_key
from adapter.fhir.client.transport import LOOPBACK, ServerSettings, base_url, proxy_address

PREFIX = "TRIAL_ADAPTER_"
_RECORD, _RESEARCH, _TERMINOLOGY = f"{PREFIX}FHIR_", f"{PREFIX}RESEARCH_FHIR_", f"{PREFIX}TERMINOLOGY_"
_AUDIT = f"{PREFIX}AUDIT_"
_MEBIBYTE = 1024 * 1024
_READ_SCOPE = "system/*.read"
_WRITE_SCOPE = "system/*.read system/*.write"
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})

log = logging.getLogger(__name__)

Count = Annotated[int, Field(gt=0)]
"""A whole number above 0."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A number above 0."""


def _words(text: object) -> object:
    return text.replace(",", " ").split() if isinstance(text, str) else text


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Words separated by blanks or commas."""

SecretWords = Annotated[tuple[SecretStr, ...], BeforeValidator(_words)]
"""The same, of which none is shown."""


class Variables(BaseModel):
    """Variables of an environment, by names without the prefix. `read` makes one."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


V = TypeVar("V", bound=Variables)


def read(kind: type[V], environment: Mapping[str, str], prefix: str = PREFIX) -> V:
    """The variables of an environment whose names begin with a prefix. Raises UsageError, which names a wrong one.

    In either case of their letters. Another thread may change the environment meanwhile, as typer does.
    """
    said = {name.lower(): environment.get(name, "").strip() for name in list(environment)}
    given = {name: text for name in kind.model_fields if (text := said.get(f"{prefix}{name}".lower()))}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        wanted = "number" if kind.model_fields[name].annotation is float else "whole number"
        msg = f"{prefix}{name.upper()}={given[name]!r} is no {wanted} above 0; correct it or leave it out"
        raise UsageError(msg) from None


def warn_of_unknown(environment: Mapping[str, str]) -> None:
    """Warn of each variable with our prefix that nothing here reads: a setting that was misspelt would be none.

    What Kubernetes says of a Service that is called trial-adapter is left out.
    """
    known = {
        f"{prefix}{name.upper()}".removeprefix(PREFIX)
        for kind in Variables.__subclasses__()
        for prefix in ((_RECORD, _RESEARCH, _TERMINOLOGY, _AUDIT) if kind is ServerVariables else (PREFIX,))
        for name in kind.model_fields
    }
    ours = {each.upper().removeprefix(PREFIX) for each in environment if each.upper().startswith(PREFIX)}
    for name in sorted(ours - known):
        if name != "PORT" and not name.startswith(("SERVICE_", "PORT_")):
            near = get_close_matches(name, known, 1, 0.8)
            log.warning(
                "%s%s is no setting; %s", PREFIX, name, f"is {PREFIX}{near[0]} meant?" if near else "take it out"
            )


class ServerVariables(Variables):
    """One FHIR server, and who we are there: a token, a name and password, or SMART Backend Services."""

    url: str | None = None
    token: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None
    client_id: str | None = None
    key: Path | None = None
    token_url: str | None = None
    scope: str | None = None
    timeout: Count = Field(30, description="seconds until an answer of the FHIR server begins, or goes on")
    total_timeout: Count = Field(
        120,
        description="seconds for one whole answer of it; for a transaction longer, `FHIR_TIMEOUT` for every 20 entries",
    )
    max_answer: Count = Field(32 * _MEBIBYTE, description="bytes of one answer of it, decompressed")
    max_record: Count = Field(128 * _MEBIBYTE, description="bytes of all pages of one of its searches")
    requests: Count = 8
    page_size: Count = 1000
    proxy: SecretStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """`record`: where patients' data are; `research`: where ResearchSubjects go, the same unless told otherwise."""

    record: ServerSettings
    research: ServerSettings

    @property
    def are_one(self) -> bool:
        """Whether ResearchSubjects stand beside the patients' data."""
        return self.record.url == self.research.url


def servers_from(environment: Mapping[str, str], url: str | None = None) -> Servers | None:
    """The servers that an environment names; `url`, where given, is the record's server. None without any.

    Credentials are those of `FHIR_…`, for another research server those of `RESEARCH_FHIR_…`. Raises UsageError where
    an address or a key can't be used, or credentials are said in more than one way.
    """
    address = url or read(ServerVariables, environment, _RECORD).url
    research = read(ServerVariables, environment, _RESEARCH).url
    if address is None:
        if research is not None:
            msg = f"{_RESEARCH}URL is set and {_RECORD}URL is not; name the patients' server too"
            raise UsageError(msg)
        return None
    shared = research is None or research.rstrip("/") == address.rstrip("/")
    record = _server(address, environment, _RECORD, _WRITE_SCOPE if shared else _READ_SCOPE)
    if research is None or shared:
        return Servers(record=record, research=record)
    return Servers(record=record, research=_server(research, environment, _RESEARCH, _WRITE_SCOPE))


def research_server(environment: Mapping[str, str], url: str | None) -> ServerSettings:
    """The server at `url`, or else the one where ResearchSubjects go.

    Raises UsageError where there is none, and as above.
    """
    named = read(ServerVariables, environment, _RESEARCH).url
    address = url or named or read(ServerVariables, environment, _RECORD).url
    if address is None:
        msg = f"no FHIR server is named; give --server URL or set {_RECORD}URL"
        raise UsageError(msg)
    is_other = named is not None and address.rstrip("/") == named.rstrip("/")
    return _server(address, environment, _RESEARCH if is_other else _RECORD, _WRITE_SCOPE)


def terminology_server(environment: Mapping[str, str]) -> ServerSettings | None:
    """The terminology server that an environment names, None without one. Raises UsageError as above."""
    url = read(ServerVariables, environment, _TERMINOLOGY).url
    return None if url is None else _server(url, environment, _TERMINOLOGY, _READ_SCOPE)


def audit_server(environment: Mapping[str, str], url: str) -> ServerSettings:
    """The server at `url`, which keeps AuditEvents; its credentials are those of `AUDIT_…`. Raises UsageError."""
    return _server(url, environment, _AUDIT, "system/AuditEvent.c")


def _server(url: str, environment: Mapping[str, str], prefix: str, scope: str) -> ServerSettings:
    said = read(ServerVariables, environment, prefix)
    proxy = proxy_of(said.proxy, f"{prefix}PROXY")
    auth = _auth(said, prefix, scope, proxy)
    ignored = next((name for name in environment if name.lower() in _PROXIES and environment[name].strip()), None)
    if ignored and proxy is None and urlsplit(url).hostname not in LOOPBACK:
        log.warning("%s is not used for %s; where a proxy is wanted, name it as %sPROXY", ignored, prefix, prefix)
    return ServerSettings(
        url=base_url(url, secret=auth is not None),
        auth=auth,
        timeout=said.timeout,
        total_timeout=said.total_timeout,
        max_answer=said.max_answer,
        max_record=said.max_record,
        max_concurrent=said.requests,
        page_size=said.page_size,
        proxy=proxy,
    )


def proxy_of(said: SecretStr | None, name: str) -> str | None:
    """The address of a proxy, if one is named. Raises UsageError."""
    return None if said is None else proxy_address(said.get_secret_value(), name)


def _auth(said: ServerVariables, prefix: str, scope: str, proxy: str | None) -> httpx.Auth | None:
    ways: list[httpx.Auth] = []
    if said.token is not None:
        ways.append(Bearer(said.token.get_secret_value()))
    if _whole(said, prefix, ("user", "password")):
        ways.append(httpx.BasicAuth(said.user or "", said.password.get_secret_value() if said.password else ""))
    if _whole(said, prefix, ("client_id", "key", "token_url")):
        ways.append(
            BackendServices(
                client_id=said.client_id or "",
                key=load_key(said.key or Path()),
                token_url=base_url(said.token_url or "", secret=True),
                scope=said.scope or scope,
                proxy=proxy,
            )
        )
    if len(ways) > 1:
        msg = f"{prefix}TOKEN, …USER and …CLIENT_ID say who we are in more than one way; keep one"
        raise UsageError(msg)
    return next(iter(ways), None)


def _whole(said: ServerVariables, prefix: str, names: tuple[str, ...]) -> bool:
    """Whether credentials are set; they are wanted all, or none. Raises UsageError."""
    missing = [name for name in names if getattr(said, name) is None]
    if missing and len(missing) < len(names):
        msg = f"{prefix}{missing[0].upper()} is not set; it belongs to the other {prefix}… credentials"
        raise UsageError(msg)
    return not missing
