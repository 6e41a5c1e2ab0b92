"""Cells that say yes or no -> Conditions, drugs and procedures, allergies, consents."""

from adapter.criteria.terminology import CONCEPTS, Terminology
from adapter.criteria.written import plain
from adapter.fhir.canonicals import BASE
from adapter.fhir.elements import Json, string
from mappings.patient.sheet.columns import Beside, Datum
from mappings.patient.sheet.reading import RowReader
from mappings.patient.sheet.words import codes_of, is_procedure, words

_TERMS = "http://terminology.hl7.org/CodeSystem"
_SNOMED = "http://snomed.info/sct"
_SEVERITIES = {"severe": "24484000", "moderate": "6736007", "mild": "255604002"}
_CLOSED = frozenset({"inactive", "remission", "resolved"})
STUDY_OF_CONSENT = "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext"
STUDIES = f"{BASE}/NamingSystem/study"
"""System of the identifiers by which a consent names its study: the study's id."""


def condition(code: Json, text: str, datum: Datum, row: RowReader) -> tuple[str, Json] | None:
    """The elements of a Condition: yes (active), no (refuted), or a word of its course.

    It began when its own column says, if any does; the row's date is when it was recorded. What can't be read is
    rejected, and stands as unconfirmed: with nothing in its place a policy could take it as absent.
    """
    key = plain(text)
    answer = words().answers.get(key)
    word = words().condition.get(key, {True: "active", False: "refuted"}.get(answer) if answer is not None else None)
    if word is None:
        row.reject(datum.position, f"not one of yes, no, {', '.join(dict.fromkeys(words().condition.values()))}")
        word = "unconfirmed"
    until = row.date(datum.beside.get(Beside.UNTIL))
    if until is None and row.beside(datum, Beside.UNTIL) is not None:
        word = "unconfirmed"  # without its end it would say that it goes on
    elif until is not None and word == "active":
        word = "resolved"
    elif until is not None and word not in _CLOSED:
        row.reject(datum.beside[Beside.UNTIL], f"an end has no meaning beside {word!r}; write resolved or remission")
        word, until = "unconfirmed", None
    verification = word if word in {"refuted", "unconfirmed"} else "confirmed"
    elements: Json = {
        "clinicalStatus": None if verification != "confirmed" else _term("condition-clinical", word),
        "verificationStatus": _term("condition-ver-status", verification),
        "code": code,
        "severity": _severity(datum, row),
        "onsetDateTime": row.date(datum.beside.get(Beside.DATE)),
        "abatementDateTime": until,
        "recordedDate": row.row_date(),
    }
    return "Condition", elements


def exposure(datum: Datum, text: str, row: RowReader, terminology: Terminology) -> tuple[str, Json] | None:
    """The elements of a drug taken or a procedure done: a date, yes with its date beside it, ongoing, or no.

    The row's date says nothing of when it was: without a date of its own it is undated.
    """
    concept, key = datum.of, plain(text)
    answer, ongoing = words().answers.get(key), words().exposure.get(key) == "ongoing"
    dated = row.mapping.dates.read(text, row.zone)
    if answer is None and not ongoing and dated is None:
        row.reject(datum.position, "neither yes, no, ongoing nor a date in a stated form")
    start, until = dated or row.date(datum.beside.get(Beside.DATE)), row.date(datum.beside.get(Beside.UNTIL))
    unread = until is None and row.beside(datum, Beside.UNTIL) is not None
    when: Json = {"start": start, **({"end": until} if until else {})} if until or ongoing else {}
    when = {name: at for name, at in when.items() if at}
    code = coded(concept, terminology, terminology.catalogue.exposures[concept].title)
    if is_procedure(concept):
        performed: Json = {"performedPeriod": when} if when else {"performedDateTime": start}
        running = "unknown" if unread else "in-progress"
        status = "not-done" if answer is False else running if ongoing and until is None else "completed"
        return "Procedure", {"status": status, "code": code, **performed}
    route = _route(datum, row)
    effective: Json = {"effectivePeriod": when} if when else {"effectiveDateTime": start}
    status = "not-taken" if answer is False else "active" if ongoing and until is None else "completed"
    dosage = [{"route": route}] if route else None
    return "MedicationStatement", {"status": status, "medicationCodeableConcept": code, **effective, "dosage": dosage}


def allergy(datum: Datum, text: str, row: RowReader, terminology: Terminology) -> tuple[str, Json] | None:
    """The elements of an AllergyIntolerance: yes, no (refuted), or how severe the reaction was."""
    key = plain(text)
    answer, severity = words().answers.get(key), words().severity.get(key)
    if answer is None and severity is None:
        row.reject(datum.position, "neither yes, no, mild, moderate nor severe")
    refuted, unread = answer is False, answer is None and severity is None
    reaction = [{"manifestation": [{"text": f"{severity} reaction"}], "severity": severity}] if severity else None
    elements: Json = {
        "clinicalStatus": _term("allergyintolerance-clinical", "inactive" if refuted else "active"),
        "verificationStatus": _term(
            "allergyintolerance-verification", "refuted" if refuted else "unconfirmed" if unread else "confirmed"
        ),
        "code": coded(datum.of, terminology, terminology.catalogue.substances[datum.of].title),
        "reaction": reaction,
    }
    return "AllergyIntolerance", elements


def consent(datum: Datum, text: str, row: RowReader, given: str | None) -> tuple[str, Json] | None:
    """The elements of a Consent to a study, or of its refusal."""
    answer = words().answers.get(plain(text))
    if answer is None:
        row.reject(datum.position, "not yes or no")
        return None
    named = {"type": "ResearchStudy", "identifier": {"system": STUDIES, "value": datum.of}}
    elements: Json = {
        "extension": [{"url": STUDY_OF_CONSENT, "valueReference": named}],
        "status": "active",
        "scope": _term("consentscope", "research"),
        "category": [_term("consentscope", "research")],
        "dateTime": given,
        "policyRule": {"text": "as recorded in the screening sheet"},
        "provision": {"type": "permit" if answer else "deny"},
    }
    return "Consent", elements


def coded(concept: str, terminology: Terminology, title: str) -> Json:
    """A concept's codes, with its title."""
    codings = [
        {"system": c.system, "code": c.code, **({"display": title} if c.system == CONCEPTS else {})}
        for c in codes_of(concept, terminology)
    ]
    return {"coding": codings, "text": title}


def _severity(datum: Datum, row: RowReader) -> Json | None:
    """A severity; one that isn't known stays in its words, which leave it open."""
    text = row.beside(datum, Beside.SEVERITY)
    if text is None:
        return None
    severity = words().severity.get(plain(text))
    coding = [{"system": _SNOMED, "code": _SEVERITIES[severity]}] if severity else []
    return {**({"coding": coding} if coding else {}), "text": string(text)}


def _route(datum: Datum, row: RowReader) -> Json | None:
    """A route; one that isn't known stays in its words, which leave it open."""
    text = row.beside(datum, Beside.ROUTE)
    if text is None:
        return None
    code = words().route.get(plain(text))
    return {**({"coding": [{"system": _SNOMED, "code": code}]} if code else {}), "text": string(text)}


def _term(name: str, code: str) -> Json:
    return {"coding": [{"system": f"{_TERMS}/{name}", "code": code}]}
