"""One owner at a time: what a stale, a frozen and a failing projector can and cannot do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import PolicyViolationError
from psycopg import errors

from projector.errors import FencedError, PartitionCountChangedError, PositionOutsideLogError, TopicRecreatedError
from projector.takeover import APPLICATION_NAME
from projector.writer import Writer
from runtime.kafka import build_admin
from runtime.postgres import Watchdog, connection_string
from tests.integration.projector.conftest import Projection, batch_of

if TYPE_CHECKING:
    from projector.batch import Batch, Counts
    from projector.position_table import Stored
    from tests.integration.projector.conftest import Log, Records
    from tests.parts import Parts


class Zombie(Writer):
    """A projector that slept from before another one worked until after."""

    remembered: dict[int, Stored]

    def write_as_remembered(self, batch: Batch) -> None:
        self.write(batch, {partition: self.remembered[partition] for partition in batch.next_offsets})


def test_zombie_is_refused_and_writes_nothing(
    log: Log, records: Records, projection: Projection, database_url: str
) -> None:
    log.append(records.event(17))
    zombie = Zombie(database_url, "projection", projection.topic, Watchdog())
    zombie.remembered = zombie.positions(range(3))
    batch = batch_of(projection, log)
    projection.catch_up()
    before = projection.rows("SELECT * FROM positions ORDER BY 1")

    with pytest.raises(FencedError):
        zombie.write_as_remembered(batch)

    assert projection.rows("SELECT * FROM positions ORDER BY 1") == before
    assert projection.value("SELECT count(*) FROM timeline") == 1
    assert projection.value("SELECT sum(count) FROM contact_event_names") == 1
    zombie.close()


def test_raised_generation_fences_every_old_writer(
    log: Log, records: Records, projection: Projection, database_url: str
) -> None:
    log.append(records.event(17))
    zombie = Zombie(database_url, "projection", projection.topic, Watchdog())
    zombie.remembered = zombie.positions(range(3))
    batch = batch_of(projection, log)
    projection.connection.execute("UPDATE positions SET generation = generation + 1")
    with pytest.raises(FencedError):
        zombie.write_as_remembered(batch)
    zombie.close()


def test_nothing_of_a_batch_is_written_when_its_end_fails(log: Log, records: Records, projection: Projection) -> None:
    log.append(records.event(17), records.created(17), records.event(18))
    batch = batch_of(projection, log)

    def fail(counts: Counts) -> None:
        assert sum(count for (_, outcome), count in counts.items() if outcome == "applied") == 3
        raise RuntimeError

    with pytest.raises(RuntimeError):
        projection.writer.write(batch, projection.writer.positions(list(batch.next_offsets)), fail)

    for table in ("timeline", "contacts", "contact_updates", "contact_event_names", "event_names", "batches"):
        assert projection.value(f"SELECT count(*) FROM {table}") == 0
    assert projection.value("SELECT max(next_offset) FROM positions") == 0
    projection.catch_up()
    assert projection.counts() == {"read": 3, "applied": 3}


def hold_locks(database_url: str, application_name: str) -> psycopg.Connection[tuple[object, ...]]:
    conninfo = connection_string(
        database_url, role="contact_events_projector", schema="projection", application_name=application_name
    )
    holder = psycopg.connect(conninfo)
    holder.execute("SELECT FROM positions FOR UPDATE")
    return holder


def test_owner_frozen_inside_its_transaction_is_taken_over_from(
    log: Log, records: Records, projection: Projection, database_url: str
) -> None:
    log.append(records.event(17))
    frozen = hold_locks(database_url, APPLICATION_NAME)

    projection.catch_up()

    assert projection.value("SELECT count(*) FROM timeline") == 1
    with pytest.raises(psycopg.OperationalError):
        frozen.execute("SELECT 1")
    frozen.close()


def test_takeover_ends_nobody_else(log: Log, records: Records, projection: Projection, database_url: str) -> None:
    log.append(records.event(17))
    stranger = hold_locks(database_url, "psql")
    with pytest.raises(errors.LockNotAvailable):
        projection.catch_up()
    stranger.execute("SELECT 1")
    stranger.close()
    projection.catch_up()
    assert projection.counts() == {"read": 1, "applied": 1}


def test_recreated_topic_stops(
    stack: Parts, log: Log, records: Records, projection: Projection, database_url: str
) -> None:
    log.append(records.event(17))
    projection.catch_up()
    projection.connection.execute("UPDATE positions SET topic_id = gen_random_uuid()")
    with pytest.raises(TopicRecreatedError, match=log.topic):
        Projection(stack, database_url, log)


def test_other_cluster_stops(stack: Parts, log: Log, projection: Projection, database_url: str) -> None:
    projection.connection.execute("UPDATE positions SET cluster_id = 'another'")
    with pytest.raises(TopicRecreatedError, match="another"):
        Projection(stack, database_url, log)


def test_changed_partition_count_stops(stack: Parts, log: Log, projection: Projection, database_url: str) -> None:
    projection.catch_up()
    admin = build_admin(stack.bootstrap_servers, "tests")
    admin.create_partitions({log.topic: 5})
    admin.close()
    with pytest.raises(PartitionCountChangedError, match="has 5 partitions, the tables were made from 3"):
        Projection(stack, database_url, log)


def test_log_that_begins_after_the_position_stops(
    stack: Parts, log: Log, records: Records, projection: Projection
) -> None:
    log.append(*[records.event(17) for _ in range(5)])
    partition = next(partition for partition, end in log.ends().items() if end)
    admin = build_admin(stack.bootstrap_servers, "tests")
    resource = ConfigResource(ConfigResourceType.TOPIC, log.topic, configs={"cleanup.policy": "delete"})
    admin.alter_configs([resource])  # only such a topic lets its records be deleted
    deadline = time.monotonic() + 120
    while True:
        try:
            admin.delete_records({TopicPartition(log.topic, partition): 3})
            break
        except PolicyViolationError:
            assert time.monotonic() < deadline
    admin.close()
    with pytest.raises(PositionOutsideLogError):
        projection.catch_up()
    assert projection.counts() == {}


def test_log_that_ends_before_the_position_stops(log: Log, records: Records, projection: Projection) -> None:
    log.append(records.event(17))
    projection.catch_up()
    projection.connection.execute("UPDATE positions SET next_offset = 1000")
    with pytest.raises(PositionOutsideLogError):
        projection.catch_up(ends=dict.fromkeys(range(3), 1001))
