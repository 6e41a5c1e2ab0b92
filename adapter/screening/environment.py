"""Environment variables with the prefix TRIAL_ADAPTER_; an empty one says nothing."""

from collections.abc import Mapping
from typing import overload

from adapter.errors import UsageError

PREFIX = "TRIAL_ADAPTER_"


class Variables:
    """What an environment says to us, by names without the prefix."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take what isn't empty, without blanks around it."""
        self._said = {
            name.removeprefix(PREFIX): value.strip()
            for name, value in environment.items()
            if name.startswith(PREFIX) and value.strip()
        }

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """What a variable says."""
        return self._said.get(name, default)

    def each_of(self, name: str) -> tuple[str, ...]:
        """The words of a variable, separated by blanks or commas."""
        return tuple(self._said.get(name, "").replace(",", " ").split())

    def whole(self, name: str, default: int) -> int:
        """A whole number above 0. Raises UsageError for anything else."""
        text = self._said.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and int(text)):
            msg = f"{PREFIX}{name}={text!r} is no whole number above 0; correct it or leave it out"
            raise UsageError(msg)
        return int(text)

    def number(self, name: str, default: float) -> float:
        """A number above 0. Raises UsageError for anything else."""
        text = self._said.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.replace(".", "", 1).isdecimal() or float(text) <= 0:
            msg = f"{PREFIX}{name}={text!r} is no number above 0; correct it or leave it out"
            raise UsageError(msg)
        return float(text)
