"""Formulas: what may be written, what they come to, and that intervals hold every number that is meant."""

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.formula import Range, names, reckoned, rounded
from mappings.terminology import load_terminology
from mappings.terminology.wide import with_wide

CATALOGUE = with_wide(load_terminology(), ["child-pugh", "meld", "meld-na", "cha2ds2-vasc", "homa-ir"]).catalogue
FORMULAS = {formula.id: formula for each in CATALOGUE.formulas.values() for formula in each}


def exactly(**values: str) -> dict[str, Range]:
    """Values that are known exactly."""
    return {name: Range(Fraction(number), Fraction(number)) for name, number in values.items()}


def of_formula(name: str, sex: str = "female", **values: str) -> float:
    """What a shipped formula comes to, for exact inputs in its own units."""
    formula = FORMULAS[name]
    constants = formula.female if sex == "female" else formula.male
    given_ = exactly(**values, **{each: str(number) for each, number in constants.items()})
    for step, expression in formula.where.items():
        given_[step] = reckoned(expression)(given_)
    found = reckoned(formula.value)(given_)
    assert found.low == found.high
    return float(found.low)


_LIVER = {"bilirubin": "1.9", "albumin": "3.6", "inr": "1.6"}
_WORST = {"creatinine": "1.0", "bilirubin": "0.5", "inr": "0.9"}
_ILL = {"creatinine": "2.0", "bilirubin": "5.0", "inr": "2.0", "dialysis": "0"}
_MELD = 9.57 * math.log(2) + 3.78 * math.log(5) + 11.2 * math.log(2) + 6.43
_RISKS = ("failure", "pressure", "diabetes", "embolism", "vessels")

PUBLISHED = [
    # The coefficients of the publication (the source beside each formula), reckoned apart from this project's code.
    ("egfr-ckd-epi-2021", {"creatinine": "1.0", "age": "50"}, "female", 142 * (1 / 0.7) ** -1.2 * 0.9938**50 * 1.012),
    (
        "egfr-ckd-epi-2021",
        {"creatinine": "0.6", "age": "30"},
        "female",
        142 * (0.6 / 0.7) ** -0.241 * 0.9938**30 * 1.012,
    ),
    ("egfr-ckd-epi-2021", {"creatinine": "2.0", "age": "70"}, "male", 142 * (2 / 0.9) ** -1.2 * 0.9938**70),
    ("egfr-mdrd", {"creatinine": "1.0", "age": "60"}, "female", 175 * 60**-0.203 * 0.742),
    ("egfr-schwartz", {"creatinine": "0.5", "height": "120"}, "male", 99.12),
    ("creatinine-clearance-cockcroft-gault", {"creatinine": "1", "weight": "72", "age": "40"}, "male", 100.0),
    ("creatinine-clearance-cockcroft-gault", {"creatinine": "1", "weight": "72", "age": "40"}, "female", 85.0),
    ("bmi", {"weight": "81", "height": "1.8"}, "male", 25.0),
    ("bsa-mosteller", {"weight": "60", "height": "150"}, "male", math.sqrt(2.5)),
    ("oxygenation-ratio", {"oxygen": "80", "inspired": "0.4"}, "male", 200.0),
    ("neutrophils-of-differential", {"leukocytes": "5", "share": "0.6"}, "male", 3.0),
    ("calcium-corrected", {"calcium": "8.0", "albumin": "2.0"}, "male", 9.6),
    ("qtcf", {"qt": "400", "rate": "60"}, "male", 400.0),
    ("qtcf", {"qt": "360", "rate": "480"}, "male", 720.0),
    ("qtcb", {"qt": "400", "rate": "60"}, "male", 400.0),
    ("qtcb", {"qt": "360", "rate": "240"}, "male", 720.0),
    ("bsa-dubois", {"weight": "70", "height": "170"}, "male", 0.007184 * 70**0.425 * 170**0.725),
    ("anion-gap", {"sodium": "140", "chloride": "104", "bicarbonate": "24"}, "male", 12.0),
    ("child-pugh", _LIVER | {"ascites": "0", "encephalopathy": "0"}, "male", 5.0),
    (
        "meld",
        {"creatinine": "1.9", "bilirubin": "4.2", "inr": "1.2", "dialysis": "0"},
        "male",
        9.57 * math.log(1.9) + 3.78 * math.log(4.2) + 11.2 * math.log(1.2) + 6.43,
    ),
    ("meld", {"creatinine": "0.8", "bilirubin": "0.5", "inr": "0.9", "dialysis": "0"}, "male", 6.43),
    ("meld", _WORST | {"dialysis": "1"}, "male", 9.57 * math.log(4) + 6.43),
    ("meld-na", _WORST | {"dialysis": "0", "sodium": "120"}, "male", 6.43),
    ("meld-na", _ILL | {"sodium": "130"}, "male", _MELD + 7 * (1.32 - 0.033 * _MELD)),
    ("meld-na", _ILL | {"sodium": "110"}, "male", _MELD + 12 * (1.32 - 0.033 * _MELD)),
    ("cha2ds2-vasc", dict.fromkeys(_RISKS, "1") | {"age": "80"}, "female", 9.0),
    ("cha2ds2-vasc", dict.fromkeys(_RISKS, "0") | {"age": "70"}, "male", 1.0),
    ("homa-ir", {"glucose": "5", "insulin": "9"}, "male", 2.0),
    ("fib-4", {"age": "50", "ast": "80", "platelets": "100", "alt": "64"}, "male", 5.0),
]


