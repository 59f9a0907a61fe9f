"""Projected events/s against `COPY` of the same rows into the same kind of table, indexes included."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer

from bench.report import Figure
from bench.stand import PARTITIONS
from schemas.ids import uuid7
from schemas.partitioning import contact_partition
from schemas.records import HEADERS, EventRecorded, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg import Connection

    from bench.stand import Stand

EVENTS_PER_SECOND_OF_MEASURING = 40_000
CONTACTS = 5_000
PACED_EVERY = 50
NAMES = ("plan_upgraded", "plan_downgraded", "trial_started", "trial_ended", "feature_enabled", "charge_failed")


def produce_events(
    bench: Stand,
    count: int,
    contacts: Sequence[int] = range(1, CONTACTS + 1),
    *,
    first: int = 0,
    rate: float = math.inf,
) -> None:
    """Put events on the topic as the write API would, with the fastest client there is, at most `rate` a second."""
    producer = Producer(
        {"bootstrap.servers": bench.bootstrap_servers, "acks": "all", "compression.type": "lz4", "linger.ms": 20}
    )
    started = time.perf_counter()
    for number in range(first, first + count):
        if (number - first) % PACED_EVERY == 0 and (
            early := started + (number - first) / rate - time.perf_counter()
        ) > 0:
            time.sleep(early)
        record = _event(bench, contacts[(number * 7919) % len(contacts)], number)
        partition = contact_partition(bench.workspace_id, record.contact_id, PARTITIONS)
        while True:
            try:
                producer.produce(bench.topic, encode(record), record.key, partition, headers=dict(HEADERS))
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)


def _event(bench: Stand, contact_id: int, number: int) -> EventRecorded:
    began = datetime(2026, 3, 1, tzinfo=UTC)
    return EventRecorded(
        workspace_id=bench.workspace_id,
        contact_id=contact_id,
        record_id=uuid7(),
        id=f"bench-{number}",
        received_at=began + timedelta(seconds=number / 10 + 3),
        name=NAMES[number % len(NAMES)],
        occurred_at=began + timedelta(seconds=number / 10),
        properties=f'{{"from_plan":"starter","to_plan":"pro","mrr_delta":{number % 90},"source":"checkout"}}',
    )


def copy_rate(bench: Stand) -> float:
    """Measure the baseline: what the projector just wrote, by plain COPY into an empty table of the same making."""
    with bench.connect() as connection:
        connection.execute("CREATE TABLE copied (LIKE timeline INCLUDING ALL)")
        with connection.cursor().copy("COPY timeline TO STDOUT (FORMAT binary)") as copy:
            blocks = [bytes(block) for block in copy]
        count_row = connection.execute("SELECT count(*) FROM timeline").fetchone()
        connection.execute("CHECKPOINT")
        began = time.perf_counter()
        with connection.cursor().copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
            for block in blocks:
                copy.write(block)
        seconds = time.perf_counter() - began
        connection.execute("DROP TABLE copied")
    assert count_row is not None
    return int(count_row[0]) / seconds


def projected_rate(bench: Stand, count: int, projectors: int = 1) -> float:
    """Let projectors work a full topic off; events/s from when all of them are ready and something is written."""
    with ExitStack() as stack:
        for _ in range(projectors):
            stack.enter_context(bench.projector())
        commits = list(follow(bench, count, seconds=300))
    return rate_of(commits)


def rate_of(commits: list[tuple[int, float]]) -> float:
    """Give events/s from when something was written."""
    first = next(commit for commit in commits if commit[0])
    return (commits[-1][0] - first[0]) / (commits[-1][1] - first[1])


def follow(bench: Stand, count: int, seconds: float, schema: str = "projection") -> Iterator[tuple[int, float]]:
    """Look every hundredth of a second how many records are applied, until `count` are: (records, moment)."""
    deadline = time.monotonic() + seconds
    with bench.connect() as connection:
        while time.monotonic() < deadline:
            yield (done := applied_records(connection, schema)), time.perf_counter()
            if done >= count:
                return
            time.sleep(0.01)
    raise TimeoutError(f"{count:,} events were not worked off within {seconds:,.0f} seconds")


def applied_records(connection: Connection[tuple[Any, ...]], schema: str = "projection") -> int:
    """Count the records that a set of tables holds."""
    row = connection.execute(f"SELECT coalesce(sum(next_offset), 0) FROM {schema}.positions".encode()).fetchone()
    return int(row[0]) if row else 0


def clear_projection(bench: Stand) -> None:
    """Empty every projection table, so that the next topic is projected from its beginning."""
    with bench.connect() as connection:
        tables = connection.execute(
            "SELECT string_agg(quote_ident(table_name), ', ') FROM information_schema.tables"
            " WHERE table_schema = 'projection' AND table_type = 'BASE TABLE' AND table_name <> 'applied_migrations'"
        ).fetchone()
        assert tables is not None
        connection.execute(f"TRUNCATE {tables[0]}".encode())
        connection.execute("CHECKPOINT")


def projected_events(bench: Stand, seconds: float) -> list[Figure]:
    """Measure both."""
    count = int(EVENTS_PER_SECOND_OF_MEASURING * seconds)
    bench.new_topic("bench-projection")
    clear_projection(bench)
    produce_events(bench, count)
    rate = projected_rate(bench, count)
    baseline = copy_rate(bench)
    bench.new_topic("bench-projection-two")
    clear_projection(bench)
    produce_events(bench, count * 2)
    two = projected_rate(bench, count * 2, projectors=2)
    baseline_two = copy_rate(bench)
    return [
        Figure(
            "projected events, one projector",
            "events/s",
            rate,
            baseline,
            "COPY rows/s",
            0.25,
            {"events": f"{count:,}"},
        ),
        Figure(
            "projected events, two projectors",
            "events/s",
            two,
            baseline_two,
            "COPY rows/s",
            0.35,
            {"events": f"{count * 2:,}"},
        ),
    ]
