"""How severe the reactions of an AllergyIntolerance were (CONFORMANCE: Exposure, allergy)."""

from adapter.criteria.terminology import Terminology
from adapter.criteria.written import plain
from adapter.record.facts import Severity
from adapter.record.resources import AllergyIntolerance, Reaction
from adapter.record.values import Trouble, title, union

_HIGH = "high"


def severity(allergy: AllergyIntolerance, terminology: Terminology, t: Trouble) -> Severity:
    """Severe if anything says so: criticality, or any reaction; not severe only if every reaction says so."""
    found = [_of(reaction, place, terminology, t) for place, reaction in enumerate(allergy.reaction)]
    if allergy.criticality == _HIGH or Severity.SEVERE in found:
        return Severity.SEVERE
    return Severity.NOT_SEVERE if found and Severity.OPEN not in found else Severity.OPEN


def _of(reaction: Reaction, place: int, terminology: Terminology, t: Trouble) -> Severity:
    writing = terminology.writing
    if "anaphylaxis" in union(reaction.manifestation, terminology) or any(
        plain(title(manifestation)) in writing.anaphylaxis for manifestation in reaction.manifestation
    ):
        return Severity.SEVERE
    if reaction.severity is None:
        return Severity.OPEN
    known = writing.severities.get(plain(reaction.severity))
    if known is None:
        t.report(f"reaction[{place}].severity", "not a code of severity; taken as not given")
        return Severity.OPEN
    return Severity(known)
