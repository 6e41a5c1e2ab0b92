"""What several studies share: our code systems, and the packaged value sets that their resources name."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any

from adapter.criteria.model import Combinator, Leaf, TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import CONCEPTS, Coding, Filter, ValueSet
from adapter.evaluator.attestation import SYSTEM
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ATTESTATION, MENTION, Place, Read, Role
from adapter.fhir.elements import SHAREABLE
from adapter.fhir.publishing import conformance
from mappings.terminology.value_set import EXHAUSTIVE, ORDINAL, ROOTED
from mappings.trial.fhir.datatype import duration
from mappings.trial.fhir.element import (
    VALUE_SET,
    Json,
    code_system,
    computer_name,
    decode,
    element,
    narrative,
    present,
    table,
    text,
    value_set,
)
from mappings.trial.fhir.kinds import write_statement

OBSERVATION = code_system("observation")
OF_FILES = ("attestation", "concept", "observation")
"""Those whose codes come from definitions and value sets."""
VERSION = "1.0.0"

Codes = Iterable[tuple[str, str]]
"""Each code and its display."""


def build_code_systems(definitions: Iterable[TrialDefinition], terminology: Terminology) -> list[Json]:
    """Those whose codes come from the site's own files.

    The attestations that settle a criterion of these definitions; the terminology's concepts and observations.
    """
    return [
        _build(
            SYSTEM,
            "Attestations of a criterion's statement",
            "What a person may say: that the statement of a criterion holds for a patient, or doesn't.",
            _attestations(definitions),
        ),
        _build(
            CONCEPTS,
            "Concepts, each with a value set of the same id",
            "What criteria ask for; the value set of a concept has the codes by which records say it.",
            _concepts(terminology),
        ),
        _build(
            OBSERVATION,
            "Observations that have no standard code",
            "What criteria ask for and no standard code system says, for local use.",
            _observations(terminology),
        ),
    ]


def packaged_code_systems() -> list[Json]:
    """All others, as they stand in the FHIR package."""
    held = conformance()["CodeSystem"]
    return [resource for name, resource in held.items() if name not in OF_FILES]


def _attestations(definitions: Iterable[TrialDefinition]) -> Codes:
    for definition in definitions:
        for criterion in definition.walk():
            if criterion.id:
                yield f"{definition.id}.{criterion.id}", criterion.label or criterion.id


def _concepts(terminology: Terminology) -> Codes:
    held = terminology.catalogue
    titles = {name: each.title for name, each in held.analytes.items()}
    titles |= {name: each.title for name, each in held.listed.items()}
    for concept in sorted(terminology.value_sets):
        yield concept, titles.get(concept, concept.replace("-", " ").capitalize())


def _observations(terminology: Terminology) -> Codes:
    held = {
        code.code: code.display or code.code
        for each in terminology.value_sets.values()
        for code in each.codes
        if code.system == OBSERVATION
    }
    return sorted(held.items())


def _build(url: str, title: str, description: str, codes: Codes) -> Json:
    name = url.rpartition("/")[2]
    concepts = list(codes)
    return present(
        {
            "resourceType": "CodeSystem",
            "id": name,
            "meta": {"profile": [f"{SHAREABLE}codesystem"]},
            "text": narrative(element("h2", text(title)), table(("Code", "Meaning"), concepts)),
            "url": url,
            "version": VERSION,
            "name": computer_name(name),
            "title": title,
            "status": "active",
            "experimental": False,
            "publisher": "fhir-trial-adapter",
            "description": description,
            "caseSensitive": True,
            "content": "complete",
            "concept": [{"code": code, "display": display} for code, display in concepts],
        }
    )


FOLDER = "mappings.terminology"


def used_value_sets(definitions: Iterable[TrialDefinition], terminology: Terminology) -> list[Json]:
    """The value sets in the order of their ids: as they are packaged in FHIR, or as concepts' files say them."""
    named = {url for definition in definitions for url in _named(definition, terminology)}
    found: list[Json] = []
    for id_ in (url.removeprefix(VALUE_SET) for url in sorted(named)):
        held = terminology.value_sets.get(id_)
        path = files(FOLDER) / "value-sets" / f"{id_}.json"
        if held is not None and held.local:
            found.append(value_set_resource(held, _title(id_, terminology)))
        elif path.is_file():
            found.append(decode(path.read_bytes()))
        elif held is not None:
            found.append(value_set_resource(held, _title(id_, terminology)))
    return found


def local_value_sets(terminology: Terminology) -> list[Json]:
    """Every value set that the site has written, in the order of their ids."""
    held = (each for _, each in sorted(terminology.value_sets.items()) if each.local)
    return [value_set_resource(each, _title(each.id, terminology)) for each in held]


def _title(id_: str, terminology: Terminology) -> str:
    return dict(_concepts(terminology)).get(id_, id_)


_READ = ". Where each was read stands in mappings/terminology/fields"


