"""What must hold of a patient or a result for a difference of a listed kind (listed.yaml), by the rule's name."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from adapter.criteria.calendar import Hours
from adapter.criteria.expression import Known
from adapter.criteria.model import Criterion, Leaf, parts_of
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.criteria.value_set import CONCEPTS
from adapter.evaluator import BoundDefinition, CriterionResult, Reason, evaluate_all
from adapter.evaluator.kind import Rule, kind_of, reads_of
from adapter.evaluator.moment import span
from adapter.kinds.events.linked import Link
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.timing import farthest
from adapter.record import read_record
from adapter.record.when import parse
from tests.agreement.plain import BOUNDING, LEVELS, attested, depth, is_in_words, resources, unsaid
from tests.agreement.site import TERMINOLOGY
from tests.properties.core import flat

_DISPUTED = (Reason.UNDATED, Reason.PRELIMINARY, Reason.NEEDS_REVIEW)


class Seen(NamedTuple):
    """What a difference was seen in."""

    bundle: bytes
    policy: Policy
    terminology: Terminology
    bound: BoundDefinition
    as_of: datetime

    def told(self, bundle: bytes, policy: Policy) -> Mapping[str | None, str]:
        """What the evaluator says of another Bundle, under another policy."""
        record = unsaid(read_record(bundle, self.terminology))
        (verdict,) = evaluate_all((self.bound,), record, self.as_of, policy)
        return {each.id: each.result.value for each in flat(verdict.criteria)}


def _assumed(result: CriterionResult, seen: Seen) -> bool:
    """The result, or a part of it, rests on an assumption of the policy."""
    del seen
    return any(each.assumed for each in flat([result]))


def _normal_limits(result: CriterionResult, seen: Seen) -> bool:
    """The evidence is a result that is compared with the site's limits."""
    return any(_has_sites_limits(each, seen) for name, each in by_name(seen.bundle) if name in shown_by(result))


def _has_sites_limits(resource: dict[str, Any], seen: Seen) -> bool:
    """Whether it is without a range for everybody, of an analyte of which the site has limits of its own."""
    return bool(_sets(resource) & seen.policy.normal_limits.keys()) and not any(
        range_.keys() == {"high"} for range_ in resource.get("referenceRange", [])
    )


def _in_words(result: CriterionResult, seen: Seen) -> bool:
    """A result, or its limits, stand in words that are neither one of the table nor a plain number."""
    del result
    return any(is_in_words(each) for each in resources(seen.bundle) if each["resourceType"] == "Observation")


def disputing(result: CriterionResult, seen: Seen) -> Iterator[dict[str, Any]]:
    """The results that leaves show which wait because one of them is undated, not sure, or against what a list says."""
    waiting = [each for each in flat([result]) if not each.parts and each.reason in _DISPUTED]
    named = {name for each in waiting for name in shown_by(each)}
    return (each for name, each in by_name(seen.bundle) if name in named and each["resourceType"] == "Observation")


def _attested_instead(result: CriterionResult, seen: Seen) -> bool:
    """The libraries know less, as above, and somebody has attested the criterion or a part of it."""
    ids = {each.id for each in flat([result])} - {None}
    said = {code.partition(".")[2] for each in resources(seen.bundle) for code in attested(each)}
    return bool(ids & said) and (_in_words(result, seen) or _normal_limits(result, seen))


def _raised_since(result: CriterionResult, seen: Seen) -> bool:
    """An attestation is shown beside evidence of its criterion, or its parts, that is newer or was recorded since."""
    named = dict(by_name(seen.bundle))
    said = {name for name, each in named.items() if attested(each)}
    for each in flat([result]):
        words = [_end(shown.time, seen.policy) for shown in each.evidence if shown.resource in said]
        below = [shown for part in flat([each]) for shown in part.evidence if shown.resource not in said]
        recorded = (named.get(shown.resource, {}).get("recordedDate") for shown in below)
        others = [_end(time, seen.policy) for time in (*(shown.time for shown in below), *recorded)]
        if words and others and max(others) > max(words):
            return True
    return False


