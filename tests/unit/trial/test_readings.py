"""How the five trials' statements are read: joins, conditions, tests, qualifiers, judgements."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from adapter.criteria.join import AllOf, AnyKnown, AnyOf, IfThen, Not
from adapter.criteria.model import Combinator, Criterion, TrialDefinition
from adapter.kinds.allergy import Allergy
from adapter.kinds.condition.statement import Condition, Occurrence, Qualifier, SettlingTest
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.disease_course.diseases import Course, DiseaseCourse
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.judgement import Judgement, Why

Find = Callable[[str, str], Criterion]
Flatten = Callable[[Criterion], Iterator[Criterion]]

JOINS = {
    ("nct07008872", "I1"): (AnyOf, "I1.1 I1.2"),
    ("nct07008872", "I1.1"): (AllOf, "I1.1.1 I1.1.2"),
    ("nct07008872", "I1.2"): (AllOf, "I1.2.1 I1.2.2 I1.2.3"),
    ("nct07008872", "I2"): (AnyOf, "I2.1 I2.2"),
    ("nct07008872", "I3"): (IfThen, "I3.1 I3.2 I3.3"),
    ("nct07008872", "I3.2"): (AllOf, "I3.2.1 I3.2.2"),
    ("nct07008872", "I8"): (AllOf, "I8.1 I8.2 I8.3 I8.4"),
    ("nct07008872", "I8.4"): (AllOf, "I8.4.1 I8.4.2 I8.4.3"),
    ("nct07008872", "E1"): (AnyOf, "E1.1 E1.2 E1.3 E1.4 E1.5 E1.6"),
    ("nct07008872", "E1.4"): (AnyKnown, "E1.4.1 E1.4.2"),
    ("nct07008872", "E6"): (AnyOf, "E6.1 E6.2"),
    ("nct07008872", "E7"): (AnyOf, "E7.1 E7.2"),
    ("nct07008872", "E7.1"): (AllOf, "E7.1.1 E7.1.2"),
    ("nct07008872", "E7.1.2"): (AnyOf, "E7.1.2.1 E7.1.2.2 E7.1.2.3"),
    ("nct07008872", "E7.2"): (AllOf, "E7.2.1 E7.2.2 E7.2.3"),
    ("nct07008872", "E7.2.3"): (AnyOf, "E7.2.3.1 E7.2.3.2 E7.2.3.3"),
    ("nct07008872", "E8"): (AnyOf, "E8.1 E8.2"),
    ("nct07008872", "E10"): (AnyOf, "E10.1 E10.2 E10.3 E10.4 E10.5"),
    ("nct07008872", "E11"): (AnyOf, "E11.1 E11.2 E11.3"),
    ("nct04785833", "I4"): (AllOf, "I4.1 I4.2 I4.3"),
    ("nct04785833", "I7"): (Not, ""),
    ("nct04785833", "E2"): (AnyOf, "E2.1 E2.2"),
    ("nct04785833", "E5"): (AnyOf, "E5.1 E5.2"),
    ("nct04785833", "E6"): (AnyOf, "E6.1 E6.2"),
    ("4scar7u", "I2"): (AllOf, "I2.1 I2.2"),
    ("4scar7u", "I3"): (AllOf, "I3.1 I3.2"),
    ("4scar7u", "I4"): (AllOf, "I4.1 I4.2 I4.3 I4.4 I4.5"),
    ("4scar7u", "I4.4"): (AllOf, "I4.4.1 I4.4.2"),
    ("4scar7u", "E3"): (AnyOf, "E3.1 E3.2"),
    ("4scar7u", "E4"): (AnyOf, "E4.1 E4.2"),
    ("cd7-cart01", "I2"): (AllOf, "I2.1 I2.2 I2.3"),
    ("cd7-cart01", "I3"): (AllOf, "I3.1 I3.2 I3.3"),
    ("senl-t7", "I1"): (AllOf, "I1.1 I1.2"),
}

HIV = (SettlingTest(analyte="hiv-test", lifelong=True),)
HEPATITIS_B = (SettlingTest(analyte="hbsag"), SettlingTest(analyte="hbv-dna"))
HEPATITIS_C = (SettlingTest(analyte="hcv-rna"), SettlingTest(analyte="hcv-antibody", confirms=False))
SYPHILIS = (SettlingTest(analyte="syphilis-reagin"), SettlingTest(analyte="syphilis-treponemal", confirms=False))
PREGNANCY = (SettlingTest(analyte="pregnancy-status"), SettlingTest(analyte="pregnancy-test"))
BREAST_FEEDING = (SettlingTest(analyte="breastfeeding-status"),)

TESTS = {
    ("nct07008872", "E8.1"): HIV,
    ("nct04785833", "E3"): HIV,
    ("4scar7u", "E3.1"): HIV,
    ("nct04785833", "E2.1"): HEPATITIS_B,
    ("nct04785833", "E2.2"): HEPATITIS_C,
    ("4scar7u", "E3.2"): HEPATITIS_C,
    ("nct07008872", "E8.2"): SYPHILIS,
    ("nct07008872", "E11.1"): PREGNANCY,
    ("nct04785833", "E5.1"): PREGNANCY,
    ("4scar7u", "E4.1"): PREGNANCY,
    ("nct07008872", "E11.2"): BREAST_FEEDING,
    ("nct04785833", "E5.2"): BREAST_FEEDING,
    ("4scar7u", "E4.2"): BREAST_FEEDING,
}

EVER = {
    *(("nct07008872", number) for number in ("I1.1.1", "I1.2.1", "E1.2", "E3", "E8.1")),
    *(("nct04785833", number) for number in ("I4.1", "E3")),
    ("4scar7u", "E3.1"),
    ("cd7-cart01", "I2.1"),
    ("senl-t7", "I1.1"),
}

QUALIFIERS = {
    ("nct07008872", "E1.3"): Qualifier.RESEARCHER_DETERMINED,
    ("nct07008872", "E1.5"): Qualifier.CLINICALLY_SIGNIFICANT,
    ("nct07008872", "E3"): Qualifier.SEVERE,
    ("nct07008872", "E4"): Qualifier.ADVANCED,
    ("nct07008872", "E5"): Qualifier.UNCONTROLLED,
    ("nct07008872", "E6.1"): Qualifier.SEVERE,
    ("nct07008872", "E10.1"): Qualifier.UNCONTROLLED,
    ("nct04785833", "E1"): Qualifier.UNCONTROLLED,
    ("4scar7u", "E2"): Qualifier.UNCONTROLLED,
    ("cd7-cart01", "E1"): Qualifier.SEVERE,
}

COURSES = {
    ("nct07008872", "I1.1.2"): (Course.RELAPSED, Course.REFRACTORY),
    ("nct07008872", "I1.2.2"): (Course.RELAPSED,),
    ("nct07008872", "I1.2.3"): (Course.REFRACTORY,),
    ("nct04785833", "I4.2"): (Course.RELAPSED, Course.REFRACTORY),
    ("cd7-cart01", "I2.2"): (Course.RELAPSED, Course.REFRACTORY),
    ("senl-t7", "I1.2"): (Course.RELAPSED, Course.REFRACTORY),
}

JUDGEMENTS = {
    **{("nct07008872", number): Judgement() for number in ("I4", "E12")},
    ("nct07008872", "E11.3"): Judgement(sex_bound=True),
    **{("nct04785833", number): Judgement() for number in ("I3", "E7")},
    **{("4scar7u", number): Judgement() for number in ("I3.2", "I6", "E7")},
    ("4scar7u", "I2.2"): Judgement(why=Why.NOT_QUANTIFIED),
    ("4scar7u", "E1"): Judgement(gate=("infection",)),
    **{("cd7-cart01", number): Judgement(why=Why.NOT_QUANTIFIED) for number in ("I3.1", "I3.2", "I3.3")},
}

Numbered = Mapping[tuple[str, str], Criterion]


@pytest.fixture(scope="module")
def numbered(definitions: Mapping[str, TrialDefinition]) -> Numbered:
    """Every criterion that has an id, by study and id."""
    return {(study, each.id): each for study, given in definitions.items() for each in given.walk() if each.id}


def test_joins(numbered: Numbered, flattened: Flatten) -> None:
    """Every criterion with parts joins exactly these, by the word that its source means."""
    found = {
        place: (type(each.statement), " ".join(part.id or "" for part in flattened(each)))
        for place, each in numbered.items()
        if isinstance(each.statement, Combinator)
    }
    assert found == JOINS


def test_nameless_joins(criterion: Find) -> None:
    """Relapsed or refractory, and the two ways to be safe with tumour cells in the blood, are alternatives."""
    disease, cells = criterion("nct07008872", "I1.2").statement, criterion("nct07008872", "I3").statement
    assert isinstance(disease, AllOf)
    assert isinstance(cells, IfThen)
    assert [type(part.statement) for part in disease.parts] == [Condition, AnyOf]
    assert isinstance(cells.consequence.statement, AnyOf)


def test_tests(numbered: Numbered) -> None:
    """HIV, hepatitis, syphilis, pregnancy and breast-feeding are settled by these tests, nothing else is."""
    found = {
        place: each.statement.tests
        for place, each in numbered.items()
        if isinstance(each.statement, Condition) and each.statement.tests
    }
    assert found == TESTS


def test_ever(numbered: Numbered) -> None:
    """The study's disease, HIV, and what its source calls a history count at any time; all else must be active."""
    conditions = {place: each.statement for place, each in numbered.items() if isinstance(each.statement, Condition)}
    assert {place for place, each in conditions.items() if each.occurrence is Occurrence.EVER} == EVER


