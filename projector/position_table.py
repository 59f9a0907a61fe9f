"""Positions: where each partition of the log stands, moved only together with what they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from projector.errors import FencedError, PartitionCountChangedError, TopicRecreatedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection

    from projector.batch import Counts

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

OUTCOMES: Final = ("applied", "duplicate", "conflict", "refused", "dead_lettered", "set_aside", "control")


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic as Kafka describes it. A recreated one has another id, in another cluster the cluster's differs."""

    name: str
    topic_id: UUID
    cluster_id: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A partition's row, as far as the fence needs it."""

    next_offset: int
    generation: int


_ENSURE: Final = """
    INSERT INTO positions (log_partition, topic_id, cluster_id, next_offset, generation)
    SELECT log_partition, %(topic_id)s, %(cluster_id)s, 0, coalesce((SELECT max(generation) FROM positions), 1)
    FROM generate_series(0, %(partitions)s - 1) AS log_partition
    ON CONFLICT (log_partition) DO NOTHING
"""

_IDENTITIES: Final = "SELECT log_partition, topic_id, cluster_id FROM positions"

_STORED: Final = """
    SELECT log_partition, next_offset, generation FROM positions WHERE log_partition = ANY(%(partitions)s::integer[])
"""

# All projectors lock in the same order, so two that claim the same partitions cannot deadlock.
_FENCE: Final = """
    SELECT p.log_partition
    FROM positions p
         JOIN unnest(%(partitions)s::integer[], %(offsets)s::bigint[], %(generations)s::bigint[])
              AS mine (log_partition, next_offset, generation) USING (log_partition)
    WHERE p.next_offset = mine.next_offset AND p.generation = mine.generation
    ORDER BY p.log_partition
    FOR UPDATE OF p
"""

_ADVANCE: Final = """
    UPDATE positions p SET
        next_offset = v.next_offset,
        read = p.read + v.read,
        applied = p.applied + v.applied,
        duplicate = p.duplicate + v.duplicate,
        conflict = p.conflict + v.conflict,
        refused = p.refused + v.refused,
        dead_lettered = p.dead_lettered + v.dead_lettered,
        set_aside = p.set_aside + v.set_aside,
        control = p.control + v.control
    FROM unnest(%(partitions)s::integer[], %(next_offset)s::bigint[], %(read)s::bigint[], %(applied)s::bigint[],
                %(duplicate)s::bigint[], %(conflict)s::bigint[], %(refused)s::bigint[], %(dead_lettered)s::bigint[],
                %(set_aside)s::bigint[], %(control)s::bigint[])
         AS v (log_partition, next_offset, read, applied, duplicate, conflict, refused, dead_lettered, set_aside,
               control)
    WHERE p.log_partition = v.log_partition
"""

# clock_timestamp(), not now(): the moment is to be near the commit, not near the start of the transaction.
# A window takes in the commits of a second, lest a busy partition leave a row of `projected_batches` for every commit.
_STAMP: Final = """
    INSERT INTO batches AS b (log_partition, next_offset, newest_received_at, committed_at, window_first_offset,
                              window_began_at)
    SELECT log_partition, next_offset, newest, moment, 0, moment
    FROM unnest(%(partitions)s::integer[], %(next_offset)s::bigint[], %(newest)s::timestamptz[])
         AS v (log_partition, next_offset, newest), clock_timestamp() AS moment
    ON CONFLICT (log_partition) DO UPDATE SET
        next_offset = excluded.next_offset,
        newest_received_at = coalesce(excluded.newest_received_at, b.newest_received_at),
        committed_at = excluded.committed_at,
        window_first_offset = CASE WHEN excluded.committed_at - b.window_began_at BETWEEN '0' AND '1 second'::interval
                                   THEN b.window_first_offset ELSE b.next_offset END,
        window_began_at = CASE WHEN excluded.committed_at - b.window_began_at BETWEEN '0' AND '1 second'::interval
                               THEN b.window_began_at ELSE excluded.committed_at END
"""

_NOTE_COMMIT: Final = """
    INSERT INTO projected_batches (log_partition, first_offset, next_offset, committed_at)
    SELECT log_partition, window_first_offset, next_offset, committed_at
    FROM batches WHERE log_partition = ANY(%(partitions)s::integer[])
    ON CONFLICT (log_partition, first_offset) DO UPDATE SET
        next_offset = excluded.next_offset, committed_at = excluded.committed_at
"""

