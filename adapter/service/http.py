"""Requests and answers: media types (FHIR R4, http.html), bodies within their limits, strict JSON, errors as answers.

A body becomes JSON text that means one thing: UTF-8, no duplicate keys, no NaN, not too deep. msgspec reads it
afterwards, fast, but takes the last of two equal keys; which of them a sender meant nobody knows, so it is refused here
(FHIR R4, json.html: property names SHALL be unique).
"""

import asyncio
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pickle import PickleBuffer
from typing import Any, cast

import msgspec
from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from adapter.errors import AdapterError
from adapter.fhir import Issue, operation_outcome
from adapter.service.errors import (
    LateBodyError,
    MalformedError,
    NotAcceptableError,
    NotAllowedError,
    ParameterError,
    TooLargeError,
    UnauthorizedError,
    UnsupportedMediaError,
    answer_to,
)
from adapter.service.limits import KIBIBYTE, Hold, Limits

FHIR_JSON = "application/fhir+json"
JSON = "application/json"
HL7V2 = "application/hl7-v2"
_FORMATS = {"json": FHIR_JSON, FHIR_JSON: FHIR_JSON, JSON: JSON, "text/json": JSON}
_RANGES = {FHIR_JSON: FHIR_JSON, JSON: JSON, "text/json": JSON, "application/*": FHIR_JSON, "*/*": FHIR_JSON}
_VERSIONS = frozenset({None, "4.0", "4.0.1"})
_UTF_8 = frozenset({None, "utf-8", "utf8"})

_GZIP = 16 + zlib.MAX_WBITS
HOLD = "hold"
"""The name under which a request's hold stands in its state."""

NOT_KEPT = {"Cache-Control": "no-store"}
"""An answer may hold patient data: nobody on the way keeps it."""

ENCODED = "content-encoding"
_FAST = 1
"""gzip's level: an answer of 150 kB shrinks to a tenth in under a millisecond; more effort gains little."""
_WORTH_GZIP = 500
_IN_THREAD = 128 * KIBIBYTE
_SHRUNK = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}

_PART = 64 * KIBIBYTE
"""Bytes of a part at least, but for the last: a body has few of them."""
RETRY_AFTER = "5"
"""Seconds after which a caller may come back."""

AGAIN = frozenset({429, 503})
"""Statuses that say when to come back: in Retry-After."""

_INTERNAL = 500
_WANTED = re.compile(rb"(x-)?gzip(;q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?))?")
_REFUSED = re.compile(rb"(x-)?gzip;q=0(\.0{0,3})?")
_encoder = msgspec.json.Encoder(decimal_format="number")


class Sent(Headers):
    """The headers of a request, of which one is found without a look at the others; the first where there are more."""

    def __init__(self, scope: Scope) -> None:
        """Those of a request."""
        super().__init__(raw=scope["headers"])
        self._first = dict(reversed(scope["headers"]))

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401  # as of Mapping
        """The value of a name."""
        found = self._first.get(key.lower().encode("latin-1"))
        return default if found is None else found.decode("latin-1")


class SentRequest(Request):
    """A request that keeps its headers so."""

    @property
    def headers(self) -> Headers:
        """As they were sent."""
        if not hasattr(self, "_sent"):
            self._sent = Sent(self.scope)
        return self._sent


def answer_type(accept: str | None, format_: str | None) -> str:
    """The media type to answer in: `_format` goes before the Accept header. Raises NotAcceptableError."""
    if format_ is not None:
        name, parameters = _parsed(format_)
        name = name.replace(" ", "+")  # a plus sign that a query has turned into a blank
        if name not in _FORMATS or parameters.get("fhirversion") not in _VERSIONS:
            msg = f"_format={format_!r} is not written here; ask for application/fhir+json (FHIR 4.0)"
            raise NotAcceptableError(msg)
        return _FORMATS[name]
    if accept is None or not accept.strip():
        return FHIR_JSON
    wanted = sorted((_wanted(part) for part in accept.split(",")), key=lambda each: -each[0])
    for quality, known in wanted:
        if quality > 0 and known is not None:
            return known
    msg = "only FHIR R4 JSON is written here; send Accept: application/fhir+json"
    raise NotAcceptableError(msg)


