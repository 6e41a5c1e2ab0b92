"""A coded answer held against those that are asked for (CONFORMANCE: Values, coded answers)."""

from collections.abc import Iterable, Mapping

from adapter.criteria.catalogue import Analyte, CodedAnswer
from adapter.criteria.model import AnswerRange, Answers
from adapter.criteria.written import plain
from adapter.evaluator.chart import Chart, Reading
from adapter.evaluator.reason import Reason


def answers_of(test: Answers | AnswerRange, analyte: Analyte) -> Answers:
    """The answers that are asked for; those of a range are every one whose finest answers all lie in it."""
    if isinstance(test, Answers):
        return test
    ranked = analyte.ranked()
    low = 0 if test.low is None else ranked.index(analyte.finest(test.low)[0])
    high = len(ranked) if test.high is None else ranked.index(analyte.finest(test.high)[-1]) + 1
    within = frozenset(ranked[low:high])
    return Answers(tuple(name for name in analyte.answers if within.issuperset(analyte.finest(name))))


class Asked:
    """What answers are asked for, and how they stand to the others that the analyte may have."""

    def __init__(self, test: Answers | AnswerRange, analyte: Analyte) -> None:
        """Work out once which answers are one of those asked for, and which are too coarse to tell.

        What nobody could determine may be any answer; so may, of a range, what has no place in the order.
        """
        asked = frozenset(answers_of(test, analyte).any_of)
        open_ = frozenset(name for name, each in analyte.answers.items() if each.undetermined) - asked
        if isinstance(test, AnswerRange):
            ranked = frozenset(analyte.ranked())
            open_ |= frozenset(name for name in analyte.answers if ranked.isdisjoint(analyte.finest(name))) - asked
        broader = {
            name: frozenset(_broader(name, analyte.answers)) | (frozenset() if name in open_ else open_)
            for name in analyte.answers
        }
        self.broader = broader
        self.holding = frozenset(name for name in analyte.answers if asked & (broader[name] | {name}))
        self.coarse = frozenset().union(*(broader[name] for name in asked)) - self.holding
        self.words = dict(_words(analyte.answers.values()))

    def compare(self, reading: Reading, chart: Chart) -> tuple[Reason, str]:
        """The reason of a reading's answer."""
        del chart
        coded = (reading.fact.coded or frozenset()) & self.broader.keys()
        worded = self.words.get(plain(reading.fact.string or ""))
        said = coded if worded is None else coded | {worded}
        if self._contradict(said):
            return Reason.CONFLICTING, ""
        if not said.isdisjoint(self.holding):
            return Reason.VALUE_SATISFIES, ""
        if said and not said.isdisjoint(self.coarse) and self._finest(said) <= self.coarse:
            return Reason.NEEDS_REVIEW, "the answer is too coarse to tell"
        if said:
            return Reason.VALUE_FAILS, ""
        return (Reason.VALUE_NOT_COMPARABLE if reading.fact.coded is None else Reason.UNMAPPED_CODE), ""

    def _finest(self, said: frozenset[str]) -> frozenset[str]:
        return frozenset(name for name in said if not any(name in self.broader[other] for other in said))

    def _contradict(self, said: frozenset[str]) -> bool:
        """Whether two answers are given of which neither is a part of the other."""
        return len(self._finest(said)) > 1


def _broader(name: str, answers: Mapping[str, CodedAnswer]) -> Iterable[str]:
    """Every answer that this one is a part of, at any depth."""
    for other in answers.values():
        if name in other.parts:
            yield other.id
            yield from _broader(other.id, answers)


def _words(answers: Iterable[CodedAnswer]) -> Iterable[tuple[str, str]]:
    for answer in answers:
        for text in (answer.title, *answer.words):
            yield plain(text), answer.id
