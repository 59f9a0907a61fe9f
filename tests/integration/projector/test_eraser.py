"""Erased records leave the log: tombstones for every copy, marks that make segments roll, and a bound that is kept."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from cli.erasure import erasure
from projector.eraser import Eraser, connect
from runtime.kafka import build_admin, build_consumer, build_producer
from schemas.records import LOG_MARK_KEY
from tests.integration.projector.conftest import PARTITIONS, T0

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.integration.projector.conftest import Log, Projection, Records
    from tests.parts import Parts


@pytest.fixture
def eraser(stack: Parts, projection: Projection, database_url: str) -> Iterator[Eraser]:
    eraser = make_eraser(stack, projection, database_url)
    yield eraser
    eraser.close()


def make_eraser(
    stack: Parts, projection: Projection, database_url: str, bound: timedelta = timedelta(days=7), hours: int = 0
) -> Eraser:
    """Make one; `hours` pass between two of its looks at the clock."""
    looks = itertools.count()
    return Eraser(
        connect=lambda: connect(database_url),
        new_producer=lambda: build_producer(stack.bootstrap_servers, "tests"),
        topic=projection.topic,
        bound=bound,
        now=lambda: T0 + timedelta(hours=hours * next(looks)),
    )


def read_log(stack: Parts, log: Log) -> list[Any]:
    consumer = build_consumer(stack.bootstrap_servers, "tests")
    partitions = [TopicPartition(log.topic, partition) for partition in range(PARTITIONS)]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    found = []
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        for records in consumer.poll(timeout_ms=200).values():
            found += records
    consumer.close()
    return found


def test_every_key_gets_a_tombstone_in_its_partition(
    stack: Parts, log: Log, records: Records, projection: Projection, eraser: Eraser
) -> None:
    events = [records.event(17, "evt-1"), records.event(17, "evt-1"), records.event(17, "evt-1", name="conflict")]
    log.append(*events, records.event_erased(17, "evt-1"))
    projection.catch_up()

    assert eraser.turn() == 3

    tombstones = [(record.partition, record.key) for record in read_log(stack, log) if record.value is None]
    homes = {record.key: record.partition for record in read_log(stack, log) if record.value is not None}
    assert sorted(tombstones) == sorted((homes[event.key], event.key) for event in events)
    assert eraser.turn() == 0
    assert projection.value("SELECT count(*) FROM erasure_outbox WHERE sent_at IS NULL") == 0


def test_marks_go_only_where_something_is_pending_and_hourly(
    stack: Parts, log: Log, records: Records, projection: Projection, eraser: Eraser
) -> None:
    event = records.event(17, "evt-1")
    log.append(event, records.event(18), records.event_erased(17, "evt-1"))
    projection.catch_up()
    eraser.turn()
    eraser.turn()
    marks = [record.partition for record in read_log(stack, log) if record.key == LOG_MARK_KEY]
    assert marks == [record.partition for record in read_log(stack, log) if record.key == event.key][:1]


def test_one_eraser_at_a_time_and_the_next_takes_over(
    stack: Parts, log: Log, records: Records, projection: Projection, database_url: str
) -> None:
    first, second = (make_eraser(stack, projection, database_url) for _ in range(2))
    log.append(records.event(17, "evt-1"), records.event_erased(17, "evt-1"))
    first.turn()
    projection.catch_up()
    assert second.turn() == 0
    first.close()
    deadline = time.monotonic() + 120
    while second.turn() == 0:
        assert time.monotonic() < deadline
    second.close()


def test_rows_are_forgotten_past_the_bound(
    stack: Parts, log: Log, records: Records, projection: Projection, database_url: str
) -> None:
    log.append(records.event(17, "evt-1"), records.event_erased(17, "evt-1"))
    projection.catch_up()
    eraser = make_eraser(stack, projection, database_url, bound=timedelta(0))
    eraser.turn()
    eraser.turn()
    assert projection.rows("SELECT * FROM erasure_outbox") == []
    eraser.close()


def compact_at_once(stack: Parts, topic: str) -> None:
    admin = build_admin(stack.bootstrap_servers, "tests")
    settings = {"max.compaction.lag.ms": "500", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "500"}
    admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic, configs={"cleanup.policy": "compact"} | settings)]
    )
    admin.close()


def test_canary_of_an_erased_contact_is_gone_from_the_log(
    stack: Parts,
    log: Log,
    records: Records,
    projection: Projection,
    environment: dict[str, str],
) -> None:
    compact_at_once(stack, log.topic)
    log.append(
        records.created(17, email="c4n4ry@example.com"),
        records.event(17, properties='{"canary":"c4n4ry"}'),
        records.updated(17, custom_data='{"canary":"c4n4ry"}'),
        records.event(18, properties='{"kept":true}'),
    )
    projection.catch_up()
    assert sum(b"c4n4ry" in record.value for record in read_log(stack, log)) == 3
    arguments = ["status", "--workspace", "1", "--contact", "17"]
    before = CliRunner().invoke(erasure, arguments, obj=environment)
    assert before.exit_code == 1
    assert "3 records left" in before.output

    log.append(records.contact_erased(17))
    projection.catch_up()
    eraser = make_eraser(stack, projection, environment["DATABASE_URL"], hours=1)
    eraser.turn()

    deadline = time.monotonic() + 150
    while any(b"c4n4ry" in (record.value or b"") for record in read_log(stack, log)):
        assert time.monotonic() < deadline, "the cleaner did not come by"
        time.sleep(1)
        eraser.turn()  # an hour later, so that a mark makes the segment roll
    eraser.close()
    after = CliRunner().invoke(erasure, arguments, obj=environment)
    assert "0 records left" in after.output
    assert "nothing is left" in after.output
    assert after.exit_code == 0
    projection.catch_up()
    assert projection.value("SELECT count(*) FROM timeline WHERE contact_id = 17") == 0
