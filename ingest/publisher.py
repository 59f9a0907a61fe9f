"""Puts records on the topic and waits, for a bounded time, until the brokers have acknowledged them.

kafka-python's producer needs a holder. One record that a broker refuses for good leaves it in a state in which every
later send fails; it does not survive a fork; and it may go on delivering what nobody waits for any more. So the holder
makes it lazily in each process, replaces it after any error that is not merely temporary (and when nothing has been
acknowledged for long), sends what a neighbour took down with it once more, and calls a record *unknown*, never
*refused*, unless it was certainly not written.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog
from kafka import TopicPartition
from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RetriableError

from ingest import metrics
from schemas.partitioning import contact_partition, workspace_partition
from schemas.positions import Position
from schemas.records import HEADERS, EventNameChanged, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from kafka import KafkaProducer

    from ingest.admission import Gate
    from ingest.topic_limit import TopicLimit
    from schemas.records import AnyRecord

log = structlog.get_logger()

ACK_SECONDS: Final = 2.5
"""How long a request waits for its acknowledgements. What comes later is unknown to its caller."""

SILENCE_SECONDS: Final = 15.0
"""Without any acknowledgement for so long, while records are waiting, the producer is replaced: it may be stuck."""


@dataclass(frozen=True, slots=True)
class Acked:
    """The record is in the log, on all in-sync replicas."""

    position: Position


@dataclass(frozen=True, slots=True)
class Unknown:
    """The record may or may not be in the log, now or later. Sending it again with the same id is safe."""

    reason: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The record is larger than the topic takes: it was not written."""

    size: int
    limit: int


Outcome = Acked | Unknown | TooLarge
Encoded: TypeAlias = "tuple[AnyRecord, bytes, bytes]"
_POISONED: Final = Unknown(MessageSizeTooLargeError.__name__)


