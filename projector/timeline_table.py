"""Events into the timeline and its counters: COPY, one merging statement, and a closer look at what did not go in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from projector.changes import Copy
from projector.stretches import Occurrence
from schemas.canonical import canonical
from schemas.records import EVENT_RECORDED, EventRecorded, RawJson
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

_encoder: Final = msgspec.json.Encoder()

CREATE_INCOMING: Final = """
    CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
        log_partition integer, log_offset bigint, workspace_id bigint, contact_id bigint, event_id text COLLATE "C",
        name text, occurred_at timestamptz, received_at timestamptz, properties json, record_id uuid
    ) ON COMMIT DELETE ROWS
"""
"""One a connection. Copying into it touches nothing shared, so it may come before the fence."""

_COPY: Final = "COPY incoming FROM STDIN"

# One statement, so that counters and catalogue count exactly the rows that went in. The two anti-joins refuse what was
# erased. ORDER BY: of two copies in one batch the first in the log must win.
_MERGE: Final = """
    WITH fresh AS (
        INSERT INTO timeline (workspace_id, contact_id, event_id, name, occurred_at, received_at, properties, record_id,
                              log_partition, log_offset)
        SELECT workspace_id, contact_id, event_id, name, occurred_at, received_at, properties, record_id,
               log_partition, log_offset
        FROM incoming i
        WHERE NOT EXISTS (SELECT FROM erased_contacts e
                          WHERE e.workspace_id = i.workspace_id AND e.contact_id = i.contact_id)
          AND NOT EXISTS (SELECT FROM erased_events e
                          WHERE e.workspace_id = i.workspace_id AND e.contact_id = i.contact_id
                            AND e.event_id = i.event_id)
        ORDER BY log_partition, log_offset
        ON CONFLICT (workspace_id, contact_id, event_id) DO NOTHING
        RETURNING workspace_id, contact_id, name, occurred_at, received_at, log_partition
    ), of_contact AS (
        INSERT INTO contact_event_names AS c (workspace_id, contact_id, name, log_partition, count, first_occurred_at,
                                              last_occurred_at, first_received_at, last_received_at)
        SELECT workspace_id, contact_id, name, log_partition, count(*), min(occurred_at), max(occurred_at),
               min(received_at), max(received_at)
        FROM fresh GROUP BY workspace_id, contact_id, name, log_partition
        ON CONFLICT (workspace_id, contact_id, name) DO UPDATE SET
            count = c.count + excluded.count,
            first_occurred_at = least(c.first_occurred_at, excluded.first_occurred_at),
            last_occurred_at = greatest(c.last_occurred_at, excluded.last_occurred_at),
            first_received_at = least(c.first_received_at, excluded.first_received_at),
            last_received_at = greatest(c.last_received_at, excluded.last_received_at)
    ), of_workspace AS (
        INSERT INTO event_names AS n (log_partition, workspace_id, name, count, first_received_at, last_received_at)
        SELECT log_partition, workspace_id, name, count(*), min(received_at), max(received_at)
        FROM fresh GROUP BY log_partition, workspace_id, name
        ON CONFLICT (log_partition, workspace_id, name) DO UPDATE SET
            count = n.count + excluded.count,
            first_received_at = least(n.first_received_at, excluded.first_received_at),
            last_received_at = greatest(n.last_received_at, excluded.last_received_at)
    ), of_day AS (
        INSERT INTO event_name_days AS d (log_partition, workspace_id, day, name, count)
        SELECT log_partition, workspace_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, name, count(*)
        FROM fresh GROUP BY log_partition, workspace_id, day, name
        ON CONFLICT (log_partition, workspace_id, day, name) DO UPDATE SET count = d.count + excluded.count
    )
    SELECT count(*) FROM fresh
"""

# What did not go in, beside what stands there already; nothing stands there for what was refused.
_LEFT_OUT: Final = """
    SELECT i.log_partition, i.log_offset, t.name, t.occurred_at, t.properties::text
    FROM incoming i LEFT JOIN timeline t USING (workspace_id, contact_id, event_id)
    WHERE (t.log_partition, t.log_offset) IS DISTINCT FROM (i.log_partition, i.log_offset)
    ORDER BY i.log_partition, i.log_offset
