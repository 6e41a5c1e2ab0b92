"""Which FHIR servers a site has, and who we are there: environment variables with the prefix TRIAL_ADAPTER_."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import httpx

from adapter.errors import UsageError
from adapter.fhir.client.auth import BackendServices, Bearer, load_key
from adapter.fhir.client.transport import ServerSettings, base_url

PREFIX = "TRIAL_ADAPTER_"


class Variables:
    """What an environment says to us, by names without the prefix."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take what isn't empty, without blanks around it."""
        self._said = {
            name.removeprefix(PREFIX): value.strip()
            for name, value in environment.items()
            if name.startswith(PREFIX) and value.strip()
        }

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """What a variable says."""
        return self._said.get(name, default)

    def each_of(self, name: str) -> tuple[str, ...]:
        """The words of a variable, separated by blanks or commas."""
        return tuple(self._said.get(name, "").replace(",", " ").split())

    def whole(self, name: str, default: int) -> int:
        """A whole number above 0. Raises UsageError for anything else."""
        text = self._said.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and int(text)):
            msg = f"{PREFIX}{name}={text!r} is no whole number above 0; correct it or leave it out"
            raise UsageError(msg)
        return int(text)

    def number(self, name: str, default: float) -> float:
        """A number above 0. Raises UsageError for anything else."""
        text = self._said.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.replace(".", "", 1).isdecimal() or float(text) <= 0:
            msg = f"{PREFIX}{name}={text!r} is no number above 0; correct it or leave it out"
            raise UsageError(msg)
        return float(text)


_READ_SCOPE = "system/*.read"
_WRITE_SCOPE = "system/*.read system/*.write"


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
    said = Variables(environment)
    address = url or said.get("FHIR_URL")
    research = said.get("RESEARCH_FHIR_URL")
    if address is None:
        if research is not None:
            msg = f"{PREFIX}RESEARCH_FHIR_URL is set and {PREFIX}FHIR_URL is not; name the patients' server too"
            raise UsageError(msg)
        return None
    shared = research is None or research.rstrip("/") == address.rstrip("/")
    record = _server(address, said, "FHIR_", _WRITE_SCOPE if shared else _READ_SCOPE)
    if research is None or shared:
        return Servers(record=record, research=record)
    return Servers(record=record, research=_server(research, said, "RESEARCH_FHIR_", _WRITE_SCOPE))


def research_server(environment: Mapping[str, str], url: str | None) -> ServerSettings:
    """The server at `url`, or else the one where ResearchSubjects go.

    Raises UsageError where there is none, and as above.
    """
    said = Variables(environment)
    named = said.get("RESEARCH_FHIR_URL")
    address = url or named or said.get("FHIR_URL")
    if address is None:
        msg = f"no FHIR server is named; give --server URL or set {PREFIX}FHIR_URL"
        raise UsageError(msg)
    is_other = named is not None and address.rstrip("/") == named.rstrip("/")
    return _server(address, said, "RESEARCH_FHIR_" if is_other else "FHIR_", _WRITE_SCOPE)


def terminology_server(environment: Mapping[str, str]) -> ServerSettings | None:
    """The terminology server that an environment names, None without one. Raises UsageError as above."""
    said = Variables(environment)
    url = said.get("TERMINOLOGY_URL")
    return None if url is None else _server(url, said, "TERMINOLOGY_", _READ_SCOPE)


def _server(url: str, said: Variables, prefix: str, scope: str) -> ServerSettings:
    auth = _auth(said, prefix, scope)
    default = ServerSettings(url=url)
    return ServerSettings(
        url=base_url(url, secret=auth is not None),
        auth=auth,
        timeout=said.whole(f"{prefix}TIMEOUT", int(default.timeout)),
        max_concurrent=said.whole(f"{prefix}REQUESTS", default.max_concurrent),
        page_size=said.whole(f"{prefix}PAGE_SIZE", default.page_size),
    )


def _auth(said: Variables, prefix: str, scope: str) -> httpx.Auth | None:
    token = said.get(f"{prefix}TOKEN")
    basic = _all_of(said, prefix, ("USER", "PASSWORD"))
    smart = _all_of(said, prefix, ("CLIENT_ID", "KEY", "TOKEN_URL"))
    if sum(each is not None for each in (token, basic, smart)) > 1:
        msg = f"{PREFIX}{prefix}TOKEN, …USER and …CLIENT_ID say who we are in more than one way; keep one"
        raise UsageError(msg)
    if token is not None:
        return Bearer(token)
    if basic is not None:
        return httpx.BasicAuth(*basic)
    if smart is None:
        return None
    client_id, key, token_url = smart
    return BackendServices(
        client_id=client_id,
        key=load_key(Path(key)),
        token_url=base_url(token_url, secret=True),
        scope=said.get(f"{prefix}SCOPE", scope),
    )


def _all_of(said: Variables, prefix: str, names: tuple[str, ...]) -> list[str] | None:
    given = {name: text for name in names if (text := said.get(prefix + name)) is not None}
    if given and len(given) < len(names):
        missing = next(name for name in names if name not in given)
        msg = f"{PREFIX}{prefix}{missing} is not set; it belongs to the other {PREFIX}{prefix}… credentials"
        raise UsageError(msg)
    return list(given.values()) or None
