"""`$evaluate` over HTTP: the contract's examples."""

import gzip
import json
from dataclasses import replace

import pytest

from adapter.criteria.study import RecruitmentStatus
from adapter.evaluator import bind, evaluate_all
from adapter.fhir import verdict_bundle
from adapter.record import read_record
from adapter.screening.setup import Setup
from adapter.service.http import json_response
from tests.unit.screening.records import bundle, ecog, of, patient
from tests.unit.service.calls import (
    EVALUATE,
    NOW,
    ONE,
    RECORD,
    Caller,
    Json,
    app_with,
    data,
    parameters,
    refusal,
    resources,
)

TWO = bundle(patient(), patient("p2"), ecog("e1", of(), 1), ecog("e2", of("p2"), 3))


def decided(answer: Json) -> dict[str, Json]:
    """The output parameters of a GuidanceResponse by name, the last of each."""
    return {each["name"]: each for each in answer["contained"][0]["parameter"]}


def studies(found: list[Json]) -> list[str]:
    """The studies of ResearchSubjects, in order."""
    return [each["study"]["reference"] for each in found]


def test_the_answer_is_the_verdicts_bundle(service: Caller, strict: Setup) -> None:
    """What HTTP answers is, byte for byte, what the evaluator and the FHIR form make of the same record."""
    verdicts = evaluate_all(strict.bounds, read_record(RECORD, strict.terminology), NOW, strict.policy)
    answer = service.post(EVALUATE, parameters(data()))
    assert answer.content == json_response(verdict_bundle(verdicts)).body
    assert answer.headers["content-type"] == "application/fhir+json"


def test_a_bare_bundle_is_the_data(service: Caller) -> None:
    """A Bundle as the body comes to the same as Parameters with it."""
    assert service.post(ONE, RECORD).content == service.post(ONE, parameters(data())).content


def test_one_study_by_its_own_address(service: Caller) -> None:
    """A study's own `$evaluate` asks for that one, and the parameter `study` for those it names, in its order."""
    assert studies(resources(service.post(ONE, RECORD), "ResearchSubject")) == ["ResearchStudy/nct04785833"]
    named = [{"name": "study", "valueString": name} for name in ("senl-t7", "4scar7u", "senl-t7")]
    found = resources(service.post(EVALUATE, parameters(data(), *named)), "ResearchSubject")
    assert studies(found) == ["ResearchStudy/senl-t7", "ResearchStudy/4scar7u"]


@pytest.mark.parametrize(
    "value",
    [
        {"valueString": "nct04785833"},
        {"valueString": "ResearchStudy/nct04785833"},
        {"valueReference": {"reference": "ResearchStudy/nct04785833"}},
        {"valueUri": "http://hospital.example.org/fhir/ResearchStudy/nct04785833/_history/2"},
        {"valueCanonical": "http://example.org/fhir-trial-adapter/ResearchStudy/nct04785833|1.0.0"},
        {"valueCanonical": "http://example.org/fhir-trial-adapter/PlanDefinition/nct04785833-eligibility"},
    ],
)
def test_ways_to_name_a_study(service: Caller, value: Json) -> None:
    """A study is named by id, reference or canonical."""
    answer = service.post(EVALUATE, parameters(data(), {"name": "study", **value}))
    assert studies(resources(answer, "ResearchSubject")) == ["ResearchStudy/nct04785833"]


def test_every_criterion_has_its_result(service: Caller, strict: Setup) -> None:
    """Each criterion of the definition is in the answer with result and reason; missing data is a verdict."""
    (guidance,) = resources(service.post(ONE, RECORD), "GuidanceResponse")
    criteria = [each["part"] for each in guidance["contained"][0]["parameter"] if each["name"] == "criterion"]
    definition = next(each for each in strict.definitions if each.id == "nct04785833")
    assert [parts[0] for parts in criteria] == [{"name": "id", "valueString": each.id} for each in definition.criteria]
    names = {part["name"] for parts in criteria for part in parts}
    assert names >= {"id", "kind", "result", "reason", "assumed", "explanation", "evidence", "missing"}
    assert guidance["status"] == "data-required"
    assert guidance["dataRequirement"]


