"""Puts converted Bundles on a FHIR server, in transactions that are not too large; goes on where it was interrupted.

A file beside the Bundles remembers what the server has taken, until it has all. A patient's transactions follow each
other, several patients' go side by side. What the server refuses is kept with its reason, and the rest goes on; where
it can't be reached, the next run goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO

import anyio
import msgspec
from msgspec import Raw, Struct

from adapter.errors import ConflictError, RejectedError
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.elements import Json
from adapter.screening.private import new_file

JOURNAL = ".loaded"
REFUSED = "refused.ndjson"
_MOST_ENTRIES = 200
_AT_ONCE = 4
_URN = "urn:uuid:"


class _Request(Struct, frozen=True, omit_defaults=True):
    method: str
    url: str
    ifNoneExist: str | None = None  # noqa: N815  # FHIR's name


class _Entry(Struct, frozen=True):
    fullUrl: str  # noqa: N815  # FHIR's name
    resource: Raw
    request: _Request


class _Bundle(Struct, frozen=True):
    entry: tuple[_Entry, ...] = ()


_bundle = msgspec.json.Decoder(_Bundle)


@dataclass(slots=True)
class Loaded:
    """What came of it: entries by the server's answer (201 created, 200 updated or there already), and the rest."""

    answers: Counter[str] = field(default_factory=Counter)
    earlier: int = 0
    refused: int = 0


def load_bundles(folder: Path, server: ServerSettings, tell: Callable[[int, int], None] = lambda *_: None) -> Loaded:
    """Load every Bundle of `folder`/bundles; `tell` hears how many of how many are done.

    Raises ServerError where the server can't be reached or lets nobody in: what it took by then is remembered.
    """
    files = sorted((folder / "bundles").glob("*.json"))
    journal = folder / JOURNAL
    if journal.is_symlink() or not journal.exists():  # a link is nothing of ours
        new_file(journal).close()
    done = set(journal.read_text(encoding="ascii").split("\n")[:-1])
    loaded = Loaded()
    with journal.open("a", encoding="ascii") as taken, new_file(folder / REFUSED) as refused:
        loading = _Loading(server, done, taken, refused, loaded, tell, len(files))
        anyio.run(loading.all, files)
    if loaded.refused == 0:
        (folder / REFUSED).unlink()
        journal.unlink()
    return loaded


@dataclass(slots=True)
class _Loading:
    server: ServerSettings
    done: set[str]
    taken: IO[str]
    refused: IO[bytes]
    loaded: Loaded
    tell: Callable[[int, int], None]
    total: int
    ended: int = 0

    async def all(self, files: list[Path]) -> None:
        waiting = iter(files)
        try:
            async with open_client(self.server) as client, anyio.create_task_group() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.start_soon(self._some, client, waiting)
        except BaseExceptionGroup as group:
            raise _first(group) from group

    async def _some(self, client: FhirClient, waiting: Iterator[Path]) -> None:
        for path in waiting:
            for entries in _transactions(path.read_bytes()):
                await self._one(client, path.name, entries)
            self.ended += 1
            self.tell(self.ended, self.total)

    async def _one(self, client: FhirClient, name: str, entries: list[Json]) -> None:
        key = sha256(msgspec.json.encode([self.server.url, entries])).hexdigest()
        if key in self.done:
            self.loaded.earlier += 1
            return
        try:
            answers = await client.transaction(entries)
        except (RejectedError, ConflictError) as error:
            reason = {"bundle": name, "reason": str(error), "details": getattr(error, "details", None)}
            self.refused.write(msgspec.json.encode(reason) + b"\n")
            self.loaded.refused += 1
            return
        self.loaded.answers.update((answer.status or "")[:3] for answer in answers)
        self.taken.write(f"{key}\n")
        self.taken.flush()


def _transactions(data: bytes) -> Iterator[list[Json]]:
    """A Bundle's entries in parts, each with the patients that its resources refer to."""
    entries = _bundle.decode(data).entry
    patients = [_without_id(entry) for entry in entries if entry.fullUrl.startswith(_URN)]
    others = [
        msgspec.to_builtins(entry, builtin_types=(Raw,)) for entry in entries if not entry.fullUrl.startswith(_URN)
    ]
    for start in range(0, max(len(others), 1), _MOST_ENTRIES):
        yield [*patients, *others[start : start + _MOST_ENTRIES]]


def _without_id(entry: _Entry) -> Json:
    """A Patient as it is sent: the server that has them already keeps the id that they have there."""
    resource = msgspec.json.decode(entry.resource)
    del resource["id"]
    return {"fullUrl": entry.fullUrl, "resource": resource, "request": msgspec.to_builtins(entry.request)}


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended all: of several at once, the first."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
