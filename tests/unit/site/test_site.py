"""A site's folder: its concepts, value sets and trials are loaded beside what is shipped, and before it."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.value_set import Coding
from adapter.errors import DefinitionError
from adapter.screening.setup import SiteConfig, load_setup
from mappings.policy import load_policy
from mappings.site import load_site, unresolved
from mappings.terminology import load_terminology
from mappings.terminology.related import with_relations
from mappings.trial.fhir import shared_resources

CM = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"

TRIAL = """\
id: {id}
version: 1.0.0
completeness: full
index: [breast-cancer]
{concepts}
study: {{title: A trial, status: recruiting}}
criteria:
  - {{id: I1, kind: inclusion, label: x, source: protocol, condition: {{concepts: [breast-cancer]}}}}
"""
CONCEPTS = """\
concepts:
  conditions:
    breast-cancer:
      title: Breast cancer
      breadth: entity
      codes:
        - icd-10-cm: C50 (Malignant neoplasm of breast)
        - snomed: 254837009 (Malignant neoplasm of breast)
      except: [{icd-10-cm: C50.A0 (another)}]
      exhaustive: [icd-10-cm]
      may-be: [{icd-10-cm: D49.3 (Neoplasm of unspecified behavior of breast)}]"""


def written(folder: Path, files: dict[str, str | dict[str, Any]]) -> Path:
    """A site's folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def value_set(id_: str, compose: dict[str, Any] | None = None, **more: object) -> dict[str, Any]:
    """A ValueSet as a site may have it."""
    held = {
        "resourceType": "ValueSet",
        "id": id_,
        "url": f"https://hospital.example/ValueSet/{id_}",
        "status": "active",
    }
    return {**held, **({"compose": compose} if compose else {}), **more}


def told(terminology: Terminology, concept: str, system: str, code: str) -> Membership:
    """What a code says of a concept."""
    return terminology.membership(concept, (Coding(system, code),))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Terminology:
    """The terminology of a site whose trial brings a concept."""
    folder = tmp_path_factory.mktemp("site")
    trial = TRIAL.format(id="own", concepts=CONCEPTS)
    return with_relations(load_site(written(folder, {"trials/own.yaml": trial})).terminology)


@pytest.mark.parametrize(
    ("system", "code", "said"),
    [
        (CM, "C50.911", Membership.IS),
        (SNOMED, "254837009", Membership.IS),
        (CM, "C50.A0", Membership.NOT),
        (CM, "D49.3", Membership.MAY_BE),
        (CM, "I10", Membership.NOT),
        (SNOMED, "59621000", Membership.NOT),
        (SNOMED, "363346000", Membership.UNCLASSIFIED),
        ("https://elsewhere.example", "1", Membership.UNCLASSIFIED),
    ],
    ids=[
        "below a heading",
        "a code",
        "left out",
        "may be",
        "exhausted",
        "another disease",
        "a family",
        "unknown system",
    ],
)
def test_lines_of_codes_say_what_a_concept_is(own: Terminology, system: str, code: str, said: Membership) -> None:
    """By headings in classifications, by codes elsewhere; a family that holds it rules nothing out."""
    assert told(own, "breast-cancer", system, code) is said


def test_a_family_that_shares_codes_is_related(own: Terminology) -> None:
    """Whoever wrote the concept needn't know that malignancy holds its codes, and what else is a malignancy."""
    assert "malignancy" in own.catalogue.conditions["breast-cancer"].related
    assert "breast-cancer" in own.catalogue.conditions["malignancy"].related
    assert "myocardial-infarction" not in own.catalogue.conditions["breast-cancer"].related
    said = own.classified(ListKind.CONDITIONS, (Coding(CM, "C80.1"),))
    assert "malignancy" in said.is_


