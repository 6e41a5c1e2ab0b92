"""The cells of whom nothing on record bears on a leaf: what the evaluation says of an empty record.

It may depend on what of the record could not be read, and on nothing else.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from adapter.columns.sql.cells import TOGETHER, UNDECIDED, Question, cell, no_date
from adapter.columns.sql.text import literal
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import OfPerson, Scored
from adapter.evaluator.kind import Evaluation
from adapter.evaluator.moment import Moment
from adapter.evaluator.reads import SUBJECT_TYPES
from adapter.record.patient_record import ANY_TYPE, ELSEWHERE, PatientRecord
from adapter.record.when import parse

SEX: Final = """COALESCE(NULLIF(clinical_sex, ''), CASE WHEN birth_sex IS NULL OR birth_sex = gender THEN gender END)"""
"""The sex by which formulas reckon; null where it isn't known."""

_EACH: Final = sum(1 << (8 * place) for place in range(TOGETHER))
"""The lowest bit of each of the bytes."""

_LOSSES: Final = frozenset({ANY_TYPE, ELSEWHERE, "Patient", *SUBJECT_TYPES})
"""What `PatientRecord.unread` may hold that matters."""


class Nothing:
    """Records that hold nothing, but for what of them could not be read."""

    def __init__(self, terminology: Terminology, policy: Policy, moment: Moment) -> None:
        """What they are evaluated with."""
        self._terminology, self._policy, self._moment = terminology, policy, moment
        self._charts: dict[frozenset[str], Chart] = {}

    def cells(self, evaluation: Evaluation) -> tuple[int, int, frozenset[str]]:
        """The cell where all was read, that where something of some types could not be, and which types these are.

        What could not be read only adds to what a record may lack. So types that all together change nothing never do,
        and where each of the others comes to what all types come to, so do any of them.
        """
        default, all_ = self._cell(evaluation, frozenset()), self._cell(evaluation, _LOSSES)
        if default == all_:
            return default, default, frozenset()
        each = {lost: self._cell(evaluation, frozenset({lost})) for lost in _LOSSES}
        heeded = frozenset(lost for lost, found in each.items() if found != default)
        if self._cell(evaluation, _LOSSES - heeded) != default:
            return default, UNDECIDED, _LOSSES
        return default, all_ if all(each[lost] == all_ for lost in heeded) else UNDECIDED, heeded

    def of_person(self, evaluation: Evaluation, births: Sequence[date]) -> str:
        """The cell of whom nothing is on record but sex and birth; it changes with birth days, in their order."""
        spans = list(zip((None, *births), (*births, self._moment.day), strict=True))
        sexes = []
        for sex in ("female", "male", None):
            ages = " ".join(
                f"WHEN {_born(after, until)} THEN {self._of(evaluation, sex, until)}" for after, until in spans
            )
            told = f"CASE {ages} ELSE {UNDECIDED} END"
            sexes.append(f"WHEN {SEX} = '{sex}' THEN {told}" if sex else f"ELSE {told}")
        nobody = f"LEN(unread) > 0 OR birth_first IS NULL OR {no_date('birth_text')}"
        return f"CASE WHEN {nobody} THEN {UNDECIDED} {' '.join(sexes)} END"

    def _of(self, evaluation: Evaluation, sex: str | None, born: date) -> int:
        birth = parse(born.isoformat())
        record = PatientRecord(subject="", terminology=self._terminology.hash, gender=sex, birth=birth)
        found = evaluation(Chart(record, self._terminology, self._policy), self._moment)
        return cell(found.reason, found.truth)

    def _cell(self, evaluation: Evaluation, lost: frozenset[str]) -> int:
        if lost not in self._charts:
            record = PatientRecord(subject="", terminology=self._terminology.hash, unread=lost)
            self._charts[lost] = Chart(record, self._terminology, self._policy)
        found = evaluation(self._charts[lost], self._moment)
        return cell(found.reason, found.truth)


def filled(packed: str, default: str) -> str:
    """Cells that share a number, each that is 0 replaced by the default of its leaf, all at once.

    A byte's sum with 127 has its highest bit if any of its lower bits is set; where neither that nor the byte itself
    has it, the byte is 0. What is 1 in such a byte alone, times 255, is the whole byte.
    """
    low, first = (f"CAST({number} AS BIGINT)" for number in (_EACH * 127, _EACH))
    some = f"((({packed} & {low}) + {low} | {packed}) >> 7) & {first}"
    return f"({packed} | (({first} - ({some})) * 255 & {default}))"


def defaults(leaves: Sequence[Question], heeded: Sequence[frozenset[str]]) -> str:
    """The defaults of leaves that share a number; those of the person the row says.

    `heeded`: which types matter to some leaf, of which `p.u0`, `p.u1` … say whether one could not be read (`lost`).
    """
    told = [(n, each) for n, each in enumerate(leaves) if not isinstance(each.asked, OfPerson | Scored)]
    found = [_packed((n, each.default) for n, each in told if not each.heeds)]
    for place, types in enumerate(heeded):
        if held := [(n, each) for n, each in told if each.heeds == types]:
            lacking = _packed((n, each.lacking) for n, each in held)
            found.append(
                f"CASE WHEN p.u{place} THEN {lacking} ELSE {_packed((n, each.default) for n, each in held)} END"
            )
    return f"({' + '.join(found)})"


def _packed(cells: Iterable[tuple[int, int]]) -> str:
    return f"CAST({sum(each << (8 * place) for place, each in cells)} AS BIGINT)"


def lost(types: frozenset[str]) -> str:
    """Whether something of one of the types could not be read; of most patients all was, which is asked first."""
    said = " OR ".join(f"LIST_CONTAINS(unread, '{each}')" for each in sorted(types))
    return f"LEN(unread) > 0 AND ({said})"


def _born(after: date | None, until: date) -> str:
    """Whether every day that may be the birthday is after one, if any, and no later than the other."""
    since = "" if after is None else f"birth_first > {literal(after)} AND "
    return f"{since}birth_last <= {literal(until)}"
