"""Consent -> facts (CONFORMANCE: Consent)."""

from collections.abc import Iterator
from dataclasses import dataclass

from adapter.criteria.terminology import Terminology
from adapter.record.certainty import is_called_donor, modified
from adapter.record.facts import ConsentFact, Source
from adapter.record.listed import Consent, Provision
from adapter.record.resources import CodeableConcept, Extension, Period, Reference
from adapter.record.values import IssueCollector, period, union

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_OPTED_IN = frozenset({"OPTIN", "OPTINR"})
_OPTED_OUT = frozenset({"OPTOUT", "OPTOUTE"})
_RESEARCH = frozenset(
    {
        "HRESCH",
        "BIORCH",
        "CLINTRCH",
        "CLINTRCHNPC",
        "CLINTRCHPC",
        "DSRCH",
        "POARCH",
        "PRECLINTRCH",
        "TRANSRCH",
    }
)
"""Purposes that are research (HL7 v3 ActReason, below HRESCH; terminology.hl7.org/CodeSystem-v3-ActReason.html)."""
STATUSES = frozenset({"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"})


def consent_facts(
    consent: Consent, source: Source, terminology: Terminology, t: IssueCollector
) -> Iterator[ConsentFact]:
    """The facts of a consent: its general rule, or the nested provisions that say it, and those for single studies.

    The root provision, or else policyRule, is the default; nested provisions are the exceptions to it (R4, Consent).
    Where they speak of research in general they are what was agreed, and a default of deny or none says nothing more.
    A consent that is neither for research nor names a study yields none.
    """
    concepts = consent.category if consent.scope is None else (consent.scope, *consent.category)
    research = "consent-research" in union(concepts, terminology)
    top = consent.provision or Provision()
    own = frozenset(_named(consent.extension)) | frozenset(_data(top))
    if not research and (consent.scope is not None or not own):
        return
    known = len(t.issues)
    theirs = modified(consent) or is_called_donor(consent.patient, terminology)
    verified = not theirs and all(each.verified is not False for each in consent.verification)
    when = t.when(consent.dateTime, "dateTime")

    def fact(rule: _Rule, path: str) -> ConsentFact:
        start, end = period(rule.period, t, path)
        readable = verified and rule.of_research and len(t.issues) == known
        status, denied = consent.status or "", rule.type == "deny"
        return ConsentFact(source, status, denied, rule.studies, rule.specific, readable, when, start, end)

    root = _Rule(top.type or _default(consent.policyRule), own, top.period, _of_research(top))
    nested = [rule for rule in _nested(top, root) if rule.of_research]
    if root.type == "permit" or all(rule.specific for rule in nested):
        yield fact(root, "provision.period")
    for rule in nested:
        yield fact(rule, "provision.provision.period")


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a provision says, with what it takes over from those around it."""

    type: str | None
    studies: frozenset[str]
    period: Period | None
    of_research: bool
    specific: bool = False


def _nested(provision: Provision, around: _Rule) -> Iterator[_Rule]:
    """The rules below a provision, at any depth, that have a type or name studies of their own."""
    for inner in provision.provision:
        named = frozenset(_data(inner))
        rule = _Rule(
            type=inner.type or around.type,
            studies=named or around.studies,
            period=inner.period or around.period,
            of_research=_of_research(inner),
            specific=bool(named) or around.specific,
        )
        if named or inner.type:
            yield rule
        yield from _nested(inner, rule)


def _default(rule: CodeableConcept | None) -> str | None:
    """What policyRule says where the root provision has no type."""
    codes = {coding.code for coding in rule.coding if coding.system == ACT_CODE} if rule else set()
    return "deny" if codes & _OPTED_OUT else "permit" if codes & _OPTED_IN else None


def _of_research(provision: Provision) -> bool:
    """Whether a provision may speak of research: it names no purpose, or a purpose that may be one."""
    return not provision.purpose or any(
        coding.system != ACT_REASON or coding.code in _RESEARCH for coding in provision.purpose
    )


def _data(provision: Provision) -> Iterator[str]:
    for item in provision.data:
        yield from _reference(item.reference)


def _named(extensions: tuple[Extension, ...]) -> Iterator[str]:
    for extension in extensions:
        yield from _reference(extension.valueReference)
        if extension.valueIdentifier and extension.valueIdentifier.value:
            yield extension.valueIdentifier.value
        yield from (text for text in (extension.valueCanonical, extension.valueUri) if text)
        yield from _named(extension.extension)


def _reference(reference: Reference | None) -> Iterator[str]:
    if reference is None:
        return
    if reference.reference:
        yield reference.reference.partition("/_history/")[0]
    if reference.identifier and reference.identifier.value:
        yield reference.identifier.value