# A partition without a batch gets its row here, so that readers can tell an empty log from a projector that is away.
_CAUGHT_UP: Final = """
    INSERT INTO batches (log_partition, next_offset, committed_at, caught_up_at)
    SELECT log_partition, next_offset, clock_timestamp(), clock_timestamp()
    FROM positions WHERE log_partition = ANY(%(partitions)s::integer[])
    ON CONFLICT (log_partition) DO UPDATE SET caught_up_at = excluded.caught_up_at
"""

_AT_WORK: Final = "UPDATE batches SET committed_at = clock_timestamp() WHERE log_partition = %(partition)s"

_NOTIFY: Final = """
    SELECT pg_notify('projection', p.generation || ':' || p.log_partition || ':' || p.next_offset)
    FROM positions p WHERE p.log_partition = ANY(%(partitions)s::integer[])
"""


def ensure_positions(connection: Connected, topic: Topic) -> None:
    """Make a row for every partition, and check that those there are of this very topic."""
    parameters = {"topic_id": topic.topic_id, "cluster_id": topic.cluster_id, "partitions": topic.partitions}
    found = connection.execute(_IDENTITIES).fetchall()
    if found and len(found) != topic.partitions:
        raise PartitionCountChangedError(
            f"The topic {topic.name} has {topic.partitions} partitions, the tables were made from {len(found)}. "
            "Partitions are never added to a topic in use: copy it into a new one and start with an empty database."
        )
    for partition, topic_id, cluster_id in found:
        if (topic_id, cluster_id) != (topic.topic_id, topic.cluster_id):
            raise TopicRecreatedError(
                f"Partition {partition} of the tables was made from topic {topic_id} of cluster {cluster_id}; "
                f"{topic.name} now is topic {topic.topic_id} of cluster {topic.cluster_id}. Point TOPIC and "
                "KAFKA_BOOTSTRAP_SERVERS at the one they were made from, or start with an empty database."
            )
    connection.execute(_ENSURE, parameters)


def stored_positions(connection: Connected, partitions: Collection[int]) -> dict[int, Stored]:
    """Read where partitions stand."""
    rows = connection.execute(_STORED, {"partitions": list(partitions)})
    return {partition: Stored(next_offset, generation) for partition, next_offset, generation in rows}


def fence(connection: Connected, expected: Mapping[int, Stored]) -> None:
    """Lock the rows for this transaction if they are still as this projector wrote them; else raise FencedError."""
    partitions = sorted(expected)
    rows = connection.execute(
        _FENCE,
        {
            "partitions": partitions,
            "offsets": [expected[partition].next_offset for partition in partitions],
            "generations": [expected[partition].generation for partition in partitions],
        },
    ).fetchall()
    if len(rows) != len(partitions):
        lost = sorted(set(partitions) - {row[0] for row in rows})
        raise FencedError(f"partitions {lost} were moved by another projector")


def stamp_caught_up(connection: Connected, partitions: Collection[int]) -> None:
    """Note that at this moment nothing waits in these partitions."""
    connection.execute(_CAUGHT_UP, {"partitions": list(partitions)})


def advance(
    connection: Connected, next_offsets: Mapping[int, int], counts: Counts, newest: Mapping[int, datetime]
) -> None:
    """Move the positions, add to the counts and stamp the commit; the last thing in a transaction."""
    partitions = sorted(next_offsets)
    parameters: dict[str, Any] = {
        "partitions": partitions,
        "next_offset": [next_offsets[partition] for partition in partitions],
        "newest": [newest.get(partition) for partition in partitions],
    }
    for outcome in ("read", *OUTCOMES):
        parameters[outcome] = [counts[partition, outcome] for partition in partitions]
    connection.execute(_ADVANCE, parameters)
    connection.execute(_STAMP, parameters)


def stamp_at_work(connection: Connected, partition: int) -> None:
    """Note that somebody is at work on a partition whose position stays for a while."""
    connection.execute(_AT_WORK, {"partition": partition})


def note_commit(connection: Connected, partitions: Collection[int]) -> None:
    """Keep when these partitions' records were applied, once the positions have moved."""
    connection.execute(_NOTE_COMMIT, {"partitions": list(partitions)})


def announce(connection: Connected, partitions: Collection[int]) -> None:
    """Tell the readers, once this transaction commits, how far these partitions are applied."""
    connection.execute(_NOTIFY, {"partitions": list(partitions)})
