"""Erase a contact, however much there is of it: so many rows at a time, each time with all that they contributed.

Whoever stops in between may go on later without knowing how far it came: the rows that are left say so. From the first
time on no read finds the contact, and what comes of it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from projector.stretch_erasing import count_marked_again, take_rows_out

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from psycopg import Connection

    from schemas.records import ContactErased

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

ROWS_A_RECORD: Final = 4
"""Rows of a table to erase at once for each record of a batch: about as much work as the batch is."""

ROWS: Final = ROWS_A_RECORD * 5_000


class Edge(NamedTuple):
    """A place on a timeline, which erasing goes along from the newest event on. Above it nothing is left."""

    occurred_at: str
    log_offset: int


NEWEST: Final = Edge("infinity", 2**63 - 1)

CREATE_ERASED_ROWS: Final = """
    CREATE TEMPORARY TABLE IF NOT EXISTS erased_rows (
        log_partition integer, log_offset bigint, workspace_id bigint, name text COLLATE "C", occurred_at timestamptz,
        received_at timestamptz, properties text, record_id uuid
    ) ON COMMIT DELETE ROWS
"""
"""One a connection: the events that have just been taken off the timeline."""

_MARK: Final = """
    INSERT INTO erased_contacts (workspace_id, contact_id, erased_at, log_partition, log_offset)
    VALUES (%(workspace_id)s, %(contact_id)s, %(erased_at)s, %(partition)s, %(offset)s)
    ON CONFLICT (workspace_id, contact_id) DO NOTHING
"""

_MARKED_BY: Final = """
    SELECT log_offset FROM erased_contacts WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
"""

_HIDE: Final = "DELETE FROM contacts WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s"

# By the index of the timeline, from the edge on: entries of rows that went before are not passed again each time.
_TAKE_EVENTS: Final = """
    WITH gone AS (
        DELETE FROM timeline WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM timeline
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
              AND (occurred_at, log_offset) <= (%(edge_time)s::timestamptz, %(edge_offset)s)
            ORDER BY occurred_at DESC, log_offset DESC LIMIT %(rows)s))
        RETURNING log_partition, log_offset, workspace_id, name, occurred_at, received_at, properties::text, record_id
    )
    INSERT INTO erased_rows SELECT * FROM gone
"""

# A key that stands twice in the log is refused the second time by the outbox itself: sorting out all the keys before
# would cost a third of the whole erasure, and give them to the index in no order.
_NOTE_EVENTS: Final = """
    INSERT INTO write_side.erasure_outbox (topic_id, log_partition, record_key, workspace_id, contact_id)
    SELECT %(topic_id)s, %(partition)s,
           convert_to(%(workspace_id)s::bigint || '/' || %(contact_id)s::bigint || '/' || record_id, 'UTF8'),
           %(workspace_id)s, %(contact_id)s
    FROM erased_rows
    ON CONFLICT DO NOTHING
"""

_SUBTRACT_DAYS: Final = """
    WITH gone AS (
        SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, name, count(*) AS count FROM erased_rows GROUP BY 1, 2
    ), emptied AS (
        DELETE FROM event_name_days d USING gone
        WHERE d.log_partition = %(partition)s AND d.workspace_id = %(workspace_id)s AND d.day = gone.day
          AND d.name = gone.name AND d.count <= gone.count
    )
    UPDATE event_name_days d SET count = d.count - gone.count FROM gone
    WHERE d.log_partition = %(partition)s AND d.workspace_id = %(workspace_id)s AND d.day = gone.day
      AND d.name = gone.name AND d.count > gone.count
"""

_EDGE: Final = "SELECT occurred_at::text, log_offset FROM erased_rows ORDER BY erased_rows.occurred_at, 2 LIMIT 1"

_NEXT_TIME: Final = "DELETE FROM erased_rows"

_TAKE_THE_REST: Final = """
    WITH updates AS (
        DELETE FROM contact_updates WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM contact_updates
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s LIMIT %(rows)s))
        RETURNING record_id
    ), copies AS (
        DELETE FROM record_copies WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM record_copies
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s LIMIT %(rows)s))
        RETURNING record_id
    ), letters AS (
        DELETE FROM dead_letters WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM dead_letters
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s LIMIT %(rows)s))
        RETURNING record_key
    ), markers AS (
        DELETE FROM erased_events WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM erased_events
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s LIMIT %(rows)s))
        RETURNING true
    ), refused AS (
        DELETE FROM refused_copies WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM refused_copies
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s LIMIT %(rows)s))
        RETURNING true
    ), noted AS (
        INSERT INTO write_side.erasure_outbox (topic_id, log_partition, record_key, workspace_id, contact_id)
        SELECT %(topic_id)s, %(partition)s, key, %(workspace_id)s, %(contact_id)s
        FROM (SELECT convert_to(%(workspace_id)s::bigint || '/' || %(contact_id)s::bigint || '/' || record_id, 'UTF8')
              FROM (SELECT * FROM updates UNION ALL SELECT * FROM copies) AS ids
              UNION ALL SELECT record_key FROM letters) AS keys (key)
        ON CONFLICT DO NOTHING
    )
    SELECT greatest((SELECT count(*) FROM updates), (SELECT count(*) FROM copies), (SELECT count(*) FROM letters),
                    (SELECT count(*) FROM markers), (SELECT count(*) FROM refused)) = %(rows)s
