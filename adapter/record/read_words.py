"""What words of a resource name: those of a result, a report, a note, or beside a code that is something else.

Words name as codes do (CONFORMANCE: Mentions): they prove nothing, and keep a negative from being believed.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from adapter.criteria.named import RELAPSE, Named, named_in
from adapter.criteria.terminology import Membership, Terminology, kept
from adapter.criteria.told import told as told_of
from adapter.criteria.value_set import Coding
from adapter.record.certainty import turns
from adapter.record.facts import CLOSED, ObservationFact, Source
from adapter.record.listed import CarePlan, ClinicalImpression, DiagnosticReport, Immunization
from adapter.record.read_condition import names_no_end
from adapter.record.read_exposure import dosages_of
from adapter.record.read_observation import attested, has_value, measured, score
from adapter.record.resources import (
    CodeableConcept,
    Condition,
    Drug,
    Measured,
    Narrative,
    Observation,
    Procedure,
)
from adapter.record.values import NOTHING, all_said, codes, note_texts, quantity_text, title, value_sets
from adapter.record.when import When

Naming = tuple[str, CodeableConcept | None]
"""An element, and the concept that stands in it."""

DRUGS = ("MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement")

Found = tuple[str, tuple[Coding, ...], frozenset[str], str]
"""An element, the codes that stand in it, the concepts that it names, and what a person reads."""


Told = tuple[str, ObservationFact]
"""An analyte, and what a sentence says of it."""

Text = tuple[str, str]
"""An element, and the text that stands in it."""

ORDERED, DRUG = "code", "medication"
"""What a request orders, a plan plans or a flag says; what a drug is called."""

_narrative = msgspec.json.Decoder(Narrative)


def written(
    type_: str,
    resource: Any,  # noqa: ANN401  # any of the types
    called: Iterable[tuple[str, CodeableConcept]],
    terminology: Terminology,
) -> Iterator[Found]:
    """What words of a resource name: its own, and what its elements are `called` where no code beside them says it."""
    own = _TEXTS.get(type_)
    about = title(resource.code) if type_ in _ABOUT else ""
    for element, text in own(resource, terminology) if own is not None else ():
        for each in named_in(text, terminology, about):
            concepts = _of_its_own(type_, element, resource, each, terminology)
            if concepts:
                yield element, (), concepts, _short(each.shown)
    for element, concept in called:
        coded = terminology.named_by(codes(concept))
        ordered = element == ORDERED and type_ not in {"Flag", "Procedure"}
        diseases = _diseases(terminology) if ordered or element == DRUG else NOTHING
        if not (text := _words(concept, terminology)) or (coded and not (ordered and coded - diseases)):
            continue
        named = named_in(text, terminology)
        # an order is called by what it looks for, unless it is for a treatment; a drug by what it is against
        treats = ordered and any(concepts - diseases for concepts in (coded, *(each.concepts for each in named)))
        local = _systemic(terminology) if element == DRUG and terminology.writing.acts_locally(text) else NOTHING
        for each in named:
            if what := each.concepts - coded - diseases - local:
                yield element, (), what, _short(each.shown)
            if treats and (why := each.concepts & diseases):
                yield "reasonCode", (), why, _short(each.shown)


def _systemic(terminology: Terminology) -> frozenset[str]:
    """The concepts of drugs that act in the whole body."""
    known: frozenset[str] | None = terminology.memos.get("systemic")
    if known is None:
        systemic = (id_ for id_, each in terminology.catalogue.exposures.items() if each.systemic_class)
        known = terminology.memos["systemic"] = frozenset(systemic)
    return known


def _diseases(terminology: Terminology) -> frozenset[str]:
    known: frozenset[str] | None = terminology.memos.get("diseases")
    if known is None:
        known = terminology.memos["diseases"] = frozenset((*terminology.catalogue.conditions, RELAPSE))
    return known


def told(
    type_: str,
    resource: Any,  # noqa: ANN401  # any of the types
    source: Source,
    when: Callable[[], When | None],
    terminology: Terminology,
) -> Iterator[Told]:
    """The numbers that sentences of a result, a report or a diagnosis tell of analytes, and codes of the latter.

    They are never final, whatever the status.

    Beside a result of the analyte itself its own words say nothing more.
    """
    if type_ not in _TELLING:
        return
    own = value_sets(resource.code, terminology) or NOTHING
    if isinstance(resource, Condition):
        refuted = _REFUTED.intersection(_statuses(resource.verificationStatus))
        if refuted or _is_over(resource, terminology) or turns(title(resource.code), terminology):
            return
        if (number := score(resource.code, terminology)) is not None:
            shown = title(resource.code, terminology)
            for analyte in (name.removesuffix(_ANSWERS) for name in own if name.endswith(_ANSWERS)):
                yield analyte, ObservationFact(source, "code", shown, "preliminary", when(), answer=number)
    for element, text in _TEXTS[type_](resource, terminology):
        for analyte, said in told_of(text, title(resource.code), terminology):
            if analyte not in own:
                shown, time = _short(text), when()
                yield analyte, ObservationFact(source, element, shown, "preliminary", time, string=said)


def is_silent(resource: object, terminology: Terminology) -> bool:
    """Whether a resource is a diagnosis whose words name and tell nothing beside it; found once for a concept.

    Of one without a note: what else it says (that it is over, or refuted) only takes away from what its words say.
    """
    if not isinstance(resource, Condition) or resource.code is None or resource.note:
        return False
    concept = resource.code
    known: dict[tuple[str | None, ...], bool] = terminology.memos.setdefault("silent", {})
    said = all_said(concept)
    found = known.get(said)
    if found is None:
        bare, source = Condition(code=concept), Source("", None)
        named = any(True for _ in written("Condition", bare, (), terminology))
        silent = not named and not any(True for _ in told("Condition", bare, source, lambda: None, terminology))
        found = kept(known, said, silent, *said)
    return found


_TELLING = frozenset({"Observation", "DiagnosticReport", "Condition"})
_ANSWERS = "-answers"
"""How the value sets end whose codes are the answers of a score: a diagnosis may say one (NYHA IV by ICD-10-GM)."""


def _words_of_observation(observation: Observation, terminology: Terminology) -> Iterator[Text]:
    """What is said as a result: of a code of no value set after its name ("GVHD: grade II", "GVHD: none").

    A result that the table of findings knows is a test's, and says nothing by itself. An attestation has its own place.
    """
    if attested(observation.code) is not None:
        return
    for part, _, sets in measured(observation, terminology):
        value = _value_in_words(part, terminology)
        if not sets and has_value(part):
            name, value = title(part.code), _BELOW if _is_below(value) else value
            yield ("valueString" if value else "code"), (f"{name}: {value}" if value else name)
        elif sets and value and terminology.writing.finding(value) is None:
            yield "valueString", value
    for note in observation.note:
        yield "note", note.text or ""


def _is_below(value: str) -> bool:
    """Whether it says only that there is less than can be measured: "<0.01 %"; of a share, no more than 1 %."""
    found = _LESS.fullmatch(value.strip())
    return found is not None and (found[2] is None or float(found[1].replace(",", ".")) <= 1)


_LESS = re.compile(r"<\s*(\d+(?:[.,]\d+)?)[^\d%]*(?:(%).*|\D.*)?", re.DOTALL)


_BELOW = "not detected"
_FINDINGS = (("positive", "result-positive"), ("negative", "result-negative"))


def _value_in_words(part: Measured, terminology: Terminology) -> str:
    """A value as a sentence has it behind its name: of a denial `no`, of what was only asserted nothing."""
    if part.valueString is not None:
        return part.valueString
    if part.valueCodeableConcept is not None:
        sets = value_sets(part.valueCodeableConcept, terminology) or ()
        said = [word for word, name in _FINDINGS if name in sets]
        return said[0] if said else title(part.valueCodeableConcept, terminology)
    if part.valueBoolean is not None:
        return "yes" if part.valueBoolean else "no"
    if part.valueInteger:
        return str(part.valueInteger, "utf-8", "replace")
    if part.valueQuantity is not None:
        return quantity_text(part.valueQuantity)
    return "no" if part.dataAbsentReason is not None else ""  # not done, not known, not asked


def _words_of_condition(condition: Condition, _: Terminology) -> Iterator[Text]:
    """What stands beside a diagnosis that is not refuted."""
    if _REFUTED.intersection(_statuses(condition.verificationStatus)):
        return
    if condition.code is not None and (text := _own_text(condition.code)):
        yield "code", text
    yield from (("note", text) for text in note_texts(condition.note))


def _statuses(*concepts: CodeableConcept | None) -> Iterator[str]:
    return (coding.code or "" for concept in concepts if concept for coding in concept.coding)


def _is_over(condition: Condition, terminology: Terminology) -> bool:
    """Whether a diagnosis says nothing of today, unless that it came back."""
    return (
        any(
            getattr(condition, name) is not None
            for name in ("abatementDateTime", "abatementAge", "abatementPeriod", "abatementRange")
        )
        or not (condition.abatementString is None or names_no_end(condition.abatementString, terminology))
        or not CLOSED.isdisjoint(_statuses(condition.clinicalStatus))
    )


_REFUTED = frozenset({"refuted", "entered-in-error"})


def _words_of_report(report: DiagnosticReport, _: Terminology) -> Iterator[Text]:
    """Its conclusion, and its narrative as the lines and cells that people see."""
    if report.conclusion:
        yield "conclusion", report.conclusion
    if report.text:
        yield "text", html.unescape(_TAG.sub(_apart, _narrative.decode(report.text).div))


def _words_of_plan(plan: CarePlan, terminology: Terminology) -> Iterator[Text]:
    """What it is called, and what it says of itself; neither if it says to prevent."""
    for name, text in (("title", plan.title), ("description", plan.description)):
        if text and not terminology.writing.is_preventive(text):
            yield name, text


def _words_of_drug(drug: Drug, terminology: Terminology) -> Iterator[Text]:
    """Its notes, its dosages in words, and what it is called; none that says to prevent."""
    called = drug.medicationCodeableConcept
    text = called.text if called is not None else drug.medicationReference and drug.medicationReference.display
    if text and not terminology.writing.is_preventive(text):
        yield DRUG, text
    for each in dosages_of(drug):
        if each.text and not terminology.writing.is_preventive(each.text):
            yield "dosage", each.text
    yield from _words_of_note(drug, terminology)


def _words_of_note(resource: Drug | Procedure | Immunization, terminology: Terminology) -> Iterator[Text]:
    """Its notes; none that says to prevent."""
    for text in note_texts(resource.note):
        if not terminology.writing.is_preventive(text):
            yield "note", text


def _words_of_impression(impression: ClinicalImpression, _: Terminology) -> Iterator[Text]:
    """What it comes to, and what it says of why."""
    for text in (impression.description, impression.summary):
        if text:
            yield "summary", text


_TAG = re.compile(r"<(/?\s*+\w*+)[^<>]*+>")
_INLINE = frozenset({"b", "i", "em", "strong", "span", "a", "sub", "sup", "u", "font", "code"})


def _apart(tag: re.Match[str]) -> str:
    """What stands between the texts of two elements: of two cells a colon, of two lines a line's end."""
    name = tag[1].strip("/ ").casefold()
    if name in _INLINE:
        return ""
    return " : " if name in {"td", "th"} and not tag[1].startswith("/") else "\n" if name not in {"td", "th"} else " "


