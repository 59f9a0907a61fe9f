"""How fast a projector works a backlog off while events go on arriving and agents go on reading."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kafka import TopicPartition

from bench.load import Load, get, run_load
from bench.posts import THREADS, WORKERS, create_contacts, expect_only
from bench.projection import applied_records, clear_projection, produce_events, rate_of
from bench.reads import LIMIT
from bench.report import Figure
from bench.stand import PARTITIONS
from runtime.kafka import build_consumer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stand import Stand

EVENTS_PER_SECOND_OF_MEASURING = 100_000
"""A million with the ten seconds that are usual."""

ARRIVING = 5_000
READING = 200
READERS = 8
LONGEST = 300.0
STEP = 5_000
"""Events that are sent before it is looked whether the backlog is gone."""


def backlog(bench: Stand, seconds: float) -> list[Figure]:
    """Measure both at once."""
    count = int(EVENTS_PER_SECOND_OF_MEASURING * seconds)
    bench.new_topic("bench-backlog")
    clear_projection(bench)
    over = threading.Event()
    with bench.server("all", WORKERS, THREADS) as port, ThreadPoolExecutor(2) as pool:
        contacts = create_contacts(bench, port)
        produce_events(bench, count, contacts)
        try:
            arriving = pool.submit(_arrive, bench, contacts, count, over)
            reading = pool.submit(_read, bench, contacts, port, over)
            with bench.projector():
                commits = list(_commits(bench))
        finally:
            over.set()
        arrived, load = arriving.result(), reading.result()
    return [
        Figure(
            f"backlog of {count:,} worked off",
            "events/s",
            rate_of(commits),
            arrived,
            "arriving meanwhile, events/s",
            3.0,
            {"after s": commits[-1][1] - commits[0][1], "reads/s": load.rate, "read p99 ms": load.percentile(0.99)},
        )
    ]


def _arrive(bench: Stand, contacts: list[int], first: int, over: threading.Event) -> float:
    """Send events until it is over; how many a second it came to."""
    sent, began = 0, time.perf_counter()
    while not over.is_set():
        produce_events(bench, STEP, contacts, first=first + sent, rate=ARRIVING)
        sent += STEP
    return sent / (time.perf_counter() - began)


def _read(bench: Stand, contacts: list[int], port: int, over: threading.Event) -> Load:
    """Read first pages until it is over."""

    def request(number: int) -> bytes:
        return get(f"/api/v1/contacts/{contacts[number % len(contacts)]}/events?limit={LIMIT}", bench.api_key)

    whole = Load()
    while not over.is_set():
        # A contact is not there before its first record is projected: then the answer is 404, and as much work.
        load = run_load(port, request, connections=READERS, seconds=1, rate=READING)
        if not load.statuses.keys() <= {200, 404}:
            expect_only(load, 200)
        whole.seconds += load.seconds
        whole.latencies += load.latencies
    return whole


def _commits(bench: Stand) -> Iterator[tuple[int, float]]:
    """Look ten times a second how many records are applied, until as good as all are: (records, moment)."""
    partitions = [TopicPartition(bench.topic, partition) for partition in range(PARTITIONS)]
    consumer = build_consumer(bench.bootstrap_servers, "bench")
    deadline = time.monotonic() + LONGEST
    try:
        with bench.connect() as connection:
            while time.monotonic() < deadline:
                yield (applied := applied_records(connection)), time.perf_counter()
                if sum(consumer.end_offsets(partitions).values()) - applied < ARRIVING / 10:
                    return
                time.sleep(0.1)
    finally:
        consumer.close()
    raise TimeoutError(f"the backlog was not worked off within {LONGEST:.0f} seconds")
