"""Consent -> facts (CONFORMANCE: Consent)."""

from collections.abc import Iterator

from adapter.criteria.terminology import Terminology
from adapter.record.facts import ConsentFact, Source
from adapter.record.resources import Consent, Extension, Provision, Reference
from adapter.record.values import Trouble, period, union

STATUSES = frozenset({"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"})


def consent_facts(consent: Consent, source: Source, terminology: Terminology, t: Trouble) -> Iterator[ConsentFact]:
    """A fact for the consent, and one for each nested provision that names studies of its own.

    A consent that is neither for research nor names a study yields none.
    """
    concepts = consent.category if consent.scope is None else (consent.scope, *consent.category)
    research = "consent-research" in union(concepts, terminology)
    studies = frozenset(_named(consent.extension))
    top = consent.provision or Provision()
    own = studies | frozenset(_data(top))
    if not research and (consent.scope is not None or not own):
        return
    known = len(t.issues)
    when = t.when(consent.dateTime, "dateTime")
    start, end = period(top.period, t, "provision.period")
    readable = len(t.issues) == known
    yield ConsentFact(source, consent.status or "", top.type == "deny", own, readable, when, start, end)
    for nested in _nested(top):
        named = frozenset(_data(nested))
        if named:
            start, end = period(nested.period or top.period, t, "provision.provision.period")
            denied = (nested.type or top.type) == "deny"
            readable = len(t.issues) == known
            yield ConsentFact(source, consent.status or "", denied, named, readable, when, start, end)


def _nested(provision: Provision) -> Iterator[Provision]:
    for inner in provision.provision:
        yield inner
        yield from _nested(inner)


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
