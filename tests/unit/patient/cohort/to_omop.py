"""A patient's record as rows of OMOP tables with their concepts, and what no table can say."""

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from adapter.criteria.terminology import Terminology
from mappings.patient.omop.vocabulary import tables
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

Row = dict[str, str | int | None]
_OPERATORS = {text: id_ for id_, text in tables().operators.items()}
_GENDERS = {text: id_ for id_, text in tables().genders.items()}
_SYSTEMS = {system: vocabulary for vocabulary, system in tables().vocabularies.items()}
_DRUGS = {"MedicationAdministration": "32818", "MedicationRequest": "32838", "MedicationDispense": "32825"}
_DAY = 10


@dataclass(slots=True)
class OmopExport:
    """Rows by table, the concepts that they name, and what was lost, by patient. `local`: codes without a concept."""

    terminology: Terminology
    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    concepts: dict[tuple[str, str], int] = field(default_factory=dict)
    local: set[tuple[str, str, str]] = field(default_factory=set)
    lost: dict[str, Lost] = field(default_factory=dict)

    def add(self, patient: str, bundle: Json) -> None:
        """Export one patient."""
        exported = _Patient(
            self, patient, len(self.lost) + 1, self.lost.setdefault(patient, Lost()), medications(bundle)
        )
        for entry in bundle["entry"]:
            exported.resource(entry["resource"])

    def concept(self, system: str, code: str) -> int:
        """The id of a code's concept."""
        return self.concepts.setdefault((_SYSTEMS.get(system, system), code), len(self.concepts) + 1000)

    def write(self, folder: Path) -> None:
        """Write the tables as CSV files."""
        concepts: list[Row] = [
            {"concept_id": id_, "concept_code": code, "vocabulary_id": vocabulary, "concept_name": code}
            for (vocabulary, code), id_ in self.concepts.items()
        ]
        status: Row = {
            "concept_id": 1,
            "concept_code": "p",
            "vocabulary_id": "x",
            "concept_name": "Preliminary diagnosis",
        }
        for name, rows in {**self.tables, "concept": [*concepts, status]}.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)


