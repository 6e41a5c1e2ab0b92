"""Where it is written who was shown what of whom: durably, before the answer goes out.

A route says whose data it opens (`note_access`); a layer around all routes writes it when the answer is about to
begin, and answers with 503 where it can't be written.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import msgspec
from anyio import Lock, to_thread
from sqlalchemy import insert
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.errors import AdapterError, StoreError
from adapter.fhir.audit_event import PERSON, Access, Action, CardOutcome, audit_events
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import Json
from adapter.screening.react.context import NoteEvaluation
from adapter.service.access import CALLER, NOBODY, Caller
from adapter.service.http import error_answer
from adapter.service.middleware import REQUEST
from adapter.service.settings import Settings
from adapter.store import Database, open_database
from adapter.store.database import DatabaseAddress
from adapter.store.tables import audit_event

_WEBHOOK = "webhook"
ACCESS = "access"
"""The name under which a request's state says whose data are opened."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Whose data a request opens, and for which studies."""

    action: Action
    patients: tuple[str, ...]
    studies: tuple[str, ...]
    outcomes: tuple[CardOutcome, ...] = ()
    user: str = ""


def note_outcomes(request: Request, outcomes: Iterable[CardOutcome]) -> None:
    """Say what became of cards."""
    if told := tuple(outcomes):
        request.scope["state"][ACCESS] = Opened("C", (), (), told)


def note_access(
    request: Request, action: Action, patients: Iterable[str], studies: Iterable[str] = (), user: str = ""
) -> None:
    """Say whose data (Type/id) a request opens, as soon as that is known: a refusal is audited too.

    `user`: the person who is shown them, where another than the caller's token says so.
    """
    request.scope["state"][ACCESS] = Opened(action, tuple(patients), tuple(studies), user=user)


class Audit(Protocol):
    """Takes AuditEvents."""

    def check(self) -> None:
        """Look whether it can be written to, as far as that can be said before. Raises StoreError."""
        ...

    async def write(self, events: list[Json]) -> None:
        """Keep them durably. Raises StoreError where that fails."""
        ...


class AuditFile:
    """A file of one AuditEvent a line, which only its owner can read."""

    def __init__(self, path: Path) -> None:
        """Append to a file; it is made when it is first needed."""
        self._path = path
        self._writing = Lock()

    def check(self) -> None:
        """Open it for writing."""
        self._append(b"")

    async def write(self, events: list[Json]) -> None:
        """Append, and wait until it is on the disk."""
        text = b"".join(msgspec.json.encode(each) + b"\n" for each in events)
        async with self._writing:
            await to_thread.run_sync(self._append, text)

    def _append(self, text: bytes) -> None:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            try:
                size = os.fstat(handle).st_size
                if size and os.pread(handle, 1, size - 1) != b"\n":  # a full disk, or a crash, left half a line
                    text = b"\n" + text
                written = os.write(handle, text)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            msg = f"who is shown what can't be written ({error.strerror}); nothing is shown until it can"
            raise StoreError(msg) from error
        if written < len(text):
            msg = "who is shown what can't be written to its end; nothing is shown until it can"
            raise StoreError(msg)


class AuditServer:
    """A FHIR server that keeps AuditEvents."""

    def __init__(self, server: ServerSettings) -> None:
        """Nothing is sent yet."""
        self._server = server

    def check(self) -> None:
        """Ask nothing: a server may come later than we do."""

    async def write(self, events: list[Json]) -> None:
        """Create each; it is kept once the server has said so."""
        try:
            async with open_client(self._server) as client:
                for each in events:
                    await client.add(each)
        except AdapterError as error:
            msg = f"who is shown what can't be kept: {error}; nothing is shown until it can"
            raise StoreError(msg) from error


class AuditDatabase:
    """The database of the webhook, which keeps them beside its queue."""

    def __init__(self, address: DatabaseAddress) -> None:
        """Nothing is opened yet."""
        self._address = address
        self._opening = Lock()
        self._database: Database | None = None

    def check(self) -> None:
        """Open it."""
        open_database(self._address.url).close()

    async def write(self, events: list[Json]) -> None:
        """Add a row each, in one transaction."""
        try:
            async with self._opening:
                if self._database is None:
                    self._database = await to_thread.run_sync(open_database, self._address.url)
            await self._database.run(
                lambda connection: connection.execute(insert(audit_event), list(map(_row, events)))
            )
        except AdapterError as error:
            msg = f"who is shown what can't be kept: {error}; nothing is shown until it can"
            raise StoreError(msg) from error


def _row(event: Json) -> dict[str, object]:
    whom = (each["what"].get("reference") for each in event["entity"] if each["type"]["code"] == PERSON)
    at = datetime.fromisoformat(event["recorded"])
    return {"at": at, "patient": next(whom, None), "content": msgspec.json.encode(event).decode()}


def audit_of(settings: Settings) -> Audit | None:
    """What the settings name."""
    if settings.audit is None:
        return None
    if isinstance(settings.audit, DatabaseAddress):
        return AuditDatabase(settings.audit)
    return AuditFile(settings.audit) if isinstance(settings.audit, Path) else AuditServer(settings.audit)


def audited_evaluations(audit: Audit, clock: Callable[[], datetime]) -> NoteEvaluation:
    """Notes what the webhook evaluates and writes by itself: nobody has asked, and it names itself."""

    async def note(patient: str, studies: tuple[str, ...], /, *, written: bool = False) -> None:
        access = Access(
            action="U" if written else "E",
            patients=(patient,),
            studies=studies,
            caller=_WEBHOOK,
            address="",
            at=clock(),
            status=200,
            request=uuid4().hex,
            what="candidates written after a change" if written else "evaluation after a change",
        )
        await audit.write(list(audit_events(access)))

    return note


class AuditMiddleware:
    """Writes whose data an answer opens, as it is about to begin; where that fails, 503 is answered in its place."""

    def __init__(self, app: ASGIApp, audit: Audit, clock: Callable[[], datetime]) -> None:
        """Wrap an app."""
        self._app = app
        self._audit = audit
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refused = False

        async def send_on(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                try:
                    await self._write(scope, message["status"])
                except StoreError as error:
                    refused = True
                    await error_answer(error)(scope, receive, send)
            if not refused:
                await send(message)

        await self._app(scope, receive, send_on)

    async def _write(self, scope: Scope, status: int) -> None:
        state = scope.get("state", {})
        opened: Opened | None = state.get(ACCESS)
        if opened is None:
            return
        client, server = scope.get("client"), scope.get("server")
        caller: Caller = state.get(CALLER, NOBODY)
        access = Access(
            action=opened.action,
            patients=opened.patients,
            studies=opened.studies,
            outcomes=opened.outcomes,
            caller=caller.name,
            user=opened.user or caller.user,
            address=client[0] if client else "",
            server=server[0] if server else "",
            at=self._clock(),
            status=status,
            request=state.get(REQUEST, ""),
            what=getattr(scope.get("route"), "path", "-"),
        )
        await self._audit.write(list(audit_events(access)))
