"""The files of a Bulk Data export: whole, however they come."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import ServerError
from adapter.fhir.client import ServerSettings
from adapter.fhir.client.bulk_export import BulkExport, Part
from adapter.screening.source.folder import read_lines
from adapter.screening.source.server import Exported
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.exports import (
    C1,
    P1,
    P2,
    Json,
    held,
    lines,
    manifest,
    part,
)


def test_a_download_that_breaks_goes_on(server: respx.Router, fetch: Callable[..., Exported]) -> None:
    """By range, as long as it is the same file; in this run, and in the next one."""
    whole = lines(P1, P2)

    class Breaking(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:  # noqa: ANN401  # of bytes
            yield whole[:20]
            msg = "broken"
            raise httpx.ReadError(msg)

    ranges: list[str | None] = []

    def file(request: httpx.Request) -> httpx.Response:
        ranges.append(request.headers.get("range"))
        if len(ranges) < 4:
            return httpx.Response(200 if len(ranges) == 1 else 500, headers={"ETag": '"1"'}, stream=Breaking())
        assert request.headers["if-range"] == '"1"'
        return httpx.Response(
            206, content=whole[20:], headers={"Content-Range": f"bytes 20-{len(whole) - 1}/{len(whole)}"}
        )

    looks = server.get("/status/1").respond(json=manifest(part("a", "Patient", 2)))
    server.get("/files/a").mock(side_effect=file)
    with pytest.raises(ServerError):
        fetch()
    assert held(fetch()) == {"Patient/p1/", "Patient/p2/"}
    assert ranges == [None, "bytes=20-", "bytes=20-", "bytes=20-"]
    assert looks.call_count == 1


class Coming(httpx.AsyncByteStream):
    """Bytes as they come, to their end or until the process is killed."""

    def __init__(self, content: bytes, *, killed: bool = False) -> None:
        """The bytes."""
        self.content = content
        self.killed = killed

    async def __aiter__(self) -> Any:  # noqa: ANN401, D105  # of bytes
        yield self.content
        if self.killed:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("status", "says", "begins"),
    [
        (206, {"Content-Range": "bytes 20-{last}/{total}"}, 20),
        (206, {"Content-Range": "bytes 20-{last}/{total}", "ETag": '"2"'}, None),
        (206, {"Content-Range": "bytes 0-{last}/{total}"}, None),
        (206, {"Content-Range": "bytes 20-{last}/*"}, None),
        (206, {"Content-Range": "bytes 20-{total}/{total}"}, None),
        (206, {"Content-Range": "bytes 20-"}, None),
        (206, {}, None),
        (200, {"ETag": '"2"'}, 0),
        (416, {}, None),
    ],
    ids=[
        "the rest",
        "the rest of another file",
        "another part",
        "a part of a file whose end nobody knows",
        "more than there can be",
        "a part that ends nobody knows where",
        "a part of which nobody knows",
        "another file",
        "a file that has become shorter",
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_run_that_was_killed_goes_on(
    server: respx.Router, fetch: Callable[..., Exported], status: int, says: Json, begins: int | None, *, packed: bool
) -> None:
    """From what has come, if that is what the server goes on with; else from the start. Compressed as it came."""
    whole = gzip.compress(lines(P1, P2), mtime=0) if packed else lines(P1, P2)
    encoded = {"Content-Encoding": "gzip"} if packed else {}
    first = httpx.Response(200, headers={"ETag": '"1"', **encoded}, stream=Coming(whole[:20], killed=True))
    told = {name: text.format(last=len(whole) - 1, total=len(whole)) for name, text in says.items()}
    answers = [
        first,
        httpx.Response(status, headers={**told, **encoded}, stream=Coming(whole[begins or 0 :])),
    ]
    server.get("/status/1").respond(json=manifest(part("a", "Patient", 2)))
    again = httpx.Response(200, headers={"ETag": '"2"', **encoded}, stream=Coming(whole))
    file = server.get("/files/a").mock(side_effect=[*answers, again])
    with pytest.raises(KeyboardInterrupt):
        fetch()
    exported = fetch()
    texts = [text for each in (exported.folder / "output").iterdir() for _, text in read_lines(each)]
    assert texts == lines(P1, P2).splitlines()
    assert [each.request.headers.get("range") for each in file.calls] == [
        None,
        "bytes=20-",
        *([None] if begins is None else []),
    ]


SLICE = st.one_of(
    st.integers(min_value=1, max_value=60),  # bytes that a server sends at most
    st.sampled_from(["empty", "short", "long", "elsewhere", "no end", "of another file", "whole", "broken"]),
)


@given(
    st.integers(min_value=0, max_value=120),
    st.lists(SLICE, max_size=8),
    st.sampled_from(['"1"', "", 'W/"1"']),
    st.data(),
)
def test_a_file_is_whole_however_it_comes(begun: int, answers: list[int | str], etag: str, data: st.DataObject) -> None:
    """A slice is never taken for the whole rest, whatever a server or a proxy says of it, and however little it is."""
    whole = lines(P1, P2, C1)
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        said, how = request.headers.get("range"), next(left, "whole")
        first = int(said.removeprefix("bytes=").removesuffix("-")) if said else 0
        headers = {"ETag": etag} if etag else {}
        if how == "broken":
            return httpx.Response(500)
        if first >= len(whole):
            return httpx.Response(416)
        if how == "whole" or (said is None and data.draw(st.booleans())):
            return httpx.Response(200, headers=headers, stream=Coming(whole))
        last = min(first + how, len(whole)) - 1 if isinstance(how, int) else len(whole) - 1
        sent = {"empty": b"", "short": whole[first:last], "long": whole[first:] + b"{"}.get(str(how))
        begins, total = first + (how == "elsewhere"), "*" if how == "no end" else len(whole)
        if how == "of another file":
            headers, sent = {"ETag": '"2"'}, b"?" * (len(whole) - first)
            if said is None:  # nothing is there yet that it would be the rest of
                return httpx.Response(500)
        headers["Content-Range"] = f"bytes {begins}-{last}/{total}"
        return httpx.Response(206, headers=headers, stream=Coming(whole[first : last + 1] if sent is None else sent))

    async def fetched(file: Path) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            export = BulkExport(http, ServerSettings(url=BASE, attempts=20, wait=0, wait_max=0.001))
            await export.download(Part(url=f"{BASE}/files/a"), file, with_token=False)

    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.ndjson"
        file.write_bytes(whole[:begun])
        file.with_suffix(".etag").write_text('"1"', encoding="ascii")
        asyncio.run(fetched(file))
        assert file.read_bytes() == whole
        assert [each.name for each in Path(folder).iterdir()] == ["a.ndjson"]
