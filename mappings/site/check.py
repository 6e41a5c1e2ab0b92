"""What is wrong and what is doubtful in a site's files: all of it, each with file, line and what to do.

Whether a code can be one of its system at all: by its form, and by its check digit where it has one.

LOINC: a number and a check digit modulo 10 (LOINC Users' Guide, appendix C). SNOMED CT: Verhoeff's check digit, and the
partition of concepts (SNOMED CT Technical Implementation Guide, SCTID). ICD-10, ATC, RxNorm and CVX: the form alone;
that of ICD-10-CM as its list of April 2026 has it (PyPI simple-icd-10-cm 1.5.0), where no code is one of ATC.

The JSON Schemas that an editor completes a site's files from, with the ids of the concepts that there are.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from adapter.criteria.fields import Section
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes, ValueSet, plain_code
from adapter.errors import DefinitionError
from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.policies.form import json_schema as policy_schema
from mappings.policy import ROOT, load_policy
from mappings.site.load import Site, read_site
from mappings.site.satisfiable import doubts
from mappings.site.terminology import Folder, unresolved
from mappings.terminology import load_terminology, packaged_systems
from mappings.terminology.catalogue import SECTIONS
from mappings.terminology.codes import FIRST_SIGNS
from mappings.terminology.concept_forms import POSSIBLE, ConceptsForm
from mappings.terminology.ucum import is_unit
from mappings.terminology.wide import wide_concepts
from mappings.trial.form import SECTION
from mappings.trial.json_schema import json_schema as trial_schema
from mappings.trial.json_schema import without_null

_ICD = re.compile(r"[A-Z]\d{1,4}")
_CM = re.compile(r"[A-Z]\d([0-9AB](?![A-Z]{2}\d\d$)[0-9A-NP-Z]{0,4})?")
_ATC = re.compile(r"[A-Z](\d{2}([A-Z]([A-Z](\d{2})?)?)?)?")
_MULTIPLIED = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_CONCEPT_PARTITIONS = frozenset({"00", "10"})


_CHECKED = frozenset({"http://loinc.org", "http://snomed.info/sct"})
"""The systems whose codes end with a check digit."""


def misspelt(coding: Coding, *, beginning: bool = False) -> str | None:
    """What is wrong with a code, or with a beginning of codes; None if nothing that can be seen."""
    test = _TESTS.get(coding.system)
    if test is None:
        return None
    what, fits = test
    plain = plain_code(coding.system, coding.code)
    if (beginning and (what not in _WITH_BEGINNINGS or len(plain) == 1)) or fits(plain):
        return None
    why = "its check digit doesn't fit" if coding.system in _CHECKED else "it has another form"
    return f"{coding.code!r} is no code of {what}: {why}; look it up"


def _loinc(code: str) -> bool:
    number, dash, check = code.partition("-")
    if not (dash and number.isdecimal() and check.isdecimal() and len(check) == 1):
        return code.startswith(("LA", "LP", "LL", "LG", "MTHU"))  # answers, parts and lists have no such digit
    doubled = int(number[::-1][0::2]) * 2
    total = sum(int(digit) for digit in f"{doubled}{number[::-1][1::2]}")
    return (10 - total % 10) % 10 == int(check)


def _snomed(code: str) -> bool:
    if not code.isdecimal() or not 6 <= len(code) <= 18 or code[-3:-1] not in _CONCEPT_PARTITIONS:  # noqa: PLR2004
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_MULTIPLIED[check][int(_PERMUTED[place % 8][int(digit)])])
    return check == 0


def _form(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda code: pattern.fullmatch(code) is not None


_TESTS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "http://loinc.org": ("LOINC", _loinc),
    "http://snomed.info/sct": ("SNOMED CT", _snomed),
    "http://hl7.org/fhir/sid/icd-10": ("ICD-10", _form(_ICD)),
    "http://hl7.org/fhir/sid/icd-10-cm": ("ICD-10-CM", _form(_CM)),
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": ("ICD-10-GM", _form(_ICD)),
    "http://www.whocc.no/atc": ("ATC", _form(_ATC)),
    "http://www.nlm.nih.gov/research/umls/rxnorm": ("RxNorm", str.isdecimal),
    "http://hl7.org/fhir/sid/cvx": ("CVX", str.isdecimal),
}
_WITH_BEGINNINGS = frozenset({"ICD-10", "ICD-10-CM", "ICD-10-GM", "ATC"})


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
    found += _policy(site, folder)
    found += [Found(str(path), 0, Severity.WARNING, said) for path, said in Folder(path=folder).ignored()]
    imported = tuple(releases)
    resolved = frozenset(name for each in imported for name in each.members)
    found += [] if expands else _filters(site, resolved)
    found += _codes(site, imported)
    found += _apart(site)
    found += _whole(site)
    found += _mapped(site, folder)
    found += [each for path in Folder(path=folder).written() for each in _lost(path)]
    found += _open(site)
    found += _systems(site)
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


_LATER = "this file is not looked at, since concepts can't be read; mend them, and check again"


def _policy(site: Site, folder: Path) -> Iterator[Found]:
    own = Folder(path=folder).policy
    if own is not None and (site.skipped or site.policy is None):
        yield Found(str(own), 0, Severity.WARNING, _LATER)
        return
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


def _apart(site: Site) -> Iterator[Found]:
    """Exceptions that take nothing away, or all of a line; codes that are the concept and only may be it."""
    for held in _local(site.terminology):
        for each in held.excluded_prefixes:
            if any(_begins(each, line) for line in held.prefixes):
                said = f"{held.id}: except takes {each.code} away as a whole, and codes ask for it; keep one of them"
                yield _at(site, held.id, Severity.ERROR, said)
            elif not any(_begins(line, each) for line in held.prefixes):
                said = f"{held.id}: except takes nothing away by {each.code}: no line of codes holds it; correct it"
                yield _at(site, held.id, Severity.WARNING, said)
        concept = site.terminology.value_sets.get(held.id.removesuffix(POSSIBLE))
        if concept is None or concept is held:
            continue
        for each in (*held.stated, *held.prefixes):
            if each.system in concept.exhaustive and _surely(each, concept):
                said = f"{concept.id}: {each.code} stands below may-be, and codes hold it; keep one of the two"
                yield _at(site, held.id, Severity.ERROR, said)


def _begins(one: Coding, other: Coding) -> bool:
    """Whether the other code begins with the one."""
    return one.system == other.system and plain_code(other.system, other.code).startswith(
        plain_code(one.system, one.code)
    )


def _surely(code: Coding, held: ValueSet) -> bool:
    """Whether a value set holds a code as it is written."""
    without = any(_begins(each, code) for each in held.excluded_prefixes)
    listed = (each for each in held.stated if each.system == code.system)
    return not without and (
        any(_begins(each, code) for each in held.prefixes) or any(each.code == code.code for each in listed)
    )


def _whole(site: Site) -> Iterator[Found]:
    """Value sets in files that take in every code of a system that others have too."""
    names = packaged_systems().names.values()
    for held in _local(site.terminology):
        file, _ = site.places.get(held.id, ("", 0))
        begun = {Coding(each.system, each.code) for each in held.prefixes}
        for system in sorted(set(names)):
            if file.endswith(".json") and all(Coding(system, sign) in begun for sign in FIRST_SIGNS):
                said = f"{held.id} holds every code of {system}; list codes below `concept`, unless that is meant"
                yield _at(site, held.id, Severity.WARNING, said)


def _mapped(site: Site, folder: Path) -> Iterator[Found]:
    """What a site's own codes are mapped to, and can't be a code, or not of that system."""
    for path in Folder(path=folder).concept_maps():
        text = path.read_text(encoding="utf-8", errors="replace")
        for target in sorted({each for found in site.terminology.local_maps.values() for each in found}):
            if f'"{target.code}"' not in text:
                continue
            line = text[: text.index(f'"{target.code}"')].count("\n") + 1
            if wrong := misspelt(target):
                yield Found(str(path), line, Severity.ERROR, wrong)
            if meant := _meant(target.system):
                said = f"{target.code}: records say {meant}, and not {target.system}; write that"
                yield Found(str(path), line, Severity.ERROR, said)


_COMMENT = re.compile(r"^[^#'\"]*[\w)] +(#[^\s#]\S*)")
"""A word behind a hash and no blank, behind words in no quotes: people mean it, YAML leaves it out."""


def _lost(path: Path) -> Iterator[Found]:
    """Words that YAML takes for a comment."""
    for line, text in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        if found := _COMMENT.match(text):
            said = f"{found[1]} and what follows is a comment, and is lost; write the text in quotes"
            yield Found(str(path), line, Severity.WARNING, said)


def _systems(site: Site) -> Iterator[Found]:
    """Code systems that nobody knows by that URI, but for how one of those that are known is spelt."""
    for held in _local(site.terminology):
        written = {each.system for each in (*held.stated, *held.prefixes, *held.roots)}
        written |= {each.system for each in held.filters}
        for system in sorted(written):
            if meant := _meant(system):
                said = f"{held.id}: records say {meant}, and not {system}; write that, without a version or an edition"
                yield _at(site, held.id, Severity.ERROR, said)


def _meant(system: str) -> str | None:
    """How records call a system that nobody knows by this URI; None if it is theirs, or a site's own."""
    known = packaged_systems().uris
    if system in known:
        return None
    spelt = {_letters(each): canonical for each, canonical in known.items()}
    return spelt.get(_letters(system)) or known.get(system.partition("/sct/")[0] + "/sct")


