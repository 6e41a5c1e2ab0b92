"""Cells -> FHIR resources: values as Observations; yes or no as Conditions, drugs, procedures, allergies, consents."""

import re

from adapter.criteria.catalogue import Analyte, Positivity, Scale
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import CONCEPTS, Coding
from adapter.criteria.written import plain
from adapter.evaluator.attestation import SYSTEM as ATTESTATION
from adapter.fhir.elements import BASE, Json, string
from adapter.record.when import parse
from mappings.patient.sheet.columns import About, Beside, Datum, codes_of, is_procedure, is_state, words
from mappings.patient.sheet.reading import RowReader
from mappings.patient.values import FINDINGS, UNREAD, ComparedNumber, finding, quantity, read_measured

_TITRE = re.compile(r"1\s*:\s*(\d{1,6})", re.ASCII)


def observation(datum: Datum, text: str, row: RowReader, terminology: Terminology) -> Json:
    """The elements of the Observation that a cell is, without subject and time."""
    analyte = terminology.catalogue.analytes[datum.of] if datum.about is About.ANALYTE else None
    value = _value(datum, analyte, text, row, terminology)
    code: Json = {"coding": _codes(datum, analyte, value, terminology), "text": _title(datum, analyte)}
    ranges = _reference_range(datum, value, row)
    return {"status": "final", "code": code, **value, "referenceRange": [ranges] if ranges else None}


def attestation(datum: Datum, text: str, performer: str | None, row: RowReader) -> Json | None:
    """The elements of an attestation: what a named person says of a criterion's statement."""
    answer = words().answers.get(plain(text))
    if answer is None:
        row.reject(datum.position, "not yes or no; write what the person says of the criterion's statement")
        return None
    if performer is None:
        row.reject(datum.position, "nobody is named; write who says so in the column Performer, or beside this one")
        return None
    return {
        "status": "final",
        "code": {"coding": [{"system": ATTESTATION, "code": datum.of}]},
        "performer": [{"display": string(performer)}],
        "valueBoolean": answer,
    }


_THOUSANDS = "thousands, or three decimals: its point may part either; say it in a mapping file (`decimal`)"


def _value(datum: Datum, analyte: Analyte | None, text: str, row: RowReader, terminology: Terminology) -> Json:
    reading, unit = _reading(datum, analyte, text, row, terminology)
    if reading is not None:
        if analyte is not None and analyte.scale is Scale.SCORE:
            return _score(reading)
        kind = None if analyte is None else analyte.kind
        return {"valueQuantity": quantity(reading, unit, terminology, kind=kind)}
    mark = row.mark(datum.position, text)
    if mark is None:
        row.reject(datum.position, _THOUSANDS)
        return _unread(text)
    if analyte is None and any(row.number_in(datum.position, text, each) for each in ".,"):
        row.reject(datum.position, f"a number, but not with the decimal mark {mark!r}; correct it")
        return _unread(text)
    if analyte is None:
        found = finding(text, terminology)
        return {"valueCodeableConcept": found} if found else {"valueString": string(text) or UNREAD}
    found = _finding(analyte, text, terminology)
    if found is None:
        row.reject(datum.position, _expected(analyte, mark))
    return found or _unread(text)


def _reading(
    datum: Datum, analyte: Analyte | None, text: str, row: RowReader, terminology: Terminology
) -> tuple[ComparedNumber | None, str | None]:
    """The number of a cell and its unit: the cell's own, else that of the column beside it, else the header's."""
    if analyte is not None and analyte.scale is Scale.SCORE:
        text = words().score.get(plain(text), text)
    mark = row.mark(datum.position, text)
    reading, unit = (None if mark is None else read_measured(text, terminology, mark)) or (None, None)
    return reading, unit or row.beside(datum, Beside.UNIT) or datum.unit


def _unread(text: str) -> Json:
    """A value that can't be read: it stands in its words, so that an older one doesn't take its place."""
    return {"valueString": f"{UNREAD}: {string(text) or ''}".rstrip(": ")}


def _score(reading: ComparedNumber) -> Json:
    if reading.comparator is None and reading.value == reading.value.to_integral_value():
        return {"valueInteger": int(reading.value)}
    value = {"value": reading.value, "system": "http://unitsofmeasure.org", "code": "{score}", "unit": "{score}"}
    return {"valueQuantity": {**value, **({"comparator": reading.comparator} if reading.comparator else {})}}