"""

# Of the contact's erasure nothing is counted: it has taken the markers of its events with it.
_NOTE_REFUSED: Final = """
    INSERT INTO refused_copies AS r (workspace_id, contact_id, event_id, count, first_received_at, last_received_at)
    SELECT workspace_id, contact_id, event_id, count(*), min(received_at), max(received_at)
    FROM unnest(%(workspaces)s::bigint[], %(contacts)s::bigint[], %(ids)s::text[], %(moments)s::timestamptz[])
         AS refused (workspace_id, contact_id, event_id, received_at)
         JOIN erased_events USING (workspace_id, contact_id, event_id)
    GROUP BY workspace_id, contact_id, event_id
    ON CONFLICT (workspace_id, contact_id, event_id) DO UPDATE SET
        count = r.count + excluded.count,
        first_received_at = least(r.first_received_at, excluded.first_received_at),
        last_received_at = greatest(r.last_received_at, excluded.last_received_at)
"""


class LocatedEvent(NamedTuple):
    """An event and its place in the log."""

    partition: int
    offset: int
    record: EventRecorded


class EventOutcome(NamedTuple):
    """`applied`: those that went in. `copies`: rows for `record_copies`. `refused`: of something erased."""

    applied: list[LocatedEvent]
    copies: list[Copy]
    refused: list[LocatedEvent]


def copy_events(connection: Connected, events: Iterable[LocatedEvent]) -> None:
    """Load events into `incoming`."""
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write("".join([_line(event) for event in events]))


def merge_events(connection: Connected, events: list[LocatedEvent]) -> EventOutcome:
    """Merge what `incoming` holds, which must be exactly these events, into timeline, counters and catalogue."""
    (applied,) = connection.execute(_MERGE).fetchone() or (0,)
    if applied == len(events):
        return EventOutcome(events, [], [])
    copies: list[Copy] = []
    refused: list[LocatedEvent] = []
    by_place = {(event.partition, event.offset): event for event in events}
    for partition, offset, name, occurred_at, properties in connection.execute(_LEFT_OUT).fetchall():
        event = by_place.pop((partition, offset))
        if name is None:
            refused.append(event)
        else:
            duplicate = same_event(name, occurred_at, properties, event.record)
            copies.append(_copy(event, duplicate=duplicate))
    return EventOutcome(list(by_place.values()), copies, refused)


def note_refused(connection: Connected, refused: list[LocatedEvent]) -> None:
    """Count refused copies of erased events, for whoever asks what became of them."""
    records = [event.record for event in refused]
    connection.execute(
        _NOTE_REFUSED,
        {
            "workspaces": [record.workspace_id for record in records],
            "contacts": [record.contact_id for record in records],
            "ids": [record.id for record in records],
            "moments": [record.received_at for record in records],
        },
    )


def occurrence(event: LocatedEvent) -> Occurrence:
    """Give what is counted of an event."""
    partition, offset, record = event
    return Occurrence(partition, offset, record.workspace_id, record.name, record.received_at, record.properties)


def same_event(name: str, occurred_at: datetime, properties: RawJson, record: EventRecorded) -> bool:
    """Tell a duplicate (True) from a conflict; `properties` counts with sorted keys and numbers as written."""
    if (name, occurred_at) != (record.name, record.occurred_at):
        return False
    return properties == record.properties or canonical(properties) == canonical(record.properties)


def _content(record: EventRecorded) -> RawJson:
    """Keep what a conflicting copy said."""
    parts = {"name": record.name, "occurred_at": format_time(record.occurred_at)}
    return _encoder.encode(parts | {"properties": msgspec.Raw(record.properties.encode())}).decode()


def _copy(event: LocatedEvent, *, duplicate: bool) -> Copy:
    record = event.record
    return Copy(
        log_partition=event.partition,
        log_offset=event.offset,
        workspace_id=record.workspace_id,
        contact_id=record.contact_id,
        type=EVENT_RECORDED,
        id=record.id,
        kind="duplicate" if duplicate else "conflict",
        content=None if duplicate else _content(record),
        received_at=record.received_at,
        record_id=record.record_id,
    )


def _line(event: LocatedEvent) -> str:
    record = event.record
    # One call into C writes all three in the forms that PostgreSQL reads; str() of each takes several times as long.
    occurred_at, received_at, record_id = msgspec.to_builtins(
        (record.occurred_at, record.received_at, record.record_id)
    )
    return (
        f"{event.partition}\t{event.offset}\t{record.workspace_id}\t{record.contact_id}\t{_escape(record.id)}\t"
        f"{_escape(record.name)}\t{occurred_at}\t{received_at}\t{_escape(record.properties)}\t{record_id}\n"
    )


def _escape(text: str) -> str:
    r"""Write a text for COPY. Most need nothing, and looking is cheaper than replacing. `\N` would be null."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "\n" in text or "\r" in text or "\t" in text:
        text = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return text
