"""What the inbox stores: gaps in event numbers, resources to be looked up, other definitions."""

import pytest

from adapter.screening.react.changes import ResourceChange
from adapter.screening.react.context import SWEEP, rules_of
from adapter.screening.react.inbox import Notification, TopicStatus
from adapter.screening.setup import Setup
from adapter.store import duties
from tests.unit.react.hospital import Hospital, fit, policy_of, with_leukaemia
from tests.unit.screening.records import T_ALL, condition, of, patient

pytestmark = pytest.mark.anyio

HANDSHAKE, HEARTBEAT, EVENT = "handshake", "heartbeat", "event-notification"
SEQUENCES: dict[str, tuple[list[tuple[str, tuple[int, ...], int | None]], list[int]]] = {
    "all in order": ([(HANDSHAKE, (), 0), (EVENT, (1,), 1), (EVENT, (2, 3), 3), (HEARTBEAT, (), 3)], []),
    "one is missing": ([(HANDSHAKE, (), 0), (EVENT, (1,), 1), (EVENT, (3,), 3)], [2]),
    "some are missing within one": ([(HANDSHAKE, (), 0), (EVENT, (1, 4), None)], [1]),
    "twice the same": ([(HANDSHAKE, (), 0), (EVENT, (1,), 1), (EVENT, (1,), 1), (EVENT, (2,), 2)], []),
    "out of order": ([(HANDSHAKE, (), 0), (EVENT, (2,), 2), (EVENT, (1,), 1), (EVENT, (3,), 3)], [1]),
    "a heartbeat that knows more": ([(HANDSHAKE, (), 0), (EVENT, (1,), 1), (HEARTBEAT, (), 4)], [2]),
    "the last ones are missing": ([(HANDSHAKE, (), 0), (EVENT, (1,), 3)], [1]),
    "the first that is ever seen": ([(EVENT, (57,), 57), (EVENT, (58,), 58)], [0]),
    "a new beginning": ([(HANDSHAKE, (), 0), (EVENT, (1, 2), 2), (HANDSHAKE, (), 0), (EVENT, (1,), 1)], []),
}


@pytest.mark.parametrize("name", SEQUENCES)
async def test_event_numbers(hospital: Hospital, name: str) -> None:
    """A gap asks for a sweep, and nothing else does."""
    messages, gaps = SEQUENCES[name]
    found = []
    for place, (kind, numbers, since_start) in enumerate(messages):
        topic = TopicStatus(
            subscription="Subscription/s", numbers=numbers, since_start=since_start, is_handshake=kind == HANDSHAKE
        )
        hospital.inbox.sweep_asked.clear()
        await hospital.inbox.store(Notification(kind=kind, topic=topic))
        if hospital.inbox.sweep_asked.is_set():
            found.append(place)
    assert found == gaps


async def test_subscriptions_are_counted_apart(hospital: Hospital) -> None:
    """Each has numbers of its own."""
    for name in ("a", "b"):
        await hospital.inbox.store(
            Notification(kind=EVENT, topic=TopicStatus(subscription=name, numbers=(1,), since_start=1))
        )
    assert not hospital.inbox.sweep_asked.is_set()


async def test_a_sweep_that_is_asked_for_is_stored(hospital: Hospital) -> None:
    """Also if the process ends before it begins."""
    await hospital.inbox.store(Notification(kind="ping", sweep=True))
    with hospital.context.database.reading() as connection:
        assert duties.due_at(connection, SWEEP) == hospital.clock.now


async def test_a_resource_that_is_only_named(hospital: Hospital) -> None:
    """It is read from the server, and its patient is evaluated."""
    hospital.put(*with_leukaemia(), fit("e", 4))
    hospital.notifications = [Notification(kind="changed", changes=(ResourceChange(resource="Condition/p1-c"),))]
    await hospital.settle()
    assert hospital.subject() == "ineligible"
    hospital.put(fit("e", 1))
    hospital.notifications = [Notification(kind="changed", changes=(ResourceChange(resource="Observation/e"),))]
    await hospital.settle()
    assert hospital.subject() == "potential-candidate"


async def test_a_named_resource_that_is_gone(hospital: Hospital) -> None:
    """Whose it was is known from their last evaluation."""
    hospital.put(*with_leukaemia(), fit("e", 4))
    await hospital.settle()
    hospital.server.delete("Observation/e")
    hospital.notifications = [Notification(kind="changed", changes=(ResourceChange(resource="Observation/e"),))]
    await hospital.settle()
    assert hospital.subject() == "potential-candidate"


async def test_a_patient_who_is_named_by_identifier(hospital: Hospital) -> None:
    """A reference without an id is resolved on the server."""
    hospital.put(patient(identifier=[{"system": "s", "value": "v,1"}]))
    named = {"identifier": {"system": "s", "value": "v,1"}}
    hospital.put(condition("c", named, T_ALL))
    assert hospital.notifications[-1].changes[0].touches is None
    asked = len(hospital.server.asked)
    await hospital.settle()
    assert "GET Condition/c" in hospital.server.asked[asked:]
    assert "GET Patient" in hospital.server.asked[asked:]
    assert hospital.waiting() == []


async def test_a_resource_of_nobody(hospital: Hospital) -> None:
    """An Observation of a device, or one that names nobody at all, ends there."""
    hospital.put({**fit("d", 4), "subject": {"reference": "Device/d"}}, {**fit("n", 4), "subject": {}})
    assert await hospital.settle() == 1
    assert hospital.waiting() == []


async def test_other_definitions_while_running(hospital: Hospital, problem_list: Setup) -> None:
    """A site whose policy or trials are replaced goes on with the new ones."""
    hospital.put(*with_leukaemia())
    await hospital.settle()
    hospital.context.rules = rules_of(problem_list)
    hospital.put(fit("e", 4))
    await hospital.settle()
    assert policy_of(hospital.written[-1]) == "problem-list"


async def test_another_patients_condition(hospital: Hospital) -> None:
    """A resource of a patient who isn't there is theirs all the same: they are looked for, and are gone."""
    hospital.put(condition("c", of("nobody"), T_ALL))
    await hospital.settle()
    assert hospital.waiting() == []
    assert hospital.events() == []
