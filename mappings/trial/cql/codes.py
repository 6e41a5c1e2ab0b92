"""The library EligibilityCodes: value sets, concepts, analytes and words of a terminology, as data in CQL."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import lcm

from adapter.criteria.calendar import Duration
from adapter.criteria.catalogue import (
    KINDS_OF_UNITS,
    Analyte,
    Bounds,
    Breadth,
    Catalogue,
    ConditionConcept,
    ListedConcept,
    Positivity,
)
from adapter.criteria.extent import Extent
from adapter.criteria.patterns import any_word, around, endings, whole_words
from adapter.criteria.quantity import Linear, Number, times
from adapter.criteria.sentence import NONE_A_DAY
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.told import results
from adapter.criteria.unit import temperatures
from adapter.criteria.value_set import CONCEPTS, Coding, ValueSet, inverted, plain_code
from adapter.criteria.written import TYPES, Writing
from adapter.record.values import supports
from mappings.trial.cql.functions import types
from mappings.trial.cql.text import boolean, comment, decimal, definition, duration, items, name, string

CODES = "EligibilityCodes"


def codes_library(terminology: Terminology, version: str) -> str:
    """The text of the library; the same terminology gives the same text."""
    sets = [held for _, held in sorted(terminology.value_sets.items())]
    catalogue, writing = terminology.catalogue, terminology.writing
    named = sorted(results(terminology).items())
    parts = [
        comment("The codes that eligibility criteria are written with; generated, don't edit."),
        f"library {CODES} version {string(version)}",
        _table("Value Sets", _by_code((held.id, _whole(held)) for held in sets)),
        _table("Beginnings", _by_code((held.id, held.prefixes) for held in sets)),
        _table("Exceptions", _by_code((held.id, held.excluded_prefixes) for held in sets)),
        _table("Local Codes", _local(terminology.local_maps)),
        *(_concept(each, terminology) for _, each in sorted(catalogue.listed.items())),
        _singles(catalogue.conditions),
        *(_analyte(each, catalogue) for _, each in sorted(catalogue.analytes.items())),
        _table("Other URIs", _aliases(terminology.systems)),
        _table("Clinical Words", _statuses("clinical", terminology.status_words)),
        _table("Verification Words", _statuses("verification", terminology.status_words)),
        *(
            _table(f"{kind.capitalize()} Words", _statuses(kind, terminology.status_words))
            for kind in ("severity", "stage", "grade", "abatement")
        ),
        _table("Route Words", _routes(terminology)),
        _table("Findings", sorted(writing.findings.items())),
        _table("Sexes", sorted(writing.sexes.items())),
        _table("Severities", sorted(writing.severities.items())),
        _table("Normal Ranges", [(each, "normal") for each in sorted(writing.normal)]),
        _table("Anaphylaxis", [(each, "severe") for each in sorted(writing.anaphylaxis)]),
        _table("Placeholder Dates", [(each, "none") for each in sorted(writing.placeholder_dates)]),
        definition(name("Unusable"), _any_word(writing.unusable, writing.not_unusable, writing.not_unusable_behind)),
        definition(name("No Result"), _any_word(writing.no_result, writing.not_unusable)),
        definition(name("Explained"), _any_word(writing.explained, writing.not_unusable)),
        definition(name("Of Others"), _any_word(writing.of_others)),
        definition(name("Of Donors"), _any_word(writing.of_donors)),
        definition(name("Donated"), string(any_word(writing.donated).pattern)),
        definition(name("Grave"), _any_word(writing.grave)),
        definition(name("Unsupported"), string(writing.unsupported_pattern)),
        definition(name("Says Unsupported"), string(f"^.*(?:{writing.unsupported_pattern}).*$")),
        definition(name("Says No"), string(_answer(writing, "negative"))),
        *_treatments(catalogue, writing),
        definition(name("Typed"), string(_typed(catalogue, writing))),
        _table("Too Little", [(each, "less") for each in sorted(writing.too_little)]),
        _table("Not Blood", [(each, "other") for each in sorted(writing.not_blood)]),
        _table("Of Blood", [(each, "blood") for each in sorted(writing.of_blood)]),
        _table("Of Arteries", [(each, "arteries") for each in sorted(writing.of_arteries)]),
        definition(name("Venous"), _any_word(writing.venous)),
        _table("Otherwise", [(of, f"^.*{said.pattern}.*$") for of, said in sorted(writing.otherwise.items())]),
        definition(name("Bloodless"), _holding(writing.bloodless)),
        _table("Result Names", ((" ".join(words), " ".join(sorted(of))) for words, of in named)),
        definition(name("Beside Names"), _lines(sorted(terminology.writing.beside_names))),
        _table("Supports", [(said, min(of)) for said, of in sorted(supports(terminology).items())]),
        definition(name("Halted"), _any_word(writing.halted, writing.not_unusable)),
        definition(name("Not Given"), _any_word(writing.not_given, writing.not_unusable)),
        definition(name("Never Before"), string(any_word(writing.never_before).pattern)),
        definition(name("Delabelled"), _any_word(writing.delabelled, writing.not_unusable)),
        definition(name("Revised"), _any_word(writing.revised, writing.not_unusable)),
        definition(name("None A Day"), string(f"^.*{NONE_A_DAY.pattern}.*$")),
        definition(name("Preventive"), string(f"^.*(?:{writing.preventive_pattern}).*$")),
        definition(name("Therapeutic"), _any_word(writing.therapeutic)),
        definition(name("Allergic"), string(f"^.*{endings(writing.allergic)}.*$")),
        *(
            definition(name(said.capitalize()), _around(*words, writing.markers))
            for said, words in sorted(writing.turned.items())
        ),
        definition(name("Turned Codes"), _lines(_turned(terminology))),
        _table("Drug Names", _drugs(terminology)),
        definition(name("No Drugs"), _lines(sorted({n for each in catalogue.exposures.values() for n in each.absent}))),
        *(
            _table(f"{kind.capitalize()} Units".lstrip(), _units(terminology.unit_synonyms, kind))
            for kind in ("", *KINDS_OF_UNITS)
        ),
        _table("Answer Numbers", _answers(terminology.value_sets.values())),
    ]
    return "\n\n".join(parts) + "\n"


def concept(concept_id: str) -> str:
    """The name of what is known of a concept of the lists."""
    return f"Codes.{name(f'{concept_id} concept')}"


def analyte(concept_id: str) -> str:
    """The name of what is known of an analyte."""
    return f"Codes.{name(f'{concept_id} analyte')}"


def _lines(lines: Iterable[str]) -> str:
    """Lines in one string, each between line ends: one literal compiles a hundred times faster than a list does."""
    written = "".join(f"{string(line)[1:-1]}\n" for line in lines)
    return f"'\n{written}'"


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of lines `key = value`, as the function `Lookup` reads it."""
    return definition(name(title), _lines(f"{key} = {value}" for key, value in rows))


