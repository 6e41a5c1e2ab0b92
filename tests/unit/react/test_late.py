"""A server may carry out late what it was asked, after it was given up, and tried again with newer data."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from adapter.errors import OverloadedError
from adapter.evaluator.verdict import instant
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import PROPOSAL, STUDY
from adapter.fhir.research_subject import Proposal, says_the_same
from adapter.fhir.write_back import ResearchServer, Retirement
from adapter.screening.react.context import SWEEP
from adapter.screening.react.sweep import Sweep
from adapter.screening.setup import Setup
from adapter.store import duties, queue
from bench.fhir_stub import Refusal
from tests.unit.react.hospital import Hospital, Json, creatinine, fit, open_hospital, with_leukaemia
from tests.unit.react.test_forget import subject
from tests.unit.react.test_sweep import sweep, take

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["_lastUpdated", "no _lastUpdated"])
async def hospital(request: pytest.FixtureRequest, strict: Setup, tmp_path: Path) -> AsyncIterator[Hospital]:
    """A hospital that writes as the service does, whose server finds what is new, or can't."""
    async with open_hospital(strict, tmp_path) as opened:
        research = ResearchServer(opened.context.research)

        async def write(found: Sequence[Proposal], identifiers: tuple[tuple[str, str], ...], /) -> None:
            await research.write(found, identifiers)

        async def retire(patient: str, studies: frozenset[str], /, *, is_gone: bool) -> int:
            return await research.retire(patient, studies, Retirement.WITHDRAW, is_gone=is_gone)

        opened.context.write, opened.context.retire = write, retire
        for each in strict.definitions:
            identifier = {"system": STUDY, "value": each.id}
            opened.server.put({"resourceType": "ResearchStudy", "id": each.id, "identifier": [identifier]})
        if request.param == "no _lastUpdated":
            search = opened.server._search  # noqa: SLF001  # the stub is ours

            def refusing(type_: str, query: dict[str, str]) -> Json:
                if "_lastUpdated" in query:
                    raise Refusal(400)
                return search(type_, query)

            opened.server._search = refusing  # type: ignore[method-assign]  # noqa: SLF001  # as above
        await sweep(opened)
        yield opened


