"""Which diagnoses, drugs, procedures, devices and substances the words of a text name (CONFORMANCE: Mentions).

They are known by their titles, by what the terminology calls their codes, and by the table `called`
(`mappings/terminology/findings.yaml`). A name is found as whole words; what stands around it in its sentence may deny
it, make it a relative's, a risk or a test. A text never denies anything: it only keeps a negative from being believed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, takewhile

from msgspec import Struct

from adapter.criteria.catalogue import Catalogue, ExposureConcept, ListedConcept
from adapter.criteria.patterns import longest_first
from adapter.criteria.sentence import Words, bare_words, folded, folded_words, is_lasting, sentences, standing
from adapter.criteria.terminology import Terminology, kept

_SHORTEST = 4
"""So many letters has a display or a title at least that names something by itself."""
_NUMBER = re.compile(r"\d{1,3}(?:[.,]\d{1,6})?")
_FRACTION = re.compile(r"(?<![\d/.-])(\d{1,5}) ?/ ?(\d{1,5})(?![\d/.-])")
_PERCENT = re.compile(r"%|percent|per cent|prozent", re.IGNORECASE)
_MOST_WORDS = 400
"""In a sentence of more words than these no share is looked for: what it names stays named."""
_SO_MANY_OF = re.compile(r"\b\d+ (?:of|von) \d")  # two of three cores

RELAPSE = "course-relapse"
"""The value set of relapses, which words name as they do a concept."""


NOTHING = "nothing"
"""Of the table of endings: those of words that name nothing, though they end in one that does (Desinfektion)."""


class Named(Struct, frozen=True, gc=False):
    """What one name of a text names, and the sentence that it stands in. `called`: by the table, a site's or ours.

    `loosely`: those of the concepts that something of this name only may be, as any leukaemia may be one of T cells.
    `apart`: value sets of what is surely another disease of a family, that hold it. `led`: whether a word before it
    makes it what something else is of, for or after.
    """

    concepts: frozenset[str]
    shown: str
    called: bool
    loosely: frozenset[str]
    apart: frozenset[str]
    led: bool

    def beside(self, coded: frozenset[str]) -> frozenset[str]:
        """What the name says beside a code of these concepts: where that is what is named, nothing that it may be."""
        return (self.concepts if coded.isdisjoint(self.concepts) else self.concepts - self.loosely) - coded


@dataclass(frozen=True, slots=True)
class _Name:
    """`beside`: one of these words has to stand in the sentence, or in what it is about, too; none if empty.

    `up_to`: a share of no more per cent beside the name is none; nor is one beside which stands a word of `normal`.
    """

    words: Words
    concepts: frozenset[str]
    called: bool
    loosely: frozenset[str]
    beside: frozenset[str] = frozenset()
    up_to: Decimal | None = None
    normal: frozenset[Words] = frozenset()

    def is_none(self, words: list[str], start: int, end: int, shown: str) -> bool:
        """Whether its part of the sentence tells only shares that say nothing: 3 % of blasts, not 3 % to 40 %, nor 0.4.

        Or what stands beside it says so: "O2 uptake". `shown`: the sentence as it is written.
        """
        if len(words) > _MOST_WORDS:
            return False
        if self.up_to is not None and (most := _most(words, start, end, shown)) is not None:
            return most[0] <= self.up_to and not _SO_MANY_OF.search(most[1])
        return any(
            tuple(words[start - len(each) : start]) == each
            or each in (tuple(words[end + n :][: len(each)]) for n in (0, 1))
            for each in self.normal
        )


def _most(words: list[str], start: int, end: int, shown: str) -> tuple[Decimal, str] | None:
    """The highest share in per cent in a name's part of the sentence, and that part; None without any."""
    before = takewhile(lambda each: each not in {",", ":"}, reversed(words[:start]))
    behind = takewhile(lambda each: each != ",", words[end:])
    part = (*reversed((*before,)), *behind)
    parts = [(n, of) for n, of in _FRACTION.findall(shown) if 0 < int(n) <= int(of)]
    whole = {each for pair in parts for each in pair}
    numbers = [each for each in part if _NUMBER.fullmatch(each) and each not in whole]
    said = [Decimal(each.replace(",", ".")) for each in numbers]
    if not said and not parts:
        return None
    said += [] if _PERCENT.search(shown) else [100 * each for each in said if 0 < each < 1]
    said += [Decimal(100) * int(n) / int(of) for n, of in parts]
    return max(said), " ".join(part)


