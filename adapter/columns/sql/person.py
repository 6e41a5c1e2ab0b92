"""What is said of the person: age, sex, consent, and whom a statement that is bound to sex does not concern."""

from collections.abc import Iterator, Mapping
from string import ascii_lowercase

from adapter.columns.sql.cells import UNDECIDED, UNIT, cell, no_date
from adapter.columns.sql.text import literal, names, numbers, rows
from adapter.criteria.truth import Truth
from adapter.evaluator.columns import TRUTHS, Born, Consented, Exempt, LivesIn, Married, OfPerson, OfSex, Speaks
from adapter.evaluator.reason import Reason
from adapter.kinds.consent import NO_WORD

_MET = TRUTHS.index(Truth.MET)


def born(asked: Born, day: str) -> str:
    """The cell of an age. Who may be born on several days fits where all of these say the same."""
    young = "FALSE" if asked.young_after is None else f"{{0}} > {literal(asked.young_after)}"
    old = "FALSE" if asked.old_until is None else f"{{0}} <= {literal(asked.old_until)}"
    side = f"CASE WHEN {young} THEN -1 WHEN {old} THEN 1 ELSE 0 END"
    oldest, youngest = (
        side.format("birth_first"),
        side.format(f"(CASE WHEN birth_last < {day} THEN birth_last ELSE {day} END)"),
    )
    none = f"(birth_text IN ({names(asked.placeholders)}) OR {no_date('birth_text')})"
    return f"""CASE WHEN birth_first IS NULL OR birth_first > {day} THEN {cell(Reason.NO_DATA)}
        WHEN {none} OR birth_last <= {literal(asked.impossible_until)} THEN {cell(Reason.IMPLAUSIBLE)}
        WHEN {oldest} <> {youngest} THEN {cell(Reason.IMPRECISE_DATE)}
        WHEN {oldest} = 0 THEN {cell(Reason.AGE_WITHIN)}
        ELSE {cell(Reason.AGE_OUTSIDE)} END"""


def of_person(asked: OfPerson, day: str) -> str:
    """The cell of what the row of the patient says."""
    match asked:
        case Born():
            return born(asked, day)
        case OfSex():
            return _of_sex(asked)
        case LivesIn():
            return _lives_in(asked)
        case Speaks():
            spoken = " OR ".join(f"LIST_CONTAINS(languages, {literal(each)})" for each in sorted(asked.languages))
            return f"""CASE WHEN LEN(languages) = 0 THEN {cell(Reason.NO_DATA)} WHEN {spoken}
                THEN {cell(Reason.RECORDED)} ELSE {cell(Reason.NEEDS_REVIEW)} END"""
        case Married():
            told = " ".join(f"WHEN '{status}' THEN {cell(reason)}" for status, reason in asked.reasons.items())
            return f"CASE marital {told} ELSE {cell(Reason.NO_DATA)} END"


def _lives_in(asked: LivesIn) -> str:
    """The cell of a home: another place of any sort decides, else one that it doesn't say."""
    others, unsaid = [], []
    for sort, places in asked.places.items():
        if sort == "postal_code":
            code = f"REPLACE({sort}, ' ', '')"
            begun = [each.replace(" ", "") for each in sorted(places)]
            same = " OR ".join(f"SUBSTRING({code}, 1, {len(each)}) = {literal(each)}" for each in begun)
            others.append(f"NOT ({same})")
            unsaid.append(f"{sort} IS NULL")
            continue
        same = f"COALESCE({sort} IN ({names(places)}), FALSE)"
        unsaid.append(f"NOT {same}")
        if sort == "country" and asked.code_length:
            coded = f"LENGTH({sort}) = {asked.code_length} AND TRANSLATE({sort}, '{ascii_lowercase}', '') = ''"
            others.append(f"NOT {same} AND {coded}")
    another = f"WHEN {' OR '.join(others)} THEN {cell(Reason.VALUE_FAILS)}" if others else ""
    return f"""CASE WHEN homes IS NULL THEN {cell(Reason.VALUE_NOT_COMPARABLE)}
        WHEN homes = 0 THEN {cell(Reason.NO_DATA)}
        WHEN homes = 2 THEN {UNDECIDED} {another} WHEN {" OR ".join(unsaid)} THEN {cell(Reason.NEEDS_REVIEW)}
        ELSE {cell(Reason.RECORDED)} END"""


def _of_sex(asked: OfSex) -> str:
    """The cell of a sex."""
    known = "COALESCE(NULLIF(clinical_sex, ''), gender)"
    return f"""CASE WHEN {known} IS NULL OR {known} NOT IN ('female', 'male') THEN {cell(Reason.NO_DATA)}
        WHEN {known} = {literal(asked.sex)} THEN {cell(Reason.SEX_MATCHES)}
        ELSE {cell(Reason.SEX_DIFFERS)} END"""


