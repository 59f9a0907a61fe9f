"""Puts all records of a request into kafka-python's buffer at once.

Its own way is one record at a time: locks, a future with a lock, callbacks and a pure-Python encoder for each record,
which together cost more than all else that is done to an event. Here the records that go to one partition are written
under one lock, each in one step, and what waits for them waits for their batch. What the sender finds is the same, byte
for byte: an ordinary batch, whose sequence numbers, retries, expiry, splitting and closing stay kafka-python's.

`tests/unit/ingest/test_appending.py` holds the inner parts used here in place; docs/decisions/0005 tells why and how to
go back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from kafka.errors import IllegalStateError, KafkaTimeoutError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.record.util import encode_varint

from schemas.records import HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kafka import KafkaProducer, TopicPartition

Pair = tuple[bytes, bytes]
"""A record's key and value. All records have the same headers."""

_LONGEST_REMEMBERED: Final = 4096
_NO_OFFSET: Final = -1
_YOUNG_SECONDS: Final = 0.1


class _Varints(dict[int, bytes]):
    """Numbers as Kafka writes them: those that come by the thousand are remembered."""

    def __missing__(self, number: int) -> bytes:
        written = bytearray()
        encode_varint(number, written.append)
        return bytes(written)


_VARINTS: Final = _Varints()
_VARINTS.update({number: _VARINTS[number] for number in range(_LONGEST_REMEMBERED)})


def _headers(headers: Sequence[tuple[str, bytes]]) -> bytes:
    parts = [_VARINTS[len(headers)]]
    for name, value in headers:
        parts += [_VARINTS[len(name.encode())], name.encode(), _VARINTS[len(value)], value]
    return b"".join(parts)


_HEADERS: Final = _headers(HEADERS)


class Receipt(msgspec.Struct, eq=False):  # made for each record, in a third of the time of an ordinary class
    """What stands for a record until it is acknowledged: the future of its batch, and its place in the batch."""

    ack: Any
    index: int
    then: Any = None
    """Called once the producer is done with the record: see `when_done`."""

    @property
    def partition(self) -> int:
        """The record's partition."""
        return int(self.ack.topic_partition.partition)

    @property
    def is_done(self) -> bool:
        """Tell whether the producer is done with the record, however that ended."""
        return bool(self.ack.is_done)

    def offset(self, deadline: float, monotonic: Callable[[], float]) -> int:
        """Wait for the acknowledgement and give the record's offset; raise KafkaError for any other end."""
        ack = self.ack
        while not ack.is_done:
            left = deadline - monotonic()
            if left <= 0 or not ack.wait(left):
                raise KafkaTimeoutError("not acknowledged in time")
            ack = self.ack  # woken, but not done: the batch was split, and the record is in another one now
        base, _, errors = ack.value
        if errors is not None:
            raise errors(self.index)
        if base == _NO_OFFSET:
            raise KafkaTimeoutError("written before, and the brokers do not know any more where")
        return int(base) + self.index

    def when_done(self, then: Callable[[Receipt], None]) -> None:
        """Call `then` once the producer is done with the record; in a rare race it is called twice."""
        self.then = then  # first this: a split in between must find it
        self.ack.add_both(self._done)

    def rebind(self, ack: Any, index: int) -> None:  # noqa: ANN401 - kafka-python ships no types
        """Move to another batch: kafka-python calls this for each record of a batch that it splits."""
        left, self.ack, self.index = self.ack, ack, index
        if self.then is not None:
            ack.add_both(self._done)
        left._latch.set()  # noqa: SLF001 - as its own futures do: nobody will ever complete the one that is left

    def _done(self, _: object) -> None:
        if self.then is not None:
            self.then(self)


