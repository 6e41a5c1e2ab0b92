"""formulas.yaml: what doesn't fit the catalogue is named with its line."""

from importlib.resources import files

import pytest

from adapter.errors import DefinitionError
from mappings.terminology import load_terminology
from mappings.terminology.catalogue import read_concepts, with_formulas
from mappings.terminology.concept_forms import read_formulas
from mappings.terminology.ucum import unit_factor
from mappings.terminology.wide import field_files, with_wide
from mappings.terminology.yaml_file import read_yaml

FORMULA = """\
bmi-again:
  title: weight by height squared
  source: nobody
  gives: bmi
  unit: kg/m2
  inputs: {weight: {analyte: body-weight, unit: kg}, height: {analyte: body-height, unit: m}}
  value: weight / height ** 2
"""
WRONG = [
    ("gives: bmi", "gives: bmj", r"f\.yaml:4: bmi-again\.gives: no analyte bmj; did you mean 'bmi'"),
    ("gives: bmi", "gives: ecog", r"f\.yaml:4: bmi-again\.gives: kg/m2 does not convert to 1, the unit of ecog"),
    ("gives: bmi", "gives: hbsag", r"hbsag is a finding, and no number"),
    ("unit: m}", "unit: s}", r"f\.yaml:6: bmi-again\.inputs\.height: s does not convert to cm"),
    (
        "weight / height",
        "weight / hight",
        r"f\.yaml:7: bmi-again\.value: hight is none of the inputs; did you mean 'height'",
    ),
    ("weight / height ** 2", "weight", r"height is given, and the value doesn't ask for it"),
    ("weight / height ** 2", "weight @ height", r"is not understood; write numbers, names"),
    ("  value:", "  female: {f: 1}\n  value:", r"female and male name the same numbers|f is given"),
    ("body-weight", "body-wait", r"no analyte body-wait; did you mean 'body-weight'"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_what_is_wrong_is_named(old: str, new: str, said: str) -> None:
    """Analytes, units, names and expressions are checked when a file is read."""
    with pytest.raises(DefinitionError, match=said):
        read_formulas(read_yaml("f.yaml", FORMULA.replace(old, new)), load_terminology().catalogue, unit_factor)


def test_a_formula_of_a_site_is_read() -> None:
    """By the analyte that it gives."""
    found = read_formulas(read_yaml("f.yaml", FORMULA), load_terminology().catalogue, unit_factor)
    assert [formula.id for formula in found["bmi"]] == ["bmi-again"]


def test_the_shipped_formulas_fit_their_analytes() -> None:
    """Looked at here with all their units, since that takes too long at every start."""
    file = read_yaml("formulas.yaml", (files("mappings.terminology") / "formulas.yaml").read_text(encoding="utf-8"))
    assert read_formulas(file, load_terminology().catalogue, unit_factor)


def test_formulas_of_the_wider_catalogue_fit_their_analytes() -> None:
    """Those that stand with an analyte, with all their units too."""
    files_ = [read_concepts(read_yaml(name, text)) for name, text in field_files().items()]
    named = [id_ for held in files_ for id_, each in held.form.analytes.items() if each.formulas]
    found = with_formulas(with_wide(load_terminology(), named).catalogue, files_, unit_factor)
    assert named
    assert found.formulas.keys() >= set(named)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[heart-failure]", "[heart-failur]", "no such concept: heart-failur; did you mean 'heart-failure'"),
        ("failure + pressure", "failure + presure", "presure is none of the inputs; did you mean 'pressure'"),
        ("  value: failure", "  where: {more: failure + less}\n        value: failure", "less is none of the inputs"),
        ("+ diabetes", "", "diabetes is given, and the value doesn't ask for it"),
    ],
)
def test_what_is_wrong_with_a_score_is_named(old: str, new: str, said: str) -> None:
    """What counts while it is on record is a concept, and asked for."""
    text = field_files()["fields/derived-scores.yaml"]
    found = with_wide(load_terminology(), ["cha2ds2-vasc", "child-pugh", "meld", "meld-na", "homa-ir"])
    with pytest.raises(DefinitionError, match=said):
        with_formulas(found.catalogue, [read_concepts(read_yaml("f.yaml", text.replace(old, new)))], None)
