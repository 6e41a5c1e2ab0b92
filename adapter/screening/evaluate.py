"""Evaluate one patient, of a file or of a FHIR server, for some trials."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import anyio

from adapter.errors import AbsentError, InputError, UsageError
from adapter.evaluator import evaluate_all
from adapter.evaluator.verdict import Verdict
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.patients import fetch_record
from adapter.record import read_record
from adapter.record.contents import Contents
from adapter.screening.setup import Setup
from adapter.screening.source.folder import read_json
from adapter.screening.source.server import types_read


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The verdicts on one patient, one a trial, and the patient's own identifiers as (system, value)."""

    verdicts: tuple[Verdict, ...]
    identifiers: tuple[tuple[str, str], ...]


def evaluate_file(path: Path, setup: Setup, as_of: datetime) -> Evaluated:
    """The patient in a Bundle file.

    Raises InputError, naming the file, where it isn't FHIR JSON with one patient.
    """
    try:
        record = read_record(read_json(path), setup.terminology)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    return Evaluated(evaluate_all(setup.bounds, record, as_of, setup.policy), record.identifiers)


def evaluate_on_server(patient: str, server: ServerSettings, setup: Setup, as_of: datetime) -> Evaluated:
    """A server's patient (an id, or Patient/id).

    Raises UsageError where the server has no such patient, and ServerError where the record can't be read to its end.
    """
    id_ = patient.removeprefix("Patient/")

    async def fetched() -> Contents:
        async with open_client(server) as client:
            return await fetch_record(client, id_, types_read(setup.bounds))

    try:
        found = anyio.run(fetched)
    except AbsentError as error:
        msg = f"no Patient/{id_} on {server.url}; check the id"
        raise UsageError(msg) from error
    record = read_record(found, setup.terminology, subject=f"Patient/{id_}")
    return Evaluated(evaluate_all(setup.bounds, record, as_of, setup.policy), record.identifiers)
