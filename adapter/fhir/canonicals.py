"""The names of what is ours in FHIR: one base, below it our extensions, identifiers, canonicals and profiles."""

from adapter.fhir.elements import Json

BASE = "http://example.org/fhir-trial-adapter"
GUIDANCE = f"{BASE}/StructureDefinition/guidance"
"""Extension on ResearchSubject: the GuidanceResponse that its status stands on."""

PROPOSAL = f"{BASE}/StructureDefinition/proposal"
"""Extension on ResearchSubject: what the adapter proposes, also where a person has set another status."""

RESEARCH_SUBJECT = f"{BASE}/NamingSystem/research-subject"
"""System of the identifier that finds the ResearchSubject of a patient and a study again."""

BASED_ON = f"{BASE}/StructureDefinition/based-on-version"
"""Extension on ResearchSubject: the version that the adapter had read when it wrote; absent where it created it."""

SET_BY_PERSON = f"{BASE}/StructureDefinition/status-set-by-person"
"""Extension on ResearchSubject: its status is a person's, and stays; taken out, it is the adapter's again."""

STUDY = f"{BASE}/NamingSystem/study"
"""System of the identifier by which a server finds a study of ours again, whatever id it gave it."""

UCUM = "http://unitsofmeasure.org"

SHAREABLE = "http://hl7.org/fhir/StructureDefinition/shareable"
"""What HL7's profiles of value sets and code systems that go from site to site begin with."""


def conforms_to(*profiles: str) -> Json:
    """The meta of a resource that these profiles of ours describe (profiles/input/fsh)."""
    return {"profile": [f"{BASE}/StructureDefinition/{name}" for name in profiles]}


def value_set(concept: str) -> str:
    """The canonical of a concept's value set."""
    return f"{BASE}/ValueSet/{concept}"


def eligibility_plan(study: str, version: str) -> str:
    """The canonical of a study's eligibility criteria, with their version."""
    return f"{BASE}/PlanDefinition/{study}-eligibility|{version}"