def value_set_resource(held: ValueSet, title: str) -> Json:
    """A value set that has no file in FHIR, as FHIR, without what a terminology server or a release has added."""
    return present(
        {
            "resourceType": "ValueSet",
            "id": held.id,
            "meta": {"profile": [f"{SHAREABLE}valueset"]},
            "extension": [
                *({"url": EXHAUSTIVE, "valueUri": each} for each in sorted(held.exhaustive)),
                *({"url": ROOTED, "valueUri": each} for each in sorted(held.rooted)),
            ],
            "url": VALUE_SET + held.id,
            "version": VERSION,
            "name": computer_name(held.id),
            "title": title,
            "status": "active",
            "experimental": False,
            "publisher": "The site that uses it" if held.local else "fhir-trial-adapter",
            "description": f"The codes by which records say: {title}" + (_READ if held.wide else ""),
            "compose": present(
                {"include": list(_included(held)), "exclude": list(_by_system((), held.excluded_prefixes))}
            ),
        }
    )


def _included(held: ValueSet) -> Iterator[Json]:
    yield from _by_system(held.stated, held.prefixes, held.ordinals)
    found = [*held.filters, *(Filter(root.system, "concept", "is-a", root.code) for root in held.roots)]
    for each in found:
        yield {"system": each.system, "filter": [{"property": each.property, "op": each.op, "value": each.value}]}


def _by_system(
    codes: Iterable[Coding], prefixes: Iterable[Coding], ordinals: Mapping[tuple[str, str], Decimal] | None = None
) -> Iterator[Json]:
    """Listed codes, and beginnings as regular expressions, an include a system."""
    listed, begun = defaultdict(list), defaultdict(list)
    for each in codes:
        number = (ordinals or {}).get((each.system, each.code))
        extension = None if number is None else [{"url": ORDINAL, "valueDecimal": number}]
        listed[each.system].append(present({"code": each.code, "display": each.display, "extension": extension}))
    for each in prefixes:
        begun[each.system].append(re.escape(each.code).replace("\\-", "-"))
    for system, concepts in listed.items():
        yield {"system": system, "concept": concepts}
    for system, heads in begun.items():
        pattern = f"{heads[0]}.*" if len(heads) == 1 else f"({'|'.join(heads)}).*"
        yield {"system": system, "filter": [{"property": "code", "op": "regex", "value": pattern}]}


def _named(definition: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    yield from (VALUE_SET + concept for concept in definition.index_concepts())
    yield from (VALUE_SET + each.concept for each in definition.study.interventions if each.concept)
    for criterion in definition.walk():
        yield from _urls(write_statement(criterion.statement))
        yield from _urls(requirements(criterion.statement, None, terminology))


def _urls(held: Any) -> Iterator[str]:  # noqa: ANN401  # any part of a resource
    match held:
        case str() if held.startswith(VALUE_SET):
            yield held
        case dict():
            for each in held.values():
                yield from _urls(each)
        case list():
            for each in held:
                yield from _urls(each)


FEW = 5
"""Up to so many codes are listed beside their value set."""

_REQUIRED = frozenset({Role.ASKED, Role.COARSE, Role.TEST, Role.BESIDE, Role.SHOWN})


def few_codes(concept: str, terminology: Terminology) -> list[Json]:
    """A concept's codes as Codings; none if there are more than a few, or only beginnings of codes."""
    codes = terminology.value_sets[concept].codes if concept in terminology.value_sets else ()
    if len(codes) > FEW:
        return []
    return [present({"system": each.system, "code": each.code, "display": each.display}) for each in codes]


def requirements(statement: Leaf | Combinator, attestation: str | None, terminology: Terminology) -> list[Json]:
    """The data that a leaf reads; none for what only joins.

    `attestation` is the code of the attestation that settles a judgement, where it has one.
    """
    return list(_requirements(statement, attestation, terminology))


def _requirements(statement: Leaf | Combinator, attestation: str | None, terminology: Terminology) -> Iterator[Json]:
    if not isinstance(statement, Leaf):
        return
    for read in reads_of(statement, terminology.catalogue):
        if read.data is ATTESTATION:
            if attestation and read.role is Role.ASKED:
                code = {"system": SYSTEM, "code": attestation}
                yield {"type": "Observation", "codeFilter": [{"path": "code", "code": [code]}]}
        elif read.data is MENTION:
            yield from ({"type": place.type, "mustSupport": [place.code]} for place in read.data.places)
        elif read.role in _REQUIRED:
            yield from (_requirement(read, place, terminology) for place in read.data.places)


def _requirement(read: Read, place: Place, terminology: Terminology) -> Json:
    if read.value_set is None:
        return {"type": place.type, "mustSupport": [read.name]}
    codes = few_codes(read.value_set, terminology)
    filtered = present({"path": place.code, "valueSet": value_set(read.value_set), "code": codes})
    dated = {"path": place.time, "valueDuration": duration(read.window)} if read.window else None
    return present({"type": place.type, "codeFilter": [filtered], "dateFilter": [dated] if dated else None})