def _token(code: Coding) -> str:
    """`system|code`, the code as it is compared."""
    return f"{code.system}|{plain_code(code.system, code.code)}"


def _whole(held: ValueSet) -> tuple[Coding, ...]:
    """The listed codes, and our own for the concept itself."""
    return (*held.codes, Coding(CONCEPTS, held.id))


def _by_code(sets: Iterable[tuple[str, tuple[Coding, ...]]]) -> list[tuple[str, str]]:
    """Code -> the value sets that hold it."""
    return sorted((f"{system}|{code}", " ".join(sorted(ids))) for (system, code), ids in inverted(sets).items())


def _local(maps: Mapping[tuple[str, str], tuple[Coding, ...]]) -> Iterator[tuple[str, str]]:
    """A site's own code -> the codes that it stands for; what a map says of a code is all that it is."""
    for key, targets in sorted(maps.items()):
        yield _token(Coding(*key)), " ".join(_token(target) for target in targets)


def _concept(held: ListedConcept, terminology: Terminology) -> str:
    """How entries of a list are classified by a concept (CONFORMANCE: Codes), and how long a diagnosis stands.

    Of a code system that the site has imported a release of, only what is listed is something else: what else the
    release tells apart has no room here.
    """
    extent = terminology.extent(held.id)
    condition = held if isinstance(held, ConditionConcept) else ConditionConcept(id=held.id, title=held.title)
    fields = {
        "id": string(held.id),
        "mayBe": _lines(sorted(extent.may_be)),
        "elsewhere": _lines(sorted(extent.elsewhere)),
        "others": string(extent.others),
        "open": _lines(_open(extent, terminology)),
        "exhaustive": _lines(sorted(extent.exhaustive - terminology.known.keys())),
        "heads": _lines(sorted({f"{system}|{head}" for system, head in extent.heads})),
        "absent": _lines(held.absent),
        "whole": boolean(value=held.breadth is Breadth.ENTITY),
        "lasts": boolean(value=condition.lasts),
        "stands": _optional_duration(condition.transient),
        "passes": _passes(condition.passing),
    }
    return definition(name(f"{held.id} concept"), _tuple(fields))


