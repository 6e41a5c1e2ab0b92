"""Variants: the same trial with another bound, and nothing else changed."""

from dataclasses import replace

import pytest

from adapter.criteria.model import Criterion, TrialDefinition
from adapter.criteria.variant import original, variant_of, varied
from adapter.screening.setup import Setup


def study(setup: Setup, name: str) -> TrialDefinition:
    """A shipped trial."""
    return next(each for each in setup.definitions if each.id == name)


def criterion(definition: TrialDefinition, name: str) -> Criterion:
    """One of its criteria."""
    return next(each for each in definition.walk() if each.id == name)


@pytest.mark.parametrize(
    ("text", "name", "changes"),
    [
        ("nct04785833:I5=50", "I5=50", (("I5", "50"),)),
        ("nct04785833:I1=>=18, I1=<=75", "I1=>=18, I1=<=75", (("I1", ">=18"), ("I1", "<=75"))),
        ("nct04785833:I7=P6M,I8=off", "I7=P6M, I8=off", (("I7", "P6M"), ("I8", "off"))),
    ],
)
def test_written(text: str, name: str, changes: tuple[tuple[str, str], ...]) -> None:
    """A study, and changes behind commas."""
    found = variant_of(text)
    assert (found.study, found.name, found.changes) == ("nct04785833", name, changes)


@pytest.mark.parametrize("text", ["nct04785833", "nct04785833:I5", "nct04785833:I5=", ":I5=50", "nct04785833:I5=50,"])
def test_what_is_no_variant_says_how_one_is_written(text: str) -> None:
    """With an example."""
    with pytest.raises(ValueError, match=r"write STUDY:CRITERION=BOUND, as nct04785833:I5=50"):
        variant_of(text)


def test_what_is_left_out_has_no_other_bound() -> None:
    """In one variant a criterion is left out, or changed."""
    for text in ("nct04785833:I5=off,I5=50", "nct04785833:I5=50,I5=off"):
        with pytest.raises(ValueError, match="leaves I5 out and changes it, too"):
            variant_of(text)


@pytest.mark.parametrize(
    ("name", "bound", "before", "after"),
    [
        ("I5", "50", "value=Decimal('60')", "value=Decimal('50')"),
        (
            "I5",
            ">50",
            "<Comparator.AT_LEAST: '>='>, value=Decimal('60')",
            "<Comparator.GREATER: '>'>, value=Decimal('50')",
        ),
        ("I1", "<=75", "upper=AgeBound(age=Duration(count=65", "upper=AgeBound(age=Duration(count=75"),
        ("I1", ">=18", "lower=AgeBound(age=Duration(count=12", "lower=AgeBound(age=Duration(count=18"),
        ("I7", "P6M", "=Duration(count=3", "=Duration(count=6"),
        ("I8", "20", "value=Decimal('30')", "value=Decimal('20')"),
        ("I4.2", "10", "value=Decimal('5')", "value=Decimal('10')"),
    ],
)
def test_one_bound_is_changed_and_nothing_else(strict: Setup, name: str, bound: str, before: str, after: str) -> None:
    """In the unit in which the criterion is written; the criteria beside it are the same ones."""
    base = study(strict, "nct04785833")
    changed = varied(base, [(name, bound)])
    was, is_ = repr(criterion(base, name)), repr(replace(criterion(changed, f"{name}={bound}"), id=name))
    assert was.count(before) == 1
    assert is_ == was.replace(before, after)
    top = original(name.partition(".")[0])
    others = [[each for each in of.criteria if original(each.id) != top] for of in (base, changed)]
    assert others[0] == others[1]
    assert len(others[0]) == len(base.criteria) - 1


def test_a_multiple_of_a_limit_of_normal(strict: Setup) -> None:
    """The factor is what varies."""
    base = study(strict, "nct07008872")
    names = [each.id for each in base.walk() if each.id and "LimitThreshold" in repr(each.statement)]
    leaf = next(each for each in names if "parts=" not in repr(criterion(base, each).statement))
    changed = repr(criterion(varied(base, [(leaf, "7")]), f"{leaf}=7"))
    assert "factor=Decimal('7')" in changed


def test_off_leaves_a_criterion_out(strict: Setup) -> None:
    """The trial as it would be without it."""
    base = study(strict, "nct04785833")
    changed = varied(base, [("I8", "off"), ("E1", "off")])
    assert [each.id for each in base.criteria if each not in changed.criteria] == ["I8", "E1"]
    assert [each for each in base.criteria if each in changed.criteria] == list(changed.criteria)


@pytest.mark.parametrize(
    ("name", "bound", "says"),
    [
        ("I99", "50", "has no criterion I99; it has I1"),
        ("I4.1", "off", "has no criterion I4.1; it has I1, I2"),
        ("I5", "fifty", "write a number, as 50 or >=50, a duration, as P6M, or off"),
        ("I5", "P6M", "must have a duration that can be meant, and has none"),
        ("I5", "<=50", "must have a bound that can be meant, and has none"),
        ("I1", "50", "has several; name the part, or write >= or <= before the number"),
        ("I1", ">=12.5", "an age is a whole number of units"),
        ("I1", ">=70", "I1=>=70:"),
        ("I3", "3", "has none"),
    ],
)
def test_what_can_not_be_meant_is_said(strict: Setup, name: str, bound: str, says: str) -> None:
    """A change never hits another bound than the one that is meant."""
    with pytest.raises(ValueError, match=r".") as raised:
        varied(study(strict, "nct04785833"), [(name, bound)])
    assert says in str(raised.value)


def test_what_was_attested_of_the_original_says_nothing_of_the_variant(strict: Setup) -> None:
    """A changed criterion, and one that holds it, has another id; several changes of one stand in it one by one."""
    base = study(strict, "nct04785833")
    held = varied(base, [("I4.2", "10")])
    assert [each.id for each in held.walk() if each.id and "=" in each.id] == ["I4 (I4.2=10)", "I4.2=10"]
    twice = varied(base, [("I1", ">=18"), ("I1", "<=75")])
    assert [each.id for each in twice.walk() if each.id and "=" in each.id] == ["I1=>=18=<=75"]
