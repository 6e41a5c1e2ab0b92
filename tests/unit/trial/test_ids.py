"""The criteria of the five trials, by the ids that others script against."""

from collections.abc import Mapping

import pytest

from adapter.criteria.model import CriterionRole, TrialDefinition

IDS = {
    "nct07008872": """
        I1 I1.1 I1.1.1 I1.1.2 I1.2 I1.2.1 I1.2.2 I1.2.3 I2 I2.1 I2.2 I3 I3.1 I3.2 I3.2.1 I3.2.2 I3.3 I4 I5 I6 I7
        I8 I8.1 I8.2 I8.3 I8.4 I8.4.1 I8.4.2 I8.4.3 I9
        E1 E1.1 E1.2 E1.3 E1.4 E1.4.1 E1.4.2 E1.5 E1.6 E2 E3 E4 E5 E6 E6.1 E6.2
        E7 E7.1 E7.1.1 E7.1.2 E7.1.2.1 E7.1.2.2 E7.1.2.3 E7.2 E7.2.1 E7.2.2 E7.2.3 E7.2.3.1 E7.2.3.2 E7.2.3.3
        E8 E8.1 E8.2 E9 E10 E10.1 E10.2 E10.3 E10.4 E10.5 E11 E11.1 E11.2 E11.3 E12
        """,
    "nct04785833": """
        I1 I2 I3 I4 I4.1 I4.2 I4.3 I5 I6 I7 I8
        E1 E2 E2.1 E2.2 E3 E4 E5 E5.1 E5.2 E6 E6.1 E6.2 E7
        """,
    "4scar7u": """
        I1 I2 I2.1 I2.2 I3 I3.1 I3.2 I4 I4.1 I4.2 I4.3 I4.4 I4.4.1 I4.4.2 I4.5 I5 I6 I7
        E1 E2 E3 E3.1 E3.2 E4 E4.1 E4.2 E5 E6 E7
        """,
    "cd7-cart01": "I1 I2 I2.1 I2.2 I2.3 I3 I3.1 I3.2 I3.3 E1 E2",
    "senl-t7": "I1 I1.1 I1.2",
}


def test_exactly_the_five_trials_are_shipped(definitions: Mapping[str, TrialDefinition]) -> None:
    """The shipped trials are the five, no more and no fewer."""
    assert set(definitions) == set(IDS)


@pytest.mark.parametrize("study", IDS)
def test_ids(definitions: Mapping[str, TrialDefinition], study: str) -> None:
    """A definition has exactly its source's criteria and parts, in the source's order."""
    assert [found.id for found in definitions[study].walk() if found.id] == IDS[study].split()


@pytest.mark.parametrize("study", IDS)
def test_kind_follows_number(definitions: Mapping[str, TrialDefinition], study: str) -> None:
    """What is numbered I includes, what is numbered E excludes."""
    for top in definitions[study].criteria:
        assert top.role is (CriterionRole.INCLUSION if top.id.startswith("I") else CriterionRole.EXCLUSION)


@pytest.mark.parametrize("study", IDS)
def test_what_has_an_id_has_a_label_of_its_own(definitions: Mapping[str, TrialDefinition], study: str) -> None:
    """A reader can tell every criterion and part by its label alone, and no label is a paragraph."""
    for found in definitions[study].walk():
        assert bool(found.label) is (found.id is not None)
        assert len(found.label) <= 120
