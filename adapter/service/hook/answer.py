"""What the webhook answers where a message is stored.

A POST is answered with a Bundle: HAPI FHIR sends a topic's notification as a transaction, and takes any other answer
for a failure, which it tries again and again.
"""

from adapter.fhir import Issue, operation_outcome
from adapter.fhir.elements import Json
from adapter.fhir.names import conforms_to

TAKEN = operation_outcome([Issue(code="informational", severity="information", text="stored")])
TAKEN_BUNDLE: Json = {
    "resourceType": "Bundle",
    "meta": conforms_to("taken"),
    "type": "transaction-response",
    "entry": [{"response": {"status": "200", "outcome": TAKEN}}],
}
