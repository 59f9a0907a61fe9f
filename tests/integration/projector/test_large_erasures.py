"""A contact that is too large for one transaction is erased in steps, and nobody sees it half erased."""

from __future__ import annotations

import itertools
import signal
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import projector.main
import projector.stretch_erasing
import projector.stretches
from projector.errors import FencedError
from projector.housekeeping import NEW
from projector.large_erasures import LargeErasures
from projector.main import SessionFactory
from projector.sets import open_rebuild, rebuild_and_swap, verify
from projector.settings import Settings
from projector.writer import Writer
from query.main import build
from runtime.kafka import build_consumer
from runtime.postgres import Watchdog
from schemas.partitioning import contact_partition
from schemas.records import EventErased
from tests.integration.projector.conftest import OF_A_CONTACT, T0, batch_of
from tests.integration.projector.sets import ignore
from tests.integration.projector.test_processes import Processes, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from flask.testing import FlaskClient

    from projector.batch import Batch
    from projector.position_table import Stored
    from projector.session import Session
    from schemas.records import AnyRecord
    from tests.integration.projector.conftest import Log, Projection, Records

LARGE = 17
PARTITION = contact_partition(1, LARGE, 3)
NEIGHBOUR = next(number for number in range(18, 100) if contact_partition(1, number, 3) == PARTITION)
ELSEWHERE = next(number for number in range(18, 100) if contact_partition(1, number, 3) != PARTITION)
ROWS = 10
SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.67); RETURN NULL; END$$;
    CREATE TRIGGER slowly BEFORE DELETE ON contact_updates FOR EACH STATEMENT EXECUTE FUNCTION slowly()
"""
PROPERTIES = ('{"plan":"pro"}', '{"plan":1,"seats":2}', "{}", '{"note":"as long as none of the others is"}')


def fill(log: Log, records: Records, events: int = 60) -> set[bytes]:
    """Log a large contact among others, with everything that may be of a contact; the keys to be tombstoned."""
    of_large: list[AnyRecord] = [records.created(LARGE, email="canary@example.com")]
    others: list[AnyRecord] = [records.created(NEIGHBOUR), records.created(ELSEWHERE)]
    log.append(*of_large, *others)
    for number in range(events):
        moment = T0 - timedelta(hours=number * 7 % events)
        name, properties = f"name_{number % 3}", PROPERTIES[number % 4]
        event = records.event(LARGE, f"evt-{number}", name, moment, properties)
        mine: list[AnyRecord] = [event, records.updated(LARGE, custom_data=f'{{"n":{number}}}')]
        if number % 2:
            mine.append(records.event(LARGE, f"evt-{number}", name, moment, PROPERTIES[number % 3]))
        if number % 4 == 0:
            mine += [records.event_erased(LARGE, f"evt-{number}"), records.event(LARGE, f"evt-{number}")]
        other = records.event(NEIGHBOUR, None, name, moment, PROPERTIES[number % 3])
        log.append(*mine, *([other] if number % 3 == 0 else []))
        of_large += [record for record in mine if not isinstance(record, EventErased)]
    letters = [b"1/%d/00000000-0000-0000-0000-%012d" % (LARGE, 900 + number) for number in range(ROWS + 5)]
    for letter in letters:
        log.append_raw(letter, b"canary", PARTITION)
    return {record.key for record in of_large} | set(letters)


def small_steps(database_url: str, projection: Projection) -> Writer:
    return Writer(database_url, "projection", projection.topic, Watchdog(), rows=lambda: ROWS)


def steps(writer: Writer, batch: Batch, positions: Mapping[int, Stored] | None = None) -> Iterator[dict[int, Stored]]:
    """Write a batch, a step each time."""
    now = dict(positions or writer.positions(batch.next_offsets))
    while staying := batch.behind(now):
        now |= writer.write(batch.only(staying), {partition: now[partition] for partition in staying})
        yield now


def check_gone(projection: Projection, keys: set[bytes], settings: Settings) -> None:
    for table in OF_A_CONTACT:
        assert projection.rows(f"SELECT * FROM {table} WHERE contact_id = %s", LARGE) == [], table
    assert projection.outbox() == keys
    assert projection.rows("SELECT * FROM event_name_stretches WHERE recount") == []
    assert projection.value(
        "SELECT read = applied + duplicate + conflict + refused + dead_lettered + set_aside + control"
        " FROM positions WHERE log_partition = %s",
        PARTITION,
    )
    counted = projection.rows("SELECT name, property, type, sum(count)::int FROM event_properties GROUP BY 1, 2, 3")
    there = projection.rows(
        "SELECT t.name, p.key, json_typeof(p.value), count(*)::int FROM timeline t, json_each(t.properties) p"
        " GROUP BY 1, 2, 3"
    )
    assert sorted(counted) == sorted(there)
    assert verify(settings, ignore).differences == []


def turn_until(session: Session, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        session.turn()


@pytest.fixture(params=[16_384, 8])
def _stretches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stretch for all records, and many."""
    for module in (projector.stretches, projector.stretch_erasing):
        monkeypatch.setattr(module, "STRETCH", request.param)


