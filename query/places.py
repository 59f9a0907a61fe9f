"""How far the projection has come: per partition for the live streams, and for one contact as part of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from query.questions import Answer, Question, Row
from schemas.positions import Position

if TYPE_CHECKING:
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


_OF_CONTACT: Final = """
    SELECT c.log_partition, p.topic_id, p.generation, p.next_offset,
           CASE WHEN b.caught_up_at IS NOT NULL THEN greatest(b.caught_up_at, b.newest_received_at) END AS as_of
    FROM contacts AS c
    JOIN positions AS p USING (log_partition)
    LEFT JOIN batches AS b USING (log_partition)
    WHERE c.workspace_id = %(workspace_id)s AND c.contact_id = %(contact_id)s
"""


def place_of_contact(connection: Connection[Any], workspace_id: int, contact_id: int) -> Place | None:
    """Read how far a contact's partition is applied; None when the workspace has no such contact."""
    return ask_place(workspace_id, contact_id).ask(connection)


def ask_place(workspace_id: int, contact_id: int) -> Question[Place | None]:
    """Ask the same, together with other questions."""
    return Question(_OF_CONTACT, {"workspace_id": workspace_id, "contact_id": contact_id}, _place)


def _place(rows: list[Row]) -> Place | None:
    return Place(*rows[0]) if rows else None


_POSITIONED: Final = """
    (SELECT json_build_array(p.topic_id, c.log_partition, p.next_offset)::text {nulls}
     FROM contacts AS c JOIN positions AS p USING (log_partition)
     WHERE c.workspace_id = %(workspace_id)s AND c.contact_id = %(contact_id)s)
    UNION ALL ({statement})
"""
_placed = msgspec.json.Decoder(tuple[UUID, int, int])


def with_position(question: Question[Answer]) -> Question[tuple[Position | None, Answer] | None]:
    """Ask by one statement for something of a contact, and for the newest record that is in the tables by then.

    None when there is no such contact. The place is a row of its own: its first column is a text with all of it, and
    its second, which is NULL in no other row, tells it from the others. Their order stays as it is: what declares its
    workspace never runs in parallel, and then the server gives the parts of a union one after the other.
    """
    assert question.columns > 1

    def read(rows: list[Row]) -> tuple[Position | None, Answer] | None:
        place = next((number for number, row in enumerate(rows) if row[1] is None), None)  # the first, as a rule
        if place is None:
            return None
        topic_id, partition, next_offset = _placed.decode(rows.pop(place)[0])
        position = Position(topic_id, partition, next_offset - 1) if next_offset else None
        return position, question.read(rows)

    return Question(_positioned(question.statement, question.columns), question.parameters, read, question.columns)


@cache
def _positioned(statement: LiteralString, columns: int) -> LiteralString:
    return _POSITIONED.replace("{nulls}", ", NULL" * (columns - 1)).replace("{statement}", statement)
