"""Facts brought up to date: as if the whole source had been extracted again, with nobody twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from adapter.columns.folder import Facts
from adapter.columns.manifest import FAILURES, Manifest, commit
from adapter.columns.schema import TABLES
from adapter.errors import InputError, UsageError
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.patients import Selection
from adapter.record import read_record
from adapter.screening.extract import extract
from adapter.screening.private import new_file
from adapter.screening.screen import PatientOutcome
from adapter.screening.setup import Setup
from adapter.screening.source.server import ServerSource
from adapter.screening.update import update
from bench.fhir_stub import StubServer
from demo.cohort import cohort
from tests import build
from tests.unit.screening.records import Json, bundle, condition, ecog, lines, of, patient

SINCE = datetime(2026, 2, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
Write = Callable[[str, bytes], Path]


def extracted(source: Path, out: Path, setup: Setup) -> Manifest:
    """All of a source."""
    return extract(source, out, setup, NOW, lambda _: None, parts=3)


def updated(source: Path, out: Path, setup: Setup) -> Manifest:
    """What has changed."""
    return update(source, out, setup, SINCE, NOW, lambda _: None)


def rows(out: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table."""
    return [row for path in Facts(out).files(table) for row in pq.read_table(path).to_pylist()]


def content(out: Path) -> dict[str, list[str]]:
    """What stands in the tables, in no order; by what is not of the run: places, and the bytes of records."""
    left_out = {"place", "number", "contents"}
    found = {}
    for table in TABLES:
        plain = [{name: cell for name, cell in row.items() if name not in left_out} for row in rows(out, table)]
        found[table] = sorted(map(repr, plain))
    return found


def resource(made: Json, version: int) -> Json:
    """A resource in a version."""
    return {**made, "meta": {"versionId": str(version), "lastUpdated": f"2026-02-0{version}T00:00:00Z"}}


def test_bundles_replace_the_records_of_their_patients(tmp_path: Path, strict: Setup) -> None:
    """The others stay as they are; the facts are those of an extraction of all."""
    people = list(cohort(18, seed=3))
    others = list(cohort(18, seed=4))
    for folder in ("before", "changes", "after"):
        (tmp_path / folder).mkdir()
    for place, ((name, _, old), (_, _, new)) in enumerate(zip(people, others, strict=True)):
        changed = place % 3 == 0
        (tmp_path / "before" / f"{name}.json").write_bytes(old)
        (tmp_path / "after" / f"{name}.json").write_bytes(new if changed else old)
        if changed:
            (tmp_path / "changes" / f"{name}.json").write_bytes(new)
    extracted(tmp_path / "before", tmp_path / "facts", strict)
    found = updated(tmp_path / "changes", tmp_path / "facts", strict)
    extracted(tmp_path / "after", tmp_path / "whole", strict)
    assert found.patients == len(people)
    assert content(tmp_path / "facts") == content(tmp_path / "whole")
    once = content(tmp_path / "facts")
    updated(tmp_path / "changes", tmp_path / "facts", strict)
    assert content(tmp_path / "facts") == once
    assert sorted(row["number"] for row in rows(tmp_path / "facts", "patients")) == list(range(len(people)))


def test_lines_are_put_into_the_records(tmp_path: Path, strict: Setup, write: Write) -> None:
    """Of an export with `_since`: newer versions, further resources, deletions, a new patient, a changed Medication."""
    request = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "subject": of("p1"),
        "authoredOn": "2026-02-20",
        "medicationReference": {"reference": "Medication/d1"},
    }
    drug = {"resourceType": "Medication", "id": "d1", "code": {"text": "one"}}
    before = [
        *(resource(patient(f"p{number}"), 1) for number in (1, 2, 3)),
        resource(condition("c1", of("p1")), 1),
        resource(condition("c2", of("p2")), 1),
        resource(ecog("e1", of("p1"), 1), 1),
        resource(ecog("e2", of("p2"), 1), 1),
        resource(request, 1),
        resource(drug, 1),
    ]
    changes = [
        resource(ecog("e1", of("p1"), 3), 2),
        resource(ecog("e3", of("p1"), 2, "2026-02-25"), 2),
        resource(patient("p4"), 2),
        resource(condition("c4", of("p4")), 2),
        resource({**drug, "code": {"text": "other"}}, 2),
    ]
    gone = build.bundle("transaction", {"request": {"method": "DELETE", "url": "Condition/c2"}})
    deleted = lines(gone, build.bundle("transaction", {"request": {"method": "DELETE", "url": "Patient/p3"}}))
    names = {f"{each['resourceType']}/{each['id']}" for each in changes} | {"Condition/c2", "Patient/p3"}
    after = [each for each in before if f"{each['resourceType']}/{each['id']}" not in names] + changes
    extracted(write("before/all.ndjson", lines(*before)).parent, tmp_path / "facts", strict)
    write("changes/deleted/all.ndjson", deleted)
    updated(write("changes/all.ndjson", lines(*changes)).parent, tmp_path / "facts", strict)
    extracted(write("after/all.ndjson", lines(*after)).parent, tmp_path / "whole", strict)
    assert content(tmp_path / "facts") == content(tmp_path / "whole")
    assert [row["shown"] for row in rows(tmp_path / "facts", "exposures")] == ["other"]


