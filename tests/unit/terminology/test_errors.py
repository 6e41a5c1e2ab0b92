"""What is wrong in a file of the terminology is named with the file, the line, and what to do."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapter.criteria.calendar import duration
from adapter.criteria.value_set import ValueSet
from adapter.errors import DefinitionError
from mappings.terminology.catalogue import read_catalogue
from mappings.terminology.tables import read_systems, read_units, read_words
from mappings.terminology.value_set import BASE, CODE_SOURCE, read_value_set
from mappings.terminology.yaml_file import YamlFile, read_yaml

SOURCE = [{"url": CODE_SOURCE, "valueString": "some public file"}]
CATALOGUE = """\
analytes:
  lvef: {title: LVEF, scale: quantity, unit: "%", freshness: echo}
conditions:
  flu: {title: Influenza, may-be: [cold]}
exposures: {}
substances: {}
"""


def _value_set(**changes: object) -> bytes:
    include = [{"system": "http://loinc.org", "concept": [{"code": "1-8", "display": "One", "extension": SOURCE}]}]
    whole: dict[str, Any] = {
        "resourceType": "ValueSet",
        "id": "one",
        "url": f"{BASE}/ValueSet/one",
        "version": "1",
        "name": "One",
        "title": "One",
        "status": "active",
        "compose": {"include": include},
    }
    return json.dumps(whole | changes).encode()


def _include(**part: object) -> dict[str, object]:
    return {"include": [{"system": "http://loinc.org"} | part]}


VALUE_SETS = {
    "no source": (_include(concept=[{"code": "1-8", "display": "One"}]), "http://loinc.org|1-8 has no source"),
    "no display": (_include(concept=[{"code": "1-8"}]), "`display` - at `$.compose.include[0].concept[0]`"),
    "filter without source": (
        _include(filter=[{"property": "code", "op": "regex", "value": "C91.*"}]),
        "the filter C91.* has no source",
    ),
    "another filter": (
        _include(filter=[{"property": "parent", "op": "=", "value": "C91"}], extension=SOURCE),
        "at `$.compose.include[0].filter[0].property`",
    ),
    "no prefix": (
        _include(filter=[{"property": "code", "op": "regex", "value": "C9[12]"}], extension=SOURCE),
        "filter code regex C9[12]; write",
    ),
    "another value set": (_include(valueSet=["http://example.org/x"]), "`valueSet` - at `$.compose.include[0]`"),
    "nothing": ({"include": []}, "at `$.compose.include`"),
}


@pytest.mark.parametrize(("compose", "message"), VALUE_SETS.values(), ids=VALUE_SETS)
def test_a_value_set_is_refused(compose: dict[str, object], message: str) -> None:
    """Nothing in a value set is passed over: what isn't read is an error."""
    with pytest.raises(DefinitionError) as raised:
        read_value_set("one.json", _value_set(compose=compose))
    assert str(raised.value).startswith("one.json: ")
    assert message in str(raised.value)


def test_a_value_set_under_another_name() -> None:
    """Id, url and file name must agree, else a concept would find another's codes."""
    with pytest.raises(DefinitionError, match="must agree"):
        read_value_set("two.json", _value_set())
    with pytest.raises(DefinitionError, match="must agree"):
        read_value_set("one.json", _value_set(url="http://example.org/ValueSet/one"))


def test_a_prefix_and_its_exception() -> None:
    """Prefixes are read out of the regular expressions, exclusions beside them."""
    filters = [{"property": "code", "op": "regex", "value": r"C86\..*"}]
    compose = {
        "include": [{"system": "icd", "filter": filters, "extension": SOURCE}],
        "exclude": [{"system": "icd", "concept": [{"code": "C86.4", "display": "x"}], "extension": SOURCE}],
    }
    read = read_value_set("one.json", _value_set(compose=compose))
    assert [prefix.code for prefix in read.prefixes] == ["C86."]
    assert [prefix.code for prefix in read.excluded_prefixes] == ["C86.4"]


def test_descendants_are_left_to_a_server() -> None:
    """`is-a` says what a terminology server would expand; here the listed codes count."""
    filters = [{"property": "concept", "op": "is-a", "value": "1"}]
    read = read_value_set("one.json", _value_set(compose=_include(filter=filters, extension=SOURCE)))
    assert read.codes == read.prefixes == ()


