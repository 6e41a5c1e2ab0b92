"""What people write for a result where a number or a code was meant: read exactly, or not at all.

A text is matched as a whole against forms that are built from tables (`mappings/terminology/findings.yaml`); a part of
it is never taken for the whole, since "not positive" holds a "positive" (CONFORMANCE: Values, words).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Literal, get_args

from msgspec import Struct

from adapter.criteria.patterns import NO_WORD, any_word, around, endings, labels, longest_first, weaned_off, whole_words
from adapter.criteria.sentence import Denials

Said = Literal["unusable", "no_result", "explained", "halted", "not_given", "revised", "delabelled"]
"""Tables of what notes say."""

MAX_LENGTH = 200
"""A longer text is a report, not a result."""

NUMBER = r"(?:\d{1,20},\d{1,2}|\d{1,20}(?:\.\d{1,20})?|\.\d{1,20})"  # 9,2 has one reading, 1,050 has two
_TWO_READINGS = re.compile(
    r"(?:.*[^\d.,])?\d{1,3}\.\d{3} ?(?:[^\W\d]{4,})? ?(?:/|per |pro ) ?(?:[u\u03bc]l|mcl|mm ?\^?[3\u00b3]|cmm)"
)
"""120.000 per µl are 120 thousand cells, or 120: such counts have no three decimals, and a dot sets thousands apart."""
_UNIT = r"(?: ?([^\d\s.,:()][^()]*))?"
_BETWEEN = re.compile(rf"({NUMBER}) ?(?:-|–|—|to|bis|à|a|tot) ?({NUMBER}){_UNIT}")
_BETWEEN_WORDS = re.compile(r"(\S+?) ?(?:-|–|/|to|bis|à) ?(\S+)")  # NYHA II-III
_SINGLE = re.compile(rf"(\D*?) ?({NUMBER}){_UNIT}")
_TITRE = re.compile(r"(\D*?) ?1 ?: ?(\d{1,9})")
TYPES = re.compile(r"[1-9][0-9]?[a-z]{0,2}(?: ?(?:[,/+&]|and|und|or|oder) ?(?:[1-9][0-9]?)?[a-z]{0,2})*")
"""Types by a number and letters, one or several: `3`, `1a`, `1a/1b`."""
_BRACKETED = re.compile(r"([^()\[\]]+?) ?[(\[]([^()\[\]]+)[)\]]")
_INSIDE = re.compile(r"[(\[]([^()\[\]]+)[)\]]")
_UNIT_INSIDE = re.compile(r"([^()\[\]]*\d) ?[(\[]([^()\[\]\d]+)[)\]]")
_GRADE = re.compile(r"(\d) ?(?:[-–—:=,.)] ?)?(\D.*)")  # 1 - restricted in strenuous activity
_MORE = re.compile(r"[;+&]|,(?!\d)|\d ?mg(?!\w| ?/ ?\d* ?(?:g|ml)\b)")
"""Another drug beside one, or a dose of one that is swallowed or injected, and not a strength (20 mg/g)."""
_APART = re.compile(r"[\s,;/&+]+")
_AFTER_NAME = re.compile(r" ?[:=]? ?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What tells of an analyte in a sentence: its names, the units, the usual one first, and other measures' names.

    `beside`: names of it in a text about one of `about` only; `worse`: words that stand for the values `says`.
    """

    names: frozenset[str] = frozenset()
    units: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()
    worse: frozenset[str] = frozenset()
    says: tuple[str, ...] = ()


