"""Patients of a FHIR server, fetched some at a time while the ones before them are evaluated."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from anyio.from_thread import BlockingPortal, start_blocking_portal

from adapter.errors import AdapterError, UnreachableError, UsageError
from adapter.evaluator import BoundDefinition
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.patients import Selection, changed_patients, fetch_record, indicated_patients, listed_patients
from adapter.record.contents import Contents
from adapter.screening.setup import Setup
from adapter.screening.source import Found, PatientInput, Unread

_GIVE_UP = 10
"""After so many patients in a row for whom the server did not answer, the others are not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSource:
    """A FHIR server and which of its patients to screen. `indicated`: only those with an index disease on record."""

    server: ServerSettings
    selection: Selection
    indicated: bool = False


class ServerPatients:
    """The patients of an open source. `ids`: all of them, in the server's order; `skipped`: without an indication."""

    def __init__(
        self, portal: BlockingPortal, client: FhirClient, types: frozenset[str], ids: tuple[str, ...], skipped: int
    ) -> None:
        """Fetch resources of some types over an open client that lives in the portal's event loop."""
        self.ids = ids
        self.skipped = skipped
        self._portal = portal
        self._client = client
        self._types = types
        self._silent = 0

    def fetch(self, ids: Iterable[str], at_once: int) -> Iterator[Found]:
        """The records of some patients, in their order; who can't be read is named, and the next one's turn comes."""
        waiting: deque[tuple[str, Future[Contents]]] = deque()
        remaining = iter(ids)
        try:
            for id_ in remaining:
                if self._silent >= _GIVE_UP:
                    yield Unread(f"Patient/{id_}", "not tried: the server doesn't answer any more", f"Patient/{id_}")
                    continue
                waiting.append((id_, self._portal.start_task_soon(fetch_record, self._client, id_, self._types)))
                if len(waiting) >= at_once:
                    yield self._taken(*waiting.popleft())
            while waiting:
                yield self._taken(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _taken(self, id_: str, future: Future[Contents]) -> Found:
        place = f"Patient/{id_}"
        try:
            contents = future.result()
        except AdapterError as error:
            self._silent = self._silent + 1 if isinstance(error, UnreachableError) else 0
            return Unread(place, str(error), place)
        self._silent = 0
        return PatientInput(place, contents)


def _diseases(bound: BoundDefinition) -> tuple[str, ...]:
    """The diseases by which a study's patients are found. Raises UsageError where it has other ways to tell."""
    index = bound.definition.index
    if isinstance(index, tuple):
        return index
    msg = f"the patients of {bound.definition.id} are not told by a diagnosis; leave out --indicated"
    raise UsageError(msg)


@contextmanager
def open_patients(
    source: ServerSource, setup: Setup, types: frozenset[str] | None = None, since: datetime | None = None
) -> Iterator[ServerPatients]:
    """The patients of a source, listed; connections stay open until the block ends.

    `types`: those to fetch; None: what the studies read. `since`: only those of whom something was updated from this
    instant on. Raises ServerError where they can't be listed to the end.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_client(source.server)) as client,
    ):
        ids = portal.call(listed_patients, client, source.selection)
        chosen = ids
        if source.indicated:
            index = frozenset(name for bound in setup.bounds for name in _diseases(bound))
            found = portal.call(indicated_patients, client, setup.terminology, index)
            chosen = {id_: names for id_, names in ids.items() if found & {id_, *names}}
        if since is not None:
            changed = portal.call(changed_patients, client, types or setup.types, since)
            chosen = {id_: names for id_, names in chosen.items() if changed & {id_, *names}}
        yield ServerPatients(portal, client, types or setup.types, tuple(chosen), len(ids) - len(chosen))
