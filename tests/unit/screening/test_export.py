"""Screening a Bulk Data export: a server that does it well, badly, and halfway."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import ec

from adapter.columns.folder import Facts
from adapter.errors import BadAnswerError, RejectedError, ServerError, UnreachableError, UsageError
from adapter.evaluator import evaluate_all
from adapter.evaluator.reads import SUBJECT_TYPES
from adapter.evaluator.reason import Reason
from adapter.fhir.client import ServerSettings
from adapter.fhir.client.auth import BackendServices, Bearer, ClientKey
from adapter.record import read_record
from adapter.record.contents import contents_of
from adapter.screening.extract import extract
from adapter.screening.setup import Setup
from adapter.screening.source.server import Exported, ExportSource, export_path, fetch_export
from adapter.screening.update import update
from tests.unit.fhir_client.answers import BASE, outcome
from tests.unit.screening.exports import AS_OF, C1, P1, P2, STATUS, TYPES, held, lines, manifest, part
from tests.unit.screening.records import bundle, patient


@pytest.mark.parametrize(
    ("address", "means"),
    [
        (f"{BASE}/$export", (BASE, "$export")),
        (f"{BASE}/Patient/$export", (BASE, "Patient/$export")),
        (f"{BASE}/Group/g1/$export/", (BASE, "Group/g1/$export")),
        (f"{BASE}/Group/g1", None),
        (f"{BASE}/$exports", None),
    ],
)
def test_addresses(address: str, means: tuple[str, str] | None) -> None:
    """An export's address says of whom it is."""
    assert export_path(address) == means


