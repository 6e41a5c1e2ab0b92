"""The door for FHIR JSON: what is a resource, what is gone, and what is missing."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import InputError, MalformedError
from adapter.record.bundle import MAX_DEPTH, Resource, json_text, resource_of
from adapter.record.contents import MAX_ENTRIES, MAX_PROBLEMS, contents_of, merged
from adapter.record.inside import results_inside
from adapter.record.patient_record import ANY_TYPE
from tests.build import P1, SUBJECT, Json, bundle, condition, drug, entry, observation, quantity
from tests.unit.record.conftest import Read


def haemoglobin(value: int, **elements: object) -> Json:
    """A haemoglobin of a value that tells it from others."""
    return observation(valueQuantity=quantity(value, "g/L"), **elements)


def sent(content: object) -> bytes:
    """JSON as it is sent."""
    return json.dumps(content).encode()


def values(read: Read, *resources: Json) -> list[str]:
    """The haemoglobin values that are read, as shown."""
    return [fact.shown for fact in read([P1, *resources]).observations.get("haemoglobin", ())]


def test_a_resource_is_opened_with_its_name_and_no_more() -> None:
    """Type, id, version and address are known; what it says is not looked at."""
    one = haemoglobin(80, meta={"versionId": "3", "lastUpdated": "2026-02-01T00:00:00Z"}, status=7)
    (found,) = contents_of(sent(bundle("searchset", entry(one, fullUrl="http://h/fhir/Observation/o1")))).resources
    assert (found.key, found.version, found.last_updated) == ("Observation/o1", "3", "2026-02-01T00:00:00Z")
    assert (found.full_url, found.place) == ("http://h/fhir/Observation/o1", "Bundle.entry[0]")
    assert found.json() == one


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("2026-02-20T10:00:00.5Z", "2026-02-20T10:00:00Z"),
        ("2026-02-20T10:00:00Z", "2026-02-20T10:30:00+01:00"),
        ("2026-02-20T10:00:00+00:00", "2026-02-20T09:59:59.999999Z"),
    ],
    ids=["fraction", "zone", "written otherwise"],
)
def test_versions_are_compared_as_instants(read: Read, newer: str, older: str) -> None:
    """Which text sorts later says nothing: fractions and zones count."""
    new, old = haemoglobin(92, meta={"lastUpdated": newer}), haemoglobin(61, meta={"lastUpdated": older})
    assert values(read, old, new) == values(read, new, old) == ["92 g/L"]


def test_a_deletion_outside_a_history_holds_wherever_it_stands() -> None:
    """A transaction has no order: what it deletes is gone."""
    gone = {"request": {"method": "DELETE", "url": "Observation/o1"}}
    for entries in ((entry(haemoglobin(80)), gone), (gone, entry(haemoglobin(80)))):
        found = contents_of(sent(bundle("transaction", *entries)))
        assert not found.resources
        assert found.deleted == {"Observation/o1"}


@pytest.mark.parametrize(
    "incomplete",
    [
        bundle("batch-response", entry(P1), {"response": {"status": "500"}}),
        bundle(
            "batch-response",
            entry(P1),
            {"resource": {"resourceType": "OperationOutcome"}, "response": {"status": "403 Forbidden"}},
        ),
        bundle("searchset", entry(P1)) | {"link": [{"relation": "next", "url": "http://h/fhir?page=2"}]},
        bundle("searchset", entry(P1), entry({"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]})),
        bundle("searchset", entry(P1)) | {"link": [{"relation": "next"}]},
        [P1, 7],
    ],
    ids=["failed entry", "refused entry", "next page", "error", "next page nowhere", "no resource"],
)
def test_what_says_that_the_input_is_not_whole_is_kept(read: Read, incomplete: object) -> None:
    """Any type may be missing then; an issue says where it stands."""
    record = read(incomplete)
    assert record.unread == {ANY_TYPE}
    assert record.may_lack(frozenset({"Condition"}))
    assert len(record.issues) == 1


def test_pages_that_are_all_there_are_whole(read: Read) -> None:
    """A link to a page that is in the input, and a warning of the server, miss nothing."""
    first = bundle("searchset", entry(P1)) | {"link": [{"relation": "next", "url": "http://h/fhir?page=2"}]}
    second = bundle("searchset") | {"link": [{"relation": "self", "url": "http://h/fhir?page=2"}]}
    warning = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}
    assert read([first, second, warning]).unread == frozenset()


def test_a_resource_that_can_not_be_read_is_missing_of_its_type(read: Read) -> None:
    """One bad Condition says that Conditions may be missing, and nothing of observations."""
    record = read([P1, condition(code=5), haemoglobin(80)])
    assert record.unread == {"Condition"}
    assert not record.may_lack(frozenset({"Observation"}))


def test_an_input_has_a_bound() -> None:
    """Empty entries are cheap to send: so many are refused, and fewer are counted, not told one by one."""
    with pytest.raises(InputError, match="in parts"):
        contents_of(sent(bundle("batch", *[{}] * (MAX_ENTRIES + 1))))
    problems = contents_of(sent(bundle("batch", *[{}] * 5000))).problems
    assert len(problems) == MAX_PROBLEMS + 1
    assert "4900 more" in problems[-1].message


def test_of_both_sources_the_newer_version_counts() -> None:
    """What was sent counts, unless it says that it is older than the server's."""

    def one(value: int, version: str | None = None) -> Json:
        return haemoglobin(value, **({"meta": {"versionId": version}} if version else {}))

    held = contents_of(sent([P1, one(80, "2"), haemoglobin(70, id="o2")]))
    both = merged(contents_of(sent(one(90))), held)
    assert [each.key for each in both.resources] == ["Observation/o1", "Patient/p1", "Observation/o2"]
    assert b"90" in both.resources[0].raw
    assert len(merged(contents_of(sent(one(90, "1"))), held).resources) == 4


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":1, "a" :2,"b":"x\\":"}',
        b'{"b":{"a":1,"\\u0061":2}}',
        b'{"a":NaN}',
        b"\xff{}",
        b'{"a":"\xff"}',
        b'{"a":1} {}',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        gzip.compress(b"{}", mtime=0),
    ],
    ids=repr,
)
def test_json_that_does_not_mean_one_thing_is_refused(text: bytes) -> None:
    """Which of two equal keys a sender meant, nobody knows."""
    with pytest.raises(MalformedError):
        json_text(text)


