"""How often, how much, how long: what is counted, who gives way, and that the guide says what the settings are."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter.errors import BusyError
from adapter.screening.settings import ServerVariables
from adapter.screening.setup import Setup
from adapter.service import settings_from
from adapter.service.errors import TooManyError
from adapter.service.http import RETRY_AFTER
from adapter.service.limits import KIBIBYTE, MEBIBYTE, Allowances, Hold, InFlight, Limits, processors
from adapter.service.tokens import unnamed
from tests.conftest import ROOT
from tests.unit.service.calls import EVALUATE, FHIR, RECORD, Caller, app_with, refusal, resources

UPSTREAM = ("timeout", "total_timeout", "max_answer", "max_record")
TOKEN = "a-token-of-this-test"  # noqa: S105  # opens nothing
OTHERS = 200 * KIBIBYTE


def rows() -> list[str]:
    """The guide's table of limits, by the settings."""
    own = [(f"TRIAL_ADAPTER_{name.upper()}", field) for name, field in Limits.model_fields.items()]
    fhir = [(f"TRIAL_ADAPTER_FHIR_{name.upper()}", ServerVariables.model_fields[name]) for name in UPSTREAM]
    return [f"| `{name}` | {field.description} | {told(field.default)} |" for name, field in own + fhir]


def told(default: object) -> str:
    """A number of bytes in MiB where it is that large; what the machine decides, in words."""
    if isinstance(default, bool):
        return f"{default}".lower()
    if not isinstance(default, int | float):
        return "by the machine"
    return f"{default // MEBIBYTE} MiB" if default >= MEBIBYTE else f"{default}"


