"""Trial matching as others ask for it: CodeX's $match, and mCODE's service with what its public app reads."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapter.criteria.study import Location, Phase, RecruitmentStatus
from adapter.errors import UsageError
from adapter.evaluator.verdict import Decision
from adapter.screening.setup import Setup
from adapter.service.match import HIGHEST, LOWEST, Sought, fits, score
from adapter.service.settings import settings_from
from adapter.service.site import Position, load_zip_codes, miles
from adapter.service.tokens import ApiToken, digest_of
from demo.cohort import cohort
from tests.unit.service.calls import Caller, Json, app_with, parameters, refusal

MATCH, MCODE = "/fhir/ResearchStudy/$match", "/getClinicalTrial"
LOOPBACK = (ip_network("127.0.0.0/8"),)


def app_bundle(*parameter: Json, **of_patient: str) -> Json:
    """What mCODE's app sends: resources without subject, some without id and status, two of one id, a birth year."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"resource": {"resourceType": "Parameters", "id": "0", "parameter": list(parameter)}},
            {"resource": {"resourceType": "Patient", "id": "search_patient", "gender": "female", **of_patient}},
            {
                "resource": {
                    "resourceType": "Condition",
                    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91861009"}]},
                }
            },
            {
                "resource": {
                    "resourceType": "Observation",
                    "id": "mcode-ecog-performance-status",
                    "code": {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]},
                    "valueString": '{"valueInteger":1}',
                }
            },
            {"resource": {"resourceType": "Observation", "id": "mcode-tumor-marker"}},
            {"resource": {"resourceType": "Observation", "id": "mcode-tumor-marker"}},
        ],
    }


def said(name: str, value: str) -> Json:
    """A parameter."""
    return {"name": name, "valueString": value}


@pytest.fixture(scope="module")
def opened(strict: Setup) -> Caller:
    """A service that mCODE's app may ask."""
    return Caller(app_with(strict, matching=LOOPBACK))


def listed(answer: httpx.Response) -> list[Json]:
    """The entries of mCODE's answer, which are a list even where there are none."""
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["entry"]
    return found


def test_mcodes_app_finds_what_it_reads(opened: Caller) -> None:
    """In each study, where the app would fail without it: it reads these without asking whether they are there."""
    answer = opened.call("POST", MCODE, json=app_bundle(said("zipCode", "67446"), birthDate="1981"))
    assert answer.headers["content-type"] == "application/json"
    entries = listed(answer)
    assert len(entries) == 5
    scores = [each["search"]["score"] for each in entries]
    assert scores == sorted(scores, reverse=True)
    for each in entries:
        study = each["resource"]
        contained = {held["id"]: held["resourceType"] for held in study["contained"]}
        assert study["enrollment"][0]["display"].strip()
        assert all(category["text"].startswith("Study Type: ") for category in study.get("category", ()))
        assert all(keyword["text"] for keyword in study.get("keyword", ()))
        assert all(contained[site["reference"][1:]] == "Location" for site in study.get("site", ()))
        assert all(plan["reference"] for plan in study["protocol"])
        assert study.get("sponsor", {"reference": "#sponsor"})["reference"] == "#sponsor"
        assert study["identifier"][0]["value"]
    assert [each["resource"]["identifier"][0]["value"] for each in entries if "nct" in each["fullUrl"]] == [
        "NCT04785833",
        "NCT07008872",
    ]


def test_a_birth_year_is_an_interval(opened: Caller) -> None:
    """Born in the year of an age limit, nobody is ruled out by it; a year earlier they are."""
    by_year = {
        year: {each["resource"]["id"]: each["search"]["score"] for each in listed(sent)}
        for year in ("1959", "1960", "1961")
        for sent in [opened.call("POST", MCODE, json=app_bundle(birthDate=year))]
    }
    known = {year: scores["nct04785833"] for year, scores in by_year.items()}  # 12 to 65 years, on 1 March 2026
    assert known["1959"] == 0
    assert 0 < known["1960"] < known["1961"]


