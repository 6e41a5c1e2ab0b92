"""Samples in the documents: the commands of a block ```console, and what they print.

A comment above the block says where its commands run and which lines of their output it shows:

    <!-- sample: tests/golden/sheet; show: head 3; Converted 4 -->

The folder is copied into an empty one (`cohort` is the demo cohort, in build/demo/cohort). `show` names parts of the
output by the text of their first line (or `head`) and their number of lines; what is left out becomes a line `…`.
Without `show`, which comes last, all of it is shown. With `server: ADDRESS` the commands need a FHIR server, which the
document calls so; with `loaded: N` the trials and the first patients of the cohort are on it.
"""

import io
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adapter import cli
from demo.cohort import PATIENTS, cohort
from demo.load import load
from tests.conftest import ROOT

DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_SAMPLE = re.compile(r"(?<=<!-- sample: )(?P<said>[^\n]+?) -->\n+```console\n(?P<shown>.+?)(?=```)", re.DOTALL)
_LEFT_OUT = "…"


@dataclass(frozen=True, slots=True)
class Sample:
    """A block of a document. `begin`, `end`: where it stands in the text; `options`: what the comment says."""

    folder: str
    options: dict[str, str]
    commands: tuple[str, ...]
    shown: str
    begin: int
    end: int

    @property
    def server(self) -> str | None:
        """What the document calls the FHIR server that the commands need."""
        return self.options.get("server")


def samples(text: str) -> Iterator[Sample]:
    """The samples of a document, in their order."""
    for found in _SAMPLE.finditer(text):
        before, _, show = found["said"].partition("; show: ")
        folder, *more = before.split("; ")
        options = dict(each.split(": ", 1) for each in more) | ({"show": show} if show else {})
        commands = tuple(line[2:] for line in found["shown"].splitlines() if line.startswith("$ "))
        yield Sample(folder, options, commands, found["shown"], found.start("shown"), found.end("shown"))


def regenerated(sample: Sample, folder: Path, server: str | None = None) -> str:
    """The block as it should be: its commands with what they print now, run in `folder`, which is empty."""
    _prepare(sample, folder)
    if server is not None:
        _load(sample, server)
    parts = []
    for command in sample.commands:
        printed = _run(command.replace(sample.server or "\0", server or ""), folder)
        printed = printed.replace(server or "\0", sample.server or "")
        parts.append(f"$ {command}\n{_chosen(printed, sample.options.get('show'))}")
    return "".join(parts)


def _prepare(sample: Sample, folder: Path) -> None:
    if sample.folder == "cohort":
        target = folder / "build/demo/cohort"
        target.mkdir(parents=True)
        for patient, data in _cohort().items():
            (target / f"{patient}.json").write_bytes(data)
    else:
        shutil.copytree(ROOT / sample.folder, folder, dirs_exist_ok=True)


@cache
def _cohort() -> dict[str, bytes]:
    return {patient: data for patient, _, data in cohort(PATIENTS)}


def _load(sample: Sample, server: str) -> None:
    if "loaded" in sample.options:
        _printed(["publish", "--server", server])
        for _ in load(server, int(sample.options["loaded"])):
            pass


def _run(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    if program != "trial-adapter":
        msg = f"a sample runs trial-adapter, not {program}"
        raise ValueError(msg)
    with chdir(folder):
        return _printed(arguments)


def _printed(arguments: list[str]) -> str:
    """What a command prints, on stdout and stderr; raises where it fails."""
    kept = io.BytesIO()
    with io.TextIOWrapper(kept, encoding="utf-8", write_through=True) as stream:
        with redirect_stdout(stream), redirect_stderr(stream):
            code = cli.main(arguments)
        printed = kept.getvalue().decode()
    if code:
        msg = f"{' '.join(arguments)} ends with {code}: {printed}"
        raise AssertionError(msg)
    return printed


def _chosen(printed: str, show: str | None) -> str:
    """The parts of an output that are shown."""
    if show is None:
        return printed
    lines, at, made = printed.splitlines(), 0, []
    for each in show.split("; "):
        first, _, count = each.rpartition(" ")
        begin = 0 if first == "head" else _place(lines, first, at)
        if begin > at:
            made.append(min(_indent(lines[begin - 1]), _indent(lines[begin])) + _LEFT_OUT)
        at = begin + int(count)
        made += lines[begin:at]
    if at < len(lines):
        made.append(_indent(lines[at]) + _LEFT_OUT)
    return "".join(f"{line}\n" for line in made)


def _place(lines: list[str], first: str, after: int) -> int:
    for place in range(after, len(lines)):
        if lines[place].strip().startswith(first):
            return place
    msg = f"no line of the output begins with {first!r}: a sample shows it"
    raise AssertionError(msg)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
