"""Patients of a FHIR server: fetched one by one, or exported by it all together.

Patients of a FHIR server, fetched some at a time while the ones before them are evaluated.

A Bulk Data export as a folder of files: downloaded, gone on with where it broke off, and brought up to date.

What a folder holds is one export, or one with what has changed since: a second run asks for that alone (`_since`),
takes out what was deleted or has another version now, and adds the rest. It does so only where that is whole: not for a
Group (of a new member only the latest data would come), and not where the server doesn't tell of deletions.

The folder's state is one file, replaced at once; a run that is killed leaves the earlier export, and its own so far.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import rmtree

import anyio
import msgspec
from anyio.from_thread import BlockingPortal, start_blocking_portal
from msgspec import Struct

from adapter.errors import (
    AbsentError,
    AdapterError,
    BadAnswerError,
    InputError,
    RejectedError,
    UnreachableError,
    UsageError,
)
from adapter.evaluator import BoundDefinition
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.client.bulk_export import BulkExport, Manifest, Part
from adapter.fhir.client.transport import http_client
from adapter.fhir.patients import Selection, changed_patients, fetch_record, indicated_patients, listed_patients
from adapter.record.contents import Contents, contents_of
from adapter.screening.private import alone_in, new_file
from adapter.screening.setup import Setup
from adapter.screening.source import Found, PatientInput, Unread
from adapter.screening.source.folder import read_lines

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
        portal.call(client.capabilities)  # a server of another release is refused once, not for each patient
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


_EXPORT = "$export"
_STATE = "export.json"
_BESIDE = ".export"
_NAMED = frozenset({"Patient", "Medication"})
"""What is exported beside the types that are a patient's own: who they are, and what their drugs are made of."""
_OF_NOBODY = frozenset({"Medication"})
_KINDS = ("output", "deleted", "error")
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSource:
    """`path` below the server's base: `$export`, `Patient/$export` or `Group/ID/$export`.

    `kept`: a folder where the export stays, so that the next run asks for what has changed since; None where it is not
    to. `tell` is told in words what is waited for.
    """

    server: ServerSettings
    path: str
    kept: Path | None = None
    tell: Told = field(default=lambda _: None, repr=False, compare=False)

    @property
    def is_of_group(self) -> bool:
        """Whether it is of the members of a Group."""
        return self.path.startswith("Group/")


@dataclass(frozen=True, slots=True)
class Exported:
    """An export in files. `lacking`: types that were asked for, and of which no file came."""

    folder: Path
    lacking: frozenset[str]


class _State(Struct, frozen=True, kw_only=True):
    """What a folder holds. `of`: address and types; `generation`: the sub-folder of what is whole, with its `time`.

    `status`: where the export in progress can be followed, which is since the whole one's time if `adds`; `manifest`:
    what that came to.
    """

    of: tuple[str, tuple[str, ...]]
    generation: int = 0
    time: str | None = None
    exported: frozenset[str] = frozenset()
    status: str | None = None
    adds: bool = False
    manifest: Manifest | None = None


def export_path(address: str) -> tuple[str, str] | None:
    """A server's base and the export below it that an address means: of all, of patients, or of a Group; else None."""
    plain = address.rstrip("/")
    base, found, _ = plain.partition(f"/{_EXPORT}")
    if not found or not plain.endswith(_EXPORT):
        return None
    head, _, last = base.rpartition("/")
    if last == "Patient":
        return head, f"Patient/{_EXPORT}"
    above, _, middle = head.rpartition("/")
    return (above, f"Group/{last}/{_EXPORT}") if middle == "Group" else (base, _EXPORT)


@contextmanager
def exported_into(out: Path, source: ExportSource, types: frozenset[str]) -> Iterator[Exported]:
    """The export of some types, and of the Patients and their Medications, for a run that writes into `out`.

    One that is not kept is in `out` until the block has ended well. Raises ServerError as `fetch_export` does.
    """
    folder = source.kept or out / _BESIDE
    with alone_in(folder):
        exported = fetch_export(source, types | _NAMED, folder)
        yield Exported(exported.folder, exported.lacking & types)
    if source.kept is None:
        rmtree(folder)


