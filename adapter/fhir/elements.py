"""What FHIR resources of ours are made of: valid elements, and the names of what is ours.

Text that came from outside -> FHIR elements that are valid, whatever it was.

The names of what is ours in FHIR: one base, below it our extensions, identifiers, canonicals and profiles.
"""

import re
from hashlib import sha256
from typing import Any

Json = dict[str, Any]

_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?", re.ASCII)
_URN = re.compile(r"urn:(?:uuid:[0-9a-f-]{36}|oid:[0-2](?:\.\d+)+)", re.ASCII)
_DATE_TIME = re.compile(
    r"(?!0000)\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])"
    r"(?:T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:0\d:[0-5]\d|1[0-3]:[0-5]\d|14:00)))?)?)?",
    re.ASCII,
)
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_ID_DIGITS = 40


def reference(text: str) -> Json:
    """A Reference to Type/id; to anything else (a place in the input) as words."""
    if _REFERENCE.fullmatch(text) or _URN.fullmatch(text):
        return {"reference": text}
    return {"display": string(text) or "without an id"}


def date_time(text: str | None) -> str | None:
    """The text if it is a FHIR dateTime of any precision."""
    return text if text is not None and _DATE_TIME.fullmatch(text) else None


def string(text: str) -> str | None:
    """The text as a FHIR string: without control characters, None if nothing is left."""
    plain = _FORBIDDEN.sub("", text) if not text.isprintable() else text
    return plain.strip() or None


def id_string(text: str) -> str | None:
    """The text of an id as a FHIR string; None for a text that can't be one as it stands.

    Without its control characters it would be somebody else's.
    """
    found = string(text)
    return found if found == text.strip() else None


def resource_id(*parts: str) -> str:
    """An id that the same parts always give: a letter and 40 hexadecimal digits.

    FHIR allows 64 characters; the letter is there because HAPI FHIR refuses ids of digits only.
    """
    return f"a{sha256('|'.join(parts).encode(errors='surrogatepass')).hexdigest()[:_ID_DIGITS]}"


BASE = "http://example.org/fhir-trial-adapter"
GUIDANCE = f"{BASE}/StructureDefinition/guidance"
"""Extension on ResearchSubject: the GuidanceResponse that its status stands on."""

PROPOSAL = f"{BASE}/StructureDefinition/proposal"
"""Extension on ResearchSubject: what the adapter proposes, also where a person has set another status."""

RESEARCH_SUBJECT = f"{BASE}/NamingSystem/research-subject"
"""System of the identifier that finds the ResearchSubject of a patient and a study again."""

BASED_ON = f"{BASE}/StructureDefinition/based-on-version"
"""Extension on ResearchSubject: the version that the adapter had read when it wrote; absent where it created it."""

SET_BY_PERSON = f"{BASE}/StructureDefinition/status-set-by-person"
"""Extension on ResearchSubject: its status is a person's, and stays; taken out, it is the adapter's again."""

STUDY = f"{BASE}/NamingSystem/study"
"""System of the identifier by which a server finds a study of ours again, whatever id it gave it."""

UCUM = "http://unitsofmeasure.org"

SHAREABLE = "http://hl7.org/fhir/StructureDefinition/shareable"
"""What HL7's profiles of value sets and code systems that go from site to site begin with."""


def conforms_to(*profiles: str) -> Json:
    """The meta of a resource that these profiles of ours describe (profiles/input/fsh)."""
    return {"profile": [f"{BASE}/StructureDefinition/{name}" for name in profiles]}


def value_set(concept: str) -> str:
    """The canonical of a concept's value set."""
    return f"{BASE}/ValueSet/{concept}"


def eligibility_plan(study: str, version: str) -> str:
    """The canonical of a study's eligibility criteria, with their version."""
    return f"{BASE}/PlanDefinition/{study}-eligibility|{version}"
