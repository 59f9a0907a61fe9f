"""The small parts by themselves: gate, memory, rate limits; with a clock of our own."""

from __future__ import annotations

from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError
from kafka.producer.future import FutureProduceResult

from ingest.admission import Gate
from ingest.appending import Receipt
from ingest.known_contacts import Memory
from ingest.workspaces import RateLimits


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
    acks = [FutureProduceResult(TopicPartition("t", number)) for number in range(2)]
    assert gate.enter(80)
    gate.leave_when_done(80, [Receipt(acks[0], 0), Receipt(acks[0], 1), Receipt(acks[1], 0)])
    acks[0].success((0, -1, None))
    assert gate.outstanding_bytes == 80
    acks[1].success((-1, -1, lambda _: KafkaTimeoutError()))
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
