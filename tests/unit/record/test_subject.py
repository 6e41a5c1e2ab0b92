"""Whose record it is, and whose data belong to it."""

import pytest

from adapter.errors import InputError
from tests.build import P1, SNOMED, Json, bundle, concept, observation, quantity
from tests.unit.record.conftest import Read

P2: Json = {"resourceType": "Patient", "id": "p2"}
VALUE = {"valueQuantity": quantity(80, "g/L")}
SEX = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"


def replaced_by(patient: Json, reference: str) -> Json:
    """The patient, merged into another one."""
    return patient | {"link": [{"type": "replaced-by", "other": {"reference": reference}}]}


def test_several_patients_need_a_name(read: Read) -> None:
    """With two Patients and none asked for, the error names both and says what to do."""
    with pytest.raises(InputError, match=r"2: Patient/p1, Patient/p2; send one alone, or name one as the subject"):
        read([P1, P2])


def test_no_patient_is_an_error(read: Read) -> None:
    """Data without a Patient are nobody's record."""
    with pytest.raises(InputError, match=r"it holds none; send the Patient too"):
        read([observation(**VALUE)])


@pytest.mark.parametrize("asked", ["p2", "Patient/p2"])
def test_the_asked_patient_is_read(read: Read, asked: str) -> None:
    """Asked by id or by reference, one of several is read; the others' data are not."""
    mine = observation(subject={"reference": "Patient/p2"}, id="o2", **VALUE)
    record = read([P1, P2, observation(**VALUE), mine], subject=asked)
    assert record.subject == "Patient/p2"
    assert [fact.source.resource for fact in record.observations["haemoglobin"]] == ["Observation/o2"]
    assert [(issue.resource, issue.path) for issue in record.issues] == [("Observation/o1", "Observation.subject")]


def test_an_unknown_patient_is_an_error(read: Read) -> None:
    """A subject that the input doesn't hold is refused by name."""
    with pytest.raises(InputError, match="Patient/p3 is not in the input"):
        read([P1, P2], subject="p3")


def test_an_unreadable_patient_beside_the_asked_one_is_an_issue(read: Read) -> None:
    """Another's bad Patient doesn't spoil the one that is asked for."""
    record = read([P1, P2 | {"gender": 5}], subject="p1")
    assert record.subject == "Patient/p1"
    assert [issue.resource for issue in record.issues] == ["Patient/p2"]


def test_the_patient_itself_must_be_readable(read: Read) -> None:
    """A Patient with a wrong type is no patient; the error says where it is wrong."""
    with pytest.raises(InputError, match=r"Patient/p1 .*Patient\.gender"):
        read([P1 | {"gender": 5}])


def test_a_replaced_patient_is_followed(read: Read) -> None:
    """Of a merged pair the survivor is read, with the data of both, whichever is asked for."""
    both = [
        replaced_by(P1, "Patient/p2"),
        P2,
        observation(**VALUE),
        observation(id="o2", subject={"reference": "Patient/p2"}, **VALUE),
    ]
    for asked in (None, "p1", "p2"):
        record = read(both, subject=asked)
        assert record.subject == "Patient/p2"
        assert len(record.observations["haemoglobin"]) == 2
        assert record.issues == ()


def test_a_chain_of_replacements_is_followed(read: Read) -> None:
    """A patient merged twice is read with the data of every one that went before."""
    chain = [replaced_by(P1, "Patient/p2"), replaced_by(P2, "Patient/p3"), {"resourceType": "Patient", "id": "p3"}]
    record = read([*chain, observation(**VALUE)])
    assert record.subject == "Patient/p3"
    assert len(record.observations["haemoglobin"]) == 1


def test_a_replacement_by_its_urn_is_followed(read: Read) -> None:
    """In a transaction the survivor may be named by its fullUrl alone."""
    urn = "urn:uuid:0c2f1c3e-6f3a-4b6e-9a38-1f1f2b8f6f11"
    entries: list[Json] = [{"resource": replaced_by(P1, urn)}, {"fullUrl": urn, "resource": P2}]
    assert read(bundle("transaction", *entries)).subject == "Patient/p2"


def test_a_missing_replacement_is_named(read: Read) -> None:
    """Where the survivor isn't in the input, the old record is read and an issue asks for the other."""
    record = read([replaced_by(P1, "Patient/p2"), observation(**VALUE)])
    assert record.subject == "Patient/p1"
    (issue,) = record.issues
    assert (issue.resource, issue.path) == ("Patient/p1", "Patient.link")
    assert record.may_lack(frozenset({"Condition"}))


def test_replacements_in_a_circle_end(read: Read) -> None:
    """Two patients that name each other are one, known by the smaller name whatever is asked for."""
    circle = [replaced_by(P1, "Patient/p2"), replaced_by(P2, "Patient/p1"), observation(**VALUE)]
    for asked in (None, "p1", "p2"):
        for order in (circle, circle[::-1]):
            record = read(order, subject=asked)
            assert record.subject == "Patient/p1"
            assert "haemoglobin" in record.observations


def test_a_long_chain_of_replacements_is_followed_at_once(read: Read) -> None:
    """The work grows with the chain, not with its square: 20,000 take as long as reading them."""
    chain = [replaced_by({"resourceType": "Patient", "id": f"p{n}"}, f"Patient/p{n + 1}") for n in range(20_000)]
    last = {"resourceType": "Patient", "id": "p20000"}
    assert read([*chain, last, observation(**VALUE)]).subject == "Patient/p20000"


