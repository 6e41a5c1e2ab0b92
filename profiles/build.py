"""How the package is built: `python -m profiles.build` (`make profiles`). Not part of the distribution.

FSH -> StructureDefinitions, CodeSystems and ValueSets, by SUSHI, without a FHIR registry.

SUSHI looks for the package hl7.fhir.r4.core in a cache below its home. It is made from the definitions that HAPI ships
(profiles/r4-core). Home, cache and SUSHI itself are in build/profiles, and are kept while their sources stay the same.

The part of the package that the adapter writes itself: what it serves, and examples of what it answers.

The package: npm's layout, as a folder to review and as an archive to load. The same sources give the same bytes.

FHIR's package specification asks for `package.json`, lists the resources in `.index.json`, and keeps examples apart.
"""

import argparse
import fcntl
import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec

from adapter.evaluator import Verdict, evaluate
from adapter.fhir import Failure, Issue, operation_outcome, verdict_bundle
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.screening.setup import Setup, SiteConfig, load_setup
from adapter.service.definitions import capabilities, packaged_value_sets
from adapter.service.operation_definitions import feasibility_definition, operation_definition
from demo.cohort import cohort
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from mappings.trial.fhir import decode, encode, resources_of
from mappings.trial.fhir.shared import build_code_systems

LONGEST = 600
"""Seconds after which a program is given up."""


class BuildError(Exception):
    """The package can't be built; the text says why, and what to do."""


class UnavailableError(BuildError):
    """A program is not installed, or what it is built from can't be fetched."""


def need(*programs: str) -> None:
    """Raise UnavailableError unless all of them are installed."""
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        msg = f"{', '.join(absent)} not installed; Node 18 or later with npm, and Java 17 with Maven are needed"
        raise UnavailableError(msg)


def run(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program printed. Raises BuildError if it fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  # constant commands of this build
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{' '.join(command)} took longer than {LONGEST} seconds"
        raise BuildError(msg) from error
    if done.returncode:
        msg = f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
        raise BuildError(msg)
    return done.stdout


PROFILES = Path(__file__).parent
CORE = PROFILES / "r4-core"
WORK = PROFILES.parent / "build" / "profiles"
HOME = WORK / "home"
R4 = HOME / ".fhir" / "packages" / "hl7.fhir.r4.core#4.0.1" / "package"
NOWHERE = "http://127.0.0.1:9"
"""Instead of a FHIR registry: a build that fetched the latest of anything would not be the same tomorrow."""


def compiled() -> list[Json]:
    """What SUSHI makes of the FSH sources.

    Raises UnavailableError where SUSHI can't run, and BuildError with its words where it finds something wrong.
    """
    need("node", "npm", "java", "mvn")
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # builds at the same time share the tools
        _made(R4, [CORE / "pom.xml", *CORE.glob("src/**/*.java")], _make_r4)
        _made(WORK / "node_modules", [PROFILES / "package-lock.json"], _install_sushi)
        return _compile()


def _compile() -> list[Json]:
    out = WORK / "compiled"
    shutil.rmtree(out, ignore_errors=True)
    environment = {**os.environ, "HOME": str(HOME), "FPL_REGISTRY": NOWHERE}
    sushi = str(WORK / "node_modules" / ".bin" / "sushi")
    said = run(sushi, "build", "--snapshot", "--out", str(out), str(PROFILES), cwd=WORK, env=environment)
    warnings = [line for line in said.splitlines() if line.startswith("warn") and NOWHERE not in line]
    if warnings:
        msg = "\n".join(["SUSHI warns:", *warnings])
        raise BuildError(msg)
    return [decode(file.read_bytes()) for file in sorted((out / "fsh-generated" / "resources").glob("*.json"))]


def _made(folder: Path, sources: list[Path], make: Callable[[], None]) -> None:
    """Make a folder unless it was made, to its end, from the same sources."""
    stamp = folder.with_name(f".{folder.name}-made-from")
    content = sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()
    if folder.is_dir() and stamp.is_file() and stamp.read_text() == content:
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        make()
    except BuildError as error:  # most often the network
        raise UnavailableError(str(error)) from error
    stamp.write_text(content)


def _make_r4() -> None:
    run("mvn", "-B", "-q", "process-classes", cwd=CORE)
    jars = os.pathsep.join(("target/classes", "target/dependency/*"))
    run("java", "-cp", jars, "r4core.R4Core", str(R4), cwd=CORE)


def _install_sushi() -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PROFILES / name, WORK)
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", cwd=WORK)


def generated() -> list[Json]:
    """The codes of the shipped trials and terminology, the value sets, the operations, and the capabilities."""
    terminology = load_terminology()
    codes = build_code_systems(load_definitions(terminology=terminology), terminology)
    return [*codes, *packaged_value_sets(), operation_definition(), feasibility_definition(), capabilities()]


STUDY = "cd7-cart01"
PATIENTS = {"potential-candidate": "t-all-relapse-child", "ineligible": "t-all-first-remission"}
"""For each example the story that it is the first patient of."""

AS_OF = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)


def examples() -> list[Json]:
    """A trial's resources, answers of `$evaluate`, a refusal, and an attestation."""
    setup = load_setup(SiteConfig(), [STUDY])
    study = resources_of(setup.definitions[0], setup.terminology)
    return [*study, *_answers(setup), *_failures(setup), _attestation()]


def _answers(setup: Setup) -> Iterator[Json]:
    for name, story in PATIENTS.items():
        bundle = verdict_bundle([_verdict(setup, story)])
        yield {**bundle, "id": name}
        yield from (entry["resource"] for entry in bundle["entry"])


def _verdict(setup: Setup, story: str) -> Verdict:
    data = next(data for _, told, data in cohort() if told.name == story)
    return evaluate(setup.bounds[0], read_record(data, setup.terminology), AS_OF, setup.policy)


def _attestation() -> Json:
    """The cohort's first attestation of a criterion of the study: what a site writes, and the adapter reads."""
    records = (msgspec.json.decode(data) for _, _, data in cohort())
    resources = (entry["resource"] for record in records for entry in record["entry"])
    return next(each for each in resources if _code(each).startswith(f"{STUDY}."))


def _code(resource: Json) -> str:
    return resource["code"].get("text", "") if resource["resourceType"] == "Observation" else ""


def _failures(setup: Setup) -> Iterator[Json]:
    issue = Issue(code="invalid", text="Patient/p0 can't be read: Patient.birthDate: expected `str`, got `int`")
    studies = tuple((each.id, each.version) for each in setup.definitions)
    yield {**verdict_bundle([], [Failure(subject="Patient/p0", studies=studies, issue=issue)]), "id": "failed"}
    refusal = Issue(code="not-found", text=f"no study 'nct1'; known are {STUDY}")
    yield {**operation_outcome([refusal]), "id": "refused"}


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


def main() -> None:
    """Build into a folder; by default over what is committed."""
    parser = argparse.ArgumentParser(prog="python -m profiles.build", description="Build the FHIR package")
    parser.add_argument("--out", type=Path, default=PROFILES, help="folder for package/ and package.tgz")
    out = parser.parse_args().out
    try:
        files = write_package(out)
    except BuildError as error:
        sys.exit(f"no package: {error}")
    print(f"{len(files)} files in {out / 'package'}, and the same in {out / 'package.tgz'}")  # noqa: T201  # the command's answer


if __name__ == "__main__":
    main()
