"""What the Patient says: age, sex, and whom a statement that is bound to sex does not concern."""

from collections.abc import Iterator

from adapter.columns.sql.cells import UNDECIDED, cell
from adapter.columns.sql.text import literal, names, numbers
from adapter.evaluator.columns import Born, Exempt, OfSex
from adapter.evaluator.reason import Reason
from adapter.record.values import NO_DAYS, NO_END


def born(asked: Born, day: str) -> str:
    """The cell of an age. Who may be born on several days fits where all of these say the same."""
    young = "FALSE" if asked.young_after is None else f"{{0}} > {literal(asked.young_after)}"
    old = "FALSE" if asked.old_until is None else f"{{0}} <= {literal(asked.old_until)}"
    side = f"CASE WHEN {young} THEN -1 WHEN {old} THEN 1 ELSE 0 END"
    oldest, youngest = side.format("birth_first"), side.format(f"LEAST(birth_last, {day})")
    none = f"""(birth_text IN ({names(asked.placeholders)}) OR SUBSTRING(birth_text, 1, 10) IN ({names(NO_DAYS)})
        OR SUBSTRING(birth_text, 1, 4) BETWEEN '{NO_END}' AND '9999')"""
    return f"""CASE WHEN birth_first IS NULL OR birth_first > {day} THEN {cell(Reason.NO_DATA)}
        WHEN {none} OR birth_last <= {literal(asked.impossible_until)} THEN {cell(Reason.IMPLAUSIBLE)}
        WHEN {oldest} <> {youngest} THEN {cell(Reason.IMPRECISE_DATE)}
        WHEN {oldest} = 0 THEN {cell(Reason.AGE_WITHIN)}
        ELSE {cell(Reason.AGE_OUTSIDE)} END"""


def of_sex(asked: OfSex) -> str:
    """The cell of a sex."""
    known = "COALESCE(NULLIF(clinical_sex, ''), gender)"
    return f"""CASE WHEN {known} IS NULL OR {known} NOT IN ('female', 'male') THEN {cell(Reason.NO_DATA)}
        WHEN {known} = {literal(asked.sex)} THEN {cell(Reason.SEX_MATCHES)}
        ELSE {cell(Reason.SEX_DIFFERS)} END"""


def exempt(asked: Exempt, place: int, by: set[int], speaking: set[int], now: str, day: str) -> Iterator[str]:
    """Whom statements that are bound to sex don't concern: `exempted` with its place.

    `by`: codings of the operations; `speaking`: of what may speak of a pregnancy all the same: these stay undecided.
    """
    young = "FALSE" if asked.young_after is None else f"birth_first > {literal(asked.young_after)}"
    old = "FALSE" if asked.old_until is None else f"birth_last <= {literal(asked.old_until)}"
    yield f"""operated{place} AS (
    SELECT patient FROM exposures WHERE coded IN ({numbers(by)}) AND list <> 'not-taken' AND NOT ordered AND NOT open
        AND {_over("end", "start", asked, now)}
    UNION SELECT patient FROM conditions WHERE coded IN ({numbers(by)}) AND verification = 'confirmed'
        AND {_over("onset", "recorded", asked, now)})"""
    yield f"""speaking{place} AS (
    SELECT patient FROM observations WHERE value_set IN ({names(asked.evidence)})
    UNION SELECT patient FROM conditions WHERE coded IN ({numbers(speaking)})
    UNION SELECT patient FROM exposures WHERE coded IN ({numbers(speaking)})
    UNION SELECT patient FROM allergies WHERE coded IN ({numbers(speaking)}))"""
    male = """COALESCE(NULLIF(gender, 'unknown'), birth_sex, clinical_sex) = 'male'
        AND COALESCE(NULLIF(gender, 'unknown'), 'male') = 'male' AND COALESCE(birth_sex, 'male') = 'male'
        AND COALESCE(clinical_sex, 'male') = 'male'"""
    yield f"""exempted{place} AS (
    SELECT patient, CASE WHEN patient IN (SELECT patient FROM speaking{place}) THEN {UNDECIDED}
        ELSE {cell(Reason.NOT_APPLICABLE)} END AS code
    FROM patients
    WHERE ({male}) OR (birth_first <= {day} AND ({young} OR {old}))
        OR patient IN (SELECT patient FROM operated{place}))"""


def _over(first: str, second: str, asked: Exempt, now: str) -> str:
    """Whether an operation has been; where what is asked may outlast it, long enough ago."""
    start = f"COALESCE({first}_start, {second}_start)"
    if asked.before is None:
        return f"({start} IS NULL OR {start} <= {now})"
    return f"{start} <= {now} AND COALESCE({first}_last, {second}_last) < {literal(asked.before)}"