def check_content_type(content_type: str | None) -> None:
    """Raises UnsupportedMediaError unless the body is said to be JSON, MalformedError if it isn't said to be UTF-8."""
    name, parameters = _parsed(content_type or "")
    if name not in {FHIR_JSON, JSON, "text/json"} or parameters.get("fhirversion") not in _VERSIONS:
        msg = "the body must be FHIR R4 JSON; send Content-Type: application/fhir+json"
        raise UnsupportedMediaError(msg)
    if parameters.get("charset") not in _UTF_8:
        msg = "FHIR JSON is UTF-8; encode the body so and leave charset out of Content-Type"
        raise MalformedError(msg)


def is_of_type(content_type: str | None, media_type: str) -> bool:
    """Whether a Content-Type is a media type, in UTF-8."""
    name, parameters = _parsed(content_type or "")
    return name == media_type and parameters.get("charset") in _UTF_8


def _wanted(media_range: str) -> tuple[float, str | None]:
    """The quality of a media range, and the type that answers it."""
    name, parameters = _parsed(media_range)
    try:
        quality = float(parameters.get("q") or "1")
    except ValueError:
        quality = 0.0
    known = _RANGES.get(name) if parameters.get("fhirversion") in _VERSIONS else None
    return quality, known


def _parsed(text: str) -> tuple[str, dict[str, str | None]]:
    name, *rest = text.lower().split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Parcel:
    """Bytes in parts, which go to another process, and come from one, without being copied on the way."""

    parts: tuple[bytes | bytearray | memoryview | PickleBuffer, ...] = ()
    gzipped: bool = False

    def __reduce__(self) -> tuple[type["Parcel"], tuple[tuple[PickleBuffer, ...], bool]]:
        """How it is pickled: the parts beside the pickle."""
        return Parcel, (tuple(map(PickleBuffer, self.parts)), self.gzipped)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(memoryview(each).nbytes for each in self.parts)

    def plain(self, limit: int) -> bytes:
        """All of it, decompressed. Raises TooLargeError for more than the limit, MalformedError for broken gzip."""
        sent = b"".join(self.parts)
        return _unzipped(sent, limit) if self.gzipped else sent


async def read_body(request: Request) -> Parcel:
    """The body, as it was sent.

    Raises TooLargeError as soon as it is known to pass the limit, LateBodyError where it doesn't come in time,
    BusyError where there is no room for it, UnsupportedMediaError for an encoding other than gzip.
    """
    limits = limits_of(request)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        msg = f"Content-Encoding {encoding[:40]!r} is not read here; send gzip or plain JSON"
        raise UnsupportedMediaError(msg)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.max_body:
        raise _too_large(limits.max_body)
    try:
        async with asyncio.timeout(limits.timeout):
            return Parcel(await _parts(request, limits.max_body), gzipped=encoding == "gzip")
    except TimeoutError:
        msg = f"the body did not come within {limits.timeout:g} seconds"
        raise LateBodyError(msg) from None
    except ClientDisconnect:
        msg = "the caller went away before the body had come"
        raise MalformedError(msg) from None


async def _parts(request: Request, limit: int) -> tuple[bytes | bytearray, ...]:
    """The body in parts of some size, whatever crumbs it came in."""
    hold = hold_of(request)
    parts: list[bytes | bytearray] = []
    crumbs = bytearray()
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        hold.add(len(part))
        if size == len(part) and not more:  # as it mostly comes
            return (part,) if part else ()
        if len(part) < _PART:
            crumbs += part
        else:
            parts += [crumbs, part] if crumbs else [part]
            crumbs = bytearray()
        if len(crumbs) >= _PART:
            parts.append(crumbs)
            crumbs = bytearray()
    return (*parts, crumbs) if crumbs else tuple(parts)


def hold_of(request: Request) -> Hold:
    """What a request holds of the bytes in flight."""
    return cast("Hold", request.scope["state"][HOLD])


def limits_of(request: Request) -> Limits:
    """The service's limits."""
    return cast("Limits", request.app.state.service.settings.limits)


def _unzipped(sent: bytes, limit: int) -> bytes:
    """A bomb is not let off: no more than the limit is ever decompressed."""
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(sent, limit + 1)
    except zlib.error:
        msg = "the body is said to be gzip and isn't"
        raise MalformedError(msg) from None
    if len(plain) > limit:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        msg = "the gzip of the body ends too early, or something follows it; send one whole member"
        raise MalformedError(msg)
    return plain


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the body is larger than {limit} bytes; send fewer resources at a time")


