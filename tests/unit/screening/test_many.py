"""Screening in several processes: what comes out is the same, and each process opens the files that it judges."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from adapter.screening import many
from adapter.screening.screen import PatientOutcome, Screening
from adapter.screening.setup import Setup, SiteConfig
from adapter.screening.source import Found
from adapter.screening.source.folder import find_files, from_bundle
from adapter.screening.source.store import Store, open_store
from tests.unit.screening.records import bundle, condition, ecog, lines, of, patient

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A source with one of each that a file may be, between patients who have a file by themselves."""
    source = tmp_path / "source"
    source.mkdir()
    twice = json.dumps(patient("t")).replace('"gender"', '"gender": "male", "gender"')
    replaced = patient("r1") | {"link": [{"other": of("r2"), "type": "replaced-by"}]}
    for name, content in {
        "a.json": bundle(patient("a"), condition("c1", of("a"))),
        "b-again.json": bundle(patient("a"), ecog("e1", of("a"), 1)),
        "c-several.json": bundle(patient("b"), patient("c"), condition("c2", of("c"))),
        "d-broken.json": b"{",
        "e-twice.json": twice.encode(),
        "f-manifest.json": b'{"transactionTime": "2026-03-01T00:00:00Z", "output": []}',
        "g-nobody.json": bundle(condition("c3", of("d"))),
        "h-list.json": json.dumps([patient("e"), condition("c4", of("e"))]).encode(),
        "i-replaced.json": bundle(replaced, patient("r2"), condition("c5", of("r2"))),
        "j.json": bundle(patient("j")),
        "k.ndjson": lines(patient("d"), patient("j"), patient("l"), condition("c6", of("l"))),
        "notes.txt": b"",
        "z.json": bundle(patient("z")),
    }.items():
        (source / name).write_bytes(content)
    return source


def screened(source: Path, work: Path, setup: Setup, jobs: int) -> list[many.Outcome]:
    """The outcomes of a source."""
    screening = Screening(site=SiteConfig(), studies=None, as_of=AS_OF)
    with open_store(work) as store:
        return list(many.screen_files(find_files(source), store, screening, setup, jobs))


def test_several_processes_say_the_same_in_the_same_order(odd: Path, tmp_path: Path, strict: Setup) -> None:
    """Patients of several files and files of several patients too."""
    alone = screened(odd, tmp_path, strict, 1)
    assert screened(odd, tmp_path, strict, 2) == alone
    assert len({type(each) for each in alone}) == 2
    outcomes = [each for each in alone if isinstance(each, PatientOutcome)]
    assert {each.failure is None for each in outcomes} == {True, False}
    assert any(row.line for each in outcomes for row in each.rows)


def test_who_has_a_file_by_themselves_is_opened_where_they_are_judged(
    odd: Path, tmp_path: Path, strict: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening takes longer than judging most patients: done by one process, the others would wait for it."""
    here: list[str] = []

    def opened(file: AbstractContextManager[IO[bytes]], place: str, store: Store) -> Iterator[Found]:
        here.append(place)
        return from_bundle(file, place, store)

    monkeypatch.setattr(many, "from_bundle", opened)
    screened(odd, tmp_path, strict, 2)
    assert [place[0] for place in here] == ["c", "d", "e", "f", "g"]


def test_a_file_that_has_changed_since_is_judged_all_the_same(
    odd: Path, tmp_path: Path, strict: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is found in it when it is opened once more."""

    def opened_later(file: AbstractContextManager[IO[bytes]], place: str, store: Store) -> Iterator[Found]:
        if place == "d-broken.json":
            (odd / place).write_bytes(bundle(patient("new"), condition("c9", of("new"))))
        return from_bundle(file, place, store)

    monkeypatch.setattr(many, "from_bundle", opened_later)
    found = screened(odd, tmp_path, strict, 2)
    (outcome,) = [each for each in found if isinstance(each, PatientOutcome) and each.place == "d-broken.json"]
    assert outcome.subject == "Patient/new"
