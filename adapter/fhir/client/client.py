"""An async FHIR R4 client. What is sent twice, and when, is in `transport`; its errors are in adapter.errors."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec
from anyio import CapacityLimiter, Lock, create_task_group

from adapter.errors import AbsentError, BadAnswerError, ConflictError, MalformedError, RejectedError
from adapter.fhir.client.resources import (
    Capabilities,
    Trail,
    capabilities_of,
    check_outcomes,
    check_total,
    found_in,
    next_address,
    size_of,
)
from adapter.fhir.client.transport import (
    PassingError,
    ServerSettings,
    body_of,
    error_of,
    http_client,
    reaching,
    retried,
    seconds_of,
)
from adapter.fhir.elements import Json
from adapter.record.bundle import Bundle, Resource, Response, bundle_of, json_text, resource_of
from adapter.traces import span

T = TypeVar("T")

_FHIR_JSON = "application/fhir+json"
_READ = {"Accept": _FHIR_JSON, "Cache-Control": "no-cache", "Prefer": "handling=strict"}
"""Fresh answers (HAPI FHIR else repeats what it found up to a minute ago), and no parameter silently ignored."""

_WRITE = {"Accept": _FHIR_JSON, "Content-Type": _FHIR_JSON, "Prefer": "return=representation"}
_ENTRIES_IN_TIME = 20
"""Entries of a transaction for which a server gets the time of one request: it answers once all of them are done."""

_encoder = msgspec.json.Encoder(decimal_format="number")


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in the order of the work; the first failure ends the others.

    Its tasks are those of a group, within the scope of whoever gives up: one that is cancelled by hand, again and again
    until it ends, never gives back the connection and the place that it has.
    """
    made = list(work)
    found: dict[int, T] = {}
    failed: list[Exception] = []

    async def one(place: int, each: Coroutine[Any, Any, T]) -> None:
        try:
            found[place] = await each
        except Exception as error:  # noqa: BLE001  # raised below, by itself
            failed.append(error)
            tasks.cancel_scope.cancel()

    try:
        async with create_task_group() as tasks:
            for place, each in enumerate(made):
                tasks.start_soon(one, place, each)
    finally:
        for each in made:
            each.close()  # what was never begun
    if failed:
        raise failed[0]
    return [found[place] for place in range(len(made))]


