"""What callers are told: one place where outcomes become statuses, bodies and sentences."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ingest import metrics
from ingest.calls import Answer
from ingest.database import DatabaseAwayError
from ingest.publisher import Acked, TooLarge, Unavailable
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.events import Invalid
    from ingest.publisher import Outcome

RETRY_AFTER: Final = {"Retry-After": "2"}
SEND_AGAIN: Final = "Send it again with the same id: it will be recorded exactly once."


def not_found() -> Problem:
    """Make the answer for a contact that is unknown or another workspace's: the two cannot be told apart."""
    detail = "There is no such contact in this workspace. Create it with POST /api/v1/contacts, which answers its id."
    return Problem(404, "contact_not_found", detail)


def refuse_unreadable(body: Invalid) -> None:
    """Raise Problem 400 for a body that is no JSON."""
    if body.unreadable:
        raise Problem(400, body.faults[0].code, body.faults[0].message)


@contextmanager
def world_away(**ids: object) -> Iterator[None]:
    """Turn the absence of Kafka or PostgreSQL into Problem 503, naming the id to send again with."""
    try:
        yield
    except Unavailable as error:
        detail = f"{error.detail} {SEND_AGAIN}"
        raise Problem(503, error.reason, detail, headers=RETRY_AFTER, extra=ids) from error
    except DatabaseAwayError as error:
        detail = f"The database cannot be reached at the moment, and is needed for this request. {SEND_AGAIN}"
        raise Problem(503, "database_unavailable", detail, headers=RETRY_AFTER, extra=ids) from error


def position_of(outcome: Outcome, **ids: object) -> str:
    """Give an acknowledged record's position, or raise the problem that its outcome is."""
    if isinstance(outcome, Acked):
        return outcome.position.encode()
    if isinstance(outcome, TooLarge):
        raise Problem(413, "record_too_large", too_large(outcome), extra={"limit": outcome.limit, **ids})
    detail = f"Kafka has not acknowledged this in time, so whether it is recorded is unknown. {SEND_AGAIN}"
    raise Problem(503, "not_acknowledged", detail, headers=RETRY_AFTER, extra=ids)


def too_large(outcome: TooLarge) -> str:
    """Say by how much a record is too large."""
    return f"The record would have {outcome.size} bytes, {outcome.limit} are allowed. Send less in one."


def item_outcome(outcome: Outcome | None) -> dict[str, Any]:
    """Say in a batch what became of an item that was handed over; None where it would have been, in a dry run."""
    if outcome is None:
        return {"status": "accepted", "position": None}
    if isinstance(outcome, Acked):
        return {"status": "accepted", "position": outcome.position.encode()}
    if isinstance(outcome, TooLarge):
        return {"status": "rejected", "code": "record_too_large", "pointer": "", "message": too_large(outcome)}
    message = "Not acknowledged in time: send it again with the same id."
    return {"status": "unknown", "code": "not_acknowledged", "pointer": "", "message": message}


def item_rejected(invalid: Invalid) -> dict[str, Any]:
    """Say in a batch which rules an item breaks."""
    first = invalid.faults[0]
    answer = {"status": "rejected", "code": first.code, "pointer": first.pointer, "message": first.message}
    return answer | {"errors": [fault.document() for fault in invalid.faults]}


def batch_answer(document: dict[str, Any], *, dry_run: bool) -> Answer:
    """Answer a batch: 202 when all of it is accepted, 503 when all of it is unknown, else 207."""
    if dry_run:
        return Answer.of(200, {"dry_run": True} | document)
    if not document["accepted"] and not document["rejected"]:
        detail = f"Kafka has not acknowledged any of this in time. {SEND_AGAIN}"
        raise Problem(503, "not_acknowledged", detail, headers=RETRY_AFTER, extra=document)
    return Answer.of(202 if not document["rejected"] and not document["unknown"] else 207, document)


def count(outcome: str, number: int = 1) -> None:
    """Count events by what became of them."""
    if number:
        metrics.EVENTS.labels(outcome).inc(number)
