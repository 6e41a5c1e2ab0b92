"""Loading a site: the one place where terminology and definitions come together."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.site.terminology import CONCEPTS, POLICY, TABLES, Folder, Reading, read_terminology
from mappings.terminology import load_terminology
from mappings.terminology.wide import scalars, timed, with_wide, words_that_name
from mappings.terminology.yaml_file import YamlFile, open_yaml, read_yaml, with_others
from mappings.trial.form import Vocabulary
from mappings.trial.schema import definition_of, shipped_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a site works with.

    `terminology`: the packaged one with what the site's files say. `definitions`: the shipped trials and the site's,
    which go before shipped ones of the same id, in their place. `files`: each definition's file. `places`: the file and
    line of a concept or value set of the site, by id. `policy`: the site's own policy file. `problems`: what is wrong
    in the files; what stands in them is then not all there. `skipped`: how many trials were not looked at, by the
    file whose concepts could not be read. `open`: concepts that don't say in which code systems they are exhaustive.
    """

    terminology: Terminology
    definitions: tuple[TrialDefinition, ...]
    files: Mapping[str, YamlFile]
    places: Mapping[str, tuple[str, int]]
    policy: Path | None = None
    problems: tuple[DefinitionError, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    open: frozenset[str] = frozenset()


def load_site(
    site: Path | None = None, trials: Path | None = None, *, kinds: Kinds = KINDS, base: Terminology | None = None
) -> Site:
    """A site's folder, and a folder of further definitions, which may hold the same and goes before it.

    `base`: the terminology that the site adds to, the packaged one unless it is given.

    Raises DefinitionError for the first thing that is wrong, with file and line; the others stand beside it.
    """
    found = read_site(site, trials, kinds=kinds, base=base)
    if found.problems:
        first, *others = found.problems
        raise with_others(first, others, "in the site's files; `trial-adapter check` lists them")
    return found


def read_site(
    site: Path | None = None, trials: Path | None = None, *, kinds: Kinds = KINDS, base: Terminology | None = None
) -> Site:
    """The same with everything that is wrong among `problems`."""
    folders = [Folder(path=path, loose=loose) for path, loose in ((site, False), (trials, True)) if path is not None]
    reading = Reading()
    opened = [_opened(folder, reading) for folder in folders]
    trials_ = [file for files in opened for file in files]
    packaged = with_wide(base or load_terminology(), _wide_named(folders, trials_))
    terminology = read_terminology(packaged, folders, trials_, reading)
    vocabulary = Vocabulary.of(terminology)
    definitions: dict[str, TrialDefinition] = {}
    files: dict[str, YamlFile] = {}
    shared = {str(path) for folder in folders if (path := folder.table(CONCEPTS)) is not None}
    whole = reading.unread.isdisjoint(shared)
    for group in (shipped_files(), *(opened if whole else ())):
        here: dict[str, str] = {}
        for file, definition in _read(group, vocabulary, kinds, reading):
            if definition.id in here:
                said = f"{definition.id!r} is defined in {here[definition.id]} already; give the study another id"
                reading.problems.append(file.error(("id",), said))
            here[definition.id] = file.name
            definitions[definition.id], files[definition.id] = definition, file
    unread = {file.name: 1 for file in trials_ if file.name in reading.unread}
    skipped = dict.fromkeys(reading.unread & shared, len(trials_)) if trials_ and not whole else unread
    own = (folder.policy for folder in reversed(folders) if whole)
    return Site(
        terminology=terminology,
        definitions=tuple(definitions.values()),
        files=files,
        places=reading.places,
        policy=next((path for path in own if path is not None), None),
        problems=tuple(reading.problems),
        skipped=skipped,
        open=frozenset(reading.open),
    )


def _wide_named(folders: Sequence[Folder], trials: Sequence[YamlFile]) -> set[str]:
    """What the site's files may name of the wider catalogue; in files that are no trials any word will do.

    A concept whose codes they say themselves is their own.
    """
    named = {text for file in trials for text in scalars(file.content)}
    named |= timed() if "half-lives" in named else frozenset()
    own = {id_ for file in trials for id_ in _with_codes(file.content.get("concepts"))}
    for folder in folders:
        tables = [path for name in (*TABLES, POLICY) if (path := folder.table(name)) is not None]
        for path in (*tables, *folder.value_sets(), *folder.concept_maps()):
            text = path.read_text(encoding="utf-8", errors="replace")
            named |= words_that_name(text)
            if path.name == "concepts.yaml":
                with suppress(DefinitionError):  # said where the file is read
                    own |= set(_with_codes(read_yaml(str(path), text).content))
    return named - own


def _with_codes(sections: Any) -> Iterator[str]:  # noqa: ANN401  # what a file holds, not yet checked
    for concepts in sections.values() if isinstance(sections, dict) else ():
        for id_, said in concepts.items() if isinstance(concepts, dict) else ():
            if isinstance(said, dict) and "codes" in said:
                yield id_


def _opened(folder: Folder, reading: Reading) -> list[YamlFile]:
    paths = reading.tried(folder.trials) or []
    found = [reading.tried(open_yaml, path) for path in paths]
    return [file for file in found if file is not None]


def _read(
    files: Sequence[YamlFile], vocabulary: Vocabulary, kinds: Kinds, reading: Reading
) -> Iterator[tuple[YamlFile, TrialDefinition]]:
    for file in files:
        if file.name in reading.unread:
            continue
        definition = reading.tried(definition_of, file, vocabulary, kinds)
        if definition is not None:
            yield file, definition
