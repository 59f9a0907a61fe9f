"""Puts records on the topic and waits, for a bounded time, until the brokers have acknowledged them.

The producer is replaced after any error that is not merely temporary, and when nothing has been acknowledged for long.
What a neighbour took down with it is sent once more. It may go on delivering what nobody waits for any more: so a
record is called *unknown*, never *refused*, unless it was certainly not written.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from kafka import TopicPartition
from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RetriableError

from ingest import metrics
from ingest.breaker import Breaker
from ingest.producer_holder import ProducerHolder
from schemas.partitioning import contact_hash, workspace_hash
from schemas.positions import Position
from schemas.records import EventNameChanged, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from kafka import KafkaProducer

    from ingest.admission import Gate
    from ingest.appending import Appender, Pair, Receipt
    from ingest.topic_limit import TopicLimit
    from schemas.records import AnyRecord

ACK_SECONDS: Final = 2.2
"""How long a request waits for its acknowledgements. What comes later is unknown to its caller."""

LEAST_ACK_SECONDS: Final = 0.4
"""How long it waits at least, also when reading it has taken most of its time."""

SILENCE_SECONDS: Final = 15.0
"""Without any acknowledgement for so long, while records are waiting, the producer is replaced: it may be stuck."""


class Acked(msgspec.Struct, frozen=True, gc=False):
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
Encoded: TypeAlias = "tuple[int, Pair]"
"""A record as it is sent. The number decides, modulo the number of partitions, on its partition."""

_NOT_HANDED: Final = Unknown(IllegalStateError.__name__)
_POISONED: Final = Unknown(MessageSizeTooLargeError.__name__)


class Unavailable(Exception):  # noqa: N818 - the word of the glossary
    """Nothing was handed to the brokers: `reason` is a stable code, `detail` is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Publisher:
    """Safe to use from many threads and across a fork."""

    def __init__(
        self,
        build: Callable[[], KafkaProducer],
        topic: str,
        gate: Gate,
        limit: TopicLimit,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._gate = gate
        self._limit = limit
        self._monotonic = monotonic
        self._breaker = Breaker(gate, monotonic)
        self._holder = ProducerHolder(build, self._breaker.acked)

    def check_room(self, size: int) -> float:
        """Raise Unavailable when so many bytes would not be let in: before anything is spent on reading them.

        Gives the moment from which on the request's time counts. `publish` wants it, and does not ask again then.
        """
        self._check_breaker()
        if not self._gate.has_room(size):
            metrics.REFUSED_ADMISSIONS.inc()
            raise _overloaded()
        return self._monotonic()

    def publish(self, records: Sequence[AnyRecord], since: float | None = None) -> list[Outcome]:
        """Publish records, as `publish_encoded` does."""
        if since is None:
            since = self.check_room(0)  # before anything is spent on writing them
        return self.publish_encoded([(_hash(record), (record.key, encode(record))) for record in records], since)

    def publish_encoded(self, encoded: Sequence[Encoded], since: float | None = None) -> list[Outcome]:
        """Publish records and wait for their acknowledgements; raise Unavailable if none was handed over.

        The outcomes stand in the order of the records. Takes `ACK_SECONDS` at most, counted from `since`, or from now.
        """
        if since is None:
            self._check_breaker()
        began = self._monotonic()
        deadline = max((since or began) + ACK_SECONDS, began + LEAST_ACK_SECONDS)
        size = sum([len(key) + len(value) for _, (key, value) in encoded])
        if not self._gate.enter(size):
            raise _overloaded()
        receipts: list[Receipt] = []
        try:
            with metrics.ACK_SECONDS.time():
                outcomes = self._attempt(encoded, receipts, deadline)
                return self._again(encoded, outcomes, receipts, deadline) if _POISONED in outcomes else outcomes
        finally:
            waiting = {ack for ack in {receipt.ack for receipt in receipts} if not ack.is_done}
            self._gate.leave_when_done(size, [receipt for receipt in receipts if receipt.ack in waiting])

    def _check_breaker(self) -> None:
        if self._breaker.refuses():
            self._holder.replace_stuck()
            raise Unavailable("kafka_unavailable", "Kafka does not acknowledge anything at the moment.")

    def _attempt(self, encoded: Sequence[Encoded], receipts: list[Receipt], deadline: float) -> list[Outcome]:
        appender, partitions, topic_id = self._connect()
        outcomes: list[Outcome] = [_NOT_HANDED] * len(encoded)
        groups = self._by_partition(encoded, partitions, outcomes)
        appended = appender.append({partition: pairs for partition, (_, pairs) in groups.items()})
        for handed in appended:  # all of them first: whatever ends the waiting, they are with the producer
            if not isinstance(handed, IllegalStateError):
                receipts += handed
        for (places, _), handed in zip(groups.values(), appended, strict=True):
            if isinstance(handed, IllegalStateError):
                self._failed(appender, handed)
            else:
                for place, outcome in zip(places, self._outcomes(appender, topic_id, handed, deadline), strict=True):
                    outcomes[place] = outcome
        return outcomes

    def _again(
        self, encoded: Sequence[Encoded], outcomes: list[Outcome], receipts: list[Receipt], deadline: float
    ) -> list[Outcome]:
        """Send once more what failed because some record was too large, now that the limit is known.

        The one that is too large stays unknown this time: it may have been written by another way. Sent again by its
        caller it is refused before it can do harm.
        """
        self._limit.ask()
        places = [
            place
            for place, (_, (key, value)) in enumerate(encoded)
            if outcomes[place] == _POISONED and len(key) + len(value) <= self._limit.bytes
        ]
        try:
            repeated = self._attempt([encoded[place] for place in places], receipts, deadline)
        except Unavailable:
            return outcomes
        for place, outcome in zip(places, repeated, strict=True):
            outcomes[place] = outcome
        return outcomes

    def _connect(self) -> tuple[Appender, int, UUID]:
        appender = self._holder.current()
        producer = appender.producer
        try:
            partitions = producer.partitions_for(self._topic)  # known after the first time; waits 1.5 seconds at most
        except (RetriableError, IllegalStateError) as error:
            self._breaker.not_connected()
            raise Unavailable("kafka_unavailable", "Kafka cannot be reached at the moment.") from error
        except KafkaError as error:
            self._holder.replace(appender, error)
            raise Unavailable("kafka_unavailable", "Kafka refuses to take records at the moment.") from error
        self._breaker.connected()
        topic_id = producer._metadata.topic_id(self._topic)  # noqa: SLF001 - kafka-python has no public way to it
        if not partitions or topic_id is None:
            raise Unavailable(
                "kafka_unavailable", f"Kafka has no topic {self._topic}. Run `contact-events topic create`."
            )
        return appender, len(partitions), topic_id

    def _by_partition(
        self, encoded: Sequence[Encoded], partitions: int, outcomes: list[Outcome]
    ) -> dict[TopicPartition, tuple[list[int], list[Pair]]]:
        """Sort records, with their places, by their partitions; note what is too large to be sent."""
        groups: dict[int, tuple[list[int], list[Pair]]] = {}
        limit = self._limit.bytes
        for place, (hash_, pair) in enumerate(encoded):
            size = len(pair[0]) + len(pair[1])
            if size > limit and self._too_large(size):
                outcomes[place] = TooLarge(size, self._limit.bytes)
                continue
            partition = hash_ % partitions
            group = groups.get(partition)
            if group is None:
                group = groups[partition] = ([], [])
            group[0].append(place)
            group[1].append(pair)
        return {TopicPartition(self._topic, partition): group for partition, group in groups.items()}

    def _too_large(self, size: int) -> bool:
        self._limit.ask()  # it may have been raised again
        return size > self._limit.bytes

    def _outcomes(
        self, appender: Appender, topic_id: UUID, receipts: Sequence[Receipt], deadline: float
    ) -> Iterator[Outcome]:
        """Wait for the acknowledgements of records of one partition, most of which share theirs."""
        ack, partition, base = None, 0, 0
        for receipt in receipts:
            if receipt.ack is not ack:
                try:
                    offset = receipt.offset(deadline, self._monotonic)
                except KafkaError as error:
                    if isinstance(error, KafkaTimeoutError):
                        self._breaker.waited_in_vain(deadline - ACK_SECONDS)
                    self._failed(appender, error)
                    yield Unknown(type(error).__name__)
                    continue
                self._breaker.acked()
                ack, partition, base = receipt.ack, receipt.partition, offset - receipt.index
            yield Acked(Position(topic_id, partition, base + receipt.index))

    def _failed(self, appender: Appender, error: Exception) -> None:
        if not isinstance(error, RetriableError):
            self._holder.replace(appender, error)
        elif self._breaker.silence > SILENCE_SECONDS:
            self._holder.replace(appender, KafkaTimeoutError(f"no acknowledgement for {SILENCE_SECONDS} s"))

    def unavailable(self) -> str | None:
        """Say why records cannot be published at the moment; None when they can. Asks the brokers."""
        try:
            producer = self._connect()[0].producer
        except Unavailable as error:
            return error.detail
        answered = threading.Event()
        producer._metadata.request_update().add_callback(lambda _: answered.set())  # noqa: SLF001 - no public way to ask
        return None if answered.wait(1.5) else "Kafka does not answer."

    def close(self, seconds: float = 8.0) -> None:
        """Deliver what is waiting, for so long at most, and let go of the producer."""
        self._holder.close(seconds)


def _overloaded() -> Unavailable:
    return Unavailable("overloaded", "Too many events are waiting for Kafka at the moment.")


def _hash(record: AnyRecord) -> int:
    if isinstance(record, EventNameChanged):
        return workspace_hash(record.workspace_id)
    return contact_hash(record.workspace_id, record.contact_id)
