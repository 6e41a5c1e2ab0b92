import errno
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.errors import UsageError
from adapter.record.contents import contents_of
from adapter.screening.source import LeftOut, PatientInput, Unread
from adapter.screening.source.folder import find_files, patients_of
from adapter.screening.source.store import Store, open_store
from tests.unit.screening.records import bundle, condition, ecog, lines, of, patient


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An empty store outside the source."""
    with open_store(tmp_path_factory.mktemp("work")) as opened:
        yield opened


def held(item: object) -> list[str]:
    """Type/id of everything in a patient's Bundle."""
    assert isinstance(item, PatientInput), item
    return [each.key for each in item.contents.resources]


def test_a_bundle_of_one_patient_is_handed_on_byte_by_byte(tmp_path: Path, store: Store) -> None:
    """A Bundle with one Patient is that patient's record as it is."""
    data = bundle(patient(), ecog("e1", of(), 1))
    (tmp_path / "p1.json").write_bytes(data)
    (found,) = patients_of(find_files(tmp_path / "p1.json"), store)
    assert isinstance(found, PatientInput)
    assert (found.place, found.contents, found.whole) == ("p1.json", contents_of(data), True)
    assert found.size >= len(data)


def test_a_folder_is_read_in_the_order_of_its_file_names(tmp_path: Path, store: Store) -> None:
    """The order of patients doesn't depend on the file system."""
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.json").write_bytes(bundle(patient(name)))
    found = patients_of(find_files(tmp_path), store)
    assert [held(item) for item in found] == [["Patient/a"], ["Patient/b"], ["Patient/c"]]


def test_a_bundle_of_several_patients_is_split(tmp_path: Path, store: Store) -> None:
    """Each patient of a Bundle gets their own resources and nobody else's."""
    (tmp_path / "two.json").write_bytes(
        bundle(patient("a"), patient("b"), ecog("e1", of("b"), 1), condition("c1", of("a")))
    )
    found = list(patients_of(find_files(tmp_path), store))
    assert [held(item) for item in found] == [["Patient/a", "Condition/c1"], ["Patient/b", "Observation/e1"]]


def test_bulk_data_is_sorted_by_patient(tmp_path: Path, store: Store) -> None:
    """The lines of all NDJSON files of a folder are one export; a patient's data may come before the Patient."""
    (tmp_path / "Observation.1.ndjson").write_bytes(lines(ecog("e1", of("b"), 1), ecog("e2", of("a"), 0)))
    (tmp_path / "Observation.2.ndjson").write_bytes(b"\n" + lines(ecog("e3", of("b"), 2)).replace(b"\n", b"\r\n"))
    (tmp_path / "Patient.ndjson").write_bytes(b"\xef\xbb\xbf" + lines(patient("a"), patient("b")))
    found = list(patients_of(find_files(tmp_path), store))
    assert [held(item) for item in found] == [
        ["Observation/e2", "Patient/a"],
        ["Observation/e1", "Observation/e3", "Patient/b"],
    ]
    assert [item.place for item in found] == ["Patient.ndjson:1", "Patient.ndjson:2"]


def test_ndjson_may_hold_a_bundle_a_line(tmp_path: Path, store: Store) -> None:
    """A line that is a Bundle of one patient is that patient's record."""
    (tmp_path / "all.ndjson").write_bytes(
        b"\n".join([bundle(patient("a")), bundle(patient("b"), ecog("e", of("b"), 1))])
    )
    found = list(patients_of(find_files(tmp_path / "all.ndjson"), store))
    assert [held(item) for item in found] == [["Patient/a"], ["Patient/b", "Observation/e"]]


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/b"},
        {"reference": "Patient/b/_history/3"},
        {"reference": "https://hospital.example.org/fhir/Patient/b"},
        {"reference": "urn:uuid:0b"},
        {"identifier": {"system": "http://hospital.example.org", "value": "7"}},
    ],
    ids=["relative", "versioned", "absolute", "fullUrl", "identifier"],
)
def test_whatever_a_resource_calls_its_patient_it_is_found(
    tmp_path: Path, store: Store, subject: dict[str, object]
) -> None:
    """References are resolved in every form that FHIR has for them."""
    known = patient("b", identifier=[{"system": "http://hospital.example.org", "value": "7"}])
    several = bundle(known, patient("a"), ecog("e1", subject, 1), urls=("urn:uuid:0b", "urn:uuid:0a"))
    (tmp_path / "two.json").write_bytes(several)
    assert held(next(patients_of(find_files(tmp_path), store))) == ["Patient/b", "Observation/e1"]


