"""A producer with kafka-python's real buffer and no network: waking its sender completes what is in the buffer."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kafka.errors import KafkaTimeoutError
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.record.memory_records import MemoryRecords

from schemas.records import EventRecorded

if TYPE_CHECKING:
    from kafka.producer.producer_batch import ProducerBatch
    from kafka.producer.transaction_manager import TransactionManager

TOPIC_ID = UUID("0197b7a0-0000-7000-8000-000000000001")


class Metadata:
    def topic_id(self, _topic: str) -> UUID:
        return TOPIC_ID


class Producer:
    """Acknowledges when woken, or does whatever `failure` says, or nothing when `silent`."""

    def __init__(self, failure: Exception | None = None, *, silent: bool = False, batch_size: int = 65_536) -> None:
        self._metadata = Metadata()
        self._accumulator = RecordAccumulator(batch_size=batch_size, linger_ms=2)
        self._sender = self
        self._transaction_manager: TransactionManager | None = None
        self.failure = failure
        self.silent = silent
        self.woken = 0
        self.closed = False
        self.log: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        """What has been taken out of the buffer, by partition, in order."""

    def partitions_for(self, _topic: str) -> set[int]:
        return {0, 1, 2}

    def wakeup(self) -> None:
        self.woken += 1
        if not self.silent:
            self.complete()

    def complete(self) -> None:
        for batch in self.take():
            if self.failure is not None:
                batch.complete_exceptionally(self.failure, lambda _: self.failure)
            else:
                log = self.log[batch.topic_partition.partition]
                base = len(log)
                log += [(bytes(record.key), bytes(record.value)) for record in read(batch)]
                batch.complete(base, -1)
            self._accumulator.deallocate(batch)

    def take(self) -> list[ProducerBatch]:
        """Take all batches out of the buffer, closed, as the sender does."""
        taken = []
        for waiting in list(self._accumulator._batches.values()):  # noqa: SLF001 - this is the sender
            while waiting:
                batch = waiting.popleft()
                batch.records.close()
                batch.drained = 1.0
                taken.append(batch)
        return taken

    @property
    def sent(self) -> list[tuple[bytes, bytes]]:
        return [record for log in self.log.values() for record in log]

    def close(self, timeout: float) -> None:
        """Close; with records waiting raise, as kafka-python does."""
        assert timeout >= 0
        if self._accumulator.has_undrained():
            raise KafkaTimeoutError("Timeout waiting for future")
        self.closed = True

    def force_close(self) -> None:
        self.closed = True
        self._accumulator.abort_incomplete_batches()


def read(batch: ProducerBatch) -> list[Any]:
    """Read a closed batch's records with kafka-python's own reader."""
    return [record for records in MemoryRecords(bytes(batch.records.buffer())) for record in records]


def event(number: int, properties: str = "{}") -> EventRecorded:
    moment = datetime(2026, 6, 7, tzinfo=UTC)
    return EventRecorded(
        workspace_id=1, contact_id=number, record_id=UUID(int=number), id=f"e-{number}", received_at=moment,
        name="x", occurred_at=moment, properties=properties,
    )  # fmt: skip