class Unavailable(Exception):  # noqa: N818 - the word of the glossary
    """Nothing was handed to the brokers: `reason` is a stable code, `detail` is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Publisher:
    """Holds the producer. Safe to use from many threads and across a fork."""

    def __init__(
        self,
        build: Callable[[], KafkaProducer],
        topic: str,
        gate: Gate,
        limit: TopicLimit,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._build = build
        self._topic = topic
        self._gate = gate
        self._limit = limit
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None
        self._pid = 0
        self._acked_at = 0.0

    def publish(self, records: Sequence[AnyRecord]) -> list[Outcome]:
        """Publish records and wait for their acknowledgements; raise Unavailable if none was handed over.

        The outcomes stand in the order of the records. Takes at most `ACK_SECONDS`.
        """
        deadline = self._monotonic() + ACK_SECONDS
        encoded = [(record, record.key, encode(record)) for record in records]
        size = sum(len(key) + len(value) for _, key, value in encoded)
        if not self._gate.enter(size):
            raise Unavailable("overloaded", "Too many events are waiting for Kafka at the moment.")
        futures: list[Any] = []
        try:
            with metrics.ACK_SECONDS.time():
                outcomes = self._attempt(encoded, futures, deadline)
                return self._again(encoded, outcomes, futures, deadline) if _POISONED in outcomes else outcomes
        finally:
            pending = [future for future in futures if not future.is_done]
            if pending:
                self._gate.leave_when_done(size, pending)
            else:
                self._gate.leave(size)

    def _attempt(self, encoded: Sequence[Encoded], futures: list[Any], deadline: float) -> list[Outcome]:
        producer, partitions, topic_id = self._connect()
        sent = self._hand_over(producer, partitions, encoded)
        futures += [future for future in sent if not isinstance(future, TooLarge | Unknown)]
        return [self._outcome(producer, topic_id, each, deadline) for each in sent]

    def _again(
        self, encoded: Sequence[Encoded], outcomes: list[Outcome], futures: list[Any], deadline: float
    ) -> list[Outcome]:
        """Send once more what failed because some record was too large, now that the limit is known.

        The one that is too large stays unknown this time: it may have been written by another way. Sent again by its
        caller it is refused before it can do harm.
        """
        self._limit.ask()
        places = [
            place
            for place, (_, key, value) in enumerate(encoded)
            if outcomes[place] == _POISONED and len(key) + len(value) <= self._limit.bytes
        ]
        try:
            repeated = self._attempt([encoded[place] for place in places], futures, deadline)
        except Unavailable:
            return outcomes
        for place, outcome in zip(places, repeated, strict=True):
            outcomes[place] = outcome
        return outcomes

    def _connect(self) -> tuple[KafkaProducer, int, UUID]:
        producer = self._current()
        try:
            partitions = producer.partitions_for(self._topic)  # known after the first time; waits two seconds at most
        except (RetriableError, IllegalStateError) as error:
            raise Unavailable("kafka_unavailable", "Kafka cannot be reached at the moment.") from error
        except KafkaError as error:
            self._replace(producer, error)
            raise Unavailable("kafka_unavailable", "Kafka refuses to take records at the moment.") from error
        topic_id = producer._metadata.topic_id(self._topic)  # noqa: SLF001 - kafka-python has no public way to it
        if not partitions or topic_id is None:
            raise Unavailable(
                "kafka_unavailable", f"Kafka has no topic {self._topic}. Run `contact-events topic create`."
            )
        return producer, len(partitions), topic_id

    def _current(self) -> KafkaProducer:
        producer = self._producer
        if producer is not None and self._pid == os.getpid():
            return producer
        with self._lock:
            if self._producer is None or self._pid != os.getpid():
                self._producer, self._pid, self._acked_at = self._build(), os.getpid(), self._monotonic()
            return self._producer

    def _hand_over(self, producer: KafkaProducer, partitions: int, encoded: Sequence[Encoded]) -> list[Any]:
        """Put records into the producer's buffer and wake its thread once; give a future or an outcome for each.

        `KafkaProducer.send` does the same for one record, and wakes the thread for each: with a batch over twelve
        partitions that costs more than all the rest. Tests hold the inner parts used here in place.
        """
        append = producer._accumulator.append  # noqa: SLF001 - see above
        wake = False
        sent: list[Any] = []
        for record, key, value in encoded:
            if self._too_large(key, value):
                sent.append(TooLarge(len(key) + len(value), self._limit.bytes))
                continue
            place = TopicPartition(self._topic, _partition(record, partitions))
            try:
                future, full, new, _ = append(place, None, key, value, HEADERS)
            except KafkaError as error:
                self._failed(producer, error)
                future, full, new = Unknown(type(error).__name__), False, False
            wake = wake or full or new
            sent.append(future)
        if wake:
            producer._sender.wakeup()  # noqa: SLF001 - see above
        return sent

    def _too_large(self, key: bytes, value: bytes) -> bool:
        if len(key) + len(value) <= self._limit.bytes:
            return False
        self._limit.ask()  # it may have been raised again
        return len(key) + len(value) > self._limit.bytes

    def _outcome(self, producer: KafkaProducer, topic_id: UUID, sent: Any, deadline: float) -> Outcome:  # noqa: ANN401
        if isinstance(sent, TooLarge | Unknown):
            return sent
        if not sent.is_done or sent.exception is not None:  # in a batch most are done once the first is
            try:
                sent.get(timeout=max(0.0, deadline - self._monotonic()))
            except KafkaError as error:
                self._failed(producer, error)
                return Unknown(type(error).__name__)
            self._acked_at = self._monotonic()
        return Acked(Position(topic_id, sent.value.partition, sent.value.offset))

    def _failed(self, producer: KafkaProducer, error: Exception) -> None:
        if not isinstance(error, RetriableError):
            self._replace(producer, error)
        elif self._monotonic() - self._acked_at > SILENCE_SECONDS:
            self._replace(producer, KafkaTimeoutError(f"no acknowledgement for {SILENCE_SECONDS} s"))

    def _replace(self, producer: KafkaProducer, error: Exception) -> None:
        with self._lock:
            if self._producer is not producer:
                return  # another thread was first
            self._producer = None
        metrics.PRODUCER_REPLACEMENTS.labels(type(error).__name__).inc()
        log.warning("producer replaced", reason=type(error).__name__)
        threading.Thread(target=_close, args=(producer, 0.0), name="producer-closing", daemon=True).start()

    def unavailable(self) -> str | None:
        """Say why records cannot be published at the moment; None when they can. Asks the brokers."""
        try:
            producer, _, _ = self._connect()
        except Unavailable as error:
            return error.detail
        answered = threading.Event()
        producer._metadata.request_update().add_callback(lambda _: answered.set())  # noqa: SLF001 - no public way to ask
        return None if answered.wait(1.5) else "Kafka does not answer."

    def close(self, seconds: float = 8.0) -> None:
        """Deliver what is waiting, for so long at most, and let go of the producer."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None and self._pid == os.getpid():
            _close(producer, seconds)


def _partition(record: AnyRecord, partitions: int) -> int:
    if isinstance(record, EventNameChanged):
        return workspace_partition(record.workspace_id, partitions)
    return contact_partition(record.workspace_id, record.contact_id, partitions)


def _close(producer: KafkaProducer, seconds: float) -> None:
    try:
        producer.close(timeout=seconds)
    except Exception as error:  # noqa: BLE001 - with the brokers away it raises whatever it likes; there is no more to do
        log.warning("producer not closed cleanly", reason=type(error).__name__)
