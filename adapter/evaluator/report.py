"""Evaluated criteria -> results with sentences, evidence and data needs, as a reader wants them.

Which data would settle an open leaf: type, concept, codes and window (CONFORMANCE: Evidence, missing, lifetime).

Whether time or treatment can change a criterion that fails, and when (CONFORMANCE: Evidence, missing, lifetime).

A truth stands on its leaves. Each of them may change never, any day (a result, a treatment, a word), or on a day that
is known (a birthday, the end of a window). A criterion may be another one as soon as so many of its leaves may have
changed that the others don't settle it any more.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum, auto
from operator import attrgetter
from typing import NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from adapter.criteria.calendar import Length
from adapter.criteria.catalogue import Catalogue, Effort
from adapter.criteria.join import truth_of
from adapter.criteria.model import Combinator, CriterionRole, Leaf
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.truth import UNKNOWN, Truth
from adapter.criteria.value_set import Coding
from adapter.evaluator.attestation import CLASS, SYSTEM
from adapter.evaluator.bound import BoundDefinition
from adapter.evaluator.chart import MOST_SITUATIONS, Chart
from adapter.evaluator.decision import AGAINST
from adapter.evaluator.kind import ByTime, Outlook, kind_of, reads_of
from adapter.evaluator.moment import Moment, Span, instant_of, moment_at
from adapter.evaluator.reads import ATTESTATION, Read, Role
from adapter.evaluator.reason import AWAITS_PERSON, Reason
from adapter.evaluator.tree import Node, passes_over
from adapter.evaluator.verdict import ATTESTED, Codes, CriterionResult, DataNeed, Evidence, Told, each_once
from adapter.evaluator.wording import explanation

_BY_PERSON = (AWAITS_PERSON | {Reason.NEEDS_REVIEW, Reason.NOT_PUBLISHED}) - {Reason.AWAITS_CONSENT}


def settled_by_person(leaf: Node) -> bool:
    """Whether an attestation is what would settle an unknown leaf."""
    return leaf.outcome.reason in _BY_PERSON


def needs(
    statement: Leaf | Combinator,
    criterion: str,
    attestation: str | None,
    terminology: Terminology,
    policy: Policy,
    lacks: tuple[str, ...] = (),
) -> tuple[DataNeed, ...]:
    """The data needs of an unknown leaf, tests first; `lacks`: of what it reads beside, what would settle it, too.

    `criterion` is the id of the nearest criterion that has one, `attestation` the code of the attestation
    (`<study>.<criterion id>`) that would settle it, where a person can.
    """
    asked = [read for read in reads_of(statement, terminology.catalogue) if _is_asked(read)]
    ordered = [read for role in (Role.TEST, Role.ASKED) for read in asked if read.role is role]
    ordered += [read for name in lacks for read in asked if read.role is Role.BESIDE and read.name == name]
    found = tuple(dict.fromkeys(_need(read, criterion, terminology, policy) for read in ordered))
    if attestation is None:
        return found
    coding = Coding(SYSTEM, attestation)
    within = str(policy.freshness[CLASS])
    return (DataNeed("Observation", f"{ATTESTED}{attestation}", Codes([coding]), within, (criterion,)), *found)


def by_effort(found: Iterable[DataNeed], catalogue: Catalogue) -> tuple[DataNeed, ...]:
    """What would settle most criteria first, of the same number what takes the least effort; consent last."""
    needs = list(found)
    for need in needs:
        if need.rank is None:
            effort = effort_of(need, catalogue)
            need.rank = effort is Effort.CONSENT, -len(need.criteria), _EFFORTS[effort]
    needs.sort(key=_RANK)
    return tuple(needs)


_RANK = attrgetter("rank")
_EFFORTS = {effort: place for place, effort in enumerate(Effort)}


def effort_of(need: DataNeed, catalogue: Catalogue) -> Effort:
    """What it takes to get the data: a look into the record, for all that is no Observation."""
    if need.concept.startswith(ATTESTED):
        return Effort.JUDGEMENT
    if need.type == "Consent":
        return Effort.CONSENT
    analyte = catalogue.analytes.get(need.concept) if need.type == "Observation" else None
    if analyte is None:
        return Effort.RECORD
    return analyte.effort or catalogue.efforts.get(analyte.freshness, Effort.LABORATORY)


def value_sets(statements: Iterable[Leaf | Combinator], terminology: Terminology) -> dict[str, Codes]:
    """The codes of every concept that data needs of these statements may name, but for attestations."""
    reads = {read.name for each in statements for read in reads_of(each, terminology.catalogue) if _is_asked(read)}
    found = {name: _codes(name, terminology) for name in sorted(reads)}
    return {name: codes for name, codes in found.items() if codes}


def _is_asked(read: Read) -> bool:
    return read.data is not ATTESTATION


def _need(read: Read, criterion: str, terminology: Terminology, policy: Policy) -> DataNeed:
    within = read.window or (policy.freshness[read.freshness] if read.freshness else None)
    codes = _codes(read.name, terminology)
    return DataNeed(read.data.places[0].type, read.name, codes, str(within) if within else None, (criterion,))


def _codes(name: str, terminology: Terminology) -> Codes:
    """A concept's codes, without their displays: a request for data needs no more."""
    known: dict[str, Codes] = terminology.memos.setdefault("needs", {})
    codes = known.get(name)
    if codes is None:
        codes = known[name] = Codes(Coding(each.system, each.code) for each in terminology.codes(name))
    return codes