def test_the_route_is_off_unless_it_is_opened(service: Caller, strict: Setup) -> None:
    """Not found; with tokens, who sends none is asked for one, but from the network that the site names."""
    assert refusal(service.call("POST", MCODE, json=app_bundle()))[0] == 404
    token = ApiToken("engine", frozenset({"match"}), digest_of("ta_the-token-of-the-engine"))

    def status(networks: tuple[Any, ...], address: str, path: str = MCODE, **headers: str) -> int:
        caller = Caller(app_with(strict, tokens=(token,), matching=networks))
        transport = httpx.ASGITransport(caller.app, client=(address, 1))

        async def answer() -> int:
            async with httpx.AsyncClient(transport=transport, base_url="http://adapter.example") as client:
                return (await client.post(path, json=app_bundle(), headers=headers)).status_code

        return asyncio.run(answer())

    assert status((), "127.0.0.1") == 401
    assert status(LOOPBACK, "127.0.0.1") == 200
    assert status(LOOPBACK, "::ffff:127.0.0.1") == 200
    assert status(LOOPBACK, "10.0.0.1") == 401
    assert status(LOOPBACK, "testclient") == 401
    assert status(LOOPBACK, "10.0.0.1", Authorization="Bearer ta_the-token-of-the-engine") == 200
    assert status(LOOPBACK, "127.0.0.1", Authorization="Bearer wrong") == 401
    assert status(LOOPBACK, "127.0.0.1", MATCH) == 401
    assert status(LOOPBACK, "127.0.0.1", "/fhir/ResearchStudy/$evaluate") == 401


def test_older_clients_wrap_the_bundle(opened: Caller) -> None:
    """As an object, or as its text."""
    plain = opened.call("POST", MCODE, json=app_bundle()).json()
    assert opened.call("POST", MCODE, json={"patientData": app_bundle()}).json() == plain
    assert opened.call("POST", MCODE, json={"patientData": json.dumps(app_bundle())}).json() == plain


def test_codex_match(service: Caller) -> None:
    """Parameters in, Parameters out, as CodeX's OperationDefinition has it."""
    data = {"name": "trialMatchClinicalData", "resource": app_bundle(birthDate="1981")}
    answer = service.post(MATCH, parameters(data, said("phase", "Phase 2"), said("recruitmentStatus", "any")))
    assert answer.headers["content-type"] == "application/fhir+json"
    (output,) = answer.json()["parameter"]
    assert output["name"] == "trialMatchOutput"
    assert output["resource"]["type"] == "searchset"
    *trials, reasons = output["resource"]["entry"]
    found = [each["resource"]["id"] for each in trials]
    assert output["resource"]["total"] == len(found)
    assert "nct07008872" not in found  # its phase is N/A
    assert reasons["search"] == {"mode": "outcome"}
    told = {each["expression"][0]: each["diagnostics"] for each in reasons["resource"]["issue"]}
    assert list(told) == [f"Bundle.entry[{place}]" for place in range(len(found))]
    for place, study in enumerate(found):
        assert told[f"Bundle.entry[{place}]"].startswith(f"{study}: ")
    none = service.post(MATCH, parameters(data, said("recruitmentStatus", "withdrawn"))).json()
    assert "entry" not in none["parameter"][0]["resource"]
    operations = service.get("/fhir/metadata").json()["rest"][0]["resource"][0]["operation"]
    assert [each["name"] for each in operations] == ["evaluate", "match", "feasibility"]


def test_a_radius_that_is_not_heeded_is_told(service: Caller) -> None:
    """Where no table says where the zip code is."""
    data = {"name": "trialMatchClinicalData", "resource": app_bundle()}
    answer = service.post(MATCH, parameters(data, said("zipCode", "67446"), said("travelRadius", "50")))
    *_, last = answer.json()["parameter"][0]["resource"]["entry"]
    assert last["search"] == {"mode": "outcome"}
    assert "travelRadius is not heeded" in last["resource"]["issue"][-1]["diagnostics"]


def test_why_a_trial_stands_where_it_does(service: Caller) -> None:
    """The criteria that rule out, or those that are open; where the disease is not on record, that says enough."""

    def told(**said: str) -> dict[str, str]:
        data = {"name": "trialMatchClinicalData", "resource": app_bundle(**said)}
        *_, last = service.post(MATCH, parameters(data)).json()["parameter"][0]["resource"]["entry"]
        texts = [each["diagnostics"] for each in last["resource"]["issue"]]
        return {text.partition(":")[0]: text for text in texts}

    open_ = told(birthDate="1981")
    assert open_["nct04785833"].startswith("nct04785833: potential-candidate; open (")
    assert open_["senl-t7"].endswith("the trial's disease is not on record")
    assert told(birthDate="1921")["nct04785833"] == "nct04785833: ineligible; ruled out by: I1 Age 12 to 65 years"


