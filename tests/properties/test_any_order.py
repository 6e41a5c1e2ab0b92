"""Told or written, late, twice, out of order or never: after a sweep every verdict is what a fresh one would be."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import UnreachableError
from adapter.evaluator import evaluate_all
from adapter.fhir.research_subject import Proposal
from adapter.record import read_record
from adapter.screening.react.context import SWEEP
from adapter.screening.react.sweep import Sweep
from adapter.screening.react.worker import ClaimHandler
from adapter.screening.setup import Setup
from adapter.store import duties
from tests.integration.webhook.patients import Storm
from tests.unit.react.hospital import Hospital, open_hospital

OFTEN = st.sampled_from(["told", "told", "lost", "held back", "evaluate one", "written late", "written late"])


async def run(hospital: Hospital, seed: int, fates: list[str]) -> None:
    """Change things; each change is told, lost, or told later; at times somebody is evaluated in between.

    What is written of that may be given up, and be carried out when all else is done.
    """
    storm = Storm(seed=seed, patients=3, prefix="p")
    later = []
    late: list[Proposal] = []

    async def give_up(found: Sequence[Proposal], _: object) -> None:
        late.extend(found)
        raise UnreachableError

    works = {"evaluate one": hospital.work, "written late": ClaimHandler(replace(hospital.context, write=give_up))}
    hospital.put(*storm.now.values())
    changes = storm.changes(-(-len(fates) // 3))
    for fate, (key, resource) in zip(fates, changes, strict=False):
        if resource is None:
            hospital.server.delete(key)
        else:
            hospital.put(resource)
        if fate == "lost":
            hospital.notifications.clear()
        elif fate == "held back":
            later += hospital.notifications
            hospital.notifications = []
        elif fate in works:
            await hospital.deliver()
            for claim in (await hospital.claim())[:1]:
                with suppress(UnreachableError):
                    await works[fate](claim)
            hospital.clock.pass_(seconds=100)
    hospital.notifications += later
    await hospital.settle()
    for proposal in late:
        hospital.server.put(proposal.research_subject)


async def sweep(hospital: Hospital) -> None:
    """One sweep, and what comes of it."""
    context = hospital.context
    await context.database.run(lambda c: duties.ask(c, SWEEP, context.clock()))
    lease = await context.database.run(
        lambda c: duties.acquire(c, SWEEP, context.clock(), context.timing.lease, context.timing.sweep)
    )
    assert lease is not None
    await Sweep(context, lambda: None)(lease)
    await context.database.run(lambda c: duties.release(c, lease, context.clock(), context.clock()))
    await hospital.settle()


def check(hospital: Hospital, setup: Setup) -> None:
    """Hold every ResearchSubject against a fresh evaluation."""
    server = hospital.server
    for number in range(3):
        name = f"p{number}"
        types = ("Condition", "Observation", "MedicationStatement")
        mine = [
            each for kind in types for each in server.all(kind) if each["subject"]["reference"] == f"Patient/{name}"
        ]
        data = hospital.bundle(server.get(f"Patient/{name}"), *mine)
        record = read_record(data, setup.terminology, subject=name)
        for verdict in evaluate_all(setup.bounds, record, hospital.clock.now, setup.policy):
            has_subject = hospital.subject(verdict.study, name)
            if has_subject is not None or verdict.has_indication:
                assert has_subject == verdict.decision.value, (name, verdict.study)


def test_any_order(strict: Setup, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two sweeps: one before the changes, so that everybody is known, and one after."""

    async def example(folder: Path, seed: int, fates: list[str]) -> None:
        async with open_hospital(strict, folder) as hospital:
            await sweep(hospital)
            await run(hospital, seed, fates)
            await sweep(hospital)
            check(hospital, strict)

    @given(st.integers(0, 10**6), st.lists(OFTEN, min_size=6, max_size=18))
    @settings(max_examples=25, deadline=None)
    def is_right(seed: int, fates: list[str]) -> None:
        asyncio.run(example(tmp_path_factory.mktemp("order"), seed, fates))

    is_right()
