"""Single acknowledged POSTs against an empty Flask POST, and batches against librdkafka producing the same bytes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from bench.load import Load, post, run_load
from bench.report import ROUNDS, Figure, listed, middle
from cli.stack.ports import free_port
from runtime.kafka import build_consumer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.stand import Stand

WORKERS, THREADS = 2, 32
CONNECTIONS = 48
CONTACTS = 200
BATCH = 100
BATCH_CONNECTIONS = 16
"""While half of them wait for acknowledgements, each worker has something to read."""

VARIANTS = 64
WARM_UP_SECONDS = 12.0


def create_contacts(bench: Stand, port: int, count: int = CONTACTS) -> list[int]:
    """Make contacts through the API; their ids."""
    ids: list[int] = []

    def keep(_: float, answer: bytes) -> None:
        ids.append(int(json.loads(answer)["id"]))

    def request(number: int) -> bytes:
        # An external id of this topic: a contact whose creation stands in another topic would never be projected here.
        external_id = f"{bench.topic}-{number % count}"
        body = json.dumps({"external_id": external_id, "name": f"Bench {number % count}"}).encode()
        return post("/api/v1/contacts", body, bench.api_key)

    deadline = time.monotonic() + 60
    while len(set(ids)) < count and time.monotonic() < deadline:
        run_load(port, request, connections=8, seconds=1, on_answer=keep)
    return sorted(set(ids))[:count]


def event_body(number: int, run: str) -> bytes:
    """Write the event that every figure uses: about 230 bytes, an id of its own."""
    return (
        f'{{"id":"{run}-{number:09}","name":"plan_upgraded",'
        f'"occurred_at":"2026-06-07T10:30:00.{number % 1_000_000:06}Z",'
        f'"properties":{{"from_plan":"starter","to_plan":"pro","mrr_delta":50,"currency":"EUR","seats":{number % 40},'
        f'"source":"checkout","note":"upgraded from the billing page"}}}}'
    ).encode()


def single_request(bench: Stand, contacts: list[int], run: str) -> Callable[[int], bytes]:
    """Prepare single POSTs over all contacts."""
    return lambda number: post(
        f"/api/v1/contacts/{contacts[number % len(contacts)]}/events", event_body(number, run), bench.api_key
    )


def batch_request(bench: Stand, contacts: list[int], run: str) -> Callable[[int], bytes]:
    """Prepare batches of 100 events of mixed contacts, each event with an id of its own.

    Rendered before the load begins but for the number within the ids, as the records of the baseline are.
    """
    mark = b"@" * 9

    def render(variant: int) -> bytes:
        events = (
            b'{"contact_id":%d,%s'
            % (contacts[index % len(contacts)], event_body(index, f"{run}-{mark.decode()}-{index - first}")[1:])
            for first in [variant * BATCH]
            for index in range(first, first + BATCH)
        )
        return post("/api/v1/events/batch", b'{"events":[' + b",".join(events) + b"]}", bench.api_key)

    prepared = [render(variant) for variant in range(VARIANTS)]
    return lambda number: prepared[number % VARIANTS].replace(mark, b"%09d" % number)


def warm_up(bench: Stand, port: int, contacts: list[int]) -> None:
    """Let the broker compile: its share of one acknowledged POST falls to a third within its first 25,000."""
    run_load(port, batch_request(bench, contacts, "hot"), connections=8, seconds=WARM_UP_SECONDS / 3)
    run_load(port, single_request(bench, contacts, "warm"), connections=CONNECTIONS, seconds=WARM_UP_SECONDS)


def expect_only(load: Load, status: int) -> Load:
    """Fail when a figure would count anything but accepted requests."""
    if set(load.statuses) != {status}:
        raise RuntimeError(f"expected only {status}, got {load.statuses}")
    return load


def empty_posts(bench: Stand, seconds: float) -> Load:
    """Measure the baseline: the same requests to an application that does nothing."""
    port = free_port()
    with bench.process("-m", "bench.empty_app", str(port), str(WORKERS), str(THREADS), port=port):
        request = single_request(bench, [1], "empty")

        def send(number: int) -> bytes:
            return request(number).replace(b"/api/v1/contacts/1/events", b"/", 1)

        run_load(port, send, connections=CONNECTIONS, seconds=seconds / 4)
        return expect_only(run_load(port, send, connections=CONNECTIONS, seconds=seconds), 202)


def single_posts(bench: Stand, seconds: float) -> list[Figure]:
    """Measure acknowledged POSTs/s at full load, and their latency at half of it."""
    rounds: list[tuple[Load, Load, Load]] = []
    with bench.server("ingest", WORKERS, THREADS) as port:
        contacts = create_contacts(bench, port)
        warm_up(bench, port, contacts)
        for run in range(ROUNDS):
            empty, send = empty_posts(bench, seconds), single_request(bench, contacts, f"full-{run}")
            full = expect_only(run_load(port, send, connections=CONNECTIONS, seconds=seconds), 202)
            send, rate = single_request(bench, contacts, f"half-{run}"), full.rate / 2
            half = expect_only(run_load(port, send, connections=CONNECTIONS, seconds=seconds, rate=rate), 202)
            rounds.append((empty, full, half))
    empty, full, _ = middle(rounds, lambda each: each[1].rate / each[0].rate)
    half = middle(rounds, lambda each: each[2].percentile(0.99))[2]
    return [
        Figure(
            "single POSTs, acknowledged",
            "POSTs/s",
            full.rate,
            empty.rate,
            "empty Flask POSTs/s",
            0.25,
            {
                "rounds": listed([each[1].rate / each[0].rate for each in rounds]),
                "p50 ms": full.percentile(0.5),
                "p99 ms": full.percentile(0.99),
            },
        ),
        Figure(
            "single POST p99 at half that load",
            "ms",
            half.percentile(0.99),
            notes={
                "rounds": listed([each[2].percentile(0.99) for each in rounds], ".1f"),
                "p50 ms": half.percentile(0.5),
                "goal": "under 30 ms",
            },
        ),
    ]


def batches(bench: Stand, seconds: float) -> list[Figure]:
    """Measure events/s through the batch endpoint, and librdkafka producing the records that this left in the topic."""
    topic = bench.new_topic("bench-batches")
    records: list[tuple[int, bytes, bytes]] = []
    rounds: list[tuple[Load, float]] = []
    with bench.server("ingest", WORKERS, THREADS) as port:
        contacts = create_contacts(bench, port)
        warm_up(bench, port, contacts)
        for run in range(ROUNDS):
            send = batch_request(bench, contacts, f"full-{run}")
            load = expect_only(run_load(port, send, connections=BATCH_CONNECTIONS, seconds=seconds), 202)
            records = records or _some_records(bench, topic, 200_000)
            rounds.append((load, _librdkafka(bench, records, f"bench-librdkafka-{run}")))
    load, baseline = middle(rounds, lambda each: each[0].rate / each[1])
    return [
        Figure(
            f"events in batches of {BATCH}",
            "events/s",
            load.rate * BATCH,
            baseline,
            "librdkafka, same records/s",
            0.30,
            {
                "rounds": listed([load.rate * BATCH / baseline for load, baseline in rounds]),
                "p99 ms": load.percentile(0.99),
            },
        )
    ]


def _some_records(bench: Stand, topic: str, limit: int) -> list[tuple[int, bytes, bytes]]:
    consumer = build_consumer(bench.bootstrap_servers, "bench", max_poll_records=10_000, auto_offset_reset="earliest")
    records: list[tuple[int, bytes, bytes]] = []
    try:
        from kafka import TopicPartition  # noqa: PLC0415 - only here

        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while len(records) < limit and (polled := consumer.poll(3_000)):
            records += [(r.partition, r.key, r.value) for batch in polled.values() for r in batch]
    finally:
        consumer.close()
    return records[:limit]


def _librdkafka(bench: Stand, records: list[tuple[int, bytes, bytes]], topic: str) -> float:
    bench.new_topic(topic)
    producer = Producer(
        {
            "bootstrap.servers": bench.bootstrap_servers,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 2,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    failed: list[object] = []

    def delivered(error: object, _: object) -> None:
        if error is not None:
            failed.append(error)

    began = time.perf_counter()
    for partition, key, value in records:
        producer.produce(topic, value, key, partition, on_delivery=delivered)
        producer.poll(0)
    producer.flush(60)
    seconds = time.perf_counter() - began
    if failed:
        raise RuntimeError(f"librdkafka failed {len(failed)} records: {failed[0]}")
    return len(records) / seconds
