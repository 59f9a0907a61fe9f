"""Reads of a workspace's catalogue: its event names, how often each occurred on each day, what its events hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

if TYPE_CHECKING:
    from datetime import date, datetime

    from psycopg import Connection


@dataclass(frozen=True, slots=True)
class EventName:
    """One name of a workspace's catalogue, by `received_at`, and what the workspace says about it.

    The sizes are those of properties, in bytes; None when no event has been measured.
    """

    name: str
    count: int
    first_received_at: datetime | None
    last_received_at: datetime | None
    smallest_bytes: int | None
    largest_bytes: int | None
    description: str | None
    alias: str | None
    hidden: bool
    pinned: bool
    template: str | None
    tone: str | None
    archived: bool


@dataclass(frozen=True, slots=True)
class NameDay:
    """How many events of a name occurred on one day, in UTC."""

    name: str
    day: date
    count: int


@dataclass(frozen=True, slots=True)
class PropertyType:
    """How many events of a name had a property with a value of this type, and when they were received."""

    name: str
    property: str
    type: str
    count: int
    first_received_at: datetime
    last_received_at: datetime


@dataclass(frozen=True, slots=True)
class NamesRead:
    """All names of a workspace, with days of all, or with days and properties of one. For `others` see below."""

    names: list[EventName]
    days: list[NameDay]
    properties: list[PropertyType]
    others: dict[str, int]


def read_names(connection: Connection[Any], workspace_id: int, since: date, name: str | None) -> NamesRead:
    """Read what a page of the catalogue shows: of all names, or more of one."""
    names, days = event_names(connection, workspace_id), name_days(connection, workspace_id, since, name)
    if name is None:
        return NamesRead(names, days, [], {})
    properties = name_properties(connection, workspace_id, name)
    return NamesRead(names, days, properties, other_properties(connection, workspace_id))


def event_names(connection: Connection[Any], workspace_id: int) -> list[EventName]:
    """Read the workspace's names, alphabetically; the rows of the partitions are added up here."""
    with connection.cursor(row_factory=class_row(EventName)) as cursor:
        return cursor.execute(
            """
            SELECT name, coalesce(n.count, 0) AS count, n.first_received_at, n.last_received_at,
                   n.smallest_bytes, n.largest_bytes, s.description, s.alias, coalesce(s.hidden, false) AS hidden,
                   coalesce(s.pinned, false) AS pinned, s.template, s.tone, coalesce(s.archived, false) AS archived
            FROM (
                SELECT name, sum(count)::bigint AS count,
                       min(first_received_at) AS first_received_at, max(last_received_at) AS last_received_at,
                       min(smallest_bytes) AS smallest_bytes, max(largest_bytes) AS largest_bytes
                FROM event_names WHERE workspace_id = %(workspace_id)s
                GROUP BY name HAVING sum(count) > 0
            ) AS n
            FULL JOIN (
                SELECT name, description, alias, hidden, pinned, template, tone, archived
                FROM event_name_settings WHERE workspace_id = %(workspace_id)s
            ) AS s USING (name)
            ORDER BY name
            """,
            {"workspace_id": workspace_id},
        ).fetchall()


def name_days(connection: Connection[Any], workspace_id: int, since: date, name: str | None = None) -> list[NameDay]:
    """Read how often each name, or one, occurred on each day since a day; days without events are left out."""
    with connection.cursor(row_factory=class_row(NameDay)) as cursor:
        return cursor.execute(
            """
            SELECT name, day, sum(count)::bigint AS count
            FROM event_name_days
            WHERE workspace_id = %(workspace_id)s AND day >= %(since)s
              AND (%(name)s::text IS NULL OR name = %(name)s)
            GROUP BY name, day ORDER BY name, day
            """,
            {"workspace_id": workspace_id, "since": since, "name": name},
        ).fetchall()


def name_properties(connection: Connection[Any], workspace_id: int, name: str | None = None) -> list[PropertyType]:
    """Read which properties the events of each name, or of one, have, and of which types: the most frequent first."""
    with connection.cursor(row_factory=class_row(PropertyType)) as cursor:
        return cursor.execute(
            """
            SELECT name, property, type, sum(count)::bigint AS count,
                   min(first_received_at) AS first_received_at, max(last_received_at) AS last_received_at
            FROM event_properties
            WHERE workspace_id = %(workspace_id)s AND (%(name)s::text IS NULL OR name = %(name)s)
            GROUP BY name, property, type HAVING sum(count) > 0
            ORDER BY name, property, count DESC, type
            """,
            {"workspace_id": workspace_id, "name": name},
        ).fetchall()


def other_properties(connection: Connection[Any], workspace_id: int) -> dict[str, int]:
    """Read, by name, how many properties were counted without being itemised, where there are too many to."""
    rows = connection.execute(
        """
        SELECT name, sum(count)::bigint FROM event_property_others
        WHERE workspace_id = %(workspace_id)s GROUP BY name
        """,
        {"workspace_id": workspace_id},
    ).fetchall()
    return dict(rows)
