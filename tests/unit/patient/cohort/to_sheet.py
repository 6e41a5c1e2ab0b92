"""A patient's record as rows of a screening sheet: a row an entry, and what no cell can say."""

from dataclasses import dataclass, field

from adapter.criteria.catalogue import Scale
from adapter.criteria.terminology import Terminology
from mappings.patient.sheet.columns import codes_of, words
from tests.unit.patient.cohort.lost import (
    COUNT,
    NEVER,
    VALUES,
    Exporter,
    Json,
    Lost,
    code_in,
    dosages,
    drug_concepts,
    drug_time,
    known_by_name,
    measured,
    medications,
    sets_in,
    sets_of,
    sets_of_any,
    simple_range,
    time_of,
)

ATTESTATION = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"
Row = dict[str, str]


@dataclass(slots=True)
class SheetExport:
    """Rows by header, the columns that the mapping file names, and what was lost, by patient."""

    terminology: Terminology
    rows: list[Row] = field(default_factory=list)
    columns: dict[str, Json] = field(default_factory=dict)
    lost: dict[str, Lost] = field(default_factory=dict)

    def add(self, patient: str, bundle: Json) -> None:
        """Export one patient."""
        exported = _Patient(self, patient, self.lost.setdefault(patient, Lost()), medications(bundle))
        for entry in bundle["entry"]:
            exported.resource(entry["resource"])


