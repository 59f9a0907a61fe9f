"""Reads of totals: per event name of one contact, and per day of one contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
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
class EventsUntil:
    """How many events a contact had up to a moment, and when the first and the last of them occurred."""

    count: int
    first_event_at: datetime | None
    last_event_at: datetime | None

    @property
    def counted_all(self) -> bool:
        """Whether there are no more than were counted."""
        return self.count < MOST_COUNTED


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


def events_until(
    connection: Connection[Any], workspace_id: int, contact_id: int, until: datetime, without: Collection[str] = ()
) -> EventsUntil:
    """Count the events that had occurred by a moment, the newest first, so many at most."""
    row = connection.execute(
        """
        SELECT count(*), (
            SELECT min(first_occurred_at) FROM contact_event_names
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND count > 0
              AND first_occurred_at <= %(until)s AND NOT name = ANY(%(without)s)
        ), max(occurred_at)
        FROM (
            SELECT occurred_at FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND occurred_at <= %(until)s
              AND NOT name = ANY(%(without)s)
            ORDER BY occurred_at DESC, log_offset DESC LIMIT %(most)s
        ) AS newest
        """,
        {
            "workspace_id": workspace_id,
            "contact_id": contact_id,
            "until": until,
            "without": list(without),
            "most": MOST_COUNTED,
        },
    ).fetchone()
    assert row is not None
    return EventsUntil(*row)
