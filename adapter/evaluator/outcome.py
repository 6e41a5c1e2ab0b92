"""What the evaluation of one statement comes to, before it is told in sentences."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from adapter.criteria.truth import Truth
from adapter.evaluator.moment import Change
from adapter.evaluator.reason import TRUTHS, Reason
from adapter.evaluator.verdict import Evidence


class Outcome(Struct, frozen=True, gc=False):
    """A truth with its reason and evidence.

    `changes`: every instant after as-of at which the truth or the reason might change with no new data; there may be
    some at which they don't. `note`: what the explanation adds (a reference limit, what the source asks for). `lacks`:
    of what is read beside what is asked, what would settle it, by the names of the data needs.
    """

    truth: Truth
    reason: Reason
    evidence: tuple[Evidence, ...] = ()
    changes: tuple[Change, ...] = ()
    assumed: bool = False
    note: str = ""
    lacks: tuple[str, ...] = ()

    def lacking(self, names: Sequence[str]) -> "Outcome":
        """The same, with what would settle it."""
        return replace(self, lacks=tuple(names))

    def also(self, changes: tuple[Change, ...] = (), evidence: tuple[Evidence, ...] = ()) -> "Outcome":
        """The same, with further instants of change and further evidence."""
        if not changes and not evidence:
            return self
        shown, turns = self.evidence + evidence, self.changes + changes
        return Outcome(self.truth, self.reason, shown, turns, self.assumed, self.note, self.lacks)


_ASSUMED = Reason.ASSUMED_ABSENT


def outcome(
    reason: Reason, evidence: tuple[Evidence, ...] = (), changes: tuple[Change, ...] = (), note: str = ""
) -> Outcome:
    """The outcome that a reason stands for."""
    return Outcome(TRUTHS[reason], reason, evidence, changes, reason is _ASSUMED, note)
