"""The package: npm's layout, as a folder to review and as an archive to load. The same sources give the same bytes.

FHIR's package specification asks for `package.json`, lists the resources in `.index.json`, and keeps examples apart.
"""

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from adapter.fhir.elements import Json
from mappings.trial.fhir import encode
from profiles.build.generated import examples, generated
from profiles.build.sushi import compiled

MANIFEST: Json = {
    "name": "org.example.fhir-trial-adapter",
    "version": "1.0.0",
    "description": "Clinical trials, their eligibility criteria, and what is known of a patient beside them",
    "license": "Apache-2.0",
    "author": "fhir-trial-adapter",
    "canonical": "http://example.org/fhir-trial-adapter",
    "type": "fhir.ig",
    "fhirVersions": ["4.0.1"],
    "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
    "directories": {"lib": "package", "example": "example"},
}
_INDEXED = ("id", "url", "version", "kind", "type")


def write_package(out: Path) -> list[str]:
    """Write `package/` and `package.tgz` into a folder; the names of the files.

    Raises BuildError where SUSHI can't run, or finds something wrong.
    """
    files = {
        "package.json": encode(MANIFEST),
        **files_of("", [*compiled(), *generated()]),
        **files_of("example/", examples()),
    }
    shutil.rmtree(out / "package", ignore_errors=True)
    for name, data in files.items():
        path = out / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (out / "package.tgz").write_bytes(archive(files))
    return sorted(files)


def files_of(folder: str, resources: Iterable[Json]) -> dict[str, bytes]:
    """A file a resource, and the index of them all."""
    named = {f"{each['resourceType']}-{each['id']}.json": each for each in resources}
    index = {"index-version": 2, "files": [_entry(name, named[name]) for name in sorted(named)]}
    return {folder + name: encode(named[name]) for name in sorted(named)} | {f"{folder}.index.json": encode(index)}


def _entry(name: str, resource: Json) -> Json:
    told = {key: resource[key] for key in _INDEXED if isinstance(resource.get(key), str)}
    return {"filename": name, "resourceType": resource["resourceType"], **told}


def archive(files: Mapping[str, bytes]) -> bytes:
    """The files below `package/` as a gzipped tar, without the time of day and whoever made it."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(str(PurePosixPath("package") / name))
            member.size, member.mode = len(files[name]), 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    return packed.getvalue()
