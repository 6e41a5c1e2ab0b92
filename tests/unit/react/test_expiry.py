"""The duty that deletes what is old."""

from functools import partial

import pytest

from adapter.errors import StoreError
from adapter.screening.react.schedule import EXPIRE, DataExpiry, running
from adapter.store import duties, verdicts
from adapter.store.duties import Lease
from tests.unit.react.hospital import Hospital, until, with_leukaemia
from tests.unit.react.test_sweep import take

pytestmark = pytest.mark.anyio


async def round_(hospital: Hospital) -> int:
    """One round; how many events are left."""
    hospital.clock.pass_(minutes=10)
    lease = await take(hospital.context, EXPIRE)
    await DataExpiry(hospital.context)(lease)
    await hospital.context.database.run(
        partial(duties.release, lease=lease, now=hospital.clock(), again=hospital.clock())
    )
    return len(hospital.events())


@pytest.fixture
async def count(hospital: Hospital) -> int:
    """How many events there are, all of today."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    return await round_(hospital)


async def test_events_stay_as_long_as_the_site_keeps_them(hospital: Hospital, count: int) -> None:
    """Ninety days if it says nothing; verdicts, which are the present state, stay."""
    assert count > 0
    hospital.clock.pass_(days=89)
    assert await round_(hospital) == await round_(hospital) == count
    hospital.clock.pass_(days=1)
    await round_(hospital)
    assert await round_(hospital) == 0
    with hospital.context.database.reading() as connection:
        assert len(verdicts.of_patient(connection, "Patient/p1")) == count
    assert hospital.context.metrics.expired.labels("events")._value.get() == count  # noqa: SLF001  # no other way


async def test_a_clock_that_is_ahead_for_a_moment_deletes_nothing(hospital: Hospital, count: int) -> None:
    """An instant counts only when the round after it has come."""
    hospital.clock.pass_(days=3650)
    assert await round_(hospital) == count
    hospital.clock.pass_(days=-3650)
    assert await round_(hospital) == await round_(hospital) == count


async def test_a_round_is_bounded(hospital: Hospital) -> None:
    """What is left waits for the next."""

    def fill(connection: object) -> None:
        for _ in range(12_000):
            verdicts.record_event(connection, hospital.clock(), ("Patient/x", "s", None, "candidate"), (), ())  # type: ignore[arg-type]  # a connection

    await hospital.context.database.run(fill)
    await round_(hospital)
    hospital.clock.pass_(days=91)
    assert await round_(hospital) == 12_000
    assert await round_(hospital) == 2_500  # 19 batches of 500: two others look for deliveries, and for verdicts
    assert await round_(hospital) == 0


async def test_one_process_at_a_time(hospital: Hospital, count: int) -> None:
    """Who has lost the duty deletes nothing."""
    lost = Lease(name=EXPIRE, owner="somebody else", asked=0)
    with pytest.raises(StoreError, match="another process"):
        await DataExpiry(hospital.context)(lost)
    assert len(hospital.events()) == count


async def test_a_running_service_does_it(hospital: Hospital, count: int) -> None:
    """By itself, again and again."""
    assert count > 0
    hospital.clock.pass_(days=200)
    await round_(hospital)
    async with running(hospital.context, patience=1):
        await until(lambda: not hospital.events())
