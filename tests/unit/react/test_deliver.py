"""Events on their way to the systems that want them."""

import asyncio
import base64
import hashlib
import hmac
import json

import httpx
import pytest

from adapter.screening.react.deliver import EventDelivery
from adapter.store import deliveries
from adapter.store.duties import Lease
from tests.unit.react.hospital import Hospital, fit, with_leukaemia

pytestmark = pytest.mark.anyio

URLS = ("https://one.example/events", "https://two.example/events")
SECRET = "what-the-events-are-signed-with"  # noqa: S105  # a test's
LEASE = Lease(name="deliver", owner="x", asked=0)


class Receivers:
    """The systems at the URLs; `status` of each, 200 if not said. `came`: what they were sent; `refused`: events."""

    def __init__(self) -> None:  # noqa: D107
        self.status: dict[str, int] = {}
        self.came: list[httpx.Request] = []
        self.refused: set[int] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one."""
        status = self.status.get(str(request.url), 200)
        if status == 0:
            msg = "no connection"
            raise httpx.ConnectError(msg)
        self.came.append(request)
        if json.loads(request.content)["id"] in self.refused:
            status = 500
        return httpx.Response(status, headers={"location": "https://elsewhere.example/"} if status == 302 else {})

    def ids(self, url: str) -> list[int]:
        """The numbers of the events that a URL was sent."""
        return [json.loads(each.content)["id"] for each in self.came if str(each.url) == url]


@pytest.fixture
def receivers() -> Receivers:
    """Both, well."""
    return Receivers()


@pytest.fixture
def deliver(hospital: Hospital, receivers: Receivers) -> EventDelivery:
    """What sends to them."""
    hospital.context.urls = URLS
    http = httpx.AsyncClient(transport=httpx.MockTransport(receivers), follow_redirects=False)
    return EventDelivery(hospital.context, http, SECRET)


async def changed(hospital: Hospital, score: int = 4) -> int:
    """Make events; how many there are now."""
    hospital.put(*with_leukaemia(), fit("e", score))
    await hospital.settle()
    return len(hospital.events())


def undelivered(hospital: Hospital) -> dict[str, int]:
    """What is still to be sent, and what was given up."""
    with hospital.context.database.transaction() as connection:
        return deliveries.undelivered(connection)


async def test_each_url_gets_each_event_once(hospital: Hospital, receivers: Receivers, deliver: EventDelivery) -> None:
    """In their order."""
    count = await changed(hospital)
    await deliver(LEASE)
    await deliver(LEASE)
    for url in URLS:
        assert receivers.ids(url) == list(range(1, count + 1))
    assert undelivered(hospital) == {}


async def test_the_signature(hospital: Hospital, receivers: Receivers, deliver: EventDelivery) -> None:
    """A receiver that knows the secret can check whose it is and when it was sent."""
    await changed(hospital)
    await deliver(LEASE)
    sent = receivers.came[0]
    content = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.content
    expected = base64.b64encode(hmac.new(SECRET.encode(), content, hashlib.sha256).digest()).decode()
    assert sent.headers["webhook-signature"] == f"v1,{expected}"
    event = json.loads(sent.content)
    assert (event["type"], event["subject"], event["old"]) == ("verdict-changed", "Patient/p1", None)
    assert set(event["new"]) == {"decision"}


@pytest.mark.parametrize("trouble", [0, 302, 404, 500])
async def test_one_that_does_not_take_it(
    hospital: Hospital, receivers: Receivers, deliver: EventDelivery, trouble: int
) -> None:
    """It is sent again later, the later ones after it; the other URL isn't held up, and nobody else is called."""
    count = await changed(hospital)
    receivers.status[URLS[0]] = trouble
    await deliver(LEASE)
    assert receivers.ids(URLS[1]) == list(range(1, count + 1))
    assert undelivered(hospital) == {"waiting": count}
    receivers.came.clear()
    receivers.status.clear()
    for _ in range(3):
        hospital.clock.pass_(minutes=1)
        await deliver(LEASE)
    assert receivers.ids(URLS[0]) == list(range(1, count + 1))
    assert {str(each.url) for each in receivers.came} == {URLS[0]}


@pytest.mark.parametrize("trouble", [0, 503])
async def test_what_waits_for_one_url_is_not_in_anothers_way(
    hospital: Hospital, receivers: Receivers, deliver: EventDelivery, trouble: int
) -> None:
    """However many wait: one that took nothing kept all others from their events, once there were fifty."""
    receivers.status[URLS[0]] = trouble
    for number in range(15):
        hospital.put(*with_leukaemia(f"p{number}"))
    await hospital.settle()
    await deliver(LEASE)
    hospital.put(*with_leukaemia("last"))
    await hospital.settle()
    everything = len(hospital.events())
    assert everything > 50
    await deliver(LEASE)
    assert receivers.ids(URLS[1]) == list(range(1, everything + 1))


