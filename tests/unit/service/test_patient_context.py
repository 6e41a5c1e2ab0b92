"""A token of one patient opens that patient's data, and tells nothing of anybody else."""

import asyncio
import json
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.fhir.client import ServerSettings, open_client
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service import Settings
from adapter.service.auth import Authenticator
from adapter.service.tokens import Keys
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import bundle, ecog, of, patient
from tests.unit.service.calls import FHIR, ONE, Caller, Json, app_with, data, parameters, refusal, resources
from tests.unit.service.patients_server import GROUP, P1, P2, PatientsServer, ecog_of
from tests.unit.service.tokens import URL, Provider, token

ONLY_P1 = {"resourceType": "Group", "id": "g2", "member": [{"entity": {"reference": "Patient/p1"}}]}
SENT_P1 = bundle(patient(), ecog("e1", of(), 1))
SENT_P2 = bundle(patient("p2"), ecog("e2", of("p2"), 4))
BOTH = bundle(patient(), ecog("e1", of(), 1), patient("p2"), ecog("e2", of("p2"), 4))
REPLACED = bundle(
    {**patient(), "link": [{"other": {"reference": "Patient/p2"}, "type": "replaces"}]}, ecog("e1", of(), 1)
)
REPLACING = bundle({**patient(), "link": [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}]})


AT = ServerSettings(url=BASE, wait=0, attempts=1)


@pytest.fixture(scope="module")
def service(strict: Setup) -> Caller:
    """A service that an identity provider's tokens open, with a patients' server."""
    said: Json = {"jwks_url": URL, "servers": Servers(record=AT, research=AT)}
    return Caller(app_with(strict, authenticator=Authenticator(Settings(**said), Keys(URL, Provider())), **said))


def ask(
    service: Caller, claims: Json, query: str, body: bytes | Json | None, path: str = ONE
) -> tuple[httpx.Response, list[httpx.Request]]:
    """What a JWT gets, and the requests to the patients' server that it took."""
    server, asked = PatientsServer([*P1, *P2, GROUP, ONLY_P1]), list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return server.answer(request)

    async def called() -> httpx.Response:
        state = service.app.state
        async with open_client(AT, httpx.MockTransport(answer)) as client:
            state.service = replace(state.service, record=client)
            headers = {**FHIR, "Authorization": f"Bearer {token(**claims)}"}
            said: Json = {} if body is None else {"content": body} if isinstance(body, bytes) else {"json": body}
            return await service.answer("GET" if body is None else "POST", path + query, headers=headers, **said)

    return asyncio.run(called()), asked


REPLACING_BOTH = bundle(
    {**patient(), "link": [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}]},
    patient("p2"),
    ecog("e2", of("p2"), 4),
)

