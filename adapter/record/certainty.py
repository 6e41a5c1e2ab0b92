"""How certain a German diagnosis is: what ICD-10-GM's extra letter says (CONFORMANCE: Conditions).

Germany codes an excluded and a suspected diagnosis with the code of the diagnosis itself, and says which it is in an
extension of the coding (de.basisprofil.r4, ICD-10-GM-Diagnosesicherheit). The letters are KBV's.
"""

import msgspec
from msgspec import Struct

from adapter.record.facts import Verification
from adapter.record.resources import CodeableConcept

CERTAINTIES = {"G": Verification.CONFIRMED, "V": Verification.UNCONFIRMED, "A": Verification.REFUTED}
"""Assured, suspected, excluded."""

STATE_AFTER = "Z"
"""What it was has passed, and leaves no symptoms."""

_URLS = frozenset(
    f"{scheme}://fhir.de/StructureDefinition/{name}"
    for scheme in ("http", "https")
    for name in ("icd-10-gm-diagnosesicherheit", "icd-10-gm/diagnosesicherheit")
)


class _Letter(Struct, frozen=True, gc=False):
    code: str | None = None


class _Extension(Struct, frozen=True, gc=False, rename="camel"):
    url: str | None = None
    value_coding: _Letter | None = None
    value_code: str | None = None


_extensions = msgspec.json.Decoder(tuple[_Extension, ...])


def certainty(concept: CodeableConcept | None) -> str | None:
    """The letter of a concept's coding; None if there is none, "" if it can't be read or several differ."""
    found: set[str] = set()
    for coding in concept.coding if concept else ():
        if not coding.extension:
            continue
        try:
            extensions = _extensions.decode(coding.extension)
        except msgspec.DecodeError:
            continue
        found |= {_letter(each) for each in extensions if each.url in _URLS}
    return None if not found else found.pop() if len(found) == 1 else ""


def _letter(extension: _Extension) -> str:
    coded = extension.value_coding.code if extension.value_coding else None
    return (coded or extension.value_code or "").strip()