async def test_one_that_never_answers_is_left_alone_for_a_while(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round waits for it; without a rest every round would."""
    monkeypatch.setattr("adapter.screening.react.deliver._PATIENCE", 0.05)
    tried: list[str] = []

    async def silent(request: httpx.Request) -> httpx.Response:
        tried.append(str(request.url))
        if str(request.url) == URLS[0]:
            await asyncio.sleep(60)
        return httpx.Response(200)

    hospital.context.urls = URLS
    deliver = EventDelivery(hospital.context, httpx.AsyncClient(transport=httpx.MockTransport(silent)), SECRET)
    count = await changed(hospital)
    for _ in range(2):
        hospital.put(*with_leukaemia("p2"))
        await hospital.settle()
        await deliver(LEASE)
    assert tried.count(URLS[0]) == 1
    assert tried.count(URLS[1]) > count
    hospital.clock.pass_(minutes=1)
    await deliver(LEASE)
    assert tried.count(URLS[0]) == 2


async def test_later_events_of_a_patient_wait_for_the_earlier_one(
    hospital: Hospital, receivers: Receivers, deliver: EventDelivery
) -> None:
    """What comes while one is waiting to be tried again is sent after it; other patients' events are sent at once."""
    first = await changed(hospital, 4)
    receivers.status[URLS[0]] = 503
    await deliver(LEASE)
    receivers.status.clear()
    receivers.came.clear()
    both = await changed(hospital, 1)
    hospital.put(*with_leukaemia("p2"))
    await hospital.settle()
    everything = len(hospital.events())
    await deliver(LEASE)
    assert receivers.ids(URLS[0]) == list(range(both + 1, everything + 1))
    hospital.clock.pass_(minutes=1)
    await deliver(LEASE)
    assert receivers.ids(URLS[0])[everything - both :] == list(range(1, both + 1))
    assert first < both < everything


async def test_what_was_given_up_is_not_sent_after_a_later_one(
    hospital: Hospital, receivers: Receivers, deliver: EventDelivery
) -> None:
    """Else the receiver would end with the older decision."""
    first = await changed(hospital, 4)
    receivers.status[URLS[0]] = 500
    for _ in range(21 * first):
        hospital.clock.pass_(hours=7)
        await deliver(LEASE)
    receivers.status.clear()
    await changed(hospital, 1)
    await deliver(LEASE)
    with hospital.context.database.transaction() as connection:
        again = deliveries.retry(connection, hospital.clock.now)
    receivers.came.clear()
    await deliver(LEASE)
    later = {(event.patient, event.study) for event in hospital.events() if event.id > first}
    overtaken = [event.id for event in hospital.events() if event.id <= first and (event.patient, event.study) in later]
    assert overtaken
    assert again == len(receivers.ids(URLS[0])) == first - len(overtaken)


@pytest.mark.parametrize("tries", [0, 1, 3])
@pytest.mark.parametrize("hours", [1, 8])
async def test_a_clock_that_was_ahead_holds_nothing_up(
    hospital: Hospital, receivers: Receivers, deliver: EventDelivery, hours: int, tries: int
) -> None:
    """What it stored as due later than so many tries allow is due now."""
    hospital.clock.pass_(hours=hours)
    count = await changed(hospital)
    receivers.status[URLS[0]] = 500
    for _ in range(tries):
        await deliver(LEASE)
        hospital.clock.pass_(minutes=1)
    receivers.status.clear()
    receivers.came.clear()
    hospital.clock.pass_(hours=-hours, minutes=-tries)
    await deliver(LEASE)
    assert receivers.ids(URLS[0]) == list(range(1, count + 1))


async def test_one_that_takes_every_second_event_gets_them_all_in_one_round(
    hospital: Hospital, receivers: Receivers, deliver: EventDelivery
) -> None:
    """What it refuses holds up that patient's events alone."""
    for name in ("p1", "p2", "p3", "p4"):
        hospital.put(*with_leukaemia(name))
        await hospital.settle()
    patients = {event.id: event.patient for event in hospital.events()}
    receivers.refused = {min(number for number, of in patients.items() if of == f"Patient/p{n}") for n in (1, 3)}
    await deliver(LEASE)
    taken = set(receivers.ids(URLS[1])) - receivers.refused
    assert {patients[number] for number in taken} == {"Patient/p2", "Patient/p4"}
    assert undelivered(hospital) == {"waiting": 2 * (len(patients) - len(taken))}


@pytest.mark.parametrize(("trouble", "asked"), [(500, 3), (404, 3), (429, 1), (503, 1)])
async def test_one_that_takes_nothing_is_left_alone(
    hospital: Hospital, receivers: Receivers, deliver: EventDelivery, trouble: int, asked: int
) -> None:
    """After a few refusals, or one that speaks for all, it gets no more in this round."""
    for number in range(1, 6):
        hospital.put(*with_leukaemia(f"p{number}"))
        await hospital.settle()
    receivers.status[URLS[0]] = trouble
    await deliver(LEASE)
    assert len(receivers.ids(URLS[0])) == asked


async def test_one_that_never_takes_it(hospital: Hospital, receivers: Receivers, deliver: EventDelivery) -> None:
    """After about two days the event is given up, until a person asks for it again."""
    count = await changed(hospital)
    receivers.status[URLS[0]] = 500
    for _ in range(21 * count):
        hospital.clock.pass_(hours=7)
        await deliver(LEASE)
    assert undelivered(hospital) == {"dead": count}
    receivers.status.clear()
    with hospital.context.database.transaction() as connection:
        assert deliveries.retry(connection, hospital.clock.now) == count
    await deliver(LEASE)
    assert undelivered(hospital) == {}
