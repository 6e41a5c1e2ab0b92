"""`python -m mappings.terminology.listing` writes docs/catalogue.md: every concept with its unit and code systems."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from adapter.criteria.catalogue import Analyte, Scale
from adapter.criteria.terminology import Terminology
from mappings.terminology import load_terminology, packaged_systems
from mappings.terminology.catalogue import SECTIONS
from mappings.terminology.wide import wide_concepts, with_wide
from mappings.terminology.yaml_file import key

FILE = Path(__file__).parents[2] / "docs" / "catalogue.md"
_HEAD = """\
# The catalogue

Every concept that a criterion may name, as `python -m mappings.terminology.listing` writes it. Those with a field \
stand in `mappings/terminology/fields/`, the others in concepts.yaml. A system in brackets has codes that only may be \
the concept; one in bold is exhaustive: any other code of it is something else. What each takes in is said beside it \
in its file (`extent`), and where each code was read.
"""


def listing() -> str:
    """The page."""
    terminology = with_wide(load_terminology(), wide_concepts())
    parts = [_HEAD]
    for section in SECTIONS:
        concepts = getattr(terminology.catalogue, section)
        if not concepts:
            continue
        unit = section == "analytes"
        parts.append(f"\n## {key(section).capitalize()} ({len(concepts)})\n\n")
        parts.append("| id | title | unit | systems | field |\n|---|---|---|---|---|\n" if unit else "")
        parts.append("" if unit else "| id | title | systems | field |\n|---|---|---|---|\n")
        for id_, concept in sorted(concepts.items()):
            cells = [f"`{id_}`", concept.title, *_unit(concept), _systems(id_, concept, terminology), _field(id_)]
            parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def _unit(concept: object) -> Iterator[str]:
    if isinstance(concept, Analyte):
        if concept.scale is Scale.QUANTITY:
            yield (concept.unit or "").replace("|", "\\|")
        else:
            yield ", ".join((concept.scale.value, *(f"`{name}`" for name in concept.answers)))


def _systems(id_: str, concept: object, terminology: Terminology) -> str:
    names = {uri: name for name, uri in packaged_systems().names.items()}
    own = terminology.value_sets[id_]
    held = {each.system for each in (*own.codes, *own.prefixes)}
    coarse = [terminology.value_sets[name] for name in getattr(concept, "may_be", ()) if name in terminology.value_sets]
    perhaps = {each.system for each in chain.from_iterable((*one.codes, *one.prefixes) for one in coarse)} - held
    found = []
    for system in sorted(held | perhaps, key=lambda system: names.get(system, system)):
        name = names.get(system, "other")
        name = f"**{name}**" if system in own.exhaustive else name
        found.append(f"({name})" if system in perhaps else name)
    return ", ".join(dict.fromkeys(found))


def _field(id_: str) -> str:
    entry = wide_concepts().get(id_)
    return "" if entry is None else Path(entry.file).stem


if __name__ == "__main__":
    FILE.write_text(listing(), encoding="utf-8")