_TEXTS: Mapping[str, Callable[[Any, Terminology], Iterator[Text]]] = {
    "Observation": _words_of_observation,
    "Condition": _words_of_condition,
    "DiagnosticReport": _words_of_report,
    "CarePlan": _words_of_plan,
    "ClinicalImpression": _words_of_impression,
    **dict.fromkeys(("Procedure", "Immunization"), _words_of_note),
    **dict.fromkeys(DRUGS, _words_of_drug),
}
"""Where each resource type has words of its own, beside those of what it names."""

_ABOUT = frozenset({"Observation", "DiagnosticReport"})
"""Where the name says of what the words are: blasts in a report on the fluid of the brain are in that fluid."""


def _words(concept: CodeableConcept, terminology: Terminology) -> str:
    """What a concept is called: its text where that is not its code's own, the display of a code that nobody knows.

    Of a classification somebody has looked at every code.
    """
    if not value_sets(concept, terminology) and not any(terminology.classifies(each.system) for each in concept.coding):
        return title(concept)
    return _own_text(concept)


def _own_text(concept: CodeableConcept) -> str:
    """The text of a concept that is not only what one of its codes is called."""
    text = concept.text or ""
    return "" if text in {each.display for each in concept.coding} else text


def _of_its_own(
    type_: str,
    element: str,
    resource: Any,  # noqa: ANN401  # any of the types
    named: Named,
    terminology: Terminology,
) -> frozenset[str]:
    """The concepts that words name of a resource which its own code doesn't name.

    What a laboratory's test of its own is called may be a drug or an antibody, which it measures; what stands beside a
    drug names diseases only, and other drugs as it may.
    """
    catalogue = terminology.catalogue
    if type_ in DRUGS:  # a drug is called by what it is against, but for a word that says why: "bei GVHD"
        return named.concepts.intersection(catalogue.conditions) if element != DRUG or named.led else NOTHING
    if type_ == "Condition":
        said = codes(resource.code)
        more = named.beside(terminology.named_by(said))
        if _is_over(resource, terminology):
            more = more & {RELAPSE}
        if element != "code":
            return more
        return frozenset(  # one that nobody has classified keeps its own list open, and no list what tests deny
            each
            for each in more.difference(catalogue.substances)
            if each not in catalogue.conditions
            or not catalogue.conditions[each].absent
            or terminology.membership(each, said) is Membership.NOT
        )
    if (
        type_ == "Observation"
        and element != "note"
        and not named.called
        and value_sets(resource.code, terminology) is None
    ):
        return named.concepts.difference(catalogue.exposures)
    return named.concepts


def _short(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


_SHOWN = 120
"""Characters of a sentence that are shown."""
