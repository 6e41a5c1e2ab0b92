"""infections.yaml -> which tests settle an infection, and what each of their combinations says."""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, RootModel

from adapter.criteria.infection import Answer, InfectionRule, InfectionTable, InfectionTest, Seen
from mappings.terminology.yaml_file import Form, IsoDuration, YamlFile


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Test(Form):
    analyte: str
    from_age: IsoDuration | None = None


class _Rule(Form):
    when: dict[str, Annotated[tuple[Seen, ...], BeforeValidator(_listed)]]
    later: dict[str, str] = Field(default_factory=dict)
    not_before: dict[str, str] = Field(default_factory=dict)
    without_entry: bool = False
    answer: Answer


class _Table(Form):
    tests: dict[str, _Test]
    contradict: tuple[str, ...]
    rules: tuple[_Rule, ...]


class _Tables(RootModel[dict[str, _Table]]):
    pass


def read_infections(
    file: YamlFile, conditions: Collection[str], analytes: Collection[str]
) -> Mapping[str, InfectionTable]:
    """The tables in `file`, by the condition that they settle. Raises DefinitionError for a name that isn't known."""
    found: dict[str, InfectionTable] = {}
    for condition, table in file.checked(_Tables).root.items():
        if condition not in conditions:
            raise file.error((condition,), f"no condition {condition}")
        for name, test in table.tests.items():
            if test.analyte not in analytes:
                raise file.error((condition, "tests", name), f"no analyte {test.analyte}")
        for name in sorted(set(table.contradict) - set(table.tests)):
            raise file.error((condition, "contradict"), f"no test {name} in this table")
        for place, rule in enumerate(table.rules):
            named = {*rule.when, *rule.later, *rule.later.values(), *rule.not_before, *rule.not_before.values()}
            for name in sorted(named - set(table.tests)):
                raise file.error((condition, "rules", place), f"no test {name} in this table")
        found[condition] = InfectionTable(
            tests={name: InfectionTest(test.analyte, test.from_age) for name, test in table.tests.items()},
            contradict=table.contradict,
            rules=tuple(InfectionRule(**dict(rule)) for rule in table.rules),
        )
    return found
