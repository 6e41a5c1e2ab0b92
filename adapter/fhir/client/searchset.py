"""What a search found: a searchset page -> its resources, or the error that it hides."""

from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

import msgspec

from adapter.errors import BadAnswerError
from adapter.fhir.client.stored import Bundle, Stored, stored

_PORTS = {"http": 80, "https": 443}


def found_in(page: Bundle, type_: str | None, what: str) -> list[Stored]:
    """The resources of a page; `type_`: what was searched for, None for any.

    Raises BadAnswerError where an entry holds no resource, one of another type than asked for, or an error.
    """
    found: list[Stored] = []
    for entry in page.entry:
        try:
            resource = stored(entry.resource)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            msg = f"{what}: an entry holds no resource; the server's search is not complete"
            raise BadAnswerError(msg) from error
        mode = entry.search.mode if entry.search else None
        if resource.type == "OperationOutcome":
            _refuse_error(resource, what)
        elif type_ is not None and resource.type != type_ and mode in {None, "match"}:
            msg = f"{what}: the server answered with a {resource.type[:64]} where {type_} was searched for"
            raise BadAnswerError(msg)
        else:
            found.append(resource)
    return found


def check_total(pages: Iterable[Bundle], what: str) -> None:
    """Raises BadAnswerError where the server found more than it sent: it cut its answer short."""
    told = [page.total for page in pages if page.total is not None]
    sent = sum(1 for page in pages for entry in page.entry if entry.search is None or entry.search.mode == "match")
    if told and sent < min(told):
        msg = f"{what}: the server found {min(told)} and sent {sent}; its pages end too early"
        raise BadAnswerError(msg)


def next_address(page: Bundle, at: str, base: str, seen: set[str], what: str) -> str | None:
    """The address of the page after this one, which stood `at`; None after the last.

    Raises BadAnswerError where it is on another server (it would get our credentials), or was seen before.
    """
    if page.next is None:
        return None
    address = urljoin(at, page.next)
    if _server(address) != _server(base):
        msg = f"{what}: the next page is on another server; correct the base address that the server gives itself"
        raise BadAnswerError(msg)
    if address in seen:
        msg = f"{what}: the pages go round in a circle"
        raise BadAnswerError(msg)
    seen.add(address)
    return address


def _server(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _refuse_error(outcome: Stored, what: str) -> None:
    severities = {issue.get("severity") for issue in outcome.json().get("issue", ()) if isinstance(issue, dict)}
    if severities & {"error", "fatal"}:
        msg = f"{what}: the search failed in part; the server's log says why"
        raise BadAnswerError(msg)
