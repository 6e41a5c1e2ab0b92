"""The list of trials that is kept between starts is the one that would be made, or is not believed."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from adapter.cli import trials
from adapter.criteria.model import TrialDefinition
from adapter.errors import DefinitionError
from adapter.screening import setup
from tests.conftest import ROOT

SHIPPED = ROOT / "mappings" / "trials" / "cd7-cart01.yaml"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One more entry for every time that the list is made anew."""
    times: list[int] = []
    make = setup.trials_json

    def counted(found: Iterable[TrialDefinition]) -> list[dict[str, Any]]:
        times.append(1)
        return make(found)

    monkeypatch.setattr(setup, "trials_json", counted)
    return times


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The user's cache folder."""
    return tmp_path / "cache"


@pytest.fixture
def variables(cache: Path) -> dict[str, str]:
    """An environment with nothing but that."""
    return {"TRIAL_ADAPTER_CACHE": str(cache)}


def test_made_once(made: list[int], variables: dict[str, str]) -> None:
    """Of the same files it is made once, and says the same."""
    first, second = (trials.listed_trials(None, None, variables) for _ in range(2))
    assert first == second == setup.trials_json(setup.definitions_of(setup.SiteConfig()))
    assert len(made) == 2  # the first, and the one it is compared with


def test_a_changed_file(made: list[int], variables: dict[str, str], tmp_path: Path) -> None:
    """A file of the site that changes makes it another list; a wrong one is an error every time."""
    folder = tmp_path / "trials"
    folder.mkdir()
    own = folder / "own.yaml"
    copy(SHIPPED, own)
    own.write_text(own.read_text().replace("id: cd7-cart01", "id: own-1", 1))
    assert "own-1" in [each["id"] for each in trials.listed_trials(None, str(folder), variables)]
    own.write_text(own.read_text().replace("id: own-1", "id: own-2", 1))
    assert "own-2" in [each["id"] for each in trials.listed_trials(None, str(folder), variables)]
    assert len(made) == 2
    own.write_text("id: [")
    for _ in range(2):
        with pytest.raises(DefinitionError):
            trials.listed_trials(None, str(folder), variables)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def _changed(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"recruiting", b"RECRUITING"))


def _open_to_all(file: Path) -> None:
    file.chmod(0o666)


def _elsewhere(file: Path) -> None:
    file.rename(file.with_suffix(".x"))
    file.symlink_to(file.with_suffix(".x"))


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("spoil", [_cut, _changed, _open_to_all, _elsewhere, _emptied])
def test_spoilt(spoil: Callable[[Path], None], made: list[int], variables: dict[str, str], cache: Path) -> None:
    """What is cut, changed, writable for others or a link is not believed; the list is made, and kept, anew."""
    first = trials.listed_trials(None, None, variables)
    (file,) = cache.glob("trials-*.json")
    spoil(file)
    assert trials.listed_trials(None, None, variables) == first
    assert len(made) == 2
    assert trials.listed_trials(None, None, variables) == first
    assert len(made) == 2


def test_not_ours(made: list[int], variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another user is not believed either."""
    first = trials.listed_trials(None, None, variables)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert trials.listed_trials(None, None, variables) == first
    assert len(made) == 2


def test_nowhere_to_keep_it(made: list[int], tmp_path: Path) -> None:
    """Where nothing can be written, and with servers in the environment, it is made every time."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    for variables in ({}, {"TRIAL_ADAPTER_CACHE": str(blocked / "below")}):
        trials.listed_trials(None, None, variables)
    assert len(made) == 2
