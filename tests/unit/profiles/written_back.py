"""ResearchSubjects and guidance as they are written onto a server."""

from typing import Any

from adapter.fhir.research_subject import created, elsewhere, proposal_of, updated
from adapter.screening.setup import Setup
from tests.unit.fhir.cases import verdicts
from tests.unit.screening.records import bundle, ecog, of, patient

Json = dict[str, Any]


def written_back(setup: Setup) -> list[Json]:
    """What is written onto another server than the record's, beside a status that a person has set."""
    data = bundle(patient(), ecog("e1", of(), 1))
    (verdict,) = verdicts(setup, data, "nct04785833")
    there = elsewhere(proposal_of(verdict), "https://record.example.org/fhir", ())
    stands = created(there, "ResearchStudy/17")
    return [updated({**stands, "id": "s1"}, there, "ResearchStudy/17", "3", by_person=True), stands, there.guidance]