def test_an_older_version_changes_nothing(tmp_path: Path, strict: Setup, write: Write) -> None:
    """Two exports that come in the wrong order."""
    extracted(
        write("before/all.ndjson", lines(patient("p1"), resource(ecog("e1", of("p1"), 3), 2))).parent,
        tmp_path / "facts",
        strict,
    )
    before = content(tmp_path / "facts")
    changes = write("changes/all.ndjson", lines(resource(ecog("e1", of("p1"), 1), 1)))
    updated(changes.parent, tmp_path / "facts", strict)
    assert content(tmp_path / "facts") == before


def test_who_is_replaced_is_no_patient_any_more(tmp_path: Path, strict: Setup, write: Write) -> None:
    """Two records of one person become one, with the data of both, though the export holds one Patient only."""
    before = lines(
        patient("old"), patient("new"), condition("c1", of("old")), ecog("e1", of("new"), 1), patient("other")
    )
    extracted(write("before/all.ndjson", before).parent, tmp_path / "facts", strict)
    link = [{"type": "replaced-by", "other": of("new")}]
    found = updated(write("changes/all.ndjson", lines(patient("old", link=link))).parent, tmp_path / "facts", strict)
    assert found.patients == 2
    assert sorted(row["subject"] for row in rows(tmp_path / "facts", "patients")) == ["Patient/new", "Patient/other"]
    (contents,) = (
        contents
        for _, _, contents in Facts(tmp_path / "facts").records()
        if any(each.key == "Patient/new" for each in contents.resources)
    )
    record = read_record(contents, strict.terminology)
    assert [fact.source.resource for fact in record.all_conditions] == ["Condition/c1"]
    assert record.observations["ecog"]


def test_what_may_be_anybodys_stops_it(tmp_path: Path, strict: Setup, write: Write) -> None:
    """A line that can't be read may be any patient's, whose facts would be old without a word."""
    extracted(write("before/all.ndjson", lines(patient("p1"))).parent, tmp_path / "facts", strict)
    before = content(tmp_path / "facts")
    changes = write("changes/all.ndjson", lines(condition("c1", of("p1"))) + b"{broken\n")
    with pytest.raises(InputError, match=r"all\.ndjson:2: .*nobody knows, so that nothing was changed"):
        updated(changes.parent, tmp_path / "facts", strict)
    assert content(tmp_path / "facts") == before
    assert not [each.name for each in (tmp_path / "facts").iterdir() if each.name.startswith(".")]


def test_who_can_not_be_read_now_is_no_longer_there(tmp_path: Path, strict: Setup, write: Write) -> None:
    """Neither with old facts nor without a word."""
    extracted(write("before/all.ndjson", lines(patient("p1"), patient("p2"))).parent, tmp_path / "facts", strict)
    changes = write("changes/p1.json", bundle(patient("p1", gender=7)))
    found = updated(changes.parent, tmp_path / "facts", strict)
    assert (found.patients, found.failed) == (1, 1)
    assert "Patient.gender" in (tmp_path / "facts" / found.data / FAILURES).read_text()


def test_a_gap_is_refused(tmp_path: Path, strict: Setup, write: Write) -> None:
    """What changed between the facts and `since` would be missing."""
    source = write("before/all.ndjson", lines(patient("p1"))).parent
    manifest = extracted(source, tmp_path / "facts", strict)
    known = {name: getattr(manifest, name) for name in manifest.__struct_fields__}
    commit(tmp_path / "facts", Manifest(**{**known, "until": datetime(2026, 1, 1, tzinfo=UTC)}), new_file)
    with pytest.raises(UsageError, match=r"changed until 2026-01-01T00:00:00Z; give --since 2026-01-01T00:00:00Z"):
        updated(source, tmp_path / "facts", strict)
    with pytest.raises(UsageError, match="holds no facts"):
        updated(source, tmp_path / "nothing", strict)


def test_a_server(tmp_path: Path, strict: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it first; then those of whom something was updated, and who came, and nobody else is fetched."""
    days = iter(range(1, 28))
    stub = StubServer(clock=lambda: datetime(2026, 2, next(days), tzinfo=UTC))
    for each in (patient("p1"), condition("c1", of("p1")), patient("p2"), condition("c2", of("p2")), patient("p3")):
        stub.put(each)
    opened = partial(open_client, transport=httpx.ASGITransport(stub))
    monkeypatch.setattr("adapter.screening.source.server.open_client", opened)
    source = ServerSource(server=ServerSettings(url="http://stub/fhir"), selection=Selection())
    began = datetime(2026, 2, 6, tzinfo=UTC)
    manifest = extract(source, tmp_path / "facts", strict, began, lambda _: None, parts=3)
    assert (manifest.patients, manifest.until) == (3, began)
    for each in (ecog("e2", of("p2"), 1), patient("p4"), {**condition("c4", of("p4")), "recordedDate": "2026-02-07"}):
        stub.put(each)
    told: list[str | None] = []
    found = update(
        source,
        tmp_path / "facts",
        strict,
        began,
        NOW,
        lambda item: told.append(item.subject if isinstance(item, PatientOutcome) else None),
    )
    assert sorted(map(str, told)) == ["Patient/p2", "Patient/p4"]
    assert (found.patients, found.until) == (4, NOW)
    extract(source, tmp_path / "whole", strict, NOW, lambda _: None, parts=3)
    assert content(tmp_path / "facts") == content(tmp_path / "whole")
