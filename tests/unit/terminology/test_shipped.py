"""The shipped terminology: every concept has codes, every code a source."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.criteria.catalogue import Catalogue, Effort
from adapter.criteria.terminology import Terminology
from adapter.evaluator.report import effort_of
from adapter.evaluator.verdict import Codes, DataNeed

ROOT = Path(__file__).parents[3] / "mappings" / "terminology"
FILES = sorted((ROOT / "value-sets").glob("*.json"))
SYSTEM = {
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "atc": "http://www.whocc.no/atc",
    "who": "http://hl7.org/fhir/sid/icd-10",
    "cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "pcs": "http://www.cms.gov/Medicare/Coding/ICD10",
    "local": "http://example.org/fhir-trial-adapter/CodeSystem/observation",
}

HELD = """
haemoglobin loinc 718-7
haemoglobin loinc 59260-0
creatinine loinc 2160-0
creatinine loinc 14682-9
alt loinc 1743-4
ast loinc 30239-8
lvef loinc 8806-2
lvsf local lvsf
cd7-tumour local cd7-blasts
cd7-tumour local cd7-tissue
cd7-all-cells loinc 8135-6
syphilis-reagin loinc 31147-2
syphilis-treponemal loinc 22587-0
t-all sct 277575008
all-lineage-unspecified cm C91.00
all-lineage-unspecified cm C9102
course-remission cm C91.01
course-remission cm C9201
course-remission sct 427642009
course-relapse cm C91.02
course-relapse sct 12281000132104
course-refractory sct 12311000132101
acute-leukaemia cm C95.00
acute-leukaemia who C92.8
aml cm C92.A0
aml sct 91861009
lbl-lineage-unspecified cm C83.5A
t-cell-lymphoma cm C84.A0
t-cell-lymphoma sct 118618005
gvhd cm D89.813
gvhd-possible who T86.0
atrial-fibrillation cm I48.91
atrial-fibrillation-possible who I48.9
myocardial-infarction cm I21.4
long-qt cm I45.81
pericardial-effusion cm I31.39
malignancy cm C50.919
malignancy sct 254837009
infection cm A41.9
infection who J18.9
congenital-immunodeficiency cm D81.0
congenital-immunodeficiency cm D84.1
immunodeficiency-unspecified cm D84.9
hepatitis-b cm B19.10
hepatitis-c cm B18.2
hiv cm B20
hiv who B23.8
hiv cm Z21
stroke-unspecified who I64
cerebral-ischaemia cm I67.82
pregnancy cm Z33.1
pregnancy cm Z3A.20
pregnancy cm O24.011
breast-feeding cm Z39.1
systemic-glucocorticoid rxnorm 3264
systemic-glucocorticoid atc H02AB02
systemic-glucocorticoid-class atc H02AB06
immunotherapy atc L01FA01
gene-therapy atc L01XL04
gene-therapy atc L01XX71
gene-therapy pcs XW033J7
hsct pcs 30233Y2
hsct pcs 30243U4
hsct sct 234336002
hysterectomy sct 116140006
antibiotic atc J01CA04
antibiotic rxnorm 7980
biological-product atc L04AB02
"""

NOT_HELD = """
cd7-tumour loinc 8135-6 -- counts CD7 on all cells
blasts-blood loinc 26464-8 -- the leukocyte count
blasts-marrow loinc 11150-6 -- unverified
myocardial-infarction cm I25.2 -- an old infarction
myocardial-infarction sct 32574007 -- a past infarction
atrial-fibrillation cm I48.3 -- flutter
atrial-fibrillation cm I48.92 -- flutter
atrial-fibrillation sct 5370000 -- flutter
infection cm B20 -- HIV
infection who B24 -- HIV
infection cm B90.9 -- a sequela
infection cm B97.35 -- HIV 2
congenital-immunodeficiency cm D84.821 -- due to drugs
congenital-immunodeficiency cm D80.1 -- not familial
pregnancy cm Z33.2 -- ends it
pregnancy cm O03.9 -- has ended
pregnancy cm O10.03 -- the puerperium
pregnancy cm O86.4 -- the puerperium
t-all cm C91.00 -- doesn't say T or B
t-cell-lymphoma cm C86.40 -- a dendritic cell neoplasm
gvhd cm T86.09 -- another complication
cerebral-ischaemia cm G45.4 -- transient global amnesia
hsct pcs 30233N1 -- red cells
hsct pcs 30233C0 -- genetically modified cells
immunotherapy atc L03AA02 -- a growth factor
systemic-glucocorticoid atc D07AB09 -- on the skin
systemic-glucocorticoid-class rxnorm 3264 -- in eye drops too
result-positive sct 720735008 -- presumptive
route-systemic sct 6064005 -- topical
ecog-answers loinc LA9627-6 -- 5 here, 0 for Karnofsky
"""


def _parts(path: Path) -> Iterator[dict[str, Any]]:
    """Every part of a value set's compose: codes, or a filter, that were read at one place."""
    compose = json.loads(path.read_text(encoding="utf-8"))["compose"]
    yield from [*compose["include"], *compose.get("exclude", [])]


