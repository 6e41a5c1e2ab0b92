"""The answer to a message: ACK with MSA, and ERR segments from v2.5 on (HL7 v2.8.2 chapter 2.9, tables 0008 and 0357).

Only what the sender needs is said: its own control id, and for each error the place and a reason of ours; nothing of
what the message holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mappings.patient.hl7v2.message import Segment

_WITHOUT_ERR = ("2.1", "2.2", "2.3", "2.4")
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+))?", re.ASCII)
_TEXTS = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
_REFUSED = frozenset({"200", "201", "202", "203"})
_PRINTABLE = re.compile(r"[^ -~]")


class Answer(StrEnum):
    """MSA-1 in original mode (table 0008)."""

    ACCEPT = "AA"
    ERROR = "AE"
    REJECT = "AR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong with a message. `place`: as `OBX[3]-5`; `code`: table 0357; `warning`: the rest was taken."""

    place: str
    reason: str
    code: str = "207"
    warning: bool = False

    @property
    def answer(self) -> Answer:
        """AR where messages of this kind are never taken, AE where this one is not."""
        return Answer.REJECT if self.code in _REFUSED else Answer.ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What an ACK says of the message that it answers, escaped. `sender`, `receiver`: MSH-3 and 4, MSH-5 and 6."""

    sender: tuple[str, str] = ("", "")
    receiver: tuple[str, str] = ("", "")
    kind: str = "ACK"
    control_id: str = ""
    processing: str = "P"
    version: str = "2.5"


def heading_of(header: Segment) -> Heading:
    """The heading of a message with this MSH."""
    said = {field: _escaped(header.text(field)) for field in (3, 4, 5, 6, 10, 11, 12)}
    type_, event = (_escaped(header.text(9, component)) for component in (1, 2))
    return Heading(
        sender=(said[3], said[4]),
        receiver=(said[5], said[6]),
        kind=f"ACK^{event}^ACK" if event and type_ else "ACK",
        control_id=said[10],
        processing=said[11] or "P",
        version=said[12] or "2.5",
    )


def acknowledge(heading: Heading, answer: Answer, faults: Sequence[Fault], id_: str, now: datetime) -> str:
    """The ACK to a message; of one that could not be read, the heading is empty. `id_`: the ACK's own control id."""
    sent = now.strftime("%Y%m%d%H%M%S%z")
    ours = (sent, "", heading.kind, id_, heading.processing, heading.version)
    msa = ["MSA", answer.value, heading.control_id]
    first = next(iter(faults), None)
    lines = ["|".join(("MSH", "^~\\&", *heading.receiver, *heading.sender, *ours))]
    if not heading.version.startswith(_WITHOUT_ERR):
        lines += ["|".join(msa), *(_err(fault) for fault in faults)]
    else:
        lines.append("|".join([*msa, _escaped(": ".join(filter(None, (first.place, first.reason))))] if first else msa))
    return "\r".join(lines) + "\r"


def _err(fault: Fault) -> str:
    found = _PLACE.fullmatch(fault.place)
    place = "^".join((found[1], found[2] or "1", found[3] or "")).rstrip("^") if found else ""
    code = f"{fault.code}^{_TEXTS[fault.code]}^HL70357"
    reason = fault.reason if found or not fault.place else f"{fault.place}: {fault.reason}"
    return "|".join(["ERR", "", place, code, "W" if fault.warning else "E", "", "", "", _escaped(reason)])


def _escaped(text: str) -> str:
    """A text of ours or an echo, in ASCII and without delimiters of its own."""
    plain = _PRINTABLE.sub("?", text)
    return "".join(_ESCAPES.get(mark, mark) for mark in plain)


_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"}
