"""What every use case needs: terminology, policy, and the trials that are asked for, bound to each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.policy import Policy
from adapter.criteria.study import RecruitmentStatus
from adapter.criteria.terminology import Coding, Terminology
from adapter.errors import UnknownStudyError
from adapter.evaluator import BoundDefinition, bind
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """How a site has set the adapter up, as names: enough for another process to load the same.

    `policy`: a shipped policy's id or a policy file; `trials`: a folder of further definitions; `stored`: definitions
    that a FHIR server holds, which go before shipped ones of the same id; `expansions`: what a terminology server adds
    to value sets.
    """

    policy: str = "strict"
    trials: Path | None = None
    stored: tuple[TrialDefinition, ...] = ()
    expansions: Mapping[str, Iterable[Coding]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The loaded site with the chosen trials, in the order asked for."""

    terminology: Terminology
    policy: Policy
    definitions: tuple[TrialDefinition, ...]
    bounds: tuple[BoundDefinition, ...]


def load_setup(site: Site, studies: Sequence[str] | None) -> Setup:
    """Load the site and bind the chosen trials; None chooses all of them.

    Raises UnknownStudyError, and DefinitionError where a file of the site is wrong.
    """
    definitions = choose(definitions_of(site), studies)
    policy = load_policy(site.policy)
    terminology = terminology_of(site, policy)
    bounds = tuple(bind(definition, terminology) for definition in definitions)
    return Setup(terminology=terminology, policy=policy, definitions=definitions, bounds=bounds)


def terminology_of(site: Site, policy: Policy) -> Terminology:
    """The packaged terminology with what the site's terminology server and its policy's ConceptMaps add."""
    return load_terminology().with_codes(site.expansions).with_local_maps(policy.local_maps)


def definitions_of(site: Site) -> tuple[TrialDefinition, ...]:
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