class Future(NamedTuple):
    """What may become of a definite truth.

    `lasting`: neither time nor treatment changes it. `until`: it can't be another one before; None: any day, or never.
    """

    lasting: bool
    until: datetime | None = None


def future(node: Node, chart: Chart, moment: Moment, terminology: Terminology) -> Future:
    """What may become of a node with a definite truth, if nobody corrects the record."""
    ends = {id(leaf): _end(leaf, chart, moment, terminology) for leaf in _standing(node)}
    for instant in sorted({end for end in ends.values() if end is not None}):
        if _at(node, instant, ends) is not node.outcome.truth:
            return Future(lasting=False, until=instant if instant > moment.as_of else None)
    return Future(lasting=True)


def _is_leaf(node: Node) -> bool:
    """Whether nothing below it decides: it has no parts, or a person's word stands in their place."""
    return not node.parts or (node.outcome.reason is Reason.ATTESTED and node.decider is None)


def _standing(node: Node) -> Iterator[Node]:
    """The definite leaves that it may stand on."""
    if not _is_leaf(node):
        for part in node.parts:
            yield from _standing(part)
    elif node.outcome.truth is not UNKNOWN:
        yield node


def _at(node: Node, instant: datetime, ends: dict[int, datetime | None]) -> Truth:
    """The truth that is sure still to stand at an instant."""
    if _is_leaf(node):
        end = ends.get(id(node))
        return UNKNOWN if end is not None and end <= instant else node.outcome.truth
    return truth_of(node.bound.statement, [_at(part, instant, ends) for part in node.parts])


def _end(leaf: Node, chart: Chart, moment: Moment, terminology: Terminology) -> datetime | None:
    """The first instant at which a leaf may come to something else; the moment's own for any day; None: never."""
    statement, found = leaf.bound.statement, leaf.outcome
    if found.assumed or found.reason is Reason.ATTESTED:
        return moment.as_of
    if found.reason is Reason.NOT_APPLICABLE:
        return None
    if not isinstance(statement, Leaf):
        return None
    match kind_of(statement).outlook(statement, found.truth, terminology.catalogue):
        case Outlook.LASTING:
            return None
        case ByTime(within):
            ends = [end for end in (_changed(leaf, chart, moment), _passed(within, moment)) if end is not None]
            return min(ends, default=None)
        case _:
            return moment.as_of