@dataclass(frozen=True, slots=True)
class _Names:
    """Names by their first word, the longest first, and those that words end in: the one of each ending.

    `halves`: words that name something with another text's; `asides`: those of them that may stand in what it is about.
    `apart`: the value sets of what is surely another disease of a family.
    """

    by_first: Mapping[str, list[_Name]]
    endings: tuple[str, ...]
    by_ending: Mapping[str, _Name]
    halves: frozenset[str]
    asides: frozenset[str]
    apart: frozenset[str]

    def at(self, words: list[str], place: int, around: frozenset[str]) -> tuple[int, _Name] | None:
        """The name that begins at a place, and where it ends. `around`: the words of the sentence and what it is of."""
        for name in self.by_first.get(words[place], ()):
            end = _end_of(name.words, words, place)
            if end and (not name.beside or not name.beside.isdisjoint(around)):
                return end, name
        if not words[place].endswith(self.endings):
            return None
        ended = self.by_ending.get(next(end for end in self.endings if words[place].endswith(end)))
        return None if ended is None else (place + 1, ended)


def _end_of(name: Words, words: list[str], place: int) -> int:
    """Where a name that begins at a place ends, also over a colon ("CNS status: positive"); 0 where it is not there."""
    end = place + len(name)
    if tuple(words[place:end]) == name:
        return end
    over = words[place : end + 1]
    return end + 1 if over.count(":") == 1 and tuple(each for each in over if each != ":") == name else 0


def named_in(text: str, terminology: Terminology, about: str = "") -> tuple[Named, ...]:
    """What a text says that the patient has, had, or may have: names that nothing in their sentence turns away.

    `about`: the name of the result or report that it is of, which says of what its sentences are.
    """
    return _told(text, terminology, about)[1]


def may_name(text: str, terminology: Terminology) -> bool:
    """Whether a text holds any name, whatever is said of it."""
    return _told(text, terminology, "")[0]


def _told(text: str, terminology: Terminology, about: str) -> tuple[bool, tuple[Named, ...]]:
    known: dict[tuple[str, str], tuple[bool, tuple[Named, ...]]] = terminology.memos.setdefault("named", {})
    key = (text, about)
    try:
        return known[key]
    except KeyError:
        names: _Names | None = terminology.memos.get("names")
        if names is None:
            names = terminology.memos["names"] = _names(terminology)
        found = _read(text, names.asides.intersection(folded_words(about)), names, terminology)
    return kept(known, key, found, text, about)


def _read(text: str, about: frozenset[str], names: _Names, terminology: Terminology) -> tuple[bool, tuple[Named, ...]]:
    """Whether anything is named, and what of it is said; what is only asked, unless it is denied elsewhere."""
    denials, held = terminology.writing.denied, False
    said: dict[Named, None] = {}
    asked: dict[Named, None] = {}
    refused: set[frozenset[str]] = set()
    plain: set[tuple[Words, bool]] = set()  # said already: what a long text says again adds nothing
    for words, shown in sentences(text):
        held = held or not names.halves.isdisjoint(words)
        allergic: bool | None = None
        leads = next((place for place, word in enumerate(words) if word in denials.stops), len(words))
        for start, end, name in _found(words, about, names):
            held = True
            if name.is_none(words, start, end, shown):
                continue
            if allergic is None:
                allergic = terminology.writing.is_allergic(shown) or not denials.allergic.isdisjoint(words)
            if (name.words, allergic) in plain:
                continue
            concepts = frozenset(
                each for each in name.concepts if (each in terminology.catalogue.substances) is allergic
            )
            if is_lasting(words, end, denials):
                concepts = frozenset(each for each in concepts if not _passes(each, terminology.catalogue))
            led = leads < start
            of_disease = RELAPSE in concepts or not concepts.isdisjoint(terminology.catalogue.conditions)
            match standing(words, start, end, denials, of_disease=of_disease):
                case "said" if concepts:
                    said[_named(name, concepts, shown, names.apart, led=led)] = None
                    plain.add((name.words, allergic))
                case "asked" if concepts:
                    asked[_named(name, concepts, shown, names.apart, led=led)] = None
                case "denied":
                    refused.add(concepts)
                case _:
                    pass
    said |= {each: None for each in asked if each.concepts not in refused}
    return held, tuple(said)


def _named(name: _Name, concepts: frozenset[str], shown: str, apart: frozenset[str], *, led: bool) -> Named:
    known = concepts - apart
    return Named(known, shown, name.called, known & name.loosely, name.concepts & apart, led)


def _apart(terminology: Terminology) -> frozenset[str]:
    return frozenset(name for each in terminology.catalogue.conditions.values() for name in each.apart)


def _passes(concept: str, catalogue: Catalogue) -> bool:
    return concept in catalogue.conditions and catalogue.conditions[concept].transient is not None


