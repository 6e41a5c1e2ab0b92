"""Publish trials on a FHIR server."""

from collections.abc import Sequence

import anyio

from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import Json
from adapter.fhir.package import conformance
from adapter.fhir.publishing import Published
from adapter.fhir.publishing import publish as put
from adapter.screening.setup import Site, choose, definitions_of, load_setup

_CODES = ("CodeSystem", "ValueSet")


def trial_resources(studies: Sequence[str], site: Site) -> list[Json]:
    """The resources of the named trials (all if none is named), after what they share, in the site's terminology.

    Raises UnknownStudyError for an id that no definition has.
    """
    from mappings.trial.fhir import resources_of, shared_resources  # noqa: PLC0415  # its models take long to load

    terminology = load_setup(site, studies).terminology
    known = definitions_of(site)
    definitions = choose(known, studies)
    own = [resource for definition in definitions for resource in resources_of(definition, terminology)]
    return [*shared_resources(definitions, terminology, known), *own]


def publish_trials(
    server: ServerSettings, studies: Sequence[str], site: Site, *, with_profiles: bool = False
) -> list[Published]:
    """Put the trials on the server in one transaction; what became of each resource.

    `with_profiles`: our profiles and all codes before them, in a transaction of their own, since a server that
    validates must know them first. Raises UnknownStudyError, and ServerError where the server refuses: then nothing
    was written.
    """
    resources = trial_resources(studies, site)

    first = _profiles_and_codes(resources) if with_profiles else []
    rest = [each for each in resources if not (with_profiles and each["resourceType"] in _CODES)]

    async def written() -> list[Published]:
        async with open_client(server) as client:
            return [*(await put(client, first) if first else ()), *await put(client, rest)]

    return anyio.run(written)


def _profiles_and_codes(resources: Sequence[Json]) -> list[Json]:
    """Those of the FHIR package and the trials' own, which go before packaged ones: a site has criteria of its own."""
    packaged = conformance()
    found = {each["url"]: each for kind in (*_CODES, "StructureDefinition") for each in packaged[kind].values()}
    found |= {each["url"]: each for each in resources if each["resourceType"] in _CODES}
    return list(found.values())
