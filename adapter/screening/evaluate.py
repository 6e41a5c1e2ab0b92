"""Evaluate one patient's file for some trials."""

from datetime import datetime
from pathlib import Path

from adapter.errors import InputError
from adapter.evaluator import evaluate_all
from adapter.evaluator.verdict import Verdict
from adapter.record import read_record
from adapter.screening.setup import Setup


def evaluate_file(path: Path, setup: Setup, as_of: datetime) -> tuple[Verdict, ...]:
    """The verdicts on the patient in a Bundle file, one a trial of the setup.

    Raises InputError, naming the file, where it isn't FHIR JSON with one patient.
    """
    try:
        record = read_record(path.read_bytes(), setup.terminology)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    return evaluate_all(setup.bounds, record, as_of, setup.policy)