def _letters(uri: str) -> str:
    """What is left of a URI where nobody looks closely: http://www.loinc.org and loinc.org|2.78 are the same."""
    plain = re.sub(r"^https?://(www\.)?", "", uri.lower().partition("|")[0])
    return re.sub(r"[^a-z0-9]", "", plain)


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
    for section in SECTIONS:
        for id_ in getattr(site.terminology.catalogue, section):
            if id_ in site.places and (id_ in getattr(shipped, section) or id_ in wide_concepts()):
                said = f"{id_} goes before the shipped one of that name, in every trial; rename it unless that is meant"
                yield _at(site, id_, Severity.WARNING, said)


Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas(terminology: Terminology, kinds: Kinds = KINDS) -> Mapping[str, Json]:
    """By file name: of trials, of concepts.yaml and of policies."""
    concepts = without_null(ConceptsForm.model_json_schema(by_alias=True))
    return {
        "trial.schema.json": _with_ids(trial_schema(kinds, sections=True), terminology),
        "concepts.schema.json": {"$schema": DIALECT, **concepts},
        "policy.schema.json": policy_schema(),
    }


def _with_ids(schema: Json, terminology: Terminology) -> Json:
    """The schema whose keys that name a concept refer to a list of those that there are."""
    lists = {
        section.name.lower(): {
            "type": "string",
            "enum": sorted({*section.concepts(terminology.catalogue), *_wide(section)}),
            "description": f"The id of a concept: {section.value}.",
        }
        for section in Section
    }
    found: Json = _referring(schema)
    found["$defs"] = {**found.get("$defs", {}), **{f"{name}-id": each for name, each in lists.items()}}
    return found


def _wide(section: Section) -> set[str]:
    """The ids of the wider catalogue, which a trial has that names them."""
    key = f"{section.name.lower().replace('_', '-')}s"
    return {id_ for id_, entry in wide_concepts().items() if entry.section == key}


def _referring(schema: Any) -> Any:  # noqa: ANN401  # any JSON value
    if isinstance(schema, list):
        return [_referring(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if SECTION in schema:
        kept = {key: value for key, value in schema.items() if key not in {SECTION, "type"}}
        return {**kept, "$ref": f"#/$defs/{schema[SECTION]}-id"}
    return {key: _referring(value) for key, value in schema.items()}
