"""The publisher by itself, with kafka-python's real buffer and no network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, NotLeaderForPartitionError
from kafka.producer.transaction_manager import TransactionManager, TransactionState

from ingest.admission import Gate
from ingest.breaker import PAUSE_SECONDS, Breaker
from ingest.publisher import (
    ACK_SECONDS,
    LEAST_ACK_SECONDS,
    SILENCE_SECONDS,
    Acked,
    Publisher,
    TooLarge,
    Unavailable,
    Unknown,
)
from ingest.topic_limit import TopicLimit
from schemas.partitioning import contact_partition
from schemas.records import encode
from tests.unit.ingest.buffers import Producer, event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.appending import Receipt


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Limit(TopicLimit):
    def __init__(self, size: int, found: int) -> None:
        super().__init__(lambda: None, "t")
        self.bytes = size
        self.found = found

    def ask(self) -> None:
        self.bytes = self.found


def publisher(*producers: Producer, limit: Limit | None = None, clock: Clock | None = None) -> tuple[Publisher, Gate]:
    left = list(producers)
    gate = Gate(10_000_000, 100)
    made = Publisher(lambda: left.pop(0), "t", gate, limit or Limit(900_000, 900_000), clock or Clock())
    return made, gate


def test_records_are_handed_over_with_one_wake_up_and_answered_in_order() -> None:
    producer = Producer()
    made, gate = publisher(producer)
    outcomes = made.publish([event(number) for number in range(1, 21)])
    assert all(isinstance(outcome, Acked) for outcome in outcomes)
    for number, outcome in enumerate(outcomes, start=1):
        assert isinstance(outcome, Acked)
        assert outcome.position.partition == contact_partition(1, number, 3)
        key, value = producer.log[outcome.position.partition][outcome.position.offset]
        assert (key, value) == (event(number).key, encode(event(number)))
    assert producer.woken == 1
    assert gate.outstanding_bytes == 0


def test_a_temporary_error_keeps_the_producer_and_a_lasting_silence_replaces_it() -> None:
    clock = Clock()
    first, second = Producer(NotLeaderForPartitionError()), Producer()
    made, _ = publisher(first, second, clock=clock)
    assert made.publish([event(1)]) == [Unknown("NotLeaderForPartitionError")]
    first.failure = KafkaTimeoutError()
    clock.seconds += SILENCE_SECONDS + 1
    assert made.publish([event(1)]) == [Unknown("KafkaTimeoutError")]
    assert isinstance(made.publish([event(1)])[0], Acked)
    assert second.sent


def test_an_error_for_good_replaces_the_producer() -> None:
    first, second = Producer(RuntimeKafkaError()), Producer()
    made, _ = publisher(first, second)
    assert made.publish([event(1)]) == [Unknown("RuntimeKafkaError")]
    assert isinstance(made.publish([event(1)])[0], Acked)


class RuntimeKafkaError(MessageSizeTooLargeError):  # type: ignore[misc] # kafka-python ships no types
    """Some error that kafka-python does not call retriable."""


def test_neighbours_of_a_record_that_was_too_large_are_sent_once_more() -> None:
    first, second = Producer(MessageSizeTooLargeError()), Producer()
    made, gate = publisher(first, second, limit=Limit(900_000, 1_000))
    large = event(2, '{"a": "' + "x" * 2_000 + '"}')
    outcomes = made.publish([event(1), large, event(3)])
    assert [type(outcome) for outcome in outcomes] == [Acked, Unknown, Acked]
    assert len(second.sent) == 2
    (again,) = made.publish([large])
    assert isinstance(again, TooLarge)
    assert again.limit == 1_000
    assert gate.outstanding_bytes == 0


def test_a_record_without_an_acknowledgement_is_unknown_and_keeps_its_place_in_the_gate() -> None:
    made, gate = publisher(Producer(silent=True))
    assert made.publish([event(1)]) == [Unknown("KafkaTimeoutError")]
    assert gate.outstanding_bytes > 0


def test_a_record_that_is_acknowledged_just_as_nobody_waits_any_more_lets_go_of_its_place() -> None:
    producer = Producer(silent=True)

    class Late(Gate):
        def leave_when_done(self, size: int, receipts: Sequence[Receipt]) -> None:
            producer.complete()
            super().leave_when_done(size, receipts)

    gate = Late(10_000_000, 100)
    made = Publisher(lambda: producer, "t", gate, Limit(900_000, 900_000), Clock())
    assert set(made.publish([event(number) for number in range(1, 9)])) == {Unknown("KafkaTimeoutError")}
    assert gate.is_empty
    assert gate.enter(7)
    gate.leave_when_done(7, [])
    assert gate.is_empty


def test_records_of_every_partition_keep_their_place_however_the_waiting_ends() -> None:
    class Broken(Clock):
        def __call__(self) -> float:
            if not self.seconds:
                raise ZeroDivisionError
            return super().__call__()

        def stop(self) -> None:
            self.seconds = 0

    clock, producer = Broken(), Producer(silent=True)
    producer.wakeup = clock.stop  # type: ignore[method-assign] # once all is handed over
    made, gate = publisher(producer, clock=clock)
    with pytest.raises(ZeroDivisionError):
        made.publish([event(number) for number in range(1, 9)])
    first, *others = producer.take()
    assert others
    first.complete(0, -1)
    assert not gate.is_empty
    for other in others:
        other.complete(0, -1)
    assert gate.is_empty


def test_nothing_is_handed_over_through_a_full_gate() -> None:
    producer = Producer()
    made, gate = publisher(producer)
    assert gate.enter(20_000_000)
    with pytest.raises(Unavailable) as caught:
        made.publish([event(1)])
    assert caught.value.reason == "overloaded"
    assert not producer.sent


def test_after_a_wait_in_vain_requests_are_refused_at_once_until_something_is_acknowledged() -> None:
    clock, producer = Clock(), Producer()
    made, gate = publisher(producer, clock=clock)
    assert isinstance(made.publish([event(1)])[0], Acked)
    producer.silent = True
    clock.seconds += ACK_SECONDS
    assert made.publish([event(1)], since=clock.seconds - ACK_SECONDS / 2) == [Unknown("KafkaTimeoutError")]
    for refused in (lambda: made.publish([event(2)]), lambda: made.check_room(1)):
        with pytest.raises(Unavailable) as caught:
            refused()
        assert caught.value.reason == "kafka_unavailable"
    producer.silent = False
    producer.complete()  # the brokers are back: what waits is the probe
    assert gate.is_empty
    clock.seconds += 1
    assert isinstance(made.publish([event(3)])[0], Acked)


def test_a_producer_that_has_given_its_id_up_is_replaced_and_lets_its_records_go() -> None:
    clock, stuck = Clock(), Producer()
    made, gate = publisher(stuck, Producer(), clock=clock)
    assert isinstance(made.publish([event(1)])[0], Acked)
    stuck.silent, stuck._transaction_manager = True, without_id()  # noqa: SLF001 - as an expired batch leaves it
    clock.seconds += ACK_SECONDS
    assert made.publish([event(1)], since=clock.seconds - ACK_SECONDS / 2) == [Unknown("KafkaTimeoutError")]
    with pytest.raises(Unavailable):
        made.publish([event(2)])
    deadline = time.monotonic() + 120
    while not (stuck.closed and gate.is_empty):
        assert time.monotonic() < deadline
    assert isinstance(made.publish([event(3)])[0], Acked)


def without_id() -> TransactionManager:
    """Make kafka-python's own state of an idempotent producer go the way that leaves it without an id for good."""
    manager = TransactionManager(api_version=(4, 0))
    manager.init_producer_id()
    manager._transition_to(TransactionState.READY)  # noqa: SLF001 - what the brokers' answer does
    manager.reset_producer_id()
    manager.init_producer_id()
    assert not manager.has_producer_id()
    assert len(manager._pending_requests) == 1  # noqa: SLF001 - that of the first time: no other one was made
    return manager


