"""What callers are told: one place where outcomes become statuses, bodies and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from flask import Response

from ingest import metrics
from ingest.publisher import Acked, TooLarge
from runtime.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.events import Invalid
    from ingest.publisher import Outcome, Unavailable

RETRY_AFTER: Final = {"Retry-After": "2"}
SEND_AGAIN: Final = "Send it again with the same id: it will be recorded exactly once."

_encode = msgspec.json.Encoder().encode


def answer(status: int, body: Mapping[str, Any]) -> Response:
    """Make a JSON answer."""
    return Response(_encode(body), status, content_type="application/json")


def not_found() -> Problem:
    """Make the answer for a contact that is unknown or another workspace's: the two cannot be told apart."""
    detail = "There is no such contact in this workspace. Create it with POST /api/v1/contacts, which answers its id."
    return Problem(404, "contact_not_found", detail)


def invalid(problem: Invalid) -> Problem:
    """Make the answer for a body that breaks rules, or is no JSON."""
    if problem.unreadable:
        return Problem(400, problem.faults[0].code, problem.faults[0].message)
    return rejected(problem.faults)


def rejected(faults: Sequence[Fault]) -> Problem:
    """Make the answer for broken rules: every fault, with its place."""
    count = f"{len(faults)} faults" if len(faults) > 1 else "One fault"
    return Problem(422, "invalid_request", f"{count}; nothing was written. {faults[0].message}", faults)


def unavailable(error: Unavailable, **extra: object) -> Problem:
    """Make the answer when nothing could be handed to Kafka."""
    return Problem(503, error.reason, f"{error.detail} {SEND_AGAIN}", headers=RETRY_AFTER, extra=extra)


def database_away(**extra: object) -> Problem:
    """Make the answer when PostgreSQL is needed and away."""
    detail = f"The database cannot be reached at the moment, and is needed for this request. {SEND_AGAIN}"
    return Problem(503, "database_unavailable", detail, headers=RETRY_AFTER, extra=extra)


def position_of(outcome: Outcome, **extra: object) -> str:
    """Give an acknowledged record's position, or raise the problem that its outcome is."""
    if isinstance(outcome, Acked):
        return outcome.position.encode()
    if isinstance(outcome, TooLarge):
        raise Problem(413, "record_too_large", too_large(outcome), extra={"limit": outcome.limit, **extra})
    detail = f"Kafka has not acknowledged this in time, so whether it is recorded is unknown. {SEND_AGAIN}"
    raise Problem(503, "not_acknowledged", detail, headers=RETRY_AFTER, extra=extra)


def too_large(outcome: TooLarge) -> str:
    """Say by how much a record is too large."""
    return f"The record would have {outcome.size} bytes, {outcome.limit} are allowed. Send less in one."


def count(outcome: str, number: int = 1) -> None:
    """Count events by what became of them."""
    if number:
        metrics.EVENTS.labels(outcome).inc(number)
