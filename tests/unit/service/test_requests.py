"""What a request must be before anyone looks at what it says."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from adapter.screening.setup import Setup
from tests.unit.service.calls import EVALUATE, FHIR, ONE, RECORD, Caller, app_with, refusal


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "is not JSON"),
        (b"resourceType: Bundle", "is not JSON"),
        (b'{"resourceType":"Bundle","type":"collection","type":"history"}', "'type' stands twice"),
        (b'{"resourceType":"Bundle","total":NaN}', "NaN"),
        (b'{"resourceType":"Bundle","total":-Infinity}', "-Infinity"),
        (b'{"resourceType":"Bundle","id":"\xff"}', "UTF-8"),
        (b"[" * 101 + b"]" * 101, "deeper than 100"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "deeper than 100"),
        (b'{"resourceType":"Bundle","total":' + b"9" * 5000 + b"}", "number is too long"),
        (b"[]", "can't be read"),
        (b"7", "can't be read"),
        (b'{"resourceType":"Patient"}', "send Parameters"),
        (b'{"resourceType":7}', "can't be read"),
        (b'{"resourceType":"\\ud800"}', "can't be read"),
        (b'{"resourceType":"Parameters","parameter":{}}', "parameter"),
        (b'{"resourceType":"Parameters","parameter":[{}]}', "name"),
    ],
)
def test_bodies_that_are_refused(service: Caller, body: bytes, words: str) -> None:
    """What is no strict JSON, or no Parameters or Bundle, is a 400 that says what was wrong."""
    status, _, text = refusal(service.post(EVALUATE, body))
    assert status == 400
    assert words in text


def test_brackets_in_strings_are_no_depth(service: Caller) -> None:
    """Only real nesting counts."""
    body = RECORD.replace(b'"id": "e1"', b'"id": "e1", "note": [{"text": "' + b"[" * 500 + b'"}]')
    assert body != RECORD
    assert service.post(ONE, body).status_code == 200


def test_a_byte_order_mark_is_no_harm(service: Caller) -> None:
    """A body that begins with one is read."""
    assert service.post(ONE, b"\xef\xbb\xbf" + RECORD).content == service.post(ONE, RECORD).content


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/fhir+json", 200),
        ("application/fhir+json; charset=UTF-8; fhirVersion=4.0", 200),
        ("application/json", 200),
        ("text/json", 200),
        ("application/fhir+json; charset=latin-1", 400),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/fhir+xml", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_content_types(service: Caller, content_type: str, status: int) -> None:
    """FHIR R4 JSON in UTF-8 is read, nothing else."""
    answer = service.call("POST", ONE, content=RECORD, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert status == 200 or refusal(answer)[0] == status


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("application/fhir+json", "application/fhir+json"),
        ("application/json", "application/json"),
        ("*/*", "application/fhir+json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/fhir+json"),
        ("application/fhir+xml;q=1, application/json;q=0.5", "application/json"),
        ("application/fhir+json; fhirVersion=4.0", "application/fhir+json"),
        ("", "application/fhir+json"),
        ("application/fhir+xml", None),
        ("application/fhir+json; fhirVersion=5.0", None),
        ("application/fhir+json;q=0", None),
        ("application/fhir+json;q=much", None),
        ("text/html", None),
    ],
)
def test_accept(service: Caller, accept: str, answered: str | None) -> None:
    """The answer is FHIR JSON under the name that the caller knows, or a 406."""
    answer = service.get("/fhir/metadata", Accept=accept)
    if answered is None:
        assert refusal(answer)[:2] == (406, "not-supported")
    else:
        assert (answer.status_code, answer.headers["content-type"]) == (200, answered)


@pytest.mark.parametrize("format_", ["json", "application/fhir%2Bjson", "application/fhir+json", "application/json"])
def test_format_goes_before_accept(service: Caller, format_: str) -> None:
    """`_format` is for callers that can't set a header."""
    assert service.get(f"/fhir/metadata?_format={format_}", Accept="text/html").status_code == 200
    assert refusal(service.get("/fhir/metadata?_format=xml"))[0] == 406


def test_too_large(strict: Setup) -> None:
    """More bytes than the limit are refused: announced, streamed, or hidden in gzip."""
    small = Caller(app_with(strict, max_body=len(RECORD)))
    assert small.post(ONE, RECORD).status_code == 200
    assert refusal(small.post(ONE, RECORD + b" "))[:2] == (413, "too-long")
    assert refusal(small.call("POST", ONE, content=stream(), headers=FHIR))[:2] == (413, "too-long")
    bomb = gzip.compress(b"[" + b" " * 5_000_000 + b"]")
    assert refusal(small.post(ONE, bomb, **{"Content-Encoding": "gzip"}))[:2] == (413, "too-long")


async def stream() -> AsyncIterator[bytes]:
    """A record, piece by piece, and too much after it."""
    for at in range(0, len(RECORD), 50):
        yield RECORD[at : at + 50]
    yield b"  "


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", RECORD, 400),
        ("gzip", gzip.compress(RECORD, mtime=0)[:-9], 400),
        ("gzip", gzip.compress(RECORD, mtime=0) + b"x", 400),
        ("deflate", zlib.compress(RECORD), 415),
        ("br", RECORD, 415),
        ("identity", RECORD, 200),
    ],
)
def test_encodings(service: Caller, encoding: str, body: bytes, status: int) -> None:
    """gzip is read where it is whole; other encodings are not."""
    answer = service.post(ONE, body, **{"Content-Encoding": encoding})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("wanted", "packed"),
    [
        ("gzip", True),
        ("br, x-gzip;q=0.5", True),
        ("gzip ;\tq=1.000", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;\tq=0", False),
        ("GZIP ;\tq=0.000 ,\tbr", False),
        ("gzip;q=none", False),
        ("notgzip", False),
    ],
)
def test_encodings_of_answers(service: Caller, wanted: str, packed: bool) -> None:  # noqa: FBT001
    """Compressed for who reads that; who keeps an answer is told that others may get another one, either way."""
    for url in ("/fhir/ResearchStudy", "/openapi.json"):
        answer = service.get(url, **{"Accept-Encoding": wanted})
        assert (answer.headers.get("content-encoding") == "gzip") is packed
        assert answer.headers["vary"] == "Accept-Encoding"


def test_other_methods(service: Caller) -> None:
    """A method that an address doesn't have is a 405 that lists those it has."""
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = service.call(method, ONE)
        assert refusal(answer)[:2] == (405, "not-supported")
        assert answer.headers["allow"] == "GET, POST"
    assert service.call("POST", "/fhir/ResearchStudy/nct04785833").headers["allow"] == "GET"


@pytest.mark.parametrize(
    "url", ["/nothing", "/fhir", "/fhir/Patient/p1", "/fhir/ResearchStudy/x/$apply", "/fhir/metadata/"]
)
def test_other_addresses(service: Caller, url: str) -> None:
    """An address that isn't there is a 404 with an OperationOutcome."""
    assert refusal(service.get(url))[:2] == (404, "not-found")
