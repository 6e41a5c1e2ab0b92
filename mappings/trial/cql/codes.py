"""The library EligibilityCodes: value sets, analytes, synonyms and units of a terminology, as data in CQL."""

import re
from collections.abc import Iterable, Iterator, Mapping

from adapter.criteria.catalogue import Analyte
from adapter.criteria.terminology import ICD_SYSTEMS, Coding, Terminology, ValueSet
from mappings.trial.cql.text import boolean, comment, decimal, definition, name, string

CODES = "EligibilityCodes"
_ENZYME = "enzyme:"


def codes_library(terminology: Terminology, version: str) -> str:
    """The text of the library; the same terminology gives the same text."""
    local = {_token(Coding(*key)): terminology.value_sets_of(*key) or frozenset() for key in terminology.local_maps}
    parts = [
        comment("The codes that eligibility criteria are written with; generated, don't edit."),
        f"library {CODES} version {string(version)}",
        *(_value_set(each, local) for _, each in sorted(terminology.value_sets.items())),
        *(_analyte(each) for _, each in sorted(terminology.catalogue.analytes.items())),
        _table("Other URIs", _aliases(terminology.systems)),
        _table("Findings", sorted(terminology.writing.findings.items())),
        _table("Units", _units(terminology.unit_synonyms, enzyme=False)),
        _table("Enzyme Units", _units(terminology.unit_synonyms, enzyme=True)),
        _table("Answer Numbers", _answers(terminology.value_sets.values())),
    ]
    return "\n\n".join(parts) + "\n"


def code_set(concept: str) -> str:
    """The name of a concept's value set in other libraries."""
    return f"Codes.{name(concept)}"


def analyte(concept: str) -> str:
    """The name of what is known of an analyte."""
    return f"Codes.{name(f'{concept} analyte')}"


def _value_set(held: ValueSet, local: Mapping[str, frozenset[str]]) -> str:
    """Its codes, and the site's own that stand for one of them; what a map says of a code is all that it is.

    `local`: a site's code -> the value sets that it is in.
    """
    elsewhere = sorted(token for token, sets in local.items() if held.id not in sets)
    tokens = dict.fromkeys((*map(_token, held.codes), *sorted(local)))
    listed = _lines(each for each in tokens if held.id in local.get(each, (held.id,)))
    began = tuple(map(_token, held.prefixes))
    excepted = _pattern(held.excluded_prefixes, [each for each in elsewhere if each.startswith(began)])
    beginning = _pattern(held.prefixes)
    return definition(name(held.id), f"Tuple {{ codes: {listed}, beginning: {beginning}, except: {excepted} }}")


def _lines(lines: Iterable[str]) -> str:
    """Lines in one string, each between line ends: one literal compiles a hundred times faster than a list does."""
    written = "".join(f"{string(line)[1:-1]}\n" for line in lines)
    return f"'\n{written}'"


def _token(code: Coding) -> str:
    """`system|code`; the dots of ICD codes don't matter, so they are left out."""
    plain = code.code.replace(".", "").upper() if code.system in ICD_SYSTEMS else code.code
    return f"{code.system}|{plain}"


def _pattern(prefixes: Iterable[Coding], whole: Iterable[str] = ()) -> str:
    """What the tokens of a classification begin with, and whole ones."""
    heads = "|".join(re.escape(_token(each)) for each in prefixes)
    held = [*([f"({heads}).*"] if heads else ()), *map(re.escape, whole)]
    return string(f"^({'|'.join(held)})$") if held else "null as String"


def _analyte(held: Analyte) -> str:
    fields = {
        "scale": string(held.scale.value),
        "unit": "null as String" if held.unit is None else string(held.unit),
        "mass": "null as Decimal" if held.molar_mass is None else decimal(held.molar_mass),
        "enzyme": boolean(value=held.enzyme),
        "positivity": string(held.positivity.value),
    }
    written = ", ".join(f"{field}: {value}" for field, value in fields.items())
    return definition(name(f"{held.id} analyte"), f"Tuple {{ {written} }}")


def _aliases(systems: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((other, uri) for other, uri in sorted(systems.items()) if other != uri)


def _units(synonyms: Mapping[str, str], *, enzyme: bool) -> Iterator[tuple[str, str]]:
    for text, unit in sorted(synonyms.items()):
        if text.startswith(_ENZYME) is enzyme:
            yield text.removeprefix(_ENZYME), unit


def _answers(value_sets: Iterable[ValueSet]) -> list[tuple[str, str]]:
    numbers = {f"{system}|{code}": number for held in value_sets for (system, code), number in held.ordinals.items()}
    return [(key, decimal(number)) for key, number in sorted(numbers.items())]


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of lines `key = value`, as the function `Lookup` reads it."""
    return definition(name(title), _lines(f"{key} = {value}" for key, value in rows))
