"""`$feasibility`: the counts of the command, as Parameters, and never below the site's own smallest number."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from adapter.columns.folder import Facts
from adapter.criteria.variant import variant_of
from adapter.screening.extract import extract
from adapter.screening.feasibility import by_records, counted
from adapter.screening.feasibility_report import to_json
from adapter.screening.setup import Setup
from adapter.service.feasibility import MODULES, Asked, answer_to_request
from adapter.service.hl7v2 import message_settings
from adapter.service.http import Parcel
from adapter.service.limits import MEBIBYTE, Limits
from adapter.service.operation_definitions import feasibility_definition
from adapter.service.pool import Pool
from adapter.service.site import Policies, Site
from demo.cohort import cohort
from tests import build
from tests.unit.screening.records import bundle, condition, ecog, of, patient
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
    extract(folder / "source", folder / "facts", strict, NOW, lambda _: None)
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


def test_a_worker_has_memory_enough_for_it(facts: Path, strict: Setup) -> None:
    """For all studies: what counts is loaded before any request, and nothing sets more aside than it uses."""
    policies = Policies(default="strict", setups={"strict": strict})
    site = Site(policies=policies, messages=message_settings(None, strict.policy), limits=Limits(processes=1))
    vary: Json = {"name": "vary", "valueString": "nct04785833:I1=<=90"}
    body = Parcel((json.dumps(parameters(vary)).encode(),))

    async def counted_there() -> Parcel:
        async with Pool(site, MODULES) as work:
            return await work.run("a caller", 60, answer_to_request, Asked(body, facts, 1, NOW))

    answer = asyncio.run(counted_there())
    assert plain(json.loads(answer.plain(MEBIBYTE))["parameter"])["patients"] == [40]


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
    """Nothing stands there; nor where the folder has no facts."""
    for service, says in (
        (app_with(strict), "TRIAL_ADAPTER_FACTS"),
        (app_with(strict, facts=tmp_path), "no facts that this version reads"),
    ):
        found = refusal(Caller(service).post(URL, parameters(STUDY)))
        assert found[0] == 404
        assert says in found[2]


def coded(code: str, system: str, **more: Json) -> Json:
    """A criterion of a structured query."""
    return {"termCodes": [{"code": code, "system": system, "display": code}], **more}


def quantity(comparator: str, value: float | str, unit: str) -> Json:
    """A filter by a number."""
    unit_ = {"code": unit, "display": unit}
    return {"type": "quantity-comparator", "comparator": comparator, "value": value, "unit": unit_}


SNOMED = "http://snomed.info/sct"
AML = coded("91861009", SNOMED)
ECOG_1 = coded("89247-1", build.LOINC, valueFilter=quantity("le", 1, "{score}"))
OLDER = coded("424144002", SNOMED, valueFilter=quantity("gt", 60, "a"))
FEMALE = {"code": "female", "system": "http://hl7.org/fhir/administrative-gender", "display": "female"}
WOMAN = coded("263495000", SNOMED, valueFilter={"type": "concept", "selectedConcepts": [FEMALE]})
RECENT = {"timeRestriction": {"afterDate": "2026-02-01"}}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory, strict: Setup) -> Path:
    """Facts of four: AML in all but d; the scores of a and b are good, that of b long ago, then a bad one."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "source").mkdir()
    people = {
        "a": [patient("a", birthDate="1950-01-01"), condition("c", of("a")), ecog("o", of("a"), 1)],
        "b": [
            patient("b", birthDate="1980-01-01", gender="male"),
            condition("c", of("b")),
            ecog("o", of("b"), 1, "2025-01-20"),
            ecog("p", of("b"), 3),
        ],
        "c": [patient("c", birthDate="1965-06-01", gender="female"), condition("c", of("c"))],
        "d": [patient("d", birthDate="1940-01-01", gender="female"), ecog("o", of("d"), 0)],
    }
    for name, resources in people.items():
        (folder / "source" / f"{name}.json").write_bytes(bundle(*resources))
    extract(folder / "source", folder / "facts", strict, NOW, lambda _: None)
    return folder / "facts"


