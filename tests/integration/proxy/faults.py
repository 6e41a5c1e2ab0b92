"""What goes wrong between a client and a server, chosen at random but the same for the same seed."""

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One way in which a request goes wrong."""

    CUT_BEFORE = "the connection ends before the server sees the request"
    CUT_AFTER = "the server carries it out, and the connection ends before the answer"
    CUT_MIDDLE = "the connection ends in the middle of the answer"
    DELAY = "the answer comes late"
    STATUS_500 = "500"
    STATUS_503 = "503 with Retry-After"
    STATUS_429 = "429 with Retry-After"
    HTML = "200 with a page of HTML"


@dataclass(slots=True)
class Faults:
    """Which requests go wrong, and how.

    The choice depends on the seed, on the request and on how often it came before: not on the order in which requests
    arrive that are sent at once.
    """

    seed: int
    rate: float
    """How many of the requests go wrong, from 0 to 1."""
    kinds: tuple[Fault, ...] = tuple(Fault)
    delay: float = 0.5
    """Seconds."""
    only: bytes = b""
    """Only requests with this in their path or body."""
    _came: Counter[bytes] = field(default_factory=Counter)

    def choose(self, method: str, path: str, body: bytes) -> Fault | None:
        """The fault of this request, if it has one."""
        request = f"{method} {path} ".encode() + body
        if self.only not in request:
            return None
        self._came[request] += 1
        chance = random.Random(b"%d/%d/" % (self.seed, self._came[request]) + request)  # noqa: S311  # no secret
        return chance.choice(self.kinds) if chance.random() < self.rate else None
