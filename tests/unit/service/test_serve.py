"""The running server: ports, connections that send nothing, and callers that are pages of another origin."""

import logging
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn

from adapter.errors import AdapterError, StoreError
from adapter.service import Settings, run
from adapter.service.limits import Limits
from adapter.service.serve import Seldom, hosts_of, server
from adapter.service.tokens import unnamed
from adapter.store.database import DatabaseAddress
from tests.integration.waiting import wait_until


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """A server on a free port, which is yielded."""
    made = server(settings, "127.0.0.1", 0)
    thread = threading.Thread(target=made.run)
    thread.start()
    wait_until(lambda: made.started)
    try:
        yield port_of(made)
    finally:
        made.should_exit = True
        thread.join()


def port_of(made: uvicorn.Server) -> int:
    """Where a started server listens."""
    return int(made.servers[0].sockets[0].getsockname()[1])


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that asks nobody who they are."""
    with serving(Settings(public_url="https://adapter.example.org/trials")) as found:
        yield found


def test_a_port_that_is_in_use_is_an_error() -> None:
    """The command says so, and does not end as if all were well."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken, pytest.raises(AdapterError, match="port"):
        run(Settings(), port=taken.getsockname()[1])


@pytest.mark.parametrize("where", [Path("audit"), DatabaseAddress("sqlite:///{}/audit.db")])
def test_an_audit_that_can_not_be_written_is_an_error_at_once(tmp_path: Path, where: Path | DatabaseAddress) -> None:
    """Not a 503 to everybody later."""
    missing = tmp_path / "missing"
    audit = missing / where if isinstance(where, Path) else DatabaseAddress(where.url.format(missing))
    with closing(socket.create_server(("127.0.0.1", 0))) as taken, pytest.raises(StoreError):
        run(Settings(audit=audit), port=taken.getsockname()[1])


def test_a_folder_without_facts_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They may come later, so that it is no error."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken, pytest.raises(AdapterError, match="port"):
        run(Settings(facts=tmp_path), port=taken.getsockname()[1])
    assert "there are no facts" in caplog.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8080", "adapter.example.org"])
def test_names_of_this_machine(port: int, host: str) -> None:
    """And the public one, which a reverse proxy passes on."""
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "", "["])
def test_a_name_that_leads_here_is_not_ours(port: int, host: str) -> None:
    """DNS rebinding: without tokens, a page that is called by such a name must not read anything."""
    answer = httpx.get(f"http://127.0.0.1:{port}/fhir/metadata", headers={"host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 415),
    ],
)
def test_a_page_of_another_origin_sends_nothing(port: int, headers: dict[str, str], status: int) -> None:
    """A message from it is refused before it is read; one from a program is read (and is none here)."""
    sent = {"content-type": "text/plain", **headers}
    answer = httpx.post(f"http://127.0.0.1:{port}/hl7v2", content=b"x", headers=sent)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
    ],
)
def test_a_page_of_another_origin_fetches_nothing(port: int, headers: dict[str, str], status: int) -> None:
    """It may lead here as a link does; what it embeds or fetches is refused, before patients are evaluated for it."""
    assert httpx.get(f"http://127.0.0.1:{port}/fhir/ResearchStudy", headers=headers).status_code == status


def test_the_own_origin_may_send(port: int) -> None:
    """A page of ours."""
    own = {"origin": f"http://127.0.0.1:{port}", "content-type": "text/plain"}
    assert httpx.post(f"http://127.0.0.1:{port}/hl7v2", content=b"x", headers=own).status_code == 415


def test_tokens_make_names_unimportant() -> None:
    """Who has a token may call by any name."""
    with serving(Settings(tokens=unnamed(("t" * 16,), "test"))) as found:
        headers = {"host": "any.example", "authorization": "Bearer " + "t" * 16}
        assert httpx.get(f"http://127.0.0.1:{found}/fhir/metadata", headers=headers).status_code == 200


def test_this_machine_is_known() -> None:
    """Also by the address that is served on."""
    assert hosts_of(Settings(), "127.9.9.9") == {"localhost", "127.0.0.1", "::1", "127.9.9.9"}


def received(connection: socket.socket, last: bytes) -> bytes:
    """What the server sends, up to its last bytes."""
    found = b""
    while not found.endswith(last):
        found += connection.recv(1000)
    return found


def ended(connection: socket.socket) -> bool:
    """Whether the server has closed a connection, within some seconds."""
    connection.settimeout(5)
    try:
        return connection.recv(1000) == b""
    except ConnectionError:
        return True