def consented(leaves: Mapping[int, Consented], now: str) -> Iterator[str]:
    """The cells of consents: `consenting`; the latest word decides, and words of one time must agree."""
    named = [(leaf, name) for leaf, each in leaves.items() for name in sorted(each.names)]
    yield rows("consent_name", (("leaf", "INTEGER"), ("name", "VARCHAR")), named)
    yield """consent_about AS (
    SELECT DISTINCT n.leaf, u.patient, u.fact FROM (
        SELECT patient, fact, REGEXP_REPLACE(SPLIT_PART(study, '|', 1), '/+$', '') AS plain
        FROM (SELECT patient, fact, UNNEST(studies) AS study FROM consents)) u
    JOIN consent_name n ON n.name = u.plain OR n.name = REGEXP_EXTRACT(u.plain, '[^/]*$', 0))"""
    yield f"""consent_word AS (
    SELECT leaf, patient, signed_start, signed_end, CASE
        WHEN signed_start > {now} OR start_start > {now} OR status IN ({names(NO_WORD)}) THEN NULL
        WHEN NOT readable OR status = 'inactive' OR end_end <= {now} THEN {cell(Reason.AWAITS_CONSENT)}
        WHEN status = 'rejected' OR denied THEN {cell(Reason.CONSENT_REFUSED)}
        ELSE {cell(Reason.CONSENTED)} END AS code
    FROM (SELECT a.leaf, c.*, BOOL_OR(c.specific) OVER (PARTITION BY a.leaf, c.patient, c.resource) AS has_specific
        FROM consents c JOIN consent_about a ON a.patient = c.patient AND a.fact = c.fact)
    WHERE specific OR NOT has_specific)"""
    both = ", ".join(str(cell(each)) for each in (Reason.CONSENTED, Reason.CONSENT_REFUSED))
    yield f"""consenting AS (
    SELECT w.leaf, w.patient, CASE
        WHEN COUNT(DISTINCT code) FILTER (WHERE code IN ({both})) = 2 THEN {cell(Reason.CONFLICTING)}
        WHEN COUNT(DISTINCT code) = 1 THEN MIN(code) ELSE {cell(Reason.AWAITS_CONSENT)} END AS code
    FROM consent_word w JOIN (SELECT leaf, patient, MAX(signed_start) AS newest FROM consent_word
        WHERE code IS NOT NULL GROUP BY leaf, patient) n ON n.leaf = w.leaf AND n.patient = w.patient
    WHERE code IS NOT NULL AND (signed_start IS NULL OR newest IS NULL OR signed_end >= newest)
    GROUP BY w.leaf, w.patient)"""


def exempt(asked: Exempt, place: int, by: set[int], now: str, day: str) -> Iterator[str]:
    """Whom statements that are bound to sex don't concern: `exempted` with its place.

    `by`: codings of the operations.
    """
    young = "FALSE" if asked.young_after is None else f"birth_first > {literal(asked.young_after)}"
    old = "FALSE" if asked.old_until is None else f"birth_last <= {literal(asked.old_until)}"
    yield f"""operated{place} AS (
    SELECT patient FROM exposures WHERE coded IN ({numbers(by)}) AND list <> 'not-taken' AND NOT ordered AND NOT open
        AND {_over("end", "start", asked, now)}
    UNION SELECT patient FROM conditions WHERE coded IN ({numbers(by)}) AND verification = 'confirmed'
        AND {_over("onset", "recorded", asked, now)})"""
    male = """COALESCE(NULLIF(gender, 'unknown'), birth_sex, clinical_sex) = 'male'
        AND COALESCE(NULLIF(gender, 'unknown'), 'male') = 'male' AND COALESCE(birth_sex, 'male') = 'male'
        AND COALESCE(clinical_sex, 'male') = 'male'"""
    yield f"""exempted{place} AS (
    SELECT patient, {cell(Reason.NOT_APPLICABLE)} AS code FROM patients
    WHERE ({male}) OR (birth_first <= {day} AND ({young} OR {old}))
        OR patient IN (SELECT patient FROM operated{place}))"""


def unless_exempt(exempted: str, pregnant: str, said: str) -> str:
    """The cell of a leaf beside its exemption: of who is pregnant all the same, what is said contradicts that."""
    return f"""CASE WHEN {exempted} IS NULL THEN {said} WHEN {pregnant} = {UNDECIDED} THEN {UNDECIDED}
        WHEN {pregnant} // {UNIT} <> {_MET} THEN {exempted}
        WHEN {said} // {UNIT} = {_MET} THEN {cell(Reason.CONFLICTING)} ELSE {said} END"""


def _over(first: str, second: str, asked: Exempt, now: str) -> str:
    """Whether an operation has been; where what is asked may outlast it, long enough ago."""
    start = f"COALESCE({first}_start, {second}_start)"
    if asked.before is None:
        return f"({start} IS NULL OR {start} <= {now})"
    return f"{start} <= {now} AND COALESCE({first}_last, {second}_last) < {literal(asked.before)}"
