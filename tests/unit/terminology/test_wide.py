"""The wider catalogue: what every concept of it must have, and that nobody pays for those that no trial names."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import yaml

from adapter.criteria.catalogue import Scale
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.unit import canonical_conversion
from adapter.criteria.value_set import Coding
from adapter.errors import DefinitionError
from adapter.screening.setup import SiteConfig, load_setup
from mappings.terminology import load_terminology
from mappings.terminology.catalogue import SECTIONS, ConceptFile, read_concepts
from mappings.terminology.codes import CodeLine
from mappings.terminology.concept_forms import CodesForm
from mappings.terminology.listing import FILE, listing
from mappings.terminology.related import with_relations
from mappings.terminology.wide import field_files, wide_concepts, with_wide
from mappings.terminology.yaml_file import read_yaml
from tests.unit.terminology.test_everyday import EDITIONS, described

HERE = Path(__file__).parent
WORDS = yaml.safe_load((HERE / "wide.yaml").read_text(encoding="utf-8"))
SIDES = [
    (said["system"], concept, code, side)
    for said in yaml.safe_load((HERE / "sides.yaml").read_text(encoding="utf-8")).values()
    for concept, sides in said.items()
    if concept != "system"
    for side, codes in sides.items()
    for code in codes
]
FILES = {name: read_concepts(read_yaml(name, text)) for name, text in field_files().items()}
CONDITIONS = [id_ for id_, entry in wide_concepts().items() if entry.section == "conditions"]
WITHDRAWN = {
    "http://hl7.org/fhir/sid/icd-10": {("hepatitis-b-possible", "Z22.5"), ("hepatitis-c-possible", "Z22.5")},
    "http://hl7.org/fhir/sid/icd-10-cm": {
        *(("hepatitis-b-possible", f"Z22.{digits}") for digits in (50, 51, 59)),
        *(("hepatitis-c-possible", f"Z22.{digits}") for digits in (50, 52, 59)),
    },
}
"""Carriers of viral hepatitis: old records have these codes."""
TOLD_APART = 197
"""One code in so many is looked up for each concept."""
SHORT = 5
"""Signs of a code with its dot: longer ones are held against words when a concept is written."""


@pytest.fixture(scope="session")
def wide() -> Terminology:
    """The packaged terminology with the whole wider catalogue."""
    return with_relations(with_wide(load_terminology(), wide_concepts()))


@cache
def _edition(system: str) -> Mapping[str, str]:
    """The short codes of an edition; the longer ones say where, and when, in a thousand ways."""
    return {code: text for code, text in described(system, SHORT).items() if code[0] not in "VWXY"}


def _concepts(held: ConceptFile) -> Iterator[tuple[str, CodesForm]]:
    for section in (*SECTIONS, "value_sets"):
        yield from getattr(held.form, section).items()


def _answers(held: ConceptFile) -> Iterator[tuple[str, CodesForm]]:
    for analyte in held.form.analytes.values():
        yield from analyte.answers.items()


def _lines(concept: CodesForm) -> list[CodeLine]:
    coarse = [each for each in getattr(concept, "may_be", ()) if isinstance(each, CodeLine)]
    return [*concept.codes, *concept.except_, *coarse]


def test_ids_are_of_one_concept() -> None:
    """An id stands once in all files, and not in concepts.yaml or among its value sets."""
    core = load_terminology()
    counted = Counter(id_ for held in FILES.values() for id_, _ in _concepts(held))
    answers = Counter(id_ for held in FILES.values() for id_, _ in _answers(held))
    assert [id_ for id_, number in (counted + answers).items() if number > 1] == []
    assert (counted + answers).keys() & {*core.value_sets, *core.catalogue.analytes, *core.catalogue.listed} == set()
    assert set(wide_concepts()) == set(counted)


@pytest.mark.parametrize("name", FILES)
def test_every_code_says_where_it_was_read(name: str) -> None:
    """In the line itself, or for its code system; and no source is named that nothing was read in."""
    held = FILES[name]
    sources = held.form.sources
    lines = [line for _, concept in (*_concepts(held), *_answers(held)) for line in _lines(concept)]
    unsaid = [line for line in lines if not {line.source or "", *line.systems}.intersection(sources)]
    unsaid += [line for line in lines if line.source and line.source not in sources]
    assert unsaid == []
    used = {line.source or system for line in lines for system in line.systems}
    assert [source for source in sources if source not in used] == []


@pytest.mark.parametrize("name", FILES)
def test_every_concept_is_described(name: str) -> None:
    """It has a title and codes; what lists hold says what belongs to it."""
    for id_, concept in _concepts(FILES[name]):
        assert concept.title.strip(), id_
        assert concept.codes, id_
        extent = getattr(concept, "extent", None)
        assert extent is None or extent.endswith("."), id_


def test_titles_tell_concepts_apart(wide: Terminology) -> None:
    """No two concepts of a section are called the same."""
    for section in SECTIONS:
        titles = Counter(each.title.casefold() for each in getattr(wide.catalogue, section).values())
        assert [title for title, number in titles.items() if number > 1] == []


@pytest.mark.parametrize("system", EDITIONS)
def test_every_prefix_is_of_the_edition(wide: Terminology, system: str) -> None:
    """A prefix that no code begins with is a slip, unless an earlier edition had it."""
    begins = {code[:length] for code in described(system) for length in range(1, len(code) + 1)}
    prefixes = {
        (held.id, each.code)
        for held in wide.value_sets.values()
        for each in (*held.prefixes, *held.excluded_prefixes)
        if each.system == system
    }
    assert {(id_, code) for id_, code in prefixes if code not in begins} == WITHDRAWN[system]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("system", EDITIONS)
def test_a_code_that_names_a_condition_is_not_passed_over(wide: Terminology, system: str, name: str) -> None:
    """Neither by a prefix that is too short, nor by one that was forgotten."""
    passed_over = set()
    for concept in FILES[name].form.conditions:
        row = WORDS.get(concept)
        if row is None:
            continue
        words, but = re.compile(row["words"], re.IGNORECASE), re.compile(row["but"], re.IGNORECASE)
        passed_over |= {
            f"{concept}: {code} {text}"
            for code, text in _edition(system).items()
            if words.search(text)
            and not but.search(text)
            and not code.startswith((*row["not"], "U"))
            and wide.membership(concept, (Coding(system, code),)) not in (Membership.IS, Membership.MAY_BE)
        }
    assert passed_over == set()


@pytest.mark.parametrize(("system", "concept", "code", "side"), SIDES)
def test_a_code_is_on_its_side(wide: Terminology, system: str, concept: str, code: str, side: str) -> None:
    """What is the concept, what only may be it, and what is something else."""
    assert wide.membership(concept, (Coding(system, code),)) is Membership[side.upper().replace("-", "_")]


def test_a_remission_is_not_the_end_of_what_comes_again(wide: Terminology) -> None:
    """A bipolar disorder in remission is one; a recurrent depression in remission may be meant or not."""
    remission = wide.value_sets["course-remission"]
    held = {each.code for each in remission.codes}
    assert {code for code in held if code.startswith(("F30", "F31"))} == set()
    assert {"F33.4", "F33.42", "F10.21"} <= held
    assert len(remission.codes) == len(set(remission.bare))
    assert all(wide.catalogue.conditions[name].inborn for name in ("bipolar-disorder", "recurrent-depression"))


@pytest.mark.parametrize("system", EDITIONS)
def test_exhaustive_conditions_classify_every_code(wide: Terminology, system: str) -> None:
    """Nothing of an edition is left unclassified."""
    left = {
        (concept, code)
        for concept in CONDITIONS
        if system in wide.value_sets[concept].exhaustive
        for code in list(described(system))[::TOLD_APART]
        if wide.membership(concept, (Coding(system, code),)) is Membership.UNCLASSIFIED
    }
    assert left == set()


def test_codes_of_two_concepts_make_them_related(wide: Terminology) -> None:
    """A code that both hold, or that may be both, rules neither of them out."""
    for section in ("conditions", "exposures", "substances"):
        held = getattr(wide.catalogue, section)
        of_code: dict[Coding, set[str]] = {}
        for id_, concept in held.items():
            if id_ not in wide_concepts():
                continue
            for name in (id_, *concept.may_be):
                for each in (*wide.value_sets[name].codes, *wide.value_sets[name].prefixes):
                    of_code.setdefault(Coding(each.system, each.code), set()).add(id_)
        for ids in of_code.values():
            for id_ in ids:
                assert ids - {id_} <= set(held[id_].related), id_


def test_analytes_convert_and_have_limits(wide: Terminology) -> None:
    """A quantity has a unit that UCUM knows, and bounds; both units of an analyte with a molar mass convert."""
    for id_, analyte in wide.catalogue.analytes.items():
        if id_ not in wide_concepts() or analyte.scale in (Scale.FINDING, Scale.ANSWER):
            continue
        assert analyte.plausible is not None, id_
        unit = analyte.unit or ""
        assert canonical_conversion(analyte, unit, wide.unit_factor) is not None, id_
        if analyte.scale is Scale.QUANTITY and unit != "1" and not analyte.conversions:
            assert wide.unit_factor(unit, f"{unit}.10*3") is not None, id_
        if analyte.molar_mass is not None:
            other = "g/L" if "mol" in unit else "mol/L"
            if analyte.charge is None and "/L" in unit:
                assert canonical_conversion(analyte, other, wide.unit_factor) is not None, id_
            assert Decimal(1) < analyte.molar_mass < Decimal(100_000), id_


WRITTEN = {
    "tsh": "mIU/L, mU/L, uIU/mL, µIU/mL, m[IU]/L",
    "luteinising-hormone": "IU/L, mIU/mL, U/L",
    "insulin-level": "mIU/L, µU/mL, uIU/mL",
    "ige-total": "IU/mL, kU/L, kIU/L",
    "rheumatoid-factor": "IU/mL, IU/ml, kIU/L",
    "ca-125": "U/mL, U/ml, kU/L",
    "psa": "ng/mL, ng/ml, µg/L, ug/L",
    "nt-probnp": "pg/mL, pg/ml, ng/L",
    "d-dimer": "ng/mL FEU, mg/L FEU, ug/mL{FEU}, µg/L",
    "vitamin-d": "ng/mL, nmol/L",
    "free-t4": "ng/dL, pmol/L",
    "magnesium": "mg/dL, mmol/L, mEq/L",
    "potassium": "mmol/L, mEq/L, meq/l, mval/l",
    "sodium": "mmol/L, mEq/L",
    "glucose": "mg/dL, mmol/l",
    "systolic-blood-pressure": "mmHg, mm Hg, mm[Hg]",
    "urine-albumin-creatinine": "mg/g, mg/mmol, mg/g creatinine",
    "urine-protein-24h": "g/24h, mg/24 h, g/d",
    "inr": "1, INR, {INR}, ratio",
    "waist-circumference": "cm, in",
    "cd4-count": "cells/uL, /mm3",
}
OTHER_KINDS = (("rheumatoid-factor", "U/mL"), ("ca-125", "IU/mL"), ("alpha-fetoprotein", "IU/mL"), ("tsh", "MIU/L"))


def test_units_are_read_as_laboratories_write_them(wide: Terminology) -> None:
    """And no arbitrary unit is taken for an international one where they differ, nor mega for milli."""
    for id_, texts in WRITTEN.items():
        for text in texts.split(", "):
            assert wide.conversion(wide.catalogue.analytes[id_], None, text) is not None, (id_, text)
    for id_, text in OTHER_KINDS:
        assert wide.conversion(wide.catalogue.analytes[id_], None, text) is None, (id_, text)


def test_groups_of_atc_have_its_form() -> None:
    """A letter, two digits, two letters, two digits, or the first of these."""
    lines = [line for held in FILES.values() for _, concept in _concepts(held) for line in _lines(concept)]
    form = re.compile("[A-Z][0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?")
    assert [line.code for line in lines if "atc" in line.systems and not form.fullmatch(line.code)] == []


def test_an_everyday_drug_is_of_its_classes(wide: Terminology) -> None:
    """By the group of ATC, and by RxNorm; a heading, and an eye drop, only may be."""
    atc, rxnorm = "http://www.whocc.no/atc", "http://www.nlm.nih.gov/research/umls/rxnorm"
    for concept, system, code, said in (
        ("beta-blocker", atc, "C07AB02", Membership.IS),
        ("beta-blocker", atc, "C", Membership.MAY_BE),
        ("beta-blocker", atc, "A10BA02", Membership.NOT),
        ("beta-blocker", rxnorm, "6918", Membership.IS),
        ("statin", atc, "C10BA02", Membership.IS),
        ("statin", rxnorm, "6918", Membership.NOT),
        ("antipsychotic", atc, "N05AN01", Membership.NOT),
        ("sglt2-inhibitor", atc, "A10BX12", Membership.MAY_BE),
        ("checkpoint-inhibitor", atc, "L01FF02", Membership.IS),
    ):
        assert wide.membership(concept, (Coding(system, code),)) is said, (concept, code)


def test_a_result_is_of_one_analyte(wide: Terminology) -> None:
    """No code is of two, of which one is of the wider catalogue.

    A class of tests holds those of others, and what is read as found or not is read in steps as well.
    """
    of_code: dict[Coding, list[str]] = {}
    for id_ in wide.catalogue.analytes.keys() - {"pathogen-test", "urine-protein-strip-grade"}:
        for each in wide.value_sets[id_].codes:
            of_code.setdefault(Coding(each.system, each.code), []).append(id_)
    twice = [ids for ids in of_code.values() if len(ids) > 1 and not wide_concepts().keys().isdisjoint(ids)]
    assert twice == []


def test_every_class_of_freshness_has_a_window(wide: Terminology) -> None:
    """A shipped policy's, or the file's own; and says what a new value takes."""
    setup = load_setup(SiteConfig(), None)
    for id_, analyte in wide.catalogue.analytes.items():
        assert analyte.freshness in {**wide.catalogue.freshness, **setup.policy.freshness}, id_
        assert analyte.freshness in wide.catalogue.efforts, id_


def test_shipped_trials_pay_for_none_of_it() -> None:
    """They are bound to the packaged terminology alone."""
    setup = load_setup(SiteConfig(), None)
    assert setup.terminology.value_sets.keys() & wide_concepts().keys() == set()
    assert setup.terminology.hash == load_terminology().hash


def test_a_trial_gets_what_it_names(tmp_path: Path) -> None:
    """With what that refers to, and nothing else; what is said of packaged concepts stays."""
    text = (HERE.parent / "trial" / "sixth.yaml").read_text(encoding="utf-8")
    (tmp_path / "sixth.yaml").write_text(text.replace("index: [aml]", "index: [heart-failure]"), encoding="utf-8")
    terminology = load_setup(SiteConfig(trials=tmp_path), None).terminology
    assert terminology.value_sets.keys() & {*wide_concepts(), "heart-failure-possible"} == {
        "heart-failure",
        "heart-failure-possible",
    }
    code = (Coding("http://hl7.org/fhir/sid/icd-10-cm", "I50.22"),)
    assert terminology.membership("heart-failure", code) is Membership.IS
    assert terminology.membership("myocardial-infarction", code) is Membership.NOT


def test_an_unknown_name_is_told_the_nearest_of_all(tmp_path: Path) -> None:
    """The wider catalogue's too."""
    text = (HERE.parent / "trial" / "sixth.yaml").read_text(encoding="utf-8")
    (tmp_path / "sixth.yaml").write_text(text.replace("index: [aml]", "index: [hart-failure]"), encoding="utf-8")
    with pytest.raises(DefinitionError, match="heart-failure"):
        load_setup(SiteConfig(trials=tmp_path), None)


def test_the_list_of_concepts_is_current() -> None:
    """`python -m mappings.terminology.listing` writes it."""
    assert FILE.read_text(encoding="utf-8") == listing()