@dataclass(slots=True)
class _Patient(Exporter):
    out: OmopExport
    id: str
    person: int
    lost: Lost
    medications: dict[str, Json]

    def row(self, table: str, values: Row) -> None:
        rows = self.out.tables[table]
        rows.append({f"{table}_id": len(rows) + 1, "person_id": self.person, **values})

    def when(self, name: str, text: str | None, sets: frozenset[str]) -> Row:
        """A date or time; a month or a year is none in OMOP."""
        if text is not None and len(text) < _DAY:
            self.lost.add("partial-dates", sets)
            return {}
        return {
            f"{name}_date": text[:_DAY] if text else None,
            f"{name}_datetime": text if text and "T" in text else None,
        }

    def coded(self, name: str, table: str, concept: Json, sets: frozenset[str]) -> Row:
        """A concept in the standard and the source column; what OMOP has no vocabulary for is a word."""
        codings = sorted(concept.get("coding", ()), key=lambda c: -len(sets_in(c, self.out.terminology)))
        ids = [self.out.concept(c["system"], c["code"]) for c in codings if c["system"] in _SYSTEMS][:2]
        kept: frozenset[str] = frozenset().union(*(sets_in(c, self.out.terminology) for c in codings[:2]))
        own = next((c for c in codings if c["system"] not in _SYSTEMS and sets_in(c, self.out.terminology)), None)
        if own is not None:
            self.out.local.add((table, own["code"], own["system"]))
        elif not kept >= sets:
            self.lost.add("several-codes", sets)
        return {
            f"{name}_concept_id": ids[0] if ids else 0,
            f"{name}_source_concept_id": ids[1] if len(ids) > 1 else 0,
            f"{name}_source_value": own["code"]
            if own
            else concept.get("text") or (codings[0]["code"] if codings else None),
        }

    def export_consent(self, _consent: Json) -> None:
        self.lost.add("consents", {"consent"})

    def export_patient(self, patient: Json) -> None:
        if "extension" in patient:
            self.lost.add("sex-for-clinical-use", {"sex"})
        year, month, day = ([*patient.get("birthDate", "").split("-"), None, None])[:3]
        self.out.tables["person"].append(
            {
                "person_id": self.person,
                "gender_concept_id": _GENDERS.get(patient.get("gender", ""), "0"),
                "year_of_birth": year,
                "month_of_birth": month,
                "day_of_birth": day,
                "person_source_value": self.id,
            }
        )
        died = patient.get("deceasedDateTime")
        if died or patient.get("deceasedBoolean"):
            self.out.tables["death"].append({"person_id": self.person, "death_date": died[:_DAY] if died else None})

    def export_observation(self, resource: Json) -> None:
        code = code_in(resource["code"], "CodeSystem/attestation")
        if code is not None:
            self.lost.add("attestations", {code})
            return
        for each in measured(resource):
            sets = sets_of(each["code"], self.out.terminology)
            if sets and each["status"] not in NEVER:
                self.value(each, sets)
            elif not sets:
                self.lost.add("words-without-a-code", known_by_name(each, self.out.terminology))

    def value(self, observation: Json, sets: frozenset[str]) -> None:  # noqa: C901  # one branch a type of value
        if observation["status"] not in COUNT:
            self.lost.add("status-of-a-result", sets)
            return
        if observation.get("interpretation"):
            self.lost.add("interpretation", sets)
        name = next((each for each in VALUES if each in observation), None)
        value = observation.get(name or "", {})
        row: Row = {}
        match name:
            case "valueQuantity":
                has_code = value.get("system") == "http://unitsofmeasure.org"
                row |= {
                    "value_as_number": str(value["value"]),
                    "operator_concept_id": _OPERATORS[value.get("comparator", "=")],
                    "unit_concept_id": self.out.concept(value["system"], value["code"]) if has_code else 0,
                    "unit_source_value": value.get("unit"),
                }
            case "valueInteger":
                row["value_as_number"] = str(value)
            case "valueString":
                row["value_source_value"] = value
            case "valueCodeableConcept":
                known = next((c for c in value.get("coding", ()) if c["system"] in _SYSTEMS), None)
                row["value_as_concept_id"] = self.out.concept(known["system"], known["code"]) if known else None
                row["value_source_value"] = value.get("text")
                if len(value.get("coding", ())) > 1:
                    self.lost.add("several-codes", sets)
            case None:
                pass
            case _:
                self.lost.add("other-values", sets)
                return
        limits = simple_range(observation)
        if observation.get("referenceRange") and limits is None:
            self.lost.add("reference-ranges", sets)
        for end in ("low", "high"):
            row[f"range_{end}"] = str(limits[end]["value"]) if limits and end in limits else None
        when = self.when("measurement", time_of(observation), sets)
        if when:
            self.row(
                "measurement", {**self.coded("measurement", "measurement", observation["code"], sets), **when, **row}
            )

    def export_condition(self, condition: Json) -> None:
        verification = code_in(condition.get("verificationStatus"), "condition-ver-status")
        sets = sets_of(condition.get("code"), self.out.terminology) or frozenset()
        status = code_in(condition.get("clinicalStatus"), "condition-clinical")
        if verification in NEVER:
            return
        if sets & _no_conditions(self.out.terminology):
            self.lost.add("no-known", {"Condition", *self.out.terminology.catalogue.conditions})
            return
        if verification == "refuted":
            self.lost.add("refuted", sets)
            return
        end = condition.get("abatementDateTime")
        if (
            status not in {None, "active", "resolved"}
            or (status == "resolved" and not end)
            or (status == "active" and end)
        ):
            self.lost.add("clinical-status", sets)
        for reason, names in (("severity", {"severity"}), ("stage", {"stage"}), ("onset-as-an-age", {"onsetAge"})):
            if names & condition.keys():
                self.lost.add(reason, sets)
        start = condition.get("onsetDateTime") or condition.get("onsetPeriod", {}).get("start")
        if start is None:
            self.lost.add("recorded-only", sets)
        encounter = code_in((condition.get("category") or [None])[0], "condition-category") == "encounter-diagnosis"
        row = {
            "condition_type_concept_id": "32827" if encounter else "32840",
            "condition_status_concept_id": 1 if verification in {"unconfirmed", "provisional", "differential"} else 0,
        }
        dates = {**self.when("condition_start", start, sets), **self.when("condition_end", end, sets)}
        code = self.coded("condition", "condition_occurrence", condition.get("code", {}), sets)
        self.row("condition_occurrence", {**code, **dates, **row})

    def export_drug(self, drug: Json) -> None:
        terminology = self.out.terminology
        concepts = drug_concepts(drug, self.medications)
        sets = sets_of_any(concepts, terminology)
        if not sets or drug["status"] in NEVER:
            return
        if "no-known-medications" in sets:
            self.lost.add("no-known", set(terminology.catalogue.exposures))
            return
        start, until, ongoing = drug_time(drug)
        if ongoing:
            self.lost.add("ongoing", sets)
        if drug["status"] not in {"completed", "active"}:
            self.lost.add("status-of-a-drug", sets)
        routes = [each["route"] for each in dosages(drug) if "route" in each]
        route = routes[0]["coding"][0] if routes and "coding" in routes[0] else None
        if routes and route is None:
            self.lost.add("status-of-a-drug", sets)
        if "effectiveDateTime" in drug:
            until = start  # the table wants an end: of one day, it is that day
        name = "drug_exposure"
        begun = {
            **self.when(f"{name}_start", start or drug.get("authoredOn"), sets),
            **self.when(f"{name}_end", until, sets),
        }
        coded = max(concepts, key=lambda each: len(sets_of(each, terminology) or ()))
        row: Row = {
            "drug_type_concept_id": _DRUGS.get(drug["resourceType"], "0"),
            "route_concept_id": self.out.concept(route["system"], route["code"]) if route else 0,
        }
        self.row(name, {**self.coded("drug", name, coded, sets), **begun, **row})

    def export_procedure(self, procedure: Json) -> None:
        sets = sets_of(procedure["code"], self.out.terminology) or frozenset()
        if not sets or procedure["status"] in NEVER:
            return
        if procedure["status"] != "completed":
            self.lost.add("status-of-a-drug", sets)
        period = procedure.get("performedPeriod", {})
        start = procedure.get("performedDateTime") or period.get("start")
        dates = {**self.when("procedure", start, sets), **self.when("procedure_end", period.get("end"), sets)}
        code = self.coded("procedure", "procedure_occurrence", procedure["code"], sets)
        self.row("procedure_occurrence", {**code, **dates})

    def export_allergyintolerance(self, allergy: Json) -> None:
        sets = sets_of(allergy.get("code"), self.out.terminology)
        verification = code_in(allergy.get("verificationStatus"), "allergyintolerance-verification")
        if verification not in {None, "confirmed"} or {"criticality", "reaction"} & allergy.keys():
            self.lost.add("details-of-allergies", sets or ())
        coding = (allergy.get("code") or {}).get("coding", [])
        if not coding or coding[0]["system"] not in _SYSTEMS:
            self.lost.add("details-of-allergies", {"AllergyIntolerance", *self.out.terminology.catalogue.substances})
            return
        held = sets or frozenset()
        dates = self.when("observation", allergy.get("recordedDate"), held)
        self.row("observation", {**self.coded("observation", "observation", allergy["code"], held), **dates})


def _no_conditions(terminology: Terminology) -> frozenset[str]:
    return frozenset(name for each in terminology.catalogue.conditions.values() for name in each.absent)
