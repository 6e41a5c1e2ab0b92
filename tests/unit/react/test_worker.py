"""The worker among failures."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapter.errors import RejectedError, ServerError, UnpublishedError
from adapter.evaluator import Verdict
from adapter.fhir.client.transport import PassingConflictError
from adapter.fhir.research_subject import Proposal
from adapter.screening.react.schedule import running
from adapter.screening.react.worker import ClaimHandler
from adapter.screening.setup import Setup
from adapter.store import queue
from adapter.store.queue import LostLeaseError, Waiting
from tests.unit.react.hospital import Hospital, fit, open_hospital, until, with_leukaemia
from tests.unit.screening.records import T_ALL, condition, of

pytestmark = pytest.mark.anyio

QUICK: dict[str, timedelta | int] = {
    "settle": timedelta(0),
    "poll": timedelta(milliseconds=20),
    "first_wait": timedelta(milliseconds=10),
    "server_wait": timedelta(milliseconds=30),
    "most_attempts": 3,
}


def listed(hospital: Hospital) -> list[Waiting]:
    """The queue."""
    with hospital.context.database.transaction() as connection:
        return queue.listed(connection)


def tick(hospital: Hospital) -> None:
    """Let the hospital's clock run with each look at it."""
    still = hospital.clock.__class__.__call__

    def moving(clock: object) -> object:
        hospital.clock.pass_(milliseconds=5)
        return still(clock)  # type: ignore[arg-type]  # it is the clock

    hospital.clock.__class__ = type("Moving", (hospital.clock.__class__,), {"__call__": moving})


async def test_an_outage_costs_nobody_an_attempt(strict: Setup, tmp_path: Path) -> None:
    """However long the server is away: when it is back, everybody is evaluated, and nobody was given up."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tick(hospital)
        hospital.put(*with_leukaemia("p1"), *with_leukaemia("p2"), *with_leukaemia("p3"))
        hospital.server.down = True
        await hospital.deliver()
        async with running(hospital.context):
            await until(lambda: len(hospital.server.asked) > 30)
            assert [each.state for each in listed(hospital)] == ["waiting"] * 3
            hospital.server.down = False
            await until(lambda: not listed(hospital))
        assert {hospital.subject(name=name) for name in ("p1", "p2", "p3")} == {"potential-candidate"}


async def test_one_patients_failure_is_theirs(strict: Setup, tmp_path: Path) -> None:
    """After its last attempt it is a dead letter with the kind of its error; the others are done."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tick(hospital)
        hospital.put({"resourceType": "Patient", "id": "bad", "birthDate": 7}, condition("c", of("bad"), T_ALL))
        hospital.put(*with_leukaemia("good"))
        await hospital.deliver()
        async with running(hospital.context):
            await until(lambda: [each.state for each in listed(hospital)] == ["dead"])
            (dead,) = listed(hospital)
            assert (dead.key, dead.attempts) == ("Patient/bad", 3)
            assert dead.error is not None
            assert dead.error.startswith("InputError in adapter.record")
            assert hospital.subject(name="good") == "potential-candidate"
            hospital.put({"resourceType": "Patient", "id": "bad", "birthDate": "1990"})
            await hospital.deliver()
            await until(lambda: not listed(hospital))
        assert hospital.subject(name="bad") == "potential-candidate"


@pytest.mark.parametrize("refused", [RejectedError, PassingConflictError])
async def test_what_the_server_refuses_of_everybody_costs_no_attempt(
    strict: Setup, tmp_path: Path, refused: type[ServerError]
) -> None:
    """At once, or after a try whose answer was lost: nobody is given up for it."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tick(hospital)
        tries = 0

        async def refuse(_: Sequence[Verdict], __: object) -> None:
            nonlocal tries
            tries += 1
            raise refused

        object.__setattr__(hospital.context, "write", refuse)
        hospital.put(*with_leukaemia("p1"), *with_leukaemia("p2"))
        await hospital.deliver()
        async with running(hospital.context):
            await until(lambda: tries > 12)
        assert [(each.state, each.attempts) for each in listed(hospital)] == [("waiting", 0)] * 2


async def test_a_result_of_now_does_not_wait_for_a_storm(strict: Setup, tmp_path: Path) -> None:
    """Half of the work is what has come last, the other half what waits longest; so nobody waits for ever."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tick(hospital)
        with hospital.context.database.transaction() as connection:
            now = hospital.clock()
            storm = [*(f"Patient/gone-{each}" for each in range(200)), "Patient/p1"]
            queue.notify(connection, {each: frozenset({"Patient"}) for each in storm}, now, now)
        hospital.clock.pass_(seconds=1)
        hospital.put(*with_leukaemia("p1"))
        await hospital.deliver()
        left: list[int] = []

        def is_written() -> bool:
            left.append(len(listed(hospital)))
            return bool(hospital.server.all("ResearchSubject"))

        async with running(hospital.context):
            await until(is_written)
            assert left[-1] > 100
            await until(lambda: not listed(hospital))


