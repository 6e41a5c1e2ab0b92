"""How severe, how far advanced, how high a toxicity a diagnosis is: by code, and in words (CONFORMANCE: Conditions)."""

import re

from adapter.criteria.terminology import Terminology
from adapter.criteria.written import plain
from adapter.record.resources import CodeableConcept, Condition
from adapter.record.values import NOTHING

_STAGED = "ajcc|uicc|figo|ann[ -]arbor|lugano"
_LEVEL = re.compile(
    rf"(?:(?:ctcae|{_STAGED}|who|clinical|pathologic(?:al)?) )*(stage|stadium|grade|grad) (\S+)"
    rf"(?: (?:nach|by) (?:{_STAGED}))?|(?:{_STAGED}) (\S+)"
)
"""A stage or a grade in words: `AJCC stage IIIA`, `Ann Arbor IV`; what the word or number means is in the table."""

_KINDS = {"stage": "stage", "stadium": "stage", "grade": "grade", "grad": "grade"}
_AJCC = "http://cancerstaging.org"
"""AJCC's own codes: a stage, behind c or p."""


def level_of(word: str, terminology: Terminology) -> str | None:
    """The stage or grade that some words are, as in `grade-2`; None where they are neither."""
    said = _LEVEL.fullmatch(word)
    return terminology.status_words.get((_KINDS[said[1] or "stage"], said[2] or said[3])) if said else None


def levels_of(condition: Condition, grades: frozenset[str], terminology: Terminology) -> frozenset[str]:
    """How severe, how far advanced, how high a toxicity: by code, and by words that stand in the table as a whole."""
    if condition.severity is None and not condition.stage:
        return NOTHING
    words = terminology.status_words
    found = {words.get(("severity", word)) for word in _written(condition.severity)}
    for concept in (condition.severity, *(stage.summary for stage in condition.stage)):
        for word in _written(concept):
            found |= {level_of(word, terminology)}
        for coding in concept.coding if concept else ():
            if coding.system == _AJCC and coding.code:
                found |= {words.get(("stage", coding.code.casefold().lstrip("cp")))}
    return grades | {level for level in found if level is not None}


_SUMMARIES = {
    **dict.fromkeys(("severity-severe", "severity-life-threatening", "severity-fatal"), "severity-severe"),
    **dict.fromkeys(("severity-mild", "severity-moderate"), "severity-not-severe"),
    **dict.fromkeys(("stage-0", "stage-1", "stage-2"), "stage-not-advanced"),
    "stage-4": "stage-advanced",
}
"""What a level, by code or in words, comes to where only severe or advanced is asked; of a stage III nobody says."""


def summed_up(grades: frozenset[str], levels: frozenset[str]) -> frozenset[str]:
    """What levels come to where only severe or advanced is asked; beside a stage III, no stage is a low one."""
    found = grades | {_SUMMARIES[each] for each in levels if each in _SUMMARIES}
    return found - {"stage-not-advanced"} if any(each.startswith("stage-3") for each in levels) else found


NONE_OF_IT = frozenset({"grade-0"})


def _written(concept: CodeableConcept | None) -> set[str]:
    """The words of a concept, in plain letters."""
    return {plain(word) for word in _texts(concept)}


def _texts(concept: CodeableConcept | None) -> list[str]:
    """The text of a concept, and what its codings display."""
    if concept is None:
        return []
    return [word for word in (concept.text, *(coding.display for coding in concept.coding)) if word]


_GRADE_0 = re.compile(r"(?!.*(?:grad.*grad|sta(?:ge|dium)|[1-9]))(?:.*[\W_])?grade?:? ?0(?:[\W_].*)?")
"""A text that says a grade of 0, and no other: there is none of what is graded."""


def is_none(condition: Condition) -> bool:
    """Whether the name, the severity or a stage says so in words."""
    return any(
        "0" in word and _GRADE_0.fullmatch(plain(word))
        for concept in (condition.code, condition.severity, *(stage.summary for stage in condition.stage))
        for word in _texts(concept)
    )
