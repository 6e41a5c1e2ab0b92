"""Everything that the adapter writes out: resources of every type, for all trials."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import msgspec

from adapter.evaluator import evaluate_all
from adapter.fhir import Issue, operation_outcome, verdict_bundle
from adapter.fhir.audit_event import Access, Action, CardOutcome, audit_events
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.screening.publish import trial_resources
from adapter.screening.react.subscriptions import WantedSubscriptions
from adapter.screening.setup import Setup, SiteConfig
from adapter.service.definitions import capability_statement, searched
from adapter.service.hook_routes import STORED_BUNDLE
from adapter.service.match import matched
from adapter.service.operation_definitions import operation_definition
from demo.cohort import cohort
from mappings.patient import Converted, bundle_of, encode
from tests.golden.hl7v2.regenerate import SOURCES, units
from tests.golden.omop.regenerate import FOLDER as OMOP
from tests.golden.sheet.regenerate import FOLDER as SHEET
from tests.unit.fhir.cases import AS_OF, CASES

STARTED = datetime(2026, 3, 1, 8, tzinfo=UTC)
PATIENTS, SEED = 3, 5

SITE = Path(__file__).parents[1] / "site"


def trials() -> list[Json]:
    """What `build` writes and `publish` puts on a server, of a site whose trials have everything that a trial may."""
    return trial_resources((), SiteConfig(trials=SITE))


def service() -> list[Json]:
    """What the service says of itself, and how it refuses."""
    return [
        capability_statement(STARTED, secured=True),
        operation_definition(),
        operation_outcome([Issue(code="not-found", text="no study 'x'", expression="Parameters.parameter[0]")]),
        STORED_BUNDLE,
        searched([operation_definition()], [("status", "active")], "http://127.0.0.1", "OperationDefinition"),
    ]


def matches(setup: Setup) -> Json:
    """Which trials fit a patient, and what was not heeded; HAPI takes the Parameters around it for its own."""
    _, _, data = next(iter(cohort(1, SEED)))
    verdicts = evaluate_all(setup.bounds, read_record(data, setup.terminology), AS_OF, setup.policy)
    found = matched(verdicts, {each.id: each for each in setup.definitions}, "travelRadius is not heeded", reasons=True)
    return {**found, "link": [{"relation": "self", "url": "https://adapter.example.org/fhir/ResearchStudy/$match"}]}


def subscriptions() -> list[Json]:
    """What the webhook asks of a FHIR server."""
    wanted = WantedSubscriptions(
        hook="https://adapter.example.org/hook", secret="s" * 16, types=("Condition", "Observation")
    )
    return [wanted.subscription(each) for each in wanted.types]


def converted() -> Iterator[Json]:
    """What the reviewed sheet, database and messages become: a Bundle a patient, and the codes that no map knows."""
    for folder in (SHEET, OMOP):
        yield from (msgspec.json.decode(path.read_bytes()) for path in sorted(folder.glob("*.json")))
    for name in SOURCES:
        for unit in units(name):
            if isinstance(unit, Converted):
                yield msgspec.json.decode(encode(bundle_of(unit.patients, unit.resources)))


def answers(setup: Setup) -> Iterator[tuple[str, Json]]:
    """Answers of `$evaluate`: the reviewed ones, failures among them, and those of a cohort for all trials."""
    for name, case in CASES.items():
        yield name, case(setup)
    for patient, story, data in cohort(PATIENTS, SEED):
        record = read_record(data, setup.terminology)
        yield (
            f"{patient} ({story.name})",
            verdict_bundle(evaluate_all(setup.bounds, record, AS_OF, setup.policy)),
        )


def audit() -> Iterator[Json]:
    """AuditEvents of every kind: asked, written, cards dismissed; of nobody and of patients; what failed, too."""
    card = CardOutcome(card="4e0a3a1e", study="senl-t7", outcome="overridden", reason="later")
    kinds: tuple[tuple[Action, tuple[CardOutcome, ...]], ...] = (
        ("E", ()),
        ("U", ()),
        ("C", (card, CardOutcome(card=None, study=None, outcome="accepted"))),
    )
    for action, outcomes in kinds:
        for patients, status in product(((), ("Patient/p1", "Patient/p2")), (200, 412, 500)):
            access = Access(
                action=action,
                patients=patients,
                studies=("senl-t7", "nct04785833"),
                caller="engine",
                address="10.0.0.1",
                server="" if outcomes else "10.0.0.2",
                at=STARTED,
                status=status,
                request="9750f999a3a04ecfb5746009863dffc7",
                what="/fhir/ResearchStudy/$evaluate",
                user="Practitioner/x" if patients else "",
                outcomes=outcomes,
            )
            yield from audit_events(access)