def test_as_of(service: Caller) -> None:
    """Without as-of the clock says it; a date is the end of its day in the policy's time zone."""
    (now,) = resources(service.post(ONE, RECORD), "GuidanceResponse")
    assert now["occurrenceDateTime"] == "2026-03-01T12:00:00Z"
    asked = parameters(data(), {"name": "asOf", "valueDate": "2026-02-21"})
    (then,) = resources(service.post(ONE, asked), "GuidanceResponse")
    assert then["occurrenceDateTime"] == decided(then)["asOf"]["valueDateTime"] == "2026-02-21T23:59:59.999Z"
    (zoned,) = resources(service.post(f"{ONE}?asOf=2026-02-21T12:00:00%2B01:00", RECORD), "GuidanceResponse")
    assert zoned["occurrenceDateTime"] == "2026-02-21T11:00:00Z"


def test_policy(service: Caller, problem_list: Setup) -> None:
    """A policy is asked for by its id, and the answer says which it was."""
    asked = parameters(data(), {"name": "policy", "valueString": "problem-list"})
    (guidance,) = resources(service.post(ONE, asked), "GuidanceResponse")
    assert decided(guidance)["policy"]["part"] == [
        {"name": "id", "valueString": "problem-list"},
        {"name": "hash", "valueString": problem_list.policy.hash},
    ]


def test_a_subject_chooses_among_patients(service: Caller) -> None:
    """Of several patients in the data those are evaluated that are asked for, each once, in the order asked."""
    for value in ("p2", "Patient/p2", "http://hospital.example.org/fhir/Patient/p2"):
        answer = service.post(ONE, parameters(data(TWO), {"name": "subject", "valueString": value}))
        assert [each["individual"] for each in resources(answer, "ResearchSubject")] == [of("p2")]
    both = [{"name": "subject", "valueReference": of(name)} for name in ("p2", "p1", "p2")]
    found = resources(service.post(ONE, parameters(data(TWO), *both)), "ResearchSubject")
    assert [each["individual"] for each in found] == [of("p2"), of("p1")]


def test_a_group_stands_for_its_members(service: Caller) -> None:
    """A Group of the data is its active members."""
    members = [{"entity": of("p2")}, {"entity": of("p1"), "inactive": True}]
    group = {"resourceType": "Group", "id": "g1", "type": "person", "actual": True, "member": members}
    content = bundle(patient(), patient("p2"), group)
    answer = service.post(ONE, parameters(data(content), {"name": "subject", "valueString": "Group/g1"}))
    assert [each["individual"] for each in resources(answer, "ResearchSubject")] == [of("p2")]


