"""Patterns of words, for the tables of what people write."""

import re
from collections.abc import Iterable

NO_WORD = re.compile(r"(?!)")


def any_word(words: Iterable[str], denied: Iterable[str] = (), behind: Iterable[str] = ()) -> re.Pattern[str]:
    """A pattern as `whole_words` makes it; it finds nothing without words."""
    return re.compile(whole_words(words, denied, behind) or NO_WORD.pattern)


def whole_words(words: Iterable[str], denied: Iterable[str] = (), behind: Iterable[str] = ()) -> str:
    """A pattern of any of the words, whole, and none of `denied` directly before it; empty without words.

    Nor one of `behind` as all that is said of it ("haemolysis: negative; …", and not "haemolysis: no repeat"); a dash
    before another label begins a line of its own ("haemolysed - potassium: too high").
    """
    unless = "".join(rf"(?<!(?<!\w){re.escape(word)}[ -])" for word in longest_first(denied))
    found = "|".join(map(re.escape, longest_first(words)))
    said = "|".join(map(re.escape, longest_first(behind)))
    ended = r"[.,](?!\d)|[;/|)]|$|(?<!-)(?<!- )[^ :=]+ ?[:=]"
    ends = rf"(?! ?(?:index|grade?)? ?[:=]? ?(?:{said}) ?(?:{ended}))" if said else ""
    word = rf"(?<!\w)(?:{found})(?!\w){ends}" if found else ""
    return f"(?={word}){unless}" if word and unless else word


def longest_first(words: Iterable[str]) -> list[str]:
    """Words so that none goes before a longer one that begins with it; always in the same order."""
    return sorted(words, key=lambda word: (-len(word), word))


def endings(words: frozenset[str]) -> str:
    """A pattern of words that are, or end in, one of these."""
    return rf"(?:{'|'.join(re.escape(word) for word in sorted(words))})(?![a-z])"


_TAIL = r"(?: (?:by|on|in|at|per|via|with|after|since|durch|mittels|laut|nach|im|am|seit) \S+(?: \S+){0,2})?"
"""By what, when, since when or where something was excluded, suspected, cured: `by ECG`, `on CT of 2024`."""


def around(before: frozenset[str], behind: frozenset[str], markers: frozenset[str]) -> tuple[str, str]:
    """Patterns of a text that begins with one of the words before a name, and of one that ends with one behind it.

    Not where the latter is negated, or of one of the markers ("T-ALL, MRD: negative"). Behind it may stand by what,
    when or where, in up to three words. A word ends where the next sign is none of a word, or at once where it is none
    of a word itself (`?`, 疑似). The pattern of no words is empty; the first begins with `^`, the second ends with `$`.
    """
    first = "|".join(_bounded(word) for word in longest_first(before))
    last = "|".join(re.escape(word) for word in longest_first(behind))
    unless = "".join(rf"(?<!(?<!\w){re.escape(word)})" for word in longest_first(markers))
    begins = rf"^\W*?(?:{first})" if first else ""
    ends = rf"(?<!not )(?<!never )(?<!nicht )(?:(?<=\W)|(?<=\w)(?=\W)){unless}(?:{last}){_TAIL}\W*$" if last else ""
    return begins, ends


def _bounded(word: str) -> str:
    return re.escape(word) + (r"(?!\w)" if word[-1:].isascii() and word[-1:].isalnum() else "")


_LITRES = r"\d{1,2}(?:[.,]\d)? ?(?:l|lpm|liters?|litres?|liter)(?: ?/ ?min| per min(?:ute)?| pro minute)?(?!\w)"


def weaned_off(words: Iterable[str], denied: Iterable[str], names: Iterable[str]) -> str:
    """A pattern of words that say that an amount of a treatment has ended: `weaned off 2L NC`; empty without words.

    `names`: the treatment's. Not where another amount follows, nor where the sentence goes on.
    """
    unless = "".join(rf"(?<!(?<!\w){re.escape(word)} )" for word in longest_first(denied))
    ended = "|".join(map(re.escape, longest_first(words)))
    if not ended:
        return ""
    named = "|".join(map(re.escape, longest_first(names)))
    by = "(?:of |via |by |per |über |the )*"
    name = rf" {by}(?:{named})(?!\w)"
    what = rf"(?: {by}{_LITRES}(?:{name})*|(?:{name})+)"
    return rf"(?=(?<!\w)(?:{ended})(?!\w)){unless}(?:{ended}){what}(?= ?(?:$|[.;,)]))(?!.*\d ?(?:l|lpm)(?!\w))"


def labels(sexes: Iterable[str]) -> re.Pattern[str]:
    """Whom a range is for, before it: `M: `, `Men `."""
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first(sexes)))})\.?(?: ?[:=] ?| (?=[\d<>≤≥]))")