def _changed(leaf: Node, chart: Chart, moment: Moment) -> datetime | None:
    """The first instant at which the same data give another truth."""
    evaluation = leaf.bound.evaluation
    if evaluation is None:
        return None
    instants = {instant for each in leaf.outcome.changes if (instant := instant_of(each, moment)) > moment.as_of}
    for instant in sorted(instants):
        later = evaluation(chart, moment_at(instant, moment.zone))
        if later.truth is not leaf.outcome.truth and later.reason is not Reason.IMPLAUSIBLE:
            return instant  # that nobody gets so old makes no elderly patient young
    return None


def _passed(within: Length | None, moment: Moment) -> datetime | None:
    """When a window that reaches back from then will no longer reach today."""
    now = Span(moment.as_of, moment.as_of, moment.day, moment.day)
    left = moment.leaving_time(now, within) if within else ()
    return instant_of(left[0], moment) if left else None


class Telling:
    """What a verdict tells when it is first asked, and the same ever after."""

    __slots__ = ("_of", "_told")

    def __init__(
        self, criteria: Sequence[tuple[CriterionRole, Node]], bound: BoundDefinition, chart: Chart, moment: Moment
    ) -> None:
        """Nothing is told yet."""
        self._of = criteria, bound, chart, moment
        self._told: Told | None = None

    def __call__(self) -> Told:
        """One result a criterion, and what is missing."""
        if self._told is None:
            self._told = results(*self._of)
        return self._told


def results(
    criteria: Sequence[tuple[CriterionRole, Node]], bound: BoundDefinition, chart: Chart, moment: Moment
) -> Told:
    """One result a criterion. A part without an id lends its parts, evidence and needs to the one above it."""
    teller = _Teller(bound, chart, moment)
    found: list[CriterionResult] = []
    for role, node in criteria:
        truth = node.outcome.truth
        bearing = _OPEN if truth is UNKNOWN else _RULING_OUT if truth is AGAINST[role] else _NONE
        found.append(teller.result(role, node, bearing))
    return Told(tuple(found), by_effort(each_once(teller.missed), bound.terminology.catalogue))


class Bearing(Enum):
    """What a criterion, or a part with the criteria above it, does to the patient's case."""

    OPEN = auto()
    AGAINST = auto()
    NONE = auto()


_OPEN, _RULING_OUT, _NONE = Bearing


def _of_part(above: Bearing, whole: Node, place: int) -> Bearing:
    """A part bears on the case only where the criterion above it does, and stands on it."""
    if above is _OPEN:
        if whole.parts[place].outcome.truth is not UNKNOWN:
            return _NONE
        untaken = whole.bound.untaken and passes_over(whole.bound, whole.parts, place)
        return _NONE if untaken else _OPEN
    return _RULING_OUT if above is _RULING_OUT and whole.stands_on(place) else _NONE


