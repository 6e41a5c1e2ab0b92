"""A FHIR server in memory, as an ASGI app: reads, searches by patient, history, updates, batches of them. No paging.

For benchmarks, and for tests in which the server must do what a real one does only on a bad day.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapter.evaluator.reads import SUBJECT_TYPES

Json = dict[str, Any]
_WRITTEN = ("PlanDefinition", "ResearchStudy", "ResearchSubject", "GuidanceResponse", "Subscription", "Provenance")
TYPES = (*sorted(SUBJECT_TYPES), "Patient", "Medication", *_WRITTEN)
_DELETED: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "deleted"}]}
_PARAMETERS = ("_id", "_lastUpdated", "patient", "subject", "identifier", "link", "url", "criteria", "status")


class Refusal(Exception):  # noqa: N818  # an answer, not an error
    """A status that is no success."""

    def __init__(self, status: int) -> None:  # noqa: D107
        super().__init__(status)
        self.status = status


@dataclass
class StubServer:
    """The server.

    `down`: answers nothing but 503; `keeps_history`: else _history is 404; `asked`: paths, as asked; `keys`: of all
    that ever was, by type; `named`: of what ever had a subject or an identifier, by type, parameter and value.
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    down: bool = False
    keeps_history: bool = True
    asked: list[str] = field(default_factory=list)
    versions: dict[str, list[Json]] = field(default_factory=dict)
    keys: dict[str, dict[str, None]] = field(default_factory=dict)
    named: dict[tuple[str, str, str], dict[str, None]] = field(default_factory=dict)
    told: list[Callable[[str, str, Json | None], None]] = field(default_factory=list)

    def put(self, resource: Json) -> Json:
        """Create or update; the stored resource. An update that changes nothing is none."""
        key = f"{resource['resourceType']}/{resource['id']}"
        plain = {name: value for name, value in resource.items() if name != "meta"}
        known = self.versions.setdefault(key, [])
        self.keys.setdefault(str(resource["resourceType"]), {})[key] = None
        last = known[-1] if known else None
        if last is not None and {name: value for name, value in last.items() if name != "meta"} == plain:
            return last
        meta = {"versionId": str(len(known) + 1), "lastUpdated": self.clock().isoformat(timespec="milliseconds")}
        stored = {**plain, "meta": meta}
        known.append(stored)
        for name, value in _names(stored):
            self.named.setdefault((str(resource["resourceType"]), name, value), {})[key] = None
        self._tell("PUT", key, stored)
        return stored

    def delete(self, key: str) -> None:
        """Delete."""
        if self.get(key) is not None:
            at = self.clock().isoformat(timespec="milliseconds")
            self.versions[key].append({"_deleted": True, "meta": {"lastUpdated": at}})
            self._tell("DELETE", key, None)

    def get(self, key: str) -> Json | None:
        """The resource, if it is there."""
        found = self.versions.get(key, [])
        return found[-1] if found and "_deleted" not in found[-1] else None

    def all(self, type_: str) -> list[Json]:
        """Every resource of a type."""
        found = (self.get(key) for key in self.keys.get(type_, ()))
        return [each for each in found if each is not None]

    def _tell(self, method: str, key: str, resource: Json | None) -> None:
        for told in self.told:
            told(method, key, resource)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        body = await request.body()
        path = request.url.path.strip("/").removeprefix("fhir").strip("/")
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            status, content = self.answer(request.method, path, request.url.query, body, headers)
        except Refusal as refusal:
            outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
            status, content = refusal.status, outcome
        await Response(msgspec.json.encode(content), status, media_type="application/fhir+json")(scope, receive, send)

    def answer(self, method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> tuple[int, Json]:  # noqa: C901, PLR0911  # one line a request
        """The answer to a request: status and resource."""
        self.asked.append(f"{method} {path}")
        if self.down:
            raise Refusal(503)
        parts = path.split("/") if path else []
        match method, parts:
            case "GET", ["metadata"]:
                return 200, _capabilities()
            case "POST", []:
                return 200, self._bundle(msgspec.json.decode(body))
            case "GET", [type_, "_history"]:
                return 200, self._history(type_, dict(parse_qsl(query)))
            case "GET", [type_]:
                return 200, self._search(type_, dict(parse_qsl(query)))
            case "GET", [_, _]:
                return 200, self._read(path)
            case "PUT", [type_]:
                found = self._search(type_, dict(parse_qsl(query)))["entry"]
                name = found[0]["resource"]["id"] if found else f"made-{len(self.versions) + 1}"
                return (200 if found else 201), self.put({**msgspec.json.decode(body), "id": name})
            case "PUT", [_, _]:
                return 200, self._update(path, msgspec.json.decode(body), headers.get("if-match"))
            case "POST", [type_]:
                return self._create(type_, msgspec.json.decode(body), headers.get("if-none-exist"))
            case "DELETE", [_] | [_, _]:
                for each in self._search(path, dict(parse_qsl(query)))["entry"] if len(parts) == 1 else ():
                    self.delete(f"{path}/{each['resource']['id']}")
                self.delete(path)
                return 200, {
                    "resourceType": "OperationOutcome",
                    "issue": [{"severity": "information", "code": "deleted"}],
                }
        raise Refusal(404)

    def _read(self, key: str) -> Json:
        found = self.get(key)
        if found is None:
            raise Refusal(410 if key in self.versions else 404)
        return found

    def _update(self, key: str, resource: Json, if_match: str | None) -> Json:
        self._match(key, if_match)
        return self.put(resource)

    def _match(self, key: str, if_match: str | None) -> None:
        known = self.get(key)
        if if_match is not None and (known is None or f'W/"{known["meta"]["versionId"]}"' != if_match):
            raise Refusal(409)

    def _create(self, type_: str, resource: Json, query: str | None) -> tuple[int, Json]:
        if query is not None:
            found = self._search(type_, dict(parse_qsl(query)))["entry"]
            if found:
                return 200, found[0]["resource"]
        return 201, self.put({**resource, "id": f"made-{len(self.versions) + 1}"})

    def _search(self, type_: str, query: dict[str, str]) -> Json:
        if type_ not in TYPES:
            raise Refusal(404)
        near = self._near(type_, query)
        found = [each for each in near if all(_matches(each, name, value) for name, value in query.items())]
        entries = [{"resource": each, "search": {"mode": "match"}} for each in found]
        return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}

    def _near(self, type_: str, query: dict[str, str]) -> list[Json]:
        """What may match, of all resources as few as the query's names allow."""
        if "_id" in query:
            keys = dict.fromkeys(f"{type_}/{each}" for each in query["_id"].split(","))
        elif name := next((each for each in ("patient", "subject", "identifier") if each in query), None):
            kind = "identifier" if name == "identifier" else "subject"
            values = [each.rpartition("|")[2].rpartition("/")[2] for each in _alternatives(query[name])]
            if "" in values:  # system|, whatever the value
                return self.all(type_)
            keys = {key: None for value in values for key in self.named.get((type_, kind, value), ())}
        else:
            return self.all(type_)
        found = (self.get(key) for key in keys)
        return [each for each in found if each is not None]

    def _history(self, type_: str, query: dict[str, str]) -> Json:
        if not self.keeps_history:
            raise Refusal(404)
        since = _instant(query.get("_since", "1970-01-01T00:00:00Z"))
        found = [
            (each["meta"]["lastUpdated"], key, each)
            for key in self.keys.get(type_, ())
            for each in self.versions[key]
            if _instant(each["meta"]["lastUpdated"]) >= since
        ]
        entries = [_entry(key, each) for _, key, each in sorted(found, key=lambda one: one[0], reverse=True)]
        return {"resourceType": "Bundle", "type": "history", "entry": entries}

    def _bundle(self, bundle: Json) -> Json:
        entries = []
        for entry in bundle["entry"] if bundle["type"] == "transaction" else ():  # all of them or none
            self._match(entry["request"]["url"], entry["request"].get("ifMatch"))
        for entry in bundle["entry"]:
            asked = entry["request"]
            path, _, query = asked["url"].partition("?")
            body = msgspec.json.encode(entry.get("resource"))
            headers = {"if-match": asked.get("ifMatch"), "if-none-exist": asked.get("ifNoneExist")}
            try:
                status, content = self.answer(
                    asked["method"], path, query, body, {k: v for k, v in headers.items() if v}
                )
            except Refusal as refusal:
                if bundle["type"] == "transaction":
                    raise
                status, content = refusal.status, {}
            response = {"status": str(status)}
            if asked["method"] != "GET" and "meta" in content:
                response["etag"] = f'W/"{content["meta"]["versionId"]}"'
                response["location"] = (
                    f"{content['resourceType']}/{content['id']}/_history/{content['meta']['versionId']}"
                )
            entries.append({"response": response, **({"resource": content} if content else {})})
        return {"resourceType": "Bundle", "type": f"{bundle['type']}-response", "entry": entries}


