"""The publisher by itself, with kafka-python's real buffer and no network."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, NotLeaderForPartitionError

from ingest.admission import Gate
from ingest.publisher import SILENCE_SECONDS, Acked, Publisher, TooLarge, Unavailable, Unknown
from ingest.topic_limit import TopicLimit
from schemas.partitioning import contact_partition
from schemas.records import encode
from tests.unit.ingest.buffers import Producer, event


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


def test_nothing_is_handed_over_through_a_full_gate() -> None:
    producer = Producer()
    made, gate = publisher(producer)
    assert gate.enter(20_000_000)
    with pytest.raises(Unavailable) as caught:
        made.publish([event(1)])
    assert caught.value.reason == "overloaded"
    assert not producer.sent