DATA: Json = {"name": "trialMatchClinicalData", "resource": app_bundle()}
NOBODY: Json = {"resourceType": "Bundle", "type": "collection"}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ([], 400, "can't be read"),
        ({}, 400, "can't be read"),
        (None, 400, "can't be read"),
        (NOBODY, 400, "send Parameters"),
        (parameters(), 400, "trialMatchClinicalData is needed"),
        (parameters({"name": "trialMatchClinicalData", "resource": None}), 400, "can't be read"),
        (parameters({"name": "trialMatchClinicalData", "resource": {"resourceType": "Patient"}}), 400, "a Bundle"),
        (parameters({"name": "trialMatchClinicalData", "resource": NOBODY}), 422, ""),
        (parameters(DATA, DATA), 400, "once"),
        (parameters(said("zip", "1")), 400, "no parameter 'zip'"),
        (parameters({"name": 7}), 400, "can't be read"),
        (parameters(DATA, said("travelRadius", "x")), 400, "number of miles"),
        (parameters(DATA, said("travelRadius", "nan")), 400, "number of miles"),
        (parameters(DATA, said("travelRadius", "-1")), 400, "number of miles"),
        (parameters(DATA, said("travelRadius", "1_0")), 400, "number of miles"),
        (parameters(DATA, said("travelRadius", "50 miles")), 400, "number of miles"),
        (parameters(DATA, said("phase", "2"), said("phase", "3")), 400, "more than once"),
        (parameters(DATA, said("phase", "seven")), 400, "no phase 'seven'"),
        (parameters(DATA, said("recruitmentStatus", "maybe")), 400, "no recruitmentStatus 'maybe'"),
    ],
)
def test_what_is_no_match_is_refused(service: Caller, body: Any, status: int, told: str) -> None:  # noqa: ANN401  # JSON
    """With an OperationOutcome that says what to send."""
    answered, _, text = refusal(service.post(MATCH, json.dumps(body).encode()))
    assert (answered, told in text) == (status, True), text


@pytest.mark.parametrize(
    "body", [[], {}, None, 7, {"patientData": None}, {"patientData": 7}, {"patientData": "{"}, {"patientData": {}}]
)
def test_what_is_no_bundle_is_refused(opened: Caller, body: Any) -> None:  # noqa: ANN401  # JSON
    """By mCODE's route too."""
    assert refusal(opened.post(MCODE, json.dumps(body).encode()))[0] == 400


def test_one_patient_is_asked_about(opened: Caller) -> None:
    """Two are refused, and so are data of nobody."""
    for people in ([{"resourceType": "Patient", "id": each} for each in "ab"], [{"resourceType": "Observation"}]):
        held = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in people]}
        assert refusal(opened.call("POST", MCODE, json=held))[0] == 422


def test_a_patient_needs_no_id(opened: Caller) -> None:
    """As $evaluate takes one without."""
    held = app_bundle(birthDate="1981")
    whole = opened.call("POST", MCODE, json=held).json()
    del held["entry"][1]["resource"]["id"]
    assert opened.call("POST", MCODE, json=held).json() == whole


def test_scores_follow_the_decision(problem_list: Setup) -> None:
    """Of the whole cohort: 1 for candidates, 0 for who is ruled out, between them the fewer is open the higher."""
    caller = Caller(app_with(problem_list, matching=LOOPBACK))
    seen: set[str] = set()
    for _, _, bundle in cohort(30):
        evaluated = caller.post("/fhir/ResearchStudy/$evaluate", bundle).json()
        decisions = {
            each["resource"]["study"]["reference"].rpartition("/")[2]: each["resource"]["status"]
            for each in evaluated["entry"]
            if each["resource"]["resourceType"] == "ResearchSubject"
        }
        for each in listed(caller.call("POST", MCODE, content=bundle, headers={"Content-Type": "application/json"})):
            decision, given = decisions[each["resource"]["id"]], Decimal(str(each["search"]["score"]))
            seen.add(decision)
            match decision:
                case "candidate":
                    assert given == 1
                case "ineligible":
                    assert given == 0
                case _:
                    assert LOWEST <= given <= HIGHEST
    assert seen == set(Decision)


def test_a_criterion_that_is_settled_makes_the_score_higher() -> None:
    """Each by the same step."""

    class Open:
        """A verdict of ten criteria, of which some are open."""

        decision = Decision.POTENTIAL_CANDIDATE
        has_indication = True
        criteria = range(10)

        def __init__(self, open_: int) -> None:
            self.open_criteria = open_

    scores = [score(Open(each)) for each in range(10, -1, -1)]  # type: ignore[arg-type]  # what is read of a verdict
    assert (scores[0], scores[-1]) == (LOWEST, HIGHEST)
    assert {later - earlier for earlier, later in pairwise(scores)} == {Decimal("0.073")}


LINCOLN, OMAHA = Position(40.8136, -96.7026), Position(41.2565, -95.9345)
LONDON, NEW_YORK = Position(51.5074, -0.1278), Position(40.7128, -74.006)