def fhir_answer(request: Request, content: Any, status: int = 200) -> Response:  # noqa: ANN401  # JSON
    """JSON in the media type that the caller wants. Raises NotAcceptableError."""
    return json_response(content, media_type_of(request), status, pretty=request.query_params.get("_pretty") == "true")


def media_type_of(request: Request) -> str:
    """The media type to answer a request in. Raises NotAcceptableError."""
    return answer_type(request.headers.get("accept"), request.query_params.get("_format"))


def json_response(
    content: Any,  # noqa: ANN401  # JSON
    media_type: str = FHIR_JSON,
    status: int = 200,
    *,
    pretty: bool = False,
) -> Response:
    """JSON."""
    return Response(json_bytes(content, pretty=pretty), status, NOT_KEPT, media_type)


def json_bytes(content: Any, *, pretty: bool = False) -> bytes:  # noqa: ANN401  # JSON
    """The text of JSON."""
    body = _encoder.encode(content)
    return msgspec.json.format(body, indent=2) if pretty else body


def accepts_gzip(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a caller reads gzip, by the raw headers of a request (RFC 9110, 12.5.3); not if that can't be told."""
    sent = b",".join(value for name, value in headers if name == b"accept-encoding")
    named = sent.translate(None, b" \t").lower().split(b",")
    return any(map(_WANTED.fullmatch, named)) and not any(map(_REFUSED.fullmatch, named))


def is_worth_gzip(body: bytes | memoryview) -> bool:
    """Whether a body is so large that it is sent compressed to whoever reads that."""
    return len(body) >= _WORTH_GZIP


def compressed(body: bytes) -> bytes:
    """As one member of gzip, the same bytes each time."""
    made = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    return made.compress(body) + made.flush()


async def gzipped(response: Response) -> Response:
    """A response with its body compressed; a large one in a thread, while which the event loop goes on."""
    body = bytes(response.body)
    shrunk = await to_thread.run_sync(compressed, body) if len(body) >= _IN_THREAD else compressed(body)
    response.body = shrunk
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(shrunk))
    return response


def either_response(request: Request, plain: bytes, shrunk: bytes, media_type: str) -> Response:
    """What is kept both as it is and compressed, as the caller reads it."""
    if accepts_gzip(request.scope["headers"]):
        return Response(shrunk, 200, _SHRUNK, media_type)
    return Response(plain, 200, media_type=media_type)


def answer_parcel(body: bytes, *, gzip: bool) -> Parcel:
    """An answer's JSON as a worker hands it on: compressed there, for a caller who reads gzip."""
    if gzip and is_worth_gzip(body):
        return Parcel((compressed(body),), gzipped=True)
    return Parcel((body,))


def parcel_response(request: Request, answer: Parcel, media_type: str) -> Response:
    """JSON that a worker has made. Raises BusyError where there is no room for it."""
    hold_of(request).add(answer.size)
    (body,) = answer.parts
    headers = {**NOT_KEPT, **_SHRUNK} if answer.gzipped else NOT_KEPT
    return Response(memoryview(body), 200, headers, media_type)


def error_answer(error: AdapterError) -> Response:
    """What an error becomes, by the table of `adapter.service.errors`."""
    status, code = answer_to(error)
    text = "the server is set up wrongly; its log says more" if status == _INTERNAL else str(error)
    expression = error.expression if isinstance(error, ParameterError) else None
    response = json_response(operation_outcome([Issue(code=code, text=text, expression=expression)]), status=status)
    response.headers.update(headers_of(error))
    return response


def headers_of(error: AdapterError) -> dict[str, str]:
    """What an answer to an error says in headers, whatever its body is."""
    if isinstance(error, UnauthorizedError):
        return {"WWW-Authenticate": error.challenge}
    if isinstance(error, NotAllowedError):
        return {"Allow": error.allow}
    if answer_to(error)[0] in AGAIN:
        after: float | None = getattr(error, "retry_after", None)
        return {"Retry-After": RETRY_AFTER if after is None else str(ceil(after))}
    return {}


def internal_error(place: str) -> Response:
    """The answer to an error that nobody expected: where it was, never what it was about (invariant 8)."""
    text = f"internal error, please report it with the X-Request-Id: {place}"
    return json_response(operation_outcome([Issue(code="exception", text=text)]), status=_INTERNAL)