def _open(extent: Extent, terminology: Terminology) -> list[str]:
    """The common other codes that may be the concept all the same, and a code system whose codes all may."""
    others = terminology.value_sets.get(extent.others)
    if extent.unseen is None or others is None:
        return []
    systems = extent.unseen.systems
    open_ = {
        _token(code)
        for code in others.codes
        if code.system not in systems and terminology.membership(extent.id, (code,)) is Membership.UNCLASSIFIED
    }
    return sorted(open_ | systems)


def _passes(passing: Mapping[str, Duration]) -> str:
    if not passing:
        return "List<Tuple { set String, stands System.Quantity }>{}"
    return items(_tuple({"set": string(held), "stands": duration(stands)}) for held, stands in passing.items())


def _singles(conditions: Mapping[str, ConditionConcept]) -> str:
    """The diagnoses that are one disease each."""
    ids = sorted(name for name, held in conditions.items() if held.breadth is Breadth.ENTITY)
    return definition(name("Single Diseases"), items(name(f"{each} concept") for each in ids))


def _analyte(held: Analyte, catalogue: Catalogue) -> str:
    fields = {
        "scale": string(held.scale.value),
        "unit": "null as String" if held.unit is None else string(held.unit),
        "mass": _optional_decimal(held.molar_mass),
        "charge": _optional_decimal(Decimal(held.charge) if held.charge else None),
        "formulas": _formulas(held),
        "enzyme": boolean(value=held.enzyme),
        "percent": boolean(value=held.percent),
        "infection": boolean(value=catalogue.tests_infection(held.id)),
        "positivity": string(held.positivity.value),
        "negativeBelow": _optional_decimal(held.negative_below),
        **_bounds("value", held.plausible),
        **_bounds("lower", held.plausible_lower),
        **_bounds("upper", held.plausible_upper),
    }
    return definition(name(f"{held.id} analyte"), _tuple(fields))


def _formulas(held: Analyte) -> str:
    """Units that convert by a formula: a number times `factor`, plus `offset`, by `divisor`.

    What differs by less than half of `nearOwn` (of a bound in the unit) or `near` (of one in the canonical unit) is as
    good as equal.
    """
    rows = []
    for unit, linear in temperatures(held.unit).items():
        rows.append(_formula(unit, linear, None, None))
    for unit, each in held.conversions.items():
        own, near = each.steps
        rows.append(_formula(unit, each.linear, _exact(times(own, each.linear.factor)), near))
    return items(rows) if rows else f"List<{types()['UnitFormula']}>{{}}"


def _exact(number: Number) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(number.numerator) / Decimal(number.denominator)


def _formula(unit: str, linear: Linear, own: Decimal | None, near: Decimal | None) -> str:
    factor, offset = Fraction(linear.factor), Fraction(linear.offset or 0)
    divisor = lcm(factor.denominator, offset.denominator)
    numbers = {"factor": factor * divisor, "offset": offset * divisor, "divisor": Fraction(divisor)}
    fields = {name: decimal(Decimal(int(number))) for name, number in numbers.items()}
    return _tuple({"unit": string(unit), **fields, "nearOwn": _optional_decimal(own), "near": _optional_decimal(near)})


def _bounds(of: str, held: Bounds | None) -> dict[str, str]:
    """What is possible, from and to."""
    return {
        f"{of}From": _optional_decimal(held.low if held else None),
        f"{of}To": _optional_decimal(held.high if held else None),
    }


def _tuple(fields: Mapping[str, str]) -> str:
    return f"Tuple {{ {', '.join(f'{field}: {value}' for field, value in fields.items())} }}"


def _optional_decimal(held: Decimal | None) -> str:
    return "null as Decimal" if held is None else decimal(held)


def _optional_duration(held: Duration | None) -> str:
    return "null as System.Quantity" if held is None else duration(held)


def _aliases(systems: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((other, uri) for other, uri in sorted(systems.items()) if other != uri)


def _statuses(kind: str, words: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, str]]:
    return ((word, status) for (of, word), status in sorted(words.items()) if of == kind)


