"""What every use case needs: terminology, policy, the trials that are asked for, bound together; and the instant.

A site may take trials in our form and expansions of value sets from servers. Expansions are kept in a file for a while:
terminologies change by the month.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import msgspec

from adapter.criteria.model import TrialDefinition
from adapter.criteria.policy import Policy
from adapter.criteria.study import RecruitmentStatus
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.errors import DefinitionError, ServerError, UnknownStudyError, UsageError
from adapter.evaluator import BoundDefinition, bind
from adapter.evaluator.bound import types_read
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.client.client import search_path
from adapter.fhir.expansion import expansions
from adapter.record.bundle import Resource
from adapter.record.when import parse
from adapter.screening.settings import Variables, read, research_server, terminology_server
from mappings.policy import ROOT as DEFAULT_POLICY
from mappings.policy import load_policy, policy_texts
from mappings.site import Site, load_site, unresolved
from mappings.terminology.imports import load_releases
from mappings.terminology.related import with_relations
from mappings.terminology.wide import scalars, with_wide, words_that_name

_LAST = datetime.max.time().replace(microsecond=999_000)
_DATE_LENGTH = len("2026-03-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """How a site has set the adapter up, as names: enough for another process to load the same.

    `policy`: a shipped policy's id or a policy file, without one the site's own, else `strict`; `folder`: the site's
    folder (`mappings.site`); `trials`: a folder of further definitions; `stored`: definitions that a FHIR server holds,
    which go before the others of the same id; `expansions`: what a terminology server adds to value sets;
    `terminology`: the file of imported releases.
    """

    policy: str | None = None
    folder: Path | None = None
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
    types: frozenset[str] = field(init=False)
    """The resource types that any of them reads beside the Patient."""

    def __post_init__(self) -> None:
        """Found once: it is asked for each patient."""
        object.__setattr__(self, "types", types_read(self.bounds))


def load_setup(site: SiteConfig, studies: Sequence[str] | None) -> Setup:
    """Load the site and bind the chosen trials; None chooses all of them.

    Raises UnknownStudyError, and DefinitionError where a file of the site is wrong.
    """
    return next(load_setups(site, studies, (site.policy,)))


def load_setups(site: SiteConfig, studies: Sequence[str] | None, policies: Iterable[str | None]) -> Iterator[Setup]:
    """The same under several policies; None is the site's own."""
    loaded = load_site(site.folder, site.trials)
    definitions = choose(_all_definitions(loaded, site), studies)
    chosen = [name or loaded.policy or DEFAULT_POLICY for name in policies]
    held = with_wide(with_definitions(loaded.terminology, site.stored), _mapped_to(chosen))
    plain = _plain_terminology(held, site)
    for name in chosen:
        policy = load_policy(name, terminology=held)
        terminology = plain.with_local_maps(policy.local_maps)
        bounds = tuple(bind(definition, terminology) for definition in definitions)
        yield Setup(terminology=terminology, policy=policy, definitions=definitions, bounds=bounds)


def with_definitions(terminology: Terminology, definitions: Iterable[TrialDefinition]) -> Terminology:
    """The terminology with what definitions that stand in no file of the site name of the wider catalogue."""
    return with_wide(terminology, {text for definition in definitions for text in scalars(definition)})


def words_of(site: SiteConfig) -> tuple[Terminology, Policy]:
    """The terminology and the policy of a site, for what needs no trial: converters."""
    loaded = load_site(site.folder, site.trials)
    name = site.policy or loaded.policy or DEFAULT_POLICY
    held = with_wide(loaded.terminology, _mapped_to([name]))
    policy = load_policy(name, terminology=held)
    return _plain_terminology(held, site).with_local_maps(policy.local_maps), policy


def _mapped_to(policies: Iterable[str | Path]) -> set[str]:
    """What of the wider catalogue policies may name, in their local codes too."""
    return {name for each in policies for text in policy_texts(each) for name in words_that_name(text)}


def _plain_terminology(terminology: Terminology, site: SiteConfig) -> Terminology:
    """The site's terminology with what its imports and its terminology server add.

    Raises UsageError where the file of imports can't be read, and DefinitionError for a value set whose filters neither
    of them has resolved.
    """
    found = terminology.with_codes(site.expansions)
    expanded = set(site.expansions)
    for release in load_releases(site.terminology) if site.terminology else ():
        found = found.with_release(release)
        expanded |= release.members.keys()
    for id_, filter_ in unresolved(found, frozenset(expanded)):
        msg = (
            f"the value set {id_} asks for {filter_}, and nothing here knows what that is; name a terminology server "
            f"(TRIAL_ADAPTER_TERMINOLOGY_URL), import a release anew, or write the codes themselves"
        )
        raise DefinitionError(msg)
    return with_relations(found)