@dataclass(slots=True)
class _Patient(Exporter):
    out: SheetExport
    id: str
    lost: Lost
    medications: dict[str, Json]

    def row(self, cells: dict[str, str | None]) -> None:
        self.out.rows.append({"Patient": self.id, **{name: text for name, text in cells.items() if text is not None}})

    def export_patient(self, patient: Json) -> None:
        if "extension" in patient:
            self.lost.add("sex-for-clinical-use", {"sex"})
        died = patient.get("deceasedDateTime") or {True: "yes", False: "no"}.get(patient.get("deceasedBoolean", ""))
        gender = patient.get("gender")
        if gender == "unknown":
            gender = None  # a blank says the same
        self.row({"Birth date": patient.get("birthDate"), "Sex": gender, "Died": died})

    def export_observation(self, resource: Json) -> None:
        code = code_in(resource["code"], "CodeSystem/attestation")
        if code is not None:
            self.attestation(code, resource)
            return
        for each in measured(resource):
            sets = sets_of(each["code"], self.out.terminology)
            if sets and each["status"] not in NEVER:
                self.value(each, sets)
            elif not sets:
                self.lost.add("words-without-a-code", known_by_name(each, self.out.terminology))

    def attestation(self, code: str, resource: Json) -> None:
        named = (resource.get("performer") or [{}])[0]
        performer = named.get("display") or named.get("reference")
        if performer is not None and resource["status"] in COUNT:
            answer = "yes" if resource["valueBoolean"] else "no"
            self.row({code: answer, "Date": time_of(resource), "Performer": performer})

    def value(self, observation: Json, sets: frozenset[str]) -> None:  # noqa: C901  # one branch a loss
        """A measured value, in its analyte's column if that says neither more nor less, else under its own code."""
        terminology, catalogue = self.out.terminology, self.out.terminology.catalogue
        if observation["status"] not in COUNT:
            self.lost.add("status-of-a-result", sets)
            return
        present = [name for name in VALUES if name in observation]
        if not present and "dataAbsentReason" in observation:
            return
        if observation.get("interpretation"):
            self.lost.add("interpretation", sets)
        analyte = next(
            (a for a in catalogue.analytes if sets == (sets_of(_written(a, terminology), terminology))), None
        )
        text, unit = _value(observation, present[0] if present else "", sets, terminology)
        if text is None:
            self.lost.add("other-values", sets)
            return
        name, row = catalogue.analytes[analyte].title if analyte else "", {"Date": time_of(observation)}
        if analyte is None:
            known = next(c for c in observation["code"]["coding"] if terminology.value_sets_of(c["system"], c["code"]))
            name = f"{known['system']} {known['code']}"
            self.out.columns[name] = {"local": known["code"], "system": known["system"]}
            if len(observation["code"]["coding"]) > 1:
                self.lost.add("several-codes", sets)
            for beside in ("unit", "lower limit", "upper limit"):
                self.out.columns[f"{name} {beside}"] = {"beside": beside, "of": name}
        limits = simple_range(observation)
        if observation.get("referenceRange") and limits is None:
            self.lost.add("reference-ranges", sets)
        for beside, end in (("lower limit", "low"), ("upper limit", "high")):
            if limits and end in limits:
                row[f"{name} {beside}"] = str(limits[end]["value"])
        self.row({name: text, f"{name} unit": unit, **row})

    def export_condition(self, condition: Json) -> None:
        verification = code_in(condition.get("verificationStatus"), "condition-ver-status")
        sets = sets_of(condition.get("code"), self.out.terminology)
        if verification in NEVER:
            return
        if not condition.get("code", {}).get("coding"):
            self.lost.add("words-without-a-code", {"Condition"})
            return
        sets = sets or frozenset()
        if code_in((condition.get("category") or [None])[0], "condition-category") == "encounter-diagnosis":
            self.lost.add("encounter-diagnosis", sets)
        if {"onsetAge", "onsetRange"} & condition.keys():
            self.lost.add("onset-as-an-age", sets)
        if "stage" in condition:
            self.lost.add("stage", sets)
        coding = max(condition["code"]["coding"], key=lambda c: len(sets_in(c, self.out.terminology)))
        if sets_in(coding, self.out.terminology) != sets:
            self.lost.add("several-codes", sets)
        name = coding.get("system", "")
        self.out.columns[name] = {"coded": "Condition", "system": name}
        for beside in ("date", "until", "status", "severity"):
            self.out.columns[f"{name} {beside}"] = {"beside": beside, "of": name}
        status = code_in(condition.get("clinicalStatus"), "condition-clinical")
        word = {"refuted": "no", None: None, "confirmed": None}.get(verification, "suspected")
        until = condition.get("abatementDateTime")
        onset = condition.get("onsetDateTime") or condition.get("onsetPeriod", {}).get("start")
        cells = {
            name: coding["code"],
            f"{name} status": word or ("resolved" if until and not status else status or "yes"),
        }
        if word is None:
            cells[f"{name} until"] = until if status not in {"active", "relapse", "recurrence"} else None
            if until and status in {"active", "relapse", "recurrence"}:
                self.lost.add("active-with-an-end", sets)
        severity = condition.get("severity", {}).get("text")
        self.row({**cells, f"{name} date": onset, f"{name} severity": severity, "Date": condition.get("recordedDate")})

    def concepts(self, drug: Json) -> list[Json]:
        return [drug["code"]] if drug["resourceType"] == "Procedure" else drug_concepts(drug, self.medications)

    def export_drug(self, drug: Json) -> None:
        if drug["resourceType"] == "MedicationRequest":
            self.lost.add("order", sets_of_any(self.concepts(drug), self.out.terminology))
        else:
            self.exposure(drug)

    def export_procedure(self, procedure: Json) -> None:
        self.exposure(procedure)

    def exposure(self, drug: Json) -> None:
        terminology, catalogue = self.out.terminology, self.out.terminology.catalogue
        sets = sets_of_any(self.concepts(drug), terminology)
        if not sets or drug["status"] in NEVER:
            return
        if "no-known-medications" in sets:
            self.lost.add("no-known", _absent(catalogue.exposures.values(), sets))
            return
        concept = next((c for c in catalogue.exposures if sets == sets_of(_written(c, terminology), terminology)), None)
        concept = concept or next((c for c in catalogue.exposures if c in sets), None)
        if concept is None:
            return  # no criterion asks for it
        if sets_of(_written(concept, terminology), terminology) != sets:
            self.lost.add("which-drug", sets)
        if drug["status"] in {"intended", "preparation", "on-hold", "stopped", "in-progress"}:
            self.lost.add("status-of-a-drug", sets)
        start, until, ongoing = drug_time(drug)
        performed = drug.get("performedPeriod", {})
        start, until = start or drug.get("performedDateTime") or performed.get("start"), until or performed.get("end")
        routes = [each["route"] for each in dosages(drug) if "route" in each]
        title = catalogue.exposures[concept].title
        self.row(
            {
                title: "ongoing" if ongoing else "yes",
                f"{title} date": start,
                f"{title} until": until,
                f"{title} route": _route(routes[0]) if routes else None,
            }
        )

    def export_allergyintolerance(self, allergy: Json) -> None:
        terminology, catalogue = self.out.terminology, self.out.terminology.catalogue
        sets = sets_of(allergy.get("code"), terminology)
        if sets is None:
            self.lost.add("words-without-a-code", {"AllergyIntolerance"})
        absent = _absent(catalogue.substances.values(), sets or frozenset())
        if absent:
            self.lost.add("no-known", absent)
        verification = code_in(allergy.get("verificationStatus"), "allergyintolerance-verification") or "confirmed"
        active = code_in(allergy.get("clinicalStatus"), "allergyintolerance-clinical") in {None, "active"}
        if verification not in {"confirmed", "refuted"} or not active or len(allergy.get("reaction", ())) > 1:
            self.lost.add("details-of-allergies", sets or ())
        severity = next((each.get("severity") for each in allergy.get("reaction", ())), None)
        for concept in (sets or frozenset()) & catalogue.substances.keys():
            said = "no" if verification == "refuted" else severity or "yes"
            self.row({f"Allergy to {catalogue.substances[concept].title.lower()}": said})

    def export_consent(self, consent: Json) -> None:
        named = [each["valueReference"] for each in consent.get("extension", ())]
        named += [each["reference"] for each in consent.get("provision", {}).get("data", ())]
        if not named or consent["status"] != "active":
            self.lost.add("other-consents", {"consent"})
        for each in named if consent["status"] == "active" else ():
            answer = "no" if consent["provision"]["type"] == "deny" else "yes"
            self.row({f"{each['reference'].partition('/')[2]} consent": answer, "Date": consent.get("dateTime")})


