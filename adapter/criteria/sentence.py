"""What stands around a name in its sentence and turns it away (CONFORMANCE: Mentions).

After the manner of NegEx (Chapman et al., J Biomed Inform 2001;34:301), by the table `denied`
(`mappings/terminology/findings.yaml`): a denial reaches a few words, and ends at a preposition.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

_ENDS = frozenset({".", ";", "!", "?", "\n", "|"})
_SCHEME = re.compile(r"(?<![\w-])\d[\d.,/½]*(?: ?- ?[\d½][\d.,/½]*){2,3}(?![\w-])")
"""How often a day something is taken, "1-0-1": no zero of it denies anything."""
NONE_A_DAY = re.compile(
    r"(?<![0-9A-Za-z½¼¾.,/–-])(?<![-–] )0(?: ?[-–] ?0){2,3}(?! ?[-–])(?![0-9A-Za-z½¼¾])(?![.,/][0-9])"
)
"""A drug that is taken at no time of the day: "0-0-0"; no part of "1-0-0-0"."""
_ABBREVIATED = 2
"""A full stop behind so few letters ends no sentence: V.a., Z.n."""
_DAY = re.compile(r"(?:0?[1-9]|[12]\d|3[01])[.](?:0?[1-9]|1[0-2])")
_ON = [
    [each]
    for each in (
        "vom",
        "am",
        "v",
        "seit",
        "bis",
        "ab",
        "zum",
        "of",
        "on",
        "from",
        "since",
        "until",
        "du",
        "le",
        "del",
        "el",
    )
]
"""Words before a day: what stands before its full stop goes on behind it."""
_NEAR, _FAR = 3, 8
"""So many words may stand between what denies and a name; in an enumeration."""
_LONGEST = 4
"""So many words has the longest phrase that denies at most."""

Words = tuple[str, ...]

TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+|[.;,:!?\n|]|(?<=\s)[-\u2013](?=\s)")
"""A word, a number, or a mark."""

MARKS = frozenset(".;,:!?\n|-\u2013")
_BRACKETED = re.compile(r"[\[(].*?[\])]")
_FOLDED = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ae", "e"), ("oe", "e"), ("our", "or"))


def folded(word: str) -> str:
    """A word without what one word is spelt by in several ways: letter case, umlauts, leukaemia and leukemia."""
    said = word.casefold()
    for written, one in _FOLDED:
        said = said.replace(written, one)
    return said


def folded_words(text: str) -> Words:
    """The words of a name or a phrase, without marks."""
    return tuple(folded(each) for each in TOKEN.findall(text) if each not in MARKS)


def bare_words(name: str) -> Words:
    """The same without what stands in brackets."""
    return folded_words(_BRACKETED.sub(" ", name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Denials:
    """What stands around a name in a sentence and turns it away (`adapter.criteria.named`), as folded words.

    `before`, `behind`: what denies it; `alone`: what does so behind it where no word follows ("GVHD: no", and not
    "GVHD, no response"); `at_end`: what does so as all that stands behind it; `marked`: words behind a name of which a
    negative is one (gram negative); `others`, `others_behind`: what makes it a relative's, a risk or what is prevented,
    `of_drugs`: a drug that a germ resists. `stops`: words that end what a denial reaches; `joins`: those of an
    enumeration; `but`: what turns back; `never`: what denies a denial. `tests`: what behind a name makes it a test,
    `lasting`: one that stays positive; `positive`: the results that say that it is there. `of_it`: what behind a name
    is denied in its place. `reporting`: what a relative does who tells of the patient. `allergic`: what makes a
    substance one that somebody is allergic to.
    """

    before: frozenset[Words] = frozenset()
    behind: frozenset[Words] = frozenset()
    alone: frozenset[Words] = frozenset()
    at_end: frozenset[Words] = frozenset()
    marked: frozenset[str] = frozenset()
    others: frozenset[Words] = frozenset()
    others_behind: frozenset[Words] = frozenset()
    of_drugs: frozenset[Words] = frozenset()
    positive: frozenset[Words] = frozenset()
    stops: frozenset[str] = frozenset()
    joins: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    tests: frozenset[str] = frozenset()
    lasting: frozenset[str] = frozenset()
    of_it: frozenset[str] = frozenset()
    reporting: frozenset[str] = frozenset()
    allergic: frozenset[str] = frozenset()


def sentences(text: str) -> Iterator[tuple[list[str], str]]:
    """The words and marks of each sentence, folded, and how it is written."""
    line: list[str] = []
    begin = 0
    for match in TOKEN.finditer(_SCHEME.sub(lambda found: " " * len(found[0]), text)):
        word = match[0]
        if not line:
            begin = match.start()
        if word in _ENDS and (word != "." or not line or _ends(line, text[match.end() : match.end() + 2])):
            if word == "?":
                line.append(word)
            if line:
                yield line, text[begin : match.start()].strip()
            line = []
            continue
        if word != ".":
            line.append(word if word in MARKS else folded(word))
    if line:
        yield line, text[begin:].strip()


def _ends(line: list[str], follows: str) -> bool:
    """Whether a full stop ends a sentence: not that of a short abbreviation or of a day and month (3.2.)."""
    if _DAY.fullmatch(line[-1]):
        return not follows[:1].isdigit() and not follows[1:].islower() and line[-2:-1] not in _ON
    return len(line[-1]) > _ABBREVIATED


def is_lasting(words: list[str], end: int, denials: Denials) -> bool:
    """Whether it is a test that stays positive, of which alone something is said: IgG, and not IgM."""
    part = list(takewhile(lambda each: each != ",", words[end : end + _FAR]))
    tests = set(takewhile(lambda each: each in denials.tests or each in MARKS or each.isdecimal(), part))
    return not tests.isdisjoint(denials.lasting) and "igm" not in part


def standing(words: list[str], start: int, end: int, denials: Denials, *, of_disease: bool) -> str:
    """`said`, `asked`, `denied`, or `other`: a relative's, a risk, a test without a result."""
    before = words[max(0, start - _FAR - _LONGEST) : start]
    behind = words[end : end + _FAR + _LONGEST]
    follows = next((each for each in behind if each not in MARKS), "")
    if follows in denials.of_it:
        return "said"  # "no therapy of GVHD", "no GVHD treatment": it is there, or why would it be treated
    others_behind = denials.others_behind if of_disease else denials.others_behind | denials.of_drugs
    of_another = _ends_with(before, denials.others, stops=frozenset()) and denials.reporting.isdisjoint(before)
    if of_another or _begins_with(behind, others_behind, denials):
        return "other"
    part = takewhile(lambda each: each != ",", behind)  # "sepsis, cultures pending" is no test
    follows = next((each for each in part if each not in MARKS and not each.isdecimal()), "")  # HIV-1/2 antibodies
    if follows in denials.tests:
        return "said" if _begins_with(behind, denials.positive, denials) else "denied"
    listed = behind[:1] == [","] or (bool(behind) and behind[0] in denials.joins)
    if _ends_with(before, denials.before, denials.stops, denials.joins, listed=listed):
        return "denied"
    clause = tuple(each for each in takewhile(lambda each: each != ",", behind) if each not in MARKS)
    if clause in denials.at_end or _begins_with(behind, denials.behind, denials) or _stands_alone(behind, denials):
        return "denied"
    headed = behind[:1] == [":"] and tuple(behind[1:2]) in denials.alone  # "Infection: no infection"
    return "asked" if headed or "?" in behind[:2] else "said"


