"""What the benchmarks of the webhook run on: patients of 20 resources each, and what reacts to their changes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from adapter.fhir.client import FhirClient
from adapter.fhir.research_subject import Proposal
from adapter.fhir.write_back import ResearchServer
from adapter.screening.react.context import Context, Timing, rules_of
from adapter.screening.setup import Setup
from adapter.service.state import now
from adapter.store import Database, queue
from bench.fhir_stub import Json
from tests import build


def context_of(setup: Setup, client: FhirClient, database: Database) -> Context:
    """What a worker needs, with one server for records and research."""
    research = ResearchServer(client)

    async def write(found: Sequence[Proposal], identifiers: tuple[tuple[str, str], ...]) -> None:
        await research.write(found, identifiers)

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
        yield build.patient(name)
        yield condition(f"{name}-c", name)
        yield from (creatinine(f"{name}-{place}", name, 60 + place) for place in range(18))


def record_bundle(resources: Sequence[Json]) -> Json:
    """A patient's record."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def condition(name: str, subject: str) -> Json:
    """Their leukaemia, which has them looked at by the trials."""
    return build.condition(build.concept(build.CM, "C91.00"), id=name, subject=build.of(subject))


def creatinine(name: str, subject: str, value: int) -> Json:
    """A result of today, in umol/L."""
    today = datetime.now(UTC).date().isoformat()
    return build.creatinine(value, id=name, subject=build.of(subject), effectiveDateTime=today)
