"""What sentences, and the names of results, tell of analytes where no code does (CONFORMANCE: Observations).

Tables say what analytes are called (`in-sentences` and `results` in `mappings/terminology/findings.yaml`). What is told
so is never final: it keeps an older result from deciding, and is what there is to ask about.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from adapter.criteria.patterns import NO_WORD, any_word, longest_first, whole_words
from adapter.criteria.sentence import Words, bare_words, folded_words
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.written import MAX_LENGTH, NUMBER, Telling, plain

_SENTENCE_ENDS = re.compile(r"[\n;|!?]|\.\s+(?=[A-ZÀ-Þ])")
_TOLD = rf"[<>≤≥]? ?{NUMBER}(?: ?(?:-|–|to|bis) ?{NUMBER})?"


@dataclass(frozen=True, slots=True)
class _Pattern:
    """`numbers`: a name with its number; `beside`: the same of names that count only in a text about one of `about`.

    `worse`: words that stand for a value, and which (`says`): "reduced LV function" is less than is normal.
    """

    numbers: re.Pattern[str]
    beside: re.Pattern[str]
    about: frozenset[str]
    worse: re.Pattern[str]
    says: tuple[str, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class _Patterns:
    of: Mapping[tuple[str, ...], _Pattern]
    any: re.Pattern[str]
    results: Mapping[Words, frozenset[str]]


def may_tell(text: str, terminology: Terminology) -> bool:
    """Whether a text holds a name of what is told in sentences."""
    return _patterns(terminology).any.search(text.casefold()) is not None


def told(text: str, about: str, terminology: Terminology) -> tuple[tuple[str, str], ...]:
    """Each analyte that a sentence tells of, and what: a number with its unit, or that it is not as it should be.

    `about`: the name of the result or report that the text is of.
    """
    known: dict[tuple[str, str], tuple[tuple[str, str], ...]] = terminology.memos.setdefault("told", {})
    found = known.get((text, about))
    if found is None:
        found = kept(known, (text, about), tuple(_told(text, about, terminology)), text, about)
    return found


def _told(text: str, about: str, terminology: Terminology) -> Iterator[tuple[str, str]]:
    patterns = _patterns(terminology)
    if patterns.any.search(text.casefold()) is None:
        return
    named = frozenset(folded_words(about))
    for sentence in _SENTENCE_ENDS.split(text):
        said = plain(sentence)
        for analytes, each in patterns.of.items():
            found = [*each.says] if each.worse.search(said) else []
            for pattern in (each.numbers, each.beside) if not each.about.isdisjoint(named) else (each.numbers,):
                found += [match[1] or f"{match[2]} {each.unit}" for match in pattern.finditer(said)]
            yield from ((analyte, value) for value in found for analyte in analytes)


def called(name: str, terminology: Terminology) -> frozenset[str]:
    """The analytes of which a result of this name may be one: "Hb (venös)", "Kreatinin i.S.", in whatever order."""
    if len(name) > MAX_LENGTH:
        return frozenset()  # no name; brackets that nothing closes would take long
    return _patterns(terminology).results.get(_bare(name, terminology.writing.beside_names), frozenset())


def results(terminology: Terminology) -> Mapping[Words, frozenset[str]]:
    """The words of a result's name in the order of their letters, without those that say no more -> what it may be."""
    return _patterns(terminology).results


def _bare(name: str, beside: frozenset[str]) -> Words:
    return tuple(sorted(each for each in bare_words(name) if each not in beside))


def _patterns(terminology: Terminology) -> _Patterns:
    known: _Patterns | None = terminology.memos.get("sentences")
    if known is None:
        writing = terminology.writing
        every = [
            word
            for each in writing.in_sentences.values()
            for words in (each.names, each.beside, each.worse)
            for word in words
        ]
        results: dict[Words, set[str]] = {}
        for analyte, names in writing.results.items():
            for name in names:
                results.setdefault(_bare(name, writing.beside_names), set()).update(_held(analyte, terminology))
        known = terminology.memos["sentences"] = _Patterns(
            {
                _held(of, terminology): _pattern(each, writing.not_unusable, writing.numbers.get(of, ()))
                for of, each in writing.in_sentences.items()
            },
            any_word(every),
            {words: frozenset(of) for words, of in results.items()},
        )
    return known


def _held(analyte: str, terminology: Terminology) -> tuple[str, ...]:
    """The analytes of which a result of this one's usual code is one: CD7 on blasts is CD7 on tumour cells too."""
    usual = next(iter(terminology.codes(analyte)), None)
    sets = None if usual is None else terminology.value_sets_of(usual.system, usual.code)
    return tuple(sorted({analyte, *(sets or ())}))


def _pattern(telling: Telling, denied: Iterable[str], words: Iterable[str]) -> _Pattern:
    """What tells of an analyte; `words` stand for numbers of it (NYHA IV)."""
    return _Pattern(
        numbers=_number(telling.names, telling, words),
        beside=_number(telling.beside, telling, words),
        about=telling.about,
        worse=any_word(telling.worse, denied),
        says=telling.says,
        unit=telling.units[0] if telling.units else "",
    )


def _number(names: frozenset[str], telling: Telling, words: Iterable[str]) -> re.Pattern[str]:
    """A name, and in its sentence, not far nor beyond another name, a number with its unit, or at once one without."""
    if not names:
        return NO_WORD
    name, unit = ("|".join(re.escape(word) for word in longest_first(words)) for words in (names, telling.units))
    gap = rf"(?:(?!{whole_words(telling.others) or '(?!)'}).){{0,40}}?"
    told = "|".join(
        (
            _TOLD,
            *(rf"{re.escape(word)}(?: ?(?:-|–|/|to|bis|à) ?(?:{'|'.join(words)}))?" for word in longest_first(words)),
        )
    )
    far, near = rf"{gap}(?<![\w.,])({_TOLD} ?(?:{unit}))(?!\w)", rf" ?[:=]? ?({told})(?![\w.,%/])"
    if not telling.units:
        far = "()(?!)"
    return re.compile(rf"(?<!\w)(?:{name})(?!\w)(?:{far}|{near})")