def test_an_export(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """All types stand in one parameter; a type of which no file came is lacking; the server may forget the files."""
    server.get("/status/1").respond(json=manifest(part("a", "Patient", 2), part("b", "Condition", 1)))
    server.get("/files/a").respond(content=lines(P1, P2))
    server.get("/files/b").respond(content=lines(C1))
    exported = fetch()
    assert held(exported) == {"Patient/p1/", "Patient/p2/", "Condition/c1/"}
    assert exported.lacking == {"Observation"}
    asked = server.calls[0].request
    assert asked.url.params.get_list("_type") == ["Condition,Observation,Patient"]
    assert (asked.headers["prefer"], asked.headers["accept"]) == ("respond-async", "application/fhir+json")
    assert server.calls.last.request.method == "DELETE"


def test_a_manifest_in_parts_is_not_whole(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """Nobody has asked for parts, and what the next one names would be missing."""
    following = [{"relation": "next", "url": f"{BASE}/status/1?page=2"}]
    server.get("/status/1").respond(json=manifest(part("a", "Patient"), link=following))
    server.get("/files/a").respond(content=lines(P1))
    with pytest.raises(BadAnswerError, match="not complete"):
        fetch()


def test_a_manifest_that_says_two_things_is_none(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """Of two lists of files only one would be read."""
    said = msgspec.json.encode(manifest(part("a", "Patient"))).replace(b'"output"', b'"output":[],"output"')
    server.get("/status/1").respond(content=said)
    server.get("/files/a").respond(content=lines(P1))
    with pytest.raises(BadAnswerError, match="'output' stands twice"):
        fetch()


class Trickle(httpx.AsyncByteStream):
    """A byte now and then, without end."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """They come faster than any wait between two of them allows."""
        while True:
            yield b" "
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("slow", ["/$export", "/status/1", "/files/a"])
def test_a_byte_now_and_then(server: respx.Router, tmp_path: Path, slow: str) -> None:
    """Each step of an export ends in time, however lively a connection seems."""
    server.get("/status/1").respond(json=manifest(part("a", "Patient")))
    server.get(slow).mock(side_effect=lambda _: httpx.Response(200, stream=Trickle()))
    settings = ServerSettings(url=BASE, attempts=1, total_timeout=0.1)
    with pytest.raises(UnreachableError, match="in time"):
        fetch_export(ExportSource(server=settings, path="$export"), TYPES, tmp_path)


def test_it_waits_as_the_server_asks(server: respx.Router, fetch: Callable[..., Exported], monkeypatch: Any) -> None:  # noqa: ANN401  # pytest's
    """Retry-After is obeyed, and bounded: a server can't let us wait for a day."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("adapter.fhir.client.bulk_export.asyncio.sleep", sleep)
    looks = [httpx.Response(202, headers={"Retry-After": after}) for after in ("7", "86400")]
    server.get("/status/1").mock(side_effect=[*looks, httpx.Response(202), httpx.Response(200, json=manifest())])
    fetch()
    assert waited[:2] == [7, 60]
    assert len(waited) == 3


def test_where_get_is_refused_it_is_a_post(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """With the same as Parameters."""
    server.get("/$export").respond(405, json=outcome())
    begun = server.post("/$export").respond(202, headers={"Content-Location": "/r4/status/1"})
    server.get("/status/1").respond(json=manifest())
    fetch()
    said = json.loads(begun.calls.last.request.content)["parameter"]
    assert {"name": "_type", "valueString": "Condition,Observation,Patient"} in said


@pytest.mark.parametrize(("wants", "sent"), [(True, "Bearer secret"), (False, None)])
def test_the_token_goes_where_it_is_wanted(
    server: respx.Router, fetch: Callable[..., Exported], *, wants: bool, sent: str | None
) -> None:
    """Files that want none are fetched without it."""
    server.get("/status/1").respond(json=manifest(part("a", "Patient"), requiresAccessToken=wants))
    file = server.get("/files/a").respond(content=lines(P1))
    fetch(auth=Bearer("secret"))
    assert file.calls.last.request.headers.get("authorization") == sent


def test_no_token_leaves_its_server(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """A file that stands elsewhere and wants the token is not fetched."""
    elsewhere = {"type": "Patient", "url": "https://storage.example.com/a"}
    server.get("/status/1").respond(json=manifest(elsewhere, requiresAccessToken=True))
    with pytest.raises(BadAnswerError, match="on another server"):
        fetch(auth=Bearer("secret"))


def test_a_token_that_ends_in_mid_export(server: respx.Router, tmp_path: Path) -> None:
    """A new one is asked for, and the export goes on: between looks, and between files."""
    given = [f"t{number}" for number in range(1, 5)]
    tokens = iter(given)
    endpoint = server.post("/token").mock(
        side_effect=lambda _: httpx.Response(200, json={"access_token": next(tokens), "expires_in": 300})
    )
    ends = {"/r4/status/1": {"t1"}, "/r4/files/b": {"t1", "t2"}}

    def asked(request: httpx.Request, content: httpx.Response) -> httpx.Response:
        shown = request.headers["authorization"].removeprefix("Bearer ")
        return httpx.Response(401) if shown in ends.get(request.url.path, ()) else content

    told = manifest(part("a", "Patient", 2), part("b", "Condition", 1), requiresAccessToken=True)
    for path, content in {
        "/status/1": httpx.Response(200, json=told),
        "/files/a": httpx.Response(200, content=lines(P1, P2)),
        "/files/b": httpx.Response(200, content=lines(C1)),
    }.items():
        server.get(path).mock(side_effect=partial(asked, content=content))
    key = ClientKey(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", id=None)
    auth = BackendServices(client_id="us", key=key, token_url=f"{BASE}/token", scope="system/*.rs")
    settings = ServerSettings(url=BASE, attempts=1, wait=0, auth=auth)
    exported = fetch_export(ExportSource(server=settings, path="$export"), TYPES, tmp_path / "kept")
    assert held(exported) == {"Patient/p1/", "Patient/p2/", "Condition/c1/"}
    assert endpoint.call_count == 3


def test_a_server_that_is_asked_too_often(
    server: respx.Router, fetch: Callable[..., Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    """429, with a date as Retry-After: looks are made as late as it says, up to a minute; files are asked for again."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("adapter.fhir.client.bulk_export.asyncio.sleep", sleep)
    later = [format_datetime(datetime.now(UTC) + timedelta(seconds=each), usegmt=True) for each in (30, 7200)]
    looks = [httpx.Response(429, headers={"Retry-After": each}, json=outcome()) for each in later]
    server.get("/status/1").mock(side_effect=[*looks, httpx.Response(200, json=manifest(part("a", "Patient")))])
    busy = httpx.Response(429, headers={"Retry-After": format_datetime(datetime.now(UTC), usegmt=True)})
    server.get("/files/a").mock(side_effect=[busy, httpx.Response(200, content=lines(P1))])
    assert held(fetch()) == {"Patient/p1/"}
    assert 25 < waited[0] <= 30
    assert waited[1] == 60


def test_fewer_than_the_server_names(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """A file that is shorter than the manifest says is an error, and fetched again by the next run."""
    server.get("/status/1").respond(json=manifest(part("a", "Patient", 2)))
    server.get("/files/a").mock(side_effect=[httpx.Response(200, content=each) for each in (lines(P1), lines(P1, P2))])
    with pytest.raises(BadAnswerError, match="names 2 resources of Patient in a file that holds 1"):
        fetch()
    assert held(fetch()) == {"Patient/p1/", "Patient/p2/"}


def test_what_has_changed_since(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """The next run asks for that alone: what is deleted goes, what has another version is replaced, the rest stays."""
    gone = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Condition/c1"}}],
    }
    newer = {**P2, "meta": {"versionId": "2"}}
    first = manifest(part("a", "Patient"), part("b", "Condition"))
    later = manifest(part("c", "Patient"), part("d", "Observation"), deleted=[part("e", "Bundle")])
    server.get("/status/1").mock(side_effect=[httpx.Response(200, json=each) for each in (first, later)])
    for name, content in {
        "a": lines(P1, P2), "b": lines(C1), "c": lines(newer), "e": lines(gone),
        "d": lines({"resourceType": "Observation", "id": "o1"}),
    }.items():  # fmt: skip
        server.get(f"/files/{name}").respond(content=content)
    fetch()
    exported = fetch()
    assert held(exported) == {"Patient/p1/", "Patient/p2/2", "Observation/o1/"}
    assert exported.lacking == frozenset()
    begun = [each.request for each in server.calls if each.request.url.path.endswith("$export")]
    assert [each.url.params.get("_since") for each in begun] == [None, "2026-03-01T00:00:00Z"]
    assert [each.name for each in exported.folder.parent.iterdir() if each.is_dir()] == ["2"]


def test_without_deletions_everything_is_asked_again(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """Where the server says nothing of them, what it has deleted would stay for ever."""
    silent = {name: value for name, value in manifest(part("a", "Patient")).items() if name != "deleted"}
    server.get("/status/1").respond(json=silent)
    server.get("/files/a").mock(side_effect=[httpx.Response(200, content=lines(each)) for each in (P1, P2)])
    fetch()
    assert held(fetch()) == {"Patient/p2/"}


def test_an_export_that_was_forgotten_begins_anew(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """One that was begun before, and whose files or status are gone."""
    server.get("/status/1").mock(
        side_effect=[httpx.Response(500)] * 3 + [httpx.Response(404), httpx.Response(200, json=manifest())]
    )
    with pytest.raises(ServerError):
        fetch()
    fetch()
    assert sum(each.request.url.path.endswith("$export") for each in server.calls) == 2


def test_a_refusal_is_told(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """Neither by GET nor by POST."""
    server.get("/$export").respond(400, json=outcome())
    server.post("/$export").respond(400, json=outcome())
    with pytest.raises(RejectedError, match=r"\$export: 400"):
        fetch()


def test_a_server_that_exports_only_what_is_a_patients_own(server: respx.Router, tmp_path: Path) -> None:
    """Then the drugs' own resources are lacking, and nothing else is."""

    def begun(request: httpx.Request) -> httpx.Response:
        refused = "Medication" in request.url.params["_type"].split(",") if request.method == "GET" else True
        return httpx.Response(400) if refused else httpx.Response(202, headers={"Content-Location": STATUS})

    server.route(url__regex=r"/Patient/\$export").mock(side_effect=begun)
    server.get("/status/1").respond(json=manifest(part("a", "Patient"), part("b", "MedicationRequest")))
    server.get(url__regex="/files/").respond(content=lines(P1))
    source = ExportSource(server=ServerSettings(url=BASE, wait=0, attempts=1), path="Patient/$export")
    exported = fetch_export(source, frozenset({"Patient", "MedicationRequest", "Medication"}), tmp_path / "kept")
    assert exported.lacking == {"Medication"}


def test_what_lies_there_is_the_owners(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """Patients' data, until the next run."""
    server.get("/status/1").respond(json=manifest(part("a", "Patient")))
    server.get("/files/a").respond(content=lines(P1))
    folder = fetch().folder.parent
    assert folder.stat().st_mode & 0o077 == 0
    assert msgspec.json.decode((folder / "export.json").read_bytes())["generation"] == 1


def test_what_was_not_exported_is_never_assumed_absent(problem_list: Setup) -> None:
    """A policy assumes on a list that is there; of one that was not exported nobody knows."""
    contents = contents_of(bundle(patient()))
    reasons = {}
    for lacking in (frozenset[str](), problem_list.types):
        record = read_record(msgspec.structs.replace(contents, lacking=lacking), problem_list.terminology)
        verdicts = evaluate_all(problem_list.bounds, record, AS_OF, problem_list.policy)
        reasons[lacking] = {each.reason for verdict in verdicts for each in verdict.criteria}
        assert any(issue.resource == "Condition" for issue in verdicts[0].issues) == bool(lacking)
    there, lacks = reasons.values()
    assert Reason.ASSUMED_ABSENT in there
    assert Reason.ASSUMED_ABSENT not in lacks


def test_an_export_becomes_facts(server: respx.Router, tmp_path: Path, strict: Setup) -> None:
    """What the server gave away none of is not known of either; whoever reads them hears of the types that it reads."""
    server.get("/status/1").respond(json=manifest(part("a", "Patient", 2), part("b", "Condition", 1)))
    server.get("/files/a").respond(content=lines(P1, P2))
    server.get("/files/b").respond(content=lines(C1))
    source = ExportSource(server=ServerSettings(url=BASE, wait=0, attempts=1), path="$export")
    out = tmp_path / "facts"
    assert extract(source, out, strict, AS_OF, lambda _: None).patients == 2
    asked = SUBJECT_TYPES - {"Condition"}
    for _, _, contents in Facts(out).records():
        assert contents.lacking == asked
        record = read_record(contents, strict.terminology, types=strict.types)
        assert {issue.resource for issue in record.issues} == record.unread == asked & strict.types
    assert not (out / ".export").exists()
    with pytest.raises(UsageError, match="--since is not for an"):
        update(source, out, strict, AS_OF, AS_OF, lambda _: None)