def _end(time: str | None, policy: Policy) -> datetime:
    """When what is shown had been at the latest; before all else, if nobody says when."""
    try:
        return span(parse((time or "").rstrip("/").rpartition("/")[2]), policy.time_zone).end
    except ValueError:  # none, or an age
        return datetime.min.replace(tzinfo=UTC)


def _pregnancy_ruled_out(result: CriterionResult, seen: Seen) -> bool:
    """The result, or a part of it, doesn't apply by the site's rules on pregnancy, or contradicts them."""
    has_rules = seen.policy.pregnancy_ruled_out_from is not None or seen.policy.pregnancy_ruled_out_by
    return bool(has_rules) and any(_ruled_out(each) for each in flat([result]))


def _ruled_out(result: CriterionResult) -> bool:
    """What rules a pregnancy out is shown first: an age, or a procedure."""
    if result.reason is not Reason.CONFLICTING or not result.evidence:
        return result.reason is Reason.NOT_APPLICABLE
    first = result.evidence[0]
    return first.element == "birthDate" or first.resource.startswith("Procedure/")


def _several_versions(result: CriterionResult, seen: Seen) -> bool:
    """A resource of the Bundle stands in it in several versions."""
    del result
    names = [name for name, _ in by_name(seen.bundle)]
    return len(names) != len(set(names))


def _replaced_patient(result: CriterionResult, seen: Seen) -> bool:
    """Another Patient of the Bundle has replaced one."""
    del result
    patients = [each for each in resources(seen.bundle) if each["resourceType"] == "Patient"]
    return any(link["type"] == "replaced-by" for each in patients for link in each.get("link", []))


def _deep_provision(result: CriterionResult, seen: Seen) -> bool:
    """The evidence is a Consent with provisions more than two levels below its own."""
    consents = [each for name, each in by_name(seen.bundle) if name in shown_by(result)]
    return any(depth(each.get("provision", {})) > LEVELS for each in consents)


def _named_elsewhere(result: CriterionResult, seen: Seen) -> bool:
    """What is asked is named outside its own list, or a diagnosis says that it was done; and a denial counts."""
    leaves = [each for each in flat([result]) if not each.parts and _may_rest_on_denial(each, seen)]
    ids = {each.id for each in leaves}
    asked = [each.statement for each in seen.bound.definition.walk() if each.id in ids or None in ids]
    catalogue = seen.terminology.catalogue
    names = {read.name for leaf in asked for read in reads_of(leaf, catalogue)} if leaves else set()
    told = (word for id_, each in catalogue.exposures.items() if id_ in names for word in (id_, *each.told_by))
    record = read_record(seen.bundle, seen.terminology)
    return (
        any(record.mentions.get(name) for name in names)
        or any(record.conditions.get(name) for name in told)
        or (b"suspectEntity" in seen.bundle and not names.isdisjoint(catalogue.exposures))
    )


def _named_in_words(result: CriterionResult, seen: Seen) -> bool:
    """Words name something outside its list, and are shown; or another disease than the code beside them."""
    record = read_record(seen.bundle, seen.terminology)
    said = {(each.source.resource, each.shown) for many in record.mentions.values() for each in many if not each.codes}
    said |= {
        (each.source.resource, each.shown) for many in record.observations.values() for each in many if each.string
    }
    shown = {(shown.resource, shown.value) for each in flat([result]) for shown in each.evidence}
    explained = " ".join(each.explanation for each in flat([result]))
    return (
        not shown.isdisjoint(said)
        or any(
            f"({resource})" in explained  # a treatment that raises a value
            for resource, _ in said
        )
        or any(
            code.system == CONCEPTS  # what words name in place of a diagnosis' code; another entry may be shown
            for each in record.all_conditions
            for code in each.codes
        )
    )


def _may_rest_on_denial(result: CriterionResult, seen: Seen) -> bool:
    """All but a leaf that is met by what is on record; no treatment, or at most so many, is met by a denial too."""
    if result.result is not Truth.MET or result.reason is not Reason.RECORDED:
        return True
    asked = next((each.statement for each in seen.bound.definition.walk() if each.id == result.id), None)
    return (
        asked is None
        or getattr(asked, "at_most", None) is not None
        or getattr(asked, "relation", None) is Link.UNTREATED_BY
    )


