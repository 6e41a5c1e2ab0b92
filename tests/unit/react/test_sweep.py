"""What no notification has told is found all the same."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapter.errors import BadAnswerError, ServerError
from adapter.fhir.elements import Json
from adapter.screening.react.context import SWEEP, Context, rules_of
from adapter.screening.react.schedule import CALENDAR, ExpiryCheck
from adapter.screening.react.sweep import Sweep
from adapter.screening.setup import Setup, SiteConfig, load_setup
from adapter.store import duties
from adapter.store.duties import Lease
from tests.unit.react.hospital import (
    NOT_READ,
    Hospital,
    client_of,
    creatinine,
    fit,
    open_hospital,
    policy_of,
    with_leukaemia,
)
from tests.unit.react.hospital import hospital as put_together
from tests.unit.screening.records import condition, of, patient

pytestmark = pytest.mark.anyio


async def take(context: Context, name: str) -> Lease:
    """A turn of a duty, now."""

    def taken(connection: object) -> Lease | None:
        duties.ask(connection, name, context.clock())  # type: ignore[arg-type]  # a Connection
        return duties.acquire(connection, name, context.clock(), context.timing.lease, context.timing.sweep)  # type: ignore[arg-type]  # as above

    lease = await context.database.run(taken)
    assert lease is not None
    return lease


async def sweep(hospital: Hospital) -> int:
    """Sweep, and work until nothing is due; how many claims that took."""
    lease = await take(hospital.context, SWEEP)
    await Sweep(hospital.context, lambda: None)(lease)
    await hospital.context.database.run(lambda c: duties.release(c, lease, hospital.clock(), hospital.clock()))
    return await hospital.settle()


@pytest.fixture(params=["history", "no history"])
async def silent(request: pytest.FixtureRequest, strict: Setup, tmp_path: Path) -> AsyncIterator[Hospital]:
    """A hospital whose server tells nothing, with a history and without."""
    async with open_hospital(strict, tmp_path) as opened:
        opened.loses = True
        opened.server.keeps_history = request.param == "history"
        yield opened


async def test_the_first_sweep_finds_everyone(silent: Hospital) -> None:
    """Whoever has the disease on record when the adapter comes has a ResearchSubject afterwards, and nobody else."""
    silent.put(*with_leukaemia("p1"), *with_leukaemia("p2"), patient("p3"), condition("c3", of("p3"), NOT_READ))
    silent.put(fit("e2", 4, "p2"))
    assert await sweep(silent) == 2
    assert (silent.subject(name="p1"), silent.subject(name="p2")) == ("potential-candidate", "ineligible")


async def test_what_changed_while_nobody_listened(silent: Hospital) -> None:
    """Created, changed, deleted, given to another: after the sweep every subject is what it should be."""
    silent.put(*with_leukaemia("p1"), *with_leukaemia("p2"), *with_leukaemia("p3"), fit("e2", 4, "p2"))
    silent.put(fit("e3", 4, "p3"))
    await sweep(silent)
    silent.clock.pass_(hours=1)
    silent.put(*with_leukaemia("new"), fit("e1", 4, "p1"))
    silent.server.delete("Observation/e2")
    silent.put({**creatinine("e3", 1, "p3"), "code": {"coding": [NOT_READ]}})
    await sweep(silent)
    found = {name: silent.subject(name=name) for name in ("p1", "p2", "p3", "new")}
    open_ = "potential-candidate"
    assert found == {"p1": "ineligible", "p2": open_, "p3": open_, "new": open_}


async def test_a_sweep_without_news_evaluates_nobody(silent: Hospital) -> None:
    """What the overlap shows again has been seen."""
    silent.put(*with_leukaemia("p1"), fit("e1", 4, "p1"))
    assert await sweep(silent) == 1
    assert await sweep(silent) == 0
    silent.clock.pass_(minutes=1)
    assert await sweep(silent) == 0


async def test_a_sweep_that_fails_starts_at_the_same_mark(silent: Hospital) -> None:
    """Nothing between the marks is left out because the server went away in the middle."""
    silent.put(*with_leukaemia("p1"))
    await sweep(silent)
    before = await silent.context.database.run(lambda c: duties.read_mark(c, "history"))
    silent.clock.pass_(hours=1)
    silent.put(fit("e1", 4, "p1"))
    silent.server.down = True
    lease = await take(silent.context, SWEEP)
    with pytest.raises(ServerError):
        await Sweep(silent.context, lambda: None)(lease)
    assert await silent.context.database.run(lambda c: duties.read_mark(c, "history")) == before
    await silent.context.database.run(lambda c: duties.release(c, lease, silent.clock(), silent.clock()))
    silent.server.down = False
    await sweep(silent)
    assert silent.subject() == "ineligible"


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (
            {"fullUrl": "http://hospital.example/fhir/Observation/e1", "resource": {"resourceType": "Observation"}},
            "ineligible",
        ),
        ({"request": {"method": "PUT", "url": "Observation/e1"}}, "ineligible"),
        ({"resource": {"resourceType": "Observation"}, "request": {"method": "POST", "url": "Observation"}}, None),
        ({"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}}, None),
    ],
)
async def test_no_entry_of_a_page_is_passed_over(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch, entry: Json, found: str | None
) -> None:
    """Of what says whose it is without saying what, the name is enough; else the mark stays where it is."""
    hospital.loses = True
    hospital.put(*with_leukaemia("p1"))
    await sweep(hospital)
    before = await hospital.context.database.run(lambda c: duties.read_mark(c, "history"))
    hospital.clock.pass_(hours=1)
    hospital.put(fit("e1", 4, "p1"))
    monkeypatch.setattr(
        hospital.server, "_history", lambda *_: {"resourceType": "Bundle", "type": "history", "entry": [entry]}
    )
    if found is not None:
        await sweep(hospital)
        assert hospital.subject() == found
    else:
        with pytest.raises(BadAnswerError):
            await sweep(hospital)
        assert await hospital.context.database.run(lambda c: duties.read_mark(c, "history")) == before


async def test_another_policy_evaluates_again(silent: Hospital, problem_list: Setup) -> None:
    """Verdicts that were made with another policy are made anew; then there is nothing left to do."""
    silent.put(*with_leukaemia("p1"), *with_leukaemia("p2"))
    await sweep(silent)
    async with client_of(silent.server) as client:
        context = silent.context
        later = put_together(problem_list, silent.server, context.database, client, silent.clock, context.timing)
        assert await sweep(later) == 2
        assert {policy_of(each) for each in later.written} == {"problem-list"}
        assert await sweep(later) == 0


async def test_a_new_study_looks_at_everyone(silent: Hospital, strict: Setup) -> None:
    """Also at those who are known for other studies."""
    silent.put(*with_leukaemia("p1"))
    async with client_of(silent.server) as client:
        context = silent.context
        one = load_setup(SiteConfig(), ["senl-t7"])
        earlier = put_together(one, silent.server, context.database, client, silent.clock, context.timing)
        assert await sweep(earlier) == 1
        assert earlier.subject("nct04785833") is None
        later = put_together(strict, silent.server, context.database, client, silent.clock, context.timing)
        assert await sweep(later) == 1
        assert later.subject("nct04785833") == "potential-candidate"


async def test_a_lost_database_is_made_anew(silent: Hospital, strict: Setup, tmp_path: Path) -> None:
    """With nothing remembered, subjects that stand on the server are kept up, also without the disease on record."""
    silent.put(*with_leukaemia("p1"))
    await sweep(silent)
    silent.server.delete("Condition/p1-c")
    silent.put(fit("e", 4, "p1"))
    (tmp_path / "new").mkdir()
    async with open_hospital(strict, tmp_path / "new") as fresh, client_of(silent.server) as client:
        again = put_together(strict, silent.server, fresh.context.database, client, silent.clock, fresh.context.timing)
        await sweep(again)
        assert again.subject() == "ineligible"


async def test_a_birthday_moves_a_candidate(hospital: Hospital) -> None:
    """With no message at all: the day after the last year that a trial takes, the verdict is another."""
    hospital.put(*with_leukaemia(birthDate="2000-03-05"), fit("e", 1))
    await hospital.settle()
    assert hospital.subject("cd7-cart01") == "potential-candidate"
    lease = await take(hospital.context, CALENDAR)
    calendar = ExpiryCheck(hospital.context, lambda: None)
    await calendar(lease)
    assert hospital.waiting() == []
    hospital.clock.pass_(days=5)
    await calendar(lease)
    await calendar(lease)
    assert await hospital.settle() == 1
    assert hospital.subject("cd7-cart01") == "ineligible"


async def test_a_study_that_is_no_more(hospital: Hospital) -> None:
    """Its verdicts end without anybody being evaluated for them, again and again."""
    hospital.put(*with_leukaemia(birthDate="2000-03-05"), fit("e", 1))
    await hospital.settle()
    hospital.context.rules = rules_of(load_setup(SiteConfig(), ["senl-t7"]))
    hospital.clock.pass_(days=400)
    lease = await take(hospital.context, CALENDAR)
    calendar = ExpiryCheck(hospital.context, lambda: None)
    await calendar(lease)
    await hospital.settle()
    await calendar(lease)
    assert hospital.waiting() == []


async def test_a_value_that_grows_old(hospital: Hospital) -> None:
    """An ECOG of 4 that is older than a month says nothing any more; nobody is ruled out by it."""
    hospital.put(*with_leukaemia(), fit("e", 4))
    await hospital.settle()
    assert hospital.subject() == "ineligible"
    hospital.clock.pass_(days=40)
    await ExpiryCheck(hospital.context, lambda: None)(await take(hospital.context, CALENDAR))
    await hospital.settle()
    assert hospital.subject() == "potential-candidate"


@pytest.mark.parametrize("days", [40, 400])
async def test_a_clock_that_was_ahead_decides_nobody(hospital: Hospital, days: int) -> None:
    """It takes an ECOG of 4 for too old to say anything; once it is right again, so is the candidate."""
    now = hospital.clock.now
    hospital.clock.now = now + timedelta(days=days)
    hospital.put(*with_leukaemia(), fit("e", 4))
    await hospital.settle()
    assert hospital.subject() != "ineligible"
    hospital.clock.now = now + timedelta(minutes=1)
    calendar, lease = ExpiryCheck(hospital.context, lambda: None), await take(hospital.context, CALENDAR)
    await calendar(lease)
    assert await hospital.settle() == 1
    assert hospital.subject() == "ineligible"
    await calendar(lease)
    assert hospital.waiting() == []


async def test_one_process_sweeps(hospital: Hospital) -> None:
    """While one does, no other gets the turn; who lost it stops."""
    await take(hospital.context, SWEEP)
    with pytest.raises(AssertionError):
        await take(hospital.context, SWEEP)
    hospital.clock.pass_(seconds=hospital.context.timing.lease.total_seconds())
    lease = await take(hospital.context, SWEEP)
    assert lease.asked == 3