"""

# Tells of which names the first or the last moment went.
_TAKE_NAMES: Final = """
    WITH gone AS (
        DELETE FROM contact_event_names WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM contact_event_names
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s LIMIT %(rows)s))
        RETURNING name, count, first_received_at, last_received_at
    ), emptied AS (
        DELETE FROM event_names n USING gone
        WHERE n.log_partition = %(partition)s AND n.workspace_id = %(workspace_id)s AND n.name = gone.name
          AND n.count <= gone.count
    ), lessened AS (
        UPDATE event_names n SET count = n.count - gone.count FROM gone
        WHERE n.log_partition = %(partition)s AND n.workspace_id = %(workspace_id)s AND n.name = gone.name
          AND n.count > gone.count
        RETURNING n.name, gone.first_received_at = n.first_received_at OR gone.last_received_at = n.last_received_at
                          AS touched
    )
    SELECT (SELECT count(*) FROM gone) = %(rows)s, (SELECT array_agg(name) FROM lessened WHERE touched)
"""

_RECOUNT_NAMES: Final = """
    UPDATE event_names n SET first_received_at = s.first_received, last_received_at = s.last_received
    FROM (SELECT name, min(first_received_at) AS first_received, max(last_received_at) AS last_received
          FROM contact_event_names
          WHERE workspace_id = %(workspace_id)s AND log_partition = %(partition)s AND name = ANY(%(names)s::text[])
          GROUP BY name) AS s
    WHERE n.log_partition = %(partition)s AND n.workspace_id = %(workspace_id)s AND n.name = s.name
"""


class ContactErasing:
    """The erasure of one contact, by the record at a place in the log, within the caller's transactions."""

    def __init__(  # noqa: PLR0913 - its parts
        self,
        connection: Connected,
        topic_id: UUID,
        partition: int,
        offset: int,
        record: ContactErased,
        *,
        itemised: bool,
    ) -> None:
        self._connection = connection
        self._itemised = itemised
        self._parameters: dict[str, Any] = {
            "topic_id": topic_id,
            "workspace_id": record.workspace_id,
            "contact_id": record.contact_id,
            "erased_at": record.received_at,
            "partition": partition,
            "offset": offset,
        }

    def begin(self) -> bool:
        """Hide the contact and refuse what comes of it from now on; False when an earlier record has erased it."""
        if not self._connection.execute(_MARK, self._parameters).rowcount:
            (marked_by,) = self._connection.execute(_MARKED_BY, self._parameters).fetchone() or (None,)
            return bool(marked_by == self._parameters["offset"])  # then this is a further time of the same erasure
        self._connection.execute(_HIDE, self._parameters)
        return True

    def erase_some(self, rows: int, edge: Edge) -> Edge | None:
        """Erase at most so many rows of each table; where to go on next time, None when none is left."""
        parameters = self._parameters | {"rows": rows, "edge_time": edge.occurred_at, "edge_offset": edge.log_offset}
        taken = self._connection.execute(_TAKE_EVENTS, parameters).rowcount
        if taken:
            edge = Edge(*self._connection.execute(_EDGE).fetchone() or edge)
            self._connection.execute(_NOTE_EVENTS, parameters)
            self._connection.execute(_SUBTRACT_DAYS, parameters)
            if self._itemised:
                take_rows_out(self._connection, parameters["partition"], parameters["workspace_id"])
            self._connection.execute(_NEXT_TIME)
        (more,) = self._connection.execute(_TAKE_THE_REST, parameters).fetchone() or (False,)
        more_names, touched = self._connection.execute(_TAKE_NAMES, parameters).fetchone() or (False, None)
        recount_names(self._connection, parameters, touched or ())
        return edge if more or more_names or taken == rows else None

    def count_again(self, rows: int) -> bool:
        """Count again what could not be subtracted, about so many rows; False when nothing is left to be counted."""
        where = self._parameters["partition"], self._parameters["workspace_id"]
        return self._itemised and count_marked_again(self._connection, *where, rows)


def recount_names(connection: Connected, parameters: Mapping[str, Any], names: Collection[str]) -> None:
    """Look for the first and last moments of names in a workspace and partition anew, in one look at all contacts."""
    if names:
        where = {"partition": parameters["partition"], "workspace_id": parameters["workspace_id"]}
        connection.execute(_RECOUNT_NAMES, where | {"names": list(names)})
