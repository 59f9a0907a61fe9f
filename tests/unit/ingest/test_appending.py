"""Appending at once gives kafka-python's sender what one by one would, and needs its inner parts as they are."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.errors import IllegalStateError, KafkaTimeoutError, MessageSizeTooLargeError
from kafka.producer.producer_batch import ProducerBatch
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.producer.sender import Sender
from kafka.record.memory_records import MemoryRecordsBuilder

from ingest.appending import Appender, Receipt
from schemas.records import HEADERS
from tests.unit.ingest.buffers import Producer, read

if TYPE_CHECKING:
    from kafka.producer.producer_batch import ProducerBatch as Batch

PLACE = TopicPartition("t", 0)
OTHER = TopicPartition("t", 1)
SECOND = 1.0

pairs = st.tuples(st.binary(max_size=200), st.binary(max_size=6_000))
requests = st.lists(st.lists(pairs, min_size=1, max_size=12), min_size=1, max_size=6)


def offset(receipt: Receipt) -> int:
    return receipt.offset(time.monotonic() + SECOND, time.monotonic)


def receipts_of(appended: list[list[Receipt] | IllegalStateError]) -> list[list[Receipt]]:
    assert not any(isinstance(each, IllegalStateError) for each in appended)
    return [each for each in appended if not isinstance(each, IllegalStateError)]


def one_by_one(records: list[tuple[bytes, bytes]], moments: list[int], batch_size: int) -> list[bytes]:
    """Write the same records in kafka-python's own way."""
    accumulator = RecordAccumulator(batch_size=batch_size, linger_ms=2)
    for (key, value), moment in zip(records, moments, strict=True):
        accumulator.append(PLACE, moment, key, value, HEADERS)
    return [closed(batch) for batch in accumulator._batches[PLACE]]  # noqa: SLF001


def closed(batch: Batch) -> bytes:
    batch.records.close()
    return bytes(batch.records.buffer())


@given(requests, st.sampled_from([0, 700, 5_000, 65_536]))
def test_the_batches_are_those_that_kafka_python_writes(
    given_requests: list[list[tuple[bytes, bytes]]], batch_size: int
) -> None:
    producer = Producer(silent=True, batch_size=batch_size)
    appender = Appender(producer)
    receipts = [each for records in given_requests for each in receipts_of(appender.append({PLACE: records}))[0]]
    records = [record for records in given_requests for record in records]
    batches = producer.take()
    moments = [record.timestamp for batch in batches for record in read(batch)]
    assert [bytes(batch.records.buffer()) for batch in batches] == one_by_one(records, moments, batch_size)
    written = {(batch.produce_future, record.offset): record for batch in batches for record in read(batch)}
    for (key, value), receipt in zip(records, receipts, strict=True):
        assert (written[receipt.ack, receipt.index].key, written[receipt.ack, receipt.index].value) == (key, value)
    assert sum(batch.record_count for batch in batches) == len(records)


def test_a_batch_says_as_much_about_itself_as_one_that_kafka_python_filled() -> None:
    producer = Producer(silent=True)
    Appender(producer).append({PLACE: [(b"a", b"1"), (b"b", b"22"), (b"c", b"3")]})
    (ours,) = producer.take()
    theirs = ProducerBatch(PLACE, MemoryRecordsBuilder(2, 0, 65_536))
    for record in read(ours):
        theirs.try_append(record.timestamp, record.key, record.value, HEADERS)
    assert (ours.record_count, ours.max_record_size) == (theirs.record_count, theirs.max_record_size)
    assert len(ours._record_futures) == len(theirs._record_futures) == 3  # noqa: SLF001
    assert vars(ours).keys() == vars(theirs).keys()


def test_each_record_of_each_request_learns_its_own_offset() -> None:
    producer = Producer(silent=True, batch_size=300)
    appender = Appender(producer)
    records = [(b"k%d" % number, b"v" * 60) for number in range(8)]
    first, other = receipts_of(appender.append({PLACE: records[:5], OTHER: [(b"o", b"o")]}))
    second = receipts_of(appender.append({PLACE: records[5:]}))[0]
    producer.complete()
    assert [offset(receipt) for receipt in first + second] == list(range(8))
    assert producer.log[0] == records
    assert (offset(other[0]), other[0].partition) == (0, 1)


def test_who_waits_is_woken_by_the_acknowledgement_and_not_before() -> None:
    producer = Producer(silent=True)
    (receipt,) = receipts_of(Appender(producer).append({PLACE: [(b"k", b"v")]}))[0]
    with pytest.raises(KafkaTimeoutError):
        receipt.offset(time.monotonic(), time.monotonic)
    found: list[int] = []
    waiter = threading.Thread(target=lambda: found.append(offset(receipt)))
    waiter.start()
    producer.complete()
    waiter.join(10 * SECOND)
    assert found == [0]


