"""An imported release says what its codes are, and nothing of codes that it doesn't hold."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.cli.app import run
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.value_set import Coding
from adapter.errors import UsageError
from adapter.screening.setup import SiteConfig, load_setup
from mappings.terminology import load_terminology
from mappings.terminology.imports import KINDS, Kind, Release, import_release, keep_release, load_releases
from tests.unit.terminology_imports import releases

SYSTEM = {
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ndc": "http://hl7.org/fhir/sid/ndc",
    "pzn": "http://fhir.de/CodeSystem/ifa/pzn",
    "sct": "http://snomed.info/sct",
}
MAKE: dict[Kind, Callable[[Path], Path]] = {
    "rxnorm": releases.rxnorm,
    "snomed": releases.snomed,
    "omop": releases.omop,
}

SAID = """
rxnorm rxnorm 9100001 systemic-glucocorticoid IS -- a clinical drug by its ingredient
rxnorm rxnorm 9100002 systemic-glucocorticoid IS -- a brand of it
rxnorm ndc 99999000101 systemic-glucocorticoid IS -- a package of it
rxnorm ndc 99999-0001-01 systemic-glucocorticoid IS -- the same, as it is printed
rxnorm rxnorm 9100003 systemic-glucocorticoid NOT -- eye drops
rxnorm rxnorm 9100004 systemic-glucocorticoid IS -- tablets of the same ingredient
rxnorm rxnorm 9100006 systemic-glucocorticoid NOT -- ibuprofen
rxnorm rxnorm 9100005 immunotherapy IS -- an antibody that only ATC knows
rxnorm rxnorm 9100001 immunotherapy NOT -- prednisone
rxnorm rxnorm 9100007 systemic-glucocorticoid UNCLASSIFIED -- of no class
rxnorm rxnorm 9999999 systemic-glucocorticoid UNCLASSIFIED -- of a later release
rxnorm ndc 11111111111 systemic-glucocorticoid UNCLASSIFIED -- of a later release
snomed sct 9001 infection IS -- below the root
snomed sct 9002 infection IS -- further below
snomed sct 64572001 infection MAY_BE -- above the root
snomed sct 9003 infection NOT -- another disease; a relationship that once said otherwise is over
snomed sct 9004 infection UNCLASSIFIED -- no finding
snomed sct 9005 infection UNCLASSIFIED -- not active
omop rxnorm 9100001 systemic-glucocorticoid IS -- a clinical drug
omop ndc 99999000101 systemic-glucocorticoid IS -- its package
omop pzn 99999991 systemic-glucocorticoid IS -- its German package
omop pzn 99999992 systemic-glucocorticoid NOT -- a package of ibuprofen
omop pzn 12345678 systemic-glucocorticoid UNCLASSIFIED -- a package that it doesn't hold
omop sct 9001 infection IS -- a finding
"""


@pytest.fixture(scope="module")
def with_release(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Kind], Terminology]:
    """The shipped terminology with one made-up release, through a site's file."""
    made: dict[Kind, Terminology] = {}

    def bound(kind: Kind) -> Terminology:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            keep_release(_imported(kind, folder / "release"), folder / "terminology.json")
            (release,) = load_releases(folder / "terminology.json")
            made[kind] = load_terminology().with_release(release)
        return made[kind]

    return bound


def _imported(kind: Kind, folder: Path) -> Release:
    return import_release(kind, MAKE[kind](folder), load_terminology())


@pytest.mark.parametrize("line", SAID.strip().splitlines())
def test_what_a_code_is(with_release: Callable[[Kind], Terminology], line: str) -> None:
    """By the release's own relations; what it doesn't tell stays open."""
    kind, system, code, concept, said = line.partition(" -- ")[0].split()
    (release,) = (each for each in KINDS if each == kind)
    assert with_release(release).membership(concept, (Coding(SYSTEM[system], code),)) is Membership[said]


