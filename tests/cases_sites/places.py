"""Where each criterion of a registry's record went in a site's trials: what is computed, and what is lost.

A criterion's `source` says it, a row of the record after another, divided by `;`:

    12c                                       computed as written
    12c, partly: the loss of consciousness    computed, but for what is named, which a person judges or nobody asks
    07, gap: how far the patient lives        data could answer it, the algebra doesn't; a person judges it
    06, no data                               no data hold it (consent, willingness); a person judges it
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapter.criteria.model import EligibilityCriterion, TrialDefinition

_ROW = re.compile(r"(?P<number>[0-9]+[a-z]?)(?:, (?P<how>partly|gap|no data)(?:: (?P<lost>.+))?)?")
_BETWEEN = re.compile(r"; (?=[0-9]+[a-z]?(?:[,;]|$))")
AS_WRITTEN, PARTLY, GAP, NO_DATA = "as written", "partly", "gap", "no data"
HEAD = "| trial | criteria | data could answer | as written | partly | gap |"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a record: its number there, where it went, and what is lost."""

    number: str
    how: str
    lost: str


def rows(criterion: EligibilityCriterion) -> list[Row]:
    """The rows that a criterion stands for. Raises ValueError where its source is not written so."""
    found = []
    for said in _BETWEEN.split(criterion.source):
        row = _ROW.fullmatch(said)
        if row is None or (row["lost"] is None) is (row["how"] in {PARTLY, GAP}):
            msg = f"{criterion.id}: {said!r} doesn't say where the row went"
            raise ValueError(msg)
        found.append(Row(row["number"], row["how"] or AS_WRITTEN, row["lost"] or ""))
    return found


def counts(found: Iterable[Row]) -> tuple[int, int, int, int, int]:
    """Criteria, those that data could answer, and of these: as written, partly, gap."""
    hows = [row.how for row in found]
    answerable = len(hows) - hows.count(NO_DATA)
    return len(hows), answerable, hows.count(AS_WRITTEN), hows.count(PARTLY), hows.count(GAP)


def table(trials: Iterable[TrialDefinition]) -> Iterator[str]:
    """The lines of the table in a site's README, a trial each, and their sum."""
    yield HEAD
    yield "|---|---|---|---|---|---|"
    together: list[Row] = []
    for trial in trials:
        found = [row for criterion in trial.criteria for row in rows(criterion)]
        together += found
        yield _line(trial.id, found)
    yield _line("all", together)


def _line(name: str, found: list[Row]) -> str:
    return f"| {name} | {' | '.join(map(str, counts(found)))} |"
