"""What every use case needs: terminology, policy, the trials that are asked for, bound together; and the instant."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.policy import Policy
from adapter.criteria.study import RecruitmentStatus
from adapter.criteria.terminology import Coding, Terminology
from adapter.errors import UnknownStudyError, UsageError
from adapter.evaluator import BoundDefinition, bind
from adapter.record.when import parse
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.terminology.imports import load_releases
from mappings.trial import load_definitions

_LAST = time(23, 59, 59, 999_000)
_DATE_LENGTH = len("2026-03-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """How a site has set the adapter up, as names: enough for another process to load the same.

    `policy`: a shipped policy's id or a policy file; `trials`: a folder of further definitions; `stored`: definitions
    that a FHIR server holds, which go before shipped ones of the same id; `expansions`: what a terminology server adds
    to value sets; `terminology`: the file of imported releases.
    """

    policy: str = "strict"
    trials: Path | None = None
    stored: tuple[TrialDefinition, ...] = ()
    expansions: Mapping[str, Iterable[Coding]] = field(default_factory=dict)
    terminology: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The loaded site with the chosen trials, in the order asked for."""

    terminology: Terminology
    policy: Policy
    definitions: tuple[TrialDefinition, ...]
    bounds: tuple[BoundDefinition, ...]


def load_setup(site: SiteConfig, studies: Sequence[str] | None) -> Setup:
    """Load the site and bind the chosen trials; None chooses all of them.

    Raises UnknownStudyError, and DefinitionError where a file of the site is wrong.
    """
    definitions = choose(definitions_of(site), studies)
    policy = load_policy(site.policy)
    terminology = terminology_of(site, policy)
    bounds = tuple(bind(definition, terminology) for definition in definitions)
    return Setup(terminology=terminology, policy=policy, definitions=definitions, bounds=bounds)


def terminology_of(site: SiteConfig, policy: Policy) -> Terminology:
    """The packaged terminology with what the site's imports, its terminology server and its ConceptMaps add.

    Raises UsageError where the file of imports can't be read.
    """
    found = load_terminology().with_codes(site.expansions)
    for release in load_releases(site.terminology) if site.terminology else ():
        found = found.with_release(release)
    return found.with_local_maps(policy.local_maps)


def definitions_of(site: SiteConfig) -> tuple[TrialDefinition, ...]:
    """All definitions of a site: shipped ones, the folder's, the server's. Raises DefinitionError."""
    found = {definition.id: definition for definition in load_definitions(site.trials)}
    found.update({definition.id: definition for definition in site.stored})
    return tuple(found.values())


def choose(definitions: tuple[TrialDefinition, ...], studies: Sequence[str] | None) -> tuple[TrialDefinition, ...]:
    """The definitions of the asked ids, each once, in the order asked; all of them if none is asked."""
    if not studies:
        return definitions
    known = {definition.id: definition for definition in definitions}
    unknown = [study for study in studies if study not in known]
    if unknown:
        msg = f"no study {', '.join(map(repr, unknown))}; known are {', '.join(sorted(known))}"
        raise UnknownStudyError(msg)
    return tuple(known[study] for study in dict.fromkeys(studies))


def is_recruiting(definition: TrialDefinition) -> bool:
    """Whether the registry says that the study takes patients now."""
    return definition.study.status is RecruitmentStatus.RECRUITING


def trials_json(definitions: Iterable[TrialDefinition]) -> list[dict[str, Any]]:
    """One object a trial: what it is called and whom it asks for; the criteria themselves are in the definition."""
    return [_trial(definition) for definition in definitions]


def _trial(definition: TrialDefinition) -> dict[str, Any]:
    kinds = Counter(criterion.role.value for criterion in definition.criteria)
    return {
        "id": definition.id,
        "version": definition.version,
        "title": definition.study.title,
        "status": definition.study.status.value,
        "recruiting": is_recruiting(definition),
        "completeness": definition.completeness.value,
        "identifiers": [{"system": each.system, "value": each.value} for each in definition.identifiers],
        "index": list(definition.index),
        "criteria": dict(sorted(kinds.items())),
    }


def read_as_of(text: str, zone: ZoneInfo) -> datetime:
    """A FHIR dateTime with its zone as it is; a full date as the end of that day in the site's zone.

    Raises UsageError for anything else: half a date would leave open which day is meant.
    """
    try:
        when = parse(text)
    except ValueError:
        when = None
    if when is not None and when.moment is not None:
        return when.moment
    if when is None or when.first != when.last or len(text) != _DATE_LENGTH:
        msg = f"as-of {text!r} is no day or instant; write 2026-03-01, or 2026-03-01T12:00:00Z with its time zone"
        raise UsageError(msg)
    return datetime.combine(when.first, _LAST, zone)
