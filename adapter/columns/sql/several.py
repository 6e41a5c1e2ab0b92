"""Events beside one another, by what each sort of them comes to alone (CONFORMANCE: Several events).

The family of `linked`, `sequence`, `count` and `contraindication`.

SQL tells the plain cases, in which one of the two sorts is denied, or nothing is on record of it.
"""

from collections.abc import Sequence
from typing import Final

from adapter.columns.sql.cells import UNDECIDED, UNIT, cell
from adapter.columns.sql.text import numbers
from adapter.evaluator.columns import Beside
from adapter.evaluator.reason import Reason

_NONE: Final = numbers(cell(each) for each in (Reason.NO_DATA, Reason.UNMAPPED_CODE))
"""What is unknown, and of which no entry is on record that is it or may be it."""


def beside(asks: Beside, events: Sequence[str], others: Sequence[str]) -> str:
    """The cell of events beside others, by the columns of the cells of each."""
    if asks is Beside.SHOWN:
        return _shown(events)
    told = f"CASE WHEN {' OR '.join(f'{each} = {UNDECIDED}' for each in (*events, *others))} THEN {UNDECIDED}"
    found, other = _any(events), _any(others or events)
    denied, none = f"({found}) < {UNIT}", f"({found}) IN ({_NONE})"
    met, unknown = f"({found}) >= {2 * UNIT}", f"({found}) BETWEEN {UNIT} AND {2 * UNIT - 1}"
    recorded = cell(Reason.RECORDED)
    match asks:
        case Beside.BOTH:
            steps = f"""WHEN {denied} THEN {found} WHEN ({other}) < {UNIT} THEN {other} WHEN {none} THEN {found}
                WHEN ({other}) IN ({_NONE}) THEN CASE WHEN {unknown} THEN {found} ELSE {other} END"""
        case Beside.UNTREATED:
            steps = f"""WHEN {denied} OR {none} THEN {found}
                WHEN ({other}) < {UNIT} THEN CASE WHEN {met} THEN {recorded} ELSE {found} END
                WHEN ({other}) IN ({_NONE}) THEN CASE WHEN {met} THEN {other} ELSE {found} END"""
        case Beside.SO_MANY:
            steps = f"WHEN {denied} OR {none} THEN {found}"
        case Beside.NO_MORE:
            steps = f"WHEN {denied} THEN {recorded} WHEN {none} THEN {found}"
    return f"{told} {steps} ELSE {UNDECIDED} END"


def _any(cells: Sequence[str]) -> str:
    """What alternatives come to: the first that is met, else unknown; denied, what is assumed rather than said."""
    if len(cells) == 1:
        return cells[0]
    met = " ".join(f"WHEN {each} >= {2 * UNIT} THEN {each}" for each in cells)
    unknown = " ".join(f"WHEN {each} >= {UNIT} THEN {each}" for each in cells)
    assumed = cell(Reason.ASSUMED_ABSENT)
    return f"CASE {met} {unknown} WHEN {assumed} IN ({', '.join(cells)}) THEN {assumed} ELSE {cells[0]} END"


def _shown(cells: Sequence[str]) -> str:
    """What speaks against a drug is a question as soon as any of it is, or may be, on record."""
    speaks = " OR ".join(f"{each} >= {UNIT} AND {each} NOT IN ({cell(Reason.NO_DATA)}, {UNDECIDED})" for each in cells)
    undecided = " OR ".join(f"{each} = {UNDECIDED}" for each in cells)
    return f"""CASE WHEN {speaks} THEN {cell(Reason.NEEDS_REVIEW)} WHEN {undecided} THEN {UNDECIDED}
        ELSE {cell(Reason.NEEDS_JUDGEMENT)} END"""