@pytest.mark.parametrize("member", ["Group/g1", "Group/g2", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"])
def test_a_group_of_groups_is_refused(service: Caller, member: str) -> None:
    """Also where it is its own member, by whatever name."""
    urn = "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"
    members = [{"entity": {"reference": member}}]
    group = {"resourceType": "Group", "id": "g1", "type": "person", "actual": True, "member": members}
    content = bundle(group, {**group, "id": "g2", "member": [{"entity": of("p1")}]}, patient(), urls=(urn,))
    answer = service.post(ONE, parameters(data(content), {"name": "subject", "valueString": "Group/g1"}))
    assert refusal(answer)[:2] == (422, "invalid")


def test_a_patient_by_urn(service: Caller) -> None:
    """A patient who has no id yet is named by the fullUrl of their entry."""
    urn = "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"
    content = bundle(patient(), patient("p2"), urls=(urn,))
    answer = service.post(ONE, parameters(data(content), {"name": "subject", "valueString": urn}))
    assert [each["individual"] for each in resources(answer, "ResearchSubject")] == [of("p1")]


def test_one_who_fails_among_others(service: Caller) -> None:
    """A patient who can't be evaluated doesn't spoil the others: there is an OperationOutcome for them."""
    content = bundle(patient(), {**patient("p2"), "birthDate": 1990})
    asked = [{"name": "subject", "valueString": name} for name in ("Patient/p2", "Patient/p1", "Patient/p3")]
    answer = service.post(ONE, parameters(data(content), *asked))
    assert [each["individual"] for each in resources(answer, "ResearchSubject")] == [of("p1")]
    failures = [each["issue"][0] for each in resources(answer, "OperationOutcome")]
    assert [(each["code"], each["diagnostics"].split(" ")[0].rstrip(":")) for each in failures] == [
        ("invalid", "Patient/p2"),
        ("not-found", "Patient/p3"),
    ]
    statuses = [each["status"] for each in resources(answer, "GuidanceResponse")]
    assert statuses == ["data-required", "failure", "failure"]


@pytest.mark.parametrize(
    ("given", "status", "code", "words"),
    [
        ([data(TWO)], 422, "invalid", "name one as the subject"),
        ([data(bundle(ecog("e1", of(), 1)))], 422, "invalid", "send the Patient too"),
        ([data(TWO), {"name": "subject", "valueString": "Patient/p3"}], 404, "not-found", "not in the data"),
        ([data(TWO), {"name": "subject", "valueString": "Group/g1"}], 404, "not-found", "not in the data"),
        ([data(TWO), {"name": "subject", "valueString": "Device/d1"}], 400, "invalid", "Patient or a Group"),
        ([data(), {"name": "study", "valueString": "nct1"}], 404, "not-found", "known are 4scar7u"),
        ([data(), {"name": "study", "valueString": "senl-t7|9"}], 404, "not-found", "known is 1.0.0"),
        ([data(), {"name": "policy", "valueString": "/etc/passwd"}], 400, "invalid", "known are problem-list, strict"),
        ([data(), {"name": "asOf", "valueDateTime": "2026"}], 400, "invalid", "no day or instant"),
        ([data(), {"name": "asOf", "valueString": "2026-03-01"}], 400, "value", "valueDateTime"),
        ([data(), {"name": "useServerData", "valueBoolean": True}], 422, "not-supported", "no FHIR server"),
        ([{"name": "subject", "valueString": "Patient/p1"}], 422, "not-supported", "no FHIR server"),
        ([], 400, "required", "no data"),
        ([data(), data()], 400, "invalid", "more than once"),
        ([data(), {"name": "subjects", "valueString": "p1"}], 400, "not-supported", "known are subject"),
        ([{"name": "data", "resource": patient()}], 400, "value", "must be a Bundle"),
        ([{"name": "data", "valueString": "x"}], 400, "value", "exactly one of resource"),
        ([data(), {"name": "subject", "valueString": ""}], 400, "value", "empty"),
        ([data(), {"name": "subject", "valueString": 1}], 400, "structure", "valueString"),
    ],
)
def test_refusals(service: Caller, given: list[Json], status: int, code: str, words: str) -> None:
    """What can't be answered is an OperationOutcome that says what was wrong and what to do."""
    answered = refusal(service.post(EVALUATE, parameters(*given)))
    assert answered[:2] == (status, code)
    assert words in answered[2]


def test_no_server_data_is_what_happens_anyway(service: Caller) -> None:
    """`useServerData` false is no contradiction to data that are sent."""
    answer = service.post(ONE, parameters(data(), {"name": "useServerData", "valueBoolean": False}))
    assert answer.content == service.post(ONE, RECORD).content


def test_an_unknown_study_in_the_address(service: Caller) -> None:
    """A study that isn't there is not found; another one in the parameters is a contradiction."""
    assert refusal(service.post("/fhir/ResearchStudy/nct1/$evaluate", RECORD))[:2] == (404, "not-found")
    other = parameters(data(), {"name": "study", "valueString": "senl-t7"})
    assert refusal(service.post(ONE, other))[:2] == (400, "invalid")
    assert service.post(f"{ONE}?study=nct04785833", RECORD).status_code == 200


def test_by_get(service: Caller) -> None:
    """GET takes the primitive parameters; without a server to ask, it says so."""
    status, _, text = refusal(
        service.get(f"{EVALUATE}?subject=Patient/p1&study=nct04785833&study=senl-t7&asOf=2026-03-01")
    )
    assert (status, "no FHIR server" in text) == (422, True)
    for query in ("asOf=2026-03-01&asOf=2026-03-02", "data=x", "subject=", "useServerData=yes", "_count=3"):
        assert refusal(service.get(f"{EVALUATE}?{query}"))[0] == 400


def test_a_plus_sign_that_a_query_turned_into_a_blank(service: Caller) -> None:
    """The commonest mistake with time zones in URLs is named."""
    assert "%2B" in refusal(service.post(f"{ONE}?asOf=2026-02-21T12:00:00+01:00", RECORD))[2]


def test_query_and_body_say_a_thing_once(service: Caller) -> None:
    """What may stand once may stand in the query or in the body."""
    asked = parameters(data(), {"name": "asOf", "valueDate": "2026-02-21"})
    assert refusal(service.post(f"{ONE}?asOf=2026-02-21", asked))[:2] == (400, "invalid")


def test_too_many_patients(strict: Setup) -> None:
    """More patients than one request may ask for are refused before any is evaluated."""
    small = Caller(app_with(strict, max_subjects=1))
    both = [{"name": "subject", "valueString": name} for name in ("p1", "p2")]
    assert refusal(small.post(ONE, parameters(data(TWO), *both)))[:2] == (422, "too-costly")


def test_too_slow(strict: Setup) -> None:
    """What isn't done in time is a 503, not a part of the answer."""
    hasty = Caller(app_with(strict, timeout=0.0000001))
    both = parameters(data(TWO), *({"name": "subject", "valueString": name} for name in ("p1", "p2")))
    assert refusal(hasty.post(ONE, both))[:2] == (503, "timeout")


def test_gzip(service: Caller) -> None:
    """Requests may be compressed, answers are where the caller takes it."""
    plain = service.post(ONE, RECORD, **{"Accept-Encoding": "identity"})
    packed = service.post(ONE, gzip.compress(RECORD), **{"Content-Encoding": "gzip", "Accept-Encoding": "gzip"})
    assert plain.content == packed.content
    assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)


def test_pretty(service: Caller) -> None:
    """`_pretty` breaks lines, and changes nothing else."""
    pretty = service.post(f"{ONE}?_pretty=true", RECORD)
    assert pretty.text.startswith('{\n  "resourceType": "Bundle"')
    assert pretty.json() == json.loads(service.post(ONE, RECORD).content)


def test_the_decision_alone(service: Caller) -> None:
    """Without the criteria: the same decisions, and each resource says that it does not say all."""
    full, short = (resources(service.post(f"{EVALUATE}?detail={each}", RECORD)) for each in ("full", "decision"))
    assert full == resources(service.post(EVALUATE, RECORD))
    assert [each["id"] for each in short] == [each["id"] for each in full]
    for whole, part in zip(full, short, strict=True):
        if whole["resourceType"] == "ResearchSubject":
            assert part == whole
            continue
        assert (part["status"], part["outputParameters"]) == (whole["status"], whole["outputParameters"])
        assert part.keys() & {"dataRequirement", "evaluationMessage"} == set()
        (output,) = part["contained"]
        kept = [each for each in whole["contained"][0]["parameter"] if each["name"] != "criterion"]
        assert output["parameter"] == kept
        assert [each["meta"]["tag"][0]["code"] for each in (part, output)] == ["SUBSETTED"] * 2


def test_recruiting_studies_only(strict: Setup) -> None:
    """Of those that are asked about; none is an empty answer."""
    statuses = {"senl-t7": RecruitmentStatus.RECRUITING}
    held = tuple(
        replace(each, study=replace(each.study, status=statuses.get(each.id, RecruitmentStatus.COMPLETED)))
        for each in strict.definitions
    )
    bounds = tuple(bind(each, strict.terminology) for each in held)
    caller = Caller(app_with(replace(strict, definitions=held, bounds=bounds)))
    wanted = {"name": "recruiting", "valueBoolean": True}
    found = resources(caller.post(EVALUATE, parameters(data(), wanted)), "ResearchSubject")
    assert studies(found) == ["ResearchStudy/senl-t7"]
    assert resources(caller.post(f"{ONE}?recruiting=true", RECORD)) == []
    assert len(resources(caller.post(f"{EVALUATE}?recruiting=false", RECORD), "ResearchSubject")) == len(held)


@pytest.mark.parametrize("query", ["detail=some", "detail=", "recruiting=yes", "detail=full&detail=full"])
def test_what_detail_is_not(service: Caller, query: str) -> None:
    """Refused, as every parameter that can't be meant."""
    assert refusal(service.post(f"{EVALUATE}?{query}", RECORD))[0] == 400