@pytest.mark.parametrize(("name", "values", "sex", "expected"), PUBLISHED)
def test_a_shipped_formula_says_what_was_published(
    name: str, values: dict[str, str], sex: str, expected: float
) -> None:
    """Each shipped formula, on numbers that can be checked by hand or by the publication's own coefficients."""
    assert of_formula(name, sex, **values) == pytest.approx(expected, rel=1e-12)


def test_every_shipped_formula_is_checked() -> None:
    """A formula without an example is one that nobody has compared with its source."""
    assert set(FORMULAS) - {name for name, *_ in PUBLISHED} == {"bsa-mosteller-child", "neutrophil-lymphocyte-ratio"}


def test_sums_and_quotients_are_exact() -> None:
    """A third of a third is a ninth, and a bound is met exactly."""
    assert reckoned("1 / 3 / 3 * 9")({}) == Range(Fraction(1), Fraction(1))
    assert reckoned("x / y ** 2")(exactly(x="67.5", y="1.5")) == Range(Fraction(30), Fraction(30))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 +", "is no expression"),
        ("open('x')", "is not understood"),
        ("x.y", "is not understood"),
        ("__import__('os')", "is not understood"),
        ("x if y else z", "is not understood"),
        ("'1'", "is not understood"),
        ("True", "is not understood"),
        ("min(1)", "min takes 2, has 1"),
        ("x and y", "is not understood"),
        ("[x]", "is not understood"),
        ("x % 2", "is not understood"),
    ],
)
def test_what_is_no_arithmetic_is_refused(text: str, said: str) -> None:
    """An expression is data: nothing is run."""
    with pytest.raises(ValueError, match=said):
        reckoned(text)


@pytest.mark.parametrize("text", ["1 / (x - x)", "sqrt(0 - 1)", "ln(0 - 1)", "(0 - 2) ** 0.5", "0 ** -1"])
def test_what_has_no_value_is_an_error(text: str) -> None:
    """It is told, never guessed."""
    with pytest.raises(ArithmeticError):
        reckoned(text)(exactly(x="2"))


def test_points_count_where_a_bound_is_reached() -> None:
    """`at_least` from the bound on, `above` beyond it, either where it can't be said."""
    reached, beyond = reckoned("at_least(x, 65)"), reckoned("above(x, 65)")
    assert (reached(exactly(x="65")), beyond(exactly(x="65"))) == (
        Range(Fraction(1), Fraction(1)),
        Range(Fraction(0), Fraction(0)),
    )
    assert reached({"x": Range(Fraction(60), Fraction(70))}) == Range(Fraction(0), Fraction(1))


def test_names() -> None:
    """Functions are no names."""
    assert names("max(a, 1) * sqrt(b)") == {"a", "b"}


def test_a_value_and_what_it_is_rounded_to() -> None:
    """59.7 is reported as 60, and 60.3, too."""
    assert rounded(Range(Fraction("59.7"), Fraction("59.7")), Decimal(1)) == Range(Fraction("59.7"), Fraction(60))
    assert rounded(Range(Fraction("60.3"), Fraction("60.3")), Decimal(1)) == Range(Fraction(60), Fraction("60.3"))
    assert rounded(Range(Fraction("0.25"), Fraction("0.25")), None) == Range(Fraction("0.25"), Fraction("0.25"))


numbers = st.fractions(Fraction(1, 10), 500, max_denominator=50)


@given(st.sampled_from(sorted(FORMULAS)), st.data())
def test_an_interval_holds_what_each_of_its_numbers_comes_to(name: str, data: st.DataObject) -> None:
    """Whatever the input really was, the value is inside."""
    formula = FORMULAS[name]
    constants = exactly(**{each: str(number) for each, number in formula.male.items()})
    inputs = sorted(names(formula.value) - constants.keys())
    wide, inner = dict(constants), dict(constants)
    for each in inputs:
        low, high = sorted((data.draw(numbers, each), data.draw(numbers, each)))
        at = low + (high - low) * data.draw(st.fractions(0, 1, max_denominator=20))
        wide[each], inner[each] = Range(low, high), Range(at, at)
    try:
        whole = reckoned(formula.value)(wide)
    except ArithmeticError:
        return
    point = reckoned(formula.value)(inner)
    tiny = Fraction(1, 10**20)
    assert whole.low - tiny <= point.low
    assert point.high <= whole.high + tiny


@pytest.mark.parametrize(
    ("formula", "ages"),
    [("cha2ds2-vasc", {65, 75}), ("egfr-ckd-epi-2021", None), ("bmi", set())],
)
def test_the_ages_at_which_a_value_may_change_are_known(formula: str, ages: set[int] | None) -> None:
    """Those that a score is counted from; every year where age itself is reckoned with; none where it isn't asked."""
    assert FORMULAS[formula].ages == ages


def test_a_bound_that_is_passed_by_the_next_year() -> None:
    """Above 64 is from 65 on; at least 64.5 too."""
    formula = replace(FORMULAS["cha2ds2-vasc"], value="above(age, 64) + at_least(age, 70.5)", where={})
    assert formula.ages == frozenset({65, 71})
