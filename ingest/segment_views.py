"""The door for apps instrumented with Segment's libraries: `/v1/batch`, `/v1/track`, `/v1/identify` and their like.

Those libraries drop a whole batch on most 4xx and send all of it again on 429 and 5xx. So the status is chosen for the
good messages: 200 when nothing has to be sent again, 503 while anything is unknown (what was taken is recognised by its
id the next time), and 4xx only when there is nothing good in it.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from ingest import answers, metrics
from ingest.bodies import read_body
from ingest.calls import Answer
from ingest.event_views import by_settings
from ingest.events import EventDraft, Invalid
from ingest.fields import AHEAD
from ingest.requests import admit, limit_rate
from ingest.segment import KINDS, Ignored, MessageReader, Read
from ingest.segment_bodies import read_batch, read_message
from ingest.segment_writing import write
from runtime.authentication import unauthorized
from runtime.problems import CONTENT_TYPE, Fault, Problem
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.calls import Call
    from ingest.parts import Parts
    from ingest.requests import Caller
    from ingest.segment_bodies import Envelope

log = structlog.get_logger()


def post_segment_batch(parts: Parts, call: Call) -> Answer:
    """Take a batch of messages, each of which names its type."""
    return _take(parts, call, read_batch, None)


def post_segment_message(parts: Parts, call: Call, kind: str) -> Answer:
    """Take one message, of the type that the path names."""
    if kind not in KINDS:
        raise Problem(404, "not_found", f"There is no such path. The types of message are {', '.join(KINDS)}.")
    return _take(parts, call, read_message, kind)


def _take(parts: Parts, call: Call, read: Callable[[bytes], Envelope], kind: str | None) -> Answer:
    try:
        key = _key_in_header(call)
        caller = _admit(parts, call, key) if key else None
        envelope = read(read_body(call.request))
        caller = caller or _admit(parts, call, envelope.write_key)
        messages = _messages(parts, caller, envelope, kind)
        limit_rate(parts, call, caller, len(messages))
        with answers.world_away():
            items = write(parts, caller, messages)
        _note(parts, call, caller, messages, items)
        return _answer(call, items, messages)
    except Problem as problem:
        raise _told(problem) from problem


def _messages(parts: Parts, caller: Caller, envelope: Envelope, kind: str | None) -> list[Read | Ignored | Invalid]:
    reader = MessageReader(parts.batch_events, parts.contact_rules)
    latest = caller.received_at + AHEAD
    sent_at = envelope.sent_at or format_time(caller.received_at)
    return [_held(reader.read(text, kind, sent_at, latest), caller) for text in envelope.messages]


def _held(message: Read | Ignored | Invalid, caller: Caller) -> Read | Ignored | Invalid:
    """Hold a message to what the workspace has made a rule."""
    if not isinstance(message, Read) or not isinstance(message.content, EventDraft):
        return message
    verdict = by_settings(message.content, caller.settings)
    if isinstance(verdict, Invalid):
        return Invalid([replace(fault, pointer="/event") for fault in verdict.faults], name=verdict.name)
    return message


def _key_in_header(call: Call) -> str | None:
    """Take the API key from where Segment's libraries put the write key; as a bearer, it is the API's own way."""
    scheme, _, credentials = call.request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return credentials if scheme.lower() == "bearer" else None
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return "?"  # which no key looks like


def _admit(parts: Parts, call: Call, key: str | None) -> Caller:
    if not key:
        detail = "Send your API key as the write key: the user name of Basic authentication, or writeKey in the body."
        raise unauthorized("missing_api_key", detail)
    return admit(parts, call, f"Bearer {key}", "events:write", "contacts:write", dry_run_allowed=False)


def _answer(call: Call, items: list[dict[str, Any]], messages: Sequence[Read | Ignored | Invalid]) -> Answer:
    counts = Counter(item["status"] for item in items)
    numbers = {status: counts[status] for status in ("accepted", "ignored", "rejected", "unknown")}
    document: dict[str, Any] = {"success": not counts["rejected"] and not counts["unknown"], **numbers, "items": items}
    if counts["unknown"]:
        first = next(item for item in items if item["status"] == "unknown")
        detail = f"Of {len(items)} messages {counts['unknown']} may not be recorded. {answers.SEND_AGAIN}"
        raise Problem(503, first["code"], detail, headers=answers.RETRY_AFTER, extra=document)
    if counts["rejected"] == len(items):
        first, message = items[0], messages[0]
        fault = Fault(first["pointer"], first["code"], first["message"])
        faults = message.faults if isinstance(message, Invalid) else [fault]
        problem = Problem(422, "invalid_request", f"Nothing was written. {fault.message}", faults, extra=document)
        metrics.PROBLEMS.labels(problem.code).inc()
        told = _told(problem)  # not raised: each message is noted already
        return Answer(told.status, told.body(call.request_id), CONTENT_TYPE, told.headers)
    return Answer.of(200, document)


def _told(problem: Problem) -> Problem:
    """Add what Segment's libraries look for in an error."""
    return replace(problem, extra={"success": False, **problem.extra, "message": problem.detail})


def _note(
    parts: Parts,
    call: Call,
    caller: Caller,
    messages: Sequence[Read | Ignored | Invalid],
    items: Sequence[dict[str, Any]],
) -> None:
    """Count the messages, and note what was rejected: the library that sent it may tell nobody."""
    for message, item in zip(messages, items, strict=True):
        metrics.SEGMENT_MESSAGES.labels(_kind(message), item["status"]).inc()
        if isinstance(message, Read) and isinstance(message.content, EventDraft):
            answers.count(item["status"])
    codes = Counter(item["code"] for item in items if item["status"] == "rejected")
    if codes:
        log.warning("segment messages rejected", workspace_id=caller.workspace_id, codes=dict(codes))
        parts.refusals.items(call, items, lambda place: _name(messages[place]))


def _kind(message: Read | Ignored | Invalid) -> str:
    if isinstance(message, Ignored):
        return message.kind
    if isinstance(message, Invalid):
        return "invalid"
    return "track" if isinstance(message.content, EventDraft) else "identify"


def _name(message: Read | Ignored | Invalid) -> object:
    if isinstance(message, Read):
        return message.content.name if isinstance(message.content, EventDraft) else None
    return message.name if isinstance(message, Invalid) else None