def test_qualifiers(numbered: Numbered) -> None:
    """Conditions carry the qualifier of their source, others none."""
    found = {
        place: each.statement.qualifier
        for place, each in numbered.items()
        if isinstance(each.statement, Condition) and each.statement.qualifier
    }
    assert found == QUALIFIERS


def test_courses(numbered: Numbered) -> None:
    """Relapse and refractory disease are asked for where the source does."""
    found = {
        place: each.statement.courses for place, each in numbered.items() if isinstance(each.statement, DiseaseCourse)
    }
    assert found == COURSES


def test_lines_of_therapy(numbered: Numbered) -> None:
    """Only the lymphoma of nct07008872 asks for treatment that no data carry."""
    after = [
        place
        for place, each in numbered.items()
        if isinstance(each.statement, DiseaseCourse) and each.statement.after is not None
    ]
    assert after == [("nct07008872", "I1.1.2")]


def test_judgements(numbered: Numbered) -> None:
    """What only a person can say, and why, is as listed."""
    found = {place: each.statement for place, each in numbered.items() if isinstance(each.statement, Judgement)}
    assert found == JUDGEMENTS


def test_sex_bound(numbered: Numbered) -> None:
    """Exactly the criteria on pregnancy and breast-feeding don't apply to men."""
    found = {
        place
        for place, each in numbered.items()
        if isinstance(each.statement, Condition | Judgement) and each.statement.sex_bound
    }
    assert found == {place for place, tests in TESTS.items() if tests in (PREGNANCY, BREAST_FEEDING)} | {
        ("nct07008872", "E11.3")
    }


