"""The small parts by themselves: gate, memory, rate limits, publisher; with a clock and a producer of our own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, NotLeaderForPartitionError
from kafka.future import Future

from ingest.admission import Gate
from ingest.known_contacts import Memory
from ingest.publisher import SILENCE_SECONDS, Acked, Publisher, TooLarge, Unavailable, Unknown
from ingest.topic_limit import TopicLimit
from ingest.workspaces import RateLimits
from schemas.records import EventRecorded

TOPIC_ID = UUID("0197b7a0-0000-7000-8000-000000000001")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_the_gate_bounds_bytes_and_requests_and_always_lets_one_in() -> None:
    gate = Gate(max_bytes=100, max_requests=2)
    assert gate.enter(5_000)
    assert not gate.enter(1)
    gate.leave(5_000)
    assert gate.enter(40)
    assert gate.enter(60)
    assert not gate.enter(0)
    gate.leave(40)
    assert not gate.enter(41)
    assert gate.outstanding_bytes == 60


def test_what_nobody_waits_for_any_more_still_counts_until_the_producer_is_done() -> None:
    gate = Gate(max_bytes=100, max_requests=10)
    futures = [Future(), Future()]
    assert gate.enter(80)
    gate.leave_when_done(80, futures)
    futures[0].success(None)
    assert gate.outstanding_bytes == 80
    futures[1].failure(KafkaTimeoutError())
    assert gate.outstanding_bytes == 0


def test_a_memory_forgets_the_oldest_and_what_is_too_old() -> None:
    clock = Clock()
    memory: Memory[str, int] = Memory(2, clock)
    memory.remember({"a": 1})
    clock.seconds += 10
    memory.remember({"b": 2})
    assert memory.recall({"a", "b", "c"}, 10) == {"a": 1, "b": 2}
    assert memory.recall({"a", "b"}, 9) == {"b": 2}
    memory.remember({"a": 1, "c": 3})
    assert memory.recall({"a", "b", "c"}, 100) == {"a": 1, "c": 3}
    memory.forget({"a"})
    assert memory.recall({"a"}, 100) == {}


def test_a_bucket_refills_and_a_large_batch_is_a_debt_to_wait_off() -> None:
    clock = Clock()
    rates = RateLimits(share=1.0, monotonic=clock)
    assert rates.take(1, 10, 25)[0]
    allowed, allowance = rates.take(1, 10, 1)
    assert not allowed
    assert (allowance.remaining, allowance.reset) == (0, 2)
    clock.seconds += allowance.reset
    assert rates.take(1, 10, 1)[0]
    assert rates.take(2, 10, 1)[0], "another workspace has a bucket of its own"


def test_processes_share_a_limit() -> None:
    clock = Clock()
    rates = RateLimits(share=0.5, monotonic=clock)
    taken = sum(rates.take(1, 10, 1)[0] for _ in range(20))
    assert taken == 5


class Metadata:
    def topic_id(self, _topic: str) -> UUID:
        return TOPIC_ID


class Appended(Future):  # type: ignore[misc] # kafka-python ships no types
    def get(self, timeout: float) -> Any:  # noqa: ANN401
        assert timeout >= 0
        if not self.is_done:
            raise KafkaTimeoutError
        if self.exception is not None:
            raise self.exception
        return self.value


class Producer:
    """Stands for kafka-python's: acknowledges, or does whatever `failure` says."""

    def __init__(self, failure: Exception | None = None, *, silent: bool = False) -> None:
        self._metadata = Metadata()
        self._accumulator = self
        self._sender = self
        self.failure = failure
        self.silent = silent
        self.sent: list[tuple[int, bytes]] = []
        self.woken = 0
        self.closed = False

    def partitions_for(self, _topic: str) -> set[int]:
        return {0, 1, 2}

    def append(self, place: Any, _time: None, key: bytes, value: bytes, headers: Any) -> Any:  # noqa: ANN401
        assert headers
        assert value
        self.sent.append((place.partition, key))
        future = Appended()
        if self.failure is not None:
            future.failure(self.failure)
        elif not self.silent:
            future.success(type("Metadata", (), {"partition": place.partition, "offset": len(self.sent)}))
        return future, False, len(self.sent) == 1, False

    def wakeup(self) -> None:
        self.woken += 1

    def close(self, timeout: float) -> None:
        assert timeout >= 0
        self.closed = True


class Limit(TopicLimit):
    def __init__(self, size: int, found: int) -> None:
        super().__init__(lambda: None, "t")
        self.bytes = size
        self.found = found

    def ask(self) -> None:
        self.bytes = self.found


def event(number: int, properties: str = "{}") -> EventRecorded:
    moment = datetime(2026, 6, 7, tzinfo=UTC)
    return EventRecorded(
        workspace_id=1, contact_id=number, record_id=UUID(int=number), id=f"e-{number}", received_at=moment,
        name="x", occurred_at=moment, properties=properties,
    )  # fmt: skip


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
    assert [outcome.position.partition for outcome in outcomes if isinstance(outcome, Acked)] == [
        place for place, _ in producer.sent
    ]
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
