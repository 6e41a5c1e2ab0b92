"""Publish trials on a FHIR server."""

from collections.abc import Sequence

import anyio

from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import Json
from adapter.fhir.publishing import Published
from adapter.fhir.publishing import publish as put
from adapter.screening.setup import Site, choose, definitions_of
from mappings.terminology import load_terminology


def trial_resources(studies: Sequence[str], site: Site) -> list[Json]:
    """The resources of the named trials (all if none is named), after what they share.

    Raises UnknownStudyError for an id that no definition has.
    """
    from mappings.trial.fhir import resources_of, shared_resources  # noqa: PLC0415  # its models take long to load

    terminology = load_terminology()
    known = definitions_of(site)
    definitions = choose(known, studies)
    own = [resource for definition in definitions for resource in resources_of(definition, terminology)]
    return [*shared_resources(definitions, terminology, known), *own]


def publish_trials(server: ServerSettings, studies: Sequence[str], site: Site) -> list[Published]:
    """Put the trials on the server in one transaction; what became of each resource.

    Raises UnknownStudyError, and ServerError where the server refuses: then nothing was written.
    """
    resources = trial_resources(studies, site)

    async def written() -> list[Published]:
        async with open_client(server) as client:
            return await put(client, resources)

    return anyio.run(written)
