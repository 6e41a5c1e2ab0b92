"""`$feasibility`: the counts of the command, as Parameters, and never below the site's own smallest number."""

from pathlib import Path
from typing import Any

import pytest

from adapter.columns.folder import Facts
from adapter.criteria.variant import variant_of
from adapter.screening.extract import extract
from adapter.screening.feasibility import by_records, counted
from adapter.screening.feasibility_report import to_json
from adapter.screening.setup import Setup
from adapter.service.operation_definitions import feasibility_definition
from demo.cohort import cohort
from tests.unit.service.calls import NOW, Caller, Json, app_with, parameters, refusal

URL = "/fhir/ResearchStudy/$feasibility"
STUDY: Json = {"name": "study", "valueString": "nct04785833"}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory, strict: Setup) -> Path:
    """The facts of part of the demo cohort."""
    folder = tmp_path_factory.mktemp("facts")
    (folder / "source").mkdir()
    for name, _, content in cohort(40, seed=3):
        (folder / "source" / f"{name}.json").write_bytes(content)
    extract(folder / "source", folder / "facts", strict, NOW, lambda _: None, parts=2)
    return folder / "facts"


def plain(part: list[Json]) -> dict[str, Any]:
    """Parameters as plain Python: what is repeated is a list."""
    found: dict[str, Any] = {}
    for each in part:
        value = plain(each["part"]) if "part" in each else next(each[name] for name in each if name != "name")
        found.setdefault(each["name"], []).append(value)
    return found


def test_the_counts_are_those_of_the_command(facts: Path, strict: Setup, problem_list: Setup) -> None:
    """A study and a variant of it, with criteria, sets and groups; under another policy of the same basis too."""
    service = Caller(app_with(strict, problem_list, facts=facts, min_count=1))
    for setup in (strict, problem_list):
        asked = [
            {"name": "vary", "valueString": "nct04785833:I1=<=90"},
            {"name": "policy", "valueCode": setup.policy.id},
        ]
        answer = service.post(URL, parameters(STUDY, *asked))
        assert answer.status_code == 200, answer.text
        kept = Setup(
            terminology=setup.terminology,
            policy=setup.policy,
            definitions=tuple(each for each in setup.definitions if each.id == "nct04785833"),
            bounds=(),
        )
        held = Facts(facts)
        variants = [variant_of("nct04785833:I1=<=90")]
        report = to_json(counted(held, kept, NOW, variants, by_records), held.manifest, kept, NOW, 1)
        assert answer.json()["resourceType"] == "Parameters"
        told = plain(answer.json()["parameter"])
        assert told["patients"] == [40]
        for found, expected in zip(told["study"], report["studies"], strict=True):
            assert found.get("variant", [None]) == [expected["variant"]]
            for name in ("indicated", "possible", "settled", "unclear"):
                assert found[name] == [expected[name]]
            both = zip(found["criterion"], expected["criteria"], strict=True)
            assert all(one["remaining"] == [other["remaining"]] and one["id"] == [other["id"]] for one, other in both)
            assert len(found["group"]) == sum(map(len, expected["groups"].values()))


def undescribed(part: list[Json], described: list[Json]) -> list[str]:
    """The names of parameters that their description doesn't have, or has of another type."""
    found = []
    known = {each["name"]: each for each in described}
    for each in part:
        of = known.get(each["name"], {})
        if "part" in each:
            found += undescribed(each["part"], of.get("part", []))
        elif f"value{of.get('type', '?').capitalize().replace('time', 'Time')}" not in each:
            found.append(each["name"])
    return found


def test_the_answer_is_as_described(facts: Path, strict: Setup) -> None:
    """Every parameter of an answer stands in the OperationDefinition."""
    service = Caller(app_with(strict, facts=facts, min_count=1))
    answer = service.post(URL, parameters(STUDY, {"name": "vary", "valueString": "nct04785833:I1=<=90"}))
    outs = [each for each in feasibility_definition()["parameter"] if each["use"] == "out"]
    assert undescribed(answer.json()["parameter"], outs) == []
    assert undescribed([{"name": "study", "part": [{"name": "other", "valueInteger": 1}]}], outs) == ["other"]


def test_nobody_is_told_less_than_the_site_allows(facts: Path, strict: Setup) -> None:
    """A caller may ask for a higher bound than the site's own, and gets no lower one."""
    service = Caller(app_with(strict, facts=facts, min_count=6))
    for asked, least in ((1, 6), (9, 9)):
        answer = service.post(URL, parameters(STUDY, {"name": "minCount", "valueInteger": asked}))
        told = plain(answer.json()["parameter"])
        assert told["minCount"] == [least]
        numbers = [value for each in told["study"][0]["criterion"] for value in each.get("unknown", [])]
        assert numbers
        assert not [each for each in numbers if 0 < each < least]


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ([{"name": "vary", "valueString": "nct04785833"}], 400, "STUDY:CRITERION=BOUND"),
        ([{"name": "vary", "valueString": "nct04785833:I99=5"}], 400, "has no criterion I99"),
        ([{"name": "study", "valueString": "nothing"}], 404, "nothing"),
        ([{"name": "minCount", "valueInteger": 0}], 400, "from 1 on"),
        ([{"name": "minCount", "valueInteger": 5}, {"name": "minCount", "valueInteger": 6}], 400, "more than once"),
        ([{"name": "asOf", "valueString": "yesterday"}], 400, "no day or instant"),
        ([{"name": "subject", "valueString": "Patient/a"}], 400, "known are study, vary"),
        ([{"name": "study"}], 400, "needs one value"),
        ([{"name": "policy", "valueString": "other"}], 400, "no policy"),
    ],
)
def test_what_is_wrong_is_said(facts: Path, strict: Setup, given: list[Json], status: int, says: str) -> None:
    """As of the other operations."""
    found = refusal(Caller(app_with(strict, facts=facts)).post(URL, parameters(*given)))
    assert found[0] == status
    assert says in found[2]


def test_a_site_without_facts(tmp_path: Path, strict: Setup) -> None:
    """Nothing stands there; nor where the facts are none, or those of another terminology."""
    for service, says in (
        (app_with(strict), "TRIAL_ADAPTER_FACTS"),
        (app_with(strict, facts=tmp_path), "extracted again"),
    ):
        found = refusal(Caller(service).post(URL, parameters(STUDY)))
        assert found[0] == 404
        assert says in found[2]
