"""Where every partition stands against the log, and whether the counts add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kafka import TopicPartition
from psycopg.rows import class_row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from kafka import KafkaConsumer
    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

OUTCOMES: Final = ("applied", "duplicate", "conflict", "refused", "dead_lettered", "set_aside", "control")


@dataclass(frozen=True, slots=True)
class PartitionState:
    """A row of `positions` with its stamps. Times are None where nothing was ever committed or caught up."""

    log_partition: int
    next_offset: int
    generation: int
    read: int
    applied: int
    duplicate: int
    conflict: int
    refused: int
    dead_lettered: int
    set_aside: int
    control: int
    newest_received_at: datetime | None
    committed_at: datetime | None
    caught_up_at: datetime | None

    @property
    def adds_up(self) -> bool:
        """Tell whether every record read has exactly one outcome."""
        outcomes: list[int] = [getattr(self, outcome) for outcome in OUTCOMES]
        return self.read == sum(outcomes)


_STATES: Final = """
    SELECT p.log_partition, p.next_offset, p.generation, p.read, p.applied, p.duplicate, p.conflict, p.refused,
           p.dead_lettered, p.set_aside, p.control, b.newest_received_at, b.committed_at, b.caught_up_at
    FROM positions p LEFT JOIN batches b USING (log_partition) ORDER BY p.log_partition
"""


def partition_states(connection: Connected) -> list[PartitionState]:
    """Read where every partition stands."""
    with connection.cursor(row_factory=class_row(PartitionState)) as cursor:
        return cursor.execute(_STATES).fetchall()


def log_ends(consumer: KafkaConsumer, topic: str, partitions: int) -> dict[int, int]:
    """Read the end of the log, the offset that the next record will get, for each partition."""
    wanted = [TopicPartition(topic, partition) for partition in range(partitions)]
    return {tp.partition: end for tp, end in consumer.end_offsets(wanted).items()}


def waiting_since(consumer: KafkaConsumer, topic: str, next_offsets: Mapping[int, int]) -> dict[int, float]:
    """Tell when the log took the first record that waits, for partitions in which one does: seconds since the epoch."""
    found: dict[int, float] = {}
    consumer.assign([TopicPartition(topic, partition) for partition in next_offsets])
    for partition, offset in next_offsets.items():
        consumer.seek(TopicPartition(topic, partition), offset)
    for _ in range(20):
        if len(found) == len(next_offsets):
            break
        for tp, records in consumer.poll(timeout_ms=250, max_records=1).items():
            found.setdefault(tp.partition, records[0].timestamp / 1000)
            consumer.pause(tp)
    return found