@pytest.fixture
def client(environment: dict[str, str], api_key: str) -> Iterator[FlaskClient]:
    service = build(environment)
    client: FlaskClient = service.app.test_client()  # type: ignore[attr-defined] # a Flask application is what it is
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {api_key}"
    yield client
    service.close()


@pytest.mark.usefixtures("_stretches")
def test_steps_come_to_what_one_transaction_comes_to(
    log: Log, records: Records, projection: Projection, database_url: str, projector_settings: Settings
) -> None:
    keys = fill(log, records)
    projection.catch_up()
    others = "SELECT * FROM {} WHERE contact_id <> %s ORDER BY contact_id, 2, 3"
    tables = [table for table in OF_A_CONTACT if table != "dead_letters"]
    before = {table: projection.rows(others.format(table), LARGE) for table in tables}
    log.append(records.contact_erased(LARGE))
    writer = small_steps(database_url, projection)
    seen = 0
    stamped = projection.value("SELECT committed_at FROM batches WHERE log_partition = %s", PARTITION)
    left = projection.value("SELECT count(*) FROM timeline WHERE contact_id = %s", LARGE)
    for now in steps(writer, batch_of(projection, log)):
        seen += 1
        rows = projection.value("SELECT count(*) FROM timeline WHERE contact_id = %s", LARGE)
        assert 0 <= left - rows <= ROWS
        left = rows
        before_it, stamped = (
            stamped,
            projection.value("SELECT committed_at FROM batches WHERE log_partition = %s", PARTITION),
        )
        assert stamped > before_it, "for `status` to tell that somebody is at work"
        if now[PARTITION].next_offset < log.ends()[PARTITION]:
            assert projection.value("SELECT sum(count) FROM event_name_days") == projection.value(
                "SELECT count(*) FROM timeline"
            ), "what is counted is what is there, also in between"
    writer.close()
    assert seen > 60 // ROWS
    check_gone(projection, keys, projector_settings)
    assert {table: projection.rows(others.format(table), LARGE) for table in tables} == before


def test_what_comes_in_the_same_batch_as_the_erasure_is_refused(
    log: Log, records: Records, projection: Projection, database_url: str, projector_settings: Settings
) -> None:
    keys = fill(log, records)
    projection.catch_up()
    before, after = records.event(LARGE), records.event(LARGE)
    log.append(before, records.contact_erased(LARGE), after, records.contact_erased(LARGE), records.event(ELSEWHERE))
    applied = projection.counts()["applied"]
    writer = small_steps(database_url, projection)
    assert len(list(steps(writer, batch_of(projection, log)))) > 1
    writer.close()
    check_gone(projection, keys | {before.key, after.key}, projector_settings)
    assert projection.counts()["applied"] == applied + 2


def test_several_that_are_large_only_together(
    log: Log, records: Records, projection: Projection, database_url: str, projector_settings: Settings
) -> None:
    for contact in (LARGE, NEIGHBOUR, ELSEWHERE):
        log.append(*[records.event(contact) for _ in range(ROWS - 3)])
    projection.catch_up()
    log.append(*[records.contact_erased(contact) for contact in (LARGE, NEIGHBOUR, ELSEWHERE)])
    writer = small_steps(database_url, projection)
    assert len(list(steps(writer, batch_of(projection, log)))) > 1
    writer.close()
    assert projection.rows("SELECT * FROM timeline") == []
    assert projection.rows("SELECT * FROM event_names") == []
    assert verify(projector_settings, ignore).differences == []


def test_one_that_is_sent_twice_is_erased_by_the_first(
    log: Log, records: Records, projection: Projection, database_url: str, projector_settings: Settings
) -> None:
    log.append(*[records.event(LARGE) for _ in range(ROWS - 3)])
    projection.catch_up()
    log.append(*[records.contact_erased(LARGE) for _ in range(2)])  # large only when both are counted
    writer = small_steps(database_url, projection)
    list(steps(writer, batch_of(projection, log)))
    writer.close()
    assert projection.rows("SELECT log_offset FROM erased_contacts") == [(ROWS - 3,)]
    assert projection.rows("SELECT * FROM timeline") == []
    assert verify(projector_settings, ignore).differences == []


