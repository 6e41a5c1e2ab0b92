"""Consent -> facts: for which studies, given or refused, in force from when to when."""

import pytest

from tests.build import TERMS, Json, concept, consent
from tests.unit.record.conftest import Read

STUDY = {"reference": "ResearchStudy/nct04785833"}
ABOUT = {"data": [{"meaning": "instance", "reference": STUDY}]}
CARE = concept(f"{TERMS}/consentscope", "patient-privacy")


@pytest.mark.parametrize(
    ("elements", "studies"),
    [
        ({}, set()),
        ({"provision": ABOUT}, {"ResearchStudy/nct04785833"}),
        ({"extension": [{"url": "urn:x", "valueReference": STUDY}]}, {"ResearchStudy/nct04785833"}),
        ({"extension": [{"url": "urn:x", "valueIdentifier": {"value": "NCT04785833"}}]}, {"NCT04785833"}),
        ({"extension": [{"url": "urn:x", "valueCanonical": "http://x/ResearchStudy/a|1"}]}, {"http://x/ResearchStudy/a|1"}),
        ({"extension": [{"url": "urn:x", "valueUri": "urn:study"}]}, {"urn:study"}),
        ({"extension": [{"url": "urn:x", "extension": [{"valueUri": "urn:study"}]}]}, {"urn:study"}),
        (
            {"extension": [{"url": "urn:x", "valueReference": {"identifier": {"value": "NCT1"}}}]},
            {"NCT1"},
        ),
        (
            {"provision": {"data": [{"reference": {"reference": "ResearchStudy/a/_history/3"}}]}},
            {"ResearchStudy/a"},
        ),
    ],
)  # fmt: skip
def test_the_studies_that_a_consent_names(read_with: Read, elements: Json, studies: set[str]) -> None:
    """By an extension or by a provision's data, as reference, canonical or identifier."""
    (fact,) = read_with(consent(**elements)).consents
    assert fact.studies == studies


@pytest.mark.parametrize(
    ("elements", "count"),
    [
        ({"scope": CARE}, 0),
        ({"scope": CARE, "provision": ABOUT}, 0),
        ({"scope": CARE, "category": [concept(f"{TERMS}/consentscope", "research")]}, 1),
    ],
)
def test_only_research_consents_are_read(read_with: Read, elements: Json, count: int) -> None:
    """A consent to treatment or privacy is no consent to a study, whatever it refers to."""
    assert len(read_with(consent(**elements)).consents) == count


@pytest.mark.parametrize(("elements", "count"), [({}, 0), ({"provision": ABOUT}, 1)])
def test_without_a_scope_the_named_study_makes_it_one(read_with: Read, elements: Json, count: int) -> None:
    """A consent that says nothing of its scope is for research if it names a study."""
    resource = consent(**elements)
    del resource["scope"]
    assert len(read_with(resource).consents) == count


@pytest.mark.parametrize(("kind", "denied"), [("deny", True), ("permit", False), (None, False)])
def test_a_provision_may_refuse(read_with: Read, kind: str | None, denied: bool) -> None:  # noqa: FBT001  # a table's column
    """A provision of type deny refuses."""
    (fact,) = read_with(consent(provision=ABOUT | ({"type": kind} if kind else {}))).consents
    assert fact.denied is denied


@pytest.mark.parametrize("status", ["draft", "proposed", "active", "rejected", "inactive"])
def test_the_status_is_kept(read_with: Read, status: str) -> None:
    """What a status means is decided with the policy and the moment, not here."""
    (fact,) = read_with(consent(status=status)).consents
    assert fact.status == status


def test_a_consent_entered_in_error_never_consents(read_with: Read) -> None:
    """An error is kept as no consent that counts."""
    assert {fact.status for fact in read_with(consent(status="entered-in-error")).consents} <= {"entered-in-error"}


@pytest.mark.parametrize("status", [None, "signed"])
def test_a_missing_or_unknown_status_is_an_issue(read_with: Read, status: str | None) -> None:
    """A consent whose status can't be told is not read."""
    resource = {name: value for name, value in consent(status=status).items() if value is not None}
    record = read_with(resource)
    assert record.consents == ()
    assert [issue.path for issue in record.issues] == ["Consent.status"]


def test_the_time_of_a_consent(read_with: Read) -> None:
    """When it was signed, and from when to when its provision holds."""
    provision = ABOUT | {"period": {"start": "2026-01-01", "end": "2026-12-31"}}
    (fact,) = read_with(consent(dateTime="2025-12-30", provision=provision)).consents
    assert [when.text if when else None for when in (fact.when, fact.start, fact.end)] == [
        "2025-12-30",
        "2026-01-01",
        "2026-12-31",
    ]


@pytest.mark.parametrize(
    ("elements", "path"),
    [
        ({"dateTime": "soon"}, "Consent.dateTime"),
        ({"provision": ABOUT | {"period": {"start": "soon"}}}, "Consent.provision.period.start"),
        ({"provision": ABOUT | {"period": {"end": "2026-13-01"}}}, "Consent.provision.period.end"),
    ],
)
def test_a_bad_date_is_an_issue(read_with: Read, elements: Json, path: str) -> None:
    """A time that can't be read is named; the consent stays, to be shown."""
    record = read_with(consent(**elements))
    assert len(record.consents) == 1
    assert [issue.path for issue in record.issues] == [path]


def test_nested_provisions_speak_for_their_own_studies(read_with: Read) -> None:
    """One study may be refused inside a consent to others; type and period are inherited where missing."""
    other = {"data": [{"meaning": "instance", "reference": {"reference": "ResearchStudy/4scar7u"}}], "type": "deny"}
    third = {"data": [{"meaning": "instance", "reference": {"reference": "ResearchStudy/senl-t7"}}]}
    period = {"start": "2026-01-01", "end": "2026-12-31"}
    outer = ABOUT | {"type": "permit", "period": period, "provision": [other | {"provision": [{}]}, third]}
    facts = read_with(consent(provision=outer)).consents
    assert [(sorted(fact.studies), fact.denied) for fact in facts] == [
        (["ResearchStudy/nct04785833"], False),
        (["ResearchStudy/4scar7u"], True),
        (["ResearchStudy/senl-t7"], False),
    ]
    assert {fact.end.text if fact.end else None for fact in facts} == {"2026-12-31"}
