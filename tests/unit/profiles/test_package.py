"""The committed package is what the adapter serves and answers, and holds together by itself."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapter.criteria.fields import Field, Nested
from adapter.evaluator.kind import leaf_kinds
from adapter.kinds import KINDS
from profiles.build import archive, examples, files_of, generated
from tests.conftest import ROOT

Json = dict[str, Any]
PROFILES = ROOT / "profiles"
PACKAGE = PROFILES / "package"
INDEX = {".index.json", "example/.index.json"}
OURS = "http://example.org/fhir-trial-adapter/"


def held(folder: Path) -> dict[str, bytes]:
    """The files below a folder by their names from there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def resources(pattern: str) -> list[Json]:
    """Committed resources."""
    return [msgspec.json.decode(path.read_bytes()) for path in sorted(PACKAGE.glob(pattern))]


def objects(value: object) -> Iterator[Json]:
    """Every JSON object in a value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def test_what_the_adapter_writes_is_up_to_date() -> None:
    """Codes, operation, capabilities and examples are what the adapter makes today; `make profiles` writes them."""
    today = {**files_of("", generated()), **files_of("example/", examples())}
    committed = held(PACKAGE)
    assert [name for name, data in today.items() if name not in INDEX and committed.get(name) != data] == []
    assert {name for name in committed if name.startswith("example/")} <= set(today)


def test_the_archive_holds_the_folder() -> None:
    """The archive is the folder, to the byte; how tightly it is compressed may differ between machines."""
    packed = (PROFILES / "package.tgz").read_bytes()
    assert gzip.decompress(packed) == gzip.decompress(archive(held(PACKAGE)))


def test_the_same_files_give_the_same_archive() -> None:
    """Neither the time of day nor the order of the files is in it."""
    files = held(PACKAGE)
    assert archive(files) == archive(dict(reversed(files.items())))


@pytest.mark.parametrize("folder", ["", "example"])
def test_the_index_names_every_file(folder: str) -> None:
    """A tool finds a resource by type, id and canonical without opening the files."""
    index = msgspec.json.decode((PACKAGE / folder / ".index.json").read_bytes())
    named = {each["filename"]: (each["resourceType"], each["id"], each.get("url")) for each in index["files"]}
    found = {
        path.name: (resource["resourceType"], resource["id"], resource.get("url"))
        for path in (PACKAGE / folder).glob("*-*.json")
        for resource in [msgspec.json.decode(path.read_bytes())]
    }
    assert named == found


def test_every_canonical_of_ours_is_there() -> None:
    """What a conformance resource names of ours is in the package: nothing has to be looked up elsewhere."""
    conformance = resources("*-*.json")
    here = {each["url"] for each in conformance if each["resourceType"] != "NamingSystem"}
    here |= {name["value"] for each in conformance for name in each.get("uniqueId", ())}
    named = {
        text.partition("|")[0]
        for each in objects(conformance)
        for value in each.values()
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str) and text.startswith(OURS) and " " not in text
    }
    assert {url for url in named if url not in here} == set()
    assert len(here) == len(conformance)


def test_every_example_names_its_profile() -> None:
    """An example says which profile it is an example of, and that profile is in the package."""
    here = {each["url"] for each in resources("StructureDefinition-*.json")}
    for example in resources("example/*-*.json"):
        assert set(example["meta"]["profile"]) & here, example["id"]


def paths(table: tuple[Field, ...]) -> Iterator[str]:
    """The sub-extensions that a table of fields is written as."""
    for field in table:
        yield field.extension
        yield from (
            f"{field.extension}.{each}"
            for each in (paths(field.holds.fields) if isinstance(field.holds, Nested) else ())
        )


def test_each_field_of_each_kind_has_its_slice() -> None:
    """The extension of a criterion is closed: a field that the profile leaves out makes a published trial invalid."""
    [criterion] = resources("StructureDefinition-criterion.json")
    sliced = {
        each["id"].removeprefix("Extension.extension:").replace(".extension:", ".")
        for each in criterion["snapshot"]["element"]
        if each.get("sliceName")
    }
    written = {path for kind in leaf_kinds(KINDS) for path in paths(kind.form.fields)}
    assert written <= sliced, sorted(written - sliced)