def _concepts(catalogue: Catalogue) -> set[str]:
    return {*catalogue.analytes, *catalogue.listed}


def test_every_concept_has_codes(terminology: Terminology) -> None:
    """A concept without codes would never be found in any record."""
    empty = {id_ for id_ in _concepts(terminology.catalogue) if not terminology.codes(id_)}
    assert empty == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_code_says_where_it_was_read(path: Path) -> None:
    """No code stands without its source, and none with a promise of one."""
    for part in _parts(path):
        sources = [e["valueString"] for e in part["extension"] if e["url"].endswith("/code-source")]
        assert len(sources) == 1, part
        assert len(sources[0]) > 10, part
        assert "to be" not in sources[0], part


def test_every_code_system_of_a_value_set_is_known(terminology: Terminology) -> None:
    """A value set in an unknown code system would match nothing."""
    systems = {c.system for id_ in terminology.value_sets for c in terminology.codes(id_)}
    assert {system for system in systems if terminology.canonical_system(system) != system} == set()


@pytest.mark.parametrize("line", HELD.strip().splitlines())
def test_a_code_is_held(terminology: Terminology, line: str) -> None:
    """Codes as they arrive in records find their concept."""
    value_set, system, code = line.split()
    assert value_set in (terminology.value_sets_of(SYSTEM[system], code) or ())


@pytest.mark.parametrize("line", NOT_HELD.strip().splitlines())
def test_a_code_is_not_held(terminology: Terminology, line: str) -> None:
    """Codes that look alike and mean something else don't."""
    value_set, system, code = line.partition(" -- ")[0].split()
    found = terminology.value_sets_of(SYSTEM[system], code)
    assert found is not None
    assert value_set not in found


@pytest.mark.parametrize("uri", ["http://hl7.org/fhir/sid/ndc", "urn:oid:1.2.3"])
def test_a_system_that_no_value_set_covers_is_unknown(terminology: Terminology, uri: str) -> None:
    """Its codes count as unmapped, never as something else."""
    assert terminology.value_sets_of(uri, "1") is None


def test_a_code_system_by_its_oid(terminology: Terminology) -> None:
    """Codes that came over HL7 v2 carry OIDs."""
    assert "haemoglobin" in (terminology.value_sets_of("urn:oid:2.16.840.1.113883.6.1", "718-7") or ())


def test_the_number_of_an_answer(terminology: Terminology) -> None:
    """Scores come as answer codes, each with its number."""
    assert terminology.ordinal(SYSTEM["loinc"], "LA9624-3") == 2
    assert terminology.ordinal(SYSTEM["loinc"], "LA29176-7") == 90
    assert terminology.ordinal(SYSTEM["sct"], "420913000") == 3
    assert terminology.ordinal(SYSTEM["loinc"], "LA9627-6") is None


def test_positive_and_negative_share_no_code(terminology: Terminology) -> None:
    """A code that is in both lists would be taken for either."""
    for one, other in (
        ("result-positive", "result-negative"),
        ("severity-severe", "severity-not-severe"),
        ("stage-advanced", "stage-not-advanced"),
        ("route-systemic", "route-other"),
        ("course-remission", "course-relapse"),
        ("sex-male", "sex-female"),
    ):
        assert not set(terminology.codes(one)) & set(terminology.codes(other)), (one, other)


def test_the_terminology_is_named_by_its_content(terminology: Terminology) -> None:
    """The hash is a SHA-256 and goes into every verdict."""
    assert len(terminology.hash) == 64


def test_what_a_new_value_takes(terminology: Terminology) -> None:
    """Blasts of the blood are the laboratory's; those of the marrow, and of the fluid, want a puncture."""
    catalogue = terminology.catalogue
    asked = {
        name: effort_of(DataNeed("Observation", name, Codes([]), None, ("I1",)), catalogue)
        for name in ("blasts-blood", "blasts-marrow", "blasts-csf")
    }
    assert asked == {
        "blasts-blood": Effort.LABORATORY,
        "blasts-marrow": Effort.BIOPSY,
        "blasts-csf": Effort.BIOPSY,
    }