@pytest.mark.parametrize(
    "text",
    [b'{"a" :1,"b":"x\\" : \\":","c":"{\\"c\\":1,\\"c\\":2}"}', b'{"a":1e400}', b'["\\ud83d\\ude00"]', b'{"":{"":1}}'],
    ids=repr,
)
def test_json_that_means_one_thing_is_handed_on(text: bytes) -> None:
    """What only looks like a key twice is none; a byte order mark is taken off."""
    assert json_text(text) == json_text(b"\xef\xbb\xbf" + text) == text


_PIECES = (
    "a",
    ":",
    "::",
    '\\"',
    '\\":',
    "\\\\",
    " ",
    "{",
    "}",
    ",",
    "\u00e4",
    "\\u0061",
    "\\u003a",
    "\\u003A",
    "\\n",
    "\\ud83d\\ude00",
)
_STRINGS = st.lists(st.sampled_from(_PIECES), max_size=3).map(lambda pieces: f'"{"".join(pieces)}"')
_BLANKS = st.sampled_from(("", "", " ", "\n\t", "\r"))


def _within(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(_STRINGS, _BLANKS, _BLANKS, inner).map(lambda of: f"{of[0]}{of[1]}:{of[2]}{of[3]}")
    listed = st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
    return listed | st.lists(member, max_size=4).map(lambda members: f"{{{','.join(members)}}}")


_TEXTS = st.recursive(_STRINGS | st.sampled_from(("1", "-1.50e2", "null", "true")), _within, max_leaves=12)


@given(_TEXTS)
def test_a_key_that_stands_twice_is_always_found(text: str) -> None:
    """Whatever the strings hold, and however their characters are written."""
    twice = False

    def seen(pairs: list[tuple[str, Any]]) -> None:
        nonlocal twice
        twice = twice or len({name for name, _ in pairs}) < len(pairs)

    json.loads(text, object_pairs_hook=seen)
    if twice:
        with pytest.raises(MalformedError):
            json_text(text.encode())
    else:
        assert json_text(text.encode()) == text.encode()


@pytest.mark.parametrize(
    ("sent_patient", "held_patient", "refused"),
    [
        ({"birthDate": "1980-05-05"}, {"birthDate": "1981-05-05"}, "another birth date"),
        ({"birthDate": "1980-05"}, {"birthDate": "1980-05-05"}, None),
        ({}, {"birthDate": "1980-05-05"}, None),
        (
            {"identifier": [{"system": "urn:mrn", "value": "1"}]},
            {"identifier": [{"system": "urn:mrn", "value": "2"}]},
            "urn:mrn",
        ),
        (
            {"identifier": [{"system": "urn:mrn", "value": "1"}]},
            {"identifier": [{"system": "urn:x", "value": "2"}]},
            None,
        ),
        (
            {"identifier": [{"system": "urn:mrn", "value": "1"}]},
            {"identifier": [{"system": "urn:mrn", "value": "2"}, {"system": "urn:mrn", "value": "1"}]},
            None,
        ),
        ({"birthDate": 5}, {"birthDate": "1980-05-05"}, None),
    ],
    ids=["birth dates", "to the month", "not given", "identifiers", "other systems", "one in common", "unreadable"],
)
def test_two_people_under_one_id_are_not_merged(sent_patient: Json, held_patient: Json, refused: str | None) -> None:
    """What contradicts is named without its values; what may be one person is merged."""
    mine, theirs = (
        contents_of(sent({"resourceType": "Patient", "id": "p1"} | each)) for each in (sent_patient, held_patient)
    )
    if refused is None:
        assert merged(mine, theirs).resources == mine.resources
    else:
        with pytest.raises(InputError, match=refused) as caught:
            merged(mine, theirs)
        assert "1980" not in str(caught.value)


def _report(*contained: Json, **elements: object) -> Resource:
    whole = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "contained": contained}
    return resource_of(json.dumps(whole | elements).encode())


