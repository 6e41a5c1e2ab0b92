"""Topic subscriptions (R4 backport) of a real HAPI: its notifications keep the candidates right."""

from pathlib import Path
from typing import Any

from adapter.screening.setup import Setup
from tests.integration.hapi.client import Hapi
from tests.integration.waiting import wait_until
from tests.integration.webhook.adapter_process import SECRET, Adapter
from tests.integration.webhook.patients import Storm, send
from tests.integration.webhook.truth import wait_until_right

Json = dict[str, Any]
TOPIC = "http://example.org/topics/what-criteria-read"
TYPES = ("Patient", "Condition", "Observation", "MedicationStatement")
_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic"
_TRIGGER = "http://hl7.org/fhir/4.3/StructureDefinition/extension-SubscriptionTopic.resourceTrigger"
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"


def topic() -> Json:
    """A topic in R4: a Basic with a trigger for each type."""
    triggers = [
        {"url": _TRIGGER, "extension": [{"url": "resource", "valueUri": type_}, *INTERACTIONS]} for type_ in TYPES
    ]
    said = [{"url": f"{_R5}.url", "valueUri": TOPIC}, {"url": f"{_R5}.status", "valueCode": "active"}]
    code = {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}]}
    return {"resourceType": "Basic", "id": "what-criteria-read", "code": code, "extension": [*said, *triggers]}


INTERACTIONS = [{"url": "supportedInteraction", "valueCode": each} for each in ("create", "update", "delete")]


def subscription(hook: str) -> Json:
    """A subscription to it, which names what has changed and no more."""
    filters = [{"url": f"{_BACKPORT}/backport-filter-criteria", "valueString": f"{type_}?"} for type_ in TYPES]
    return {
        "resourceType": "Subscription",
        "meta": {"profile": [f"{_BACKPORT}/backport-subscription"]},
        "status": "requested",
        "reason": "a test",
        "criteria": TOPIC,
        "_criteria": {"extension": filters},
        "channel": {
            "type": "rest-hook",
            "endpoint": hook,
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{_BACKPORT}/backport-payload-content", "valueCode": "id-only"}]},
            "header": [f"Authorization: Bearer {SECRET}"],
        },
    }


def test_topic_notifications(own_hapi: Hapi, strict: Setup, tmp_path: Path) -> None:
    """Every change is told by a Bundle that the adapter understands, and answers as HAPI wants it: none comes twice."""
    own_hapi.empty()
    storm = Storm(seed=6, patients=8, prefix="topic-")
    adapter = Adapter(tmp_path, own_hapi.url, {"SWEEP": "45"})  # for what HAPI doesn't tell
    adapter.run("publish")
    adapter.start()
    try:
        own_hapi.put(topic())
        asked = own_hapi.http.post("Subscription", json=subscription(adapter.hook)).raise_for_status().json()
        wait_until(lambda: own_hapi.read(f"Subscription/{asked['id']}")["status"] == "active")
        first = list(storm.now.items())
        for change in (*first, *storm.changes(3)):
            send(own_hapi, change)
        wait_until_right(own_hapi, storm.names, strict, adapter, seconds=120)
        made = sum(changes(own_hapi, type_) for type_ in TYPES)
        wait_until(lambda: adapter.metric("messages_total") >= 0.8 * made)  # HAPI may leave out what has changed again
        assert adapter.metric("messages_total") <= made
    finally:
        adapter.stop()
        own_hapi.http.delete("Subscription?url=" + adapter.hook)


def changes(hapi: Hapi, type_: str) -> int:
    """How many versions of resources of a type there have been, deletions among them."""
    return len(hapi.read(f"{type_}/_history?_count=1000").get("entry", []))