def test_a_wait_in_vain_beside_acknowledgements_refuses_nobody() -> None:
    clock, gate = Clock(), Gate(10_000_000, 100)
    breaker = Breaker(gate, clock)
    assert gate.enter(10)
    clock.seconds += 2
    breaker.acked()
    breaker.waited_in_vain(clock.seconds - 1)
    assert not breaker.refuses()
    breaker.waited_in_vain(clock.seconds + 1)
    assert breaker.refuses()
    gate.leave(10)
    assert not breaker.refuses()


def test_brokers_that_do_not_say_where_the_topic_is_are_not_asked_by_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, producer = Clock(), Producer()
    made, _ = publisher(producer, clock=clock)
    asked: list[str] = []

    def nobody_knows(topic: str) -> set[int]:
        asked.append(topic)
        raise KafkaTimeoutError

    monkeypatch.setattr(producer, "partitions_for", nobody_knows)
    for _ in range(3):
        with pytest.raises(Unavailable):
            made.publish([event(1)])
    assert asked == ["t"]
    clock.seconds += PAUSE_SECONDS + 0.1
    with pytest.raises(Unavailable):
        made.publish([event(1)])
    assert asked == ["t", "t"]


def test_reading_a_request_is_part_of_its_time() -> None:
    made, _ = publisher(Producer(silent=True), clock=(clock := Clock()))
    began = time.monotonic()
    made.publish([event(1)], since=clock.seconds - 10)
    assert time.monotonic() - began < ACK_SECONDS - LEAST_ACK_SECONDS