def test_a_replaced_patient_is_one_with_who_replaces_them(tmp_path: Path, store: Store) -> None:
    """Data of a Patient that was replaced by another go with the other, and nobody is screened twice."""
    old = patient("old", link=[{"type": "replaced-by", "other": of("new")}])
    (tmp_path / "all.ndjson").write_bytes(
        lines(old, ecog("e1", of("old"), 1), patient("new"), ecog("e2", of("new"), 2))
    )
    found = list(patients_of(find_files(tmp_path), store))
    assert [held(item) for item in found] == [["Patient/old", "Observation/e1", "Patient/new", "Observation/e2"]]


def test_medications_go_with_those_who_take_them(tmp_path: Path, store: Store) -> None:
    """A referenced Medication is handed on with each patient that needs it, and with no other."""
    taken = {
        "resourceType": "MedicationStatement",
        "id": "s1",
        "status": "active",
        "subject": of("a"),
        "medicationReference": {"reference": "Medication/m1"},
    }
    medication = {"resourceType": "Medication", "id": "m1"}
    (tmp_path / "all.ndjson").write_bytes(lines(medication, patient("a"), patient("b"), taken))
    found = list(patients_of(find_files(tmp_path), store))
    assert [held(item) for item in found] == [["Patient/a", "MedicationStatement/s1", "Medication/m1"], ["Patient/b"]]


def test_resources_of_unknown_patients_are_named(tmp_path: Path, store: Store) -> None:
    """Data whose Patient the source doesn't hold are not dropped silently."""
    (tmp_path / "all.ndjson").write_bytes(lines(patient("a"), ecog("e1", of("z"), 1), ecog("e2", of("z"), 1)))
    _, orphan = patients_of(find_files(tmp_path), store)
    assert isinstance(orphan, Unread)
    assert (orphan.place, orphan.subject) == ("all.ndjson:2", "Patient/z")
    assert "2 resources" in orphan.reason


def test_resources_that_name_nobody_are_named(tmp_path: Path, store: Store) -> None:
    """In an export of many patients a resource without subject belongs to nobody."""
    (tmp_path / "all.ndjson").write_bytes(lines(patient("a"), ecog("e1", {}, 1)))
    nobodys, _ = patients_of(find_files(tmp_path), store)
    assert nobodys == Unread("all.ndjson:2", "Observation/e1 names no patient; add its subject")


@pytest.mark.parametrize(
    "line",
    [b"{", b'"text"', b"[1]", b'{"id": "x"}', b'{"resourceType": "Observation", "id": "o", "subject": 7}', b"\xff"],
)
def test_a_bad_line_is_named_and_the_others_are_read(tmp_path: Path, store: Store, line: bytes) -> None:
    """One broken line neither ends the reading nor disappears."""
    (tmp_path / "all.ndjson").write_bytes(lines(patient("a")) + line + b"\n" + lines(patient("b")))
    bad, *found = patients_of(find_files(tmp_path), store)
    assert isinstance(bad, Unread)
    assert bad.place == "all.ndjson:2"
    assert [held(item) for item in found] == [["Patient/a"], ["Patient/b"]]


def test_a_broken_file_is_named_and_the_others_are_read(tmp_path: Path, store: Store) -> None:
    """One broken file neither ends the reading nor disappears."""
    (tmp_path / "a.json").write_bytes(b"{")
    (tmp_path / "b.json").write_bytes(bundle(patient("b")))
    (tmp_path / "c.json").symlink_to(tmp_path / "nowhere")
    bad, found, missing = patients_of(find_files(tmp_path), store)
    assert [(type(item), item.place) for item in (bad, missing)] == [(Unread, "a.json"), (Unread, "c.json")]
    assert held(found) == ["Patient/b"]


