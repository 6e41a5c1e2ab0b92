"""The command that lists the trials, which loads as little as it can, and what is kept of the list between starts.

What is kept between starts: the list of trials, by a hash of every file that it follows from.

What is kept is JSON of a form that is checked, in the user's own cache folder, under a name that its content has to
fit: a file that is cut short, changed, or of somebody else is not believed, and the list is made anew. Writing is by
renaming, so that several processes may write at once.
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from adapter.cli.options import SiteFolder, Trials
from adapter.cli.output import console, print_json
from adapter.screening.plain_text import print_trials

_PACKAGES = ("adapter", "mappings")
_READ = (".json", ".py", ".yaml", ".yml")
_MOST_FILES = 2000
"""Files of a site's folders; with more, nothing is kept."""

_SETTINGS = frozenset({"TRIAL_ADAPTER_CACHE", "TRIAL_ADAPTER_POLICY", "TRIAL_ADAPTER_SITE", "TRIAL_ADAPTER_TRIALS"})
"""With settings beside these, as of servers, the list follows from more than files."""

_HASH = 64
_rows = msgspec.json.Decoder(list[dict[str, Any]])


def listed_trials(site: Path | None, trials: str | None, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The trials of a site as `setup.trials_json` lists them. Raises as `setup.site_config` and `definitions_of`."""
    names = [site or environment.get("TRIAL_ADAPTER_SITE"), trials]
    path = _place([Path(name) for name in names if name], environment)
    kept = None if path is None else _read(path)
    if kept is not None:
        return kept
    from adapter.screening.setup import definitions_of, site_config, trials_json  # noqa: PLC0415  # takes long to load

    found = trials_json(definitions_of(site_config(None, trials, environment, folder=site)))
    if path is not None:
        with suppress(OSError):  # nothing is kept where nothing can be written
            _write(path, msgspec.json.encode(found))
    return found


def _place(folders: list[Path], environment: Mapping[str, str]) -> Path | None:
    """Where the list is kept that follows from the files; None where it follows from more."""
    others = [name for name in environment if name.startswith("TRIAL_ADAPTER_") and name not in _SETTINGS]
    home = environment.get("TRIAL_ADAPTER_CACHE") or environment.get("XDG_CACHE_HOME") or environment.get("HOME")
    if others or not home or not all(folder.is_dir() for folder in folders):
        return None
    digest = hashlib.sha256(sys.version.encode())
    try:
        for file in (*_packaged(), *(file for folder in folders for file in _in_folder(folder))):
            data = file.read_bytes()
            digest.update(f"{file}\0{len(data)}\0".encode())
            digest.update(data)
    except (OSError, ValueError):
        return None
    return _folder(environment) / f"trials-{digest.hexdigest()}.json"


def _folder(environment: Mapping[str, str]) -> Path:
    """As `setup.cache_folder`."""
    own = environment.get("TRIAL_ADAPTER_CACHE")
    if own:
        return Path(own)
    return Path(environment.get("XDG_CACHE_HOME") or Path(environment["HOME"]) / ".cache") / "fhir-trial-adapter"


def _packaged() -> Iterator[Path]:
    for name in _PACKAGES:
        yield from (file for file in _all(Path(str(files(name)))) if file.suffix in _READ)


def _in_folder(folder: Path) -> list[Path]:
    found = list(islice(_all(folder), _MOST_FILES + 1))
    if len(found) > _MOST_FILES:
        msg = "too many files to hash"
        raise ValueError(msg)
    return found


def _all(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
        elif path.name != "__pycache__":
            yield from _all(path)


def _read(path: Path) -> list[dict[str, Any]] | None:
    """What is kept in a file that is ours alone and whole; else None."""
    try:
        with open(path, "rb", opener=_plain_file) as file:
            held = os.fstat(file.fileno())
            if held.st_uid != os.getuid() or held.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return None
            data = file.read()
        own, text = data[:_HASH], data[_HASH:]
        return _rows.decode(text) if hashlib.sha256(text).hexdigest().encode() == own else None
    except (OSError, msgspec.DecodeError):
        return None


def _plain_file(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(hashlib.sha256(text).hexdigest().encode() + text)
    temporary.replace(path)
    for old in path.parent.glob("trials-*.json"):
        if old != path:
            old.unlink(missing_ok=True)


def trials(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    trials: Trials = None,
    site: SiteFolder = None,
) -> None:
    """List the trial definitions."""
    found = listed_trials(site, trials, os.environ)
    if as_json:
        print_json(found)
    else:
        print_trials(console(), found)