P1S = {"scope": "patient/*.rs", "patient": "p1"}
REFUSED: list[tuple[str, bytes | Json | None]] = [
    ("?subject=Patient/p2", None),
    ("?subject=p2", None),
    ("?subject=Patient/nobody", None),
    (f"?subject={BASE}/Patient/p2", None),
    ("?subject=Patient/p2/_history/1", None),
    ("?subject=Patient/p1&subject=Patient/p2", None),
    ("?subject=Group/g1", None),
    ("?subject=Group/g2", None),
    ("?subject=Group/nobody", None),
    ("", SENT_P2),
    ("?useServerData=false", SENT_P2),
    ("?subject=Patient/p2", SENT_P1),
    ("?subject=Patient/p1", SENT_P2),
    ("?subject=Patient/p1", BOTH),
    ("?subject=Patient/p1&useServerData=false", BOTH),
    ("?subject=Patient/p1", REPLACING_BOTH),
    ("?subject=Patient/p1&useServerData=false", REPLACING_BOTH),
    ("?subject=Patient/p2", BOTH),
    ("?subject=Patient/p2&useServerData=false", BOTH),
    ("?subject=Group/g9", bundle(patient(), {**GROUP, "id": "g9"})),
    ("?subject=Group/g9&useServerData=false", bundle(patient(), patient("p2"), {**GROUP, "id": "g9"})),
    (
        "?subject=urn:uuid:2",
        {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:2", "resource": patient("p2")}]},
    ),
    ("", {"resourceType": "Bundle", "entry": [{"fullUrl": f"{BASE}/Patient/p1", "resource": patient("p2")}]}),
    ("", parameters(data(SENT_P1), {"name": "subject", "valueReference": {"reference": "Patient/p2"}})),
]


@pytest.mark.parametrize(("query", "body"), REFUSED)
def test_nobody_else(service: Caller, query: str, body: bytes | Json | None) -> None:
    """Neither by subject, nor by a Group, nor by data; the server isn't asked, and the answer is always the same."""
    answer, asked = ask(service, P1S, query, body)
    assert refusal(answer) == (403, "forbidden", "the token is for one patient; ask about that one alone")
    assert asked == []


TRICKS = (
    f"{BASE}//Patient/p2",
    "//fhir.example.org/r4/Patient/p2",
    "Patient/p1/../p2",
    "Patient/p1%2F..%2Fp2",
    "Patient/p1,p2",
    "Patient/p1|p2",
    "Patient/p1?_id=p2",
    "Patient/p1&_id=p2",
    "Patient/p1#p2",
    "Patient/p1/$everything",
    "Patient?identifier=x",
    "patient/p2",
    " Patient/p2",
    "Patient/p2 ",
    "RelatedPerson/p2",
    "Patient/*",
)


@pytest.mark.parametrize("said", TRICKS)
def test_spellings_that_may_mean_another(service: Caller, said: str) -> None:
    """However somebody is named: in the address, as text, as a reference beside the own data; nobody is looked up."""
    by_reference = {"name": "subject", "valueReference": {"reference": said}}
    for query, body in (
        (f"?{urlencode({'subject': said})}", None),
        ("", parameters({"name": "subject", "valueString": said})),
        ("", parameters(by_reference, data(SENT_P1))),
        (f"?{urlencode({'subject': 'Patient/p1'})}", parameters({"name": "subject", "valueString": said})),
    ):
        answer, asked = ask(service, P1S, query, body)
        assert (answer.status_code in {400, 403}, asked) == (True, []), answer.text


@pytest.mark.parametrize(
    "link",
    [{"type": type_, "other": {"reference": to}} for type_ in ("replaced-by", "replaces", "seealso", "refer")
     for to in ("Patient/p2", f"{BASE}/Patient/p2", "Patient/p2/_history/1")],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("path", [ONE, "/fhir/ResearchStudy/$match"])
def test_no_link_in_sent_data_leads_to_another(service: Caller, link: Json, path: str) -> None:
    """Nor a next link, a contained Patient, a search's address: what is answered is of what was sent, and of p1."""
    mine = bundle({**patient(), "link": [link], "contained": [patient("p2")]}, ecog("e1", of(), 1))
    searched = {"relation": "next", "url": f"{BASE}/Observation?patient=p2"}
    sent = {**json.loads(mine), "type": "searchset", "link": [searched]}
    body = sent if path == ONE else parameters({"name": "trialMatchClinicalData", "resource": sent})
    answer, asked = ask(service, P1S, "", body, path)
    assert answer.status_code == 200, answer.text
    assert "p2" not in answer.text
    assert not [each for each in asked if "p2" in str(each.url) + each.content.decode()]


ANSWERED: list[tuple[str, bytes | Json | None]] = [
    ("?subject=Patient/p1", None),
    ("?subject=p1", None),
    (f"?subject={BASE}/Patient/p1", None),
    ("?subject=Patient/p1&subject=p1", None),
    ("", SENT_P1),
    ("?useServerData=false", SENT_P1),
    ("?subject=Patient/p1", REPLACED),
    ("?subject=Patient/p1", REPLACING),
]


@pytest.mark.parametrize(("query", "body"), ANSWERED)
@pytest.mark.parametrize("claims", [P1S, {"scope": "user/*.rs", "fhirUser": f"{BASE}/Patient/p1"}])
def test_the_own_data(service: Caller, claims: Json, query: str, body: bytes | Json | None) -> None:
    """What is answered is of the token's patient, and no other is asked for, whatever links are sent."""
    answer, asked = ask(service, claims, query, body)
    subjects = {each["subject"]["reference"] for each in resources(answer, "GuidanceResponse")}
    assert subjects == {"Patient/p1"}
    assert ecog_of(answer) == [("Patient/p1", "met")]
    assert not [each for each in asked if "p2" in str(each.url) + each.content.decode()]


def test_without_a_patient_a_user_may_ask_about_anyone(service: Caller) -> None:
    """Whom a practitioner may see is for the patients' server."""
    answer, _ = ask(service, {"scope": "user/*.rs", "fhirUser": "Practitioner/x"}, "?subject=Group/g1", None)
    assert sorted(ecog_of(answer)) == [("Patient/p1", "met"), ("Patient/p2", "not-met")]


pieces = st.sampled_from(
    [
        "Patient/",
        "Group/",
        "p1",
        "p2",
        "g1",
        "g9",
        f"{BASE}/",
        "/_history/1",
        "urn:uuid:2",
        "?",
        "#",
        "%2F",
        "..",
        "/",
        "|",
        ",",
        " ",
    ]
)
names = st.one_of(
    st.sampled_from(["Patient/p1", "Patient/p2", f"{BASE}/Patient/p2", "urn:uuid:2", "Group/g9", "Group/g1"]),
    st.lists(pieces, min_size=1, max_size=4).map("".join),
)


@st.composite
def entries(draw: st.DrawFn) -> Json:
    """An entry with a Patient, a Group or a result, under any of the names."""
    id_ = draw(st.sampled_from(["p1", "p2", "g9"]))
    link = {"type": draw(st.sampled_from(["replaces", "replaced-by", "seealso"])), "other": {"reference": draw(names)}}
    resource = draw(
        st.sampled_from(
            [
                patient(id_),
                {**patient(id_), "link": [link]},
                {"resourceType": "Group", "id": id_, "member": [{"entity": {"reference": draw(names)}}]},
                ecog("e9", of(id_), 1),
            ]
        )
    )
    url = draw(st.none() | names)
    return {"resource": resource, **({} if url is None else {"fullUrl": url})}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(names, max_size=2), st.lists(entries(), max_size=4), st.sampled_from([None, "true", "false"]))
def test_whatever_is_asked_and_sent(service: Caller, asked: list[str], sent: list[Json], server: str | None) -> None:
    """No verdict on anybody else, and the server is never asked for anybody else."""
    query = [("subject", each) for each in asked] + ([("useServerData", server)] if server else [])
    body: Json | None = {"resourceType": "Bundle", "type": "collection", "entry": sent} if sent else None
    answer, requests = ask(service, P1S, f"?{urlencode(query)}", body)
    assert answer.status_code < 500, answer.text
    assert not [each for each in requests if "p2" in f"{each.url}{each.content.decode()}"]
    if answer.status_code == 200:
        for each in resources(answer):
            told = each.get("subject") or each.get("individual") or {"reference": "Patient/p1"}
            assert told["reference"] == "Patient/p1"