def _order_bounded(result: CriterionResult, seen: Seen) -> bool:
    """An order is bounded by something that the libraries don't read."""
    del result
    return any(word in seen.bundle for word in BOUNDING)


def _results_inside(result: CriterionResult, seen: Seen) -> bool:
    """A report or a panel of the Bundle contains a result, is by its name a donor's, or was entered in error."""
    del result
    writing = seen.terminology.writing
    for each in resources(seen.bundle):
        if each["resourceType"] not in ("DiagnosticReport", "Observation"):
            continue
        code = each.get("code", {})
        names = (code.get("text", ""), *(coding.get("display", "") for coding in code.get("coding", ())))
        if (
            any(held.get("resourceType") == "Observation" for held in each.get("contained", ()))
            or any(writing.is_of_donor(name) is not False for name in names)
            or (each.get("status") == "entered-in-error" and (each.get("result") or each.get("hasMember")))
        ):
            return True
    return False


def _not_written(result: CriterionResult, seen: Seen) -> bool:
    """A statement in it has no rule of its own in CQL: null, and waiting for data."""
    ids = {each.id for each in flat([result])} - {None}
    return not ids.isdisjoint(_without_rule(seen.bound, seen.terminology))


def _without_rule(bound: BoundDefinition, terminology: Terminology) -> set[str | None]:
    """A study's criteria, parts and all that they are parts of, with a statement that no function says."""

    def told(criterion: Criterion) -> Iterator[str | None]:
        parts = parts_of(criterion.statement)
        below = [name for part in parts for name in told(part)]
        leaf = criterion.statement
        silent = isinstance(leaf, Leaf) and (
            kind_of(leaf).rule(leaf, terminology.catalogue) == Rule(Known.UNKNOWN) or _in_hours(leaf, terminology)
        )
        yield from below
        if silent or below:
            yield criterion.id

    return {name for top in bound.definition.criteria for name in told(top.criterion)}


def _in_hours(leaf: Leaf, terminology: Terminology) -> bool:
    """Whether half-lives are asked of a drug whose window may be one in hours."""
    if not isinstance(leaf, Exposure) or leaf.half_lives is None:
        return False
    codes = {code for name in leaf.concepts for code in terminology.codes(name)}
    return any(
        isinstance(window, Hours)
        for name, each in terminology.catalogue.exposures.items()
        if each.half_life is not None and not codes.isdisjoint(terminology.codes(name))
        for window in farthest([leaf.look_back, each.half_life.times(leaf.half_lives)])
    )


def _sets(resource: dict[str, Any]) -> frozenset[str]:
    codings = resource.get("code", {}).get("coding", [])
    found = [TERMINOLOGY.value_sets_of(each.get("system"), each.get("code")) or frozenset() for each in codings]
    return frozenset().union(*found)


def shown_by(result: CriterionResult) -> set[str]:
    """The resources that it, or a part of it, stands on, by Type/id."""
    return {evidence.resource for each in flat([result]) for evidence in each.evidence}


def by_name(bundle: bytes) -> list[tuple[str, dict[str, Any]]]:
    """What stands in a Bundle, each with its Type/id."""
    return [(f"{each['resourceType']}/{each.get('id')}", each) for each in resources(bundle)]


RULES: Mapping[str, Callable[[CriterionResult, Seen], bool]] = {
    "assumed": _assumed,
    "normal-limits": _normal_limits,
    "in-words": _in_words,
    "disputed-in-words": lambda result, seen: any(map(is_in_words, disputing(result, seen))),
    "disputed-by-limits": lambda result, seen: any(_has_sites_limits(each, seen) for each in disputing(result, seen)),
    "attested-instead": _attested_instead,
    "raised-since": _raised_since,
    "pregnancy-ruled-out": _pregnancy_ruled_out,
    "several-versions": _several_versions,
    "replaced-patient": _replaced_patient,
    "deep-provision": _deep_provision,
    "not-written": _not_written,
    "named-elsewhere": _named_elsewhere,
    "named-in-words": _named_in_words,
    "order-bounded": _order_bounded,
    "results-inside": _results_inside,
}
"""What must hold for a difference of a kind; what holds of the decision is said where decisions are compared."""