def test_the_guide_lists_all_limits() -> None:
    """In one table: a line a setting, in their order, with its words and its default."""
    guide = (ROOT / "docs/running.md").read_text(encoding="utf-8")
    table = guide.partition("## Limits of the service")[2].partition("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows()


@pytest.mark.parametrize("name", Limits.model_fields)
def test_each_is_a_setting(name: str) -> None:
    """Read from the environment by its name."""
    said, read = ("false", False) if Limits.model_fields[name].annotation is bool else ("7", 7)
    assert getattr(settings_from({f"TRIAL_ADAPTER_{name.upper()}": said}).limits, name) == read


@pytest.mark.parametrize(("said", "wanted"), [("200000 100000", 2), ("50000 100000", 1), ("150000 100000", 2)])
def test_a_containers_share_counts(tmp_path: Path, said: str, wanted: int) -> None:
    """A container may have fewer processors than the machine."""
    (tmp_path / "cpu.max").write_text(said, encoding="ascii")
    assert processors(tmp_path / "cpu.max") == min(wanted, processors(tmp_path / "none"))


def test_no_share_is_all_of_them(tmp_path: Path) -> None:
    """Which Linux says with a word."""
    (tmp_path / "cpu.max").write_text("max 100000", encoding="ascii")
    assert processors(tmp_path / "cpu.max") == processors(tmp_path / "none") > 0


class Clock:
    """Time that passes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_so_often_a_period() -> None:
    """All at once, then one by one as time passes; each name by itself."""
    clock = Clock()
    allowed = Allowances(10, 5, clock=clock)
    for _ in range(10):
        allowed.take("a", "too often")
    with pytest.raises(TooManyError, match="too often") as caught:
        allowed.take("a", "too often")
    assert caught.value.retry_after == pytest.approx(0.5)
    allowed.take("b", "too often")
    clock.now += 0.51
    allowed.take("a", "too often")
    with pytest.raises(TooManyError):
        allowed.take("a", "too often")
    clock.now += 100
    for _ in range(10):
        allowed.take("a", "too often")


def test_names_are_forgotten() -> None:
    """The oldest first, so that made-up names fill no memory."""
    allowed = Allowances(1, 60, kept=2, clock=Clock())
    for name in "abc":
        allowed.count(name)
    assert [allowed.wait(name) > 0 for name in "abc"] == [False, True, True]


def flight(clock: Clock) -> InFlight:
    """Room for a MiB."""
    return InFlight(MEBIBYTE, clock)


def test_who_holds_most_gives_way() -> None:
    """And of that caller's, the one that has held on the longest; nobody within the first second."""
    clock, given_up = Clock(), list[str]()
    room = flight(clock)
    with (
        room.hold("hostile", lambda: given_up.append("first")) as first,
        room.hold("hostile", lambda: given_up.append("second")) as second,
        room.hold("good", lambda: given_up.append("good")) as good,
        room.hold("late", lambda: given_up.append("late")) as late,
    ):
        held: list[tuple[Hold, int]] = [(good, 300 * KIBIBYTE), (first, 250 * KIBIBYTE), (second, 250 * KIBIBYTE)]
        for each, size in held:
            each.add(size)
        with pytest.raises(BusyError):
            late.add(400 * KIBIBYTE)
        clock.now += 1.5
        late.add(400 * KIBIBYTE)
        assert given_up == ["first"]
        with pytest.raises(BusyError):
            first.add(1)
    assert room.held == 0


def test_who_holds_more_than_half_gives_way_at_once() -> None:
    """To others, not to themselves."""
    given_up = list[str]()
    room = flight(Clock())
    with (
        room.hold("hostile", lambda: given_up.append("first")) as first,
        room.hold("hostile", lambda: given_up.append("second")) as second,
        room.hold("good", lambda: given_up.append("good")) as good,
    ):
        for each in (first, second):
            each.add(500 * KIBIBYTE)
        with pytest.raises(BusyError):
            second.add(100 * KIBIBYTE)
        good.add(OTHERS)
        assert given_up == ["first"]


def test_little_is_not_counted() -> None:
    """There are only so many connections; crumbs that come to much are."""
    room = flight(Clock())
    with room.hold("a", lambda: None) as small, room.hold("b", lambda: None) as crumbs:
        small.add(64 * KIBIBYTE)
        assert room.held == 0
        for _ in range(65):
            crumbs.add(KIBIBYTE)
        assert room.held == 65 * KIBIBYTE


def test_what_can_never_fit_is_refused() -> None:
    """Also where nobody else holds anything."""
    room = flight(Clock())
    with room.hold("a", lambda: None) as hold, pytest.raises(BusyError):
        hold.add(2 * MEBIBYTE)
    assert room.held == 0


def test_a_caller_who_asks_too_often(strict: Setup) -> None:
    """Is told when to come back."""
    service = Caller(app_with(strict, max_rate=1))
    answers = [service.get("/fhir/metadata") for _ in range(8)]
    assert {each.status_code for each in answers} == {200, 429}
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert refusal(answers[-1])[1] == "throttled"


def test_guessing_tokens(strict: Setup) -> None:
    """Ends soon for an address; who has been let in stays in, and no token at all is still asked for one."""
    service = Caller(app_with(strict, tokens=unnamed([TOKEN], ""), max_failures=5))
    good = {"Authorization": f"Bearer {TOKEN}"}
    assert service.get("/fhir/ResearchStudy", **good).status_code == 200
    guesses = [service.get("/fhir/ResearchStudy", Authorization=f"Bearer guess-{n}").status_code for n in range(8)]
    assert guesses == [401] * 5 + [429] * 3
    assert service.get("/fhir/ResearchStudy", **good).status_code == 200
    assert service.get("/fhir/ResearchStudy").status_code == 401


def test_a_token_that_was_never_seen_waits(strict: Setup) -> None:
    """While its address is guessing, a right guess looks like a wrong one."""
    service = Caller(app_with(strict, tokens=unnamed([TOKEN], ""), max_failures=3))
    for n in range(3):
        service.get("/fhir/ResearchStudy", Authorization=f"Bearer guess-{n}")
    assert service.get("/fhir/ResearchStudy", Authorization=f"Bearer {TOKEN}").status_code == 429


def test_a_large_answer_comes_whole(service: Caller) -> None:
    """Though it is sent in pieces."""
    answer = service.post(EVALUATE, RECORD)
    assert len(answer.content) > 256 * KIBIBYTE
    assert resources(answer, "ResearchSubject")


def test_an_answer_may_be_too_large(strict: Setup) -> None:
    """Which is said in its place."""
    answer = Caller(app_with(strict, max_answer=10_000)).post(EVALUATE, RECORD)
    assert refusal(answer)[:2] == (422, "too-costly")


def test_more_entries_than_a_request_may_have(strict: Setup) -> None:
    """Counted through all Bundles."""
    empty = b'{"resourceType": "Bundle", "entry": [%s]}' % b",".join([b"{}"] * 60)
    nested = b'{"resourceType": "Bundle", "entry": [{"resource": %s}, {"resource": %s}]}' % (empty, empty)
    service = Caller(app_with(strict, max_entries=100))
    assert refusal(service.post(EVALUATE, nested))[0] == 422
    assert "more than 100 entries" in refusal(service.post(EVALUATE, nested))[2]


def test_a_body_that_does_not_come_in_time(strict: Setup) -> None:
    """408: the caller was too slow, not we."""

    async def drops() -> AsyncIterator[bytes]:
        yield RECORD[:10]
        await asyncio.Event().wait()

    service = Caller(app_with(strict, timeout=0.2))
    answer = asyncio.run(service.running("POST", EVALUATE, content=drops(), headers=FHIR))
    assert refusal(answer)[:2] == (408, "timeout")


def test_no_room_for_a_body(strict: Setup) -> None:
    """A body that can't be held is one to send again."""
    answer = Caller(app_with(strict, max_in_flight=100 * KIBIBYTE)).post(EVALUATE, RECORD + b" " * OTHERS)
    assert refusal(answer)[:2] == (503, "transient")
    assert answer.headers["retry-after"] == RETRY_AFTER
    assert not re.search("p1", answer.text)
