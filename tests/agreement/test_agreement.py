"""The evaluator and an independent CQL engine say the same of the same patients (invariant 4)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from adapter.criteria.quantity import Comparator
from adapter.evaluator import bind, evaluate_all
from adapter.kinds.measurement import compare as measurement
from adapter.record import read_record
from tests.agreement.differences import Compared, compare, listed
from tests.agreement.engine import Engine, need_java, running
from tests.agreement.examples import (
    EXAMPLES,
    PATIENT,
    PREDNISOLONE,
    SAME,
    SUBJECT,
    UCUM,
    bundle,
    consent_at_depth,
    fibrillation,
    haemoglobin,
    leukaemia,
    not_taken,
    said_of,
)
from tests.agreement.libraries import write_libraries
from tests.agreement.patients import Asked, made, of_cohort
from tests.agreement.site import BOUND, DEFINITIONS, PROBLEM_LIST, SHIPPED, STRICT, TERMINOLOGY, WITH_RULES
from tests.cases.builder import resource
from tests.properties.core import flat

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOLLOWING = frozenset({"not-written", "named-elsewhere", "decision-follows"})
"""The differences that are no matter of a list: an event and a conclusion are named, whatever they say."""
FLIPPED = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}


@pytest.fixture(scope="module")
def running_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Mapping[str, str]]]:
    """The engine with the libraries of the trials, and their names."""
    need_java()
    folder = tmp_path_factory.mktemp("cql")
    libraries = write_libraries(folder, DEFINITIONS, TERMINOLOGY)
    with running(folder, list(libraries.values()), quick=True) as engine:
        yield engine, libraries


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
    right = measurement.against

    def wrong(comparator: Comparator, bound: Any) -> Any:  # noqa: ANN401  # as `against` has it
        return right(Comparator(FLIPPED[comparator.value]), bound)

    asked = Asked("low haemoglobin", bundle({"resourceType": "Patient", "id": "p1"}, haemoglobin(60)), AS_OF)
    assert compare(asked, engine, libraries).differences == []
    monkeypatch.setattr(measurement, "against", wrong)  # comparisons are chosen when a trial is bound
    bounds = [bind(each, TERMINOLOGY) for each in SHIPPED]
    found = compare(asked, engine, libraries, bounds=bounds).differences
    wrongly = {(each.study, each.criterion, each.evaluator, each.cql, each.kind) for each in found if each.criterion}
    assert wrongly == {
        ("nct07008872", "I7", "met", "not-met", None),
        ("4scar7u", "I5", "met", "not-met", None),
    }


def said_otherwise(found: Compared) -> list[str]:
    """The differences."""
    return [str(each) for each in found.differences]


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_what_is_listed_does_differ(kind: str, running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """A kind is listed only as long as an example of it differs."""
    engine, libraries = running_engine
    found = compare(Asked(kind, EXAMPLES[kind], AS_OF), engine, libraries, WITH_RULES)
    assert [str(each) for each in found.differences if each.kind is None] == []
    assert kind in {each.kind for each in found.differences}
    assert {each.kind for each in found.differences} <= {kind, "decision-follows", "not-written"}


class Turned(NamedTuple):
    """An engine that says the opposite, and something where nothing is known."""

    engine: Engine

    def evaluate(self, bundle: bytes, as_of: str) -> Any:  # noqa: ANN401  # as the engine has it
        """Every truth turned round."""
        said = self.engine.evaluate(bundle, as_of)
        return {
            library: {name: value if isinstance(value, str) else not value for name, value in values.items()}
            for library, values in said.items()
        }


TOLD = sorted(each.id for each in listed() if each.cql in ("any", "definite"))


@pytest.mark.parametrize("kind", [each for each in TOLD if each in EXAMPLES])
def test_another_answer_of_the_libraries_is_not_listed(
    kind: str, running_engine: tuple[Engine, Mapping[str, str]]
) -> None:
    """A kind in which the libraries answer lists what they answer for its reason, and no other answer."""
    engine, libraries = running_engine
    asked = Asked(kind, EXAMPLES[kind], AS_OF)
    differing = {(each.study, each.criterion) for each in compare(asked, engine, libraries, WITH_RULES).differences}
    turned: Any = Turned(engine)
    found = compare(asked, turned, libraries, WITH_RULES).differences
    assert differing
    assert {(each.study, each.criterion) for each in found if each.kind and each.kind not in FOLLOWING} == set()


@pytest.mark.parametrize("case", SAME)
def test_what_the_site_or_a_reference_says(case: str, running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """Both know it, and it settles something."""
    engine, libraries = running_engine
    asked, nobody = Asked(case, bundle(PATIENT, *SAME[case]), AS_OF), Asked("", bundle(PATIENT), AS_OF)
    found = compare(asked, engine, libraries).differences
    assert [str(each) for each in found if each.kind != "not-written"] == []
    assert answers(asked) != answers(nobody)


@pytest.mark.parametrize(
    ("words", "verification", "answer"),
    [
        ("No evidence of AF", "refuted", None),  # refuted is what the words say
        ("no evidence of AF", "confirmed", None),
        ("AF, excluded by ECG", "refuted", None),
        ("疑似AF", "confirmed", None),
        ("Ausschluß AF", "confirmed", None),
        ("AF (Ausschluss)", "confirmed", None),
        ("St.n. AF", "confirmed", None),
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


@pytest.mark.parametrize(
    ("words", "answer"),
    [("myocardial infarction", True), ("h/o myocardial infarction 2015", None)],
)
def test_what_is_past_at_an_encounter_is_not_of_its_day(
    words: str,
    answer: bool | None,  # noqa: FBT001  # what CQL says
    running_engine: tuple[Engine, Mapping[str, str]],
) -> None:
    """Its day says that somebody wrote it down."""
    engine, libraries = running_engine
    category = {"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "encounter-diagnosis"}
    said = {
        "resourceType": "Condition",
        "id": "c",
        "subject": SUBJECT,
        "recordedDate": "2026-02-01",
        "category": [{"coding": [category]}],
        "code": {"text": words, "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I21.9"}]},
    }
    asked = Asked(words, bundle(PATIENT, said), AS_OF)
    found = compare(asked, engine, libraries)
    assert [str(each) for each in found.differences if each.kind is None] == []
    assert engine.evaluate(asked.bundle, asked.instant)[libraries["nct07008872"]]["E1.2"] is answer


@pytest.mark.parametrize("words", ["Penicillin allergy", "Penicillinallergie", "青霉素过敏史", "Allergic rhinitis"])
def test_an_allergy_among_the_diagnoses(words: str, running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """In words; both take it for one that may be the allergy, or for none."""
    engine, libraries = running_engine
    system = "http://snomed.info/sct"
    none_known = {
        "resourceType": "AllergyIntolerance",
        "id": "none",
        "patient": {"reference": "Patient/p1"},
        "recordedDate": "2026-02-20",
        "code": {"coding": [{"system": system, "code": "716186003"}]},
    }
    told = {**leukaemia("told", "2015-01-01", "active"), "code": {"text": words}}
    asked = Asked(words, bundle(PATIENT, none_known, told), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []
    answer = False if words == "Allergic rhinitis" else None
    assert engine.evaluate(asked.bundle, asked.instant)[libraries["nct07008872"]]["E9"] is answer


SINCE = {"effectivePeriod": {"start": "2026-02-25"}}
SAID_NONE = {"system": "http://snomed.info/sct", "code": "160245001"}
ENTRIES: Mapping[str, dict[str, Any]] = {
    "Device": {"device": {"code": "insulin-pump"}},
    "DeviceUseStatement": {"used": {"device": "Device/gone", "status": "completed", "on": "2026-02-25"}},
    "Encounter": {"encounter": {"class": "inpatient", "from": "2026-02-20", "to": "2026-02-25"}},
    "FamilyMemberHistory": {"relative": {"conditions": ["dementia"], "relation": "mother"}},
    "ResearchSubject": {"participant": {"study": "x", "status": "on-study", "from": "2026-02-01"}},
    "ServiceRequest": {"plan": {"code": "hsct", "on": "2026-03-20"}},
    "AdverseEvent": {"adverse-event": {"code": "pneumonia", "on": "2026-02-25"}},
    "DiagnosticReport": {"report": {"code": "brain-mri", "on": "2026-02-25", "concludes": ["dementia"]}},
    "Specimen": {"specimen": {"code": "ffpe", "on": "2026-02-25"}},
    "Immunization": {"vaccinated": {"code": "mmr", "on": "2026-02-25"}},
}
MODIFIED: Mapping[str, Mapping[str, Any]] = {
    "Condition": fibrillation("active", "2026-02-25"),
    "AllergyIntolerance": {"patient": SUBJECT, "code": {"text": "Penicillin"}},
    "MedicationStatement": {
        "status": "active",
        "medicationCodeableConcept": PREDNISOLONE["code"],
        "subject": SUBJECT,
        **SINCE,
    },
    "Procedure": {"status": "completed", "code": {"text": "operation"}, "subject": SUBJECT},
    "Observation": haemoglobin(60),
    "Consent": consent_at_depth(0),
    **{type_: resource(entry, 0) for type_, entry in ENTRIES.items()},
}
UNSEEN = frozenset({"AllergyIntolerance", "AdverseEvent", "Procedure"})
"""Which nothing that the trials ask stands on."""


WITHOUT_STATUS = ("DeviceUseStatement", "FamilyMemberHistory", "MedicationStatement", "Encounter", "Immunization")


@pytest.mark.parametrize(
    ("type_", "broken"), [*((each, False) for each in sorted(MODIFIED)), *((each, True) for each in WITHOUT_STATUS)]
)
def test_a_modifier_extension_or_no_status(
    type_: str,
    broken: bool,  # noqa: FBT001  # of a row
    running_engine: tuple[Engine, Mapping[str, str]],
) -> None:
    """Nobody knows it: neither believes what it modifies, nor a denial of the same list; so without a status."""
    engine, libraries = running_engine
    extension = [{"url": "http://hospital.example.org/negated", "valueBoolean": True}]
    plain = {**MODIFIED[type_], "resourceType": type_, "id": "m"}
    modified = {**plain, "modifierExtension": extension}
    if broken:
        modified = {name: each for name, each in plain.items() if name != "status"}
    none_known = (
        {**leukaemia("none", "2026-02-25", "active"), "code": {"coding": [SAID_NONE]}},
        not_taken("2026-01-15"),
        resource({"device": {"code": "no-known-devices", "id": "no-device"}}, 1),
        resource({"used": {"device": "Device/no-device", "status": "active", "recorded": "2026-02-27"}}, 2),
        resource({"relative": {"conditions": ["no-family-history"], "recorded": "2026-02-27"}}, 3),
    )
    asked = Asked(type_, bundle(PATIENT, *none_known, modified), AS_OF)
    found = compare(asked, engine, libraries).differences
    assert [str(each) for each in found if each.kind not in FOLLOWING] == []
    believed = Asked(type_, bundle(PATIENT, *none_known, plain), AS_OF)
    assert type_ in UNSEEN or answers(asked) != answers(believed)


def answers(asked: Asked) -> list[tuple[str | None, str]]:
    """What the evaluator says of each criterion and part."""
    verdicts = evaluate_all(BOUND, read_record(asked.bundle, TERMINOLOGY), asked.as_of, STRICT)
    return [(each.id, each.result.value) for verdict in verdicts for each in flat(verdict.criteria)]


def test_two_levels_are_read(running_engine: tuple[Engine, Mapping[str, str]]) -> None:
    """A consent that names its study two levels down is the same for both."""
    engine, libraries = running_engine
    asked = Asked("", bundle({"resourceType": "Patient", "id": "p1"}, consent_at_depth(2)), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []


@pytest.mark.parametrize("comparator", ["", "<", "<=", ">=", ">"])
@pytest.mark.parametrize(("value", "unit"), [(2, "mg/dL"), (20, "mg/L"), (0.02, "g/L"), (2.01, "mg/dL")])
def test_a_value_at_a_bound_in_mass(
    value: float, unit: str, comparator: str, running_engine: tuple[Engine, Mapping[str, str]]
) -> None:
    """Both are turned into an amount of substance, and are still the same."""
    engine, libraries = running_engine
    said = {"value": value, "system": UCUM, "code": unit} | ({"comparator": comparator} if comparator else {})
    coded = {"code": {"coding": [{"system": "http://loinc.org", "code": "14631-6"}]}, "valueQuantity": said}
    asked = Asked("", bundle(PATIENT, {**haemoglobin(0), **coded}), AS_OF)
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


@pytest.mark.parametrize(
    ("type_", "contained", "believed"),
    [
        ({"coding": [{"system": "http://snomed.info/sct", "code": "122575003"}]}, False, False),
        ({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0487", "code": "UR"}]}, True, False),
        ({"text": " Schwei\u00df", "coding": [{"display": "a probe"}]}, True, False),
        ({"text": "a probe", "coding": [{"code": "7", "display": "Urin"}]}, False, False),
        ({"text": "Sammelurin 24h"}, True, False),
        ({"text": "Blut nach Erythrozytenkonzentrat"}, True, True),
        ({"text": "Plasma post-apheresis"}, True, True),
        ({"text": "Serum"}, True, True),
        (None, True, True),
        (None, False, True),
    ],
)
def test_a_specimen_that_is_no_blood(
    type_: Any,  # noqa: ANN401  # a CodeableConcept
    contained: bool,  # noqa: FBT001  # of a row
    believed: bool,  # noqa: FBT001
    running_engine: tuple[Engine, Mapping[str, str]],
) -> None:
    """Haemoglobin under a code of blood is believed unless its specimen is said to be something else."""
    engine, libraries = running_engine
    specimen = {"resourceType": "Specimen", "id": "s", **({} if type_ is None else {"type": type_})}
    of = (
        {"specimen": {"reference": "#s"}, "contained": [specimen]}
        if contained
        else {"specimen": {"reference": "Specimen/s"}}
    )
    beside = () if contained else ({**specimen, "subject": SUBJECT},)
    asked = Asked("", bundle(PATIENT, {**haemoglobin(90), **of}, *beside), AS_OF)
    assert said_otherwise(compare(asked, engine, libraries)) == []
    assert engine.evaluate(asked.bundle, asked.instant)[libraries["nct07008872"]]["I7"] is (True if believed else None)


def test_every_listed_kind_is_shown() -> None:
    """Each kind has an example here, or a policy that brings it about."""
    assert {each.id for each in listed()} == {*EXAMPLES, "assumption", "decision-follows"}
