"""Real subscriptions of a real HAPI: after a storm of changes nothing is lost, whatever happens in it."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapter.fhir.elements import BASED_ON, PROPOSAL
from adapter.screening.react.context import rules_of
from adapter.screening.setup import Setup
from tests.integration.hapi.client import Hapi
from tests.integration.hapi.server import Process
from tests.integration.proxy.faults import Fault, Faults
from tests.integration.proxy.proxy import Proxy
from tests.integration.waiting import wait_until
from tests.integration.webhook.adapter_process import Adapter
from tests.integration.webhook.patients import Storm, send
from tests.integration.webhook.relay import Relay
from tests.integration.webhook.truth import proposals, wait_until_right

PATIENTS = int(os.environ.get("SOAK_PATIENTS", "40"))
"""How many there are in the largest storm; `make soak` takes more."""

IS_SOAK = "SOAK_PATIENTS" in os.environ
FEWER = PATIENTS if IS_SOAK else PATIENTS // 3
"""How many there are in the storms around a failure."""

StartAdapter = Callable[..., Adapter]


@pytest.fixture
def start_adapter(own_hapi: Hapi, tmp_path: Path) -> Iterator[StartAdapter]:
    """Start the adapter beside HAPI, the trials published; its Subscriptions are deleted at the end."""
    started: list[Adapter] = []
    own_hapi.empty()

    def start(fhir_url: str = "", hook: str = "", **settings: str) -> Adapter:
        adapter = Adapter(tmp_path, fhir_url or own_hapi.url, settings)
        adapter.settings.setdefault("HOOK_URL", hook or adapter.hook)
        if not started:
            Adapter(tmp_path, own_hapi.url).run("publish")
        started.append(adapter)
        adapter.start()
        return adapter

    yield start
    for adapter in started:
        adapter.stop()
        adapter.fhir_url = own_hapi.url
        adapter.run("unsubscribe")


def carry_out_late(hapi: Hapi, identifier: str) -> None:
    """What a server does that comes late to a write of the adapter's, of an evaluation that was given up."""
    stands = hapi.http.get(f"ResearchSubject?identifier={identifier}").json()["entry"][0]["resource"]
    decision = "ineligible" if stands["status"] != "ineligible" else "potential-candidate"
    ours = [{"url": PROPOSAL, "valueCode": decision}, {"url": BASED_ON, "valueId": stands["meta"]["versionId"]}]
    others = [each for each in stands["extension"] if each["url"] not in {PROPOSAL, BASED_ON}]
    hapi.put({**stands, "status": decision, "extension": [*others, *ours]})


def test_three_times_and_out_of_order(own_hapi: Hapi, start_adapter: StartAdapter, strict: Setup) -> None:
    """40 patients, some changes each, deletions too, every notification thrice and late; a person's word stands."""
    storm = Storm(seed=1, patients=PATIENTS, prefix="order-")
    with Relay(seed=1) as relay:
        adapter = start_adapter(hook=f"{relay.url}/hook")
        relay.target = adapter.url
        own_hapi.transact(storm.now.values())
        wait_until_right(own_hapi, storm.names, strict, adapter)
        chosen = next(iter(proposals(own_hapi)))
        subject = own_hapi.http.get(f"ResearchSubject?identifier={chosen}").json()["entry"][0]["resource"]
        own_hapi.put({**subject, "status": "on-study"})
        for change in storm.changes(3):
            send(own_hapi, change)
        wait_until_right(own_hapi, storm.names, strict, adapter)
        relay.drain()
        assert relay.taken > 100
        wait_until_right(own_hapi, storm.names, strict, adapter)
        carry_out_late(own_hapi, next(each for each in proposals(own_hapi) if each != chosen))
        wait_until_right(own_hapi, storm.names, strict, adapter)
    assert proposals(own_hapi)[chosen][0] == "on-study"
    assert adapter.ready()["queue"]["dead"] == 0
    assert "order-" not in adapter.log()  # invariant 8


