"""Whether a code can be one of its system at all: by its form, and by its check digit where it has one.

LOINC: a number and a check digit modulo 10 (LOINC Users' Guide, appendix C). SNOMED CT: Verhoeff's check digit, and the
partition of concepts (SNOMED CT Technical Implementation Guide, SCTID). ICD-10, ATC, RxNorm and CVX: the form alone.
"""

import re
from collections.abc import Callable

from adapter.criteria.value_set import Coding, plain_code

_CM = re.compile(r"[A-Z]\d[0-9A-Z]{0,5}")
_ATC = re.compile(r"[A-Z](\d{2}([A-Z]([A-Z](\d{2})?)?)?)?")
_MULTIPLIED = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_CONCEPT_PARTITIONS = frozenset({"00", "10"})


_CHECKED = frozenset({"http://loinc.org", "http://snomed.info/sct"})
"""The systems whose codes end with a check digit."""


def misspelt(coding: Coding, *, beginning: bool = False) -> str | None:
    """What is wrong with a code, or with a beginning of codes; None if nothing that can be seen."""
    test = _TESTS.get(coding.system)
    if test is None:
        return None
    what, fits = test
    plain = plain_code(coding.system, coding.code)
    if (beginning and (what not in _WITH_BEGINNINGS or len(plain) == 1)) or fits(plain):
        return None
    why = "its check digit doesn't fit" if coding.system in _CHECKED else "it has another form"
    return f"{coding.code!r} is no code of {what}: {why}; look it up"


def _loinc(code: str) -> bool:
    number, dash, check = code.partition("-")
    if not (dash and number.isdecimal() and check.isdecimal() and len(check) == 1):
        return code.startswith(("LA", "LP", "LL", "LG", "MTHU"))  # answers, parts and lists have no such digit
    doubled = int(number[::-1][0::2]) * 2
    total = sum(int(digit) for digit in f"{doubled}{number[::-1][1::2]}")
    return (10 - total % 10) % 10 == int(check)


def _snomed(code: str) -> bool:
    if not code.isdecimal() or not 6 <= len(code) <= 18 or code[-3:-1] not in _CONCEPT_PARTITIONS:  # noqa: PLR2004
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_MULTIPLIED[check][int(_PERMUTED[place % 8][int(digit)])])
    return check == 0


def _form(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda code: pattern.fullmatch(code) is not None


_TESTS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "http://loinc.org": ("LOINC", _loinc),
    "http://snomed.info/sct": ("SNOMED CT", _snomed),
    "http://hl7.org/fhir/sid/icd-10": ("ICD-10", _form(_CM)),
    "http://hl7.org/fhir/sid/icd-10-cm": ("ICD-10-CM", _form(_CM)),
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": ("ICD-10-GM", _form(_CM)),
    "http://www.whocc.no/atc": ("ATC", _form(_ATC)),
    "http://www.nlm.nih.gov/research/umls/rxnorm": ("RxNorm", str.isdecimal),
    "http://hl7.org/fhir/sid/cvx": ("CVX", str.isdecimal),
}
_WITH_BEGINNINGS = frozenset({"ICD-10", "ICD-10-CM", "ICD-10-GM", "ATC"})