def answers(port: int) -> bool:
    """Whether a new connection is served."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def hasty() -> Iterator[int]:
    """A server with little patience, and room for two connections."""
    with serving(Settings(limits=Limits(header_seconds=0.2, send_seconds=0.2, max_connections=2))) as found:
        yield found


@pytest.mark.parametrize("sent", [b"", b"GET /health/live HTTP/1.1\r\nHost: local"])
def test_a_silent_connection_is_closed(hasty: int, sent: bytes) -> None:
    """Nothing sent, or half of the headers."""
    with closing(socket.create_connection(("127.0.0.1", hasty))) as connection:
        connection.sendall(sent)
        assert ended(connection)


def test_half_a_second_request_is_closed_too(hasty: int) -> None:
    """After an answer, an idle connection is kept; one that begins a request must go on with it."""
    with closing(socket.create_connection(("127.0.0.1", hasty))) as connection:
        for _ in range(2):
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert received(connection, b'{"status":"ok"}').startswith(b"HTTP/1.1 200")
            time.sleep(0.3)  # longer than headers may take: nothing has begun
        connection.sendall(b"GET /health/live")
        assert ended(connection)


def test_only_so_many_connections(hasty: int) -> None:
    """One more takes the place of the one that has waited the longest for a request; who has asked is answered."""
    idle = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    first, second = (socket.create_connection(("127.0.0.1", hasty)) for _ in range(2))
    with closing(first), closing(second):
        for each in (first, second):
            each.sendall(idle)
            received(each, b'{"status":"ok"}')
        assert answers(hasty)
        assert ended(first)
        second.sendall(idle)
        assert received(second, b'{"status":"ok"}').startswith(b"HTTP/1.1 200")


def test_who_has_asked_stays_while_others_say_nothing(hasty: int) -> None:
    """However many connections come and are silent: one between two requests is not theirs to take."""
    ask = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", hasty))) as known, ExitStack() as silent:
        known.sendall(ask)
        received(known, b'{"status":"ok"}')
        others = [silent.enter_context(socket.create_connection(("127.0.0.1", hasty))) for _ in range(5)]
        assert ended(others[0])
        known.sendall(ask)
        assert received(known, b'{"status":"ok"}').startswith(b"HTTP/1.1 200")


def test_an_answer_that_nobody_takes_is_cut(hasty: int) -> None:
    """A caller who asks, and does not read: the connection ends, and takes nothing of others' time."""
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", hasty))
        with suppress(ConnectionError):
            connection.sendall(ask * 400)
            wait_until(lambda: is_reset(connection, ask))
    assert answers(hasty)


def is_reset(connection: socket.socket, ask: bytes) -> bool:
    """Whether the other end has gone, as one that goes on to send finds out."""
    connection.settimeout(0.1)
    try:
        connection.sendall(ask)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return False


LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
SENT = b"POST /fhir/ResearchStudy/$evaluate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\n"
LAST = LIVE + b"Connection: close\r\n\r\n"
REFUSAL = b"This is no HTTP request that can be read here."
CHUNKED = SENT + b"Transfer-Encoding: chunked\r\n\r\n"


def statuses(port: int, *pieces: bytes) -> list[int]:
    """What a connection is answered until it is closed, to something sent in pieces."""
    found = b""
    with closing(socket.create_connection(("127.0.0.1", port))) as connection, suppress(ConnectionError):
        for each in pieces:
            connection.sendall(each)
            time.sleep(0.05 if len(pieces) > 1 else 0)  # so that they come one by one
        connection.settimeout(30)
        while more := connection.recv(1 << 16):
            found += more
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d+) ", found)]


