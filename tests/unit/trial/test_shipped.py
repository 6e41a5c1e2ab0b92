"""What the shipped definitions say of their studies, and that every name in them is known."""

from collections.abc import Mapping

import pytest

from adapter.criteria.model import Completeness, Leaf, TrialDefinition
from adapter.criteria.study import Phase, RecruitmentStatus, TreatmentPhase
from adapter.criteria.terminology import Terminology
from adapter.kinds.allergy import Allergy
from adapter.kinds.condition.statement import Condition
from adapter.kinds.disease_course.diseases import DiseaseCourse
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.judgement import Judgement
from adapter.kinds.measurement.statement import Measurement

SOURCES = {
    "nct07008872": "NCT07008872 ",
    "nct04785833": "NCT04785833 ",
    "4scar7u": "4SCAR7U public listing",
    "cd7-cart01": "CD7-CART01 public summary",
    "senl-t7": "NCT05716113 ",
}


def conditions(leaf: Leaf) -> tuple[str, ...]:
    """The condition concepts that a leaf names."""
    match leaf:
        case Condition():
            return leaf.concepts + leaf.other_than
        case DiseaseCourse():
            return leaf.concepts
        case Judgement():
            return leaf.gate
        case _:
            return ()


def analytes(leaf: Leaf) -> tuple[str, ...]:
    """The analytes that a leaf names."""
    match leaf:
        case Measurement():
            return (leaf.analyte,)
        case Condition():
            return leaf.shown + tuple(test.analyte for test in leaf.tests)
        case DiseaseCourse():
            return leaf.blasts
        case _:
            return ()


def test_index(definitions: Mapping[str, TrialDefinition]) -> None:
    """Each trial screens patients with the disease that it treats."""
    assert {study: definition.index for study, definition in definitions.items()} == {
        "nct07008872": ("t-cell-lymphoma", "t-all", "aml"),
        "nct04785833": ("acute-leukaemia",),
        "4scar7u": ("t-all", "aml"),
        "cd7-cart01": ("t-all", "t-lbl"),
        "senl-t7": ("t-all", "t-lbl"),
    }


def test_completeness(definitions: Mapping[str, TrialDefinition]) -> None:
    """A definition is partial where its source publishes no criteria or says that there are more."""
    partial = {study for study, given in definitions.items() if given.completeness is Completeness.PARTIAL}
    assert partial == {"cd7-cart01", "senl-t7"}


def test_identifiers(definitions: Mapping[str, TrialDefinition]) -> None:
    """Trials whose source names a registry number carry it."""
    registered = {
        study: identifier.value
        for study, definition in definitions.items()
        for identifier in definition.identifiers
        if identifier.system == "https://clinicaltrials.gov"
    }
    assert registered == {"nct07008872": "NCT07008872", "nct04785833": "NCT04785833", "senl-t7": "NCT05716113"}


def test_sources(definitions: Mapping[str, TrialDefinition]) -> None:
    """Every criterion names its source and, where criteria are listed there, its own number."""
    for study, definition in definitions.items():
        for top in definition.criteria:
            assert top.source.startswith(SOURCES[study])
            if definition.completeness is Completeness.FULL:
                assert top.source.endswith(f"{top.role} {top.id[1:]}")


def test_status(definitions: Mapping[str, TrialDefinition]) -> None:
    """Status, phase and size are the registry's; what a source doesn't say is left out."""
    facts = {
        study: (given.study.status, given.study.phase, given.study.enrollment) for study, given in definitions.items()
    }
    assert facts == {
        "nct07008872": (RecruitmentStatus.NOT_YET_RECRUITING, Phase.NOT_APPLICABLE, 40),
        "nct04785833": (RecruitmentStatus.UNKNOWN, None, 20),
        "4scar7u": (RecruitmentStatus.RECRUITING, None, None),
        "cd7-cart01": (RecruitmentStatus.UNKNOWN, Phase.PHASE_1_2, None),
        "senl-t7": (RecruitmentStatus.COMPLETED, Phase.EARLY_PHASE_1, 20),
    }


def test_treatment(definitions: Mapping[str, TrialDefinition]) -> None:
    """Cells are collected, made room for, and infused on day 0, as far as each source says so."""
    whole = [
        TreatmentPhase.APHERESIS,
        TreatmentPhase.LYMPHODEPLETION,
        TreatmentPhase.INFUSION,
        TreatmentPhase.FOLLOW_UP,
    ]
    phases = {study: [step.phase for step in given.study.treatment] for study, given in definitions.items()}
    assert phases["cd7-cart01"] == phases["senl-t7"] == whole
    for definition in definitions.values():
        (infusion,) = [step for step in definition.study.treatment if step.phase == TreatmentPhase.INFUSION]
        assert (infusion.start_day, infusion.end_day) == (0, 0)


def test_outcome_measures(definitions: Mapping[str, TrialDefinition]) -> None:
    """Senl-T7's nine outcome measures have the time frames of its registry record."""
    frames = [measure.time_frame for measure in definitions["senl-t7"].study.outcome_measures]
    month, quarter, years = "First month", "3 months", "24 months"
    expected = [month, quarter, years, years, quarter, quarter, month, "Long time", month]
    assert len(frames) == len(expected)
    assert all((frame or "").startswith(start) for frame, start in zip(frames, expected, strict=True))


@pytest.mark.parametrize("study", SOURCES)
def test_concepts_have_codes(definitions: Mapping[str, TrialDefinition], terminology: Terminology, study: str) -> None:
    """Every concept that a trial names is in the catalogue and has at least one code."""
    definition, catalogue = definitions[study], terminology.catalogue
    leaves = list(definition.leaves())
    named = {
        "conditions": {*definition.index_concepts(), *(concept for leaf in leaves for concept in conditions(leaf))},
        "analytes": {concept for leaf in leaves for concept in analytes(leaf)},
        "exposures": {concept for leaf in leaves if isinstance(leaf, Exposure) for concept in leaf.concepts}
        | {given.concept for given in definition.study.interventions if given.concept},
        "substances": {concept for leaf in leaves if isinstance(leaf, Allergy) for concept in leaf.concepts},
    }
    for kind, concepts in named.items():
        assert concepts <= set(getattr(catalogue, kind))
        assert [concept for concept in sorted(concepts) if not terminology.codes(concept)] == []
