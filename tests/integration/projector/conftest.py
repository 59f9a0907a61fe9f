"""A log to write records to, and a projector without a process, for tests that care about the tables."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition

from projector.batch import decode_batch
from projector.replay import Replay
from projector.settings import Settings
from projector.topic import describe_topic
from projector.writer import Writer
from runtime.kafka import build_admin, build_consumer, build_producer
from runtime.postgres import Watchdog
from schemas.partitioning import contact_partition, workspace_partition
from schemas.records import (
    HEADERS,
    AnyRecord,
    ContactCreated,
    ContactErased,
    ContactUpdated,
    EventErased,
    EventNameChanged,
    EventRecorded,
    NameChange,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projector.batch import Batch
    from projector.position_table import Topic
    from tests.parts import Parts

PARTITIONS = 3
T0 = datetime(2026, 6, 7, 10, 30, tzinfo=UTC)


@dataclass
class Records:
    """Makes records; every record gets its own record id, and a receipt a second after the one before."""

    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    workspace_id: int = 1

    def _common(self, contact_id: int, id_: str | None) -> dict[str, Any]:
        number = next(self.numbers)
        return {
            "workspace_id": self.workspace_id,
            "contact_id": contact_id,
            "record_id": UUID(int=number),
            "id": id_ or f"id-{number}",
            "received_at": T0 + timedelta(seconds=number),
        }

    def event(
        self,
        contact_id: int,
        id_: str | None = None,
        name: str = "plan_upgraded",
        occurred_at: datetime = T0,
        properties: str = "{}",
    ) -> EventRecorded:
        common = self._common(contact_id, id_)
        return EventRecorded(**common, name=name, occurred_at=occurred_at, properties=properties)

    def created(self, contact_id: int, id_: str | None = None, **fields: str | None) -> ContactCreated:
        defaults: dict[str, Any] = {
            "external_id": f"ext-{contact_id}",
            "email": None,
            "name": None,
            "custom_data": "{}",
        }
        return ContactCreated(**self._common(contact_id, id_), **(defaults | fields))

    def updated(self, contact_id: int, id_: str | None = None, **fields: object) -> ContactUpdated:
        defaults: dict[str, Any] = {"profile": {}, "custom_data": None}
        return ContactUpdated(**self._common(contact_id, id_), **(defaults | fields))

    def event_erased(self, contact_id: int, event_id: str) -> EventErased:
        return EventErased(**self._common(contact_id, None), event_id=event_id)

    def contact_erased(self, contact_id: int) -> ContactErased:
        return ContactErased(**self._common(contact_id, None))

    def name_changed(self, name: str, change: NameChange, id_: str | None = None) -> EventNameChanged:
        common = self._common(0, id_)
        del common["contact_id"]
        return EventNameChanged(**common, name=name, change=change)


class Log:
    """The test's topic."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self.topic = topic
        self._producer = build_producer(bootstrap_servers, "tests")
        self._consumer = build_consumer(bootstrap_servers, "tests")

    def append(self, *records: AnyRecord) -> None:
        """Publish records, each to its partition, and wait for all the acks."""
        for record in records:
            partition = (
                workspace_partition(record.workspace_id, PARTITIONS)
                if isinstance(record, EventNameChanged)
                else contact_partition(record.workspace_id, record.contact_id, PARTITIONS)
            )
            self._producer.send(self.topic, encode(record), record.key, headers=HEADERS, partition=partition)
        self._producer.flush()

    def append_raw(self, key: bytes | None, value: bytes | None, partition: int = 0) -> int:
        """Publish bytes as they are; the offset."""
        return int(self._producer.send(self.topic, value, key, partition=partition).get(timeout=60).offset)

    def ends(self) -> dict[int, int]:
        """The log end of each partition."""
        partitions = [TopicPartition(self.topic, partition) for partition in range(PARTITIONS)]
        return {tp.partition: end for tp, end in self._consumer.end_offsets(partitions).items()}

    def close(self) -> None:
        self._producer.close(timeout=10)
        self._consumer.close()


OF_A_CONTACT = (
    "contacts",
    "contact_updates",
    "timeline",
    "contact_event_names",
    "record_copies",
    "dead_letters",
    "erased_events",
    "refused_copies",
)
"""The tables in which an erased contact must have no row."""


class Projection:
    """Folds the log into the tables, in this very thread, and looks at the tables."""

    def __init__(self, parts: Parts, database_url: str, log: Log, schema: str = "projection") -> None:
        admin = build_admin(parts.bootstrap_servers, "tests")
        self.topic: Topic = describe_topic(admin, log.topic)
        admin.close()
        self.log = log
        self.writer = Writer(database_url, schema, self.topic, Watchdog())
        self.consumer: KafkaConsumer = build_consumer(parts.bootstrap_servers, "tests", fetch_max_wait_ms=50)
        self.connection = psycopg.connect(database_url, autocommit=True)
        self.connection.execute(
            psycopg.sql.SQL("SET search_path TO {}, write_side").format(psycopg.sql.Identifier(schema))
        )

    def catch_up(self, batch_size: int = 5_000, ends: dict[int, int] | None = None) -> None:
        """Apply everything in the log, or everything before `ends`."""
        Replay(self.consumer, self.writer, self.topic, batch_size).run(ends or self.log.ends())

    def rows(self, statement: str, *parameters: object) -> list[Any]:
        cursor = self.connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: object) -> Any:  # noqa: ANN401 - whatever the column holds
        return self.rows(statement, *parameters)[0][0]

    def outbox(self) -> set[bytes]:
        """The keys that are noted for tombstones, sent or not."""
        return {row[0] for row in self.rows("SELECT record_key FROM erasure_outbox")}

    def counts(self) -> dict[str, int]:
        """The counts of all partitions, without the zeros."""
        columns = ["read", "applied", "duplicate", "conflict", "refused", "dead_lettered", "set_aside", "control"]
        row = self.rows(f"SELECT {', '.join(f'sum({column})::int' for column in columns)} FROM positions")[0]
        return {column: count for column, count in zip(columns, row, strict=True) if count}

    def close(self) -> None:
        self.writer.close()
        self.consumer.close()
        self.connection.close()


def batch_of(projection: Projection, log: Log) -> Batch:
    """What a projector would poll now, from where the tables stand."""
    ends = log.ends()
    start = projection.writer.positions(list(ends))
    projection.consumer.assign([TopicPartition(log.topic, partition) for partition in ends])
    for partition, stored in start.items():
        projection.consumer.seek(TopicPartition(log.topic, partition), stored.next_offset)
        projection.consumer.resume(TopicPartition(log.topic, partition))  # catching up paused it
    polled: dict[int, list[object]] = {}
    deadline = time.monotonic() + 120
    while sum(map(len, polled.values())) < sum(ends[p] - start[p].next_offset for p in ends):
        assert time.monotonic() < deadline
        for tp, found in projection.consumer.poll(timeout_ms=200).items():
            polled.setdefault(tp.partition, []).extend(found)
    return decode_batch(polled, {partition: ends[partition] for partition in polled}, projection.topic.partitions)


@pytest.fixture
def projector_settings(environment: dict[str, str]) -> Settings:
    return Settings.read(environment)


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def log(stack: Parts, topic: str) -> Iterator[Log]:
    log = Log(stack.bootstrap_servers, topic)
    yield log
    log.close()


@pytest.fixture
def projection(stack: Parts, database_url: str, log: Log) -> Iterator[Projection]:
    projection = Projection(stack, database_url, log)
    yield projection
    projection.close()