def _written(concept: str, terminology: Terminology) -> Json:
    """What a column of this concept is written with."""
    return {"coding": [{"system": c.system, "code": c.code} for c in codes_of(concept, terminology)]}


def _value(  # noqa: PLR0911  # one return a type of value
    observation: Json, name: str, sets: frozenset[str], terminology: Terminology
) -> tuple[str | None, str | None]:
    """A cell's text and its unit; no text for what no cell can say."""
    value = observation.get(name, {})
    match name:
        case "valueQuantity":
            unit = value.get("code") or value.get("unit")
            return f"{value.get('comparator', '')}{value['value']}", unit
        case "valueInteger":
            return str(value), None
        case "valueString":
            return (None if value.strip().casefold() in words().blanks else value), None
        case "valueCodeableConcept":
            answers = sets_of(value, terminology) or frozenset()
            scores = [terminology.ordinal(c.get("system"), c.get("code")) for c in value.get("coding", ())]
            scale = next((a.scale for id_, a in terminology.catalogue.analytes.items() if id_ in sets), None)
            if scale is Scale.SCORE and any(score is not None for score in scores):
                return str(next(score for score in scores if score is not None)), None
            for finding in ("positive", "negative"):
                if f"result-{finding}" in answers:
                    return finding, None
        case "valueRatio":
            return f"{value['numerator']['value']}:{value['denominator']['value']}", None
    return None, None


def _route(route: Json) -> str:
    """The word of a route."""
    code = code_in(route, "snomed.info/sct")
    return next((word for word, known in words().route.items() if known == code), str(route.get("text")))


def _absent(concepts: object, sets: frozenset[str]) -> set[str]:
    """The concepts that a "no known …" among the sets rules out."""
    return {each.id for each in concepts if set(each.absent) & sets}  # type: ignore[attr-defined]  # concepts of a catalogue
