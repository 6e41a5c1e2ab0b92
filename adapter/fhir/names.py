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
ATTESTATION = f"{BASE}/StructureDefinition/attestation"
"""The profiles of what is written out (profiles/input/fsh)."""

BASED_ON = f"{BASE}/StructureDefinition/based-on-version"
"""Extension on ResearchSubject: the version that the adapter had read when it wrote; absent where it created it."""

SET_BY_PERSON = f"{BASE}/StructureDefinition/status-set-by-person"
"""Extension on ResearchSubject: its status is a person's, and stays; taken out, it is the adapter's again."""

STUDY = f"{BASE}/NamingSystem/study"
"""System of the identifier by which a server finds a study of ours again, whatever id it gave it."""

UCUM = "http://unitsofmeasure.org"


def value_set(concept: str) -> str:
    """The canonical of a concept's value set."""
    return f"{BASE}/ValueSet/{concept}"


def eligibility_plan(study: str, version: str) -> str:
    """The canonical of a study's eligibility criteria, with their version."""
    return f"{BASE}/PlanDefinition/{study}-eligibility|{version}"
