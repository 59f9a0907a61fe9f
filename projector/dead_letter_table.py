"""Records set aside. A tombstone of such a record's key, by which it is replayed or discarded, takes it out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from projector.batch import DeadLetter, Tombstone

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

# Of an erased contact nothing is kept, so what cannot be read is refused like what can.
_SAVE: Final = """
    INSERT INTO dead_letters (log_partition, log_offset, kind, reason, detail, logged_at, workspace_id, contact_id,
                              record_key, record_value, id)
    SELECT %(log_partition)s, %(log_offset)s, %(kind)s, %(reason)s, %(detail)s, %(logged_at)s, %(workspace_id)s,
           %(contact_id)s, %(record_key)s, %(record_value)s, %(id)s
    WHERE NOT EXISTS (SELECT FROM erased_contacts e
                      WHERE e.workspace_id = %(workspace_id)s AND e.contact_id = %(contact_id)s)
"""

_TAKE_OUT: Final = """
    DELETE FROM dead_letters d
    USING unnest(%(partitions)s::integer[], %(offsets)s::bigint[], %(keys)s::bytea[])
          AS tombstone (log_partition, log_offset, record_key)
    WHERE d.log_partition = tombstone.log_partition AND d.record_key = tombstone.record_key
      AND d.log_offset < tombstone.log_offset
"""


class LocatedLetter(NamedTuple):
    """A dead letter and its place in the log."""

    partition: int
    offset: int
    letter: DeadLetter


class LocatedTombstone(NamedTuple):
    """A tombstone and its place in the log."""

    partition: int
    offset: int
    tombstone: Tombstone


def save_dead_letter(connection: Connected, located: LocatedLetter) -> bool:
    """Set a record aside; False when it was refused, being of an erased contact."""
    letter = located.letter
    workspace_id, contact_id = letter.contact
    done = connection.execute(
        _SAVE,
        {
            "log_partition": located.partition,
            "log_offset": located.offset,
            "kind": letter.kind,
            "reason": letter.reason,
            "detail": letter.detail,
            "logged_at": letter.logged_at,
            "workspace_id": workspace_id,
            "contact_id": contact_id,
            "record_key": letter.key,
            "record_value": letter.value,
            "id": letter.id,
        },
    )
    return done.rowcount == 1


def take_out(connection: Connected, tombstones: Sequence[LocatedTombstone]) -> None:
    """Forget the dead letters whose records these tombstones remove."""
    connection.execute(
        _TAKE_OUT,
        {
            "partitions": [located.partition for located in tombstones],
            "offsets": [located.offset for located in tombstones],
            "keys": [located.tombstone.key for located in tombstones],
        },
    )
