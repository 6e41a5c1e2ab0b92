"""What the webhook evaluates is work that can be ended, and takes turns with what callers ask for."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import pytest

from adapter.errors import AdapterError, BusyError
from adapter.screening.react.context import ALERTED
from adapter.screening.react.schedule import running
from adapter.screening.setup import Setup
from adapter.service.audit import AuditFile, audited_evaluations
from adapter.service.errors import LostWorkError, TooSlowError
from adapter.service.hook import evaluations_by
from adapter.service.limits import Limits
from adapter.service.pool import Pool
from adapter.service.site import Policies, Site
from adapter.service.work import Threads
from mappings.patient.hl7v2 import Settings
from tests.unit.react.hospital import Hospital, open_hospital, until, with_leukaemia
from tests.unit.react.test_worker import QUICK, listed, tick

pytestmark = pytest.mark.anyio

QUICK_TRIES = 5
"""More than a patient's own failures may be."""
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Failing(Threads):
    """Work that raises errors for some patients, a number of times."""

    def __init__(self, site: Site, **errors: list[AdapterError]) -> None:  # noqa: D107
        super().__init__(site)
        self.errors = errors
        self.asked: Counter[str] = Counter()

    async def run(self, caller: str, seconds: float, job: Callable[[Site, *Ts], T], *args: *Ts) -> T:
        """As in Work."""
        _, patient, *_ = map(str, args)
        self.asked[patient] += 1
        left = self.errors.get(patient.partition("/")[2])
        if left:
            raise left.pop()
        return await super().run(caller, seconds, job, *args)


def site_of(setup: Setup) -> Site:
    """A site with one policy."""
    policies = Policies(default=setup.policy.id, setups={setup.policy.id: setup})
    return Site(policies=policies, messages=Settings(), limits=Limits())


async def admitted(hospital: Hospital, *names: str) -> None:
    """Patients with leukaemia, of whom the server has told."""
    tick(hospital)
    for name in names:
        hospital.put(*with_leukaemia(name))
    await hospital.deliver()


async def test_in_processes(strict: Setup, tmp_path: Path) -> None:
    """The candidates are those that a thread would find."""
    async with Pool(site_of(strict)) as pool, open_hospital(strict, tmp_path, **QUICK) as hospital:
        hospital.context.elsewhere = evaluations_by(pool, 30)
        await admitted(hospital, "p1", "p2")
        async with running(hospital.context):
            await until(lambda: not listed(hospital))
        assert {hospital.subject(name=name) for name in ("p1", "p2")} == {"potential-candidate"}


@pytest.mark.parametrize("error", [TooSlowError("slow"), LostWorkError("gone")])
async def test_a_record_that_can_not_be_worked_on_is_given_up(
    strict: Setup, tmp_path: Path, error: AdapterError
) -> None:
    """It is tried as often as any failure, and costs nobody else anything."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        hospital.context.elsewhere = evaluations_by(Failing(site_of(strict), bad=[error] * 99), 30)
        await admitted(hospital, "bad", "good")
        async with running(hospital.context):
            await until(lambda: [each.state for each in listed(hospital)] == ["dead"])
        (dead,) = listed(hospital)
        assert (dead.key, dead.attempts) == ("Patient/bad", QUICK["most_attempts"])
        assert hospital.subject(name="good") == "potential-candidate"


async def test_waiting_for_others_costs_no_attempt(strict: Setup, tmp_path: Path) -> None:
    """However often there is too much to do, nobody is given up for it."""
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        work = Failing(site_of(strict), p1=[BusyError("full")] * 9)
        hospital.context.elsewhere = evaluations_by(work, 30)
        await admitted(hospital, "p1")
        async with running(hospital.context):
            await until(lambda: not listed(hospital))
        assert work.asked["Patient/p1"] == 10
        errors = hospital.context.metrics.errors
        assert all(errors.labels(kind)._value.get() == 0 for kind in ALERTED)  # noqa: SLF001  # no server is to blame
        assert hospital.subject(name="p1") == "potential-candidate"


async def test_nothing_comes_of_what_is_not_written_down(strict: Setup, tmp_path: Path) -> None:
    """Whose record was evaluated is written before the candidate; where it can't be, the patient waits, uncounted."""
    path = tmp_path / "audit" / "events.ndjson"
    async with open_hospital(strict, tmp_path, **QUICK) as hospital:
        tries: list[str] = []
        note = audited_evaluations(AuditFile(path), hospital.clock)

        async def counted(patient: str, studies: tuple[str, ...], /, *, written: bool = False) -> None:
            tries.append(patient)
            await note(patient, studies, written=written)

        hospital.context.audit = counted
        await admitted(hospital, "p1")
        async with running(hospital.context):
            await until(lambda: len(tries) > QUICK_TRIES)
            assert not hospital.written
            path.parent.mkdir()
            await until(lambda: not listed(hospital))
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [each["action"] for each in events] == ["E", "U"]
    written = {each["what"]["reference"] for each in events[1]["entity"] if "reference" in each.get("what", {})}
    assert written == {"Patient/p1", *(f"ResearchStudy/{each.study}" for each in hospital.written)}
    for event in events:
        assert event["entity"][0]["what"] == {"reference": "Patient/p1"}
        assert event["agent"][0]["who"] == {"display": "webhook"}