async def held(hospital: Hospital, late: bytes) -> Callable[[], None]:
    """An evaluation whose write the server does not come to; what has it come to it, whatever stands there then."""
    await hospital.deliver()
    (claim,) = await hospital.claim()
    kept: list[bytes] = []
    answer = hospital.server.answer

    def stands_still(method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> tuple[int, Json]:
        if method == "POST" and not path and late in body:
            kept.append(body)
            hospital.server.down = True
        return answer(method, path, query, body, headers)

    hospital.server.answer = stands_still  # type: ignore[method-assign]
    with pytest.raises(OverloadedError):
        await hospital.work(claim)
    hospital.server.answer = answer  # type: ignore[method-assign]
    hospital.server.down = False
    now = hospital.clock()
    await hospital.context.database.run(lambda found: queue.fail(found, claim, "OverloadedError", now, counts=False))

    def carry_out() -> None:
        with suppress(Refusal):
            answer("POST", "", "", kept[0], {})

    return carry_out


def written(hospital: Hospital) -> list[Json]:
    """What stands on the research server."""
    return [each for type_ in ("ResearchSubject", "GuidanceResponse") for each in hospital.server.all(type_)]


@pytest.mark.parametrize("late", [b"ifNoneExist", b"ifMatch"])
async def test_it_overwrites_nothing_newer(hospital: Hospital, late: bytes) -> None:
    """What has been written since stands, also before the next sweep."""
    hospital.put(*with_leukaemia())
    carry_out = await held(hospital, late)
    hospital.put(fit("e1", 4))
    await hospital.settle()
    newest = written(hospital)
    assert {each["status"] for each in newest} >= {"ineligible"}
    carry_out()
    assert written(hospital) == newest
    assert hospital.waiting() == []


@pytest.mark.parametrize("news", ["changed", "only told"])
async def test_of_what_stood_before(hospital: Hospital, news: str) -> None:
    """Nothing had to be written since, as what stood was right again: a sweep writes it once more."""
    hospital.put(*with_leukaemia(), *([fit("e1", 1)] if news == "only told" else []))
    await hospital.settle()
    right = written(hospital)
    hospital.put(fit("e1", 4) if news == "changed" else creatinine("c1", 90))
    carry_out = await held(hospital, b"ifMatch")
    hospital.server.delete("Observation/e1" if news == "changed" else "Observation/c1")
    await hospital.settle()
    assert written(hospital) == right
    carry_out()
    assert not all(map(says_the_same, written(hospital), right))
    hospital.clock.pass_(minutes=15)
    await sweep(hospital)
    assert all(map(says_the_same, written(hospital), right))
    hospital.clock.pass_(minutes=15)
    await sweep(hospital)
    assert hospital.waiting() == []


@pytest.mark.parametrize(
    ("gone", "status"), [("Condition", "ineligible"), ("Patient", "withdrawn"), ("nothing", "potential-candidate")]
)
async def test_of_whom_no_verdict_is_kept(hospital: Hospital, gone: str, status: str) -> None:
    """A subject comes to be of somebody without the disease, or who is gone or forgotten: a sweep puts it right."""
    hospital.put(*with_leukaemia())
    carry_out = await held(hospital, b"ifNoneExist")
    for key in ("Condition/p1-c", "Patient/p1"):
        if gone in ("Patient", key.partition("/")[0]):
            hospital.server.delete(key)
    if gone == "nothing":
        await hospital.context.erase.person("Patient/p1", hospital.context.timing.lease)
        hospital.notifications.clear()
    else:
        hospital.put(fit("e1", 4))
    await hospital.settle()
    assert written(hospital) == []
    hospital.clock.pass_(hours=1)
    seen = instant(hospital.clock())  # by a sweep of the record server
    await hospital.context.database.run(lambda found: duties.set_mark(found, "history", seen))
    carry_out()
    hospital.clock.pass_(minutes=15)
    await sweep(hospital)
    subjects = hospital.server.all("ResearchSubject")
    assert (subject(hospital) or {})["status"] == status
    is_named = {"reference": "Patient/p1"} in [each["individual"] for each in subjects]
    has_proposal = {PROPOSAL} <= {extension["url"] for each in subjects for extension in each["extension"]}
    assert is_named is has_proposal is (gone != "Patient")
    assert len(hospital.server.all("GuidanceResponse")) == (0 if gone == "Patient" else len(subjects))
    assert hospital.waiting() == []


@pytest.mark.parametrize("how", [Retirement.WITHDRAW, Retirement.DELETE])
async def test_an_erasure_of_who_came_back(hospital: Hospital, how: Retirement, request: pytest.FixtureRequest) -> None:
    """Whatever of it the server carries out late takes nothing away that was written since."""

    async def retire(patient: str, studies: frozenset[str], /, *, is_gone: bool) -> int:
        return await ResearchServer(hospital.context.research).retire(patient, studies, how, is_gone=is_gone)

    hospital.context.retire = retire
    hospital.put(*with_leukaemia())
    await hospital.settle()
    kept: list[tuple[str, str, str, bytes]] = []
    answer = hospital.server.answer

    def keeps(method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> tuple[int, Json]:
        if method != "DELETE" and b"withdrawn" not in body:
            return answer(method, path, query, body, headers)
        kept.append((method, path, query, body))
        hospital.server.answer = answer  # type: ignore[method-assign]  # for the entries of a transaction
        try:
            return answer(method, path, query, body, headers)
        finally:
            hospital.server.answer = keeps  # type: ignore[method-assign]

    hospital.server.answer = keeps  # type: ignore[method-assign]
    hospital.server.delete("Condition/p1-c")
    hospital.server.delete("Patient/p1")
    await hospital.settle()
    hospital.server.answer = answer  # type: ignore[method-assign]
    assert hospital.server.all("GuidanceResponse") == []
    assert kept
    if how is Retirement.DELETE and "no _lastUpdated" in request.node.name:
        return  # a server that can't find by time can't be told which version to delete
    hospital.clock.pass_(seconds=1)
    hospital.put(*with_leukaemia())
    await hospital.settle()
    newest = written(hospital)
    assert any(each["resourceType"] == "GuidanceResponse" for each in newest)
    for method, path, query, body in kept:
        with suppress(Refusal):
            answer(method, path, query, body, {})
    assert written(hospital) == newest


async def test_on_a_server_without_the_records(hospital: Hospital) -> None:
    """The patient is named there by an identifier of theirs, whatever characters it has."""
    name = {"system": "http://hospital.example/mrn", "value": "M,1"}
    settings = ServerSettings(url="http://research.example/fhir", attempts=1, wait=0)
    async with open_client(settings, httpx.ASGITransport(hospital.server)) as research:
        server = ResearchServer(research, hospital.context.record.url)

        async def write(found: Sequence[Proposal], identifiers: tuple[tuple[str, str], ...], /) -> None:
            await server.write(found, identifiers)

        hospital.context.write, hospital.context.research = write, research
        too_long = {"system": name["system"], "value": "9" * 10_000}
        hospital.put(*with_leukaemia(identifier=[too_long, name]))
        carry_out = await held(hospital, b"ifNoneExist")
        hospital.server.delete("Condition/p1-c")
        hospital.put(fit("e1", 4))
        await hospital.settle()
        assert written(hospital) == []
        carry_out()
        assert {each["individual"]["identifier"]["value"] for each in written(hospital)} == {"M,1"}
        hospital.clock.pass_(minutes=15)
        await sweep(hospital)
        assert {each["status"] for each in written(hospital)} >= {"ineligible"}


async def test_each_version_is_looked_at_once(hospital: Hospital) -> None:
    """What a later evaluation left as it was looks like what was written late, for as long as it is in the overlap."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    hospital.put(creatinine("c1", 90))
    hospital.server.delete("Observation/c1")
    await hospital.settle()
    duty, context, claims = Sweep(hospital.context, lambda: None), hospital.context, []
    for _ in range(4):
        hospital.clock.pass_(minutes=1)
        lease = await take(context, SWEEP)
        await duty(lease)
        await context.database.run(partial(duties.release, lease=lease, now=context.clock(), again=context.clock()))
        claims.append(await hospital.settle())
    assert claims == [1, 0, 0, 0]
