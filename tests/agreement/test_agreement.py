"""The evaluator and an independent CQL engine say the same of the same patients (invariant 4)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from adapter.criteria.quantity import Comparator
from adapter.evaluator import bind, evaluate_all
from adapter.kinds.measurement import compare as measurement
from adapter.record import read_record
from tests.agreement.differences import Compared, compare, listed
from tests.agreement.engine import Engine, need_java, running
from tests.agreement.libraries import write_libraries
from tests.agreement.patients import Asked, made, of_cohort
from tests.agreement.site import BOUND, DEFINITIONS, LABORATORY, PROBLEM_LIST, SHIPPED, STRICT, TERMINOLOGY, WITH_RULES
from tests.build import ATTESTATION
from tests.properties.core import flat, written

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLIPPED = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}
SUBJECT = {"reference": "Patient/p1"}
PATIENT = {"resourceType": "Patient", "id": "p1"}


@pytest.fixture(scope="module")
def running_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Mapping[str, str]]]:
    """The engine with the libraries of the trials, and their names."""
    need_java()
    folder = tmp_path_factory.mktemp("cql")
    libraries = write_libraries(folder, DEFINITIONS, TERMINOLOGY)
    with running(folder, list(libraries.values()), quick=True) as engine:
        yield engine, libraries


def bundle(*resources: Any) -> bytes:  # noqa: ANN401  # JSON
    """A Bundle of resources."""
    entries = [{"resource": each} for each in resources]
    return written({"resourceType": "Bundle", "type": "collection", "entry": entries})  # type: ignore[arg-type]  # any JSON


def haemoglobin(value: int) -> Mapping[str, Any]:
    """A fresh haemoglobin in g/L."""
    return {
        "resourceType": "Observation",
        "id": "hb",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": SUBJECT,
        "effectiveDateTime": "2026-02-20",
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "g/L"},
    }


def test_every_criterion_of_every_trial(running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """On patients of the cohort and made-up ones, every criterion, part and decision is the same, or listed."""
    engine, libraries = running_engine
    cells = 0
    for asked in (*of_cohort(step=32), *made(30, 11)):
        found = compare(asked, engine, libraries)
        cells += found.cells
        assert [str(each) for each in found.differences if each.kind is None] == []
    assert cells > 5000


def test_a_policy_that_assumes(running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """Under a policy that assumes absence, all differences are assumptions, and decisions that follow from them."""
    engine, libraries = running_engine
    kinds = set()
    for asked in of_cohort(step=80):
        found = compare(asked, engine, libraries, PROBLEM_LIST)
        assert [str(each) for each in found.differences if each.kind is None] == []
        kinds |= {each.kind for each in found.differences}
    assert "assumption" in kinds


def test_a_flipped_comparator_is_found(
    running_engine: tuple[Engine, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluator that takes "at least" for "at most" differs in ways that are not listed."""
    engine, libraries = running_engine
    right = measurement.stands

    def wrong(number: Any, comparator: Comparator, bound: Any) -> Any:  # noqa: ANN401  # as `stands` has it
        return right(number, Comparator(FLIPPED[comparator.value]), bound)

    asked = Asked("low haemoglobin", bundle({"resourceType": "Patient", "id": "p1"}, haemoglobin(60)), AS_OF)
    bounds = [bind(each, TERMINOLOGY) for each in SHIPPED]
    assert compare(asked, engine, libraries, bounds=bounds).differences == []
    monkeypatch.setattr(measurement, "stands", wrong)
    found = compare(asked, engine, libraries, bounds=bounds).differences
    wrongly = {(each.study, each.criterion, each.evaluator, each.cql, each.kind) for each in found if each.criterion}
    assert wrongly == {
        ("nct07008872", "I7", "met", "not-met", None),
        ("4scar7u", "I5", "met", "not-met", None),
    }


def consent_at_depth(depth: int) -> Mapping[str, Any]:
    """A research consent whose study is named by a provision so many levels below its own."""
    provision: dict[str, Any] = {
        "type": "permit",
        "data": [{"meaning": "related", "reference": {"reference": "ResearchStudy/nct04785833"}}],
    }
    for _ in range(depth):
        provision = {"provision": [provision]}
    return {
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]},
        "patient": SUBJECT,
        "dateTime": "2026-02-01",
        "provision": provision,
    }