class _Teller:
    """Tells results; holds what is the same for all of a verdict's criteria."""

    def __init__(self, bound: BoundDefinition, chart: Chart, moment: Moment) -> None:
        self.bound = bound
        self.chart = chart
        self.moment = moment
        self.policy = chart.policy
        self.situation = chart.situation
        self.missed: list[DataNeed] = []
        """What is missing of the results that were told, in their order."""

    def result(self, role: CriterionRole, node: Node, bearing: Bearing) -> CriterionResult:
        """The result of a criterion; of one without any data, told once."""
        bound, found, parts = node.bound, node.outcome, node.parts
        if node.blank and bearing is not _RULING_OUT:
            known = bound.told.get((self.situation, bearing is _OPEN))
            if known is None or known[0].role is not role:
                known = self.without_data(role, node, bearing)
            self.missed += known[1]
            return known[0]
        shown = found.evidence
        missing: tuple[DataNeed, ...] = ()
        lasting: bool | UnsetType = UNSET
        until: datetime | None = None
        if bearing is _OPEN:
            if not parts or bound.lends:
                missing = self.missing(node, bound.name or "")
                self.missed += missing
        elif bearing is _RULING_OUT:
            lasting, until = future(node, self.chart, self.moment, self.bound.terminology)
        told: tuple[CriterionResult, ...] = ()
        if not parts:
            sentence = explanation(bound.words, found)
        elif not bound.lends:
            told, of_decider = self.parts(role, node, bearing)
            sentence = self.explanation(node, of_decider)
        else:
            told, shown = self.lent(role, node, bearing)
            sentence = self.explanation(node)
        if len(shown) > 1:
            shown = tuple(dict.fromkeys(shown))
        return CriterionResult(
            bound.name or "",
            role,
            bound.criterion.label,
            found.truth,
            found.reason,
            found.assumed,
            sentence,
            shown,
            missing,
            told,
            lasting,
            until,
        )

    def without_data(
        self, role: CriterionRole, node: Node, bearing: Bearing
    ) -> tuple[CriterionResult, tuple[DataNeed, ...]]:
        """The result of a criterion without any data, and what is missing of it."""
        before = len(self.missed)
        told = self.result(role, replace(node, blank=False), bearing)
        found = told, tuple(self.missed[before:])
        del self.missed[before:]
        return kept(node.bound.told, (self.situation, bearing is _OPEN), found, most=MOST_SITUATIONS)

    def parts(
        self, role: CriterionRole, node: Node, bearing: Bearing
    ) -> tuple[tuple[CriterionResult, ...], str | None]:
        """The results of parts which all have an id, and the sentence of the one that decides."""
        found: list[CriterionResult] = []
        decider, sentence = node.decider, None
        for place, part in enumerate(node.parts):
            told = self.result(role, part, _NONE if bearing is _NONE else _of_part(bearing, node, place))
            if part is decider:
                sentence = told.explanation
            found.append(told)
        return tuple(found), sentence

    def lent(
        self, role: CriterionRole, node: Node, bearing: Bearing
    ) -> tuple[tuple[CriterionResult, ...], tuple[Evidence, ...]]:
        """The results of the parts, and the evidence, where a part without an id lends its own."""
        told: list[CriterionResult] = []
        shown = [*node.outcome.evidence]
        self.lend(role, node, bearing, told, shown)
        return tuple(told), tuple(shown)

    def lend(
        self, role: CriterionRole, node: Node, bearing: Bearing, told: list[CriterionResult], shown: list[Evidence]
    ) -> None:
        """The results of the parts; one without an id lends its own, and what it stands on."""
        for place, part in enumerate(node.parts):
            below = _of_part(bearing, node, place)
            if part.bound.name:
                told.append(self.result(role, part, below))
            else:
                shown += part.outcome.evidence
                if part.parts:
                    self.lend(role, part, below, told, shown)

    def explanation(self, node: Node, of_decider: str | None = None) -> str:
        """The sentence of a node; of what its parts say, of which one decides, by its own sentence."""
        decider = node.decider
        if decider is None:
            return explanation(node.bound.words, node.outcome)
        if node.outcome.truth is UNKNOWN:
            names = [part.bound.name for part in node.open]
            if len(names) > 1 and all(names):
                return f"open: {', '.join(name or '' for name in names)}"
        name, told = decider.bound.name, of_decider or self.explanation(decider)
        return f"{name}: {told}" if name else told

    def missing(self, node: Node, name: str) -> tuple[DataNeed, ...]:
        if not node.parts:
            return self.needs(node, name)
        found: dict[tuple[str, str, str | None, tuple[str, ...]], DataNeed] = {}
        for part in node.open:
            if not part.bound.name:
                for need in self.missing(part, name):
                    found.setdefault((need.type, need.concept, need.within, need.criteria), need)
        return tuple(found.values())

    def needs(self, leaf: Node, name: str) -> tuple[DataNeed, ...]:
        known, outcome = leaf.bound.needs, leaf.outcome
        key = (self.policy.hash, outcome.reason, outcome.lacks)
        found = known.get(key)
        if found is None:
            attestation = f"{self.bound.definition.id}.{name}" if settled_by_person(leaf) else None
            found = needs(leaf.bound.statement, name, attestation, self.bound.terminology, self.policy, outcome.lacks)
            known[key] = found
        return found