def test_distances() -> None:
    """As maps tell them, within a percent."""
    assert miles(LINCOLN, LINCOLN) == 0
    assert miles(LINCOLN, OMAHA) == pytest.approx(50.4, rel=0.01)
    assert miles(LONDON, NEW_YORK) == miles(NEW_YORK, LONDON) == pytest.approx(3461, rel=0.01)
    assert miles(Position(0, 179.9), Position(0, -179.9)) == pytest.approx(13.8, rel=0.01)


ZIP_CODES = {"68502": LINCOLN, "68102": OMAHA}
HERE = Location(name="a", latitude=Decimal("40.8"), longitude=Decimal("-96.7"))


@pytest.mark.parametrize(
    ("sites", "looked_for", "found"),
    [
        ((HERE,), Sought(zip_code="68102", radius=60), True),
        ((HERE,), Sought(zip_code="68102", radius=40), False),
        ((HERE,), Sought(zip_code="68102-1234", radius=40), False),
        ((HERE,), Sought(zip_code="68102"), True),
        ((HERE,), Sought(radius=1), True),
        ((HERE,), Sought(zip_code="00000", radius=1), True),
        ((Location(name="by its zip code", postal_code="68502"),), Sought(zip_code="68102", radius=40), False),
        ((Location(name="nobody knows where"),), Sought(zip_code="68102", radius=1), True),
        ((Location(name="unknown"), HERE), Sought(zip_code="68102", radius=40), False),
        ((), Sought(zip_code="68102", radius=1), True),
        ((), Sought(phases=frozenset({Phase.PHASE_2})), True),
        ((), Sought(phases=frozenset({Phase.PHASE_3})), False),
        ((), Sought(statuses=frozenset({RecruitmentStatus.RECRUITING})), False),
    ],
)
def test_what_is_looked_for(
    altered: Callable[..., Any], sites: tuple[Location, ...], looked_for: Sought, *, found: bool
) -> None:
    """A trial of phase 2 with these sites, whose status nobody knows."""
    assert fits(altered(sites=sites, phase=Phase.PHASE_2), looked_for, ZIP_CODES) is found


def test_a_closed_site_is_not_near(altered: Callable[..., Any]) -> None:
    """What takes nobody any more is no place to go to; where nothing else is known, distance says nothing."""
    closed = Location(name="c", postal_code="68102", status=RecruitmentStatus.COMPLETED)
    near = Sought(zip_code="68102", radius=10)
    assert not fits(altered(sites=(closed, HERE)), near, ZIP_CODES)
    assert fits(altered(sites=(closed,)), near, ZIP_CODES)


@pytest.fixture
def altered(strict: Setup) -> Callable[..., Any]:
    """A shipped trial whose study says otherwise."""
    (definition,) = (each for each in strict.definitions if each.id == "nct04785833")
    return lambda **changed: replace(definition, study=replace(definition.study, **changed))


def test_a_table_of_zip_codes(tmp_path: Path) -> None:
    """Is read by its header; what can't be meant is named with its line."""
    table = tmp_path / "zip.csv"
    table.write_text("zip,city,latitude,longitude\n68502,Lincoln,40.8136,-96.7026\n", encoding="utf-8")
    assert load_zip_codes(table) == {"68502": LINCOLN}
    assert load_zip_codes(None) == {}
    for broken, told in (
        ("code,lat\n", "the columns zip, latitude, longitude"),
        ("zip,latitude,longitude\n68502,x,1\n", "line 2"),
        ("zip,latitude,longitude\n68502,nan,1\n", "line 2"),
        ("zip,latitude,longitude\n68502,91,1\n", "line 2"),
        ("zip,latitude,longitude\n68502\n", "line 2"),
    ):
        table.write_text(broken, encoding="utf-8")
        with pytest.raises(UsageError, match=told):
            load_zip_codes(table)
    with pytest.raises(UsageError, match=r"zip codes: No such file or directory$"):
        load_zip_codes(tmp_path / "absent.csv")


def test_settings() -> None:
    """Loopback, or a network by its address; everybody is none."""
    found = settings_from({"TRIAL_ADAPTER_MATCHING": "loopback, 10.2.0.0/16"}).matching
    assert [str(each) for each in found] == ["127.0.0.0/8", "::1/128", "10.2.0.0/16"]
    for wrong in ("0.0.0.0/0", "::/0", "10.2.0.1/16", "here"):
        with pytest.raises(UsageError, match="MATCHING"):
            settings_from({"TRIAL_ADAPTER_MATCHING": wrong})


def test_the_landing_page_is_text_unless_html_is_asked_for(service: Caller) -> None:
    """As mCODE's services answer it."""
    assert service.get("/").headers["content-type"].startswith("text/plain")
    assert service.get("/", Accept="text/html,*/*;q=0.8").headers["content-type"].startswith("text/html")
