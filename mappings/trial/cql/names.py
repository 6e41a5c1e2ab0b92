"""The names that a study's library defines and its criteria use. A blank in each: no criterion's id has one."""

from adapter.criteria.expression import Known
from mappings.trial.cql.text import name

AS_OF = name("As Of")
NOW = name("Evaluated At")
CUTOFF = name("Antigen Cutoff")
MEASURED = name("Measured Values")
DIAGNOSES = name("Diagnoses on Record")
EXPOSURES = name("Exposures on Record")
ALLERGIES = name("Allergies on Record")
CONSENTS = name("Consents on Record")
ATTESTATIONS = name("Attestations on Record")
CONSENTED = name("Consent to this Study")
CONSENTS_DIFFER = name("Consents Differ")
PREGNANT = name("Evidence of Pregnancy")
AGAINST = name("Speaks Against")
WAITS = name("Waits for Data")
DECISION = "Eligibility Decision"
"""The expression that has the decision's code."""

KNOWN = {
    Known.PATIENT: "Patient",
    Known.NOW: NOW,
    Known.CUTOFF: CUTOFF,
    Known.DIAGNOSES: DIAGNOSES,
    Known.EXPOSURES: EXPOSURES,
    Known.ALLERGIES: ALLERGIES,
    Known.CONSENTED: CONSENTED,
    Known.CONSENTS_DIFFER: CONSENTS_DIFFER,
    Known.PREGNANT: PREGNANT,
    Known.UNKNOWN: "null as Boolean",
}
"""What a room calls by its meaning."""

ATTESTATION = "attestation"
"""The policy's freshness class of attestations."""


def freshness(of_class: str) -> str:
    """The parameter that says how long data of a class stand."""
    return name(f"Freshness of {of_class}")


def readings(analyte: str) -> str:
    """The readings of an analyte."""
    return name(f"Readings of {analyte}")