def definitions_of(site: SiteConfig) -> tuple[TrialDefinition, ...]:
    """All definitions of a site: shipped ones, the folders', the server's. Raises DefinitionError."""
    return _all_definitions(load_site(site.folder, site.trials), site)


def _all_definitions(loaded: Site, site: SiteConfig) -> tuple[TrialDefinition, ...]:
    found = {definition.id: definition for definition in loaded.definitions}
    found.update({definition.id: definition for definition in site.stored})
    return tuple(found.values())


def choose(definitions: tuple[TrialDefinition, ...], studies: Sequence[str] | None) -> tuple[TrialDefinition, ...]:
    """The definitions of the asked ids, each once, in the order asked; all of them if none is asked."""
    if not studies:
        return definitions
    known = {definition.id: definition for definition in definitions}
    unknown = [study for study in studies if study not in known]
    if unknown:
        near = dict.fromkeys(each for study in unknown for each in get_close_matches(study.lower(), known, n=1))
        meant = f"did you mean {' or '.join(map(repr, near))}? Known" if near else "known"
        msg = f"no study {', '.join(map(repr, unknown))}; {meant} are {', '.join(sorted(known))}"
        raise UnknownStudyError(msg)
    return tuple(known[study] for study in dict.fromkeys(studies))


def is_recruiting(definition: TrialDefinition) -> bool:
    """Whether the registry says that the study takes patients now."""
    return definition.study.status is RecruitmentStatus.RECRUITING


def recruiting_in_words(definition: TrialDefinition) -> str:
    """The sentence about a study that is not known to take patients now."""
    status = definition.study.status
    said = "is not known to be" if status is RecruitmentStatus.UNKNOWN else "is not"
    return f"This study {said} recruiting (registry: {status.value})."


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
        "index": list(definition.index_concepts()),
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


Expansions = Mapping[str, Iterable[Coding]]
_DAYS = 7
_SECONDS = _DAYS * 24 * 60 * 60

_kept = msgspec.json.Decoder(dict[str, list[Coding]])

_PROTOCOL = "PlanDefinition"


class _FileVariables(Variables):
    cache: Path | None = None
    terminology: Path | None = None


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where expansions are kept: TRIAL_ADAPTER_CACHE, or the user's cache folder."""
    own = read(_FileVariables, environment).cache
    return own or Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fhir-trial-adapter"


def imported_terminology(environment: Mapping[str, str]) -> Path | None:
    """The file of the releases that a site imported: TRIAL_ADAPTER_TERMINOLOGY."""
    return read(_FileVariables, environment).terminology


def kept_expansions(
    server: ServerSettings | None, folder: Path, terminology: Terminology, now: float | None = None
) -> Expansions:
    """What a terminology server adds to the value sets of a terminology; nothing without a server.

    It is asked anew after seven days; where it then can't say, what is kept in the folder stays. `now`: seconds since
    1970. Raises ServerError where it can't say and nothing is kept.
    """
    if server is None:
        return {}
    name = hashlib.sha256(f"{server.url} {terminology.hash}".encode()).hexdigest()[:32]
    path = folder / f"expansions-{name}.json"
    kept, age = _read(path, time.time() if now is None else now)
    if kept is not None and abs(age) < _SECONDS:  # what is from later was kept by a clock that was ahead
        return kept

    async def asked() -> dict[str, list[Coding]]:
        async with open_client(server) as client:
            return await expansions(client, terminology)

    try:
        found = anyio.run(asked)
    except ServerError:
        if kept is not None:
            return kept
        raise
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(msgspec.json.encode(found))
    temporary.replace(path)
    return found


def _read(path: Path, now: float) -> tuple[Expansions | None, float]:
    try:
        return _kept.decode(path.read_bytes()), now - path.stat().st_mtime
    except (OSError, msgspec.DecodeError):
        return None, 0


class _SiteVariables(Variables):
    site: Path | None = None