def _routes(terminology: Terminology) -> Iterator[tuple[str, str]]:
    """What words name a route that is systemic, or is not; of other routes nothing is known."""
    for word, route in _statuses("route", terminology.status_words):
        first = terminology.codes(route)[0]
        for held in terminology.value_sets_of(first.system, first.code) or ():
            if held in ("route-systemic", "route-other"):
                yield word, held


def _any_word(words: Iterable[str], denied: Iterable[str] = (), behind: Iterable[str] = ()) -> str:
    """A pattern of texts that hold one of the words, not denied, as a whole word; of none where there are no words."""
    return _holding(whole_words(words, denied, behind))


def _holding(held: str) -> str:
    """A pattern of texts that hold what another one finds; of none where that is empty."""
    return string(f"^.*{held}.*$") if held else "null as String"


def _treatments(catalogue: Catalogue, writing: Writing) -> Iterator[str]:
    """Patterns of notes that name what raises an analyte, and of the analyte's own names."""
    raised = [each for _, each in sorted(catalogue.analytes.items()) if each.raised_by]
    for treatment in sorted({support.analyte for each in raised for support in each.raised_by}):
        yield definition(name(f"{treatment} Named"), _any_word(writing.names.get(treatment, ())))
    for each in raised:
        yield definition(name(f"{each.id} Names"), string(any_word(writing.names.get(each.id, ())).pattern))


def _answer(writing: Writing, finding: str) -> str:
    """A pattern of texts that are one of the answers to a question."""
    said = "|".join(re.escape(each) for each, found in sorted(writing.answers.items()) if found == finding)
    return f"^(?:{said or '(?!)'})$"


def _typed(catalogue: Catalogue, writing: Writing) -> str:
    """A pattern of texts that name a type of what was found, after the name of an analyte that asks for one."""
    asking = sorted(id_ for id_, each in catalogue.analytes.items() if each.positivity is Positivity.TYPED)
    called = "|".join(re.escape(each) for id_ in asking for each in writing.names.get(id_, ()))
    return f"^(?:(?:{called}) ?[:=]? ?)?{TYPES.pattern}$"


_WORD = r"0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u3040-\ud7ff"
"""What a sign of a word is, in any script: to most engines it is one of ASCII."""


def _around(before: frozenset[str], behind: frozenset[str], markers: frozenset[str]) -> str:
    """A pattern of texts that words before or behind a name turn round; of none where there are no words."""
    patterns = around(before, behind, markers)
    begins, ends = (each.replace(r"\w", f"[{_WORD}]").replace(r"\W", f"[^{_WORD}]") for each in patterns)
    whole = [f"{begins}.*$"] if begins else []
    whole += [f"^.*{ends}"] if ends else []
    return string("|".join(whole)) if whole else "null as String"


def _turned(terminology: Terminology) -> list[str]:
    """The codes that the terminology itself calls by such words."""
    held = {code for each in terminology.value_sets.values() for code in (*each.prefixes, *each.codes)}
    called = ((code, terminology.display(code.system, code.code)) for code in held)
    turns = terminology.writing.turns
    return sorted({f"{code.system}|{code.code}" for code, words in called if words and turns(words)})


def _units(synonyms: Mapping[str, str], of_kind: str) -> Iterator[tuple[str, str]]:
    for text, unit in sorted(synonyms.items()):
        kind, colon, own = text.partition(":")
        own, kind = (own, kind) if colon and kind in KINDS_OF_UNITS else (text, "")
        if kind == of_kind:
            yield own, unit


_ATC, _ONE_DRUG = "http://www.whocc.no/atc", 7
"""The length of an ATC code that names one drug."""


def _drugs(terminology: Terminology) -> Iterator[tuple[str, str]]:
    """ATC codes of single drugs and what they are called."""
    held = {code for each in terminology.value_sets.values() for code in each.codes if len(code.code) == _ONE_DRUG}
    for code in sorted(code for code in held if code.system == _ATC):
        if called := terminology.display(code.system, code.code):
            yield _token(code), called.casefold()


def _answers(value_sets: Iterable[ValueSet]) -> list[tuple[str, str]]:
    numbers = {f"{system}|{code}": number for held in value_sets for (system, code), number in held.ordinals.items()}
    return [(key, decimal(number)) for key, number in sorted(numbers.items())]