def test_tablets_are_systemic_by_their_code(with_release: Callable[[Kind], Terminology]) -> None:
    """A dose form says the route; eye drops and an ingredient alone don't say it."""
    terminology = with_release("rxnorm")
    held = {
        code: "systemic-glucocorticoid-class" in (terminology.value_sets_of(SYSTEM["rxnorm"], code) or ())
        for code in ("9100001", "9100003", "9100004", "3264")
    }
    assert held == {"9100001": True, "9100003": False, "9100004": True, "3264": False}


def test_packages_are_unknown_without_a_release(terminology: Terminology) -> None:
    """Nothing of NDC and PZN is packaged."""
    assert terminology.value_sets_of(SYSTEM["ndc"], "99999000101") is None
    assert terminology.value_sets_of(SYSTEM["pzn"], "99999991") is None


def test_a_verdict_names_the_release(tmp_path: Path, with_release: Callable[[Kind], Terminology]) -> None:
    """By the hash of the terminology, which the files of the release go into."""
    store = tmp_path / "terminology.json"
    keep_release(_imported("rxnorm", tmp_path / "release"), store)
    setup = load_setup(SiteConfig(terminology=store), ["4scar7u"])
    assert setup.terminology.hash == with_release("rxnorm").hash != load_terminology().hash


def test_another_kind_is_kept_beside(tmp_path: Path) -> None:
    """And a later release of the same kind goes in its place."""
    store = tmp_path / "terminology.json"
    made: tuple[tuple[Kind, str], ...] = (("rxnorm", "a"), ("snomed", "b"), ("rxnorm", "c"))
    for kind, name in made:
        keep_release(_imported(kind, tmp_path / name), store)
    assert sorted(each["kind"] for each in json.loads(store.read_bytes())["releases"]) == ["rxnorm", "snomed"]
    assert len(load_releases(store)) == 2


def _cut(path: Path, line: int, text: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


BROKEN: dict[str, tuple[Kind, str, int, str, str]] = {
    "a row of RRF that is cut": ("rxnorm", "rrf/RXNREL.RRF", 3, "8640|", "RXNREL.RRF:3: 1 fields where RRF has 16"),
    "a header of OMOP": ("omop", "CONCEPT.csv", 1, "concept_id\tname", "CONCEPT.csv:1: no column vocabulary_id"),
    "a row of OMOP": (
        "omop",
        "CONCEPT_ANCESTOR.csv",
        3,
        "1\t2",
        "CONCEPT_ANCESTOR.csv:3: 2 fields where the header has 4",
    ),
}


@pytest.mark.parametrize(("kind", "file", "line", "text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_release_that_is_not_whole(tmp_path: Path, kind: Kind, file: str, line: int, text: str, message: str) -> None:
    """Is refused with file and line: half a release would say NOT of what it lost."""
    folder = MAKE[kind](tmp_path / "release")
    _cut(folder / file, line, text)
    with pytest.raises(UsageError) as raised:
        import_release(kind, folder, load_terminology())
    assert message in str(raised.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """Is named, with the folder that was looked through."""
    folder = releases.rxnorm(tmp_path / "release")
    (folder / "rrf" / "RXNSAT.RRF").unlink()
    with pytest.raises(UsageError, match=r"no file RXNSAT\.RRF below"):
        import_release("rxnorm", folder, load_terminology())


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Imports into a file, and says how many codes it tells apart."""
    folder, store = releases.rxnorm(tmp_path / "release"), tmp_path / "site.json"
    assert run(["terminology", "import", "rxnorm", str(folder), "--out", str(store)]) == 0
    assert "codes told apart" in capsys.readouterr().out
    assert run(["terminology", "import", "loinc", str(folder)]) == 2
    assert "no kind of release 'loinc'; known are rxnorm, snomed, omop" in capsys.readouterr().err


def test_a_store_that_is_none(tmp_path: Path) -> None:
    """Neither a missing file nor another one is passed over."""
    with pytest.raises(UsageError, match="terminology import"):
        load_releases(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="import the releases anew"):
        load_releases(tmp_path / "other.json")