def test_a_patient_in_two_bundles_is_not_judged_on_half_a_record(tmp_path: Path, store: Store) -> None:
    """A second Bundle of the same patient is named, with the first one's file."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_bytes(bundle(patient("a")))
    _, second = patients_of(find_files(tmp_path), store)
    assert isinstance(second, Unread)
    assert second.place == "two.json"
    assert "one.json" in second.reason


def test_resources_apart_from_their_patients_bundle_are_named(tmp_path: Path, store: Store) -> None:
    """Data beside the Bundle that holds their Patient would be missed; they are named."""
    (tmp_path / "one.json").write_bytes(bundle(patient("a")))
    (tmp_path / "two.json").write_bytes(bundle(ecog("e1", of("a"), 1)))
    _, apart = patients_of(find_files(tmp_path), store)
    assert isinstance(apart, Unread)
    assert (apart.place, apart.subject) == ("two.json", "Patient/a")
    assert "one.json" in apart.reason


def test_files_that_hold_no_patient_are_left_out_by_name(tmp_path: Path, store: Store) -> None:
    """Bundles of hospitals and practitioners, and files of other kinds, are no failures, but they are told."""
    (tmp_path / "hospitals.json").write_bytes(bundle({"resourceType": "Organization", "id": "h"}))
    (tmp_path / "readme.txt").write_bytes(b"hello")
    (tmp_path / ".hidden").write_bytes(b"")
    found = list(patients_of(find_files(tmp_path), store))
    assert [(type(item), item.place) for item in found] == [(LeftOut, "readme.txt"), (LeftOut, "hospitals.json")]


def test_compressed_files_are_read_like_others(tmp_path: Path, store: Store) -> None:
    """gzip is known by its first bytes, so that a name that hides or invents it does no harm."""
    (tmp_path / "Observation.1.ndjson.gz").write_bytes(gzip.compress(lines(ecog("e1", of("a"), 1))))
    (tmp_path / "Observation.2.ndjson").write_bytes(gzip.compress(lines(ecog("e2", of("a"), 1))))
    (tmp_path / "Patient.ndjson.GZ").write_bytes(lines(patient("a")))
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + bundle(patient("b"))))
    found = list(patients_of(find_files(tmp_path), store))
    assert [held(item) for item in found] == [["Patient/b"], ["Observation/e1", "Observation/e2", "Patient/a"]]


@pytest.mark.parametrize("kept", [20, -4], ids=["cut off", "without its checksum"])
def test_broken_gzip_is_named(tmp_path: Path, store: Store, kept: int) -> None:
    """A file that was not copied to its end is no small file."""
    (tmp_path / "Patient.ndjson").write_bytes(lines(patient("a")))
    (tmp_path / "Condition.ndjson.gz").write_bytes(gzip.compress(lines(condition("c", of("a"))))[:kept])
    bad = next(item for item in patients_of(find_files(tmp_path), store) if isinstance(item, Unread))
    assert (bad.place, bad.reason) == ("Condition.ndjson.gz", "can't be read: its gzip is broken, or ends too early")


@pytest.mark.parametrize(
    "name", ["Condition.ndjson.bz2", "Condition.000", "Condition.txt", "export.zip", "patients.parquet", "patients.csv"]
)
def test_what_may_hold_data_and_is_not_read_is_a_failure(tmp_path: Path, store: Store, name: str) -> None:
    """A part of an export that nobody could read is not told as if it were a note beside it."""
    (tmp_path / "Patient.ndjson").write_bytes(lines(patient("a")))
    (tmp_path / name).write_bytes(b"?")
    found = list(patients_of(find_files(tmp_path), store))
    assert [item.place for item in found if isinstance(item, Unread)] == [name]


def test_what_can_not_be_read_may_be_missing_in_every_record(tmp_path: Path, store: Store) -> None:
    """Whose a broken line is nobody knows: no record of the export is whole, and each says so."""
    (tmp_path / "Patient.ndjson").write_bytes(lines(patient("a"), patient("b")))
    (tmp_path / "Condition.ndjson").write_bytes(b"{\n")
    bad, *found = patients_of(find_files(tmp_path), store)
    assert isinstance(bad, Unread)
    for item in found:
        assert isinstance(item, PatientInput)
        assert "Condition.ndjson:1" in item.contents.problems[0].message


@pytest.mark.parametrize("folder", ["", "error/"])
def test_an_error_in_an_export_is_a_failure(tmp_path: Path, store: Store, folder: str) -> None:
    """Where a server says that it failed in part, the part is missing; a warning is told, and misses nothing."""
    for name, severity in (("bad", "error"), ("fine", "warning")):
        outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "exception"}]}
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.ndjson").write_bytes(lines(outcome))
    (tmp_path / "Patient.ndjson").write_bytes(lines(patient("a")))
    found = list(patients_of(find_files(tmp_path), store))
    assert [(type(item), item.place) for item in found if not isinstance(item, PatientInput)] == [
        (Unread, "bad.ndjson:1")
    ]


def test_the_manifest_of_an_export_is_no_failure(tmp_path: Path, store: Store) -> None:
    """It is told, and holds no data."""
    manifest = {"transactionTime": "2026-02-01T00:00:00Z", "output": [{"type": "Patient", "url": "http://h/1"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / "Patient.ndjson").write_bytes(lines(patient("a")))
    told, _ = patients_of(find_files(tmp_path), store)
    assert told == LeftOut("manifest.json", "the manifest of an export")


@pytest.mark.parametrize("folder", ["", "deleted/"])
def test_deletions_of_an_export_are_applied(tmp_path: Path, store: Store, folder: str) -> None:
    """What the server has deleted does not count, in whatever order the files are read."""
    gone = [{"request": {"method": "DELETE", "url": url}} for url in ("Observation/e1", "Patient/b")]
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "gone.ndjson").write_bytes(
        lines({"resourceType": "Bundle", "type": "transaction", "entry": gone})
    )
    (tmp_path / "Observation.ndjson").write_bytes(lines(ecog("e1", of("a"), 1), ecog("e2", of("a"), 0)))
    (tmp_path / "Patient.ndjson").write_bytes(lines(patient("a"), patient("b")))
    assert [held(item) for item in patients_of(find_files(tmp_path), store)] == [["Observation/e2", "Patient/a"]]


def test_folders_in_a_folder_are_told(tmp_path: Path, store: Store) -> None:
    """A folder with patients' data in it is a failure, since nobody has read it; others are named."""
    for folder, name in (("2024", "p.json"), ("notes", "p.txt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(bundle(patient("b")))
    (tmp_path / "p.json").write_bytes(bundle(patient("a")))
    found = [(type(item), item.place) for item in patients_of(find_files(tmp_path), store)]
    assert found == [(Unread, "2024"), (LeftOut, "notes"), (PatientInput, "p.json")]


def test_what_is_no_regular_file_is_named_and_the_rest_is_read(tmp_path: Path, store: Store) -> None:
    """A pipe would be waited for, a device never end: neither is opened to be read."""
    os.mkfifo(tmp_path / "a.ndjson")
    (tmp_path / "b.json").symlink_to("/dev/zero")
    (tmp_path / "c.json").symlink_to("/dev/stdin")
    (tmp_path / "p.json").write_bytes(bundle(patient("a")))
    unread = [item for item in patients_of(find_files(tmp_path), store) if not isinstance(item, PatientInput)]
    assert [(type(item), item.place) for item in unread][:1] == [(Unread, "b.json")]
    assert unread[-1] == Unread("a.ndjson", "can't be read: no regular file (a folder, a pipe or a device)")


def test_names_that_are_no_utf_8_are_shown_all_the_same(tmp_path: Path, store: Store) -> None:
    """A name from another system can be told and written to a result."""
    for name, data in ((b"p\xfc.json", bundle(patient("a"))), (b"q\xfc.json", b"{")):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(data)
    assert [item.place for item in patients_of(find_files(tmp_path), store)] == ["p\\xfc.json", "q\\xfc.json"]


@pytest.mark.parametrize("source", ["p.json", "p.ndjson"])
def test_a_key_that_stands_twice_is_refused_from_files_too(tmp_path: Path, store: Store, source: str) -> None:
    """The same rule as over HTTP: which of the two values a sender meant, nobody knows."""
    twice = json.dumps(patient("a")).replace('"gender"', '"gender": "male", "gender"')
    (tmp_path / source).write_text(twice, encoding="utf-8")
    (unread,) = patients_of(find_files(tmp_path / source), store)
    assert isinstance(unread, Unread)
    assert "'gender' stands twice" in unread.reason


def test_a_folder_without_anything_to_read_is_wrong_usage(tmp_path: Path) -> None:
    """An empty source is more likely a wrong path than a hospital without patients."""
    with pytest.raises(UsageError, match="holds no"):
        find_files(tmp_path)


class _Hashed(type(Path())):  # type: ignore[misc]  # the class of this system's paths
    """A path that counts how often a path is looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        _Hashed.looked_up += 1
        return super().__hash__()  # type: ignore[no-any-return]


def test_the_work_for_a_file_does_not_grow_with_their_number(tmp_path: Path) -> None:
    """A folder of a hundred thousand Bundles is listed as quickly, file by file, as one of ten."""
    for number in range(100):
        (tmp_path / f"{number}.json").touch()
    assert len(find_files(_Hashed(tmp_path)).bundles) == 100
    assert _Hashed.looked_up <= 10 * 100


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    """Sorting by patient needs room; without it there is one clear error, and nothing stays behind."""
    source = tmp_path / "all.ndjson"
    source.write_bytes(lines(*(ecog(f"e{number}", of("a"), 1) for number in range(1000))))

    def read_all() -> None:
        with open_store(tmp_path) as store:
            store._database.execute("PRAGMA max_page_count = 16")  # noqa: SLF001  # a disk that is nearly full
            list(patients_of(find_files(source), store))

    with pytest.raises(OSError, match="No space left") as caught:
        read_all()
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["all.ndjson"]
