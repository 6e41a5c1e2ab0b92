"""What counts as input: Bundles of any type, lists, single resources; versions and deletions."""

import json

import pytest

from adapter.errors import InputError
from adapter.record import PatientRecord
from tests.build import P1, Json, bundle, entry, observation, quantity
from tests.unit.record.conftest import Read


def haemoglobin(value: int, **elements: object) -> Json:
    """A haemoglobin of a value that tells it from others."""
    return observation(valueQuantity=quantity(value, "g/L"), **elements)


def values(record: PatientRecord) -> list[str]:
    """The haemoglobin values of a record, as shown."""
    return [fact.shown for fact in record.observations.get("haemoglobin", ())]


@pytest.mark.parametrize(
    "kind",
    ["searchset", "collection", "document", "message", "transaction", "batch", "batch-response", "history", "made-up"],
)
def test_a_bundle_of_any_type_is_read(read: Read, kind: str) -> None:
    """The type of a Bundle says nothing about what its entries hold."""
    record = read(bundle(kind, entry(P1), entry(haemoglobin(80))))
    assert record.subject == "Patient/p1"
    assert values(record) == ["80 g/L"]
    assert record.issues == ()


def test_a_list_of_resources_is_read(read: Read) -> None:
    """A plain JSON list holds resources one after the other."""
    assert values(read([P1, haemoglobin(80)])) == ["80 g/L"]


def test_a_list_may_hold_bundles(read: Read) -> None:
    """Pages of a search, put in a list, are read like one."""
    pages = [bundle("searchset", entry(P1)), bundle("searchset", entry(haemoglobin(80)))]
    assert values(read(pages)) == ["80 g/L"]


def test_a_patient_alone_is_a_record(read: Read) -> None:
    """A single Patient is somebody of whom nothing is known."""
    record = read(P1)
    assert record.subject == "Patient/p1"
    assert not record.observations
    assert record.issues == ()


def test_blanks_before_the_content_say_nothing(read: Read) -> None:
    """Any number of blanks may stand before a list."""
    data = json.dumps([P1, haemoglobin(80)]).encode()
    for blanks in (b"\n\t ", b" " * 5000):
        assert values(read(blanks + data)) == ["80 g/L"]


def test_nested_bundles_are_opened(read: Read) -> None:
    """A batch response holds searchsets; their resources count like any other."""
    inner = bundle("searchset", entry(haemoglobin(80)))
    record = read(bundle("batch-response", {"resource": bundle("searchset", entry(P1))}, {"resource": inner}))
    assert values(record) == ["80 g/L"]
    assert record.issues == ()


def test_bundles_nested_too_deep_are_named(read: Read) -> None:
    """Beyond what servers do, nesting is an issue and not a guess; the rest is read."""
    deep = haemoglobin(80)
    for _ in range(6):
        deep = bundle("collection", {"resource": deep})
    record = read([P1, deep, haemoglobin(90, id="o2")])
    assert values(record) == ["90 g/L"]
    assert [issue.message for issue in record.issues] == ["Bundles nested too deep; send the inner one"]


def test_of_a_history_the_newest_version_stays(read: Read) -> None:
    """Older versions of a resource are not read, whichever order they come in."""
    new = haemoglobin(90, meta={"versionId": "10"})
    old = haemoglobin(80, meta={"versionId": "9"})
    for versions in ([new, old], [old, new]):
        record = read(bundle("history", entry(P1), *(entry(version) for version in versions)))
        assert values(record) == ["90 g/L"]
        (fact,) = record.observations["haemoglobin"]
        assert (fact.source.resource, fact.source.version) == ("Observation/o1", "10")


def test_without_a_numbered_version_the_last_update_says_which_is_newer(read: Read) -> None:
    """Version ids that are no numbers have no order; meta.lastUpdated has."""
    new = haemoglobin(90, meta={"versionId": "abc", "lastUpdated": "2026-02-02T00:00:00Z"})
    old = haemoglobin(80, meta={"versionId": "def", "lastUpdated": "2026-02-01T00:00:00Z"})
    assert values(read([P1, old, new])) == ["90 g/L"]
    assert values(read([P1, new, old])) == ["90 g/L"]


