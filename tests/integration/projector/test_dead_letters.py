"""Records that cannot be applied are set aside whole, with a reason, and hold nothing up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from projector.burst import BurstLimit
from projector.errors import DeadLetterBurstError
from schemas.partitioning import contact_partition
from schemas.records import LOG_MARK_KEY, encode, encode_log_mark
from tests.integration.projector.conftest import T0, batch_of

if TYPE_CHECKING:
    from tests.integration.projector.conftest import Log, Projection, Records

HOME = contact_partition(1, 17, 3)


def letters(projection: Projection) -> list[tuple[str, str]]:
    return [
        tuple(row)
        for row in projection.rows("SELECT kind, reason FROM dead_letters ORDER BY log_partition, log_offset")
    ]


def test_what_is_no_record_is_kept_byte_for_byte(log: Log, records: Records, projection: Projection) -> None:
    offset = log.append_raw(b"\xff\x00key", b"\xff\xfe not json", 0)
    log.append(records.event(17))

    projection.catch_up()

    rows = projection.rows("SELECT log_partition, log_offset, reason, record_key, record_value FROM dead_letters")
    assert rows == [(0, offset, "not_a_cloudevent", b"\xff\x00key", b"\xff\xfe not json")]
    assert projection.counts() == {"read": 2, "applied": 1, "dead_lettered": 1}


def test_reasons(log: Log, records: Records, projection: Projection) -> None:
    event = records.event(17)
    value = encode(event)
    log.append_raw(b"no key of ours", value, HOME)
    log.append_raw(event.key.replace(b"/17/", b"/18/"), value, HOME)
    log.append_raw(event.key, value, (HOME + 1) % 3)
    log.append_raw(event.key, value.replace(b'"properties":{}', b'"properties":[]'), HOME)
    log.append_raw(event.key, value.replace(b"contact.event.recorded.v1", b"contact.event.recorded.v9"), HOME)
    projection.catch_up()
    assert sorted(letters(projection)) == [
        ("dead_letter", "invalid_data"),
        ("dead_letter", "invalid_key"),
        ("dead_letter", "parts_disagree"),
        ("dead_letter", "wrong_partition"),
        ("unknown_type", "unknown_type"),
    ]
    assert projection.counts() == {"read": 5, "dead_lettered": 4, "set_aside": 1}


def test_what_the_database_refuses_is_found_by_bisecting(log: Log, records: Records, projection: Projection) -> None:
    projection.connection.execute("ALTER TABLE timeline ADD CHECK (name <> 'refused')")
    projection.connection.execute("ALTER TABLE contacts ADD CHECK (email <> 'refused')")
    log.append(
        *[records.event(17, name="refused" if number in {7, 8, 31} else "kept") for number in range(40)],
        records.created(17),
        records.created(18, email="refused"),
    )

    projection.catch_up()

    assert letters(projection) == [("dead_letter", "refused_by_database")] * 4
    assert "23514" in projection.value("SELECT detail FROM dead_letters LIMIT 1")
    assert projection.value("SELECT count(*) FROM timeline") == 37
    assert projection.value("SELECT sum(count)::int FROM contact_event_names") == 37
    assert projection.rows("SELECT contact_id FROM contacts") == [(17,)]
    assert projection.counts() == {"read": 42, "applied": 38, "dead_lettered": 4}


def test_first_copy_that_was_refused_leaves_its_id_free(log: Log, records: Records, projection: Projection) -> None:
    projection.connection.execute("ALTER TABLE timeline ADD CHECK (name <> 'refused')")
    log.append(records.event(17, "evt-1", name="refused"), records.event(17, "evt-1", name="good"))
    projection.catch_up()
    assert projection.rows("SELECT event_id, name FROM timeline") == [("evt-1", "good")]


@pytest.mark.parametrize("field", ["email", "name", "external_id"])
def test_nul_that_postgresql_has_no_place_for(log: Log, records: Records, projection: Projection, field: str) -> None:
    created = records.created(17)
    document = json.loads(encode(created))
    document["data"][field] = "nul\0"
    log.append_raw(created.key, json.dumps(document).encode(), HOME)
    log.append(records.created(17, email="ada@example.com"))
    projection.catch_up()
    assert projection.rows("SELECT email FROM contacts") == [("ada@example.com",)]
    assert letters(projection) == [("dead_letter", "invalid_data")]


def test_custom_data_nested_beyond_reason_is_set_aside(log: Log, records: Records, projection: Projection) -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    log.append(records.created(17), records.updated(17, custom_data=deep))
    projection.catch_up()
    assert projection.counts() == {"read": 2, "applied": 1, "dead_lettered": 1}
    assert projection.value("SELECT detail FROM dead_letters") == "custom data is nested too deeply"


def test_tombstone_takes_a_dead_letter_out_and_counts_as_control(log: Log, projection: Projection) -> None:
    log.append_raw(b"1/17/x", b"wrong", 0)
    log.append_raw(b"1/17/y", b"wrong", 0)
    log.append_raw(b"1/17/x", None, 0)
    log.append_raw(b"1/17/y", None, 1)
    log.append_raw(b"1/17/x", b"wrong again", 0)
    projection.catch_up()
    assert projection.rows("SELECT record_key, record_value FROM dead_letters ORDER BY log_offset") == [
        (b"1/17/y", b"wrong"),
        (b"1/17/x", b"wrong again"),
    ]
    assert projection.counts() == {"read": 5, "dead_lettered": 3, "control": 2}


def test_log_mark_is_control(log: Log, projection: Projection) -> None:
    log.append_raw(LOG_MARK_KEY, encode_log_mark(T0), 2)
    projection.catch_up()
    assert projection.counts() == {"read": 1, "control": 1}


def test_burst_stops_before_the_topic_is_emptied_into_the_bin(
    log: Log, records: Records, projection: Projection
) -> None:
    for _ in range(11):
        log.append_raw(b"k", b"wrong", 0)
    log.append(records.event(17))
    batch = batch_of(projection, log)
    expected = projection.writer.positions(list(batch.next_offsets))
    with pytest.raises(DeadLetterBurstError):
        projection.writer.write(batch, expected, BurstLimit(10).check)
    assert projection.counts() == {}
    projection.writer.write(batch, expected, BurstLimit(11).check)
    assert projection.counts() == {"read": 12, "applied": 1, "dead_lettered": 11}
