"""AllergyIntolerance -> facts."""

import pytest

from adapter.record.facts import Severity, Verification
from tests.build import SNOMED, TERMS, Json, allergy, concept
from tests.unit.record.conftest import Read


def test_an_allergy_is_read(read_with: Read) -> None:
    """Substance, statuses, severity of the reactions and criticality come through."""
    record = read_with(
        allergy(
            clinicalStatus=concept(f"{TERMS}/allergyintolerance-clinical", "active"),
            verificationStatus=concept(f"{TERMS}/allergyintolerance-verification", "confirmed"),
            reaction=[{"severity": "severe"}, {"severity": "mild"}, {}],
            criticality="high",
            onsetDateTime="2019",
            recordedDate="2020-01-02",
        )
    )
    (fact,) = record.allergies["antibiotic"]
    assert (fact.clinical, fact.verification, fact.severity) == ("active", Verification.CONFIRMED, Severity.SEVERE)
    assert fact.onset is not None
    assert fact.recorded is not None
    assert (fact.onset.text, fact.recorded.text) == ("2019", "2020-01-02")
    assert record.issues == ()


ANAPHYLAXIS = [concept(SNOMED, "39579001")]


@pytest.mark.parametrize(
    ("reactions", "criticality", "expected"),
    [
        ([], None, Severity.OPEN),
        ([], "low", Severity.OPEN),
        ([], "high", Severity.SEVERE),
        ([{"severity": "mild"}], None, Severity.NOT_SEVERE),
        ([{"severity": "mild"}], "high", Severity.SEVERE),
        ([{"severity": "mild"}, {}], None, Severity.OPEN),
        ([{"severity": "moderate", "manifestation": ANAPHYLAXIS}], None, Severity.SEVERE),
        ([{"severity": "mild"}, {"manifestation": [{"text": "Anaphylactic shock"}]}], None, Severity.SEVERE),
        ([{"severity": "SEVERE"}], None, Severity.SEVERE),
        ([{"severity": "fatal"}], None, Severity.SEVERE),
        ([{"severity": "so-so"}], None, Severity.OPEN),
    ],
)
def test_how_severe(read_with: Read, reactions: list[Json], criticality: str | None, expected: Severity) -> None:
    """Severe if anything says so, not severe only if every reaction does."""
    extra = {} if criticality is None else {"criticality": criticality}
    (fact,) = read_with(allergy(reaction=reactions, **extra)).allergies["antibiotic"]
    assert fact.severity is expected


def test_an_entry_without_a_known_code_is_a_fact(read_with: Read) -> None:
    """It may be the very substance."""
    record = read_with(allergy(code={"text": "some drug"}))
    assert [fact.shown for fact in record.all_allergies] == ["some drug"]
    assert not record.allergies


def test_a_reactions_substance_counts(read_with: Read) -> None:
    """The substance may stand in a reaction alone."""
    resource = allergy(reaction=[{"substance": concept(SNOMED, "255631004", display="Antibiotic")}])
    del resource["code"]
    (fact,) = read_with(resource).allergies["antibiotic"]
    assert fact.shown == "Antibiotic"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("unconfirmed", Verification.UNCONFIRMED),
        ("presumed", Verification.UNCONFIRMED),
        ("refuted", Verification.REFUTED),
    ],
)
def test_a_verification_that_is_not_confirmed(read_with: Read, code: str, expected: Verification) -> None:
    """What is presumed or doubted is not confirmed; what is refuted is kept as that."""
    status = concept(f"{TERMS}/allergyintolerance-verification", code)
    (fact,) = read_with(allergy(verificationStatus=status)).allergies["antibiotic"]
    assert fact.verification is expected


def test_entered_in_error_leaves_nothing(read_with: Read) -> None:
    """An allergy entered in error says nothing."""
    status = concept(f"{TERMS}/allergyintolerance-verification", "entered-in-error")
    record = read_with(allergy(verificationStatus=status))
    assert (dict(record.allergies), record.issues, record.unmapped) == ({}, (), ())


@pytest.mark.parametrize("coded", [{"text": "penicillin"}, concept("urn:local", "pen"), {}])
def test_an_uncoded_allergy_is_unmapped(read_with: Read, coded: Json) -> None:
    """An allergy to something that no map knows is listed."""
    record = read_with(allergy(code=coded))
    assert [entry.resource for entry in record.unmapped] == ["AllergyIntolerance/a1"]


def test_another_patients_allergy_is_not_read(read_with: Read) -> None:
    """Of an allergy it is `patient` that says whose it is."""
    record = read_with(allergy(patient={"reference": "Patient/p2"}))
    assert not record.allergies
    assert [issue.path for issue in record.issues] == ["AllergyIntolerance.patient"]
