"""What is wrong and what is doubtful in a site's files: all of it, each with file, line and what to do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes, ValueSet
from adapter.errors import DefinitionError
from mappings.policy import ROOT, load_policy
from mappings.site.code_forms import misspelt
from mappings.site.folder import Folder
from mappings.site.load import Site, read_site
from mappings.site.satisfiable import doubts
from mappings.site.terminology import unresolved
from mappings.terminology import load_terminology, packaged_systems
from mappings.terminology.ucum import is_unit


class Severity(StrEnum):
    """Whether the site can't be used as it is, or may not mean what it says."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One thing that is wrong or doubtful. `line` counts from 1; 0: of the whole file."""

    file: str
    line: int
    severity: Severity
    said: str


def check(folder: Path, releases: Iterable[ReleasedCodes] = (), *, expands: bool = False) -> tuple[Found, ...]:
    """All that is found in a site's folder, in the order of files and lines.

    `releases`: the terminologies that the site imported; `expands`: a terminology server resolves the filters.
    """
    site = read_site(folder)
    found = [_error(each) for each in site.problems]
    found += _skipped(site)
    found += _policy(site)
    found += [Found(str(path), 0, Severity.WARNING, said) for path, said in Folder(path=folder).ignored()]
    imported = tuple(releases)
    resolved = frozenset(name for each in imported for name in each.members)
    found += [] if expands else _filters(site, resolved)
    found += _codes(site, imported)
    found += _open(site)
    found += _units(site)
    found += _overridden(site)
    for definition in site.definitions:
        file = site.files[definition.id]
        if Path(file.name).is_relative_to(folder):
            for path, severe, said in doubts(definition, site.terminology):
                place = file.error(path, said)
                severity = Severity.ERROR if severe else Severity.WARNING
                found.append(Found(place.file, place.line, severity, place.said))
    return tuple(sorted(set(found)))


def _error(error: DefinitionError) -> Found:
    return Found(error.file, error.line, Severity.ERROR, error.said)


def _skipped(site: Site) -> Iterator[Found]:
    for name, trials in site.skipped.items():
        what = "the criteria of 1 trial are" if trials == 1 else f"the criteria of {trials} trials are"
        said = f"{what} not looked at, since concepts in this file can't be read; mend them, and check again"
        yield Found(name, 0, Severity.WARNING, said)


def _policy(site: Site) -> Iterator[Found]:
    try:
        load_policy(site.policy or ROOT, terminology=site.terminology, places=site.places)
    except DefinitionError as error:
        yield from (_error(each) for each in (error, *error.others))


def _at(site: Site, id_: str, severity: Severity, said: str) -> Found:
    file, line = site.places.get(id_.removesuffix("-possible") if id_ not in site.places else id_, ("", 0))
    return Found(file, line, severity, said)


def _filters(site: Site, resolved: frozenset[str]) -> Iterator[Found]:
    for id_, filter_ in unresolved(site.terminology, resolved):
        said = (
            f"{id_}: nothing here knows what {filter_} is; name a terminology server (TRIAL_ADAPTER_TERMINOLOGY_URL), "
            "import a release (`trial-adapter terminology import`), or write the codes themselves"
        )
        yield _at(site, id_, Severity.ERROR, said)


def _local(terminology: Terminology) -> Iterator[ValueSet]:
    return (each for each in terminology.value_sets.values() if each.local)


def _codes(site: Site, releases: tuple[ReleasedCodes, ...]) -> Iterator[Found]:
    known = {system: codes for each in releases for system, codes in each.known.items()}
    for held in _local(site.terminology):
        if not (held.codes or held.prefixes or held.roots or held.filters):
            yield _at(site, held.id, Severity.ERROR, f"{held.id} has no codes; no record can say it")
        for coding in (*held.stated, *held.prefixes):
            if wrong := misspelt(coding, beginning=coding in held.prefixes):
                yield _at(site, held.id, Severity.ERROR, f"{held.id}: {wrong}")
        listed = [each for each in held.stated if each.system in known and _told_apart(held, each, site)]
        for coding in listed:
            if coding.code not in known[coding.system]:
                said = (
                    f"{held.id}: the imported release of {coding.system} doesn't know {coding.code}: it is retired, "
                    "misspelt, or of another release; look it up"
                )
                yield _at(site, held.id, Severity.WARNING, said)


def _open(site: Site) -> Iterator[Found]:
    """Lists of codes in classifications that leave open what every other code is."""
    names = {uri: name for name, uri in packaged_systems().names.items()}
    for section in ("conditions", "exposures", "substances"):
        for id_ in sorted(site.open.intersection(getattr(site.terminology.catalogue, section))):
            held = site.terminology.value_sets.get(id_)  # none, where its codes can't be read
            systems = sorted({names.get(each.system, each.system) for each in held.prefixes}) if held else []
            if systems:
                said = (
                    f"{id_}: any other code of {', '.join(systems)} on record keeps a no open; if none of them is it, "
                    f"write exhaustive: [{', '.join(systems)}], else exhaustive: []"
                )
                yield _at(site, id_, Severity.WARNING, said)


def _told_apart(held: ValueSet, coding: Coding, site: Site) -> bool:
    """Whether a release knows codes of this sort: of SNOMED CT, an import keeps those of diagnoses."""
    return coding.system != "http://snomed.info/sct" or held.id in site.terminology.catalogue.conditions


def _units(site: Site) -> Iterator[Found]:
    for id_, analyte in site.terminology.catalogue.analytes.items():
        if id_ not in site.places or analyte.unit is None:
            continue
        if not is_unit(analyte.unit):
            yield _at(site, id_, Severity.ERROR, f"{id_}: {analyte.unit!r} is no UCUM unit; write one, as in mg/dL")


def _overridden(site: Site) -> Iterator[Found]:
    shipped = load_terminology().catalogue
    for section in ("analytes", "conditions", "exposures", "substances"):
        for id_ in getattr(shipped, section):
            if id_ in site.places and getattr(site.terminology.catalogue, section).get(id_) is not None:
                said = f"{id_} goes before the shipped one of that name, in every trial; rename it unless that is meant"
                yield _at(site, id_, Severity.WARNING, said)