def test_panels_that_are_in_each_other() -> None:
    """Each is read once, with what it says itself."""
    panels: list[Json] = [
        {"resourceType": "Observation", "id": one, "status": "final", "hasMember": [{"reference": f"#{other}"}]}
        for one, other in (("a", "b"), ("b", "a"))
    ]
    found = [json.loads(each.raw) for each in results_inside(_report(*panels, note=[{"text": "late"}]))]
    assert [(each["status"], each["hasMember"][0]["reference"]) for each in found] == [("final", "#b"), ("final", "#a")]


def test_what_would_be_repeated_too_often_is_believed_of_none() -> None:
    """A long note of thousands of results is not copied to each of them: they are read as not yet final."""
    results: list[Json] = [
        {"resourceType": "Observation", "id": f"o{number}", "status": "final"} for number in range(700)
    ]
    found = results_inside(_report(*results, conclusion="x" * 100_000))
    assert {json.loads(each.raw)["status"] for each in found} == {"preliminary"}
    assert sum(len(each.raw) for each in found) < 1_000_000
    assert all(json.loads(each.raw)["status"] == "final" for each in results_inside(_report(*results, conclusion="x")))


def test_the_note_of_a_panel_counts_once_however_many_results_it_names() -> None:
    """Hundreds of results with a note of a line are a laboratory's day, and nothing to doubt."""
    names = [f"o{number}" for number in range(900)]
    results: list[Json] = [{"resourceType": "Observation", "id": name, "status": "final"} for name in names]
    members = {"hasMember": [{"reference": f"#{name}"} for name in names], "note": [{"text": "y" * 100}]}
    panel = {"resourceType": "Observation", "id": "p", "status": "final", **members}
    assert all(json.loads(each.raw)["status"] == "final" for each in results_inside(_report(panel, *results)))


def test_a_result_in_two_panels_is_as_the_first_has_it() -> None:
    """Of two that name the same one."""
    panels: list[Json] = [
        {"resourceType": "Observation", "id": name, "status": "final", "hasMember": [{"reference": "#o"}], **said}
        for name, said in (("a", {"note": [{"text": "late"}]}), ("b", {}))
    ]
    *_, found = results_inside(_report(*panels, {"resourceType": "Observation", "id": "o", "status": "final"}))
    assert json.loads(found.raw)["note"] == [{"text": "late"}]


ESCAPED = {
    "Condition": "C\\u006fndition",
    "contained": "c\\u006Fntained",
    "#d1": "\\u0023d1",
    "display": "displ\\u0061y",
}
"""Names and codes as JSON may also have them."""


@pytest.mark.parametrize("word", ESCAPED)
def test_an_escaped_letter_is_the_letter(read: Read, word: str) -> None:
    """What is contained, and what a reference calls something, is found however its letters are written."""
    gvhd = condition(id="d1", code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "D89.813"}]})
    named = {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": SUBJECT, "contained": [gvhd]}
    report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "final", "subject": SUBJECT}
    resources = [
        P1,
        named,
        drug(contained=[gvhd], reasonReference=[{"reference": "#d1"}]),
        drug(id="m2", reasonReference=[{"display": 'GVHD, "II" \\u0041'}]),
        {**report, "contained": [haemoglobin(80, id="o1", effectiveDateTime="2026-02-01")]},
    ]
    plain = json.dumps(bundle("collection", *(entry(each) for each in resources)))
    known, found = read(plain.encode()), read(plain.replace(word, ESCAPED[word]).encode())
    assert known.mentions
    assert (known.mentions, known.issues) == (found.mentions, found.issues)
    assert [each.shown for each in known.observations["haemoglobin"]] == ["80 g/L"]
    assert known.observations.keys() == found.observations.keys()