def test_killed_and_locked(own_hapi: Hapi, start_adapter: StartAdapter, strict: Setup, tmp_path: Path) -> None:
    """Killed at random moments and started again, the database locked by another for longer than anybody waits."""
    storm = Storm(seed=2, patients=FEWER, prefix="kill-")
    adapter = start_adapter()
    own_hapi.transact(storm.now.values())
    changes, locker = list(storm.changes(4)), threading.Thread()
    for number, change in enumerate(changes):
        send(own_hapi, change)
        if number % 40 == 15 and not locker.is_alive():
            locker = threading.Thread(target=_lock, args=(tmp_path / "hook.db", 8))
            locker.start()
        if number % 20 == 15:  # the first time while the database is locked, the second time soon after
            adapter.kill()
            adapter.start()
    wait_until_right(own_hapi, storm.names, strict, adapter)
    assert adapter.times_started == 1 + len(changes) // 20
    assert adapter.ready()["queue"]["dead"] == 0
    with sqlite3.connect(tmp_path / "hook.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def _lock(file: Path, seconds: float) -> None:
    with sqlite3.connect(file, isolation_level=None, timeout=120) as database:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        database.execute("ROLLBACK")
    database.close()


def test_nobody_listens(own_hapi: Hapi, start_adapter: StartAdapter, strict: Setup) -> None:
    """While the adapter is down its Subscriptions are deleted, and then everything changes; the start finds it all."""
    storm = Storm(seed=3, patients=FEWER, prefix="deaf-")
    own_hapi.transact(storm.now.values())
    adapter = start_adapter()
    wait_until_right(own_hapi, storm.names, strict, adapter)
    adapter.stop()
    assert "Application shutdown complete" in adapter.log()
    assert adapter.run("unsubscribe").startswith(f"{len(rules_of(strict).relevance.types)} deleted")
    for change in storm.changes(2):
        send(own_hapi, change)
    adapter.start()
    wait_until_right(own_hapi, storm.names, strict, adapter)
    assert adapter.ready()["status"] == "ok"
    adapter.run("status")  # it would fail if one were not in order
    for change in storm.changes(1):
        send(own_hapi, change)
    wait_until_right(own_hapi, storm.names, strict, adapter)


def test_a_server_that_is_away(
    own_hapi: Hapi, open_proxy: Callable[[str], Proxy], start_adapter: StartAdapter, strict: Setup
) -> None:
    """Notifications come, and for a while nothing can be read or written; later, at times, it goes wrong still."""
    storm = Storm(seed=4, patients=FEWER, prefix="away-")
    proxy = open_proxy(own_hapi.url)
    adapter = start_adapter(proxy.url)
    own_hapi.transact(storm.now.values())
    wait_until_right(own_hapi, storm.names, strict, adapter)
    proxy.faults = Faults(seed=4, rate=1, kinds=(Fault.CUT_BEFORE, Fault.STATUS_503))
    for change in storm.changes(3):
        send(own_hapi, change)
    wait_until(lambda: adapter.metric("errors_total") >= 5)
    assert adapter.ready()["queue"]["waiting"] > 0
    proxy.faults = Faults(seed=5, rate=0.1)
    wait_until_right(own_hapi, storm.names, strict, adapter)
    assert adapter.ready()["queue"]["dead"] == 0


@pytest.mark.skipif(not IS_SOAK, reason="takes minutes: make soak")
def test_a_server_that_is_stopped(start_hapi: Callable[..., Process], tmp_path: Path, strict: Setup) -> None:
    """HAPI itself is stopped in the middle of a storm, longer than its own retries would have lasted."""
    server = start_hapi(keeps_data=True)
    hapi, adapter = Hapi(server.url), Adapter(tmp_path, server.url)
    adapter.settings["HOOK_URL"] = adapter.hook
    adapter.run("publish")
    adapter.start()
    try:
        storm_around_stops(server, hapi, adapter, strict)
    finally:
        adapter.stop()
        hapi.http.close()


def storm_around_stops(server: Process, hapi: Hapi, adapter: Adapter, setup: Setup) -> None:
    """Changes; changes that nobody is there to hear; the server stopped, twice."""
    storm = Storm(seed=5, patients=PATIENTS, prefix="stopped-")
    hapi.transact(storm.now.values())
    wait_until_right(hapi, storm.names, setup, adapter)
    for round_ in range(2):
        for change in storm.changes(2):
            send(hapi, change)
        if round_ == 0:
            adapter.stop()  # what HAPI now tells is lost after a minute
            for change in storm.changes(1):
                send(hapi, change)
            time.sleep(75)
            adapter.start()
        server.stop()
        time.sleep(30)
        server.start()
    wait_until_right(hapi, storm.names, setup, adapter, seconds=600)
    assert adapter.ready()["queue"]["dead"] == 0