def _found(words: list[str], about: frozenset[str], names: _Names) -> Iterator[tuple[int, int, _Name]]:
    """The names in a sentence, the longest at each place; what lies within one is none of its own."""
    place, around = 0, about.union(words)
    while place < len(words):
        if (found := names.at(words, place, around)) is None:
            place += 1
        else:
            yield place, *found
            place = found[0]


def _names(terminology: Terminology) -> _Names:
    """Every name.

    What a code is called that only may be a concept names it where it names another one: "diabetes mellitus" in "type 2
    diabetes mellitus" is no autoimmune disease, an acute lymphoblastic leukaemia no other cancer than one of T cells.
    """
    writing, texts = terminology.writing, _named_by_texts(_texts(terminology))
    called, general = (_named_by_table(each, terminology) for each in (writing.called, writing.called_in_general))
    found = _gathered(chain(texts, called))
    loosely = _gathered(general)
    tabled = {words for words, _ in chain(called, general)}
    for words, concept in _named_by_texts(_coarse(terminology)):
        if words in found or words in loosely:
            loosely.setdefault(words, set()).add(concept)
    by_first: dict[str, list[_Name]] = {}
    for words in sorted({*found, *loosely}, key=lambda each: (-len(each), each)):
        firmly = frozenset(found.get(words, ()))
        wider = frozenset(loosely.get(words, ())) - firmly
        by_first.setdefault(words[0], []).append(_Name(words, firmly | wider, words in tabled, wider))
    halves: set[str] = set()
    asides: set[str] = set()
    for words, concept in _named_by_table({of: each[0] for of, each in writing.called_beside.items()}, terminology):
        _, others, up_to, normal = writing.called_beside[concept]
        beside = frozenset(folded(each) for each in others)
        halves |= {words[0], *beside}
        asides |= beside
        by_first.setdefault(words[0], []).append(
            _Name(
                words,
                frozenset({concept}),
                called=True,
                loosely=frozenset(),
                beside=beside,
                up_to=up_to,
                normal=frozenset(folded_words(each) for each in normal),
            )
        )
    by_ending = _gathered(_named_by_table(writing.called_by_ending, terminology))
    nothing = [folded_words(each) for each in writing.called_by_ending.get(NOTHING, ())]
    return _Names(
        by_first,
        tuple(longest_first(words[0] for words in chain(by_ending, nothing))),
        {words[0]: _Name(words, frozenset(of), called=True, loosely=frozenset()) for words, of in by_ending.items()},
        frozenset(halves),
        frozenset(asides),
        _apart(terminology),
    )


def _gathered(named: Iterable[tuple[Words, str]]) -> dict[Words, set[str]]:
    found: dict[Words, set[str]] = {}
    for words, concept in named:
        found.setdefault(words, set()).add(concept)
    return found


def _named_by_table(table: Mapping[str, Iterable[str]], terminology: Terminology) -> list[tuple[Words, str]]:
    known = {*_listed(terminology.catalogue), RELAPSE, *_apart(terminology)}
    return [(folded_words(each), concept) for concept, texts in table.items() if concept in known for each in texts]


def _named_by_texts(named: Iterable[tuple[str, Iterable[str]]]) -> Iterator[tuple[Words, str]]:
    return ((words, concept) for concept, texts in named for words in _words_of(texts))


def _words_of(texts: Iterable[str]) -> Iterator[Words]:
    for text in texts:
        words = bare_words(text.partition(",")[0])
        if words and (len(words) > 1 or len(words[0]) >= _SHORTEST):
            yield words


def _listed(catalogue: Catalogue) -> Mapping[str, ListedConcept]:
    return {**catalogue.conditions, **catalogue.exposures, **catalogue.substances, **catalogue.devices}


def _texts(terminology: Terminology) -> Iterator[tuple[str, Iterable[str]]]:
    """Each concept, with its title and what its codes are called; the name of a vaccine is a disease's."""
    for id_, concept in _listed(terminology.catalogue).items():
        is_vaccine = isinstance(concept, ExposureConcept) and concept.vaccine
        yield id_, (concept.title, *(() if is_vaccine else _displays(id_, terminology)))
    for name in sorted(_apart(terminology)):
        yield name, _displays(name, terminology)


def _coarse(terminology: Terminology) -> Iterator[tuple[str, Iterable[str]]]:
    for id_, concept in _listed(terminology.catalogue).items():
        for name in concept.may_be:
            yield id_, _displays(name, terminology)


def _displays(value_set: str, terminology: Terminology) -> list[str]:
    held = terminology.value_sets.get(value_set)
    return [] if held is None else [each.display for each in (*held.codes, *held.prefixes) if each.display]
