"""Reads of what is new in a stretch of the log, for contacts that somebody is watching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from query.contacts import find_contact
from query.subscriptions import ContactChanged, EventAdded, Reset
from query.timeline import Event
from schemas.positions import Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from query.places import Place
    from query.subscriptions import Change

MOST: Final = 500
"""Changes read at once; where there are more, a watcher is told to read its timeline again."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A partition's records from `start` up to, and without, `end`."""

    log_partition: int
    start: int
    end: int


def new_events(
    connection: Connection[Any], workspace_id: int, contact_ids: Sequence[int], stretch: Stretch
) -> list[Event]:
    """Read the events of these contacts that the stretch brought, in log order; at most `MOST`."""
    rows = connection.execute(
        """
        SELECT event_id, name, occurred_at, received_at, properties::text, log_offset, contact_id
        FROM timeline
        WHERE log_partition = %(log_partition)s AND log_offset >= %(start)s AND log_offset < %(end)s
          AND workspace_id = %(workspace_id)s AND contact_id = ANY(%(contact_ids)s)
        ORDER BY log_offset LIMIT %(most)s
        """,
        _parameters(workspace_id, contact_ids, stretch) | {"most": MOST},
    ).fetchall()
    return [Event(*row) for row in rows]


def changed_contacts(
    connection: Connection[Any], workspace_id: int, contact_ids: Sequence[int], stretch: Stretch
) -> list[tuple[int, int]]:
    """Name those of these contacts that the stretch changed, each with the offset of its newest change."""
    rows = connection.execute(
        """
        SELECT contact_id, log_offset FROM contacts
        WHERE workspace_id = %(workspace_id)s AND contact_id = ANY(%(contact_ids)s)
          AND log_partition = %(log_partition)s AND log_offset >= %(start)s AND log_offset < %(end)s
        """,
        _parameters(workspace_id, contact_ids, stretch),
    ).fetchall()
    return [(contact_id, log_offset) for contact_id, log_offset in rows]


def erased_from(
    connection: Connection[Any], workspace_id: int, contact_ids: Sequence[int], stretch: Stretch
) -> list[int]:
    """Name those of these contacts that were erased, or of whose events any was, in the stretch."""
    rows = connection.execute(
        """
        SELECT contact_id FROM erased_events
        WHERE workspace_id = %(workspace_id)s AND contact_id = ANY(%(contact_ids)s)
          AND log_partition = %(log_partition)s AND log_offset >= %(start)s AND log_offset < %(end)s
        UNION
        SELECT contact_id FROM erased_contacts
        WHERE workspace_id = %(workspace_id)s AND contact_id = ANY(%(contact_ids)s)
          AND log_partition = %(log_partition)s AND log_offset >= %(start)s AND log_offset < %(end)s
        """,
        _parameters(workspace_id, contact_ids, stretch),
    ).fetchall()
    return [row[0] for row in rows]


def _parameters(workspace_id: int, contact_ids: Sequence[int], stretch: Stretch) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "contact_ids": list(contact_ids),
        "log_partition": stretch.log_partition,
        "start": stretch.start,
        "end": stretch.end,
    }


def read_changes(
    connection: Connection[Any],
    workspace_id: int,
    contact_ids: list[int],
    stretch: Stretch,
    place: Place,
) -> dict[int, list[Change]]:
    """Read the changes of a stretch, by contact; a contact with erasures, or one of too many changes, is reset."""
    end = Position(place.topic_id, place.log_partition, stretch.end - 1)
    events = new_events(connection, workspace_id, contact_ids, stretch)
    if len(events) == MOST:
        return {contact_id: [Reset(end)] for contact_id in contact_ids}
    changes: dict[int, list[Change]] = {contact_id: [] for contact_id in contact_ids}
    for event in events:
        changes[event.contact_id].append(EventAdded(Position(end.topic_id, end.partition, event.log_offset), event))
    for contact_id, log_offset in changed_contacts(connection, workspace_id, contact_ids, stretch):
        contact = find_contact(connection, workspace_id, contact_id)
        if contact is not None:
            changes[contact_id].append(ContactChanged(Position(end.topic_id, end.partition, log_offset), contact))
            changes[contact_id].sort(key=lambda change: change.position.offset if change.position else 0)
    for contact_id in erased_from(connection, workspace_id, contact_ids, stretch):
        changes[contact_id] = [Reset(end)]
    return changes