def fetch_export(source: ExportSource, types: frozenset[str], folder: Path) -> Exported:
    """The export of some types, in the folder, up to date.

    Raises ServerError where it can't be had; what has come stays for the next run.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = _read(folder, (f"{source.server.url}/{source.path}", tuple(sorted(types))))
    state = anyio.run(_fetched, source, types, folder, state)
    return Exported(folder / str(state.generation), types - state.exported)


async def _fetched(source: ExportSource, types: frozenset[str], folder: Path, state: _State) -> _State:
    settings, tell = source.server, source.tell
    async with http_client(timeout=settings.timeout, proxy=settings.proxy) as http:
        export = BulkExport(http, settings)
        for _ in range(2):
            state = await _manifest(export, source, types, folder, state)
            manifest = state.manifest
            if manifest is None or not state.adds or manifest.deleted is not None:
                break
            tell("the server doesn't tell what was deleted; everything is exported again")
            state = _State(of=state.of, generation=state.generation)
        if manifest is None:
            return state
        coming = folder / str(state.generation + 1)
        try:
            await _downloaded(export, manifest, coming, tell)
        except AbsentError:
            _keep(folder, msgspec.structs.replace(state, status=None, manifest=None))  # it is not kept for ever
            raise
        merged = _merged(folder, state, manifest)
        if state.status is not None:
            await export.forget(state.status)
        return merged


async def _manifest(
    export: BulkExport, source: ExportSource, types: frozenset[str], folder: Path, state: _State
) -> _State:
    """The state with the manifest of an export, whether it was begun before or now."""

    def waits(seconds: float) -> None:
        source.tell(f"the server exports; the next look is in {seconds:.0f} s")

    if state.manifest is not None:
        return state
    for _ in range(2):
        if state.status is None:
            adds = state.time is not None and not source.is_of_group
            status = await _started(export, source, types, state.time if adds else None)
            state = msgspec.structs.replace(state, status=status, adds=adds)
            _clear(folder / str(state.generation + 1))
            _keep(folder, state)
        try:
            manifest = await export.finished(
                str(state.status),
                lambda seconds: source.tell(f"the server exports; the next look is in {seconds:.0f} s"),
            )
        except AbsentError:  # of an earlier run, and forgotten there
            state = msgspec.structs.replace(state, status=None)
            continue
        state = msgspec.structs.replace(state, manifest=manifest)
        _keep(folder, state)
        return state
    msg = f"FHIR server {source.server.url}: $export: the server forgets an export that it has begun"
    raise BadAnswerError(msg)


async def _started(export: BulkExport, source: ExportSource, types: frozenset[str], since: str | None) -> str:
    """Begin an export. Some servers refuse types that are no patient's own in one of patients (HAPI FHIR 8)."""
    try:
        return await export.start(source.path, types, since)
    except RejectedError:
        if source.path == _EXPORT:
            raise
        return await export.start(source.path, types - _OF_NOBODY, since)


async def _downloaded(export: BulkExport, manifest: Manifest, folder: Path, tell: Told) -> None:
    """All files of an export, each whole or not there."""
    parts = [(kind, part) for kind in _KINDS for part in getattr(manifest, kind) or ()]
    for number, (kind, part) in enumerate(parts, start=1):
        file = folder / kind / f"{number:05d}.ndjson"
        if file.exists():
            continue
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        tell(f"file {number} of {len(parts)}")
        coming = file.with_suffix(".part")
        await export.download(part, coming, with_token=manifest.requires_access_token)
        _check_count(part, coming)
        coming.replace(file)


def _check_count(part: Part, file: Path) -> None:
    if part.count is None:
        return
    found = sum(1 for _ in read_lines(file))
    if found != part.count:
        file.unlink()
        msg = f"the export names {part.count} resources of {part.type[:64]} in a file that holds {found}; run it again"
        raise BadAnswerError(msg)


def _merged(folder: Path, state: _State, manifest: Manifest) -> _State:
    """The state once the new files are what the folder holds, with those of the earlier export that still count."""
    coming, before = folder / str(state.generation + 1), folder / str(state.generation)
    exported = frozenset(part.type for part in manifest.output)
    if state.adds:
        exported |= state.exported
        changed = frozenset(_keys(coming))
        for kind in ("output", "error"):
            for file in sorted((before / kind).glob("*.ndjson")):
                (coming / kind).mkdir(mode=0o700, parents=True, exist_ok=True)
                _copy_without(file, coming / kind / f"{state.generation:05d}-{file.name}", changed)
    done = _State(of=state.of, generation=state.generation + 1, time=manifest.transaction_time, exported=exported)
    _keep(folder, done)
    _clear(before)
    return done


def _keys(folder: Path) -> Iterator[str]:
    """What an export holds another version of, or says is deleted."""
    for kind in ("output", "deleted"):
        for file in sorted((folder / kind).glob("*.ndjson")):
            for _, line in read_lines(file):
                if not isinstance(line, InputError):
                    contents = contents_of(line)
                    yield from contents.deleted
                    yield from (each.key for each in contents.resources)


def _copy_without(file: Path, copy: Path, changed: frozenset[str]) -> None:
    """The lines of a file whose resources stay as they are; what can't be read stays too, and is named later."""
    with new_file(copy) as written:
        for _, line in read_lines(file):
            if isinstance(line, InputError) or _key_of(line) not in changed:
                written.write(line + b"\n" if isinstance(line, bytes) else b"?\n")


def _key_of(line: bytes) -> str | None:
    try:
        resources = contents_of(line).resources
    except InputError:
        return None
    return resources[0].key if len(resources) == 1 else None


def _read(folder: Path, of: tuple[str, tuple[str, ...]]) -> _State:
    """The folder's state; a new one where there is none, or it is of another export."""
    path = folder / _STATE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_State) if not path.is_symlink() else None
    except (FileNotFoundError, msgspec.DecodeError):
        found = None
    if found is not None and found.of == of:
        return found
    for each in folder.iterdir():
        if each.name.isdecimal():
            _clear(each)
    return _State(of=of)


def _keep(folder: Path, state: _State) -> None:
    """Replace the folder's state at once."""
    coming = folder / f"{_STATE}.new"
    with new_file(coming) as written:
        written.write(msgspec.json.encode(state))
        written.flush()
        os.fsync(written.fileno())
    coming.replace(folder / _STATE)


def _clear(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    rmtree(folder, ignore_errors=True)
