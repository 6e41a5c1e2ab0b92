"""What tests ask a HAPI server for beside what they test."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import msgspec

from tests.integration.waiting import wait_until

Json = dict[str, Any]
ENCODE = msgspec.json.Encoder(decimal_format="number").encode
FHIR_JSON = {"Content-Type": "application/fhir+json"}
EXPUNGE = {"resourceType": "Parameters", "parameter": [{"name": "expungeEverything", "valueBoolean": True}]}


@dataclass(frozen=True, order=True)
class Issue:
    """One issue of an OperationOutcome."""

    severity: str
    code: str
    expression: str
    """Where in the resource, as FHIRPath; empty if it isn't said."""
    text: str


@dataclass(frozen=True)
class Hapi:
    """A HAPI server that answers at `url`."""

    url: str

    @cached_property
    def http(self) -> httpx.Client:
        """A client whose URLs are relative to the FHIR base: `hapi.http.get("Patient/p1")`."""
        return httpx.Client(base_url=self.url + "/", timeout=60, headers={"Accept": "application/fhir+json"})

    def put(self, *resources: Json) -> None:
        """Store each resource under its own id."""
        for resource in resources:
            path = f"{resource['resourceType']}/{resource['id']}"
            _done(self.http.put(path, content=ENCODE(resource), headers=FHIR_JSON))

    def transact(self, resources: Iterable[Json]) -> None:
        """Store all resources under their own ids in one transaction."""
        entry = [
            {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
            for each in resources
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
        _done(self.http.post("", content=ENCODE(bundle), headers=FHIR_JSON))

    def read(self, reference: str) -> Json:
        """The resource at `Type/id`; an error if it isn't there."""
        answer: Json = _done(self.http.get(reference)).json()
        return answer

    def count(self, search: str) -> int:
        """How many resources a search finds: `hapi.count("Observation?patient=p1")`."""
        answer = _done(self.http.get(search, params=None, headers={"Cache-Control": "no-cache"})).json()
        found = len(answer.get("entry", []))
        while link := next((link["url"] for link in answer.get("link", []) if link["relation"] == "next"), None):
            answer = _done(self.http.get(link)).json()
            found += len(answer.get("entry", []))
        return found

    def validate(self, resource: Json, profile: str | None = None) -> list[Issue]:
        """What `$validate` says of a resource, against a profile that the server knows or plain R4; sorted."""
        parameters = {} if profile is None else {"profile": profile}
        path = f"{resource['resourceType']}/$validate"
        answer = self.http.post(path, content=ENCODE(resource), headers=FHIR_JSON, params=parameters)
        if answer.status_code not in (200, 400, 412, 422):  # all but 200: it could not even be parsed
            _done(answer)
        return sorted(
            Issue(each["severity"], each.get("code", ""), _where(each), each.get("diagnostics", ""))
            for each in answer.json()["issue"]
            if each["severity"] != "information"
        )

    def errors(self, resource: Json) -> list[str]:
        """What makes a resource invalid, in the validator's words."""
        return [each.text for each in self.validate(resource) if each.severity in {"error", "fatal"}]

    def empty(self) -> None:
        """Remove everything that is stored; again where what it does by itself has come between (409)."""
        done: list[httpx.Response] = []

        def expunged() -> bool:
            done.append(self.http.post("$expunge", json=EXPUNGE))
            return done[-1].status_code != httpx.codes.CONFLICT

        wait_until(expunged, seconds=60, pause=1)
        _done(done[-1])


def _where(issue: Json) -> str:
    places = issue.get("expression") or issue.get("location") or [""]
    return str(places[0])


def _done(answer: httpx.Response) -> httpx.Response:
    """The answer if it is a success; else the test fails with what the server says."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:1000]}"
    return answer