@pytest.mark.parametrize(
    ("included", "excluded", "count"),
    [
        ([[AML]], [], 3),
        ([[ECOG_1]], [], 3),  # any value counts, not the latest alone
        ([[{**ECOG_1, **RECENT}]], [], 2),
        ([[AML], [ECOG_1]], [], 2),
        ([[AML, ECOG_1]], [], 4),
        ([[AML]], [[ECOG_1]], 1),
        ([[AML]], [[ECOG_1, OLDER]], 2),
        ([[OLDER]], [], 2),
        ([[WOMAN]], [], 3),
        ([[coded("89247-1", build.LOINC)]], [], 3),
        (
            [[coded("89247-1", build.LOINC, valueFilter={"type": "quantity-range", "minValue": 1, "maxValue": 3})]],
            [],
            2,
        ),
    ],
)
def test_a_structured_query(few: Path, strict: Setup, included: list[Any], excluded: list[Any], count: int) -> None:
    """An integer: who meets all inclusion criteria, and no exclusion criterion, by what is on record."""
    body = {"version": "v", "display": "", "inclusionCriteria": included, "exclusionCriteria": excluded}
    for least in (1, 2):
        service = Caller(app_with(strict, facts=few, min_count=least))
        answer = service.post(URL, body, **{"Content-Type": "application/sq+json", "Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.text == str(count // least * least)


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        (coded("C92.0", "http://hl7.org/fhir/sid/icd-10"), 422, "only the whole of aml apart; name C92.0, C92.4"),
        (coded("1234", "http://example.org/nowhere"), 422, "no concept"),
        ({**AML, "valueFilter": quantity("gt", 1, "1")}, 422, "no value to filter by"),
        ({**AML, "attributeFilters": [{"type": "concept"}]}, 422, "attribute filters"),
        ({**AML, "timeRestriction": {"beforeDate": "2020-01-01"}}, 422, "a time that ends before"),
        ({**ECOG_1, "valueFilter": quantity("ne", 1, "{score}")}, 422, "is compared by"),
        ({**ECOG_1, "valueFilter": quantity("le", 1, "mg/dL")}, 422, "are not in"),
        ({**OLDER, "valueFilter": quantity("gt", 60.5, "a")}, 422, "whole number"),
        ({**OLDER, "valueFilter": quantity("gt", "Infinity", "a")}, 422, "has a number"),
        ({**OLDER, "valueFilter": quantity("gt", "sNaN", "a")}, 422, "has a number"),
        ({**OLDER, "valueFilter": quantity("gt", "1e3000000", "a")}, 422, "beyond any measurement"),
        ({**OLDER, "valueFilter": quantity("gt", "1e-3000000", "a")}, 422, "beyond any measurement"),
        ({**OLDER, "valueFilter": quantity("gt", 200, "a")}, 422, "longer than a life"),
        ({**ECOG_1, "valueFilter": quantity("le", "1e3000000", "{score}")}, 422, "beyond any measurement"),
        ({**ECOG_1, "valueFilter": quantity("le", f"0.{'3' * 100_000}", "{score}")}, 422, "beyond any measurement"),
        ({**ECOG_1, "timeRestriction": {"afterDate": "1800-01-01"}}, 422, "longer than a life"),
        ({**AML, "timeRestriction": {"afterDate": "0001-01-01"}}, 422, "longer than a life"),
        ({**AML, "surprise": 1}, 400, "surprise"),
        ({}, 400, "termCodes"),
    ],
)
def test_a_structured_query_that_is_not_answered(few: Path, strict: Setup, asked: Json, status: int, says: str) -> None:
    """What the site can't tell is said with its place, and no count is given."""
    body = {"version": "v", "inclusionCriteria": [[asked]]}
    answer = Caller(app_with(strict, facts=few)).post(URL, body, **{"Content-Type": "application/sq+json"})
    found = refusal(answer)
    assert found[0] == status
    assert says in found[2]


def test_a_structured_query_that_says_two_things(few: Path, strict: Setup) -> None:
    """Neither of two lists of criteria is counted."""
    asked = b'{"inclusionCriteria":[[{}]],"inclusionCriteria":[[{"termCodes":[]}]]}'
    answer = Caller(app_with(strict, facts=few)).post(URL, asked, **{"Content-Type": "application/sq+json"})
    status, _, says = refusal(answer)
    assert status == 400
    assert "'inclusionCriteria' stands twice" in says


@pytest.mark.parametrize("depth", [5_000, 400_000])
def test_a_structured_query_that_is_nested_too_deeply(few: Path, strict: Setup, depth: int) -> None:
    """Is none that can be read, wherever it is deep."""
    asked = b'{"inclusionCriteria":[[{"termCodes":[],"attributeFilters":[%s]}]]}' % (b"[" * depth + b"]" * depth)
    answer = Caller(app_with(strict, facts=few)).post(URL, asked, **{"Content-Type": "application/sq+json"})
    assert refusal(answer)[0] == 400