@pytest.mark.parametrize("killed_after", [1, 3, 6, 8])
@pytest.mark.parametrize("batch_size", [1, 5_000])
def test_next_owner_finishes_what_was_begun(  # noqa: PLR0917 - its fixtures
    log: Log,
    records: Records,
    projection: Projection,
    database_url: str,
    projector_settings: Settings,
    killed_after: int,
    batch_size: int,
) -> None:
    keys = fill(log, records)
    projection.catch_up()
    late = records.event(LARGE)
    log.append(late, records.contact_erased(LARGE))
    killed = small_steps(database_url, projection)
    batch = batch_of(projection, log)
    former = killed.positions(batch.next_offsets)
    for _ in itertools.islice(steps(killed, batch), killed_after):
        pass
    assert projection.value("SELECT count(*) FROM timeline WHERE contact_id = %s", LARGE) > 0 or killed_after > 4

    projection.writer.close()
    projection.writer = small_steps(database_url, projection)
    projection.catch_up(batch_size)

    with pytest.raises(FencedError):
        next(steps(killed, batch, former))
    killed.close()
    check_gone(projection, keys | {late.key}, projector_settings)


def test_stale_owner_erases_nothing(log: Log, records: Records, projection: Projection, database_url: str) -> None:
    fill(log, records)
    projection.catch_up()
    log.append(records.contact_erased(LARGE))
    stale = small_steps(database_url, projection)
    under_way = steps(stale, batch_of(projection, log))
    next(under_way)
    left = projection.rows("SELECT * FROM timeline ORDER BY 1, 2, 3")
    projection.rows("UPDATE positions SET generation = generation + 1")
    with pytest.raises(FencedError):
        next(under_way)
    stale.close()
    assert projection.rows("SELECT * FROM timeline ORDER BY 1, 2, 3") == left


def test_no_read_finds_the_contact_while_it_is_being_erased(  # noqa: PLR0917 - its fixtures
    log: Log, records: Records, projection: Projection, database_url: str, client: FlaskClient, workspace: int
) -> None:
    records.workspace_id = workspace
    assert workspace == 1, "the partitions above are of this workspace"
    fill(log, records)
    log.append(records.event(LARGE, "stays"))
    projection.catch_up()
    contact = f"/api/v1/contacts/{LARGE}"
    reads = [
        contact,
        f"{contact}/events",
        f"{contact}/events?name=name_1",
        f"{contact}/events/stays",
        f"{contact}/events/stays/trace",
        f"{contact}/event-summary",
        f"{contact}/event-export",
        f"{contact}/event-stream",
    ]
    found = "/api/v1/contacts?query=canary@example.com"
    assert [client.get(path).status_code for path in reads[:-1]] == [200] * (len(reads) - 1)
    assert len(client.get(found).get_json()["data"]) == 1
    log.append(records.contact_erased(LARGE))
    writer = small_steps(database_url, projection)
    for _ in steps(writer, batch_of(projection, log)):
        assert [client.get(path).status_code for path in reads] == [404] * len(reads)
        assert client.get(found).get_json()["data"] == []
    writer.close()
    assert projection.value("SELECT count(*) FROM timeline WHERE contact_id = %s", LARGE) == 0


class Interrupted(Exception):  # noqa: N818 - like KeyboardInterrupt
    """The rebuild is killed."""


