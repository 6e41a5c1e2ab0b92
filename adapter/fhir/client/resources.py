"""Search results and capabilities (FHIR R4), as a server sends them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin

import httpx
import msgspec
from msgspec import Struct

from adapter.errors import BadAnswerError, OtherReleaseError
from adapter.fhir.client.transport import same_origin
from adapter.record.bundle import Bundle, Entry, Resource, resource_of, type_of


def found_in(page: Bundle, type_: str | None, what: str) -> list[Resource]:
    """The resources of a page; `type_`: what was searched for, None for any.

    Raises BadAnswerError where an entry holds no resource, one of another type than asked for, or an error.
    """
    found: list[Resource] = []
    for entry in page.entry:
        try:
            resource = resource_of(entry.resource, entry.full_url)
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


def check_outcomes(page: Bundle, what: str) -> None:
    """Raises BadAnswerError where a page says that the search, or the history, failed in part."""
    for entry in page.entry:
        if (entry.search is None or entry.search.mode != "match") and is_outcome(entry):
            _refuse_error(resource_of(entry.resource), what)


def is_outcome(entry: Entry) -> bool:
    """Whether an entry is no resource that was found, but what the server says of its search."""
    try:
        return bool(entry.resource) and type_of(entry.resource) == "OperationOutcome"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def size_of(page: Bundle) -> tuple[int | None, int]:
    """How many the server says it found, and how many of them are on this page."""
    return page.total, sum(1 for entry in page.entry if entry.search is None or entry.search.mode == "match")


def check_total(sizes: Iterable[tuple[int | None, int]], what: str) -> None:
    """Raises BadAnswerError where the server found more than it sent on all pages: it cut its answer short."""
    pages = list(sizes)
    told = [total for total, _ in pages if total is not None]
    sent = sum(count for _, count in pages)
    if told and sent < min(told):
        msg = f"{what}: the server found {min(told)} and sent {sent}; its pages end too early"
        raise BadAnswerError(msg)


_MOST_IDLE = 100
"""Pages in a row that bring nothing new: a server may filter what it sends, or have no end."""


@dataclass(slots=True)
class Trail:
    """The way through the pages of a search. `idle`: how many in a row were empty, or said what the one before did."""

    seen: set[str] = field(default_factory=set)
    last: tuple[Entry, ...] = ()
    idle: int = 0

    def leads_on(self, page: Bundle) -> bool:
        """Whether one more page may bring something, after this one."""
        self.idle = self.idle + 1 if not page.entry or page.entry == self.last else 0
        self.last = page.entry
        return self.idle < _MOST_IDLE


def next_address(page: Bundle, at: str, base: str, trail: Trail, what: str) -> str | None:
    """The address of the page after this one, which stood `at`; None after the last.

    Raises BadAnswerError where it has none, is on another server or outside of the base (it would get our credentials),
    or was seen before, and where too many pages brought nothing.
    """
    if page.next is None:
        return None
    if not page.next:
        msg = f"{what}: there is a next page, and the server doesn't say where"
        raise BadAnswerError(msg)
    address = _below(base, at, page.next)
    if address is None:
        advice = "correct the base address that the server gives itself"
        msg = f"{what}: the next page is on another server, or outside of the base address; {advice}"
        raise BadAnswerError(msg)
    if not trail.leads_on(page):
        msg = f"{what}: {_MOST_IDLE} pages in a row bring nothing new; the server's log says why they don't end"
        raise BadAnswerError(msg)
    if address in trail.seen:
        msg = f"{what}: the pages go round in a circle, so the list has no end; the server's log says why"
        raise BadAnswerError(msg)
    trail.seen.add(address)
    return address


def _below(base: str, at: str, named: str) -> str | None:
    """The address that a page at `at` names, as it will be asked for; None unless it is the base or below it.

    By the parser that sends the request, so that both see the same host and path; steps back are none, however written.
    """
    try:
        address, ours = httpx.URL(urljoin(at, named)), httpx.URL(base)
    except (httpx.InvalidURL, ValueError):
        return None
    path, within = address.raw_path.partition(b"?")[0].decode(), ours.raw_path.decode().rstrip("/")
    steps = unquote(unquote(path)).replace("\\", "/").split("/")
    if (
        not same_origin(address, ours)
        or address.userinfo
        or {".", ".."} & set(steps)
        or not f"{path.rstrip('/')}/".startswith(f"{within}/")
    ):
        return None
    return str(address)


def _refuse_error(outcome: Resource, what: str) -> None:
    severities = {issue.get("severity") for issue in outcome.json().get("issue", ()) if isinstance(issue, dict)}
    if severities & {"error", "fatal"}:
        msg = f"{what}: the search failed in part; the server's log says why"
        raise BadAnswerError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """`parameters`, `includes`: search parameters and _include values by type; `operations`: names by type.

    `batch`: whether several requests can go in one; `deleting`: types of which what a search finds can be deleted.
    """

    batch: bool
    history: bool
    parameters: dict[str, frozenset[str]]
    includes: dict[str, frozenset[str]]
    operations: dict[str, frozenset[str]]
    deleting: frozenset[str] = frozenset()

    def deletes_found(self, type_: str) -> bool:
        """Whether what a search by id and time finds of a type can be deleted.

        Not where the server doesn't say that it knows both: one that leaves out what it doesn't know deletes all.
        """
        return type_ in self.deleting and all(self.searches(type_, each) for each in ("_id", "_lastUpdated"))

    def searches(self, type_: str, parameter: str) -> bool:
        """Whether resources of a type can be searched by a parameter."""
        return parameter in self.parameters.get(type_, ())

    def does(self, type_: str, operation: str) -> bool:
        """Whether a type has an operation, such as `everything`."""
        return operation in self.operations.get(type_, ())


class _Code(Struct, frozen=True):
    code: str | None = None


class _Name(Struct, frozen=True):
    name: str | None = None


class _RestResource(Struct, frozen=True, rename="camel"):
    type: str = ""
    search_param: tuple[_Name, ...] = ()
    search_include: tuple[str, ...] = ()
    operation: tuple[_Name, ...] = ()
    interaction: tuple[_Code, ...] = ()
    conditional_delete: str | None = None


class _Rest(Struct, frozen=True):
    mode: str | None = None
    resource: tuple[_RestResource, ...] = ()
    interaction: tuple[_Code, ...] = ()


class _Statement(Struct, frozen=True, rename="camel"):
    resource_type: str
    fhir_version: str | None = None
    rest: tuple[_Rest, ...] = ()


_statement = msgspec.json.Decoder(_Statement)


def capabilities_of(body: bytes, what: str) -> Capabilities:
    """The capabilities in a CapabilityStatement's JSON.

    Raises OtherReleaseError for a server of another FHIR version, msgspec.DecodeError for anything else.
    """
    found = _statement.decode(body)
    if found.resource_type != "CapabilityStatement":
        msg = f"a {found.resource_type[:64]!r} where a CapabilityStatement is wanted"
        raise msgspec.ValidationError(msg)
    if not (found.fhir_version or "").startswith("4."):
        msg = f"{what}: the server speaks FHIR {str(found.fhir_version)[:16]}, wanted is R4 (4.0); give its R4 address"
        raise OtherReleaseError(msg)
    rest = next((each for each in found.rest if each.mode == "server"), _Rest())
    system = {each.code for each in rest.interaction}
    return Capabilities(
        batch=bool(system & {"batch", "transaction"}),
        history="history-system" in system,
        deleting=frozenset(each.type for each in rest.resource if each.conditional_delete in {"single", "multiple"}),
        parameters={each.type: frozenset(filter(None, (p.name for p in each.search_param))) for each in rest.resource},
        includes={each.type: frozenset(each.search_include) for each in rest.resource},
        operations={
            each.type: frozenset((operation.name or "").removeprefix("$") for operation in each.operation)
            for each in rest.resource
        },
    )
