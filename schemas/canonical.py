"""Compare and merge JSON as text, so that numbers stay as they were written. Pure.

`msgspec.Raw` holds a member's text untouched; only objects and arrays that matter are taken apart.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.records import InvalidRecordError, RawJson

MAX_DEPTH: Final = 200
"""Ingest lets 20 levels through. Past this a raw producer's document is compared as written and never merged, because
how deep Python's stack reaches must not decide what the tables hold."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_encoder = msgspec.json.Encoder()


def canonical(document: RawJson) -> bytes:
    """Write JSON with sorted keys, no white space, one spelling a string, and numbers as they stand."""
    return _canonical(document.encode(), 0)


def _canonical(raw: bytes, depth: int) -> bytes:
    raw = raw.strip()
    if depth > MAX_DEPTH:
        return raw
    try:
        if raw.startswith(b"{"):
            members = sorted(_members.decode(raw).items())
            texts = [_encoder.encode(key) + b":" + _canonical(bytes(value), depth + 1) for key, value in members]
            return b"{" + b",".join(texts) + b"}"
        if raw.startswith(b"["):
            return b"[" + b",".join(_canonical(bytes(value), depth + 1) for value in _elements.decode(raw)) + b"]"
        return _encoder.encode(_text.decode(raw)) if raw.startswith(b'"') else raw
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw  # such as a lone surrogate: nothing that ingest lets through


def members(document: RawJson) -> dict[str, bytes]:
    """Take an object apart: key to the value's text, in the order written."""
    try:
        return {key: bytes(value).strip() for key, value in _members.decode(document).items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecordError("invalid_data", f"custom data: {error}") from error


def join(parts: dict[str, bytes]) -> RawJson:
    """Write an object from its members."""
    return _encoder.encode({key: msgspec.Raw(value) for key, value in parts.items()}).decode()


def merge_patch(target: RawJson, patch: RawJson) -> RawJson:
    """Apply a JSON merge patch (RFC 7396) whose document is an object; raise InvalidRecordError for what is no JSON."""
    return join(_merge(members(target), members(patch), 0))


def _merge(target: dict[str, bytes], patch: dict[str, bytes], depth: int) -> dict[str, bytes]:
    if depth > MAX_DEPTH:
        raise InvalidRecordError("invalid_data", "custom data is nested too deeply")
    result = dict(target)
    for key, value in patch.items():
        if value == b"null":
            result.pop(key, None)
        elif value.startswith(b"{"):
            before = result.get(key, b"")
            inner = members(before.decode()) if before.startswith(b"{") else {}
            result[key] = join(_merge(inner, members(value.decode()), depth + 1)).encode()
        else:
            result[key] = value
    return result
