"""A Bulk Data export (FHIR Bulk Data Access 2.0): asked for, waited for, and downloaded into files.

The kick-off is a GET with all types in one `_type`, which servers read as one list (HAPI FHIR exports only the first of
repeated ones, silently); where GET is refused, a POST with Parameters. A part of a download that has come is kept: the
rest is asked for by range, as long as the server still has the same file, and until all of it is there: a server, or a
proxy that cuts files into slices, may send less than what was asked for (RFC 9110, 15.3.7). A token goes only where the
manifest wants one, and only to the server that it is for.
"""

import asyncio
import re
from asyncio import Timeout
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import httpx
import msgspec
from msgspec import Struct

from adapter.errors import AbsentError, BadAnswerError, MalformedError, RejectedError
from adapter.fhir.client.transport import (
    PassingError,
    ServerSettings,
    body_of,
    error_of,
    reaching,
    retried,
    same_origin,
    seconds_of,
    web_address,
)
from adapter.record.bundle import Link, json_text

T = TypeVar("T")

_FHIR_JSON = "application/fhir+json"
_NDJSON = "application/fhir+ndjson"
_ACCEPTED, _PARTIAL, _NOT_SATISFIABLE, _TOO_MANY = 202, 206, 416, 429
_WAIT, _LONGEST_WAIT = 2.0, 60.0
"""Seconds between looks at an export in progress: the first pause, which doubles, and what Retry-After may ask for."""
_MOST_MANIFEST = 16 * 1024 * 1024
_MOST_SLICES = 10_000
"""Answers that one file may come in, in one run: more is a server that gives next to nothing each time."""

_MUCH = 64 * 1024
"""Bytes of a file that come in the time that one answer has; the last of it may be fewer."""

