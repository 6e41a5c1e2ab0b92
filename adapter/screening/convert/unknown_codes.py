"""Counts the codes that no map knows and writes them to a file, on top of what stands there."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from adapter.errors import DefinitionError
from mappings.patient.concept_map import Key, Tally, concept_map
from mappings.patient.local_codes import Unknown


class UnknownCodes:
    """The codes of one conversion; with a file, they are listed there."""

    def __init__(self, file: Path | None) -> None:
        """Read the file, if there is one yet. Raises DefinitionError if it is no ConceptMap."""
        self._file = file
        self._seen: dict[Key, Tally] = {}
        self._earlier = None
        if file is not None and file.exists():
            try:
                self._earlier = msgspec.json.decode(file.read_bytes())
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                msg = f"{file}: not JSON ({error}); name another file for --unmapped"
                raise DefinitionError(msg) from error
            concept_map({}, self._earlier, name=str(file))

    def add(self, unknown: Iterable[Unknown]) -> None:
        """Count codes."""
        for each in unknown:
            key = (each.system, each.target, each.code)
            tally = self._seen.get(key)
            if tally is None:
                tally = self._seen[key] = Tally()
            tally.add(each)

    def write(self) -> int:
        """Write the file, if one was named; the number of different codes."""
        if self._file is not None and (self._seen or self._earlier is None):
            made = concept_map(self._seen, self._earlier, name=str(self._file))
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
            self._file.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
        return len(self._seen)