class Appender:
    """Appends to one producer's buffer; wakes its sender no more often than needed. Safe to use from many threads."""

    def __init__(self, producer: KafkaProducer) -> None:
        self.producer = producer
        self._accumulator = producer._accumulator  # noqa: SLF001 - see the module's docstring
        self._sender = producer._sender  # noqa: SLF001
        self._woken_for: Any = None

    def append(self, groups: Mapping[TopicPartition, Sequence[Pair]]) -> list[list[Receipt] | IllegalStateError]:
        """Append each partition's records in their order; an error stands where the producer has been closed."""
        appended: list[list[Receipt] | IllegalStateError] = []
        new, full = None, False
        try:
            for partition, pairs in groups.items():
                try:
                    receipts, batch, is_full = self._append(partition, pairs)
                except IllegalStateError as error:
                    appended.append(error)
                else:
                    appended.append(receipts)
                    new, full = batch or new, full or is_full
        finally:
            if full or (new is not None and not self._will_look()):
                self._woken_for = new or self._woken_for
                self._sender.wakeup()
        return appended

    def _will_look(self) -> bool:
        """Tell whether the sender is going to look at the buffer again within the linger time, without being woken.

        It is while a young batch, for which it has been woken, has not been taken out: whatever it takes out, it looks
        once more before it sleeps. So under load one request of many pays for the waking. (A batch that is to be sent
        again, or whose partition has no leader, makes it look more seldom; it is not young for long.)
        """
        batch = self._woken_for
        return (
            batch is not None
            and batch.drained is None
            and not batch.is_done
            and batch.attempts == 0
            and time.monotonic() - batch.created < _YOUNG_SECONDS
        )

    def _append(self, partition: TopicPartition, pairs: Sequence[Pair]) -> tuple[list[Receipt], Any, bool]:
        """Append to one partition; give also the first batch that was begun, and whether one is ready to be sent."""
        accumulator = self._accumulator
        receipts: list[Receipt] = []
        new = None
        accumulator._appends_in_progress.increment()  # noqa: SLF001 - a close waits for those who are in here
        try:
            with accumulator._tp_lock(partition):  # noqa: SLF001
                if accumulator._closed:  # noqa: SLF001
                    raise IllegalStateError("the producer is closed")
                waiting = accumulator._batches[partition]  # noqa: SLF001
                now = time.monotonic()
                while len(receipts) < len(pairs):
                    if waiting and _fill(waiting[-1], pairs, receipts, now):
                        continue
                    batch = _new_batch(accumulator.config, partition, now)
                    _fill(batch, pairs, receipts, now)
                    waiting.append(batch)
                    accumulator._incomplete.add(batch)  # noqa: SLF001
                    new = new or batch
                return receipts, new, len(waiting) > 1 or waiting[-1].records.is_full()
        finally:
            accumulator._appends_in_progress.decrement()  # noqa: SLF001


def _new_batch(config: Mapping[str, Any], partition: TopicPartition, now: float) -> Any:  # noqa: ANN401
    records = MemoryRecordsBuilder(config["message_version"], config["compression_attrs"], config["batch_size"])
    return ProducerBatch(partition, records, now=now)


def _fill(batch: Any, pairs: Sequence[Pair], receipts: list[Receipt], now: float) -> bool:  # noqa: ANN401
    """Write as many of the records that have no receipt yet as the batch has room for; tell whether there was any.

    A batch takes its first record whatever its size. The bytes are those of `DefaultRecordBatchBuilder.append`.
    """
    records = batch.records
    if records._closed:  # noqa: SLF001
        return False
    builder = records._builder  # noqa: SLF001
    buffer: bytearray = builder._buffer  # noqa: SLF001
    first = index = records._next_offset  # noqa: SLF001
    moment = int(time.time() * 1000)
    if builder._first_timestamp is None:  # noqa: SLF001
        builder._first_timestamp = builder._max_timestamp = moment  # noqa: SLF001
    start = b"\x00" + _VARINTS[moment - builder._first_timestamp]  # noqa: SLF001 - attributes, and the age
    limit, varints, ack, largest = builder._batch_size, _VARINTS, batch.produce_future, 0  # noqa: SLF001
    for key, value in pairs[len(receipts) :]:
        record = b"".join((start, varints[index], varints[len(key)], key, varints[len(value)], value, _HEADERS))
        length = varints[len(record)]
        size = len(length) + len(record)
        if index and len(buffer) + size > limit:
            break
        buffer += length
        buffer += record
        receipts.append(Receipt(ack, index))
        largest = max(largest, size)
        index += 1
    if index == first:
        return False
    records._next_offset = index  # noqa: SLF001
    builder._num_records += index - first  # noqa: SLF001
    builder._last_offset = index - 1  # noqa: SLF001
    builder._max_timestamp = max(builder._max_timestamp, moment)  # noqa: SLF001
    batch._record_futures += receipts[first - index :]  # noqa: SLF001 - for a split, which rebinds them
    batch.max_record_size = max(batch.max_record_size, largest)
    batch.last_append = now
    return True
