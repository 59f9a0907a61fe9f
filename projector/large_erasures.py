"""Erase a contact that is too large for one transaction: a step at a time, each a short transaction of its own.

The position stays before the record until all is gone, so whoever is killed in between, or loses the partition, leaves
the rest to the next owner, which sees by the marker that the erasure has begun. From the first step on no read finds
the contact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog

from projector.contact_erasing import NEWEST, ContactErasing
from projector.erasing import LocatedErasure
from projector.position_table import fence, stamp_at_work
from schemas.records import ContactErased

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from psycopg import Connection

    from projector.batch import Located
    from projector.contact_erasing import Edge
    from projector.position_table import Stored

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

log = structlog.get_logger()

# No more is counted than is needed to tell that it is too much.
_SIZES: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM timeline t
                WHERE t.workspace_id = c.workspace_id AND t.contact_id = c.contact_id LIMIT %(most)s) AS few)
         + (SELECT count(*) FROM (SELECT FROM contact_updates u
                WHERE u.workspace_id = c.workspace_id AND u.contact_id = c.contact_id LIMIT %(most)s) AS few)
         + (SELECT count(*) FROM (SELECT FROM record_copies r
                WHERE r.workspace_id = c.workspace_id AND r.contact_id = c.contact_id LIMIT %(most)s) AS few)
         + (SELECT count(*) FROM (SELECT FROM dead_letters d
                WHERE d.workspace_id = c.workspace_id AND d.contact_id = c.contact_id LIMIT %(most)s) AS few)
         + (SELECT count(*) FROM (SELECT FROM erased_events e
                WHERE e.workspace_id = c.workspace_id AND e.contact_id = c.contact_id LIMIT %(most)s) AS few)
         + (SELECT count(*) FROM (SELECT FROM contact_event_names n
                WHERE n.workspace_id = c.workspace_id AND n.contact_id = c.contact_id LIMIT %(most)s) AS few)
    FROM unnest(%(workspaces)s::bigint[], %(contacts)s::bigint[])
         WITH ORDINALITY AS c (workspace_id, contact_id, number)
    ORDER BY number
"""


def contact_erasures(items: Iterable[Located]) -> list[LocatedErasure]:
    """Find the erasures of contacts."""
    return [
        LocatedErasure(partition, offset, record)
        for partition, offset, record, _ in items
        if isinstance(record, ContactErased)
    ]


class LargeErasures:
    """Those of one connection. `rows` tells how many rows of a table a step may erase.

    What is remembered between steps only saves work; the tables hold all that matters.
    """

    def __init__(self, connection: Connected, topic_id: UUID, *, itemised: bool, rows: Callable[[], int]) -> None:
        self._connection = connection
        self._topic_id = topic_id
        self._itemised = itemised
        self._rows = rows
        self._edges: dict[tuple[int, int], Edge | None] = {}
        self._outcomes: dict[tuple[int, int], str] = {}

    def outcome(self, located: LocatedErasure) -> str | None:
        """Tell the outcome of an erasure that is finished here; None of one that is still to be applied."""
        return self._outcomes.get((located.partition, located.offset))

    def step(self, erasures: Sequence[LocatedErasure], expected: Mapping[int, Stored]) -> set[int]:
        """Make a step for the first large one of each partition; name the partitions that have to wait for more steps.

        Large is what brings the batch's erasures together above the rows of a step. `erasures` are in log order,
        `expected` is where the partitions stand: FencedError if they do not.
        """
        self._forget(expected)
        rows = self._rows()
        waiting: set[int] = set()
        for located in self._large(erasures, rows):
            place = located.partition, located.offset
            if located.partition in waiting or place in self._outcomes:
                continue
            if place not in self._edges:
                log.info("erasing a large contact", partition=located.partition, offset=located.offset)
            if self._step(located, expected, rows):
                waiting.add(located.partition)
            else:
                log.info("erased a large contact", partition=located.partition, offset=located.offset)
        return waiting

    def _large(self, erasures: Sequence[LocatedErasure], rows: int) -> list[LocatedErasure]:
        firsts: dict[tuple[int, int], LocatedErasure] = {}  # a further one of a contact must not come before its first
        for located in erasures:
            firsts.setdefault((located.record.workspace_id, located.record.contact_id), located)
        known = self._edges.keys() | self._outcomes.keys()
        unknown = [located for located in firsts.values() if (located.partition, located.offset) not in known]
        sizes = (
            self._connection.execute(
                _SIZES,
                {
                    "workspaces": [located.record.workspace_id for located in unknown],
                    "contacts": [located.record.contact_id for located in unknown],
                    "most": rows + 1,
                },
            ).fetchall()
            if unknown
            else []
        )
        room = rows
        for located, (size,) in zip(unknown, sizes, strict=True):
            if size > room:
                known.add((located.partition, located.offset))
            else:
                room -= size
        return [located for located in firsts.values() if (located.partition, located.offset) in known]

    def _step(self, located: LocatedErasure, expected: Mapping[int, Stored], rows: int) -> bool:
        partition, offset, record = located
        assert isinstance(record, ContactErased)
        erasing = ContactErasing(self._connection, self._topic_id, partition, offset, record, itemised=self._itemised)
        edge = self._edges.get((partition, offset), NEWEST)
        with self._connection.transaction():
            fence(self._connection, {partition: expected[partition]})
            if not erasing.begin():
                outcome, more = "duplicate", False
            elif edge is None:
                outcome, more = "applied", erasing.count_again(rows)
            else:
                outcome, edge, more = "applied", erasing.erase_some(rows, edge), True
            stamp_at_work(self._connection, partition)
        self._edges[partition, offset] = edge
        if not more:
            self._outcomes[partition, offset] = outcome
        return more

    def _forget(self, expected: Mapping[int, Stored]) -> None:
        """Forget what the positions have passed."""
        for remembered in (self._edges, self._outcomes):
            for partition, offset in list(remembered):
                if partition in expected and offset < expected[partition].next_offset:
                    del remembered[partition, offset]
