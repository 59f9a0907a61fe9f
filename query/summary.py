"""Reads of totals: per event name of one contact, per day of one contact, per event name of a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from psycopg import Connection


MOST_COUNTED: Final = 10_000
"""Events that one histogram looks at; a busier range is counted back to a moment, which the answer names."""


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
class Histogram:
    """Days in order, those without events left out; `counted_back_to` is set when older ones were not counted."""

    days: list[DayCount]
    counted_back_to: datetime | None


@dataclass(frozen=True, slots=True)
class EventName:
    """One name of a workspace's catalogue, by `received_at`, and what the workspace says about it."""

    name: str
    count: int
    first_received_at: datetime | None
    last_received_at: datetime | None
    description: str | None
    alias: str | None
    hidden: bool
    pinned: bool
    template: str | None


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
) -> Histogram:
    """Count events per day and name, the newest of the range first, so many at most: the cost has a bound."""
    rows = connection.execute(
        """
        SELECT (occurred_at AT TIME ZONE %(time_zone)s)::date AS day, name,
               count(*) FILTER (WHERE cardinality(%(names)s::text[]) = 0 OR name = ANY(%(names)s)) AS fitting,
               count(*) AS counted, min(occurred_at) AS oldest
        FROM (
            SELECT name, occurred_at FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
              AND occurred_at >= %(occurred_from)s AND occurred_at < %(occurred_before)s
            ORDER BY occurred_at DESC, log_offset DESC LIMIT %(most)s
        ) AS newest
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        {
            "workspace_id": workspace_id,
            "contact_id": contact_id,
            "occurred_from": occurred_from,
            "occurred_before": occurred_before,
            "time_zone": time_zone,
            "names": list(names),
            "most": MOST_COUNTED,
        },
    ).fetchall()
    full = sum(row[3] for row in rows) == MOST_COUNTED
    return Histogram(
        [DayCount(day, name, fitting) for day, name, fitting, _, _ in rows if fitting],
        min(row[4] for row in rows) if full else None,
    )


def event_names(connection: Connection[Any], workspace_id: int) -> list[EventName]:
    """Read the workspace's names, alphabetically; the rows of the partitions are added up here."""
    with connection.cursor(row_factory=class_row(EventName)) as cursor:
        return cursor.execute(
            """
            SELECT name, coalesce(n.count, 0) AS count, n.first_received_at, n.last_received_at,
                   s.description, s.alias, coalesce(s.hidden, false) AS hidden,
                   coalesce(s.pinned, false) AS pinned, s.template
            FROM (
                SELECT name, sum(count)::bigint AS count,
                       min(first_received_at) AS first_received_at, max(last_received_at) AS last_received_at
                FROM event_names WHERE workspace_id = %(workspace_id)s
                GROUP BY name HAVING sum(count) > 0
            ) AS n
            FULL JOIN (
                SELECT name, description, alias, hidden, pinned, template
                FROM event_name_settings WHERE workspace_id = %(workspace_id)s
            ) AS s USING (name)
            ORDER BY name
            """,
            {"workspace_id": workspace_id},
        ).fetchall()
