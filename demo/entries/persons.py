"""What people say and decide: consents, attestations, allergies; and death."""

from collections.abc import Mapping

from demo.builders import Json, concept, hl7_concept, reference
from demo.chart import Chart
from demo.draws import Spread
from demo.tables import term

STUDY_OF_CONSENT = "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext"
ATTESTATION = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"
ATTESTATION_PROFILE = "http://example.org/fhir-trial-adapter/StructureDefinition/attestation"


def consent(
    chart: Chart,
    *,
    study: str | None = None,
    status: str = "active",
    provision: str = "permit",
    named_by: str = "extension",
    days_ago: Spread = 8,
) -> None:
    """Add a research Consent that names its study by an `extension` or in its provision's `data`; or names none."""
    ago = chart.days(days_ago)
    target = reference(f"ResearchStudy/{study}")
    by_data = study is not None and named_by == "data"
    elements: Json = {
        "extension": [{"url": STUDY_OF_CONSENT, "valueReference": target}] if study and not by_data else None,
        "status": status,
        "scope": hl7_concept("consentscope", "research"),
        "category": [hl7_concept("consentcategorycodes", "research")],
        "patient": chart.subject,
        "dateTime": chart.when(ago, "day"),
        "policyRule": {"text": "Consent form of the demonstration hospital"},
        "provision": {
            "type": provision,
            **({"data": [{"meaning": "instance", "reference": target}]} if by_data else {}),
        },
    }
    chart.add("Consent", elements, ago)


def attest(
    chart: Chart,
    *,
    study: str,
    says: Mapping[str, bool],
    days_ago: Spread = 6,
    performer: bool = True,
    status: str = "final",
) -> None:
    """Add an attestation for each criterion: what a person says of the truth of its statement."""
    ago = chart.days(days_ago)
    for criterion, truth in says.items():
        code = f"{study}.{criterion}"
        elements: Json = {
            "status": status,
            "code": {"coding": [{"system": ATTESTATION, "code": code}], "text": code},
            "subject": chart.subject,
            "effectiveDateTime": chart.when(ago, "day"),
            "performer": [reference("Practitioner/investigator")] if performer else None,
            "valueBoolean": truth,
        }
        made = chart.add("Observation", elements, ago)
        made["meta"]["profile"] = [ATTESTATION_PROFILE]


def allergy(  # one keyword a FHIR element
    chart: Chart,
    *,
    code: str,
    severity: str | None = None,
    criticality: str | None = None,
    verification: str = "confirmed",
    status: str = "active",
    days_ago: Spread = 2000,
) -> None:
    """Add an AllergyIntolerance; `severity` is that of its one reaction."""
    ago = chart.days(days_ago)
    reaction = {"manifestation": [concept(term("conditions", "anaphylaxis"))], "severity": severity}
    elements: Json = {
        "clinicalStatus": hl7_concept("allergyintolerance-clinical", status),
        "verificationStatus": hl7_concept("allergyintolerance-verification", verification),
        "criticality": criticality,
        "code": concept(term("substances", code)),
        "patient": chart.subject,
        "recordedDate": chart.when(ago, "day"),
        "reaction": [reaction] if severity else None,
    }
    chart.add("AllergyIntolerance", elements, ago)


def died(chart: Chart, *, days_ago: Spread | None = None) -> None:
    """Say in the Patient that they died: on a day, or only that they did."""
    patient = chart.resources[0]
    if days_ago is None:
        patient["deceasedBoolean"] = True
    else:
        patient["deceasedDateTime"] = chart.when(chart.days(days_ago), "day")
