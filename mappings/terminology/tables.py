"""systems.yaml, units.yaml, findings.yaml, statuses.yaml and history.yaml -> plain look-up tables."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, RootModel

from adapter.criteria.catalogue import KINDS_OF_UNITS
from adapter.criteria.patterns import any_word
from adapter.criteria.sentence import Denials, Words, folded, folded_words
from adapter.criteria.unit import unit_key
from adapter.criteria.written import Telling, Writing, plain
from mappings.terminology.codes import Systems
from mappings.terminology.yaml_file import STRICT, Flag, Form, YamlFile


def _alias(written: object) -> object:
    return {"uri": written} if isinstance(written, str) else written


class _Alias(Form):
    uri: str
    source: str = ""


class _System(Form):
    uri: str
    name: str = ""
    title: str = ""
    source: str = ""
    classification: Flag = False
    others: tuple[Annotated[_Alias, BeforeValidator(_alias)], ...] = ()


class _Systems(Form):
    systems: tuple[_System, ...]


class _Units(Form):
    common: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    enzyme: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    cells: dict[str, tuple[str, ...]] = Field(default_factory=dict)


_Meanings = Literal["positive", "negative"]


class _Around(BaseModel):
    model_config = STRICT
    before: dict[str, tuple[str, ...]] = {}
    behind: dict[str, tuple[str, ...]] = {}


class _Beside(BaseModel):
    model_config = STRICT
    names: tuple[str, ...]
    words: tuple[str, ...]
    up_to: Decimal | None = Field(None, alias="up-to")
    normal: tuple[str, ...] = ()


class _Denied(BaseModel):
    model_config = STRICT
    before: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    at_end: tuple[str, ...] = Field((), alias="at-end")
    marked: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    others_behind: tuple[str, ...] = Field((), alias="others-behind")
    of_drugs: tuple[str, ...] = Field((), alias="of-drugs")
    positive: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    of_it: tuple[str, ...] = Field((), alias="of-it")
    reporting: tuple[str, ...] = ()
    allergic: tuple[str, ...] = ()

    def table(self) -> Denials:
        """The same as folded words."""
        return Denials(
            before=_phrases(self.before),
            behind=_phrases(self.behind),
            alone=_phrases(self.alone),
            at_end=_phrases(self.at_end),
            marked=_folded(self.marked),
            others=_phrases(self.others),
            others_behind=_phrases(self.others_behind),
            of_drugs=_phrases(self.of_drugs),
            positive=_phrases(self.positive),
            stops=_folded(self.stops),
            joins=_folded(self.joins),
            but=_folded(self.but),
            never=_folded(self.never),
            tests=_folded(self.tests),
            lasting=_folded(self.lasting),
            of_it=_folded(self.of_it),
            reporting=_folded(self.reporting),
            allergic=_folded(self.allergic),
        )


def _phrases(texts: tuple[str, ...]) -> frozenset[Words]:
    return frozenset(folded_words(each) for each in texts)


def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(folded(each) for each in words)


class _Told(BaseModel):
    model_config = STRICT
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    says: tuple[str, ...] = ()

    def table(self) -> Telling:
        """The words as texts are compared with them."""
        return Telling(
            names=_plain(self.names),
            units=self.units,
            others=_plain(self.others),
            beside=_plain(self.beside),
            about=_folded(self.about),
            worse=_plain(self.worse),
            says=self.says,
        )


class _Words(BaseModel):
    model_config = STRICT
    findings: dict[_Meanings, dict[str, tuple[str, ...]]] = {}
    answers: dict[_Meanings, tuple[str, ...]] = {}
    too_little: tuple[str, ...] = Field((), alias="too-little")
    flags: dict[_Meanings, tuple[str, ...]] = {}
    number_flags: tuple[str, ...] = Field((), alias="number-flags")
    subjects: tuple[str, ...] = ()
    comparators: dict[Literal["<", "<=", ">", ">="], tuple[str, ...]] = {}
    names: dict[str, tuple[str, ...]] = {}
    numbers: dict[str, dict[str, Decimal]] = {}
    in_sentences: dict[str, _Told] = Field({}, alias="in-sentences")
    results: dict[str, tuple[str, ...]] = {}
    beside_names: tuple[str, ...] = Field((), alias="beside-names")
    unusable: tuple[str, ...] = ()
    not_unusable: tuple[str, ...] = Field((), alias="not-unusable")
    not_unusable_behind: tuple[str, ...] = Field((), alias="not-unusable-behind")
    no_result: tuple[str, ...] = Field((), alias="no-result")
    explained: tuple[str, ...] = ()
    of_others: tuple[str, ...] = Field((), alias="of-others")
    of_donors: tuple[str, ...] = Field((), alias="of-donors")
    donated: tuple[str, ...] = ()
    kinds_of_donors: tuple[str, ...] = Field((), alias="kinds-of-donors")
    not_blood: tuple[str, ...] = Field((), alias="not-blood")
    beside_specimen: tuple[str, ...] = Field((), alias="beside-specimen")
    of_blood: tuple[str, ...] = Field((), alias="of-blood")
    of_arteries: tuple[str, ...] = Field((), alias="of-arteries")
    venous: tuple[str, ...] = ()
    otherwise: dict[str, tuple[str, ...]] = {}
    normal: tuple[str, ...] = ()
    sexes: dict[Literal["female", "male"], tuple[str, ...]] = {}
    severities: dict[Literal["severe", "not-severe"], tuple[str, ...]] = {}
    anaphylaxis: tuple[str, ...] = ()
    grave: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    weaned: tuple[str, ...] = ()
    not_weaned: tuple[str, ...] = Field((), alias="not-weaned")
    local_forms: tuple[str, ...] = Field((), alias="local-forms")
    systemic_forms: tuple[str, ...] = Field((), alias="systemic-forms")
    halted: tuple[str, ...] = ()
    not_given: tuple[str, ...] = Field((), alias="not-given")
    never_before: tuple[str, ...] = Field((), alias="never-before")
    delabelled: tuple[str, ...] = ()
    revised: tuple[str, ...] = ()
    preventive: tuple[str, ...] = ()
    preventive_endings: tuple[str, ...] = Field((), alias="preventive-endings")
    therapeutic: tuple[str, ...] = ()
    allergic: tuple[str, ...] = ()
    turned: dict[Literal["doubtful", "past"], _Around] = {}
    markers: tuple[str, ...] = ()
    placeholder_dates: tuple[str, ...] = Field((), alias="placeholder-dates")
    called: dict[str, tuple[str, ...]] = {}
    called_in_general: dict[str, tuple[str, ...]] = Field({}, alias="called-in-general")
    called_beside: dict[str, _Beside] = Field({}, alias="called-beside")
    called_by_ending: dict[str, tuple[str, ...]] = Field({}, alias="called-by-ending")
    denied: _Denied = _Denied()


class _Statuses(BaseModel):
    model_config = STRICT
    clinical: dict[str, dict[str, tuple[str, ...]]] = {}
    verification: dict[str, dict[str, tuple[str, ...]]] = {}
    severity: dict[str, dict[str, tuple[str, ...]]] = {}
    stage: dict[str, dict[str, tuple[str, ...]]] = {}
    grade: dict[str, dict[str, tuple[str, ...]]] = {}
    route: dict[str, dict[str, tuple[str, ...]]] = {}
    abatement: dict[str, dict[str, tuple[str, ...]]] = {}


Histories = dict[str, tuple[tuple[str, str], ...]]
"""A heading of ICD, without its dot -> the first and the last category of each block that it is the history of."""


class _Histories(RootModel[dict[str, tuple[Annotated[str, Field(pattern="^[A-Z][0-9]{2}-[A-Z][0-9]{2}$")], ...]]]):
    """A heading, and the blocks of categories that it is the history of."""


def read_histories(file: YamlFile) -> Histories:
    """What the codes of a personal history are the history of. Raises DefinitionError."""
    read = file.checked(_Histories).root
    return {
        heading.replace(".", ""): tuple((block[:3], block[4:]) for block in blocks) for heading, blocks in read.items()
    }


def read_statuses(file: YamlFile) -> dict[tuple[str, str], str]:
    """(`clinical`, `verification`, `severity`, …; words, casefolded and stripped) -> the status or level.

    Raises DefinitionError.
    """
    read = file.checked(_Statuses)
    found: dict[tuple[str, str], str] = {}
    for kind in _Statuses.model_fields:
        statuses: dict[str, dict[str, tuple[str, ...]]] = getattr(read, kind)
        table: dict[str, str] = {}
        for status, languages in statuses.items():
            for language, texts in languages.items():
                for place, text in enumerate(texts):
                    _put(file, (kind, status, language, place), table, plain(text), status)
        found |= {(kind, text): status for text, status in table.items()}
    return found


def read_systems(file: YamlFile) -> Systems:
    """The code systems, by every URI and short name of theirs. Raises DefinitionError."""
    held = file.checked(_Systems).systems
    found: dict[str, str] = {}
    for place, system in enumerate(held):
        for uri in (system.uri, *(other.uri for other in system.others)):
            if uri in found:
                raise file.error(("systems", place), f"{uri} is already a URI of {found[uri]}")
            found[uri] = system.uri
    for uri in tuple(found):
        for spelt in _misspelt(uri):
            found.setdefault(spelt, found[uri])
    return Systems(
        uris=found,
        names={system.name: system.uri for system in held if system.name},
        classifications=frozenset(system.uri for system in held if system.classification),
    )


def _misspelt(uri: str) -> tuple[str, ...]:
    """How people write a URL that is a name: with the other scheme, or a slash at its end."""
    _, separator, rest = uri.partition("://")
    schemes = ("http", "https") if separator else ()
    return tuple(f"{each}://{rest.rstrip('/')}{end}" for each in schemes for end in ("", "/"))


def read_units(file: YamlFile) -> dict[str, str]:
    """What people write for a unit, as `unit_key` makes it -> UCUM. Raises DefinitionError."""
    read = file.checked(_Units)
    found: dict[str, str] = {}
    for table in ("common", *KINDS_OF_UNITS):
        prefix = "" if table == "common" else f"{table}:"
        units: dict[str, tuple[str, ...]] = getattr(read, table)
        for ucum, texts in units.items():
            for place, text in enumerate(texts):
                _put(file, (table, ucum, place), found, prefix + unit_key(text), ucum)
    return found


def read_words(file: YamlFile) -> Writing:
    """The tables of what people write for a result. Raises DefinitionError."""
    read = file.checked(_Words)
    findings: dict[str, str] = {}
    for finding, languages in read.findings.items():
        for language, texts in languages.items():
            for place, text in enumerate(texts):
                _put(file, ("findings", finding, language, place), findings, plain(text), finding)
    return Writing(
        findings=findings,
        answers=_turned(file, "answers", read.answers),
        too_little=_plain(read.too_little),
        flags=_turned(file, "flags", read.flags),
        number_flags=_plain(read.number_flags),
        subjects=_plain(read.subjects),
        comparators=_turned(file, "comparators", read.comparators),
        names={of: tuple(sorted(sorted(_plain(names)), key=len, reverse=True)) for of, names in read.names.items()},
        numbers={of: {plain(word): number for word, number in words.items()} for of, words in read.numbers.items()},
        in_sentences={of: each.table() for of, each in read.in_sentences.items()},
        results=read.results,
        beside_names=_folded(read.beside_names),
        unusable=_plain(read.unusable),
        not_unusable=_plain(read.not_unusable),
        not_unusable_behind=_plain(read.not_unusable_behind),
        no_result=_plain(read.no_result),
        explained=_plain(read.explained),
        of_others=_plain(read.of_others),
        of_donors=_plain(read.of_donors),
        donated=_plain(read.donated),
        kinds_of_donors=_plain(read.kinds_of_donors),
        not_blood=_plain(read.not_blood),
        beside_specimen=_plain(read.beside_specimen),
        of_blood=frozenset(read.of_blood),
        of_arteries=frozenset(read.of_arteries),
        venous=_plain(read.venous),
        otherwise={of: any_word(_plain(words)) for of, words in read.otherwise.items()},
        normal=_plain(read.normal),
        sexes=_turned(file, "sexes", read.sexes),
        severities=_turned(file, "severities", read.severities),
        anaphylaxis=_plain(read.anaphylaxis),
        grave=_plain(read.grave),
        unsupported=_plain(read.unsupported),
        weaned=_plain(read.weaned),
        not_weaned=_plain(read.not_weaned),
        local_forms=_plain(read.local_forms),
        systemic_forms=_plain(read.systemic_forms),
        halted=_plain(read.halted),
        not_given=_plain(read.not_given),
        never_before=_plain(read.never_before),
        delabelled=_plain(read.delabelled),
        revised=_plain(read.revised),
        preventive=_plain(read.preventive),
        preventive_endings=_plain(read.preventive_endings),
        therapeutic=_plain(read.therapeutic),
        allergic=_plain(read.allergic),
        turned={said: (_all(around.before), _all(around.behind)) for said, around in read.turned.items()},
        markers=_plain(read.markers),
        placeholder_dates=frozenset(read.placeholder_dates),
        called=read.called,
        called_in_general=read.called_in_general,
        called_beside={of: (x.names, x.words, x.up_to, x.normal) for of, x in read.called_beside.items()},
        called_by_ending=read.called_by_ending,
        denied=read.denied.table(),
    )


def _turned(file: YamlFile, table: str, listed: Mapping[Any, tuple[str, ...]]) -> dict[str, str]:
    """From word to meaning."""
    found: dict[str, str] = {}
    for meaning, words in listed.items():
        for place, word in enumerate(words):
            _put(file, (table, meaning, place), found, plain(word), meaning)
    return found


def _all(languages: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return _plain(tuple(word for words in languages.values() for word in words))


def _plain(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(plain(word) for word in words)


def _put(file: YamlFile, path: tuple[str | int, ...], table: dict[str, str], key: str, value: str) -> None:
    if table.setdefault(key, value) != value:
        raise file.error(path, f"{key} already means {table[key]}; it can't mean {value} as well")