def test_what_a_site_says_names_the_terminology(tmp_path: Path, own: Terminology) -> None:
    """A verdict's hash is another one as soon as a code is."""
    changed = TRIAL.format(id="own", concepts=CONCEPTS.replace("254837009", "93680004"))
    other = load_site(written(tmp_path, {"trials/own.yaml": changed})).terminology
    assert len({load_terminology().hash, own.hash, other.hash}) == 3


def test_an_empty_folder_changes_nothing(tmp_path: Path) -> None:
    """Neither the terminology nor the trials."""
    site = load_site(tmp_path)
    assert site.terminology.hash == load_terminology().hash
    assert len(site.definitions) == 5


COMPOSES: dict[str, tuple[dict[str, Any], list[tuple[str, str]], list[tuple[str, str]]]] = {
    "listed codes": (
        {"include": [{"system": LOINC, "concept": [{"code": "718-7"}]}]},
        [(LOINC, "718-7")],
        [(LOINC, "2160-0")],
    ),
    "a whole system": (
        {"include": [{"system": "https://hospital.example/lab"}]},
        [("https://hospital.example/lab", "X1"), ("https://hospital.example/lab", "9")],
        [(LOINC, "718-7")],
    ),
    "another value set by URL, without some": (
        {
            "include": [{"valueSet": ["https://hospital.example/ValueSet/base|1"]}],
            "exclude": [{"system": CM, "concept": [{"code": "C50.1"}]}],
        },
        [(CM, "C50.2")],
        [(CM, "C50.1"), (CM, "C50.11")],
    ),
    "what a shipped one and a list have in common": (
        {
            "include": [
                {"system": CM, "concept": [{"code": "I48.0"}, {"code": "I10"}], "valueSet": ["atrial-fibrillation"]}
            ]
        },
        [(CM, "I48.0")],
        [(CM, "I10")],
    ),
    "beginnings": (
        {"include": [{"system": CM, "filter": [{"property": "code", "op": "regex", "value": "(C50|D05).*"}]}]},
        [(CM, "D05.1"), (CM, "C50.911")],
        [(CM, "D06")],
    ),
    "is-a in a classification": (
        {"include": [{"system": CM, "filter": [{"property": "concept", "op": "is-a", "value": "C50"}]}]},
        [(CM, "C50.911")],
        [(CM, "C51")],
    ),
}


@pytest.mark.parametrize(("compose", "held", "others"), COMPOSES.values(), ids=COMPOSES)
def test_a_value_set_file_holds_what_it_composes(
    tmp_path: Path, compose: dict[str, Any], held: list[tuple[str, str]], others: list[tuple[str, str]]
) -> None:
    """As FHIR's composition rules have it."""
    base = value_set(
        "base", {"include": [{"system": CM, "filter": [{"property": "code", "op": "regex", "value": "C50.*"}]}]}
    )
    files: dict[str, str | dict[str, Any]] = {
        "value-sets/base.json": base,
        "value-sets/own.json": value_set("own", compose),
    }
    terminology = load_site(written(tmp_path, files)).terminology
    assert all("own" in (terminology.value_sets_of(*each) or ()) for each in held)
    assert not any("own" in (terminology.value_sets_of(*each) or ()) for each in others)


def test_an_expansion_says_what_filters_find(tmp_path: Path) -> None:
    """The codes in it are the value set's, and nothing is left open."""
    compose = {
        "include": [{"system": SNOMED, "filter": [{"property": "concept", "op": "descendent-of", "value": "1"}]}]
    }
    contains = [{"system": SNOMED, "code": "254837009", "contains": [{"system": SNOMED, "code": "93680004"}]}]
    files: dict[str, str | dict[str, Any]] = {
        "value-sets/open.json": value_set("open", compose),
        "value-sets/found.json": value_set("found", compose, expansion={"total": 2, "contains": contains}),
    }
    terminology = load_site(written(tmp_path, files)).terminology
    assert set(terminology.value_sets_of(SNOMED, "93680004") or ()) == {"found"}
    assert dict(unresolved(terminology, frozenset())) == {"open": "concept descendent-of 1"}


