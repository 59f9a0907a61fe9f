"""Records on the real topic, past ingest, which would give all of them the time of now; and waiting for the tables."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from runtime.kafka import build_producer
from schemas.partitioning import contact_partition, workspace_partition
from schemas.records import HEADERS, EventNameChanged, encode

if TYPE_CHECKING:
    from typing import Self

    from kafka.producer.future import FutureRecordMetadata

    from schemas.records import AnyRecord
    from tests.e2e.system import System

SECONDS = 60.0
"""Generous: the machine may be busy."""


class Log:
    """The system's topic, to write to."""

    def __init__(self, system: System) -> None:
        environment = system.environment
        self._topic = environment["TOPIC"]
        self._partitions = int(environment["PARTITIONS"])
        self._producer = build_producer(environment["KAFKA_BOOTSTRAP_SERVERS"], "tests")
        self._tables = psycopg.connect(environment["DATABASE_URL"], autocommit=True)
        self._sent: list[FutureRecordMetadata] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close(timeout=10)
        wrong = self._tables.execute("SELECT reason, detail FROM projection.dead_letters LIMIT 5").fetchall()
        self._tables.close()
        assert wrong == [], "records of the sample that the projector refused"

    def append(self, record: AnyRecord) -> None:
        """Send a record to its contact's partition, or its workspace's."""
        if isinstance(record, EventNameChanged):
            partition = workspace_partition(record.workspace_id, self._partitions)
        else:
            partition = contact_partition(record.workspace_id, record.contact_id, self._partitions)
        self._sent.append(
            self._producer.send(self._topic, encode(record), record.key, headers=HEADERS, partition=partition)
        )

    def acknowledged(self) -> dict[int, int]:
        """Wait until all that was sent is stored; the newest offset of each partition."""
        sent, self._sent = self._sent, []
        self._producer.flush()
        newest: dict[int, int] = {}
        for future in sent:
            stored = future.get(timeout=SECONDS)
            newest[stored.partition] = max(newest.get(stored.partition, -1), stored.offset)
        return newest

    def settle(self) -> None:
        """Wait until all that was sent is in the tables."""
        newest = self.acknowledged()
        deadline = time.monotonic() + SECONDS
        while self._missing(newest):
            assert time.monotonic() < deadline, "the projector does not come to what was written"
            time.sleep(0.01)

    def _missing(self, newest: dict[int, int]) -> bool:
        reached: dict[int, int] = dict(
            self._tables.execute("SELECT log_partition, next_offset FROM projection.positions").fetchall()
        )
        return any(reached.get(partition, 0) <= offset for partition, offset in newest.items())