def creatinine(value: int, code: str = "2160-0") -> Mapping[str, Any]:
    """A fresh creatinine in umol/L, without a reference range."""
    return {
        **haemoglobin(value),
        "id": f"creatinine-{code}",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "umol/L"},
    }


def ejection_fraction(method: str) -> Mapping[str, Any]:
    """A fresh ejection fraction with the method by which it was measured."""
    coding = TERMINOLOGY.codes("lvef")[0]
    return {
        **haemoglobin(60),
        "id": "lvef",
        "code": {"coding": [{"system": coding.system, "code": coding.code}]},
        "method": {"coding": [{"system": "http://snomed.info/sct", "code": method}]},
        "valueQuantity": {"value": 60, "system": "http://unitsofmeasure.org", "code": "%"},
    }


FIBRILLATION = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I48.91"}]}

SEPSIS = {"coding": [{"system": "http://snomed.info/sct", "code": "91302008"}]}


def fibrillation(status: str, recorded: str) -> Mapping[str, Any]:
    """Atrial fibrillation on the problem list."""
    return {**leukaemia("af", recorded, status), "code": FIBRILLATION}


def not_taken(since: str) -> Mapping[str, Any]:
    """The word that nothing is taken."""
    absent = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
    return {
        "resourceType": "MedicationStatement",
        "id": "none",
        "status": "active",
        "medicationCodeableConcept": {"coding": [{"system": absent, "code": "no-known-medications"}]},
        "subject": SUBJECT,
        "effectivePeriod": {"start": since},
        "dateAsserted": "2026-02-27",
    }


def ordered_for(days: int, on: str) -> Mapping[str, Any]:
    """Prednisolone, ordered for so many days."""
    supply = {"value": days, "system": "http://unitsofmeasure.org", "code": "d"}
    return {
        "resourceType": "MedicationRequest",
        "id": "order",
        "status": "completed",
        "intent": "order",
        "medicationCodeableConcept": PREDNISOLONE["code"],
        "subject": SUBJECT,
        "authoredOn": on,
        "dispenseRequest": {"expectedSupplyDuration": supply},
    }


def leukaemia(name: str, recorded: str, clinical: str) -> Mapping[str, Any]:
    """T-ALL with a clinical status."""
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {
        "resourceType": "Condition",
        "id": name,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "277575008"}]},
        "subject": SUBJECT,
        "recordedDate": recorded,
        "clinicalStatus": {"coding": [{"system": system, "code": clinical}]},
    }


PREDNISOLONE = {"code": {"coding": [{"system": "http://www.whocc.no/atc", "code": "H02AB06"}]}}


def ecog(words: str) -> Mapping[str, Any]:
    """A fresh ECOG performance status in words."""
    code = {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]}
    held = {name: each for name, each in haemoglobin(0).items() if name != "valueQuantity"}
    return {**held, "id": "ecog", "code": code, "valueString": words}


def attested(code: str) -> Mapping[str, Any]:
    """A person's word that a criterion does not hold."""
    held = {name: each for name, each in haemoglobin(0).items() if name != "valueQuantity"}
    own = {"id": code, "code": {"coding": [{"system": ATTESTATION, "code": code}]}, "valueBoolean": False}
    return {**held, **own, "performer": [{"reference": "Practitioner/d"}]}


def said_otherwise(found: Compared) -> list[str]:
    """The differences."""
    return [str(each) for each in found.differences]


UMOL = {"system": "http://unitsofmeasure.org", "code": "umol/L"}


