"""What is wrong outside of the criteria is an error that names its place."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from adapter.errors import DefinitionError
from mappings.terminology import load_terminology
from mappings.trial.fhir import decode, parse, resources_of
from mappings.trial.fhir.element import checked

Json = dict[str, Any]
STUDY, ELIGIBILITY, TREATMENT = range(3)


def without(name: str) -> Callable[[Json], None]:
    """Take an element out."""
    return lambda resource: resource.pop(name)


def extension_gone(name: str) -> Callable[[Json], None]:
    """Take an extension out."""

    def change(resource: Json) -> None:
        resource["extension"] = [each for each in resource["extension"] if not each["url"].endswith(name)]

    return change


def second_action(resource: Json) -> None:
    """Repeat the first criterion."""
    resource["action"] = resource["action"][:1] * 2


def strange_phase(resource: Json) -> None:
    """A phase that the registry doesn't have."""
    resource["phase"]["coding"][0]["code"] = "phase-5"


def strange_index(resource: Json) -> None:
    """A disease that the catalogue doesn't have."""
    index = next(each for each in resource["extension"] if each["url"].endswith("index-condition"))
    index["valueCanonical"] = "http://example.org/fhir-trial-adapter/ValueSet/measles"


@pytest.mark.parametrize(
    ("position", "change", "said"),
    [
        (STUDY, without("title"), "ResearchStudy/cd7-cart01.title: this element is missing; add it"),
        (STUDY, without("id"), "ResearchStudy/None.id: this element is missing; add it"),
        (STUDY, extension_gone("completeness"), "StructureDefinition/completeness is missing; add it"),
        (STUDY, strange_phase, "ResearchStudy/cd7-cart01.phase: 'phase-5' is not known here; write one of n-a, "),
        (STUDY, strange_index, "the catalogue doesn't hold measles"),
        (STUDY, lambda it: it.update(implicitRules="http://x"), "ResearchStudy/cd7-cart01.implicitRules: it changes"),
        (
            STUDY,
            lambda it: it["arm"][0].update(type={"text": "arm"}),
            "ResearchStudy/cd7-cart01.arm[0].type: a code of ",
        ),
        (STUDY, lambda it: it.update(arm={}), "ResearchStudy/cd7-cart01.arm: a list is wanted here"),
        (STUDY, lambda it: it.update(title=7), "ResearchStudy/cd7-cart01.title: 7 stands where a text is wanted"),
        (ELIGIBILITY, lambda it: it.update(version="2.0.0"), "the plan has version 2.0.0, the study 1.0.0"),
        (ELIGIBILITY, without("type"), "one PlanDefinition of the type eligibility is wanted, 0 are there"),
        (ELIGIBILITY, without("action"), "PlanDefinition/cd7-cart01-eligibility.action: a trial needs a criterion"),
        (ELIGIBILITY, second_action, "the criterion I1 stands twice; give each its own prefix"),
        (TREATMENT, lambda it: it["action"][0].pop("code"), "cd7-cart01-treatment.action[0].code: a step needs a code"),
        (TREATMENT, without("contained"), "no activity of the treatment plan has the id apheresis"),
        (TREATMENT, lambda it: it["contained"][0].pop("topic"), "treatment.contained[0].topic: an intervention needs"),
    ],
)
def test_place(built: Mapping[str, list[Json]], position: int, change: Callable[[Json], None], said: str) -> None:
    """The error names the resource, the path, what is wrong and what to do."""
    resources = copy.deepcopy(built["cd7-cart01"])
    change(resources[position])
    with pytest.raises(DefinitionError) as caught:
        parse(resources, load_terminology())
    assert said in str(caught.value)


def test_two_studies(built: Mapping[str, list[Json]]) -> None:
    """The resources of two studies are not read as one."""
    with pytest.raises(DefinitionError, match="one ResearchStudy is wanted, 2 are there"):
        parse([*built["senl-t7"], *built["4scar7u"]])


def test_no_json() -> None:
    """A text that is no JSON is refused."""
    with pytest.raises(DefinitionError, match="this is no JSON"):
        decode(b"{")


def test_a_key_twice() -> None:
    """A definition that says two things is none."""
    with pytest.raises(DefinitionError, match="'status' stands twice in one object"):
        decode(b'{"resourceType": "ResearchStudy", "status": "active", "status": "withdrawn"}')


def test_no_r4() -> None:
    """A resource with an element that R4 doesn't have is refused before it leaves."""
    with pytest.raises(DefinitionError, match=r"Group/g\.outcome: .*; correct the definition"):
        checked({"resourceType": "Group", "id": "g", "type": "person", "actual": False, "outcome": "x"})


def test_unknown_concept(built: Mapping[str, list[Json]]) -> None:
    """Nothing is built of a definition whose concepts the catalogue doesn't hold."""
    resources = copy.deepcopy(built["cd7-cart01"])
    resources[ELIGIBILITY]["action"][4]["extension"][0]["extension"][1]["valueCanonical"] += "x"
    definition = parse(resources)
    with pytest.raises(KeyError):
        resources_of(definition, load_terminology())
