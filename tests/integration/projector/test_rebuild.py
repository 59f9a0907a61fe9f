"""Tables made again from the topic: equal, proven so, and swapped in while projectors and readers go on."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from projector.errors import FencedError
from projector.housekeeping import NEW, OLD
from projector.main import SessionFactory
from projector.progress import Progress
from projector.rebuild import DifferentError
from projector.sets import open_rebuild, rebuild_and_swap, verify
from projector.settings import Settings
from projector.supervisor import Supervisor
from runtime.postgres import connection_string
from tests.integration.projector.conftest import batch_of
from tests.integration.projector.sets import ignore, schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.projector.conftest import Log, Projection, Records


def fill(log: Log, records: Records, contacts: int = 30) -> None:
    log.append(*[records.created(contact_id, custom_data='{"plan":"pro"}') for contact_id in range(1, contacts)])
    log.append(*[records.event(contact_id, f"evt-{contact_id}") for contact_id in range(1, contacts)])
    log.append(*[records.event(contact_id, f"evt-{contact_id}", name="other") for contact_id in range(1, 5)])
    log.append(records.event_erased(7, "evt-7"), records.contact_erased(8), records.name_changed("x", {"hidden": True}))
    log.append_raw(b"1/9/wrong", b"wrong")


@pytest.fixture
def live(projector_settings: Settings) -> Iterator[None]:
    """A live projector, in a thread."""
    stop = threading.Event()
    progress = Progress(time.monotonic)
    supervisor = Supervisor(SessionFactory(projector_settings), progress, stop, time.monotonic, 60)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    yield
    stop.set()
    thread.join(120)
    assert not thread.is_alive()


def until(projection: Projection, condition: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not projection.value(f"SELECT {condition}"):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


def test_verify_says_equal_and_leaves_nothing_behind(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    fill(log, records)
    projection.catch_up()
    comparison = verify(projector_settings, ignore)
    assert comparison.differences == []
    assert comparison.rows["timeline"] == 27
    assert comparison.positions == log.ends()
    assert schemas(projection) == {"projection"}


@pytest.mark.parametrize(
    "damage",
    [
        (
            "timeline",
            "UPDATE timeline SET received_at = received_at + interval '1 microsecond' WHERE event_id = 'evt-3'",
        ),
        ("timeline", "DELETE FROM timeline WHERE event_id = 'evt-3'"),
        ("contact_event_names", "UPDATE contact_event_names SET count = count + 1 WHERE contact_id = 3"),
        ("contacts", 'UPDATE contacts SET custom_data = \'{"plan": "pro"}\' WHERE contact_id = 3'),
        ("erased_events", "DELETE FROM erased_events"),
    ],
)
def test_verify_finds_what_differs(
    log: Log, records: Records, projection: Projection, projector_settings: Settings, damage: tuple[str, str]
) -> None:
    table, statement = damage
    fill(log, records)
    projection.catch_up()
    projection.rows(statement)
    with pytest.raises(DifferentError) as caught:
        verify(projector_settings, ignore)
    (difference,) = caught.value.comparison.differences
    assert difference.table == table
    assert any("/3" in key or "/7" in key for key in difference.only_live + difference.only_new)
    assert schemas(projection) == {"projection"}


@pytest.mark.usefixtures("live")
def test_rebuild_swaps_while_a_projector_works(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    fill(log, records)
    until(projection, "sum(read) >= 62 FROM positions")
    before = projection.rows("SELECT event_id FROM timeline ORDER BY 1")
    stop = threading.Event()
    sent = 0

    def keep_sending() -> None:
        nonlocal sent
        while not stop.is_set():
            log.append(*[records.event(contact_id, name="during") for contact_id in range(10, 20)])
            sent += 10

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        comparison = rebuild_and_swap(projector_settings, ignore)
    finally:
        stop.set()
        sender.join()

    assert comparison.differences == []
    assert schemas(projection) == {"projection"}
    until(projection, f"count(*) = {sent} FROM timeline WHERE name = 'during'")
    assert projection.rows("SELECT event_id FROM timeline WHERE name <> 'during' ORDER BY 1") == before
    assert projection.rows("SELECT DISTINCT generation FROM positions") == [(2,)]
    assert verify(projector_settings, ignore).differences == []


@pytest.mark.usefixtures("live")
def test_readers_never_miss_what_they_saw(
    log: Log, records: Records, projection: Projection, environment: dict[str, str]
) -> None:
    fill(log, records)
    until(projection, "sum(read) >= 62 FROM positions")
    stop = threading.Event()
    counts: list[int] = []

    def keep_reading() -> None:
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
            while not stop.is_set():
                row = connection.execute("SELECT count(*) FROM projection.timeline").fetchone()
                assert row is not None
                counts.append(row[0])

    reader = threading.Thread(target=keep_reading)
    reader.start()
    rebuild_and_swap(Settings.read(environment), ignore)
    stop.set()
    reader.join()
    assert len(counts) > 10
    assert set(counts) == {27}


def test_interrupted_rebuild_goes_on(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    fill(log, records)
    projection.catch_up()
    half = {partition: end // 2 for partition, end in log.ends().items()}
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:
        rebuild._fold(half)  # noqa: SLF001 - as far as it came
    read_before = projection.value(f"SELECT sum(read)::int FROM {NEW}.positions")
    assert read_before == sum(half.values())
    reports: list[str] = []
    assert rebuild_and_swap(projector_settings, reports.append).differences == []
    assert projection.counts()["read"] == sum(log.ends().values())
    assert schemas(projection) == {"projection"}


def test_projector_that_waited_for_the_swap_is_refused(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    fill(log, records)
    projection.catch_up()
    log.append(records.event(17))
    batch = batch_of(projection, log)
    expected = projection.writer.positions(list(batch.next_offsets))
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:
        rebuild.prove()
        rebuild.swap()
    with pytest.raises(FencedError):
        projection.writer.write(batch, expected)
    projection.catch_up()
    assert projection.value("SELECT count(*) FROM timeline") == 28
    assert OLD in schemas(projection)


def test_swap_of_differing_tables_only_when_accepted(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    fill(log, records)
    projection.catch_up()
    projection.connection.execute("DELETE FROM timeline WHERE event_id = 'evt-3'")
    with pytest.raises(DifferentError):
        rebuild_and_swap(projector_settings, ignore)
    assert projection.value("SELECT count(*) FROM timeline") == 26
    assert len(rebuild_and_swap(projector_settings, ignore, accept=True).differences) == 1
    assert projection.value("SELECT count(*) FROM timeline") == 27


def test_rebuilt_set_has_the_same_indexes_policies_and_grants(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    def shape() -> list[object]:
        return [
            projection.rows("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'projection' ORDER BY 1, 2"),
            projection.rows(
                "SELECT tablename, policyname, roles::text, cmd, qual FROM pg_policies"
                " WHERE schemaname = 'projection' ORDER BY 1, 2"
            ),
            projection.rows(
                "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants"
                " WHERE table_schema = 'projection' ORDER BY 1, 2, 3"
            ),
            projection.rows("SELECT nspacl::text FROM pg_namespace WHERE nspname = 'projection'"),
            projection.rows(
                "SELECT relname, relrowsecurity, relforcerowsecurity, reloptions, relowner::regrole::text FROM pg_class"
                " WHERE relnamespace = 'projection'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1"
            ),
            projection.rows(
                "SELECT viewname, definition FROM pg_views WHERE schemaname = 'projection' ORDER BY viewname"
            ),
        ]

    log.append(records.event(17))
    projection.catch_up()
    before = shape()
    rebuild_and_swap(projector_settings, ignore)
    assert shape() == before


def test_ingest_sees_the_live_set_through_its_views_after_a_swap(
    log: Log, records: Records, projection: Projection, projector_settings: Settings, environment: dict[str, str]
) -> None:
    def known() -> list[object]:
        return list(connection.execute("SELECT name, count, last_received_at FROM projection.known_event_names"))

    first, second = records.event(17), records.event(18)
    conninfo = connection_string(
        environment["DATABASE_URL"], role="contact_events_ingest", schema="write_side", application_name="tests"
    )
    log.append(first)
    projection.catch_up()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        assert known() == [("plan_upgraded", 1, first.received_at)]
        rebuild_and_swap(projector_settings, ignore)
        log.append(second)
        projection.catch_up()
        assert known() == [("plan_upgraded", 2, second.received_at)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM projection.event_names")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM projection.timeline")
