"""What is remembered between the steps of a launch, and while the page is open: in memory, for a while, so many.

Each belongs to one browser, by the secret in its cookie; an address alone opens nothing. Each has one patient: a second
launch is a second session, so that a page never turns into another patient's.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from secrets import compare_digest, token_urlsafe
from typing import Generic, TypeVar

from adapter.service.smart.protocol import Issuer

ATTEMPT_SECONDS = 600.0
"""How long somebody may take to log in."""

_MOST = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A page that is open. `patient`: an id on the issuer's server; `style`: colours by name; `user`: who logged in."""

    issuer: Issuer
    browser: str
    patient: str
    token: str = field(repr=False)
    user: str = field(default="", repr=False)
    banner: bool = True
    style: Mapping[str, str] = field(default_factory=dict)


class Remembered(Generic[T]):
    """Values under names that nobody can guess, each for its time. The oldest goes where there are too many."""

    def __init__(self, most: int = _MOST, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing yet."""
        self._most = most
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def add(self, value: T, seconds: float, name: str | None = None) -> str:
        """Remember a value; its name."""
        for old in [each for each, (ends, _) in self._held.items() if ends < self._clock()]:
            del self._held[old]
        while len(self._held) >= self._most:
            self._held.popitem(last=False)
        made = name or token_urlsafe(32)
        self._held[made] = (self._clock() + seconds, value)
        return made

    def get(self, name: str) -> T | None:
        """The value of that name, if its time is not over."""
        ends, value = self._held.get(name, (0.0, None))
        return value if ends >= self._clock() else None

    def take(self, name: str) -> T | None:
        """The same, once."""
        found = self.get(name)
        self._held.pop(name, None)
        return found

    def __iter__(self) -> Iterator[T]:
        """Whatever is remembered, the oldest first."""
        return iter([value for ends, value in self._held.values() if ends >= self._clock()])


def same_browser(held: str, cookie: str | None) -> bool:
    """Whether a cookie is that of the browser."""
    return cookie is not None and compare_digest(held.encode(), cookie.encode())
