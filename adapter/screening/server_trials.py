"""Trials that a FHIR server holds in our form, whoever wrote or changed them there."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import anyio

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError, UsageError
from adapter.fhir.client import FhirClient, ServerSettings, Stored, open_client
from adapter.fhir.client.client import search_path
from adapter.screening.expansion import cache_folder, kept_expansions
from adapter.screening.servers import research_server, terminology_server
from adapter.screening.setup import Site
from mappings.terminology import load_terminology

_PROTOCOL = "PlanDefinition"


def site_of(policy: str, trials: str | None, environment: Mapping[str, str]) -> Site:
    """A site whose further definitions are in a folder, or on a FHIR server where `trials` is an address.

    What its terminology server knows, if it has one, is part of it.

    Raises UsageError where the folder is not there, and as `server_definitions`.
    """
    expansions = kept_expansions(terminology_server(environment), cache_folder(environment))
    if trials is None:
        return Site(policy=policy, expansions=expansions)
    if trials.startswith(("http://", "https://")):
        stored = server_definitions(research_server(environment, trials), load_terminology())
        return Site(policy=policy, stored=stored, expansions=expansions)
    folder = Path(trials)
    if not folder.is_dir():
        msg = f"no folder {trials} with trial definitions; name one, or a FHIR server's address"
        raise UsageError(msg)
    return Site(policy=policy, trials=folder, expansions=expansions)


def server_definitions(server: ServerSettings, terminology: Terminology) -> tuple[TrialDefinition, ...]:
    """The definitions on a server, by id.

    A ResearchStudy is in our form if it names an index disease as we do; others are not ours to judge. What is not
    understood of a criterion becomes a judgement that names it. Raises DefinitionError, naming the study, where
    something else of it can't be read, and ServerError where the server can't be.
    """
    from mappings.trial.fhir import parse  # noqa: PLC0415  # its models take long to load

    async def fetched() -> list[list[Stored]]:
        async with open_client(server) as client:
            return await _studies(client)

    found: dict[str, TrialDefinition] = {}
    for resources in anyio.run(fetched):
        try:
            definition = parse([each.json() for each in resources], terminology)
        except DefinitionError as error:
            msg = f"{server.url}/{resources[0].key}: {error}"
            raise DefinitionError(msg) from error
        if definition.id in found:
            msg = f"{server.url}: two ResearchStudies are the study {definition.id}; keep one"
            raise DefinitionError(msg)
        found[definition.id] = definition
    return tuple(found[id_] for id_ in sorted(found))


async def _studies(client: FhirClient) -> list[list[Stored]]:
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
    from mappings.trial.fhir.research_study import INDEX  # noqa: PLC0415  # as above

    return any(each.get("url") == INDEX.url for each in study.get("extension", ()))


def _protocols(study: Mapping[str, Any]) -> Iterable[str]:
    references = (each.get("reference", "") for each in study.get("protocol", ()))
    keys = ("/".join(each.partition("/_history/")[0].split("/")[-2:]) for each in references)
    return [key for key in keys if key.startswith(f"{_PROTOCOL}/")]
