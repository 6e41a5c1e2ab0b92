"""A patient's record as HL7 v2.8 messages (an ADT^A04, an ORU^R01), and what no segment can say."""

from dataclasses import dataclass, field

from adapter.criteria.terminology import Terminology
from mappings.patient.hl7v2.tables import codes, system_names, table
from tests.unit.patient.cohort.lost import (
    Exporter,
    Json,
    Lost,
    code_in,
    drug_concepts,
    medications,
    sets_of,
    sets_of_any,
)

UCUM = "http://unitsofmeasure.org"
AUTHORITY = "HOSP"
IPS = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
_NAMES = {uri: name.upper() for name, uri in reversed(list(system_names().items()))} | {IPS: "IPS"}
_STATUS = {"final": "F", "corrected": "C", "amended": "A", "preliminary": "P", "registered": "I", "cancelled": "X"} | {
    "entered-in-error": "D"
}
_SEX = {"female": "F", "male": "M", "other": "O", "unknown": "U"}
_SEVERITY = {meant: code for code, meant in table("allergy-severity").items()}
_DIAGNOSIS = {None: "", "confirmed": "F", "provisional": "W", "entered-in-error": "F"}
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\", "\n": "\\.br\\"})


@dataclass(slots=True)
class Hl7v2Export:
    """The messages of all patients, and what was lost, by patient."""

    terminology: Terminology
    messages: list[str] = field(default_factory=list)
    lost: dict[str, Lost] = field(default_factory=dict)

    def add(self, patient: str, bundle: Json) -> None:
        """Export one patient."""
        out = _Patient(self.terminology, self.lost.setdefault(patient, Lost()), medications(bundle))
        for entry in bundle["entry"]:
            out.resource(entry["resource"])
        for kind, segments in (("ADT^A04", out.admission), ("ORU^R01", out.results)):
            msh = f"MSH|^~\\&|HIS|H|EI|H|20260301180000+0100||{kind}|{patient}-{kind[:3]}|P|2.8||||||UNICODE UTF-8"
            self.messages.append("\r".join((msh, out.pid, *segments)) + "\r")


@dataclass(slots=True)
class _Patient(Exporter):
    terminology: Terminology
    lost: Lost
    medications: dict[str, Json]
    pid: str = ""
    admission: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)

    def export_consent(self, _consent: Json) -> None:
        self.lost.add("consents", {"consent"})

    def export_procedure(self, procedure: Json) -> None:
        self.lost.add("procedures", sets_of(procedure["code"], self.terminology) or ())

    def export_patient(self, patient: Json) -> None:
        if "extension" in patient:
            self.lost.add("sex-for-clinical-use", {"sex"})
        said = {3: f"{patient['id']}^^^{AUTHORITY}^MR", 5: _name(patient["name"][0])}
        said |= {7: _time(patient.get("birthDate")), 8: _SEX.get(patient.get("gender", ""), "")}
        said |= {29: _time(patient.get("deceasedDateTime")), 30: "Y" if patient.get("deceasedBoolean") else ""}
        self.pid = _segment("PID", said)

    def export_drug(self, drug: Json) -> None:
        concepts = drug_concepts(drug, self.medications)
        sets = sets_of_any(concepts, self.terminology)
        self.lost.add("drugs", sets or set(self.terminology.catalogue.exposures))
        if "no-known-medications" in sets or not sets:
            self.lost.add("drugs", set(self.terminology.catalogue.exposures))

    def export_condition(self, condition: Json) -> None:
        sets = sets_of(condition.get("code"), self.terminology)
        reads = sets if sets is not None else {"Condition"}
        verification = code_in(condition.get("verificationStatus"), "condition-ver-status")
        status = code_in(condition.get("clinicalStatus"), "condition-clinical")
        ended = any(name.startswith("abatement") for name in condition)
        if verification not in _DIAGNOSIS:
            self.lost.add("doubts", reads)
            return
        if verification != "entered-in-error" and (status in {"inactive", "resolved", "remission"} or ended):
            self.lost.add("clinical-status", reads)  # a DG1 would say that it is there
            return
        if status not in {None, "active"}:
            self.lost.add("clinical-status", reads)
        if {"severity", "stage"} & condition.keys():
            self.lost.add("severity-and-stage", reads)
        began = condition.get("onsetDateTime") or condition.get("onsetPeriod", {}).get("start")
        category = code_in((condition.get("category") or [None])[0], "condition-category")
        if category != "encounter-diagnosis":
            self.lost.add("a-diagnosis-of-one-day", reads)
        said = {1: str(len(self.admission) + 1), 3: _concept(condition.get("code", {}))}
        said |= {5: _time(began or condition.get("recordedDate")), 6: _DIAGNOSIS[verification]}
        said |= {20: condition["id"], 21: "D" if verification == "entered-in-error" else "A"}
        self.admission.append(_segment("DG1", said))

    def export_allergyintolerance(self, allergy: Json) -> None:
        sets = sets_of(allergy.get("code"), self.terminology)
        reads = sets if sets is not None else {"AllergyIntolerance"}
        verification = code_in(allergy.get("verificationStatus"), "allergyintolerance-verification")
        status = code_in(allergy.get("clinicalStatus"), "allergyintolerance-clinical")
        if verification not in {None, "confirmed"} or status != "active":
            self.lost.add("doubts-about-allergies", reads)
            return
        if "criticality" in allergy:
            self.lost.add("doubts-about-allergies", reads)
        reaction = (allergy.get("reaction") or [{}])[0]
        said = {1: str(len(self.admission) + 1), 3: _concept(allergy["code"])}
        said |= {4: _SEVERITY.get(reaction.get("severity", ""), ""), 6: _time(allergy.get("recordedDate"))}
        self.admission.append(_segment("AL1", said))

    def export_observation(self, resource: Json) -> None:
        code = code_in(resource["code"], "CodeSystem/attestation")
        if code is not None:
            self.lost.add("attestations", {code})
            return
        period = resource.get("effectivePeriod", {})
        said = {3: resource["id"], 4: _concept(resource["code"]), 7: _time(period.get("start"))}
        self.results.append(_segment("OBR", said | {8: _time(period.get("end")), 22: _time(resource.get("issued"))}))
        if any(name.startswith(("value", "dataAbsent", "interpretation")) for name in resource):
            self.result(resource, resource)
        for component in resource.get("component", ()):
            self.result(component, resource)

    def result(self, measured: Json, resource: Json) -> None:
        sets = sets_of(measured["code"], self.terminology)
        kind, value, unit = _value(measured)
        limits = _limits(measured.get("referenceRange", []), unit)
        if limits is None:
            self.lost.add("reference-ranges", sets or ())
        elif any("text" in each and not {"low", "high"} & each.keys() for each in measured.get("referenceRange", ())):
            self.lost.add("ranges-in-words", sets or ())
        flags = [c["code"] for each in measured.get("interpretation", ()) for c in each["coding"]]
        assert set(flags) <= set(codes("interpretation"))
        said = {2: kind, 3: _concept(measured["code"]), 5: value, 6: unit, 7: limits or "", 8: "~".join(flags)}
        said |= {11: _STATUS.get(resource["status"], "")}
        said |= {14: _time(resource.get("effectiveDateTime") or resource.get("effectiveInstant"))}
        self.results.append(_segment("OBX", said))


