"""A prefetch whose first page came along: its further pages are followed on the server that the call names."""

import httpx
import pytest
import respx

from adapter.screening.setup import Setup
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import ecog, of
from tests.unit.service.calls import Caller, Json, app_with
from tests.unit.service.test_cds import call, prefetch_of, record
from tests.unit.service.test_server_data import PatientsServer


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
    """Page by page, each once and with the user's token; nothing else is asked."""
    answer, requests = paged(strict, second, {second: a_page(2, third), third: a_page(3)})
    assert detail_of(answer) == detail_of(call(service, prefetch_of(service, WHOLE)))
    assert [str(each.url) for each in requests] == [second, third]
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
