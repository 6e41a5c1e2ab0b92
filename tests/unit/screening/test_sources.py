import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.errors import UsageError
from adapter.record.bundle import contents_of
from adapter.screening.source import LeftOut, PatientInput, Unread, find_files, patients_of
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
    assert list(patients_of(find_files(tmp_path / "p1.json"), store)) == [PatientInput("p1.json", contents_of(data))]


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


def test_a_folder_without_anything_to_read_is_wrong_usage(tmp_path: Path) -> None:
    """An empty source is more likely a wrong path than a hospital without patients."""
    with pytest.raises(UsageError, match="holds no"):
        find_files(tmp_path)


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
