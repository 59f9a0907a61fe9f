"""From records in the log to rows in the tables: each thing once, in order, and counted."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from tests.integration.projector.conftest import T0

if TYPE_CHECKING:
    from tests.integration.projector.conftest import Log, Projection, Records


def test_events_reach_the_timeline(log: Log, records: Records, projection: Projection) -> None:
    event = records.event(17, "evt-1", properties='{"amount":1.50, "tiny":1e-7}')
    log.append(event)

    projection.catch_up()

    rows = projection.rows(
        "SELECT workspace_id, contact_id, event_id, name, occurred_at, received_at, properties::text, record_id"
        " FROM timeline"
    )
    assert rows == [
        (1, 17, "evt-1", "plan_upgraded", T0, event.received_at, '{"amount":1.50, "tiny":1e-7}', event.record_id)
    ]
    assert projection.counts() == {"read": 1, "applied": 1}


def test_text_that_copy_would_misread(log: Log, records: Records, projection: Projection) -> None:
    properties = '{"a":"back\\\\slash \\n \\u00e9","b":\n\t[1,\r\n2]}'
    log.append(records.event(17, "\\N", name="tab\there \\N \\. \n end", properties=properties))

    projection.catch_up()

    rows = projection.rows("SELECT event_id, name, properties::text FROM timeline")
    assert rows == [("\\N", "tab\there \\N \\. \n end", properties)]


def test_first_copy_wins_and_copies_are_told_apart(log: Log, records: Records, projection: Projection) -> None:
    log.append(
        records.event(17, "evt-1", properties='{"a":1,"b":2}'),
        records.event(17, "evt-1", properties='{ "b":2, "a":1 }'),
        records.event(17, "evt-1", properties='{"a":1.0,"b":2}'),
        records.event(18, "evt-1"),
    )
    projection.catch_up()
    log.append(records.event(17, "evt-1", name="other"), records.event(17, "evt-1", properties='{"a":1,"b":2}'))
    projection.catch_up()

    assert projection.rows("SELECT contact_id, properties::text FROM timeline ORDER BY 1") == [
        (17, '{"a":1,"b":2}'),
        (18, "{}"),
    ]
    assert projection.counts() == {"read": 6, "applied": 2, "duplicate": 2, "conflict": 2}
    kinds = projection.rows("SELECT kind, content->>'name' FROM record_copies ORDER BY log_partition, log_offset")
    assert kinds == [("duplicate", None), ("conflict", "plan_upgraded"), ("conflict", "other"), ("duplicate", None)]


def test_counters_and_catalogue(log: Log, records: Records, projection: Projection) -> None:
    first, second = records.event(17), records.event(17, occurred_at=T0 - timedelta(days=3))
    third = records.event(18)
    log.append(first, second, third)
    projection.catch_up(batch_size=1)

    rows = projection.rows(
        "SELECT contact_id, name, count, first_occurred_at, last_occurred_at, first_received_at, last_received_at"
        " FROM contact_event_names ORDER BY 1"
    )
    assert rows == [
        (17, "plan_upgraded", 2, second.occurred_at, T0, first.received_at, second.received_at),
        (18, "plan_upgraded", 1, T0, T0, third.received_at, third.received_at),
    ]
    total = projection.rows("SELECT sum(count)::int, min(first_received_at), max(last_received_at) FROM event_names")
    assert total == [(3, first.received_at, third.received_at)]


def test_contact_with_its_history(log: Log, records: Records, projection: Projection) -> None:
    created = records.created(17, email="ada@example.com", custom_data='{"plan":"starter","orders":1.50,"gone":1}')
    updated = records.updated(
        17, profile={"name": "Ada"}, custom_data='{"plan":"pro","gone":null,"deep":{"x":1,"y":null}}'
    )
    again = records.updated(17, custom_data='{"plan":"pro","deep":{"x":2}}')
    log.append(created, updated, again)

    projection.catch_up()

    ((external_id, email, name, custom_data, changed_at, created_at, updated_at),) = projection.rows(
        "SELECT external_id, email, name, custom_data::text, custom_data_changed_at, created_at, updated_at"
        " FROM contacts"
    )
    assert (external_id, email, name) == ("ext-17", "ada@example.com", "Ada")
    assert custom_data == '{"plan":"pro","orders":1.50,"deep":{"x":2}}'
    assert changed_at == {
        "plan": "2026-06-07T10:30:02Z",
        "orders": "2026-06-07T10:30:01Z",
        "deep": "2026-06-07T10:30:03Z",
    }
    assert (created_at, updated_at) == (created.received_at, again.received_at)
    history = projection.rows("SELECT type, change FROM contact_updates ORDER BY log_offset")
    assert [row[0] for row in history] == ["contact.created.v1", "contact.updated.v1", "contact.updated.v1"]
    assert history[1][1]["custom_data"] == {"plan": "pro", "gone": None, "deep": {"x": 1, "y": None}}


def test_late_retry_of_an_update_does_not_undo_a_newer_one(log: Log, records: Records, projection: Projection) -> None:
    log.append(
        records.created(17),
        records.updated(17, "u1", custom_data='{"plan":"pro"}'),
        records.updated(17, "u2", custom_data='{"plan":"starter"}'),
        records.updated(17, "u1", custom_data='{"plan": "pro"}'),
        records.updated(17, "u1", custom_data='{"plan":"gold"}'),
    )
    projection.catch_up(batch_size=2)

    assert projection.value("SELECT custom_data FROM contacts") == {"plan": "starter"}
    assert projection.counts() == {"read": 5, "applied": 3, "duplicate": 1, "conflict": 1}


def test_changes_before_contact_created_count_once_it_comes(log: Log, records: Records, projection: Projection) -> None:
    log.append(records.event(17), records.updated(17, profile={"name": "Ada"}, custom_data='{"plan":"pro"}'))
    projection.catch_up()
    assert projection.rows("SELECT * FROM contacts") == []
    assert projection.value("SELECT count(*) FROM timeline") == 1

    log.append(records.created(17, email="ada@example.com", custom_data='{"orders":1}'))
    projection.catch_up()
    assert projection.rows("SELECT name, email, custom_data::text FROM contacts") == [
        ("Ada", "ada@example.com", '{"plan":"pro","orders":1}')
    ]


def test_event_names(log: Log, records: Records, projection: Projection) -> None:
    log.append(
        records.name_changed("plan_upgraded", {"description": "Moved up", "pinned": True}, "n1"),
        records.name_changed("plan_upgraded", {"pinned": None, "alias": "Plan upgraded"}, "n2"),
        records.name_changed("plan_upgraded", {"pinned": True, "description": "Moved up"}, "n1"),
        records.name_changed("plan_upgraded", {"description": "Other"}, "n1"),
        records.name_changed("plan_upgraded", {"tone": "positive", "template": "{a}"}, "n3"),
        records.name_changed("plan_upgraded", {"archived": True, "tone": "neutral"}, "n4"),
        records.name_changed("plan_upgraded", {"archived": None}, "n4"),
    )
    projection.catch_up()

    columns = "name, description, alias, hidden, pinned, template, tone, archived"
    rows = projection.rows(f"SELECT {columns} FROM event_name_settings")
    assert rows == [("plan_upgraded", "Moved up", "Plan upgraded", False, False, "{a}", "neutral", True)]
    assert projection.counts() == {"read": 7, "applied": 4, "duplicate": 1, "conflict": 2}


def test_events_are_counted_by_the_day_they_occurred(log: Log, records: Records, projection: Projection) -> None:
    midnight = datetime(2026, 6, 7, tzinfo=UTC)
    log.append(
        records.event(17, "a", "login", midnight),
        records.event(17, "a", "login", midnight),
        records.event(17, "b", "login", midnight - timedelta(microseconds=1)),
        records.event(17, "c", "login", midnight),
        records.event(18, "a", "login", midnight),
        records.event(18, "b", "logout", midnight),
    )
    projection.catch_up()
    by_day = "SELECT day, name, sum(count)::int FROM event_name_days GROUP BY day, name ORDER BY day, name"
    before, day = date(2026, 6, 6), date(2026, 6, 7)
    assert projection.rows(by_day) == [(before, "login", 1), (day, "login", 3), (day, "logout", 1)]

    log.append(records.event_erased(17, "a"), records.event_erased(17, "b"))
    projection.catch_up()
    assert projection.rows(by_day) == [(day, "login", 2), (day, "logout", 1)]

    log.append(records.contact_erased(18), records.contact_erased(17))
    projection.catch_up()
    assert projection.rows(by_day) == []


def test_every_partition_has_a_position(projection: Projection) -> None:
    assert projection.rows("SELECT log_partition, next_offset, topic_id FROM positions ORDER BY 1") == [
        (partition, 0, projection.topic.topic_id) for partition in range(3)
    ]


def test_one_notification_a_partition_and_commit(log: Log, records: Records, projection: Projection) -> None:
    projection.connection.execute("LISTEN projection")
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    projection.catch_up()

    ends = log.ends()
    payloads = [notification.payload for notification in projection.connection.notifies(timeout=1)]
    assert {f"1:{partition}:{end}" for partition, end in ends.items()} <= set(payloads)
    assert len(payloads) < 30


def test_commits_are_stamped(log: Log, records: Records, projection: Projection) -> None:
    event = records.event(17)
    log.append(event)
    projection.catch_up()
    assert projection.rows("SELECT newest_received_at, now() - committed_at < interval '1 minute' FROM batches") == [
        (event.received_at, True)
    ]


def test_custom_data_is_what_json_says(log: Log, records: Records, projection: Projection) -> None:
    text = '{"large":9223372036854775807,"float":1e-7,"text":"\\u2028 Größe","list":[1, {"a":null}]}'
    log.append(records.created(17, custom_data=text))
    projection.catch_up()
    stored = projection.value("SELECT custom_data::text FROM contacts")
    assert json.loads(stored) == json.loads(text)
    assert "9223372036854775807" in stored
    assert "1e-7" in stored
