"""Commands about the data that the webhook keeps: erase a person, copy the database."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import anyio
import typer

from adapter.cli.options import Server, servers
from adapter.cli.output import print_line, print_note
from adapter.cli.service import webhook_database
from adapter.errors import UsageError
from adapter.fhir.client import open_client
from adapter.fhir.write_back import Retirement
from adapter.record.references import ID
from adapter.screening.react.context import Timing
from adapter.screening.react.forget import Erased, Eraser
from adapter.screening.settings import Servers
from adapter.service.hook import retirement
from adapter.service.settings import database_url_from, erasure_from, retirement_of
from adapter.store import Database
from adapter.store.backup import back_up

PatientId = Annotated[str, typer.Argument(metavar="PATIENT", help="The patient's id on the record server.")]
Retire = Annotated[
    str | None,
    typer.Option(
        metavar="HOW", envvar="TRIAL_ADAPTER_RETIRE", help="What becomes of ResearchSubjects: withdraw, delete, leave."
    ),
]


def forget(*, patient: PatientId, server: Server = None, retire: Retire = None) -> None:
    """Erase everything that the webhook keeps of a person, and retire their ResearchSubjects."""
    key = patient if patient.startswith("Patient/") else f"Patient/{patient}"
    if ID.fullmatch(key.removeprefix("Patient/")) is None:
        msg = "PATIENT is no id; write it as the record server does, p1 or Patient/p1"
        raise UsageError(msg)
    how, urls = erasure_from(os.environ)
    how = how if retire is None else retirement_of(retire)
    known = servers(server, "no FHIR server")
    with webhook_database() as database:
        done = anyio.run(_forget, database, known, key, how, urls)
    for each in done:
        print_line(f"{each.patient}: nothing is kept; ResearchSubjects {_PAST[how]}: {each.retired}")
        if not each.is_gone:
            print_note(f"{each.patient} is still on the record server: their next change has them evaluated again")
    if not done:
        print_line(f"{key}: nothing is kept; the running service has erased it")


_PAST = {Retirement.WITHDRAW: "withdrawn", Retirement.DELETE: "deleted", Retirement.LEAVE: "touched"}


async def _forget(database: Database, known: Servers, key: str, how: Retirement, urls: tuple[str, ...]) -> list[Erased]:
    async with open_client(known.record) as record, open_client(known.research) as other:
        research = record if known.are_one else other
        eraser = Eraser(
            database=database,
            record=record,
            clock=lambda: datetime.now(UTC),
            retire=retirement(research, known, how),
            urls=urls,
        )
        return await eraser.person(key, Timing().lease)


def backup(
    *, file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="A file that is not there yet.")]
) -> None:
    """Copy the webhook's SQLite database while it is in use; PostgreSQL has pg_dump."""
    size = back_up(database_url_from(os.environ), file)
    print_line(f"{file}: {size} bytes, checked; it holds patient data")
