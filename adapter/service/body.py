"""Reads a request's body within its limits, and decompresses it."""

import asyncio
import zlib

from starlette.requests import ClientDisconnect, Request

from adapter.service.errors import MalformedError, TooLargeError, TooSlowError, UnsupportedMediaError

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, limit: int, patience: float) -> bytes:
    """The body, decompressed; `patience`: seconds in which it must have come.

    Raises TooLargeError as soon as it is known to pass the limit, TooSlowError where it doesn't come in time,
    UnsupportedMediaError for an encoding other than gzip, MalformedError for broken gzip.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        msg = f"Content-Encoding {encoding[:40]!r} is not read here; send gzip or plain JSON"
        raise UnsupportedMediaError(msg)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(patience):
            sent = await _all(request, limit)
    except TimeoutError:
        msg = f"the body did not come within {patience:g} seconds"
        raise TooSlowError(msg) from None
    except ClientDisconnect:
        msg = "the caller went away before the body had come"
        raise MalformedError(msg) from None
    return _unzipped(sent, limit) if encoding == "gzip" else sent


async def _all(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


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
