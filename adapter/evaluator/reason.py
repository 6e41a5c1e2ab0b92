"""Why a criterion has the truth it has: a closed list (CONFORMANCE: Reasons)."""

from enum import StrEnum

from adapter.criteria.truth import Truth


class Reason(StrEnum):
    """One reason code a criterion result."""

    VALUE_SATISFIES = "value-satisfies"
    VALUE_FAILS = "value-fails"
    AGE_WITHIN = "age-within"
    AGE_OUTSIDE = "age-outside"
    SEX_MATCHES = "sex-matches"
    SEX_DIFFERS = "sex-differs"
    RECORDED = "recorded"
    REFUTED = "refuted"
    RESOLVED = "resolved"
    TEST_POSITIVE = "test-positive"
    TEST_NEGATIVE = "test-negative"
    EXPLICITLY_ABSENT = "explicitly-absent"
    CONSENTED = "consented"
    CONSENT_REFUSED = "consent-refused"
    ATTESTED = "attested"
    NOT_APPLICABLE = "not-applicable"
    ASSUMED_ABSENT = "assumed-absent"

    NO_DATA = "no-data"
    STALE = "stale"
    UNDATED = "undated"
    IMPRECISE_DATE = "imprecise-date"
    OUTSIDE_WINDOW = "outside-window"
    PRELIMINARY = "preliminary"
    CONFLICTING = "conflicting"
    UNCONFIRMED = "unconfirmed"
    UNMAPPED_CODE = "unmapped-code"
    UNIT_MISSING = "unit-missing"
    UNIT_INCOMPATIBLE = "unit-incompatible"
    VALUE_STRADDLES = "value-straddles"
    VALUE_NOT_COMPARABLE = "value-not-comparable"
    IMPLAUSIBLE = "implausible"
    REFERENCE_RANGE_MISSING = "reference-range-missing"
    ROUTE_MISSING = "route-missing"
    ORDERED_ONLY = "ordered-only"
    NEEDS_REVIEW = "needs-review"
    AWAITS_CONSENT = "awaits-consent"
    NEEDS_JUDGEMENT = "needs-judgement"
    NOT_QUANTIFIED = "not-quantified"
    NOT_PUBLISHED = "not-published"


TRUTHS = {
    **dict.fromkeys(Reason, Truth.UNKNOWN),
    **dict.fromkeys(
        (
            Reason.VALUE_SATISFIES,
            Reason.AGE_WITHIN,
            Reason.SEX_MATCHES,
            Reason.RECORDED,
            Reason.TEST_POSITIVE,
            Reason.CONSENTED,
        ),
        Truth.MET,
    ),
    **dict.fromkeys(
        (
            Reason.VALUE_FAILS,
            Reason.AGE_OUTSIDE,
            Reason.SEX_DIFFERS,
            Reason.REFUTED,
            Reason.RESOLVED,
            Reason.TEST_NEGATIVE,
            Reason.EXPLICITLY_ABSENT,
            Reason.CONSENT_REFUSED,
            Reason.NOT_APPLICABLE,
            Reason.ASSUMED_ABSENT,
        ),
        Truth.NOT_MET,
    ),
}
"""The truth that each reason of a leaf stands for; but for an attestation's, which has none of its own."""
del TRUTHS[Reason.ATTESTED]


def truth_of(reason: Reason) -> Truth:
    """The truth that a leaf's reason stands for; an attestation's truth is its own value, so it has none here."""
    try:
        return TRUTHS[reason]
    except KeyError:
        msg = "an attestation is met or not-met by its value"
        raise ValueError(msg) from None


NO_DATA = Reason.NO_DATA
"""By name, as truths are (`adapter.criteria.truth`)."""

AWAITS_PERSON = frozenset({Reason.NEEDS_JUDGEMENT, Reason.NOT_QUANTIFIED, Reason.AWAITS_CONSENT})
"""The reasons of an unknown that only a person can settle (CONFORMANCE: Decision)."""