@pytest.mark.parametrize(("server", "read_as_ours"), [("http://own.example/fhir", True), ("http://other/fhir", False)])
def test_another_servers_patient_of_the_same_id_is_another(read: Read, server: str, read_as_ours: bool) -> None:  # noqa: FBT001  # a table's column
    """Where the input says on which server the Patient is, an absolute reference to another server is not to them."""
    one = observation(subject={"reference": f"{server}/Patient/p1"}, **VALUE)
    record = read(
        bundle("searchset", {"fullUrl": "http://own.example/fhir/Patient/p1", "resource": P1}, {"resource": one})
    )
    assert ("haemoglobin" in record.observations) is read_as_ours


@pytest.mark.parametrize(
    ("subject", "read_as_ours"),
    [
        ({"reference": "Patient/p1"}, True),
        ({"reference": "Patient/p1/_history/4"}, True),
        ({"reference": "http://other.example/fhir/Patient/p1"}, True),
        ({"reference": "urn:uuid:aaaa"}, True),
        ({"identifier": {"system": "urn:mrn", "value": "17"}}, True),
        ({"display": "somebody"}, True),
        (None, True),
        ({"reference": "Patient/p10"}, False),
        ({"reference": "Patient/p2"}, False),
        ({"reference": "Group/p1"}, False),
        ({"reference": "urn:uuid:bbbb"}, False),
        ({"reference": "#p1"}, False),
        ({"identifier": {"system": "urn:mrn", "value": "18"}}, False),
        ({"identifier": {"value": "17"}}, False),
    ],
)
def test_a_reference_may_take_any_form(read: Read, subject: Json | None, read_as_ours: bool) -> None:  # noqa: FBT001  # a table's column
    """Relative, absolute, versioned, by urn or by identifier: what names the patient is theirs, the rest is not.

    A resource that names nobody is taken as the patient's, with an issue; another's is left out, with an issue.
    """
    patient = P1 | {"identifier": [{"system": "urn:mrn", "value": "17"}]}
    one = observation(subject=subject, **VALUE)
    if subject is None:
        del one["subject"]
    record = read(bundle("collection", {"fullUrl": "urn:uuid:aaaa", "resource": patient}, {"resource": one}))
    assert ("haemoglobin" in record.observations) is read_as_ours
    named = subject is not None and ("reference" in subject or "identifier" in subject)
    expected = [] if read_as_ours and named else ["Observation.subject"]
    assert [issue.path for issue in record.issues] == expected


def test_a_patient_without_id_is_known_by_its_url(read: Read) -> None:
    """A Patient yet to be created has only its fullUrl, and its data refer to that."""
    entries = [
        {"fullUrl": "urn:uuid:aaaa", "resource": {"resourceType": "Patient"}},
        {"fullUrl": "urn:uuid:bbbb", "resource": observation(subject={"reference": "urn:uuid:aaaa"}, **VALUE)},
    ]
    record = read(bundle("transaction", *entries))
    assert record.issues == ()
    assert "haemoglobin" in record.observations


@pytest.mark.parametrize(
    ("elements", "deceased", "day"),
    [
        ({}, False, None),
        ({"deceasedBoolean": False}, False, None),
        ({"deceasedBoolean": True}, True, None),
        ({"deceasedDateTime": "2026-02"}, True, "2026-02"),
        ({"deceasedDateTime": "not known"}, True, None),
    ],
)
def test_death_is_read(read: Read, elements: Json, deceased: bool, day: str | None) -> None:  # noqa: FBT001  # a table's column
    """A date of death is a death, even one that can't be read."""
    record = read(P1 | elements)
    assert record.deceased is deceased
    assert (record.death.text if record.death else None) == day


def test_a_bad_birth_date_is_an_issue(read: Read) -> None:
    """A birth date that can't be read leaves the age unknown, and is named."""
    record = read(P1 | {"birthDate": "31.12.1999"})
    assert record.birth is None
    assert [issue.path for issue in record.issues] == ["Patient.birthDate"]


def test_a_birth_date_with_a_time_is_named(read: Read) -> None:
    """Its day depends on the time zone, which nobody knows."""
    record = read(P1 | {"birthDate": "1999-12-31T23:00:00Z"})
    assert record.birth is not None
    assert (record.birth.first.isoformat(), record.birth.last.isoformat()) == ("1999-12-31", "2000-01-01")
    assert [issue.path for issue in record.issues] == ["Patient.birthDate"]


def test_a_gender_outside_the_code_list_is_an_issue(read: Read) -> None:
    """Only FHIR's four codes are taken over."""
    assert read(P1 | {"gender": "other"}).gender == "other"
    record = read(P1 | {"gender": "F"})
    assert record.gender is None
    assert [issue.path for issue in record.issues] == ["Patient.gender"]


@pytest.mark.parametrize(
    ("code", "expected"), [("female-typical", "female"), ("male-typical", "male"), ("specified", None)]
)
def test_the_sex_parameter_for_clinical_use_is_read(read: Read, code: str, expected: str | None) -> None:
    """The extension says female or male beside a gender that may differ; other values say nothing of either."""
    value = {"url": "value", "valueCodeableConcept": concept(SNOMED, code)}
    record = read(P1 | {"gender": "other", "extension": [{"url": SEX, "extension": [value]}]})
    assert (record.gender, record.clinical_sex) == ("other", expected)


def test_what_is_read_of_the_person_is_read_once(read: Read) -> None:
    """A chart knows times by their identity, and what is read anew each time would take another's."""
    record = read(P1 | {"address": [{"city": "Chongqing", "period": {"end": "2026-01"}}]})
    assert record.person() is record.person()
