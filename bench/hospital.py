"""What the benchmarks of the webhook run on: patients of 20 resources each, and what reacts to their changes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from adapter.evaluator import Verdict
from adapter.fhir.client import FhirClient
from adapter.fhir.research_subject import proposal_of
from adapter.fhir.write_back import ResearchServer
from adapter.screening.react.context import Context, Timing, rules_of
from adapter.screening.setup import Setup
from adapter.service.state import now
from adapter.store import Database, queue
from bench.fhir_stub import Json


def reacting(setup: Setup, client: FhirClient, database: Database) -> Context:
    """What a worker needs, with one server for records and research."""
    research = ResearchServer(client)

    async def write(found: Sequence[Verdict], identifiers: tuple[tuple[str, str], ...]) -> None:
        await research.write([proposal_of(each) for each in found], identifiers)

    return Context(
        database=database,
        rules=rules_of(setup),
        record=client,
        research=client,
        write=write,
        clock=now,
        timing=Timing(),
    )


def fill_queue(connection: Connection, patients: int) -> None:
    """Everything of so many patients has changed."""
    moment = now() - timedelta(seconds=1)
    names = {f"Patient/bench-{number}": frozenset({"everything"}) for number in range(patients)}
    queue.notify(connection, names, moment, moment)


def records(patients: int) -> Iterator[Json]:
    """The resources of so many patients, 20 of each."""
    for number in range(patients):
        name = f"bench-{number}"
        yield patient(name)
        yield condition(f"{name}-c", name)
        yield from (creatinine(f"{name}-{place}", name, 60 + place) for place in range(18))


def record_bundle(resources: Sequence[Json]) -> Json:
    """A patient's record."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def patient(name: str) -> Json:
    """A Patient."""
    return {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1990-05-02"}


def condition(name: str, patient: str) -> Json:
    """Their leukaemia, which has them looked at by the trials."""
    coding = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C91.00"}
    subject = {"reference": f"Patient/{patient}"}
    return {"resourceType": "Condition", "id": name, "subject": subject, "code": {"coding": [coding]}}


def creatinine(name: str, patient: str, value: int) -> Json:
    """A result of today, in umol/L."""
    unit = {"system": "http://unitsofmeasure.org", "code": "umol/L"}
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": datetime.now(UTC).date().isoformat(),
        "valueQuantity": {"value": value, **unit},
        "referenceRange": [{"high": {"value": 100, **unit}}],
    }
