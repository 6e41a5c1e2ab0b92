"""Where a FHIR server is, who we are there, and how patient we are."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from adapter.errors import UsageError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """A FHIR server. `url`: its base, without a slash at the end; `auth`: adapter.fhir.client.auth, None for none.

    `timeout`: seconds to wait for an answer; `max_concurrent`: requests at once, those that wait their turn are not
    counted; `attempts`: how often a request is tried in all; `wait`, `wait_max`: seconds of the first and of the
    longest pause between tries; `page_size`: resources asked for a page.
    """

    url: str
    auth: httpx.Auth | None = field(default=None, repr=False)
    timeout: float = 30
    connect_timeout: float = 5
    max_concurrent: int = 8
    attempts: int = 5
    wait: float = 0.25
    wait_max: float = 20
    page_size: int = 1000


def base_url(text: str, *, secret: bool) -> str:
    """A FHIR base address as it was given, without the slash at its end.

    `secret`: credentials go there. Raises UsageError for what can't be one, and where credentials could be read on the
    way: over plain HTTP to another machine.
    """
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        msg = f"{text!r} is no FHIR base address; write https://host/path"
        raise UsageError(msg)
    if parts.username or parts.password:
        msg = "a FHIR base address must not hold a password; give it as credentials"
        raise UsageError(msg)
    if secret and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        msg = f"credentials for {text!r} would go over plain HTTP; use https"
        raise UsageError(msg)
    return text.rstrip("/")
