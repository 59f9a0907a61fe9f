"""Gather what the audit looks at: the log through librdkafka, the tables through plain SQL."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from confluent_kafka import Consumer, TopicPartition

from tests.drill.audit import Evidence, LogRecord, Row, parse_value

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTS = ("next_offset", "read", "applied", "duplicate", "conflict", "refused", "dead_lettered", "set_aside", "control")


@contextmanager
def _consumer(bootstrap_servers: str) -> Iterator[Consumer]:
    settings = {"bootstrap.servers": bootstrap_servers, "group.id": "audit", "enable.auto.commit": False}
    consumer = Consumer(settings | {"auto.offset.reset": "error", "enable.partition.eof": True})
    try:
        yield consumer
    finally:
        consumer.close()


def log_ends(bootstrap_servers: str, topic: str, partitions: int) -> dict[int, int]:
    """Read the end of each partition."""
    with _consumer(bootstrap_servers) as consumer:
        return {
            partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)[1]
            for partition in range(partitions)
        }


def read_log(bootstrap_servers: str, topic: str, ends: dict[int, int]) -> list[LogRecord]:
    """Read the whole topic."""
    found: list[LogRecord] = []
    left = {partition for partition, end in ends.items() if end}
    with _consumer(bootstrap_servers) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
        while left:
            message = consumer.poll(30)
            assert message is not None, "the log could not be read"
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            if message.error():
                left.discard(partition)
            else:
                key = (message.key() or b"").decode()
                found.append(LogRecord(partition, offset, key, parse_value(message.value())))
    return found


def gather(bootstrap_servers: str, topic: str, partitions: int, database_url: str) -> Evidence:
    """Gather log and tables; what callers know, and whether a rebuild is equal, is for the caller to add."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET timezone TO 'UTC'")
        rows: list[Any] = connection.execute(
            'SELECT contact_id, event_id, name, to_char(occurred_at, \'YYYY-MM-DD"T"HH24:MI:SS"Z"\'), properties,'
            " log_partition, log_offset FROM projection.timeline"
        ).fetchall()
        names = connection.execute("SELECT contact_id, name, count FROM projection.contact_event_names").fetchall()
        positions = connection.execute(
            "SELECT log_partition, next_offset, read, applied, duplicate, conflict, refused, dead_lettered, set_aside,"
            " control FROM projection.positions"
        ).fetchall()
    ends = log_ends(bootstrap_servers, topic, partitions)
    return Evidence(
        accepted=[],
        sent=set(),
        erased=set(),
        log=read_log(bootstrap_servers, topic, ends),
        rows=[Row(*row) for row in rows],
        names={(row[0], row[1]): row[2] for row in names},
        positions={row[0]: dict(zip(COUNTS, row[1:], strict=True)) for row in positions},
        log_ends=ends,
    )
