"""A hospital: a made-up cohort in files and on a FHIR server, and the command line to screen it with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapter import cli
from demo.cohort import cohort
from demo.load import load
from tests.integration.hapi.client import Hapi

Json = dict[str, Any]
AS_OF = "2026-03-01"
SEED = 7


@dataclass(frozen=True, slots=True)
class Hospital:
    """The same patients in a folder and on a server."""

    folder: Path
    hapi: Hapi
    patients: tuple[str, ...]


def open_hospital(hapi: Hapi, folder: Path, *, patients: int) -> Hospital:
    """Publish all trials, and put the cohort into files and on the server."""
    assert cli.main(["publish", "--server", hapi.url]) == 0
    for patient, _, data in cohort(patients, SEED):
        (folder / f"{patient}.json").write_bytes(data)
    return Hospital(folder, hapi, tuple(load(hapi.url, patients, SEED)))


def screen(source: Path | str, out: Path, *more: str) -> int:
    """`screen`, for all trials, on the day of the cohort."""
    return cli.main(["screen", "--source", str(source), "--out", str(out), "--as-of", AS_OF, *more])


def evaluate(capsys: pytest.CaptureFixture[str], patient: Path | str, *more: str) -> list[Json]:
    """`evaluate`, for all trials or those named; its verdicts as JSON."""
    capsys.readouterr()
    named = more if "--study" in more else (*more, *every_study())
    assert cli.main(["evaluate", "--patient", str(patient), "--as-of", AS_OF, "--format", "json", *named]) == 0
    said = json.loads(capsys.readouterr().out)
    return said if isinstance(said, list) else [said]


def every_study() -> tuple[str, ...]:
    """The options that name all trials."""
    studies = ("cd7-cart01", "nct07008872", "senl-t7", "nct04785833", "4scar7u")
    return tuple(word for study in studies for word in ("--study", study))


def lines(file: Path) -> list[Json]:
    """The resources or verdicts of an NDJSON file."""
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def verdicts(out: Path) -> dict[tuple[str, str], Json]:
    """The verdicts of a screening by subject and study, as they would be of files."""
    return by_subject(lines(out / "verdicts.ndjson"))


def by_subject(found: list[Json]) -> dict[tuple[str, str], Json]:
    """Verdicts by subject and study; a server's versions, which files don't have, are left out."""
    return {(each["subject"], each["study"]): _without_versions(each) for each in found}


def _without_versions(content: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(content, list):
        return [_without_versions(each) for each in content]
    if not isinstance(content, dict):
        return content
    return {name: _without_versions(each) for name, each in content.items() if name != "version"}
