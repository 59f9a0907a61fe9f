"""Reads of an event's way: when it was accepted, where it lies in the log, when it was projected, and its copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from psycopg.rows import class_row

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Traced:
    """An event's way. `topic_id` belongs to the partition; `projected_at` is None where that is not kept (any more)."""

    id: str
    name: str
    occurred_at: datetime
    received_at: datetime
    record_id: UUID
    log_partition: int
    log_offset: int
    topic_id: UUID
    projected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Copy:
    """A later record of the same id. `content` is what a conflict said, as written; a duplicate said the same."""

    kind: Literal["duplicate", "conflict"]
    received_at: datetime
    record_id: UUID
    log_partition: int
    log_offset: int
    content: str | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record of this contact that names the event's id and was not applied."""

    kind: Literal["dead_letter", "unknown_type"]
    reason: str
    logged_at: datetime
    log_partition: int
    log_offset: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """That an event was erased; `refused` counts the copies that came after it, which were never shown."""

    erased_at: datetime
    refused: int
    last_refused_at: datetime | None


MOST_COPIES: Final = 100
"""Copies that one trace tells; the answer says when there are more."""


def trace_event(connection: Connection[Any], workspace_id: int, contact_id: int, event_id: str) -> Traced | None:
    """Read the way of an event that is on the timeline; None when there is none of that id."""
    with connection.cursor(row_factory=class_row(Traced)) as cursor:
        return cursor.execute(
            """
            SELECT t.event_id AS id, t.name, t.occurred_at, t.received_at, t.record_id, t.log_partition, t.log_offset,
                   p.topic_id, b.committed_at AS projected_at
            FROM timeline AS t
            JOIN positions AS p USING (log_partition)
            LEFT JOIN LATERAL (
                SELECT committed_at, next_offset FROM projected_batches
                WHERE log_partition = t.log_partition AND first_offset <= t.log_offset
                ORDER BY first_offset DESC LIMIT 1
            ) AS b ON b.next_offset > t.log_offset
            WHERE t.workspace_id = %(workspace_id)s AND t.contact_id = %(contact_id)s AND t.event_id = %(event_id)s
            """,
            {"workspace_id": workspace_id, "contact_id": contact_id, "event_id": event_id},
        ).fetchone()


def event_copies(connection: Connection[Any], workspace_id: int, contact_id: int, event_id: str) -> list[Copy]:
    """Read the later records of an event's id, in log order; at most one more than MOST_COPIES."""
    with connection.cursor(row_factory=class_row(Copy)) as cursor:
        return cursor.execute(
            """
            SELECT kind, received_at, record_id, log_partition, log_offset, content::text AS content
            FROM record_copies
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND id = %(event_id)s
              AND type = 'contact.event.recorded.v1'
            ORDER BY log_offset LIMIT %(most)s
            """,
            {"workspace_id": workspace_id, "contact_id": contact_id, "event_id": event_id, "most": MOST_COPIES + 1},
        ).fetchall()


def find_erasure(connection: Connection[Any], workspace_id: int, contact_id: int, event_id: str) -> Erasure | None:
    """Read when an event was erased, and how many copies came after it; None when no marker says so."""
    with connection.cursor(row_factory=class_row(Erasure)) as cursor:
        return cursor.execute(
            """
            SELECT e.erased_at, coalesce(r.count, 0) AS refused, r.last_received_at AS last_refused_at
            FROM erased_events AS e
            LEFT JOIN refused_copies AS r ON r.workspace_id = %(workspace_id)s AND r.contact_id = e.contact_id
                                         AND r.event_id = e.event_id
            WHERE e.workspace_id = %(workspace_id)s AND e.contact_id = %(contact_id)s AND e.event_id = %(event_id)s
            """,
            {"workspace_id": workspace_id, "contact_id": contact_id, "event_id": event_id},
        ).fetchone()


def records_set_aside(connection: Connection[Any], workspace_id: int, contact_id: int, event_id: str) -> list[SetAside]:
    """Read the contact's records with this id that could not be applied, the newest first; so many at most."""
    with connection.cursor(row_factory=class_row(SetAside)) as cursor:
        return cursor.execute(
            """
            SELECT kind, reason, logged_at, log_partition, log_offset FROM dead_letters
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND id = %(event_id)s
            ORDER BY logged_at DESC, log_offset DESC LIMIT %(most)s
            """,
            {"workspace_id": workspace_id, "contact_id": contact_id, "event_id": event_id, "most": MOST_COPIES},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Trace:
    """All that is known of an event id: of one on the timeline, or of one that only stands among what was set aside."""

    id: str
    contact_id: int
    event: Traced | None
    copies: list[Copy]
    set_aside: list[SetAside]


class EventErasedError(Exception):
    """A marker says that the event was erased; nothing of it is left."""

    def __init__(self, erasure: Erasure) -> None:
        super().__init__(erasure)
        self.erasure = erasure


def read_trace(connection: Connection[Any], workspace_id: int, contact_id: int, event_id: str) -> Trace | None:
    """Put a trace together; None when nothing is known of the id. Raise EventErasedError."""
    key = (connection, workspace_id, contact_id, event_id)
    event = trace_event(*key)
    if event is None and (erasure := find_erasure(*key)) is not None:
        raise EventErasedError(erasure)
    set_aside = records_set_aside(*key)
    if event is None and not set_aside:
        return None
    return Trace(event_id, contact_id, event, event_copies(*key) if event else [], set_aside)
