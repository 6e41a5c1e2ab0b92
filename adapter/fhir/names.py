"""The names of what is ours in FHIR: one base, below it our extensions, identifiers and canonicals."""

BASE = "http://example.org/fhir-trial-adapter"
GUIDANCE = f"{BASE}/StructureDefinition/guidance"
"""Extension on ResearchSubject: the GuidanceResponse that its status stands on."""

PROPOSAL = f"{BASE}/StructureDefinition/proposal"
"""Extension on ResearchSubject: what the adapter proposes, also where a person has set another status."""

RESEARCH_SUBJECT = f"{BASE}/NamingSystem/research-subject"
"""System of the identifier that finds the ResearchSubject of a patient and a study again."""

CANDIDATE_SUBJECT = f"{BASE}/StructureDefinition/candidate-subject"
GUIDANCE_PROFILE = f"{BASE}/StructureDefinition/eligibility-guidance"
VERDICT = f"{BASE}/StructureDefinition/verdict"
OUTCOME = f"{BASE}/StructureDefinition/outcome"
ANSWER = f"{BASE}/StructureDefinition/answer"
"""The profiles of what is written out (profiles/input/fsh)."""

UCUM = "http://unitsofmeasure.org"


def value_set(concept: str) -> str:
    """The canonical of a concept's value set."""
    return f"{BASE}/ValueSet/{concept}"


def eligibility_plan(study: str, version: str) -> str:
    """The canonical of a study's eligibility criteria, with their version."""
    return f"{BASE}/PlanDefinition/{study}-eligibility|{version}"
