"""How certain a diagnosis is, where the source writes it behind the code.

Germany codes a suspected and an excluded diagnosis with the code of the diagnosis itself, and a letter: I48.0 V. What
has no field for it writes it behind the code, and there it would be no part of it. The evaluator reads the extension of
the coding (de.basisprofil.r4), so that is what becomes of the letter.
"""

import re
from collections.abc import Sequence

from adapter.fhir.elements import Json
from mappings.patient.converted import local_system

_URL = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
_LETTERS = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT"
_GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
_SYSTEMS = frozenset({_GM, "http://hl7.org/fhir/sid/icd-10"})
_CM = "http://hl7.org/fhir/sid/icd-10-cm"
_WITH_LETTER = re.compile(r"([A-Z]\d\d(?:\.?\d{1,2}|(?=\s)))(\s*)([-†*!+]?)(\s*)([GVAZ])", re.ASCII)
"""ICD-10-GM and WHO's end in digits and marks. ICD-10-CM's letters (S72.001A, C84.4A) are part of its codes."""


def with_certainty(coding: Json) -> Json:
    """The coding of a diagnosis, with the letter behind its code as what it says. A code of the source's own stays."""
    own = coding["system"].startswith(local_system())
    found = _WITH_LETTER.fullmatch(coding["code"].strip()) if own or coding["system"] in _SYSTEMS else None
    if found is None:
        return coding
    letter = _said(found, is_gm=coding["system"] == _GM)
    return {**coding, "code": coding["code"] if own else found[1] + found[3], "extension": [_letter(letter)]}


def as_certain_as(written: str, codings: Sequence[Json]) -> list[Json]:
    """The codings of a diagnosis, with the letter behind the code that the source has for it."""
    said = [with_certainty(each) for each in codings]
    found = _WITH_LETTER.fullmatch(written.strip())
    systems = {each["system"] for each in codings}
    if found is None or not said or (_CM in systems and _is_close(found)):
        return said
    return [{**said[0], "extension": [_letter(_said(found, is_gm=_GM in systems))]}, *said[1:]]


def _said(found: re.Match[str], *, is_gm: bool) -> str:
    """The letter; close behind a code that may be ICD-10-CM's (C84.4A, in remission) an A is sure of nothing."""
    return "V" if found[5] == "A" and _is_close(found) and not is_gm else found[5]


def _is_close(found: re.Match[str]) -> bool:
    return not (found[2] or found[3] or found[4])


def _letter(letter: str) -> Json:
    return {"url": _URL, "valueCoding": {"system": _LETTERS, "code": letter}}
