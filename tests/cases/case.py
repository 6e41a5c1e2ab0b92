"""Cases as data: reads the YAML files beside it and turns tables into single cases.

A file is a mapping: defaults for all of its cases (`study`, `trials`: the folder where it stands, `as-of`, `policy`,
`patient`, `records`), and `cases`.
A case says `case` (its name), `rule` (the section of CONFORMANCE.md), `record` (shorthand of `builder.py`) and what is
expected: `expect`, `decision`, `valid-until` and so on (`test_cases.py` checks them). `each` makes a table of it: one
case a row, `$name` in the case being the row's value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
KEYS = {
    "case", "rule", "study", "trials", "as-of", "policy", "patient", "record", "bundle", "subject", "references",
    "expect", "decision", "because", "valid-until", "evidence", "missing", "needs-nothing", "issues", "unmapped",
    "no-unmapped", "indication", "is", "says", "lasts", "error", "each",
}  # fmt: skip


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C parser, where it was built
    """YAML with few types: text, true and false, whole numbers, and decimals that keep their digits.

    Dates stay text, and `on` is a word (YAML 1.1 reads it as true).
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own way to give a loader its types


Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
Loader.add_implicit_resolver("!decimal", re.compile(r"^-?[0-9]+\.[0-9]+$"), list("-0123456789"))
Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~)$"), list("n~"))
Loader.add_constructor("!decimal", lambda _, node: Decimal(node.value))


@dataclass(frozen=True, slots=True)
class Case:
    """One patient, one study, one instant, and what is to come out. `at`: file and name."""

    at: str
    data: dict[str, Any]

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401  # what the file holds
        """The case's own value, else the file's default, else None."""
        return self.data.get(key)


def read_yaml(path: Path) -> Any:  # noqa: ANN401  # what the file holds
    """A YAML file's content with the few types above."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506  # a SafeLoader of ours


def all_cases() -> list[Case]:
    """Every case of every file in this folder, tables spread out."""
    return [case for path in sorted(HERE.glob("*.yaml")) if path.stem != "codes" for case in cases_of(path)]


def cases_of(path: Path) -> Iterator[Case]:
    """The cases of one file."""
    head = read_yaml(path)
    cases = head.pop("cases")
    records = head.pop("records", {})
    for written in cases:
        unknown = set(written) - KEYS
        if unknown:
            msg = f"{path.name}: {written['case']}: unknown keys {sorted(unknown)}"
            raise ValueError(msg)
        rows = written.get("each", [{}])
        names = [filled(written["case"], row) for row in rows]
        for number, row in enumerate(rows, start=1):
            case = head | {key: filled(value, row) for key, value in written.items() if key != "each"}
            case["record"] = list(spread(case.get("record") or [], records))
            again = f" (row {number})" if names.count(case["case"]) > 1 else ""
            yield Case(f"{path.stem}: {case['case']}{again}", case)


def spread(record: list[Any], records: dict[str, list[Any]]) -> Iterator[Any]:
    """The record's entries, with `use: <name>` standing for a named list of the file's head.

    `but` drops entries of that list by their id.
    """
    for entry in record:
        if "use" in entry:
            dropped = entry.get("but", [])
            kept = [item for item in records[entry["use"]] if next(iter(item.values())).get("id") not in dropped]
            yield from spread(kept, records)
        else:
            yield entry


def filled(value: Any, row: dict[str, Any]) -> Any:  # noqa: ANN401  # any YAML value
    """The value with `$name` replaced by the row's; alone it keeps the row's type. An element that is `absent` goes."""
    if isinstance(value, dict):
        done = {filled(key, row): filled(item, row) for key, item in value.items()}
        return {key: item for key, item in done.items() if item != "absent"}
    if isinstance(value, list):
        return [filled(item, row) for item in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    if value[1:] in row:
        return row[value[1:]]
    names = "|".join(sorted(map(re.escape, row), key=len, reverse=True))
    text = re.sub(rf"\$({names})", lambda found: str(row[found[1]]), value) if names else value
    if "$" in text:
        msg = f"no column of the table fills {value!r}"
        raise ValueError(msg)
    return text
