"""Erasures: the rows go, a marker stays, the counters are made again from what is left, the log's copies are noted.

What is noted in the outbox are the keys of every record of the event or contact, for the eraser to tombstone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from projector.contact_erasing import NEWEST, ROWS, ContactErasing, recount_names
from projector.stretch_erasing import take_event_out
from projector.stretches import Occurrence
from schemas.records import ContactErased, EventErased

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from psycopg import Connection

    from projector.contact_erasing import Edge

Connected: TypeAlias = "Connection[tuple[Any, ...]]"


class LocatedErasure(NamedTuple):
    """An erasure and its place in the log."""

    partition: int
    offset: int
    record: EventErased | ContactErased


class _Header(msgspec.Struct):
    id: str


_header: Final = msgspec.json.Decoder(_Header)

_IS_ERASED: Final = """
    SELECT FROM erased_contacts WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
"""

_MARK_EVENT: Final = """
    INSERT INTO erased_events (workspace_id, contact_id, event_id, erased_at, log_partition, log_offset)
    VALUES (%(workspace_id)s, %(contact_id)s, %(event_id)s, %(erased_at)s, %(partition)s, %(offset)s)
    ON CONFLICT (workspace_id, contact_id, event_id) DO NOTHING RETURNING true
"""

_EVENT_RECORDS: Final = """
    WITH gone AS (
        DELETE FROM record_copies
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND id = %(event_id)s
          AND type = 'contact.event.recorded.v1'
        RETURNING record_id
    )
    SELECT record_id FROM gone
"""

_DELETE_EVENT: Final = """
    DELETE FROM timeline
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND event_id = %(event_id)s
    RETURNING log_partition, log_offset, workspace_id, name, received_at, properties::text, occurred_at, record_id
"""

_LETTERS: Final = """
    SELECT log_offset, record_key, record_value FROM dead_letters
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
"""

_DELETE_LETTERS: Final = """
    DELETE FROM dead_letters WHERE log_partition = %(partition)s AND log_offset = ANY(%(offsets)s::bigint[])
"""

# Tells whether one of the contact's first or last moments of the name went with the event.
_SUBTRACT_OF_CONTACT: Final = """
    WITH emptied AS (
        DELETE FROM contact_event_names
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = %(name)s AND count <= 1
    )
    UPDATE contact_event_names SET count = count - 1
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = %(name)s AND count > 1
    RETURNING %(occurred_at)s IN (first_occurred_at, last_occurred_at),
              %(received_at)s IN (first_received_at, last_received_at)
"""

# By the two ends of an index, however many events there are.
_FIND_OCCURRED: Final = """
    UPDATE contact_event_names SET
        first_occurred_at = (
            SELECT occurred_at FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = %(name)s
            ORDER BY occurred_at, log_offset LIMIT 1),
        last_occurred_at = (
            SELECT occurred_at FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = %(name)s
            ORDER BY occurred_at DESC, log_offset DESC LIMIT 1)
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = %(name)s
"""

# No index has these in order.
_FIND_RECEIVED: Final = """
    UPDATE contact_event_names c SET first_received_at = first_received, last_received_at = last_received
    FROM (SELECT min(received_at) AS first_received, max(received_at) AS last_received
          FROM timeline
          WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = %(name)s) AS s
    WHERE c.workspace_id = %(workspace_id)s AND c.contact_id = %(contact_id)s AND c.name = %(name)s
"""

_SUBTRACT_DAY: Final = """
    WITH emptied AS (
        DELETE FROM event_name_days
        WHERE log_partition = %(partition)s AND workspace_id = %(workspace_id)s
          AND day = (%(occurred_at)s AT TIME ZONE 'UTC')::date AND name = %(name)s AND count <= 1
    )
    UPDATE event_name_days SET count = count - 1
    WHERE log_partition = %(partition)s AND workspace_id = %(workspace_id)s
      AND day = (%(occurred_at)s AT TIME ZONE 'UTC')::date AND name = %(name)s AND count > 1
"""

# What the name is left with, and whether its first or its last moment went with the event.
_SUBTRACT: Final = """
    WITH emptied AS (
        DELETE FROM event_names
        WHERE log_partition = %(partition)s AND workspace_id = %(workspace_id)s AND name = %(name)s AND count <= 1
    )
    UPDATE event_names SET count = count - 1
    WHERE log_partition = %(partition)s AND workspace_id = %(workspace_id)s AND name = %(name)s AND count > 1
    RETURNING %(received_at)s IN (first_received_at, last_received_at)