def test_a_filter_that_nobody_resolves_is_an_error(tmp_path: Path) -> None:
    """A value set that is not all there would look like a whole one."""
    concepts = CONCEPTS.replace("snomed: 254837009", "snomed: << 254837009")
    site = written(tmp_path, {"trials/own.yaml": TRIAL.format(id="own", concepts=concepts)})
    with pytest.raises(DefinitionError, match=r"breast-cancer asks for concept is-a 254837009, and nothing here knows"):
        load_setup(SiteConfig(folder=site), None)
    known = SiteConfig(folder=site, expansions={"breast-cancer": [Coding(SNOMED, "93680004")]})
    assert told(load_setup(known, ["own"]).terminology, "breast-cancer", SNOMED, "93680004") is Membership.IS


WRONG: dict[str, tuple[dict[str, str | dict[str, Any]], str]] = {
    "unknown system": (
        {"trials/own.yaml": TRIAL.format(id="own", concepts=CONCEPTS.replace("- snomed", "- snomet"))},
        r"own\.yaml:12: conditions\.breast-cancer\.codes\[1\]: no code system 'snomet'; did you mean 'snomed'",
    ),
    "no code": (
        {"trials/own.yaml": TRIAL.format(id="own", concepts=CONCEPTS.replace("C50 (Malignant", "C50 Malignant"))},
        r"own\.yaml:11: conditions\.breast-cancer\.codes\[0\]: .* is no code; write the code system and the code",
    ),
    "misspelt key": (
        {"trials/own.yaml": TRIAL.format(id="own", concepts=CONCEPTS.replace("breadth:", "bredth:"))},
        r"own\.yaml:9: conditions\.breast-cancer\.bredth: unknown key; did you mean 'breadth'",
    ),
    "two trials differ": (
        {
            "trials/a.yaml": TRIAL.format(id="a", concepts=CONCEPTS),
            "trials/b.yaml": TRIAL.format(id="b", concepts=CONCEPTS.replace("Breast cancer", "Another")),
        },
        r"b\.yaml:7: .*breast-cancer means something else in .*a\.yaml:7; write it once, in concepts\.yaml",
    ),
    "no codes": (
        {"concepts.yaml": "conditions:\n  warts: {title: Tophus}\n"},
        r"concepts\.yaml:2: conditions\.warts: no value set warts; write `codes` here, or add value-sets/warts\.json",
    ),
    "a reference to nothing": (
        {"value-sets/x.json": value_set("x", {"include": [{"valueSet": ["https://no.example"]}]})},
        r"x\.json:1: no value set https://no\.example; add it to value-sets/",
    ),
    "a circle": (
        {
            "value-sets/x.json": value_set("x", {"include": [{"valueSet": ["y"]}]}),
            "value-sets/y.json": value_set("y", {"include": [{"valueSet": ["x"]}]}),
        },
        r"value sets name each other in a circle: x -> y -> x",
    ),
    "part of an expansion": (
        {"value-sets/x.json": value_set("x", expansion={"total": 3, "contains": [{"system": LOINC, "code": "1-8"}]})},
        r"x\.json:1: the expansion holds 1 of 3 codes; expand it without paging",
    ),
    "a key twice": (
        {"value-sets/x.json": '{"resourceType": "ValueSet", "compose": {}, "compose": {"include": []}}'},
        r"x\.json:1: the key 'compose' stands twice",
    ),
    "no JSON": ({"value-sets/x.json": "{\n  broken"}, r"x\.json:2: not readable as JSON"),
    "a map to nothing": (
        {
            "concept-maps/m.json": {
                "resourceType": "ConceptMap",
                "group": [
                    {
                        "source": "https://hospital.example/lab",
                        "target": "http://example.org/fhir-trial-adapter/CodeSystem/concept",
                        "element": [{"code": "HB", "target": [{"code": "haemoglobine", "equivalence": "equal"}]}],
                    }
                ],
            }
        },
        r"m\.json:1: HB: no concept 'haemoglobine'; the nearest is 'haemoglobin'",
    ),
}