@asynccontextmanager
async def open_client(
    settings: ServerSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator["FhirClient"]:
    """A client whose connections are kept until the block ends. `transport`: for tests."""
    limits = httpx.Limits(max_connections=settings.max_concurrent, max_keepalive_connections=settings.max_concurrent)
    timeout = httpx.Timeout(settings.timeout, connect=settings.connect_timeout)
    async with http_client(
        auth=settings.auth, limits=limits, timeout=timeout, transport=transport, proxy=settings.proxy
    ) as http:
        yield FhirClient(http, settings)


class FhirClient:
    """One FHIR server."""

    def __init__(self, http: httpx.AsyncClient, settings: ServerSettings) -> None:
        """Send over `http`, which is opened and closed by the caller."""
        self._http = http
        self._settings = settings
        self._limit = CapacityLimiter(settings.max_concurrent)
        self._asking = Lock()
        self._capabilities: Capabilities | None = None
        self._refuses_batch = False

    @property
    def url(self) -> str:
        """The server's base address."""
        return self._settings.url

    @property
    def page_size(self) -> int:
        """How many resources to ask for at once."""
        return self._settings.page_size

    async def capabilities(self) -> Capabilities:
        """What the server can do; asked once."""
        async with self._asking:
            if self._capabilities is None:
                self._capabilities = await self._ask(
                    "GET", "metadata", lambda body: capabilities_of(body, self._name("GET metadata"))
                )
        return self._capabilities

    async def read(self, type_: str, id_: str) -> Resource:
        """One resource. Raises AbsentError if it isn't there."""
        return await self._ask("GET", f"{type_}/{quote(id_, safe='')}", self._of_type(type_))

    async def search(self, type_: str, parameters: Mapping[str, str] | None = None) -> list[Resource]:
        """Everything that a search finds, all pages of it, with what it includes."""
        return (await self.find([search_path(type_, parameters or {})]))[0]

    async def find(self, paths: Sequence[str]) -> list[list[Resource]]:
        """What each of several searches finds, all pages; one round trip for all first pages where the server can.

        `paths`: relative to the base, as `search_path` makes them.
        """
        pages = await self._first_pages(paths)
        return await together([self._whole(path, page) for path, page in zip(paths, pages, strict=True)])

    async def pages(self, path: str) -> AsyncIterator[Bundle]:
        """The pages of a search, history or operation, one after the other, for what is too large to hold at once."""
        at, what, trail = self._address(path), self._name(f"GET {_label(path)}"), Trail({self._address(path)})
        page = await self._ask("GET", path, bundle_of)
        check_outcomes(page, what)
        sizes = [size_of(page)]
        yield page
        while (address := next_address(page, at, self.url, trail, what)) is not None:
            at, page = address, await self._ask("GET", address, bundle_of, label=_label(path))
            check_outcomes(page, what)
            sizes.append(size_of(page))
            yield page
        check_total(sizes, what)

    async def rest(self, path: str, first: Bundle) -> list[Resource]:
        """Everything that a search finds whose first page is there already: that page's, and of all further pages.

        `path`: the search's, relative to the base. Raises ServerError where a further page can't be had.
        """
        return await self._whole(path, first)

    async def everything(self, path: str) -> list[Resource]:
        """All that an operation with pages, such as Patient/$everything, brings."""
        return await self._whole(path, await self._ask("GET", path, bundle_of))

    async def add(self, resource: Json) -> Resource:
        """Create a resource. It is tried once more where no answer came: a second one may come to be."""
        type_ = str(resource["resourceType"])
        return await self._ask("POST", type_, self._of_type(type_), resource)

    async def create(self, resource: Json, if_none_exist: str) -> Resource:
        """Create a resource unless one exists that the search finds; the created or the found one."""
        type_ = str(resource["resourceType"])
        return await self._ask("POST", type_, self._of_type(type_), resource, {"If-None-Exist": if_none_exist})

    async def update(self, resource: Json, version: str | None = None) -> Resource:
        """Put a resource to its id. Raises ConflictError where `version` is not the one that stands there."""
        type_ = str(resource["resourceType"])
        headers = {"If-Match": f'W/"{version}"'} if version is not None else {}
        return await self._ask("PUT", f"{type_}/{resource['id']}", self._of_type(type_), resource, headers)

    async def delete(self, type_: str, id_: str) -> None:
        """Delete a resource; one that is gone already is fine."""
        with suppress(AbsentError):
            await self._ask("DELETE", f"{type_}/{quote(id_, safe='')}", lambda _: None)

    async def delete_version(self, found: Resource) -> None:
        """Delete a resource as it was found: carried out late, after somebody wrote it anew, it deletes nothing.

        As far as the server can: one without conditional deletes, or that finds none by its time, is told to plainly.
        Raises ConflictError where another version stands there already.
        """
        if found.last_updated is not None and (await self.capabilities()).deletes_found(found.type):
            query = search_path(found.type, {"_id": found.id, "_lastUpdated": f"le{found.last_updated}"})
            with suppress(AbsentError, RejectedError):
                await self._ask("DELETE", query, lambda _: None, label=found.type)
            try:
                stands = await self.read(found.type, found.id)
            except AbsentError:
                return
            if stands.version != found.version:
                msg = f"{self._name(f'DELETE {found.type}')}: another version stands there now"
                raise ConflictError(msg)
        await self.delete(found.type, found.id)

    async def transaction(self, entries: Iterable[Json]) -> list[Response]:
        """All of the entries or none: conditional or to known ids, so that sending them twice does no harm.

        Raises ConflictError where an ifMatch does not hold; without one, others who write the same are waited for.
        """
        made = list(entries)
        bundle = _encoder.encode({"resourceType": "Bundle", "type": "transaction", "entry": made})
        return await self.transact(bundle, len(made), repeats=not any("ifMatch" in each["request"] for each in made))

    async def transact(self, bundle: bytes, entries: int, *, repeats: bool) -> list[Response]:
        """As `transaction`, of a Bundle of so many entries as JSON; `repeats`: none of them has an ifMatch."""
        answer = await self._ask(
            "POST",
            "",
            lambda body: _answers(body, entries, self._name("transaction")),
            bundle,
            writes=True,
            repeats=repeats,
            seconds=self._settings.timeout * (1 + entries // _ENTRIES_IN_TIME),
        )
        return [each.response or Response() for each in answer.entry]

    async def operation(self, path: str, parameters: Json) -> Resource:
        """What a POSTed operation answers, such as `ValueSet/$expand`. For operations that change nothing."""
        return await self._ask("POST", path, resource_of, parameters)

    async def _first_pages(self, paths: Sequence[str]) -> list[Bundle]:
        if len(paths) > 1 and not self._refuses_batch and (await self.capabilities()).batch:
            try:
                return await self._batch(paths)
            except (RejectedError, AbsentError):  # says that it can and doesn't: what each search comes to tells more
                self._refuses_batch = True
        return await together([self._ask("GET", path, bundle_of) for path in paths])

    async def _batch(self, paths: Sequence[str]) -> list[Bundle]:
        entries = [{"request": {"method": "GET", "url": path}} for path in paths]
        made = {"resourceType": "Bundle", "type": "batch", "entry": entries}

        def pages(body: bytes) -> list[Bundle]:
            answer = _answers(body, len(paths), self._name("batch"))
            found = []
            for path, entry in zip(paths, answer.entry, strict=True):
                what = self._name(f"GET {_label(path)} in a batch")
                status = (entry.response.status if entry.response else "").split(" ")[0]
                if not status.startswith("2"):
                    outcome = bytes(entry.response.outcome or entry.resource) if entry.response else b""
                    raise error_of(int(status) if status.isdecimal() else 500, outcome, what)
                found.append(_decoded(bundle_of, entry.resource, what))
            return found

        return await self._ask("POST", "", pages, made, _READ, label="batch")

    async def _whole(self, path: str, first: Bundle) -> list[Resource]:
        what = self._name(f"GET {_label(path)}")
        type_ = None if "/" in path.partition("?")[0] else _label(path)
        at, trail, pages = self._address(path), Trail({self._address(path)}), [first]
        size = _bytes_of(first)
        while (address := next_address(pages[-1], at, self.url, trail, what)) is not None:
            at = address
            pages.append(await self._ask("GET", address, bundle_of, label=_label(path)))
            size += _bytes_of(pages[-1])
            if size > self._settings.max_record:
                msg = f"{what}: all pages are larger than {self._settings.max_record} bytes; do they never end?"
                raise BadAnswerError(msg)
        check_total(map(size_of, pages), what)
        resources = [each for page in pages for each in found_in(page, type_, what)]
        return list({each.key: each for each in resources}.values())

    async def _ask(  # noqa: PLR0913  # all of a request
        self,
        method: str,
        path: str,
        decode: Callable[[bytes], T],
        body: Json | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        label: str | None = None,
        writes: bool = False,
        repeats: bool = False,
        seconds: float | None = None,
    ) -> T:
        """Send a request, as often as is needed, and read its answer; `seconds` to wait for it, the settings' if None.

        `writes`, `repeats`: as `retried` takes them.
        """
        what = self._name(f"{method} {label or _label(path)}")
        content = _encoder.encode(body) if isinstance(body, dict) else body
        sent = {**(_READ if body is None else _WRITE), **(headers or {})}
        if content is not None:
            sent["Content-Type"] = _FHIR_JSON

        async def once() -> T:
            async with self._limit:
                with reaching(what):
                    return await self._sent(method, path, content, sent, decode, what, seconds)

        server = httpx.URL(self.url).host
        with span(f"FHIR {method}", "client", method=method, type=label or _label(path), server=server) as timed:
            sent.update(timed.headers)
            return await retried(once, self._settings, writes=writes, repeats=repeats)

    async def _sent(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        decode: Callable[[bytes], T],
        what: str,
        seconds: float | None,
    ) -> T:
        """Send a request once, and read its answer within its limits of time and size."""
        total = max(self._settings.total_timeout, seconds or 0)
        wait = self._http.timeout if seconds is None else httpx.Timeout(seconds, connect=self._http.timeout.connect)
        async with (
            asyncio.timeout(total),
            self._http.stream(method, self._address(path), content=content, headers=headers, timeout=wait) as response,
        ):
            body = await body_of(response, self._settings.max_answer, what)
        if not response.is_success:
            raise error_of(response.status_code, body, what, seconds_of(response.headers.get("retry-after")))
        found = _decoded(decode, body, what)
        if found is not None:
            _check_meaning(body, what)
        return found

    def _of_type(self, type_: str) -> Callable[[bytes], Resource]:
        def decode(body: bytes) -> Resource:
            found = resource_of(body)
            if found.type != type_:
                msg = f"{self._name(type_)}: the server answered with a {found.type[:64]}"
                raise BadAnswerError(msg)
            return found

        return decode

    def _address(self, path: str) -> str:
        return path if path.startswith(("http://", "https://")) else f"{self.url}/{path}".rstrip("/")

    def _name(self, request: str) -> str:
        return f"FHIR server {self.url}: {request}"


def search_path(type_: str, parameters: Mapping[str, str]) -> str:
    """A search as a path below the base. Commas, bars and colons stay readable; a server sees them the same."""
    return f"{type_}?{urlencode(parameters, safe=',|:/$')}" if parameters else type_


def token(system: str, value: str) -> str:
    """An identifier as a search names it, whatever characters it has (FHIR R4, search.html: Escaping)."""
    return "|".join(re.sub(r"([\\,|$])", r"\\\1", each) for each in (system, value))


def _label(path: str) -> str:
    """What of an address may be told: the type or the operation, no id."""
    plain = path.partition("?")[0].split("/")
    return next((part for part in reversed(plain) if part.startswith(("$", "_"))), plain[0]) or "base"


def _bytes_of(page: Bundle) -> int:
    """The bytes of a page's resources; an empty page counts, too."""
    return 1 + sum(len(memoryview(entry.resource)) for entry in page.entry)


def _answers(body: bytes, sent: int, what: str) -> Bundle:
    answer = bundle_of(body)
    if len(answer.entry) != sent:
        msg = f"{what}: {sent} requests were sent, {len(answer.entry)} answers came"
        raise BadAnswerError(msg)
    return answer


def _decoded(decode: Callable[[bytes], T], body: bytes | msgspec.Raw, what: str) -> T:
    """What a success holds. Raises PassingError for no JSON (cut off, a gateway's page), BadAnswerError for others."""
    try:
        return decode(bytes(body))
    except msgspec.ValidationError as error:
        msg = f"{what}: the answer is not what was asked for; is this address a FHIR server's base?"
        raise BadAnswerError(msg) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{what}: the answer is no JSON, or was cut off; is this address a FHIR server's base?"
        raise PassingError(msg) from error


def _check_meaning(body: bytes, what: str) -> None:
    """Raises BadAnswerError for an answer that says two things: nobody knows which of two equal keys is meant."""
    try:
        json_text(body)
    except MalformedError as error:
        msg = f"{what}: nothing is read of the answer: {error}"
        raise BadAnswerError(msg) from error
