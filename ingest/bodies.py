"""From a request to the bytes of its body: kind, encoding and size checked, compressed bodies unpacked to a bound."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from runtime.problems import Problem

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

MAX_BODY: Final = 1_048_576
"""Bytes, unpacked."""

JSON_TYPES: Final = frozenset({"", "application/json"})
NDJSON_TYPES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


def is_ndjson(request: Request) -> bool:
    """Tell whether the body is one JSON value a line."""
    return request.mimetype in NDJSON_TYPES


def read_body(request: Request, *, ndjson_allowed: bool = False) -> bytes:
    """Read the body, or raise Problem: 415 for another kind or encoding, 413 for too much, 400 for broken gzip."""
    if request.environ.get("CONTENT_TYPE", "") not in JSON_TYPES:
        _check_kind(request, ndjson_allowed=ndjson_allowed)
    encoding = request.environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        detail = f"The content encoding {encoding!r} is not taken. Send `Content-Encoding: gzip`, or none."
        raise Problem(415, "unsupported_content_encoding", detail, headers={"Accept-Encoding": "gzip"})
    length = request.content_length
    if length is not None and length > MAX_BODY:
        raise too_large()
    body = request.stream.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise too_large()
    if length is not None and len(body) < length:
        raise Problem(400, "incomplete_body", "The body broke off before its end. Nothing was written; send it again.")
    return inflate(body) if encoding == "gzip" else body


def _check_kind(request: Request, *, ndjson_allowed: bool) -> None:
    kinds = JSON_TYPES | NDJSON_TYPES if ndjson_allowed else JSON_TYPES
    charset = request.mimetype_params.get("charset", "utf-8")
    if request.mimetype not in kinds or charset.lower() not in {"utf-8", "utf8"}:
        also = " or `Content-Type: application/x-ndjson`" if ndjson_allowed else ""
        given = f"The content type {request.content_type!r} is not taken."
        detail = f"{given} Send `Content-Type: application/json`{also}, in UTF-8."
        raise Problem(415, "unsupported_media_type", detail, headers={"Accept": "application/json"})


def inflate(body: bytes) -> bytes:
    """Unpack gzip, never into more than `MAX_BODY` bytes: a few kilobytes could be made to unpack into gigabytes."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        data = unpacker.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise Problem(400, "invalid_gzip", "The body is not gzip, though Content-Encoding says so.") from error
    if len(data) > MAX_BODY:
        raise too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(400, "invalid_gzip", "The gzip body is cut off, or something follows it.")
    return data


def too_large() -> Problem:
    """Make the answer for a body over the limit."""
    detail = f"The body is larger than {MAX_BODY} bytes, unpacked. Send less at once: split a batch in two."
    return Problem(413, "body_too_large", detail, extra={"limit": MAX_BODY})