def _finding(analyte: Analyte, text: str, terminology: Terminology) -> Json | None:
    """A qualitative result, where the analyte may have one."""
    if analyte.scale is not Scale.FINDING and analyte.positivity is Positivity.NEVER:
        return None
    found = finding(text, terminology)
    if found is not None:
        return {"valueCodeableConcept": found}
    answer = words().answers.get(plain(text))
    if answer is not None and is_state(analyte.id):
        coding = FINDINGS["positive" if answer else "negative"]
        return {"valueCodeableConcept": {"coding": [_coding(coding)], "text": text}}
    titre = _TITRE.fullmatch(text)
    if titre is not None and analyte.scale is Scale.FINDING:
        return {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": int(titre[1])}}}
    return None


def _expected(analyte: Analyte, mark: str) -> str:
    if analyte.scale is Scale.FINDING:
        return "not a qualitative result that is known for certain; write positive or negative"
    if analyte.positivity is not Positivity.NEVER:
        return f"neither a number ({analyte.unit}) nor positive or negative; correct it"
    if analyte.scale is Scale.SCORE:
        return "not a number; write the score"
    return f"not a number with the decimal mark {mark!r}; correct it, or write < or > before it"


def _codes(datum: Datum, analyte: Analyte | None, value: Json, terminology: Terminology) -> list[Json]:
    if analyte is None:
        return [{"system": datum.system, "code": datum.of}]
    unit = value.get("valueQuantity", {}).get("code", "")
    codes = codes_of(analyte.id, terminology, molar="mol/" in unit)
    return [_coding(coding, analyte.title) for coding in codes]


def _coding(coding: Coding, title: str = "") -> Json:
    display = title if coding.system == CONCEPTS else coding.display
    return {"system": coding.system, "code": coding.code, **({"display": display} if display else {})}


def _title(datum: Datum, analyte: Analyte | None) -> str | None:
    return analyte.title if analyte is not None else string(datum.header)


def _reference_range(datum: Datum, value: Json, row: RowReader) -> Json | None:
    """The limits of normal beside a quantity, in its unit."""
    measured = value.get("valueQuantity")
    limits: Json = {}
    for name, beside in (("low", Beside.LOWER_LIMIT), ("high", Beside.UPPER_LIMIT)):
        position = datum.beside.get(beside)
        text = row.text(position)
        if text is None or position is None:
            continue
        reading = row.number_in(position, text)
        if reading is None or reading.comparator is not None or measured is None:
            row.reject(position, "not a plain number beside a value; write the limit in the value's unit")
        else:
            limits[name] = reading.value
    upper = datum.beside.get(Beside.UPPER_LIMIT)
    if upper is not None and "high" in limits and limits["high"] <= limits.get("low", 0):
        row.reject(upper, "not above the lower limit, or zero; correct it")
        return None
    unit = {key: text for key, text in (measured or {}).items() if key in {"unit", "system", "code"}}
    return {name: {"value": limit, **unit} for name, limit in limits.items()} or None


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
    rejected, and stands as unconfirmed, as what nobody knows: with nothing in its place a policy could take it as
    absent.
    """
    key = plain(text)
    answer = words().answers.get(key)
    word = words().condition.get(key, {True: "active", False: "refuted"}.get(answer) if answer is not None else None)
    if word is None and row.is_open(text):
        word = "unconfirmed"
    elif word is None:
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
    recorded = row.row_date()
    elements: Json = {
        "clinicalStatus": None if verification != "confirmed" else _term("condition-clinical", word),
        "verificationStatus": _term("condition-ver-status", verification),
        "code": code,
        "severity": _severity(datum, row),
        "onsetDateTime": _began(datum, row, recorded),
        "abatementDateTime": until,
        "recordedDate": recorded,
    }
    return "Condition", elements


def _began(datum: Datum, row: RowReader, recorded: str | None) -> str | None:
    """When it began; a day after the one on which it was recorded is rejected, and no date stands in its place."""
    onset = row.date(datum.beside.get(Beside.DATE))
    if onset and recorded and parse(onset).first > parse(recorded).last:
        row.reject(datum.beside[Beside.DATE], f"later than the row's date, {recorded}; correct one of them")
        return None
    return onset


def exposure(datum: Datum, text: str, row: RowReader, terminology: Terminology) -> tuple[str, Json] | None:
    """The elements of a drug taken or a procedure done: a date, yes with its date beside it, ongoing, or no.

    The row's date says nothing of when it was: without a date of its own it is undated. What can't be read, and what
    nobody knows, is neither given nor not.
    """
    concept, key = datum.of, plain(text)
    answer, ongoing = words().answers.get(key), words().exposure.get(key) == "ongoing"
    dated = row.reading.date(text)
    is_said = answer is not None or ongoing or dated is not None
    if not is_said and not row.is_open(text):
        row.reject(datum.position, "neither yes, no, ongoing nor a date in a stated form")
    start, until = dated or row.date(datum.beside.get(Beside.DATE)), row.date(datum.beside.get(Beside.UNTIL))
    unread = until is None and row.beside(datum, Beside.UNTIL) is not None
    when: Json = {"start": start, **({"end": until} if until else {})} if until or ongoing else {}
    when = {name: at for name, at in when.items() if at}
    code = coded(concept, terminology, terminology.catalogue.exposures[concept].title)
    if is_procedure(concept):
        performed: Json = {"performedPeriod": when} if when else {"performedDateTime": start}
        running = "unknown" if unread else "in-progress"
        given = running if ongoing and until is None else "completed" if is_said else "unknown"
        status = "not-done" if answer is False else given
        return "Procedure", {"status": status, "code": code, **performed}
    route = _route(datum, row)
    effective: Json = {"effectivePeriod": when} if when else {"effectiveDateTime": start}
    taken = "active" if ongoing and until is None else "completed" if is_said else "unknown"
    status = "not-taken" if answer is False else taken
    dosage = [{"route": route}] if route else None
    return "MedicationStatement", {"status": status, "medicationCodeableConcept": code, **effective, "dosage": dosage}


def allergy(datum: Datum, text: str, row: RowReader, terminology: Terminology) -> tuple[str, Json] | None:
    """The elements of an AllergyIntolerance: yes, no (refuted), or how severe the reaction was."""
    key = plain(text)
    answer, severity = words().answers.get(key), words().severity.get(key)
    if answer is None and severity is None and not row.is_open(text):
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