def _entry(key: str, version: Json) -> Json:
    if "_deleted" in version:
        return {"fullUrl": f"http://stub/fhir/{key}", "request": {"method": "DELETE", "url": key}}
    return {"resource": version, "request": {"method": "PUT", "url": key}}


def _matches(resource: Json, name: str, value: str) -> bool:  # noqa: PLR0911  # one line a parameter
    match name:
        case "_id":
            return resource["id"] in value.split(",")
        case "patient" | "subject":
            return _subject(resource) in {each.rpartition("/")[2] for each in value.split(",")}
        case "link":
            return any(link["other"]["reference"] in value.split(",") for link in resource.get("link", ()))
        case "identifier":
            held = resource.get("identifier", ())
            return any(_is_identified(each, one) for each in held for one in _alternatives(value))
        case "url":
            return value in (resource.get("url"), resource.get("channel", {}).get("endpoint"))
        case "criteria" | "status":
            return bool(resource.get(name) == value)
        case "_lastUpdated":
            at = _instant(resource["meta"]["lastUpdated"])
            return at <= _instant(value[2:]) if value.startswith("le") else at >= _instant(value.removeprefix("ge"))
    return True


def _alternatives(value: str) -> list[str]:
    """What a search names, without the backslashes before commas that are no separators."""
    return [each.replace("\\,", ",") for each in re.split(r"(?<!\\),", value)]


def _subject(resource: Json) -> str:
    named = resource.get("patient") or resource.get("subject") or resource.get("individual") or {}
    return str(named.get("reference", "")).rpartition("/")[2]


def _names(resource: Json) -> Iterator[tuple[str, str]]:
    """The values of the parameters by which most searches go."""
    yield "subject", _subject(resource)
    held = resource.get("identifier", ())
    yield from (("identifier", str(each.get("value"))) for each in held if isinstance(each, dict))


def _is_identified(identifier: Json, value: str) -> bool:
    system, bar, plain = value.rpartition("|")
    return (not bar or identifier.get("system") == system) and plain in ("", identifier.get("value"))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _capabilities() -> Json:
    parameters = [{"name": name} for name in _PARAMETERS]
    resources = [{"type": type_, "searchParam": parameters, "conditionalDelete": "single"} for type_ in TYPES]
    rest = {"mode": "server", "interaction": [{"code": "batch"}, {"code": "transaction"}], "resource": resources}
    return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [rest]}