def _ends_with(
    words: list[str],
    phrases: frozenset[Words],
    stops: frozenset[str],
    joins: frozenset[str] = frozenset(),
    *,
    listed: bool = False,
) -> bool:
    """Whether one of the phrases stands before a name, with few words between them and none that turns the sense.

    Over commas only in an enumeration that ends in "or".
    """
    gap, commas, joined = 0, False, listed
    for place in range(len(words), 0, -1):
        for length in range(1, place + 1):
            if tuple(words[place - length : place]) in phrases:
                return (not commas or joined) and gap <= (_FAR if joined else _NEAR)
        word = words[place - 1]
        if word in stops or gap >= _FAR or (word in joins and commas):  # where the "or" stands, an enumeration ends
            return False
        commas, joined = commas or word == ",", joined or word in joins
        gap += word not in MARKS
    return False


def _begins_with(words: list[str], phrases: frozenset[Words], denials: Denials) -> bool:
    """Whether one of the phrases stands behind a name, in the same part of its sentence, and is not itself denied."""
    for gap, word in enumerate(words):
        if word in {",", "?"} or word in denials.but or gap > _NEAR + 1:
            return False
        if word in denials.marked:
            return False  # "gram negative", "ER negative": something of it is negative, and not it
        if word in denials.never:
            return any(tuple(words[gap : gap + n]) in phrases for n in range(1, _LONGEST + 1))
        if any(tuple(words[gap : gap + n]) in phrases for n in range(1, _LONGEST + 1)):
            return True
    return False


def _stands_alone(behind: list[str], denials: Denials) -> bool:
    """Whether a name's part of its sentence ends with a "no": one that a word follows denies that word."""
    part = list(takewhile(lambda each: each != "," and each not in denials.but, behind))
    return 0 < len(part) <= _NEAR + 2 and (part[-1],) in denials.alone
