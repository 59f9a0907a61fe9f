"""What is erased is gone from every table, stays gone, and is noted for removal from the log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.partitioning import contact_partition
from tests.integration.projector.conftest import OF_A_CONTACT, T0

if TYPE_CHECKING:
    from schemas.records import ContactRecord, Record
    from tests.integration.projector.conftest import Log, Projection, Records


def keys(*records: Record) -> set[bytes]:
    return {record.key for record in records}


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_erased_event_is_gone_with_all_its_copies(
    log: Log, records: Records, projection: Projection, batch_size: int
) -> None:
    first = records.event(17, "evt-1", occurred_at=T0 - timedelta(days=9), properties='{"canary":1}')
    duplicate = records.event(17, "evt-1", occurred_at=T0 - timedelta(days=9), properties='{"canary":1}')
    conflict = records.event(17, "evt-1", properties='{"canary":2}')
    kept, other = records.event(17, "evt-2"), records.event(18, "evt-1")
    erasure = records.event_erased(17, "evt-1")
    late_copy = records.event(17, "evt-1", properties='{"canary":1}')
    again = records.event_erased(17, "evt-1")
    log.append(first, duplicate, conflict, kept, other, erasure, late_copy, again)

    projection.catch_up(batch_size)

    assert projection.rows("SELECT contact_id, event_id FROM timeline ORDER BY 1") == [(17, "evt-2"), (18, "evt-1")]
    assert projection.rows("SELECT * FROM record_copies") == []
    assert projection.rows("SELECT contact_id, count, first_occurred_at FROM contact_event_names ORDER BY 1") == [
        (17, 1, T0),
        (18, 1, T0),
    ]
    assert projection.value("SELECT min(first_received_at) FROM event_names") == kept.received_at
    assert projection.value("SELECT sum(count)::int FROM event_names") == 2
    assert projection.rows("SELECT contact_id, event_id, erased_at FROM erased_events") == [
        (17, "evt-1", erasure.received_at)
    ]
    assert projection.outbox() == keys(first, duplicate, conflict, late_copy)
    assert projection.counts() == {"read": 8, "applied": 4, "duplicate": 2, "conflict": 1, "refused": 1}


def test_erasure_of_an_event_that_never_came_refuses_it_later(
    log: Log, records: Records, projection: Projection
) -> None:
    log.append(records.event_erased(17, "evt-1"))
    projection.catch_up()
    event = records.event(17, "evt-1")
    log.append(event)
    projection.catch_up()
    assert projection.rows("SELECT * FROM timeline") == []
    assert projection.outbox() == keys(event)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_erased_contact_is_gone_from_every_table(
    log: Log, records: Records, projection: Projection, batch_size: int
) -> None:
    created = records.created(17, email="canary@example.com")
    updated = records.updated(17, "u1", custom_data='{"canary":1}')
    update_copy = records.updated(17, "u1", custom_data='{"canary":2}')
    event, copy = records.event(17, "evt-1"), records.event(17, "evt-1")
    gone_event = records.event(17, "evt-2")
    other = records.event(18, name="plan_upgraded")
    log.append(created, updated, update_copy, event, copy, gone_event, other, records.event_erased(17, "evt-2"))
    letter_key = b"1/17/00000000-0000-0000-0000-00000000dead"
    log.append_raw(letter_key, b"canary", contact_partition(1, 17, 3))
    log.append(records.contact_erased(17))
    refused: list[ContactRecord] = [records.event(17), records.updated(17), records.created(17)]
    log.append(*refused, records.contact_erased(17), records.event_erased(17, "evt-9"))
    late_letter_key = b"1/17/00000000-0000-0000-0000-00000000beef"
    log.append_raw(late_letter_key, b"canary", contact_partition(1, 17, 3))

    projection.catch_up(batch_size)

    for table in OF_A_CONTACT:
        assert projection.rows(f"SELECT * FROM {table} WHERE contact_id = 17") == [], table
    assert projection.rows("SELECT name, count FROM event_names") == [("plan_upgraded", 1)]
    assert projection.value("SELECT min(first_received_at) FROM event_names") == other.received_at
    assert projection.rows("SELECT contact_id FROM erased_contacts") == [(17,)]
    everything = keys(created, updated, update_copy, event, copy, gone_event, *refused)
    assert projection.outbox() == everything | {letter_key, late_letter_key}
    assert projection.counts() == {
        "read": 16,
        "applied": 7,
        "duplicate": 2,
        "conflict": 1,
        "refused": 5,
        "dead_lettered": 1,
    }


def test_erasing_an_event_leaves_a_contact_update_of_the_same_id(
    log: Log, records: Records, projection: Projection
) -> None:
    event, event_copy = records.event(17, "same"), records.event(17, "same")
    update, update_copy = records.updated(17, "same"), records.updated(17, "same")
    log.append(records.created(17), event, event_copy, update, update_copy, records.event_erased(17, "same"))
    projection.catch_up()
    assert projection.rows("SELECT type, record_id FROM record_copies") == [
        ("contact.updated.v1", update_copy.record_id),
    ]
    assert projection.rows("SELECT record_id FROM contact_updates WHERE update_id = 'same'") == [(update.record_id,)]
    assert projection.outbox() == keys(event, event_copy)


@pytest.mark.parametrize("times", [2, 3])
def test_record_that_stands_in_the_log_more_than_once_is_noted_once(
    log: Log, records: Records, projection: Projection, times: int
) -> None:
    event, other = records.event(17), records.event(17)
    letter_key = b"1/17/00000000-0000-0000-0000-00000000dead"
    log.append(*[event] * times, other)
    for _ in range(times):
        log.append_raw(letter_key, b"canary", contact_partition(1, 17, 3))
    log.append(records.contact_erased(17))
    projection.catch_up()
    assert projection.counts()["duplicate"] == times - 1
    assert sorted(row[0] for row in projection.rows("SELECT record_key FROM erasure_outbox")) == sorted(
        {event.key, other.key, letter_key}
    )
    assert projection.rows("SELECT * FROM record_copies") == []


def test_other_names_of_the_contact_keep_their_counters(log: Log, records: Records, projection: Projection) -> None:
    log.append(
        records.event(17, "evt-1", name="a"),
        records.event(17, "evt-2", name="a", occurred_at=T0 + timedelta(hours=1)),
        records.event(17, "evt-3", name="b"),
        records.event_erased(17, "evt-2"),
        records.event_erased(17, "evt-3"),
    )
    projection.catch_up()
    rows = projection.rows("SELECT name, count, first_occurred_at, last_occurred_at FROM contact_event_names")
    assert rows == [("a", 1, T0, T0)]
    assert projection.rows("SELECT name, count FROM event_names") == [("a", 1)]


def test_erasing_may_take_longer_than_a_batch(log: Log, records: Records, projection: Projection) -> None:
    projection.rows(
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_sleep(6.5); RETURN OLD; END$$;"
        "CREATE TRIGGER slowly BEFORE DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION slowly()"
    )
    log.append(records.created(17), records.event(17), records.contact_erased(17), records.event(18))
    projection.catch_up()
    assert projection.rows("SELECT contact_id FROM timeline") == [(18,)]
    assert projection.counts() == {"read": 4, "applied": 4}