"""

_NOTE: Final = """
    INSERT INTO write_side.erasure_outbox (topic_id, log_partition, record_key, workspace_id, contact_id)
    SELECT %(topic_id)s, %(partition)s, key, %(workspace_id)s, %(contact_id)s FROM unnest(%(keys)s::bytea[]) AS key
    ON CONFLICT DO NOTHING
"""


def apply_erasure(
    connection: Connected, topic_id: UUID, located: LocatedErasure, *, itemised: bool, rows: int = ROWS
) -> str:
    """Apply one; return its outcome: applied, duplicate (erased before) or refused (of a contact erased before).

    `itemised` tells whether properties are counted in this set of tables, `rows` how many of a contact's go at once.
    """
    record = located.record
    if isinstance(record, ContactErased):
        erasing = ContactErasing(connection, topic_id, located.partition, located.offset, record, itemised=itemised)
        if not erasing.begin():
            return "duplicate"
        edge: Edge | None = NEWEST
        while edge is not None:
            edge = erasing.erase_some(rows, edge)
        while erasing.count_again(rows):
            pass
        return "applied"
    parameters: dict[str, Any] = {
        "topic_id": topic_id,
        "workspace_id": record.workspace_id,
        "contact_id": record.contact_id,
        "erased_at": record.received_at,
        "partition": located.partition,
        "offset": located.offset,
        "event_id": record.event_id,
    }
    if connection.execute(_IS_ERASED, parameters).rowcount:
        return "refused"
    if connection.execute(_MARK_EVENT, parameters).fetchone() is None:
        return "duplicate"
    _erase_event(connection, parameters, itemised=itemised)
    return "applied"


def note_for_tombstones(
    connection: Connected, topic_id: UUID, partition: int, contact: tuple[int, int], keys: Iterable[bytes]
) -> None:
    """Put record keys of a (workspace, contact) into the outbox."""
    connection.execute(
        _NOTE,
        {
            "topic_id": topic_id,
            "partition": partition,
            "workspace_id": contact[0],
            "contact_id": contact[1],
            "keys": list(keys),
        },
    )


def _erase_event(connection: Connected, parameters: dict[str, Any], *, itemised: bool) -> None:
    contact = parameters["workspace_id"], parameters["contact_id"]
    record_ids = [row[0] for row in connection.execute(_EVENT_RECORDS, parameters)]
    row = connection.execute(_DELETE_EVENT, parameters).fetchone()
    if row is not None:
        *counted, occurred_at, record_id = row
        event = Occurrence(*counted)
        record_ids.append(record_id)
        gone = parameters | {"name": event.name, "occurred_at": occurred_at, "received_at": event.received_at}
        _subtract(connection, gone)
        if itemised:
            take_event_out(connection, event)
    letters = [row for row in connection.execute(_LETTERS, parameters) if _is_of_event(row[2], parameters["event_id"])]
    connection.execute(_DELETE_LETTERS, parameters | {"offsets": [letter[0] for letter in letters]})
    keys = [f"{contact[0]}/{contact[1]}/{record_id}".encode() for record_id in record_ids]
    keys += [letter[1] for letter in letters]
    if keys:
        note_for_tombstones(connection, parameters["topic_id"], parameters["partition"], contact, keys)


def _subtract(connection: Connected, gone: dict[str, Any]) -> None:
    """Take an event that went off the timeline out of the counts of its name; firsts and lasts are looked for anew."""
    connection.execute(_SUBTRACT_DAY, gone)
    of_contact = connection.execute(_SUBTRACT_OF_CONTACT, gone).fetchone()
    if of_contact and of_contact[0]:
        connection.execute(_FIND_OCCURRED, gone)
    if of_contact and of_contact[1]:
        connection.execute(_FIND_RECEIVED, gone)
    of_name = connection.execute(_SUBTRACT, gone).fetchone()
    if of_name and of_name[0]:
        recount_names(connection, gone, [gone["name"]])


def _is_of_event(value: bytes | None, event_id: str) -> bool:
    try:
        return _header.decode(value or b"").id == event_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False  # it names no event that anyone could have asked to erase
