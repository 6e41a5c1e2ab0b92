"""Write trials as FHIR resources into a folder, one file a resource."""

from collections.abc import Iterator
from pathlib import Path

from adapter.screening.publish import trial_resources
from adapter.screening.setup import Site


def build_trials(studies: tuple[str, ...], site: Site, out: Path) -> Iterator[Path]:
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