class Written(Struct, frozen=True, gc=False):
    """A number as written, as an interval; `unit` is its unit's text. `titre`: the n of 1:n."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False
    unit: str | None = None
    titre: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """The tables of words; every key is as `plain` makes it.

    `findings`: a qualitative result -> positive or negative; `answers`: yes and no; `too_little`: below what is
    measured. `flags`: what a laboratory puts beside a qualitative result, likewise; `number_flags`: beside a number.
    `subjects`: what was tested. `comparators`: words -> one of FHIR's. `names`: analyte -> what it is called before
    its number; `numbers`: of it, word -> number. `in_sentences`: analyte -> what tells of it there; `results`: analyte
    -> what a result of it is called, `beside_names`: words beside such a name that say nothing more
    (`adapter.criteria.told`). `unusable`: words of a note on a specimen or result that can't be relied on,
    `not_unusable`, `not_unusable_behind`: what denies one; `no_result`: that it has come to nothing; `explained`:
    words by which cells are not the disease's. `of_others`: words of a result's or a specimen's name by which it is
    somebody else's; `of_donors`: of a report's or a panel's, by which it is a donor's; `donated`: of both, what the
    patient has got from a donor; `kinds_of_donors`: of a report's, which donor a transplant is from, so that it may be
    the patient's as well. `not_blood`: words and codes of specimens that are no blood, `beside_specimen`: what before
    these says that they are not what was taken; `of_blood`: the analytes measured in blood alone; `of_arteries`: in
    arteries; `venous`: words of veins. `otherwise`: analyte -> what something else under its code is called. `normal`:
    what a range of normal is called. `sexes`: for whom -> female or male. `severities`: of a reaction -> severe or
    not. `anaphylaxis`: what it is called. `grave`: words of a manifestation that no mild reaction has. `unsupported`:
    that no treatment was given. `weaned`: that an amount of one has ended, `not_weaned`: what before these says that
    it has not. `local_forms`: forms of drugs that act where they are applied; `systemic_forms`: those that don't, and
    ways. `halted`: words of a drug, its dosage or its notes by which nobody knows whether it is still taken.
    `not_given`: words of a drug or a vaccination by which it may not have been, `never_before`: those that speak of
    earlier times or other things; `revised`: of a diagnosis' notes, that it was none, `delabelled`: of an allergy's.
    `preventive`: words (and ends of some) of a dosage or a reason, that a drug prevents; `therapeutic`: that not.
    `allergic`: words that name an allergy, whole or as the end of a word. `turned`: words before and behind a name
    that turn round what its code says -> what they make of it: `doubtful` (suspected, denied, a relative's, only
    planned) or `past`; `markers`: tests that a "negative" behind a colon is of. `placeholder_dates`: birth dates that
    systems fill in where they know none. `called`: concept -> further words that name it in a text;
    `called_in_general`: words that may; `called_beside`: words that do beside others, these, the share in per cent
    that is none, and what says so; `called_by_ending`: ends of words that do; `denied`: what there turns a name away.
    """

    findings: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    too_little: frozenset[str] = frozenset()
    flags: Mapping[str, str] = field(default_factory=dict)
    number_flags: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    comparators: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    in_sentences: Mapping[str, Telling] = field(default_factory=dict)
    results: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside_names: frozenset[str] = frozenset()
    unusable: frozenset[str] = frozenset()
    not_unusable: frozenset[str] = frozenset()
    not_unusable_behind: frozenset[str] = frozenset()
    no_result: frozenset[str] = frozenset()
    explained: frozenset[str] = frozenset()
    of_others: frozenset[str] = frozenset()
    of_donors: frozenset[str] = frozenset()
    donated: frozenset[str] = frozenset()
    kinds_of_donors: frozenset[str] = frozenset()
    not_blood: frozenset[str] = frozenset()
    beside_specimen: frozenset[str] = frozenset()
    of_blood: frozenset[str] = frozenset()
    of_arteries: frozenset[str] = frozenset()
    venous: frozenset[str] = frozenset()
    otherwise: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    normal: frozenset[str] = frozenset()
    sexes: Mapping[str, str] = field(default_factory=dict)
    severities: Mapping[str, str] = field(default_factory=dict)
    anaphylaxis: frozenset[str] = frozenset()
    grave: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()
    weaned: frozenset[str] = frozenset()
    not_weaned: frozenset[str] = frozenset()
    local_forms: frozenset[str] = frozenset()
    systemic_forms: frozenset[str] = frozenset()
    halted: frozenset[str] = frozenset()
    not_given: frozenset[str] = frozenset()
    never_before: frozenset[str] = frozenset()
    delabelled: frozenset[str] = frozenset()
    revised: frozenset[str] = frozenset()
    preventive: frozenset[str] = frozenset()
    preventive_endings: frozenset[str] = frozenset()
    therapeutic: frozenset[str] = frozenset()
    allergic: frozenset[str] = frozenset()
    turned: Mapping[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    markers: frozenset[str] = frozenset()
    placeholder_dates: frozenset[str] = frozenset()
    called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    called_in_general: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    called_beside: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], Decimal | None, tuple[str, ...]]] = field(
        default_factory=dict
    )
    called_by_ending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    denied: Denials = field(default_factory=Denials)
    _turned: tuple[tuple[str, re.Pattern[str]], ...] = field(init=False, repr=False, compare=False, default=())
    _named: Mapping[str, re.Pattern[str]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _words: Mapping[str, re.Pattern[str]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _allergic: re.Pattern[str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        """One pattern finds every word of a table."""
        denied = dict.fromkeys(get_args(Said), self.not_unusable)
        lists = ((each.name, getattr(self, each.name)) for each in fields(self))
        words = {of: any_word(held, denied.get(of, ())) for of, held in lists if isinstance(held, frozenset)}
        words["unusable"] = any_word(self.unusable, self.not_unusable, self.not_unusable_behind)
        words |= {"grave_in_note": any_word(self.grave, self.not_unusable), "sexed": labels(self.sexes)}
        words["bloodless"] = re.compile(self.bloodless or NO_WORD.pattern)
        words |= {of: re.compile(getattr(self, f"{of}_pattern")) for of in ("unsupported", "preventive")}
        object.__setattr__(self, "_words", words)
        object.__setattr__(self, "_named", {of: any_word(names) for of, names in self.names.items()})
        object.__setattr__(self, "_allergic", re.compile(endings(self.allergic)) if self.allergic else None)
        turning = ((said, around(*words, self.markers)) for said, words in self.turned.items())
        patterns = ((said, "|".join(each for each in ends if each)) for said, ends in turning)
        object.__setattr__(self, "_turned", tuple((said, re.compile(pattern or r"(?!)")) for said, pattern in patterns))

    def turns(self, name: str) -> str | None:
        """What the words around a name make of it: `doubtful`, `past`, or None if they don't turn it round."""
        said = plain(name)
        return next((meaning for meaning, pattern in self._turned if pattern.search(said)), None)

    def says(self, table: Said, text: str) -> bool:
        """Whether a text holds a word of a table, in whatever sentence, and doesn't deny it directly before it."""
        return self._holds(table, plain(text))

    def is_not_given(self, text: str) -> bool:
        """Whether words say that something may not have been given, now and not only before."""
        return self._holds("not_given", self._words["never_before"].sub(" ", plain(text)))

    def _holds(self, words: str, said: str) -> bool:
        return self._words[words].search(said) is not None

    def is_of_another(self, name: str) -> bool:
        """Whether a result or a specimen is by its name somebody else's: "HBsAg (donor)"."""
        return self._holds("of_others", self._own(name))

    def is_venous(self, said: str) -> bool:
        """Whether a name, a part of the body, a specimen or a code of one says that it is of veins."""
        return self._holds("venous", plain(said))

    @property
    def bloodless(self) -> str:
        """A pattern of the words of specimens that are no blood, as names have them: no codes and abbreviations."""
        words = [each for each in self.not_blood if len(each) > len("csf") and not each.isdigit()]
        return whole_words(words, self.beside_specimen)

    def is_bloodless(self, name: str) -> bool:
        """Whether a result is by its name of what is no blood: "Kreatinin im Urin"."""
        return self._holds("bloodless", plain(name))

    def is_of_donor(self, name: str) -> bool | None:
        """Whether a report is by its name a donor's: "Donor serology panel"; None where it may be either's."""
        if not self._holds("of_donors", own := self._own(name)):
            return False
        return True if self._holds("of_donors", self._words["kinds_of_donors"].sub(" ", own)) else None

    def _own(self, name: str) -> str:
        """A name without what the patient has got from a donor: "Blood count after donor lymphocytes"."""
        return self._words["donated"].sub(" ", plain(name))

    def is_grave(self, manifestation: str) -> bool:
        """Whether a manifestation holds a word that no mild reaction has."""
        return self._holds("grave", plain(manifestation))

    def tells_grave(self, note: str) -> bool:
        """Whether a note beside a reaction holds such a word, and doesn't deny it: "keine Anaphylaxie"."""
        return self._holds("grave_in_note", plain(note))

    def tells_of(self, treatment: str, note: str, analyte: str) -> bool:
        """Whether the name or a note of a value names a treatment, besides what says that none was given.

        The analyte's own names may hold the treatment's: "O2 saturation" is no oxygen.
        """
        own, pattern = (self._named.get(each, NO_WORD) for each in (analyte, treatment))
        return pattern.search(own.sub(" ", self._words["unsupported"].sub(" ", plain(note)))) is not None

    @property
    def preventive_pattern(self) -> str:
        """One of the words that say that a drug prevents, or that end so: `Pilzprophylaxe`."""
        ends = endings(self.preventive_endings) if self.preventive_endings else ""
        return "|".join(each for each in (whole_words(self.preventive), ends) if each) or NO_WORD.pattern

    @property
    def unsupported_pattern(self) -> str:
        """One of what says that no treatment was given, or that one has ended."""
        names = (*self.names.get("oxygen-flow", ()), *self.names.get("inspired-oxygen", ()))
        ended = weaned_off(self.weaned, (*self.not_unusable, *self.not_weaned), names)
        return "|".join(each for each in (ended, whole_words(self.unsupported)) if each) or NO_WORD.pattern

    def is_unsupported(self, text: str) -> bool:
        """Whether words say that no treatment was given under which a result was measured: "room air"."""
        return self._holds("unsupported", plain(text))

    def is_allergic(self, text: str) -> bool:
        """Whether a word of a text is, or ends in, one of an allergy (`Penicillinallergie`); "allergic" is none."""
        return self._allergic is not None and self._allergic.search(plain(text)) is not None

    def is_preventive(self, text: str) -> bool:
        """Whether a dosage or a reason says that a drug is given to prevent, and no word says otherwise."""
        said = plain(text)
        return self._holds("preventive", said) and not self._holds("therapeutic", said)

    def acts_locally(self, drug: str) -> bool:
        """Whether the name of a drug says a form that acts where it is applied, and nothing that doesn't."""
        said = plain(drug)
        if _MORE.search(said) or self._holds("systemic_forms", said):
            return False
        return self._holds("local_forms", said)

    def finding(self, text: str) -> str | None:
        """`positive` or `negative`; None if the text as a whole is no result. A bracket may only repeat the result.

        A full stop may end it. A bare number below 1 in a bracket is an index below the cut-off of its test.
        """
        if len(text) > MAX_LENGTH:
            return None
        said = plain(text)
        found = self.findings.get(said) or self.findings.get(said.removesuffix("."))
        if found is not None:
            return found
        bracketed = _BRACKETED.fullmatch(said)
        if bracketed is None:
            return None
        found = self.findings.get(bracketed[1])
        return found if found is not None and self._repeats(bracketed[2].strip(), found) else None

    def is_type(self, text: str, analyte: str) -> bool:
        """Whether the text as a whole names a type of what was found, after the analyte's name or without it: `1a`."""
        return (
            len(text) <= MAX_LENGTH
            and TYPES.fullmatch(_without_name(plain(text), self.names.get(analyte, ()))) is not None
        )

    def number(self, text: str, analyte: str) -> Written | None:
        """The number that the text as a whole states, after the analyte's name or without it; None if it is none."""
        if len(text) > MAX_LENGTH:
            return None
        said = _without_name(plain(text), self.names.get(analyte, ()))
        words = self.numbers.get(analyte, {})
        word = words.get(said)
        if word is not None:
            return Written(word, word)
        grade = _GRADE.fullmatch(said)
        if grade is not None and (word := words.get(grade[2].removesuffix("."))) == _decimal(grade[1]):
            return Written(word, word)
        between = _BETWEEN_WORDS.fullmatch(said)
        if between is not None and (low := words.get(between[1])) and (high := words.get(between[2])):
            return Written(low, high) if low < high else None
        bracketed = _BRACKETED.fullmatch(said)
        if bracketed is not None and bracketed[2].strip() in self.number_flags:
            said = bracketed[1]
        return Written(None, None) if said in self.too_little else self._number(said)

    def range(self, text: str) -> Written | None:
        """A range of normal in words: `5-40 U/L`, `[up to 40]`, `Normal: 5-40 (U/L)`; None for anything else."""
        if len(text) > MAX_LENGTH:
            return None
        said = _without_name(plain(text), longest_first(self.normal))
        inside, unit = _INSIDE.fullmatch(said), _UNIT_INSIDE.fullmatch(said)
        found = self._number(inside[1].strip() if inside else f"{unit[1]} {unit[2]}" if unit else said)
        return None if found is None or found.titre or found.low == found.high else found

    def ranges_by_sex(self, text: str) -> dict[str, Written] | None:
        """A range of normal for each sex in one text: `M: 0.7-1.2; F: 0.5-0.9`; None for anything else."""
        parts = self._words["sexed"].split(plain(text)) if len(text) <= MAX_LENGTH else []
        if len(parts) != _TWO_LABELLED or parts[0].strip(_BESIDE) not in {"", *self.normal}:
            return None
        _, one, its, other, others = parts
        first, second = (self.range(each.strip(_BESIDE)) for each in (its, others))
        if first is None or second is None or self.sexes[one] == self.sexes[other]:
            return None
        units = f"{first.unit or ''}{second.unit or ''}"
        return None if _MORE_RANGES.search(units) else {self.sexes[one]: first, self.sexes[other]: second}

    def _number(self, said: str) -> Written | None:
        between = _BETWEEN.fullmatch(said)
        if between is not None and not _TWO_READINGS.fullmatch(said):
            low, high = _decimal(between[1]), _decimal(between[2])
            return Written(low, high, unit=between[3]) if low < high else None
        titre = _TITRE.fullmatch(said)
        found = titre or _SINGLE.fullmatch(said)
        if found is None or _TWO_READINGS.fullmatch(said):
            return None
        number, unit = _decimal(found[2]), None if titre else found[3]
        comparator = self.comparators.get(found[1]) if found[1] else ""
        match comparator:
            case "":
                return Written(number, number, unit=unit, titre=titre is not None)
            case "<" | "<=":
                return Written(None, number, high_open=comparator == "<", unit=unit, titre=titre is not None)
            case ">" | ">=":
                return Written(number, None, low_open=comparator == ">", unit=unit, titre=titre is not None)
        return None

    def _repeats(self, remark: str, found: str) -> bool:
        """Whether a remark says the same: a flag, a number on the same side, or what was tested with the result."""
        if self.flags.get(remark) == found or self.findings.get(remark) == found:
            return True
        number = self._number(remark)
        if number is not None and found == "negative":
            index = number.unit is None and not number.titre and number.high is not None and number.high < 1
            return number.low is None or index
        if number is not None:
            return bool(number.low)
        words = _APART.split(remark)
        return any(
            self.findings.get(" ".join(words[place:])) == found and self.subjects.issuperset(words[:place])
            for place in range(1, len(words))
        )


def plain(text: str) -> str:
    """A text as the tables hold it: letter case and blanks say nothing."""
    return " ".join(text.split()).casefold()


def _without_name(said: str, names: Iterable[str]) -> str:
    for name in names:
        if said.startswith(name):
            after = _AFTER_NAME.match(said, len(name))
            rest = said[after.end() :] if after else ""
            if rest and (len(said) - len(rest) > len(name) or not name[-1].isalnum() or not rest[0].isalnum()):
                return rest
    return said


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


_BESIDE = " ;,/|()[]:"
_MORE_RANGES = re.compile(r"[;:|]")
_TWO_LABELLED = 5
"""What stands before the first label, and each of two labels with what it is of."""