def _value(measured: Json) -> tuple[str, str, str]:  # noqa: PLR0911  # one return a type of value
    """OBX-2, OBX-5 and OBX-6."""
    match next((name for name in measured if name.startswith("value")), None):
        case "valueQuantity":
            quantity = measured["valueQuantity"]
            sign = quantity.get("comparator")
            number = str(quantity["value"])
            return ("SN", f"{sign}^{number}", _unit(quantity)) if sign else ("NM", number, _unit(quantity))
        case "valueInteger":
            return "NM", str(measured["valueInteger"]), ""
        case "valueString":
            return "ST", measured["valueString"].translate(_ESCAPES), ""
        case "valueCodeableConcept":
            return "CWE", _concept(measured["valueCodeableConcept"]), ""
        case "valueRange":
            low, high = (measured["valueRange"][end] for end in ("low", "high"))
            return "SN", f"^{low['value']}^-^{high['value']}", _unit(low)
        case "valueRatio":
            ratio = measured["valueRatio"]
            return "SN", f"^{ratio['numerator']['value']}^:^{ratio['denominator']['value']}", ""
        case None:
            return "ST", "", ""
    msg = "a value that no story has"
    raise ValueError(msg)


def _limits(ranges: list[Json], unit: str) -> str | None:
    """OBX-7: one range for everybody in the value's unit, or words; None if that is not what there is."""
    if not ranges:
        return ""
    only = ranges[0]
    if len(ranges) > 1 or {"appliesTo", "age", "type"} & only.keys():
        return None
    if not {"low", "high"} & only.keys():
        return str(only.get("text", "")).translate(_ESCAPES)
    if any(_unit(only[end]) != unit for end in ("low", "high") if end in only):
        return None
    if "low" in only and "high" in only:
        return f"{only['low']['value']}-{only['high']['value']}"
    return f">{only['low']['value']}" if "low" in only else f"<{only['high']['value']}"


def _unit(quantity: Json) -> str:
    written = quantity.get("unit", "").translate(_ESCAPES)
    if quantity.get("system") != UCUM:
        return str(written)
    return f"{quantity['code'].translate(_ESCAPES)}^^UCUM"


def _concept(concept: Json) -> str:
    """CWE: up to three codings, and the text."""
    parts = [""] * 12
    for at, coding in zip((0, 3, 9), concept.get("coding", ()), strict=False):
        parts[at], parts[at + 2] = coding["code"], _NAMES.get(coding["system"], "99HOSP")
    parts[8] = concept.get("text", "").translate(_ESCAPES)
    return "^".join(parts).rstrip("^")


def _name(name: Json) -> str:
    return f"{name['family']}^{name['given'][0]}".replace("&", "\\T\\")


def _time(text: str | None) -> str:
    """A FHIR time as HL7 v2 writes it."""
    if not text:
        return ""
    day, _, clock = text.partition("T")
    sign = "+" if "+" in clock else "-"
    time, _, zone = clock.partition(sign)
    return day.replace("-", "") + (time.replace(":", "") + sign + zone.replace(":", "") if clock else "")


def _segment(name: str, said: dict[int, str]) -> str:
    fields = [said.get(number, "") for number in range(1, max(said) + 1)]
    return "|".join((name, *fields)).rstrip("|")
