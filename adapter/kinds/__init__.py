"""The kinds of criteria, one room each: what a statement says, what it reads, and how it is evaluated."""

from adapter.criteria.join import JOINS
from adapter.evaluator.kind import Kinds
from adapter.kinds.age import AGE
from adapter.kinds.allergy import ALLERGY
from adapter.kinds.change import CHANGE
from adapter.kinds.childbearing import CHILDBEARING
from adapter.kinds.condition.kind import CONDITION
from adapter.kinds.consent import CONSENT
from adapter.kinds.disease_course.kind import DISEASE_COURSE
from adapter.kinds.entries.kind import ENTRY_KINDS
from adapter.kinds.events.count import COUNT
from adapter.kinds.events.lines import LINES_OF_THERAPY
from adapter.kinds.events.linked import LINKED
from adapter.kinds.events.sequence import SEQUENCE
from adapter.kinds.exposure.kind import EXPOSURE
from adapter.kinds.judgement import CONTRAINDICATION, JUDGEMENT
from adapter.kinds.measurement.kind import MEASUREMENT
from adapter.kinds.person import LANGUAGE, MARITAL_STATUS, RESIDENCE, SEX
from adapter.kinds.variant.kind import VARIANT

KINDS: Kinds = (
    AGE,
    SEX,
    CONDITION,
    DISEASE_COURSE,
    MEASUREMENT,
    CHANGE,
    VARIANT,
    EXPOSURE,
    ALLERGY,
    *ENTRY_KINDS,
    RESIDENCE,
    LANGUAGE,
    MARITAL_STATUS,
    CHILDBEARING,
    SEQUENCE,
    LINKED,
    COUNT,
    LINES_OF_THERAPY,
    CONSENT,
    JUDGEMENT,
    CONTRAINDICATION,
    *JOINS,
)
"""Every kind, in the order in which a definition's form lists them."""
