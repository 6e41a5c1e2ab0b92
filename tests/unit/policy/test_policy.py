"""A site's policy: what it says goes before what it extends."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.policy import Policy
from adapter.errors import UsageError
from mappings.policies.form import SCHEMA_FILE, schema_text
from mappings.policy import freshness_classes, load_policy, shipped_names
from mappings.terminology import load_terminology

Load = Callable[..., Policy]


def test_the_shipped_policies() -> None:
    """Two are shipped, and each goes by the name of its file."""
    assert shipped_names() == ("problem-list", "strict")
    assert [load_policy(name).id for name in shipped_names()] == list(shipped_names())


def test_strict_assumes_nothing() -> None:
    """The default policy takes nothing as absent, waives nothing and has no end."""
    strict = load_policy("strict")
    assert strict.assumed_absent == frozenset()
    assert strict.waive_unmapped is False
    assert strict.normal_limits == {}
    assert strict.pregnancy_ruled_out_from is None
    assert strict.pregnancy_ruled_out_by == ()
    assert strict.until is None
    assert strict.time_zone.key == "UTC"


def test_strict_has_a_window_for_every_class_of_data() -> None:
    """A class without a window would make every verdict on it unknown."""
    assert set(load_policy("strict").freshness) == freshness_classes(load_terminology().catalogue)


def test_the_problem_list_is_never_trusted_for_what_it_rarely_holds() -> None:
    """Infections, viruses, pregnancy and everything given or done stay open."""
    assumed = load_policy("problem-list").assumed_absent
    catalogue = load_terminology().catalogue
    assert "atrial-fibrillation" in assumed
    assert not assumed & {"infection", "hepatitis-b", "hepatitis-c", "hiv", "syphilis", "pregnancy", "breast-feeding"}
    assert not assumed & set(catalogue.exposures)


def test_a_policy_stands_on_strict(policy: Load) -> None:
    """What a site leaves out comes from the shipped default."""
    site = policy("id: site\nfreshness: {laboratory: P7D}\n")
    assert site.freshness["laboratory"] == Duration(7, CalendarUnit.DAY)
    assert site.freshness["virology"] == load_policy("strict").freshness["virology"]
    assert site.antigen_cutoff == Decimal(20)


def test_a_policy_extends_another(policy: Load) -> None:
    """Windows merge key by key, a list replaces the list."""
    site = policy(
        "id: site\nextends: base.yaml\nassumed-absent: [dementia]\nfreshness: {virology: P10D}\n",
        base="id: base\nextends: problem-list\ntime-zone: Europe/Berlin\nfreshness: {laboratory: P9D}\n",
    )
    assert site.assumed_absent == {"dementia"}
    assert site.time_zone.key == "Europe/Berlin"
    assert site.freshness["laboratory"] == Duration(9, CalendarUnit.DAY)
    assert site.freshness["virology"] == Duration(10, CalendarUnit.DAY)


def test_everything_that_a_policy_can_say(policy: Load) -> None:
    """Each key arrives where the core reads it."""
    site = policy(
        "id: site\ntitle: Ours\nwaive-unmapped: true\nantigen-cutoff: 12.5\nuntil: 2026-12-31\n"
        "pregnancy-ruled-out: {from-age: P60Y, procedures: [hysterectomy]}\n"
    )
    assert site.title == "Ours"
    assert site.waive_unmapped is True
    assert site.antigen_cutoff == Decimal("12.5")
    assert site.until == date(2026, 12, 31)
    assert site.pregnancy_ruled_out_from == Duration(60, CalendarUnit.YEAR)
    assert site.pregnancy_ruled_out_by == ("hysterectomy",)


def test_the_keys_of_the_first_version_are_still_read(policy: Load, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning that names file, line and the new key; the policy and its hash are the same."""
    new = policy("id: site\ntime-zone: Europe/Berlin\npregnancy-ruled-out:\n  from-age: P60Y\n")
    assert not caplog.records
    old = policy("id: site\ntimeZone: Europe/Berlin\npregnancyRuledOut:\n  fromAge: P60Y\n")
    assert old == new
    told = [record.getMessage().partition("site.yaml:")[2] for record in caplog.records]
    assert [text.split(" from now")[0] for text in told] == [
        "2: the key timeZone is written time-zone",
        "3: the key pregnancyRuledOut is written pregnancy-ruled-out",
        "4: the key fromAge is written from-age",
    ]


def test_normal_limits_are_converted_exactly(policy: Load) -> None:
    """Limits come in the unit of the site's laboratory; a float or a rounded decimal would move the border."""
    site = policy(
        "id: site\nnormal-limits:\n"
        "  creatinine: {upper: 1.2, unit: mg/dL}\n"
        "  alt: {lower: 5, upper: 40}\n"
        "  ast: {upper: 0.6, unit: ukat/L}\n"
    )
    assert site.normal_limits["creatinine"].upper == Fraction(1200000, 11312)
    assert site.normal_limits["alt"].lower == 5
    assert site.normal_limits["alt"].upper == 40
    assert site.normal_limits["ast"].upper == 36


def test_local_codes(policy: Load, tmp_path: Path) -> None:
    """ConceptMaps stand beside the policy, also in a folder of their own; maps of the base stay."""
    for name, code in (("own/a.json", "A"), ("b.json", "B")):
        target = {"code": "718-7", "equivalence": "equal"}
        group = {"source": "urn:x", "target": "http://loinc.org", "element": [{"code": code, "target": [target]}]}
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"resourceType": "ConceptMap", "group": [group]}), encoding="utf-8")
    site = policy("id: site\nextends: base.yaml\nlocal-codes: [own/a.json]\n", base="id: base\nlocal-codes: [b.json]\n")
    bound = load_terminology().with_local_maps(site.local_maps)
    for code in "AB":
        assert bound.value_sets_of("urn:x", code) == frozenset({"haemoglobin"})


def test_the_hash_names_what_is_said(policy: Load) -> None:
    """Layout, comments, order and files don't matter; what is said does."""
    one = policy("id: site\nassumed-absent: [dementia, epilepsy]\nfreshness: {laboratory: P7D}\n")
    same = policy(
        "# ours\nid: site\nextends: base.yaml\nassumed-absent:\n  - epilepsy\n  - dementia\n",
        base="id: base\nfreshness: {laboratory: P7D}\n",
    )
    other = policy("id: site\nassumed-absent: [dementia]\nfreshness: {laboratory: P7D}\n")
    assert one.hash == same.hash
    assert one.hash != other.hash
    assert len(one.hash) == 64


def test_the_schema_is_the_published_one() -> None:
    """`python -m mappings.policies.form` writes it anew."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("name", ["lenient", "../strict", "strict.yaml", "", "/"])
def test_no_such_policy(name: str) -> None:
    """A name that is neither shipped nor a file is a usage error that lists the names."""
    with pytest.raises(UsageError, match="problem-list, strict"):
        load_policy(name)