def site_folder(environment: Mapping[str, str], named: Path | None = None) -> Path | None:
    """The site's folder: the named one, else TRIAL_ADAPTER_SITE. Raises UsageError where it is not there."""
    folder = named or read(_SiteVariables, environment).site
    if folder is not None and not folder.is_dir():
        makes = f"`trial-adapter init {folder}` makes an example of one"
        advice = "it is a file; name the folder that holds trials/" if folder.is_file() else makes
        msg = f"no folder {folder} of a site; {advice}"
        raise UsageError(msg)
    return folder


def site_config(
    policy: str | None,
    trials: str | None,
    environment: Mapping[str, str],
    terminology: Path | None = None,
    folder: Path | None = None,
) -> SiteConfig:
    """A site whose further definitions are in a folder, or on a FHIR server where `trials` is an address.

    What its terminology server knows, if it has one, and what it imported are part of it. `folder`, `terminology`: the
    site's folder and the file of its imports, else the environment's.

    Raises UsageError where a folder is not there, and as `server_definitions`.
    """
    plain = SiteConfig(
        policy=policy,
        folder=site_folder(environment, folder),
        terminology=terminology or imported_terminology(environment),
    )
    stored = trials is not None and trials.startswith(("http://", "https://"))
    if trials is not None and not stored:
        own = Path(trials)
        if not own.is_dir():
            msg = f"no folder {trials} with trial definitions; name one, or a FHIR server's address"
            raise UsageError(msg)
        plain = replace(plain, trials=own)
    expanding = terminology_server(environment)
    if not stored and expanding is None:
        return plain
    held = load_site(plain.folder, plain.trials).terminology
    if stored:
        plain = replace(plain, stored=server_definitions(research_server(environment, trials), held))
    held = with_definitions(held, plain.stored)
    return replace(plain, expansions=kept_expansions(expanding, cache_folder(environment), held))


def server_definitions(server: ServerSettings, terminology: Terminology) -> tuple[TrialDefinition, ...]:
    """The definitions on a server, by id.

    A ResearchStudy is in our form if it says as we do whether its criteria are published; others are not ours to judge.
    What is not understood of a criterion becomes a judgement that names it. Raises DefinitionError, naming the study,
    where something else of it can't be read, and ServerError where the server can't be.
    """
    from mappings.trial.fhir import parse  # noqa: PLC0415  # its models take long to load

    async def fetched() -> list[list[Resource]]:
        async with open_client(server) as client:
            return await _studies(client)

    found: dict[str, TrialDefinition] = {}
    for resources in anyio.run(fetched):
        try:
            named = {name for each in resources for name in words_that_name(bytes(each.raw).decode())}
            definition = parse([each.json() for each in resources], with_wide(terminology, named))
        except DefinitionError as error:
            msg = f"{server.url}/{resources[0].key}: {error}"
            raise DefinitionError(msg) from error
        if definition.id in found:
            msg = f"{server.url}: two ResearchStudies are the study {definition.id}; keep one"
            raise DefinitionError(msg)
        found[definition.id] = definition
    return tuple(found[id_] for id_ in sorted(found))


async def _studies(client: FhirClient) -> list[list[Resource]]:
    """Each ResearchStudy in our form, with the plans that it names."""
    found = await client.search(
        "ResearchStudy", {"_include": "ResearchStudy:protocol", "_count": str(client.page_size)}
    )
    held = {each.key: each for each in found}
    ours = [(each, content) for each in found if each.type == "ResearchStudy" and _is_ours(content := each.json())]
    missing = {key for _, content in ours for key in _protocols(content)} - held.keys()
    if missing:
        ids = ",".join(sorted(key.partition("/")[2] for key in missing))
        held.update({each.key: each for each in (await client.find([search_path(_PROTOCOL, {"_id": ids})]))[0]})
    return [[study, *(held[key] for key in _protocols(content) if key in held)] for study, content in ours]


def _is_ours(study: Mapping[str, Any]) -> bool:
    from mappings.trial.fhir.study import COMPLETENESS  # noqa: PLC0415  # as above

    return any(each.get("url") == COMPLETENESS.url for each in study.get("extension", ()))


def _protocols(study: Mapping[str, Any]) -> Iterable[str]:
    references = (each.get("reference", "") for each in study.get("protocol", ()))
    keys = ("/".join(each.partition("/_history/")[0].split("/")[-2:]) for each in references)
    return [key for key in keys if key.startswith(f"{_PROTOCOL}/")]
