"""How far the projection has come: per partition for the live streams, and for one contact as part of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import class_row

from schemas.positions import Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection


DELAYED_AFTER: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Place:
    """A partition's records before `next_offset` are in the tables; at `as_of` that was all there were."""

    log_partition: int
    topic_id: UUID
    generation: int
    next_offset: int
    as_of: datetime | None

    @property
    def position(self) -> Position | None:
        """The newest record that is in the tables; None when none is."""
        return Position(self.topic_id, self.log_partition, self.next_offset - 1) if self.next_offset else None

    def delayed(self, now: datetime) -> bool:
        """Tell whether the partition is so far behind that an agent should know."""
        return self.as_of is not None and now - self.as_of > DELAYED_AFTER


def read_places(connection: Connection[Any]) -> list[Place]:
    """Read how far each partition is applied."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(
            """
            SELECT p.log_partition, p.topic_id, p.generation, p.next_offset,
                   CASE WHEN b.caught_up_at IS NOT NULL THEN greatest(b.caught_up_at, b.newest_received_at) END AS as_of
            FROM positions AS p LEFT JOIN batches AS b USING (log_partition)
            ORDER BY p.log_partition
            """
        ).fetchall()


def place_of_contact(connection: Connection[Any], workspace_id: int, contact_id: int) -> Place | None:
    """Read how far a contact's partition is applied; None when the workspace has no such contact."""
    return ask_place_of_contact(connection, workspace_id, contact_id)()


def ask_place_of_contact(connection: Connection[Any], workspace_id: int, contact_id: int) -> Callable[[], Place | None]:
    """Do the same in two steps: asked here, answered when called, so that the next statement can travel along."""
    cursor = connection.cursor(row_factory=class_row(Place))
    cursor.execute(
        """
        SELECT c.log_partition, p.topic_id, p.generation, p.next_offset,
               CASE WHEN b.caught_up_at IS NOT NULL THEN greatest(b.caught_up_at, b.newest_received_at) END AS as_of
        FROM contacts AS c
        JOIN positions AS p USING (log_partition)
        LEFT JOIN batches AS b USING (log_partition)
        WHERE c.workspace_id = %(workspace_id)s AND c.contact_id = %(contact_id)s
        """,
        {"workspace_id": workspace_id, "contact_id": contact_id},
    )
    return cursor.fetchone