def test_a_version_of_any_length_is_no_trouble(read: Read) -> None:
    """A version id of thousands of digits is read like another."""
    one, two = (haemoglobin(80, meta={"versionId": digit * 5000}) for digit in "89")
    assert len(values(read([P1, one, two]))) == 1


def test_two_contents_of_one_version_are_named(read: Read) -> None:
    """Where nothing says which of two different contents is newer, both are evidence and an issue says so."""
    record = read([P1, haemoglobin(80), haemoglobin(90)])
    assert values(record) == ["80 g/L", "90 g/L"]
    (issue,) = record.issues
    assert issue.resource == "Observation/o1"
    assert "two different versions" in issue.message


def test_the_same_resource_twice_is_read_once(read: Read) -> None:
    """Overlapping pages repeat resources; a repetition is no second measurement."""
    record = read([P1, haemoglobin(80), haemoglobin(80)])
    assert values(record) == ["80 g/L"]
    assert record.issues == ()


def test_a_deletion_that_is_newer_removes_the_resource(read: Read) -> None:
    """In a history, newest first, a deletion takes the older versions away."""
    gone = {"request": {"method": "DELETE", "url": "Observation/o1"}, "response": {"status": "204"}}
    record = read(bundle("history", entry(P1), gone, entry(haemoglobin(80)), entry(haemoglobin(90, id="o2"))))
    assert values(record) == ["90 g/L"]


def test_a_resource_made_anew_after_its_deletion_stays(read: Read) -> None:
    """What came after the deletion stands before it in the history, and counts."""
    gone = {"request": {"method": "DELETE", "url": "http://hospital.example/fhir/Observation/o1"}}
    assert values(read(bundle("history", entry(P1), entry(haemoglobin(80)), gone))) == ["80 g/L"]


def test_resources_without_id_are_kept_apart(read: Read) -> None:
    """Two resources without an id are two resources, named by their places."""
    one, two = ({k: v for k, v in haemoglobin(n).items() if k != "id"} for n in (80, 90))
    record = read(bundle("transaction", entry(P1), entry(one), entry(two)))
    assert values(record) == ["80 g/L", "90 g/L"]
    names = [fact.source.resource for fact in record.observations["haemoglobin"]]
    assert names == ["Bundle.entry[1]", "Bundle.entry[2]"]


def test_a_failed_page_of_a_batch_is_named(read: Read) -> None:
    """An entry that a server answered with an error is data that could not be read, and is said so."""
    failed = {"response": {"status": "404 Not Found", "outcome": {"resourceType": "OperationOutcome"}}}
    record = read(bundle("batch-response", entry(P1, response={"status": "200 OK"}), failed))
    (issue,) = record.issues
    assert issue.resource == "Bundle.entry[1]"


def test_a_bad_entry_spoils_only_itself(read: Read) -> None:
    """An entry that is no entry, or has a wrong fullUrl, is named; the others are read."""
    wrong = [5, {"fullUrl": 3, "resource": haemoglobin(70, id="o9")}, {"resource": "text"}]
    record = read({"resourceType": "Bundle", "type": "searchset", "entry": [entry(P1), *wrong, entry(haemoglobin(80))]})
    assert "80 g/L" in values(record)
    assert {issue.resource for issue in record.issues} >= {"Bundle.entry[1]", "Bundle.entry[3]"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"null",
        b"5",
        b'"text"',
        b"{}",
        b'{"resourceType": 5}',
        b"{",
        b"[",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"resourceType":"Bundle","entry":5}',
        b"<Patient/>",
        b"\xff\xfe{",
        b'{"resourceType":"Patient","id":"p1"} {}',
        b'{"resourceType":"Patient","id":"\\ud800"}',
        b'{"resourceType":"Patient","id":NaN}',
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_fhir_json_is_an_input_error(read: Read, data: bytes) -> None:
    """Input that can't be read as a whole is refused in one way, whatever is wrong with it."""
    with pytest.raises(InputError):
        read(data)


def test_duplicate_keys_do_no_harm(read: Read) -> None:
    """A key that stands twice counts as its last value, as JSON parsers do."""
    text = json.dumps([P1, haemoglobin(80)])
    record = read(text.replace('"status": "final"', '"status": "cancelled", "status": "final"').encode())
    assert values(record) == ["80 g/L"]