def test_consent(numbered: Numbered) -> None:
    """The three full definitions ask for consent."""
    found = {place for place, each in numbered.items() if isinstance(each.statement, ResearchConsent)}
    assert found == {("nct07008872", "I9"), ("nct04785833", "I2"), ("4scar7u", "I7")}


def test_own_disease_is_no_other_malignancy(criterion: Find) -> None:
    """Another malignancy is any but those that the study treats."""
    other = criterion("nct07008872", "E4").statement
    assert isinstance(other, Condition)
    assert other.concepts == ("malignancy",)
    assert other.other_than == ("t-cell-lymphoma", "t-all", "aml")


def test_qtc_is_only_shown(criterion: Find) -> None:
    """QTc stands beside the long QT condition and decides nothing, the source giving no threshold."""
    long_qt = criterion("nct07008872", "E1.3").statement
    assert isinstance(long_qt, Condition)
    assert long_qt.shown == ("qtc",)


def test_allergy_and_exposures(criterion: Find) -> None:
    """Allergies count when severe, glucocorticoids when systemic, gene therapy at any time."""
    assert criterion("nct07008872", "E9").statement == Allergy(
        concepts=("biological-product", "antibiotic"), severe=True
    )
    steroid, gene_therapy = criterion("4scar7u", "E5").statement, criterion("4scar7u", "E6").statement
    assert isinstance(steroid, Exposure)
    assert steroid.systemic
    assert gene_therapy == Exposure(concepts=("gene-therapy",))


def test_no_other_immunotherapy(criterion: Find) -> None:
    """nct04785833 I7 is met when there was no immunotherapy."""
    absence = criterion("nct04785833", "I7").statement
    assert isinstance(absence, Not)
    assert isinstance(absence.part.statement, Exposure)
    assert absence.part.statement.concepts == ("immunotherapy",)
