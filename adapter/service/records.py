"""Whom a request of `$evaluate` asks about, and the data there are of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapter.errors import AdapterError
from adapter.record.merge import merged
from adapter.service.asked import Asked
from adapter.service.errors import NotSupportedError, ParameterError, TooCostlyError, UnknownPatientError
from adapter.service.subjects import group_elsewhere, only_patient, patients_asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Keys (Type/id) of the asked patients, Groups that the sent data don't hold among them, and the sent data.

    `alone`: one patient was asked about, so what goes wrong with them is the answer.
    """

    asked: tuple[str, ...]
    alone: bool
    sent: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The patients to evaluate, and their data.

    `subjects`: keys (Type/id), None for the one patient of the sent data. `alone`: as in Whom. `held`: what a server
    has of a subject, or why that could not be read; nothing of those whom it doesn't know.
    """

    subjects: tuple[str | None, ...]
    alone: bool
    sent: bytes | None
    held: Mapping[str | None, bytes | AdapterError] = field(default_factory=dict)

    def data(self, subject: str | None) -> bytes:
        """The record to evaluate. Raises what went wrong with it, UnknownPatientError if there is none."""
        held = self.held.get(subject)
        if isinstance(held, AdapterError):
            raise held
        if held is not None:
            return held if self.sent is None else merged(self.sent, held)
        if self.sent is None:
            msg = f"{str(subject)[:128]!r} is not on the server; check the id, or send the record as data"
            raise UnknownPatientError(msg)
        return self.sent


def sent_records(asked: Asked, max_subjects: int) -> Records:
    """The records of a request for which no server is asked.

    Raises ParameterError, NotSupportedError, TooCostlyError, and UnknownPatientError for a Group that is not there.
    """
    if asked.use_server_data:
        msg = "useServerData: no FHIR server is configured; send the patient's record as data"
        raise NotSupportedError(msg)
    if asked.data is None:
        why = (
            "useServerData is false" if asked.use_server_data is False else "no FHIR server is configured to ask for it"
        )
        msg = f"no data: {why}; POST the patient's record as data (a Bundle)"
        if asked.subjects:
            raise NotSupportedError(msg)
        raise ParameterError(msg, code="required", expression="data")
    if not asked.subjects:
        return Records(subjects=(None,), alone=True, sent=asked.data)
    subjects = patients_asked(asked.subjects, asked.data)
    check_number(subjects, max_subjects)
    return Records(subjects=subjects, alone=len(asked.subjects) == len(subjects) == 1, sent=asked.data)


def whom_asked(asked: Asked) -> Whom:
    """Whom a request asks about, for which a server is asked too.

    Raises ParameterError where that is nobody, InputError where the data hold several patients and none is named.
    """
    if asked.data is None and not asked.subjects:
        msg = "nobody is asked about: name a subject (a Patient or a Group), or send a record as data"
        raise ParameterError(msg, code="required", expression="subject")
    if asked.data is not None and not asked.subjects:
        return Whom(asked=(only_patient(asked.data),), alone=True, sent=asked.data)
    found: list[str] = []
    for text in asked.subjects:
        group = group_elsewhere(text, asked.data)
        found += [group] if group else patients_asked([text], asked.data or b"[]")
    alone = len(asked.subjects) == 1 and not (found and found[0].startswith("Group/"))
    return Whom(asked=tuple(found), alone=alone and len(found) == 1, sent=asked.data)


def check_number(subjects: Sequence[str], max_subjects: int) -> None:
    """Raises TooCostlyError for more subjects than one request may ask about."""
    if len(subjects) > max_subjects:
        msg = f"{len(subjects)} patients are more than the {max_subjects} of one request; ask in parts"
        raise TooCostlyError(msg)