_RANGE = re.compile(r"bytes +([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)


class Part(Struct, frozen=True):
    """A file of an export. `count`: its lines, where the server says so."""

    url: str
    type: str = ""
    count: int | None = None


class Manifest(Struct, frozen=True, rename="camel", kw_only=True):
    """What an export came to. `deleted` is None where the server doesn't tell of deletions at all."""

    transaction_time: str
    requires_access_token: bool
    output: tuple[Part, ...]
    deleted: tuple[Part, ...] | None = None
    error: tuple[Part, ...] = ()
    link: tuple[Link, ...] = ()


_manifest = msgspec.json.Decoder(Manifest)


class BulkExport:
    """The exports of one server."""

    def __init__(self, http: httpx.AsyncClient, settings: ServerSettings) -> None:
        """Send over `http`, which is opened and closed by the caller, and has no credentials of its own."""
        self._http = http
        self._settings = settings

    async def start(self, path: str, types: frozenset[str], since: str | None) -> str:
        """Ask for an export (`path` below the base, as `Group/x/$export`); the address where it can be followed.

        Raises ServerError where the server does not do it.
        """
        asked = {"_outputFormat": _NDJSON, "_type": ",".join(sorted(types)), **({"_since": since} if since else {})}
        address = f"{self._settings.url}/{path}"
        query = urlencode(asked, safe=",:/")
        try:
            return await self._retried(lambda _: self._kick_off("GET", f"{address}?{query}", None, path))
        except (RejectedError, AbsentError):
            return await self._retried(lambda _: self._kick_off("POST", address, _parameters(asked), path))

    async def finished(self, status: str, waits: Callable[[float], None]) -> Manifest:
        """Wait until an export is there; `waits` is told each pause in seconds.

        Raises AbsentError where the server does not know it any more, ServerError where it failed.
        """
        pause = _WAIT
        while True:
            found = await self._retried(lambda _: self._look(status))
            if isinstance(found, Manifest):
                return found
            wait = min(found if found is not None else pause, _LONGEST_WAIT)
            pause = min(2 * pause, _LONGEST_WAIT)
            waits(wait)
            await asyncio.sleep(wait)

    async def download(self, part: Part, file: Path, *, with_token: bool) -> None:
        """A file of an export, to its end; what is in `file` from an earlier try is not asked for again.

        It is kept as it came, compressed or not. Raises ServerError where it can't be had, or a token would leave the
        server that it is for.
        """
        web_address(part.url, "address of an exported file")
        if with_token and self._settings.auth is not None and not same_origin(part.url, self._settings.url):
            msg = f"{self._name()}: a file of the export stands on another server, and wants our token there"
            raise BadAnswerError(msg)
        for _ in range(_MOST_SLICES):
            if await self._retried(lambda time: self._fetch(part.url, file, time, with_token=with_token)):
                return
        msg = f"{self._name()}: a file of the export is not whole after {_MOST_SLICES} answers; the next run goes on"
        raise BadAnswerError(msg)

    async def forget(self, status: str) -> None:
        """Tell the server that its files are not needed any more; whatever it answers."""
        try:
            async with self._http.stream("DELETE", status, auth=self._auth, headers={"Accept": _FHIR_JSON}):
                pass
        except httpx.HTTPError:
            return

    @property
    def _auth(self) -> httpx.Auth | None:
        return self._settings.auth

    async def _kick_off(self, method: str, address: str, body: bytes | None, path: str) -> str:
        headers = {"Accept": _FHIR_JSON, "Prefer": "respond-async"}
        if body is not None:
            headers["Content-Type"] = _FHIR_JSON
        async with self._http.stream(method, address, auth=self._auth, headers=headers, content=body) as answer:
            content = await body_of(answer, _MOST_MANIFEST, self._name())
        if answer.status_code != _ACCEPTED:
            self._check(answer, content)
            msg = f"{self._name()}: {answer.status_code} in the place of 202; does {path} stand for an export there?"
            raise BadAnswerError(msg)
        return self._own(answer.headers.get("content-location"))

    async def _look(self, status: str) -> Manifest | float | None:
        """The manifest, or the seconds to wait that the server names (None: it names none)."""
        async with self._http.stream("GET", status, auth=self._auth, headers={"Accept": "application/json"}) as answer:
            content = await body_of(answer, _MOST_MANIFEST, self._name())
        if answer.status_code in {_ACCEPTED, _TOO_MANY}:  # too many looks are no end of the export
            return seconds_of(answer.headers.get("retry-after"))
        self._check(answer, content)
        try:
            found = _manifest.decode(json_text(content))
        except (MalformedError, msgspec.DecodeError) as error:
            msg = f"{self._name()}: the manifest of the export can't be read: {error}"
            raise BadAnswerError(msg) from error
        if any(each.relation == "next" for each in found.link):  # nobody has asked for it in parts
            msg = f"{self._name()}: the manifest of the export goes on elsewhere; it is not complete"
            raise BadAnswerError(msg)
        return found

    async def _fetch(self, address: str, file: Path, time: Timeout, *, with_token: bool) -> bool:
        """Ask for what is missing of a file, and add it. Whether it is whole; else more of it is there than before."""
        tag = file.with_suffix(".etag")
        known = tag.read_text(encoding="ascii") if tag.exists() else None
        there = _size(file) if known else 0
        headers = {"Accept": _NDJSON, "Accept-Encoding": "gzip"}
        if known and there:
            headers |= {"Range": f"bytes={there}-", "If-Range": known}
        auth = self._auth if with_token else None
        async with self._http.stream("GET", address, auth=auth, headers=headers) as answer:
            etag, is_slice = answer.headers.get("etag", ""), answer.status_code == _PARTIAL
            total = _total(answer.headers.get("content-range", ""), there) if is_slice else None
            is_another = is_slice and (total is None or (there > 0 and etag not in {"", known}))
            if answer.status_code == _NOT_SATISFIABLE or is_another:
                raise self._another(file)
            if not answer.is_success:
                self._check(answer, await body_of(answer, _MOST_MANIFEST, self._name()))
            if not (is_slice and there):
                _note(tag, etag if etag.startswith('"') and etag.isascii() else None)
            with file.open("ab" if is_slice and there else "wb") as written:
                seen = 0
                async for piece in answer.aiter_raw():
                    written.write(piece)
                    seen += len(piece)
                    if seen >= _MUCH:
                        seen = 0
                        time.reschedule(asyncio.get_running_loop().time() + self._settings.total_timeout)
        if total is not None and (size := _size(file)) != total:
            if not there < size < total or not tag.exists():  # nothing, too much, or nobody can tell what is the rest
                raise self._another(file)
            return False
        _drop(tag)
        return True

    def _another(self, file: Path) -> PassingError:
        _drop(file)
        return PassingError(f"{self._name()}: a file of the export is not what is missing of it; it is fetched again")

    def _check(self, answer: httpx.Response, content: bytes) -> None:
        if not answer.is_success:
            wait = seconds_of(answer.headers.get("retry-after"))
            raise error_of(answer.status_code, content, self._name(), wait)

    async def _retried(self, send: Callable[[Timeout], Awaitable[T]]) -> T:
        """`send` is given its time, which it may prolong as long as much comes."""

        async def once() -> T:
            with reaching(self._name()):
                async with asyncio.timeout(self._settings.total_timeout) as time:
                    return await send(time)

        return await retried(once, self._settings)

    def _own(self, location: str | None) -> str:
        if not location:
            msg = f"{self._name()}: the server names no Content-Location where the export can be followed"
            raise BadAnswerError(msg)
        address = str(httpx.URL(self._settings.url).join(location))
        if not same_origin(address, self._settings.url):
            msg = f"{self._name()}: the export is to be followed on another server; our token doesn't go there"
            raise BadAnswerError(msg)
        return address

    def _name(self) -> str:
        return f"FHIR server {self._settings.url}: $export"


def _total(said: str, begins: int) -> int | None:
    """The bytes of a whole file, as a Content-Range says; None where its slice begins elsewhere, or nobody can tell."""
    found = _RANGE.fullmatch(said.strip())
    first, last, total = map(int, found.groups()) if found else (-1, -1, -1)
    return total if first == begins <= last < total else None


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _drop(file: Path) -> None:
    file.unlink(missing_ok=True)


def _note(tag: Path, etag: str | None) -> None:
    if etag is None:
        tag.unlink(missing_ok=True)
    else:
        tag.write_text(etag, encoding="ascii")


def _parameters(asked: Mapping[str, str]) -> bytes:
    made = [
        {"name": name, ("valueInstant" if name == "_since" else "valueString"): value} for name, value in asked.items()
    ]
    return msgspec.json.encode({"resourceType": "Parameters", "parameter": made})