def bilirubin(name: str, value: float, limits: Mapping[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """A total bilirubin in umol/L, with its limits and without a date."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "14631-6"}]},
        "subject": SUBJECT,
        "valueQuantity": {**UMOL, "value": value, **more},
        "referenceRange": [limits],
    }


EXAMPLES = {
    "merged-patients": bundle(
        {
            "resourceType": "Patient",
            "id": "p1",
            "link": [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}],
        },
        {"resourceType": "Patient", "id": "p2"},
        haemoglobin(60),
    ),
    "nested-consent": bundle(PATIENT, consent_at_depth(3)),
    "normal-limits": bundle(PATIENT, creatinine(90)),
    "pregnancy-ruled-out": bundle({**PATIENT, "gender": "female", "birthDate": "1960-01-01"}),
    "attested-instead": bundle(
        PATIENT, ecog("ECOG 1"), *(attested(code) for code in ("nct04785833.I6", "nct07008872.I5", "readings.I7"))
    ),
    "raised-since": bundle(
        PATIENT, attested("nct04785833.E1"), {**leukaemia("sepsis", "2026-02-26", "active"), "code": SEPSIS}
    ),
    "words": bundle(PATIENT, ecog("ECOG 1")),
    "words-that-dispute": bundle(
        PATIENT,
        bilirubin("old", 34.2, {"high": UMOL | {"value": 20}}, comparator=">") | {"issued": "2026-02-09"},
        bilirubin("undated", 30, {"text": "< 20 umol/L"}),
    ),
    "not-written": bundle(PATIENT, ejection_fraction("40701008")),
    "named-elsewhere": bundle(
        PATIENT,
        fibrillation("resolved", "2026-02-01"),
        {
            "resourceType": "Encounter",
            "id": "e",
            "status": "finished",
            "subject": SUBJECT,
            "reasonCode": [FIBRILLATION],
            "period": {"start": "2025-01-01", "end": "2025-01-02"},
        },
    ),
    "order-bounded": bundle(PATIENT, not_taken("2026-01-15"), ordered_for(7, "2025-12-01")),
    "several-versions": bundle(
        PATIENT,
        {**haemoglobin(60), "meta": {"versionId": "1"}},
        {**haemoglobin(90), "meta": {"versionId": "2"}},
    ),
}
"""For each kind that a patient shows, one who does."""


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_what_is_listed_does_differ(kind: str, running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """A kind is listed only as long as an example of it differs."""
    engine, libraries = running_engine
    found = compare(Asked(kind, EXAMPLES[kind], AS_OF), engine, libraries, WITH_RULES)
    assert [str(each) for each in found.differences if each.kind is None] == []
    assert kind in {each.kind for each in found.differences}
    assert {each.kind for each in found.differences} <= {kind, "decision-follows", "not-written"}


def by_ingredient(*contained: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    """A drug that is given, whose code says nothing, and whose ingredient is named by reference."""
    drug = {"resourceType": "Medication", "id": "drug", "ingredient": [{"itemReference": {"reference": reference}}]}
    return {
        "resourceType": "MedicationAdministration",
        "id": "given",
        "status": "completed",
        "contained": [drug, *contained],
        "medicationReference": {"reference": "#drug"},
        "subject": SUBJECT,
        "effectiveDateTime": "2026-02-27",
        "dosage": {"route": {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}},
    }


SAME: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "an ingredient that is contained": [
        by_ingredient({"resourceType": "Medication", "id": "i", **PREDNISOLONE}, reference="#i")
    ],
    "a substance that is contained": [
        by_ingredient({"resourceType": "Substance", "id": "i", **PREDNISOLONE}, reference="#i")
    ],
    "an ingredient of the record": [
        by_ingredient(reference="Medication/i"),
        {"resourceType": "Medication", "id": "i", **PREDNISOLONE},
    ],
    "a code of the site's own": [
        {**haemoglobin(90), "code": {"coding": [{"system": LABORATORY, "code": "HB"}]}},
    ],
    "a known code that means something else here": [
        {
            **creatinine(300, code="20509-6"),
            "referenceRange": [{"high": {"value": 100, "system": "http://unitsofmeasure.org", "code": "umol/L"}}],
        }
    ],
    "a device that is in use since today": [
        {
            "resourceType": "Device",
            "id": "d",
            "status": "active",
            "patient": SUBJECT,
            "type": {"coding": [{"system": "http://snomed.info/sct", "code": "14106009"}]},
        },
        {
            "resourceType": "DeviceUseStatement",
            "id": "u",
            "status": "active",
            "subject": SUBJECT,
            "device": {"reference": "Device/d"},
            "timingPeriod": {"start": "2026-03-01"},
        },
    ],
    "a known diagnosis that means another one here": [
        {
            "resourceType": "Condition",
            "id": "c",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I48.0"}]},
            "subject": SUBJECT,
            "recordedDate": "2026-01-01",
        }
    ],
}


@pytest.mark.parametrize("case", SAME)
def test_what_the_site_or_a_reference_says(case: str, running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """Both know it, and it settles something."""
    engine, libraries = running_engine
    asked, nobody = Asked(case, bundle(PATIENT, *SAME[case]), AS_OF), Asked("", bundle(PATIENT), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []
    assert answers(asked) != answers(nobody)


def said_of(words: str, verification: str) -> Mapping[str, Any]:
    """Atrial fibrillation by its code, and words beside it."""
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    return {
        **fibrillation("active", "2026-02-01"),
        "code": {**FIBRILLATION, "text": words},
        "verificationStatus": {"coding": [{"system": system, "code": verification}]},
    }


@pytest.mark.parametrize(
    ("words", "verification", "answer"),
    [
        ("No evidence of AF", "refuted", None),  # refuted is what the words say
        ("no evidence of AF", "confirmed", None),
        ("AF, excluded by ECG", "refuted", None),
        ("疑似AF", "confirmed", None),
        ("Ausschluß AF", "confirmed", None),
        ("h/o AF", "refuted", None),
        ("AF, not in remission", "confirmed", True),  # negated
        ("paroxysmal AF", "confirmed", True),
        ("paroxysmal AF", "refuted", False),
    ],
)
def test_words_that_turn_a_code_round(
    words: str,
    verification: str,
    answer: bool | None,  # noqa: FBT001  # what CQL says
    running_engine: tuple[Engine, Mapping[str, str]],
) -> None:
    """What is suspected, denied or past is neither on record nor denied; both read the same words."""
    engine, libraries = running_engine
    asked = Asked(words, bundle(PATIENT, said_of(words, verification)), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []
    assert engine.evaluate(asked.bundle, asked.instant)[libraries["nct07008872"]]["E1.1"] is answer


def answers(asked: Asked) -> list[tuple[str | None, str]]:
    """What the evaluator says of each criterion and part."""
    verdicts = evaluate_all(BOUND, read_record(asked.bundle, TERMINOLOGY), asked.as_of, STRICT)
    return [(each.id, each.result.value) for verdict in verdicts for each in flat(verdict.criteria)]


def test_two_levels_are_read(running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """A consent that names its study two levels down is the same for both."""
    engine, libraries = running_engine
    asked = Asked("", bundle({"resourceType": "Patient", "id": "p1"}, consent_at_depth(2)), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []


@pytest.mark.parametrize("first", ["a", "z"])
def test_the_latest_of_several_remissions_counts(first: str, running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """Whatever their ids: the relapse lies between the two."""
    engine, libraries = running_engine
    words = (
        leukaemia(first, "2025-03-01", "remission"),
        leukaemia("m", "2025-09-01", "relapse"),
        leukaemia("n", "2026-01-10", "remission"),
    )
    asked = Asked("", bundle({"resourceType": "Patient", "id": "p1", "birthDate": "2010-01-01"}, *words), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []


def test_a_result_that_cannot_be_compared_leaves_it_open(running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """Beside one of the same day that satisfies: in CQL a null among answers is easily overlooked."""
    engine, libraries = running_engine
    number = {name: each for name, each in haemoglobin(90).items() if name != "valueQuantity"}
    word = {**number, "id": "word", "valueString": "90", "effectiveDateTime": "2026-02-20T12:00:00Z"}
    asked = Asked("", bundle({"resourceType": "Patient", "id": "p1"}, haemoglobin(90), word), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []


def test_every_listed_kind_is_shown() -> None:
    """Each kind has an example here, or a policy that brings it about."""
    assert {each.id for each in listed()} == {*EXAMPLES, "assumption", "decision-follows"}
