"""Every code that the repository's data name can be one of its system: by its form, its check digit, its edition."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from mappings.site.check import misspelt
from mappings.site.load import read_site
from mappings.terminology import load_terminology
from mappings.terminology.wide import wide_concepts, with_wide
from tests.unit.terminology.test_everyday import EDITIONS, WITHDRAWN, described

ROOT = Path(__file__).parents[3]
SITES = sorted(path for path in (*ROOT.glob("demo/sites/*"), ROOT / "mappings/site/example") if path.is_dir())
NAMES = {
    "loinc": "http://loinc.org",
    "sct": "http://snomed.info/sct",
    "snomed": "http://snomed.info/sct",
    "atc": "http://www.whocc.no/atc",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "who": "http://hl7.org/fhir/sid/icd-10",
}
"""What tables call the systems."""
CODE = re.compile(rf"\b({'|'.join(NAMES)}) ([A-Z0-9][A-Z0-9.-]*)")


def _held(terminology: Terminology) -> Iterator[tuple[str, Coding, bool]]:
    for held in terminology.value_sets.values():
        yield from (
            (held.id, each, False) for each in (*held.codes, *held.roots, *(Coding(*one) for one in held.excluded))
        )
        yield from ((held.id, each, True) for each in (*held.prefixes, *held.excluded_prefixes))


def _wrong(terminology: Terminology) -> set[str]:
    said = {(id_, misspelt(coding, beginning=beginning)) for id_, coding, beginning in _held(terminology)}
    return {f"{id_}: {wrong}" for id_, wrong in said if wrong}


def _beyond_editions(terminology: Terminology) -> set[tuple[str, str]]:
    """Codes and prefixes that no code of their edition begins with."""
    found = set()
    for system in EDITIONS:
        begins = _begins(system)
        found |= {
            (id_, each.code)
            for id_, each, _ in _held(terminology)
            if each.system == system and each.code not in begins and each.code not in WITHDRAWN
        }
    return found


@cache
def _begins(system: str) -> frozenset[str]:
    return frozenset(code[:length] for code in described(system) for length in range(1, len(code) + 1))


def test_the_catalogue_has_no_misspelt_code() -> None:
    """Packaged value sets and the wider catalogue."""
    terminology = with_wide(load_terminology(), wide_concepts())
    assert _wrong(terminology) == set()
    assert _beyond_editions(terminology) == set()


@pytest.mark.parametrize("site", SITES, ids=lambda path: path.name)
def test_the_made_up_sites_have_no_misspelt_code(site: Path) -> None:
    """The sites of the demonstration, and the one that `init` makes."""
    terminology = read_site(site).terminology
    assert _wrong(terminology) == set()
    assert _beyond_editions(terminology) == set()


def test_tables_have_no_misspelt_code() -> None:
    """What the cohort, the converters and the cases write."""
    files = [
        *ROOT.glob("demo/tables/*.yaml"),
        *ROOT.glob("mappings/patient/**/*.yaml"),
        ROOT / "tests/cases/codes.yaml",
    ]
    named = {
        (path.name, system, code)
        for path in files
        for text in _texts(yaml.safe_load(path.read_text(encoding="utf-8")))
        for system, code in CODE.findall(text)
    }
    assert named
    assert {wrong for _, system, code in named if (wrong := misspelt(Coding(NAMES[system], code)))} == set()


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield f"{name} {value}"
            yield from _texts(value)
    elif isinstance(content, list):
        for each in content:
            yield from _texts(each)
    elif isinstance(content, str):
        yield content


@pytest.mark.parametrize("code", ["3150-6", "2160-1", "718-8"])
def test_a_wrong_check_digit_is_seen(code: str) -> None:
    """3150-6 stood here for the concentration of inspired oxygen, which is 3150-0."""
    assert misspelt(Coding("http://loinc.org", code)) is not None