@pytest.mark.parametrize(
    "sent",
    [
        SENT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        SENT + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        SENT + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        SENT + b"Content-Length: +2\r\n\r\n{}",
        SENT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        SENT + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        SENT + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        SENT.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        SENT.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        SENT + b"Content-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}",
        SENT + b"Content-Length: 2\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n{}",
        LIVE + b"Host: localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n\r\n",
        LIVE + b"X: a\rY: b\r\n\r\n",
        LIVE + b"X: a\n\r\n",
        LIVE + b"X: a\r\n b\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_a_proxy_may_read_otherwise_is_refused(port: int, sent: bytes) -> None:
    """Two lengths, two hosts, line ends that are none (request smuggling): 400, and what follows isn't read."""
    assert statuses(port, sent + LAST) == [400]


@pytest.mark.parametrize(
    "sent",
    [
        LIVE + b"a: b\r\n" * 3000 + b"\r\n",
        LIVE + b"a: " + b"b" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_headers_are_bounded(port: int, sent: bytes) -> None:
    """In number, and in length, as the address is."""
    assert set(statuses(port, sent)) <= {400}  # or cut, while it still sends
    assert answers(port)


@pytest.mark.parametrize(
    ("begun", "piece"),
    [
        (LIVE + b"a: ", b"b"),
        (LIVE + b"a: ", b" "),
        (LIVE + b"a", b"a"),
        (b"GET /", b"a"),
        (b"", b"\r\n"),
        (LIVE + b"\r\n" + LIVE + b"a: ", b"b"),
        (CHUNKED + b"2\r\n{}\r\n0\r\na: ", b"b"),
        (CHUNKED + b"2\r\n{}\r\n0\r\na", b"a"),
        (CHUNKED + b"2;a=", b"b"),
        (CHUNKED, b"0"),
    ],
    ids=["value", "blanks", "name", "address", "lines", "second", "trailer", "name of a trailer", "extension", "size"],
)
def test_what_does_not_end_is_bounded(port: int, begun: bytes, piece: bytes) -> None:
    """A header that goes on for ever is not kept until it ends: it is refused after a few pieces."""
    found, sent = b"", 0
    with closing(socket.create_connection(("127.0.0.1", port))) as connection, suppress(ConnectionError):
        connection.sendall(begun)
        while not found.endswith(REFUSAL) and sent < 1 << 20:
            connection.sendall(piece * (16_384 // len(piece)))
            sent += 16_384
            while select.select([connection], [], [], 0.02)[0] and (more := connection.recv(1 << 16)):
                found += more
                if found.endswith(REFUSAL):
                    break
    assert found.endswith(REFUSAL)
    assert sent < 512 * 1024


@pytest.mark.parametrize(
    ("times", "piece", "status"), [(4000, b" ", 200), (5000, b" ", 400), (20_000, b" " * 300, 200)]
)
def test_a_body_in_crumbs_is_refused(port: int, times: int, piece: bytes, status: int) -> None:
    """Each piece takes the event loop some time, however small it is: there may only be so many of the smallest."""
    body = b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}]}'
    chunks = (b"%x\r\n%s\r\n" % (len(piece), piece)) * times + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert statuses(port, CHUNKED + chunks + (LAST if status == 200 else b""))[0] == status


@pytest.mark.parametrize("last", [b"\x01\x02\r\n\r\n", LIVE + b"Host: localhost\r\n\r\n", CHUNKED + b"zz\r\n"])
@pytest.mark.parametrize("asked", [1, 3])
def test_a_fault_takes_no_answer_away(port: int, asked: int, last: bytes) -> None:
    """What was asked before it is answered; 400 would be read as an answer to that. Nothing after it is."""
    assert statuses(port, (LIVE + b"\r\n") * asked + last + LAST) == [200] * asked


def test_a_half_request_behind_another_is_closed_too(hasty: int) -> None:
    """The time for its headers begins with the answer to the one ahead."""
    with closing(socket.create_connection(("127.0.0.1", hasty))) as connection:
        connection.sendall(LIVE + b"\r\n" + LIVE)
        assert received(connection, b'{"status":"ok"}').startswith(b"HTTP/1.1 200")
        assert ended(connection)


def test_what_is_refused_unread_is_logged(
    port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With who sent it, and nothing of what was sent; once, however often it comes."""
    monkeypatch.setattr(logging.getLogger("adapter.service.serve"), "filters", [Seldom()])
    for _ in range(3):
        assert statuses(port, b"GET /Patient/Secret HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") == [400]
    (record,) = [each for each in caplog.records if each.name == "adapter.service.serve"]
    assert record.getMessage() == "a request of 127.0.0.1 can't be read, and is refused"


def test_trailers_are_bounded_and_say_nothing(port: int) -> None:
    """What follows a body in chunks is no header: a second Host there is none."""
    body = CHUNKED + b"2\r\n{}\r\n0\r\n"
    assert statuses(port, body + b"Host: evil.example\r\n\r\n" + LAST) == [400, 200]  # {} is no Bundle
    assert 200 not in statuses(port, body + b"a: b\r\n" * 3000 + b"\r\n" + LAST)


def test_requests_ahead_of_answers_are_bounded(port: int) -> None:
    """A few are answered in their order; of thousands none is begun that could be kept waiting."""
    assert statuses(port, (LIVE + b"\r\n") * 3 + LAST) == [200] * 4
    found = statuses(port, (LIVE + b"\r\n") * 10_000)
    assert found == [200] * len(found)
    assert len(found) <= 5


@pytest.mark.parametrize("whole", [True, False])
def test_nobody_is_given_another_protocol(port: int, *, whole: bool) -> None:
    """Java's client asks for HTTP/2 in its first request, body and all: it is answered as any other."""
    asks = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    patient = (
        b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p"}}]}'
    )
    pieces = [SENT + asks + b"Content-Length: %d\r\n\r\n" % len(patient), patient[:9], patient[9:], LAST]
    assert statuses(port, *([b"".join(pieces)] if whole else pieces)) == [200, 200]


def test_the_same_failure_is_logged_once_in_a_while() -> None:
    """Connections that can't be accepted come by the thousand."""
    record, other = (
        logging.makeLogRecord({"msg": text}) for text in ("socket.accept() out of system resource", "something else")
    )
    seldom = Seldom()
    assert [seldom.filter(each) for each in (record, record, other, record)] == [True, False, True, False]