def test_rebuild_that_is_killed_while_it_erases_goes_on(
    log: Log, records: Records, projection: Projection, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.read(environment | {"BATCH_SIZE": "3"})
    keys = fill(log, records)
    log.append(records.contact_erased(LARGE), records.event(NEIGHBOUR))
    projection.catch_up()
    step, made = LargeErasures.step, itertools.count(1)

    def killed(self: LargeErasures, *arguments: Any) -> set[int]:  # noqa: ANN401 - passed through
        if next(made) == 4:
            raise Interrupted
        return step(self, *arguments)

    monkeypatch.setattr(LargeErasures, "step", killed)
    with pytest.raises(Interrupted):
        rebuild_and_swap(settings, ignore)
    begun = f"SELECT count(*) FROM {NEW}.timeline WHERE contact_id = %s"
    assert 0 < projection.value(begun, LARGE) < 45
    assert projection.value(f"SELECT count(*) FROM {NEW}.erased_contacts") == 1
    assert rebuild_and_swap(settings, ignore).differences == []
    assert next(made) > 8
    check_gone(projection, keys, settings)


def test_comparison_waits_for_the_end_of_an_erasure(
    log: Log, records: Records, projection: Projection, database_url: str, projector_settings: Settings
) -> None:
    fill(log, records)
    projection.catch_up()
    log.append(records.contact_erased(LARGE))
    writer = small_steps(database_url, projection)
    under_way = steps(writer, batch_of(projection, log))
    next(under_way)
    waited = []
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:

        def sleep(_: float) -> None:
            waited.append(next(under_way))

        rebuild._sleep = sleep  # noqa: SLF001 - the other projector works while this one sleeps
        assert rebuild.prove().differences == []
    assert len(waited) > 3
    assert next(under_way, None) is None
    writer.close()


def test_swap_does_not_bring_back_what_is_being_erased(  # noqa: PLR0917 - its fixtures
    log: Log,
    records: Records,
    projection: Projection,
    database_url: str,
    projector_settings: Settings,
    client: FlaskClient,
) -> None:
    keys = fill(log, records)
    projection.catch_up()
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:
        rebuild.prove()
        log.append(records.contact_erased(LARGE))
        writer = small_steps(database_url, projection)
        next(steps(writer, batch_of(projection, log)))
        rebuild.catch_up()
        rebuild.swap()
        assert client.get(f"/api/v1/contacts/{LARGE}").status_code == 404
        writer.close()
    projection.catch_up()
    check_gone(projection, keys, projector_settings)


def test_erasure_that_begins_right_before_the_swap_is_not_brought_back(
    log: Log, records: Records, projection: Projection, database_url: str, projector_settings: Settings
) -> None:
    fill(log, records)
    projection.catch_up()
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:
        rebuild.prove()
        rebuild.catch_up()
        log.append(records.contact_erased(LARGE))
        writer = small_steps(database_url, projection)
        next(steps(writer, batch_of(projection, log)))
        rebuild._sleep = lambda _: None  # noqa: SLF001 - it tries again at once
        rebuild.swap()
        assert projection.rows("SELECT * FROM projection.contacts WHERE contact_id = %s", LARGE) == []
        writer.close()


def test_erasure_may_last_longer_than_the_group_waits_for_a_silent_member(
    log: Log, records: Records, projection: Projection, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten steps of two thirds of a second, and three seconds until a member that does not poll is put out."""
    settings = Settings.read(environment | {"BATCH_SIZE": "3"})
    fill(log, records)
    projection.catch_up()
    monkeypatch.setattr(
        projector.main,
        "build_consumer",
        partial(build_consumer, max_poll_interval_ms=3_000, session_timeout_ms=6_000),
    )
    projection.rows(SLOWLY)
    session = SessionFactory(settings)()
    try:
        turn_until(session, lambda: len(session.owned) == 3)
        assignment = session._assignment  # noqa: SLF001 - raised by every rebalance
        log.append(records.contact_erased(LARGE))
        started = time.monotonic()
        turn_until(session, lambda: projection.value("SELECT count(*) FROM erased_contacts") == 1)
        log.append(records.event(ELSEWHERE, "meanwhile"), records.event(NEIGHBOUR, "after"))
        turn_until(session, lambda: projection.value("SELECT count(*) FROM timeline WHERE event_id = 'meanwhile'") == 1)
        assert projection.value("SELECT count(*) FROM contact_updates WHERE contact_id = %s", LARGE) > 0
        turn_until(session, lambda: projection.value("SELECT count(*) FROM timeline WHERE event_id = 'after'") == 1)
        assert time.monotonic() - started > 3, "longer than the limit"
        assert session._assignment == assignment  # noqa: SLF001 - as above
    finally:
        session.close()
    assert projection.value("SELECT count(*) FROM timeline WHERE contact_id = %s", LARGE) == 0
    assert verify(settings, ignore).differences == []


@pytest.fixture
def processes(environment: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(environment | {"BATCH_SIZE": "3"}, tmp_path)
    yield processes
    processes.end()


def test_projectors_that_join_and_are_killed_meanwhile_finish_it(
    log: Log, records: Records, projection: Projection, projector_settings: Settings, processes: Processes
) -> None:
    """A second one joins in the middle, the first one is killed: whoever has the partition then has the rest to do."""
    keys = fill(log, records, events=200)
    projection.catch_up()
    projection.rows(SLOWLY)
    first = processes.start_ready()
    log.append(records.contact_erased(LARGE))
    until(lambda: projection.value("SELECT count(*) FROM erased_contacts") == 1, what="the first step")
    processes.start_ready()
    left = projection.value("SELECT count(*) FROM contact_updates WHERE contact_id = %s", LARGE)
    first.signal(signal.SIGKILL)
    log.append(records.event(NEIGHBOUR, "after"), records.event(ELSEWHERE, "after"))
    until(lambda: projection.value("SELECT count(*) FROM timeline WHERE event_id = 'after'") == 2, what="the end")
    assert left > 0, "it was in the middle"
    until(lambda: projection.value("SELECT count(*) FROM erasure_outbox WHERE sent_at IS NULL") == 0, what="tombstones")
    until(lambda: projection.counts()["read"] == sum(log.ends().values()), what="the tombstones' own records")
    check_gone(projection, keys, projector_settings)
    assert "session ended" not in "".join(process.log_file.read_text() for process in processes.all)
