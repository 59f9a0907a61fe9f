"""Reads of totals: per event name of one contact, per day of one contact, per event name of a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class NameSummary:
    """How often a contact had events of one name, and when by `occurred_at`."""

    name: str
    count: int
    first_occurred_at: datetime
    last_occurred_at: datetime


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many events of one name a contact had on one day of the reader's time zone."""

    day: date
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class EventName:
    """One name of a workspace's catalogue, by `received_at`."""

    name: str
    count: int
    first_received_at: datetime
    last_received_at: datetime


def event_summary(connection: Connection[Any], workspace_id: int, contact_id: int) -> list[NameSummary]:
    """Read the totals per name, the most frequent first."""
    with connection.cursor(row_factory=class_row(NameSummary)) as cursor:
        return cursor.execute(
            """
            SELECT name, count, first_occurred_at, last_occurred_at
            FROM contact_event_names
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND count > 0
            ORDER BY count DESC, name
            """,
            {"workspace_id": workspace_id, "contact_id": contact_id},
        ).fetchall()


def histogram(  # noqa: PLR0913 - which days of which contact, in which zone
    connection: Connection[Any],
    workspace_id: int,
    contact_id: int,
    *,
    occurred_from: datetime,
    occurred_before: datetime,
    time_zone: str,
    names: Sequence[str] = (),
) -> list[DayCount]:
    """Count events per day and name, days without any left out. The cost grows with the events in the range alone."""
    with connection.cursor(row_factory=class_row(DayCount)) as cursor:
        return cursor.execute(
            """
            SELECT (occurred_at AT TIME ZONE %(time_zone)s)::date AS day, name, count(*) AS count
            FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
              AND occurred_at >= %(occurred_from)s AND occurred_at < %(occurred_before)s
              AND (cardinality(%(names)s::text[]) = 0 OR name = ANY(%(names)s))
            GROUP BY 1, 2 ORDER BY 1, 2
            """,
            {
                "workspace_id": workspace_id,
                "contact_id": contact_id,
                "occurred_from": occurred_from,
                "occurred_before": occurred_before,
                "time_zone": time_zone,
                "names": list(names),
            },
        ).fetchall()


def event_names(connection: Connection[Any], workspace_id: int) -> list[EventName]:
    """Read the workspace's names, alphabetically; the rows of the partitions are added up here."""
    with connection.cursor(row_factory=class_row(EventName)) as cursor:
        return cursor.execute(
            """
            SELECT name, sum(count)::bigint AS count,
                   min(first_received_at) AS first_received_at, max(last_received_at) AS last_received_at
            FROM event_names
            WHERE workspace_id = %(workspace_id)s
            GROUP BY name HAVING sum(count) > 0 ORDER BY name
            """,
            {"workspace_id": workspace_id},
        ).fetchall()