@pytest.mark.parametrize(("files", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, files: dict[str, str | dict[str, Any]], said: str) -> None:
    """With file, line and what to do."""
    with pytest.raises(DefinitionError, match=said):
        load_site(written(tmp_path, files))


def test_everything_of_a_site_is_taken(tmp_path: Path) -> None:
    """Code systems with names, units, words, maps, a policy, and freshness of classes of its own."""
    files: dict[str, str | dict[str, Any]] = {
        "systems.yaml": "systems:\n  - {name: lab, uri: 'https://hospital.example/lab', others: ['urn:oid:1.2.3']}\n",
        "units.yaml": "common: {g/L: [gr per ltr]}\n",
        "findings.yaml": "findings: {positive: {xx: [jawohl]}}\ndenied: {behind: [nix da]}\n",
        "concepts.yaml": (
            "analytes:\n  fev1: {title: FEV1, unit: L, freshness: spirometry, codes: [lab: FEV1]}\n"
            "freshness: {spirometry: P6M}\n"
        ),
        "policy.yaml": "id: own\ntime-zone: Europe/Berlin\n",
        "concept-maps/m.json": {
            "resourceType": "ConceptMap",
            "group": [
                {
                    "source": "https://hospital.example/lab",
                    "target": "http://example.org/fhir-trial-adapter/CodeSystem/concept",
                    "element": [{"code": "HB", "target": [{"code": "haemoglobin", "equivalence": "equal"}]}],
                }
            ],
        },
    }
    setup = load_setup(SiteConfig(folder=written(tmp_path, files)), None)
    terminology = setup.terminology
    assert set(terminology.value_sets_of("urn:oid:1.2.3", "FEV1") or ()) == {"fev1"}
    assert set(terminology.value_sets_of("https://hospital.example/lab", "HB") or ()) == {"haemoglobin"}
    assert terminology.unit_of("GR PER LTR") == "g/L"
    assert terminology.writing.findings["jawohl"] == "positive"
    assert terminology.writing.findings.items() > load_terminology().writing.findings.items()
    packaged = load_terminology().writing.denied.behind
    assert packaged
    assert terminology.writing.denied.behind == packaged | {("nix", "da")}
    assert setup.policy.id == "own"
    assert str(setup.policy.freshness["spirometry"]) == "P6M"
    assert str(load_policy("strict", terminology=terminology).freshness["spirometry"]) == "P6M"


def test_a_sites_value_sets_are_published(tmp_path: Path) -> None:
    """With the id of the concept, as the trial's resources name it; nothing that a server has added."""
    site = written(tmp_path, {"trials/own.yaml": TRIAL.format(id="own", concepts=CONCEPTS)})
    setup = load_setup(SiteConfig(folder=site, expansions={"breast-cancer": [Coding(SNOMED, "93680004")]}), ["own"])
    found = {each["id"]: each for each in shared_resources(setup.definitions, setup.terminology) if "compose" in each}
    include = found["breast-cancer"]["compose"]["include"]
    assert [each.get("concept") for each in include] == [
        [{"code": "254837009", "display": "Malignant neoplasm of breast"}],
        None,
    ]
    assert include[1]["filter"] == [{"property": "code", "op": "regex", "value": "C50.*"}]
    assert found["breast-cancer-possible"]["compose"]["include"][0]["system"] == CM


def test_a_window_that_nobody_gives_is_named(tmp_path: Path) -> None:
    """An analyte's class needs a time that its values stand."""
    concepts = "analytes:\n  fev1: {title: FEV1, unit: L, freshness: spirometrie, codes: [loinc: 20150-9]}\n"
    site = load_site(written(tmp_path, {"concepts.yaml": concepts}))
    with pytest.raises(
        DefinitionError, match="no window for spirometrie, the class of the analyte fev1; add spirometrie"
    ):
        load_policy("strict", terminology=site.terminology)
