"""Publish trials as FHIR resources: on a FHIR server, or into a folder, one file a resource."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio

from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import Json
from adapter.fhir.publishing import Published, conformance
from adapter.fhir.publishing import publish as put
from adapter.screening.setup import SiteConfig, choose, load_setup

_CODES = ("CodeSystem", "ValueSet")


def trial_resources(studies: Sequence[str], site: SiteConfig) -> list[Json]:
    """The resources of the named trials (all if none is named), after what they share, in the site's terminology.

    Raises UnknownStudyError for an id that no definition has.
    """
    from mappings.trial.fhir import resources_of, shared_resources  # noqa: PLC0415  # its models take long to load

    setup = load_setup(site, None)
    known, terminology = setup.definitions, setup.terminology
    definitions = choose(known, studies)
    own = [resource for definition in definitions for resource in resources_of(definition, terminology)]
    return [*shared_resources(definitions, terminology, known), *own]


def publish_trials(
    server: ServerSettings, studies: Sequence[str], site: SiteConfig, *, with_profiles: bool = False
) -> list[Published]:
    """Put the trials on the server in one transaction; what became of each resource.

    `with_profiles`: our profiles and all codes before them, in a transaction of their own, since a server that
    validates must know them first. Raises UnknownStudyError, and ServerError where the server refuses: then nothing
    was written.
    """
    resources = trial_resources(studies, site)
    transactions = [resources]
    if with_profiles:
        rest = [each for each in resources if each["resourceType"] not in _CODES]
        transactions = [_profiles_and_codes(resources), rest]

    async def written() -> list[Published]:
        async with open_client(server) as client:
            return [done for each in transactions for done in await put(client, each)]

    return anyio.run(written)


def _profiles_and_codes(resources: Sequence[Json]) -> list[Json]:
    """Those of the FHIR package and the trials' own, which go before packaged ones: a site has criteria of its own."""
    packaged = conformance()
    found = {each["url"]: each for kind in (*_CODES, "StructureDefinition") for each in packaged[kind].values()}
    found |= {each["url"]: each for each in resources if each["resourceType"] in _CODES}
    return list(found.values())


def build_trials(studies: tuple[str, ...], site: SiteConfig, out: Path) -> Iterator[Path]:
    """Write the resources of the named trials (all if none is named) and what they share; yields each file.

    Raises UnknownStudyError for an id that no definition has.
    """
    from mappings.trial.fhir import encode  # noqa: PLC0415  # its models take long to load

    resources = trial_resources(studies, site)
    out.mkdir(parents=True, exist_ok=True)
    for resource in resources:
        path = out / f"{resource['resourceType']}-{resource['id']}.json"
        path.write_bytes(encode(resource))
        yield path