async def test_a_trial_that_is_not_published_costs_no_patient_their_place(strict: Setup, tmp_path: Path) -> None:
    """Others go on; whoever it concerns is never given up, and queue and log say what to do, in words of nobody."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tick(hospital)
        write, refused = hospital.context.write, True

        async def lacking(proposals: Sequence[Proposal], identifiers: object) -> None:
            if refused and proposals[0].research_subject["individual"]["reference"] == "Patient/p1":
                msg = "the study s1 is not on the server; run trial-adapter publish"
                raise UnpublishedError(msg)
            await write(proposals, identifiers)  # type: ignore[arg-type]  # as they came

        object.__setattr__(hospital.context, "write", lacking)
        hospital.put(*with_leukaemia("p1"), *with_leukaemia("p2"))
        await hospital.deliver()
        async with running(hospital.context):
            await until(lambda: [each.attempts > 3 for each in listed(hospital)] == [True])
            (waiting,) = listed(hospital)
            assert (waiting.key, waiting.state, waiting.error) == (
                "Patient/p1",
                "waiting",
                "the study s1 is not on the server; run trial-adapter publish",
            )
            assert hospital.subject(name="p2") == "potential-candidate"
            refused = False
            await until(lambda: not listed(hospital))
        assert hospital.subject(name="p1") == "potential-candidate"


async def test_a_stop_finishes_what_has_begun(strict: Setup, tmp_path: Path) -> None:
    """Nothing is left claimed: what was not begun can be had by others at once."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tick(hospital)
        for number in range(12):
            hospital.put(*with_leukaemia(f"p{number}"), fit(f"e{number}", 4, f"p{number}"))
        await hospital.deliver()
        async with running(hospital.context, at_once=2):
            await until(lambda: hospital.written)
        assert not any(each.claimed for each in listed(hospital))
        done = {each.research_subject["individual"]["reference"] for each in hospital.written}
        assert {each.key for each in listed(hospital)} == {f"Patient/p{n}" for n in range(12)} - done


async def test_a_write_that_hangs_is_given_back(strict: Setup, tmp_path: Path) -> None:
    """A stop waits only so long."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tick(hospital)
        hung = False

        async def hang(_: Sequence[Verdict], __: object) -> None:
            nonlocal hung
            hung = True
            await until(lambda: False, seconds=60)

        object.__setattr__(hospital.context, "write", hang)
        hospital.put(*with_leukaemia())
        await hospital.deliver()
        async with running(hospital.context, patience=0.1):
            await until(lambda: hung)
        (left,) = listed(hospital)
        assert (left.state, left.claimed, left.attempts) == ("waiting", False, 0)


async def test_a_claim_that_is_lost_while_it_writes_has_not_the_last_word(hospital: Hospital) -> None:
    """Another process, whose clock is ahead, takes it over and is done first: in the end the newer verdict stands."""
    hospital.put(*with_leukaemia())
    await hospital.deliver()
    (claim,) = await hospital.claim()

    async def late(found: Sequence[Proposal], identifiers: tuple[tuple[str, str], ...]) -> None:
        hospital.put(fit("e1", 4))
        hospital.clock.pass_(seconds=hospital.context.timing.lease.total_seconds())
        await hospital.settle()
        assert hospital.subject() == "ineligible"
        await hospital.context.write(found, identifiers)

    with pytest.raises(LostLeaseError):
        await ClaimHandler(replace(hospital.context, write=late))(claim)
    assert hospital.subject() == "potential-candidate"
    events = hospital.events()
    await hospital.settle()
    assert hospital.subject() == "ineligible"
    assert (hospital.events(), hospital.waiting()) == (events, [])
