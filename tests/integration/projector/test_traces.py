"""What can be said of one event afterwards: when it was applied, what became of its copies, why it was set aside."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from projector.housekeeping import connect, tidy
from projector.sets import rebuild_and_swap
from projector.settings import Settings
from schemas.partitioning import contact_partition
from schemas.records import encode
from tests.integration.projector.conftest import T0

if TYPE_CHECKING:
    from datetime import datetime

    from tests.integration.projector.conftest import Log, Projection, Records

HOME = contact_partition(1, 17, 3)


def applied_at(projection: Projection, partition: int, offset: int) -> datetime | None:
    rows = projection.rows(
        "SELECT next_offset, committed_at FROM projected_batches WHERE log_partition = %s AND first_offset <= %s"
        " ORDER BY first_offset DESC LIMIT 1",
        partition,
        offset,
    )
    return rows[0][1] if rows and rows[0][0] > offset else None


def test_when_each_record_was_applied_is_kept_also_through_a_rebuild(
    log: Log, records: Records, projection: Projection, environment: dict[str, str]
) -> None:
    log.append(records.event(17), records.event(17))
    before = projection.value("SELECT clock_timestamp()")
    projection.catch_up(batch_size=1)
    after = projection.value("SELECT clock_timestamp()")
    first = applied_at(projection, HOME, 0)
    assert first is not None
    assert before <= first <= after
    assert projection.value("SELECT count(*) FROM projected_batches") == 1, "commits of a second share a row"
    assert applied_at(projection, HOME, 2) is None

    rebuild_and_swap(Settings.read(environment), lambda _: None)
    assert applied_at(projection, HOME, 0) == first
    log.append(records.event(17))
    projection.catch_up()
    assert applied_at(projection, HOME, 0) == first
    later = applied_at(projection, HOME, 2)
    assert later is not None
    assert later > after


def test_commits_more_than_a_second_apart_have_a_row_each(log: Log, records: Records, projection: Projection) -> None:
    log.append(records.event(17))
    projection.catch_up()
    projection.rows("UPDATE batches SET window_began_at = window_began_at - interval '1100 milliseconds'")
    log.append(records.event(17))
    projection.catch_up()
    assert projection.rows(
        "SELECT first_offset, next_offset FROM projected_batches WHERE log_partition = %s ORDER BY 1", HOME
    ) == [(0, 1), (1, 2)]


def test_commits_are_forgotten_after_three_days(
    log: Log, records: Records, projection: Projection, environment: dict[str, str]
) -> None:
    log.append(records.event(17))
    projection.catch_up()
    with connect(environment["DATABASE_URL"]) as connection:
        tidy(connection, "projection")
        assert applied_at(projection, HOME, 0) is not None
        projection.rows("UPDATE projected_batches SET committed_at = now() - interval '73 hours'")
        tidy(connection, "projection")
    assert projection.rows("SELECT * FROM projected_batches") == []


def test_refused_copies_of_an_erased_event_are_counted(log: Log, records: Records, projection: Projection) -> None:
    log.append(records.event(17, "evt-1"), records.event_erased(17, "evt-1"))
    first, last = records.event(17, "evt-1"), records.event(17, "evt-1", occurred_at=T0 - timedelta(days=1))
    log.append(first, records.event(17, "evt-2"), last)
    projection.catch_up(batch_size=3)
    refused = "SELECT event_id, count, first_received_at, last_received_at FROM refused_copies"
    assert projection.rows(refused) == [("evt-1", 2, first.received_at, last.received_at)]

    log.append(records.contact_erased(17), records.event(17, "evt-1"), records.event(17, "evt-3"))
    projection.catch_up()
    assert projection.rows(refused) == [], "nothing is kept of an erased contact"


def test_records_set_aside_are_found_by_their_id(log: Log, records: Records, projection: Projection) -> None:
    wrong, unknown = records.event(17, "wrong"), records.event(17, "unknown")
    log.append_raw(wrong.key, encode(wrong).replace(b'"properties":{}', b'"properties":[]'), HOME)
    log.append_raw(unknown.key, encode(unknown).replace(b"recorded.v1", b"recorded.v9"), HOME)
    log.append_raw(records.event(17).key, b"no JSON", HOME)
    projection.catch_up()
    rows = projection.rows("SELECT kind, contact_id, id FROM dead_letters ORDER BY log_offset")
    assert rows == [("dead_letter", 17, "wrong"), ("unknown_type", 17, "unknown"), ("dead_letter", 17, None)]
