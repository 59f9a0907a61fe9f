"""From the body of a request at the Segment door to the texts of its messages, each still as it was written.

One message that is no sound JSON must not spoil its neighbours (Segment's library for Python writes NaN where a program
does), so the batch is taken apart without being judged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from ingest.batches import check_number
from ingest.json_members import NotTakenApartError, RepeatedKeyError, elements, members, value
from ingest.strict_json import UnreadableError, depth, read_text
from runtime.problems import Fault, Problem

_DEEPEST: Final = 400
"""Levels of a whole body: a bound for what reads it. A message that is too deep is told so by itself."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`messages` are texts; the other members are the sender's key and clock, where it names them."""

    messages: list[str]
    write_key: str | None
    sent_at: str | None


def read_message(body: bytes) -> Envelope:
    """Read a body that is one message; raise Problem when it is none."""
    text = _text(body)
    return Envelope([text], _string(_members(text), "writeKey"), None)


def read_batch(body: bytes) -> Envelope:
    """Read `{"batch": [...], "sentAt": ..., "writeKey": ...}`; raise Problem when it is no batch."""
    found = _members(_text(body))
    try:
        messages = elements(found.get("batch", ""))
    except NotTakenApartError as error:
        fault = Fault("/batch", "required", 'The body must be {"batch": [...]}, a list of messages.')
        raise Problem(422, "invalid_request", f"Nothing was written. {fault.message}", [fault]) from error
    check_number(len(messages), "messages")
    return Envelope(messages, _string(found, "writeKey"), _string(found, "sentAt"))


def _text(body: bytes) -> str:
    try:
        text = read_text(body)
    except UnreadableError as error:
        raise Problem(400, error.code, error.detail) from error
    if depth(text) > _DEEPEST:
        raise Problem(400, "nested_too_deep", f"The body is nested deeper than {_DEEPEST} levels. Flatten it.")
    return text


def _members(text: str) -> dict[str, str]:
    try:
        return members(text)
    except NotTakenApartError as error:
        raise Problem(400, "invalid_json", "The body is no JSON object that can be read.") from error
    except RepeatedKeyError as error:
        fault = repeated(error.key)
        raise Problem(422, "invalid_request", f"Nothing was written. {fault.message}", [fault]) from error


def repeated(key: str) -> Fault:
    """Say that a key stands twice."""
    shown = json.dumps(key[:100])
    return Fault(
        f"/{key[:100]}", "duplicate_key", f"The key {shown} stands more than once in one object. Send it once."
    )


def _string(found: dict[str, str], key: str) -> str | None:
    given = value(found.get(key, "null"))
    return given if isinstance(given, str) else None