def test_an_error_reaches_every_record_of_its_batch_and_no_other() -> None:
    producer = Producer(silent=True, batch_size=0)
    good, bad = receipts_of(Appender(producer).append({PLACE: [(b"a", b"1"), (b"b", b"2")]}))[0]
    first, second = producer.take()
    second.complete_exceptionally(MessageSizeTooLargeError(), lambda _: MessageSizeTooLargeError())
    first.complete(7, -1)
    assert offset(good) == 7
    with pytest.raises(MessageSizeTooLargeError):
        offset(bad)


def test_a_record_that_is_in_the_log_nobody_knows_where_is_not_given_a_place() -> None:
    producer = Producer(silent=True)
    (receipt,) = receipts_of(Appender(producer).append({PLACE: [(b"a", b"1")]}))[0]
    producer.take()[0].complete(-1, -1)
    with pytest.raises(KafkaTimeoutError):
        offset(receipt)


def test_a_batch_that_is_split_takes_its_records_along_again_and_again() -> None:
    producer = Producer(silent=True)
    receipts = receipts_of(Appender(producer).append({PLACE: [(b"k%d" % n, b"v") for n in range(6)]}))[0]
    done: list[Receipt] = []
    receipts[4].when_done(done.append)
    found: list[int] = []
    waiter = threading.Thread(target=lambda: found.append(offset(receipts[5])))
    waiter.start()
    (whole,) = producer.take()
    assert producer._accumulator.split_and_reenqueue(whole) == 2  # noqa: SLF001
    left, right = producer.take()
    assert producer._accumulator.split_and_reenqueue(right) == 2  # noqa: SLF001
    middle, last = producer.take()
    for batch, base in ((left, 100), (middle, 200), (last, 300)):
        batch.complete(base, -1)
    assert [offset(receipt) for receipt in receipts] == [100, 101, 102, 200, 201, 300]
    waiter.join(10 * SECOND)
    assert found == [300]
    assert done == [receipts[4]]


def test_a_closed_producer_takes_nothing() -> None:
    producer = Producer(silent=True)
    appender = Appender(producer)
    producer._accumulator.close()  # noqa: SLF001
    (refused,) = appender.append({PLACE: [(b"a", b"1")]})
    assert isinstance(refused, IllegalStateError)
    assert producer.take() == []


def test_closing_by_force_ends_every_record() -> None:
    producer = Producer(silent=True)
    receipts = receipts_of(Appender(producer).append({PLACE: [(b"a", b"1"), (b"b", b"2")]}))[0]
    producer._accumulator.close()  # noqa: SLF001
    producer._accumulator.abort_incomplete_batches()  # noqa: SLF001
    for receipt in receipts:
        with pytest.raises(IllegalStateError):
            offset(receipt)


def test_one_request_of_many_wakes_the_sender_until_it_has_looked() -> None:
    producer = Producer(silent=True)
    appender = Appender(producer)
    appender.append({PLACE: [(b"a", b"1")]})
    appender.append({OTHER: [(b"b", b"2")]})
    assert producer.woken == 1, "the sender looks again before the first one's linger time is over"
    producer.take()
    appender.append({OTHER: [(b"c", b"3")]})
    assert producer.woken == 2
    appender.append({OTHER: [(b"d", b"4" * 70_000)]})
    assert producer.woken == 3, "a full batch need not wait for the linger time"


def test_a_batch_that_the_sender_cannot_send_does_not_keep_others_from_waking_it() -> None:
    producer = Producer(silent=True)
    appender = Appender(producer)
    appender.append({PLACE: [(b"a", b"1")]})
    (stuck,) = producer._accumulator._batches[PLACE]  # noqa: SLF001
    stuck.created -= 1
    appender.append({OTHER: [(b"b", b"2")]})
    assert producer.woken == 2


class Client:
    """Stands for the network: every node is ready, and nothing is ever answered."""

    cluster: Any = None

    def is_ready(self, _node: int) -> bool:
        return True

    def send(self, _node: int, _request: Any, *, wakeup: bool) -> Any:  # noqa: ANN401
        assert not wakeup
        return self

    def add_callback(self, *_: object) -> Client:
        return self

    def add_errback(self, *_: object) -> Client:
        return self


class Cluster:
    def leader_for_partition(self, _place: TopicPartition) -> int:
        return 0

    def partitions_for_broker(self, _node: int) -> list[TopicPartition]:
        return [PLACE, OTHER]


def test_the_sender_looks_again_before_it_sleeps_whenever_it_has_taken_something_out() -> None:
    """`Appender._will_look` relies on it, and on `drained` being set last."""
    accumulator = RecordAccumulator(batch_size=65_536, linger_ms=5)
    client = Client()
    client.cluster = Cluster()
    sender = Sender(client, None, accumulator, acks=-1)
    accumulator.append(PLACE, None, b"k", b"v", HEADERS)
    (batch,) = accumulator._batches[PLACE]  # noqa: SLF001
    now = batch.created
    assert 0 < sender._send_producer_data(now=now) <= 5, "it sleeps no longer than the linger time"  # noqa: SLF001
    assert batch.drained is None
    assert sender._send_producer_data(now=now + 0.006) == 0, "it looks again at once"  # noqa: SLF001
    assert batch.drained == now + 0.006