YAML = {
    "not a mapping": ("- a", "f.yaml:1: the file must be a mapping"),
    "twice": ("a: 1\nb: 2\na: 3", "f.yaml:3: the key a stands twice (first in line 1)"),
    "syntax": ("a: [1, 2\nb: 3", "f.yaml:2: not readable as YAML"),
    "alias": ("a: &x [1]\nb: *x", "anchors and aliases are not used here"),
    "endless alias": ("a: &x [*x]", "anchors and aliases are not used here"),
    "key": ("? [a]\n: 1", "f.yaml:1: a key must be a word"),
    "control character": ("a: \x07", "f.yaml:1: not readable as YAML"),
}


@pytest.mark.parametrize(("text", "message"), YAML.values(), ids=YAML)
def test_yaml_is_refused(text: str, message: str) -> None:
    """What isn't plain YAML is named with its line."""
    with pytest.raises(DefinitionError) as raised:
        read_yaml("f.yaml", text)
    assert message in str(raised.value)


def test_scalars_stay_text() -> None:
    """`no`, `1.0` and a date mean what they say."""
    assert read_yaml("f.yaml", "a: [no, 1.0, 2026-06-01, '', ~]").content == {
        "a": ["no", "1.0", "2026-06-01", "", None]
    }


TABLES: dict[str, tuple[Callable[[YamlFile], object], str, str]] = {
    "unit with two meanings": (
        read_units,
        "common:\n  g/L: [a]\n  g/dL: [A]\nenzyme: {}",
        "f.yaml:3: common.g/dL[0]: ",
    ),
    "finding with two meanings": (
        read_words,
        "findings:\n  positive:\n    en: [so]\n  negative:\n    en: [So]",
        "so already means positive",
    ),
    "finding unheard of": (read_words, "findings:\n  maybe: {en: [so]}", "f.yaml:2: findings.maybe"),
    "system twice": (
        read_systems,
        "systems:\n  - {uri: a, title: A, source: s}\n  - {uri: b, title: B, source: s, others: [{uri: a, source: s}]}",
        "f.yaml:3: systems[1]: a is already a URI of a",
    ),
    "system without URI": (read_systems, "systems:\n  - {title: A}", "f.yaml:2: systems[0].uri: this key is missing"),
}


@pytest.mark.parametrize(("read", "text", "message"), TABLES.values(), ids=TABLES)
def test_a_table_is_refused(read: Callable[[YamlFile], object], text: str, message: str) -> None:
    """One text, one meaning."""
    with pytest.raises(DefinitionError) as raised:
        read(read_yaml("f.yaml", text))
    assert message in str(raised.value)


CATALOGUES = {
    "no value set of its own": ("lvef:", "lvsf:", "c.yaml:2: analytes.lvsf: no value set lvsf"),
    "no value set referred to": ("[cold]", "[colds]", "c.yaml:4: conditions.flu.may-be[0]: no value set colds"),
    "no unit": (', unit: "%"', "", "c.yaml:2: analytes.lvef: a quantity needs its canonical `unit`"),
    "scale": ("quantity", "amount", "c.yaml:2: analytes.lvef.scale: "),
    "key": ("may-be", "posible", "c.yaml:4: conditions.flu.posible: "),
    "alternative": (
        "scale:",
        "alternative: x, scale:",
        "c.yaml:2: analytes.lvef.alternative: no such concept: x; known",
    ),
    "duration": (
        "may-be: [cold]",
        "transient: 90 days",
        "c.yaml:4: conditions.flu.transient: '90 days' is no duration",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), CATALOGUES.values(), ids=CATALOGUES)
def test_a_catalogue_is_refused(old: str, new: str, message: str) -> None:
    """A concept that stands on nothing is named with its line."""
    text = CATALOGUE.replace(old, new)
    assert text != CATALOGUE
    with pytest.raises(DefinitionError) as raised:
        read_catalogue(read_yaml("c.yaml", text), {name: ValueSet(id=name) for name in ("lvef", "flu", "cold")})
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["P", "P0D", "P1Y6M", "PT1H", "P1.5D", "1D", "p1d", "P151Y", "P99999D", "", None, 30])
def test_a_duration_is_refused(text: object) -> None:
    """One number of one calendar unit, and no longer than a life."""
    with pytest.raises(ValueError, match=r"is no duration|longer than a life"):
        duration(text)
