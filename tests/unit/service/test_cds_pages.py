"""A prefetch whose first page came along: its further pages are followed on the server that the call names."""

import httpx
import pytest
import respx

from adapter.screening.setup import Setup
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import Caller, Json, app_with
from tests.unit.service.patients_server import PatientsServer
from tests.unit.service.test_cds import call, prefetch_of, record


def observation(number: int, of_: Json | None = None) -> Json:
    """A measurement, of p1 unless another is named."""
    return ecog(f"e{number}", of_ or of(), number % 3)


def paged(
    strict: Setup, following: str, pages: dict[str, httpx.Response], **more: object
) -> tuple[httpx.Response, list[httpx.Request]]:
    """A call whose Observations are a first page with a link to the next; what was asked for.

    `pages`: what the server answers at each address, else as one that holds three Observations; `more`: of the Bundle.
    """
    caller = Caller(app_with(strict, cds_servers=(BASE,)))
    held = [*record(), *map(observation, (1, 2, 3))]
    link = [{"relation": "next", "url": following}]
    first = {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": [{"resource": held[2]}], **more}
    authorization = {"access_token": "of-the-user", "token_type": "Bearer", "expires_in": 300, "scope": "user/*.rs"}

    def answer(request: httpx.Request) -> httpx.Response:
        return pages.get(str(request.url)) or PatientsServer(held).answer(request)

    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=answer)
        sent = {**prefetch_of(caller, record()), "observation": first}
        found = call(caller, sent, fhirServer=BASE, fhirAuthorization=authorization)
        return found, [each.request for each in router.calls]


def a_page(number: int, following: str | None = None) -> httpx.Response:
    """A page of one Observation."""
    found: Json = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": observation(number)}]}
    if following:
        found["link"] = [{"relation": "next", "url": following}]
    return httpx.Response(200, json=found)


def detail_of(answer: httpx.Response) -> str:
    """The detail of the card of NCT04785833."""
    assert answer.status_code == 200, answer.text
    return str(next(each["detail"] for each in answer.json()["cards"] if "NCT04785833" in each["summary"]))


WHOLE = [*record(), *map(observation, (1, 2, 3))]


@pytest.mark.parametrize(
    ("second", "third"), [(f"{BASE}?_getpages=1", f"{BASE}?_getpages=2"), (f"{BASE}/page/1", f"{BASE}/page/2")]
)
def test_a_first_page_is_followed_to_the_last(strict: Setup, service: Caller, second: str, third: str) -> None:
    """Page by page, each once and with the user's token; beside them, whether the patient is several Patients there."""
    answer, requests = paged(strict, second, {second: a_page(2, third), third: a_page(3)})
    assert detail_of(answer) == detail_of(call(service, prefetch_of(service, WHOLE)))
    assert [str(each.url) for each in requests[:2]] == [second, third]
    assert {each.url.path.rpartition("/")[2] for each in requests[2:]} == {"metadata", "Patient"}
    assert {each.headers["authorization"] for each in requests} == {"Bearer of-the-user"}


@pytest.mark.parametrize(
    ("following", "pages"),
    [
        ("https://evil.example/r4?_getpages=1", {}),
        (f"{BASE}.evil.example/page", {}),
        (f"{BASE}/../other/page", {}),
        ("http://169.254.169.254/latest", {}),
        (f"{BASE}/page", {f"{BASE}/page": httpx.Response(410)}),
        (f"{BASE}/page", {f"{BASE}/page": a_page(2, f"{BASE}/page")}),
    ],
    ids=["another host", "nearly the host", "outside of the base", "inside", "gone", "a circle"],
)
def test_pages_that_cant_be_followed(
    strict: Setup, service: Caller, following: str, pages: dict[str, httpx.Response]
) -> None:
    """No other server is asked; the type is fetched from its own, and the cards are those of the whole record."""
    answer, requests = paged(strict, following, pages)
    assert detail_of(answer) == detail_of(call(service, prefetch_of(service, WHOLE)))
    assert all(str(each.url).startswith((f"{BASE}/", f"{BASE}?")) for each in requests)
    assert any(each.url.path.endswith("/Observation") for each in requests)


def test_pages_that_end_too_early(strict: Setup) -> None:
    """Fewer than were found, and a server that holds on to the rest: no card on half a record."""
    broken = {f"{BASE}/page": a_page(2), f"{BASE}/metadata": httpx.Response(403)}
    answer, _ = paged(strict, f"{BASE}/page", broken, total=9)
    assert answer.status_code == 412
    assert "lacks Observation" in answer.json()["issue"][0]["diagnostics"]


class Merged(PatientsServer):
    """A server that finds Patients by the one that has replaced them."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """As one without; and who links to the asked."""
        if request.url.path.endswith("/metadata"):
            said = self._statement()
            said["rest"][0]["resource"][0]["searchParam"].append({"name": "link"})
            return httpx.Response(200, json=said)
        if asked := request.url.params.get("link"):
            links = [(each, link["other"]["reference"]) for each in self.held for link in each.get("link", ())]
            found = [{"resource": each} for each, other in links if other in asked.split(",")]
            return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "entry": found})
        return super().answer(request)


def link(type_: str, other: str) -> Json:
    """Of a Patient, to another."""
    return {"link": [{"type": type_, "other": {"reference": f"Patient/{other}"}}]}


@pytest.mark.parametrize("sent", [("condition",), ("observation",), ("condition", "observation"), ()])
@pytest.mark.parametrize("said", [False, True], ids=["there alone", "on both"])
def test_a_patient_who_replaced_another_has_the_data_of_both(strict: Setup, sent: tuple[str, ...], said: bool) -> None:  # noqa: FBT001
    """Whatever came along, whole or as a first page; where the replaced one alone names the link, the server says."""
    old = [patient("p0", **link("replaced-by", "p1")), ecog("e0", of("p0"), 2), condition("c0", of("p0"))]
    held = [
        patient(**(link("replaces", "p0") if said else {})),
        condition("c1", of()),
        ecog("e1", of(), 3, "2026-02-01"),
    ]
    caller = Caller(app_with(strict, cds_servers=(BASE,)))
    prefetch = prefetch_of(caller, held)
    for each in sent:  # a first page of none
        following = [{"relation": "next", "url": f"{BASE}/page/{each}"}]
        prefetch[each] = {"resourceType": "Bundle", "type": "searchset", "link": following, "entry": []}
    rest = {f"{BASE}/page/{kind}": [held[1 + place]] for place, kind in enumerate(("condition", "observation"))}

    def answer(request: httpx.Request) -> httpx.Response:
        if (found := rest.get(str(request.url))) is not None:
            entries = [{"resource": each} for each in found]
            return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "entry": entries})
        return Merged([*held, *old]).answer(request)

    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=answer)
        found = call(caller, prefetch, fhirServer=BASE, fhirAuthorization={"access_token": "of-the-user"})
    if not sent and not said:  # all came along, and nobody is asked: of whom the EHR says nothing, nothing is known
        assert len(router.calls) == 0
        return
    assert found.status_code == 200, found.text
    (summary,) = [each["summary"] for each in found.json()["cards"] if "NCT04785833" in each["summary"]]
    assert summary.startswith("May qualify")  # ECOG 3 alone would rule out; the replaced one has a newer 2


def test_one_of_two_patients_is_half_a_record(service: Caller) -> None:
    """The Patient that was sent was replaced, and no server may be asked for the other."""
    answer = call(service, prefetch_of(service, [patient(**link("replaced-by", "p9")), condition("c1", of())]))
    assert answer.status_code == 412
    assert "lacks AdverseEvent" in answer.json()["issue"][0]["diagnostics"]
