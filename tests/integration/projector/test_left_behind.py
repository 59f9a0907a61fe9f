"""Sets that a rebuild left behind: taken up only if they are of this version, and dropped by their age."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from projector import housekeeping
from projector.housekeeping import NEW, SCRATCH, connect, start_housekeeping, tidy
from projector.sets import open_rebuild, rebuild_and_swap, verify
from projector.version import VERSION
from projector.writer import Writer
from runtime.postgres import Watchdog
from tests.integration.projector.sets import ignore, interrupt, schemas

if TYPE_CHECKING:
    from projector.settings import Settings
    from tests.integration.projector.conftest import Log, Projection, Records

BEGINNING_ANEW = "the unfinished tables are of another version of this program: beginning anew"
AGE = f"UPDATE {NEW}.applied_migrations SET applied_at = applied_at - %s::interval"


@pytest.fixture
def interrupted(log: Log, records: Records, projection: Projection, projector_settings: Settings) -> Projection:
    """A live set of one event, and a set beside it that has come as far."""
    log.append(records.event(17, properties='{"n":1}'))
    projection.catch_up()
    interrupt(projector_settings, log)
    return projection


@pytest.mark.parametrize(
    ("next_offset", "version"), [(7, 1), (0, VERSION)], ids=["filled by a program without versions", "empty"]
)
def test_set_without_a_version_is_of_whoever_filled_it(
    projection: Projection, projector_settings: Settings, next_offset: int, version: int
) -> None:
    projection.rows("DELETE FROM projection_version")
    projection.rows("UPDATE positions SET next_offset = %s WHERE log_partition = 1", next_offset)
    writer = Writer(projector_settings.database_url, "projection", projection.topic, Watchdog())
    writer.close()
    assert writer.version == version
    assert projection.rows("SELECT version FROM projection_version") == [(version,)]


@pytest.mark.parametrize(
    "foreign",
    [
        f"UPDATE {NEW}.projection_version SET version = {VERSION - 1}",
        f"UPDATE {NEW}.projection_version SET version = {VERSION + 1}",
        f"INSERT INTO {NEW}.applied_migrations (name, checksum) VALUES ('9999_later.sql', 'x')",
        f"UPDATE {NEW}.applied_migrations SET checksum = 'x' WHERE name LIKE '0001%%'",
    ],
    ids=["older fold", "newer fold", "newer tables", "other tables"],
)
def test_set_of_another_version_is_never_taken_up(
    interrupted: Projection, projector_settings: Settings, foreign: str
) -> None:
    interrupted.rows(foreign)
    said: list[str] = []
    with open_rebuild(projector_settings, NEW, said.append):
        assert said == [BEGINNING_ANEW]
        assert interrupted.rows(f"SELECT * FROM {NEW}.timeline") == []
        assert interrupted.rows(f"SELECT version FROM {NEW}.projection_version") == [(VERSION,)]
    assert rebuild_and_swap(projector_settings, ignore).differences == []


def test_set_of_this_version_is_taken_up_and_a_new_one_is_not_begun_twice(
    interrupted: Projection, projector_settings: Settings
) -> None:
    said: list[str] = []
    with open_rebuild(projector_settings, NEW, said.append):
        assert interrupted.value(f"SELECT count(*) FROM {NEW}.timeline") == 1
    with open_rebuild(projector_settings, SCRATCH, said.append):
        assert interrupted.value(f"SELECT count(*) FROM {SCRATCH}.timeline") == 0
    assert said == []


def test_verify_leaves_an_interrupted_rebuild_as_it_is(interrupted: Projection, projector_settings: Settings) -> None:
    assert verify(projector_settings, ignore).differences == []
    assert schemas(interrupted) == {"projection", NEW}
    assert interrupted.value(f"SELECT count(*) FROM {NEW}.timeline") == 1


def test_a_set_is_as_old_as_its_first_migration(interrupted: Projection, projector_settings: Settings) -> None:
    with connect(projector_settings.database_url) as connection:
        interrupted.rows(AGE, "6 days 23 hours")
        assert tidy(connection, "projection") == [], "not a day before"
        interrupted.rows(f"{AGE} WHERE name LIKE '0001%%'", "2 hours")
        assert tidy(connection, "projection") == [NEW], "a later migration makes it no younger"


def test_tidying_lets_go_of_what_it_leaves(interrupted: Projection, projector_settings: Settings) -> None:
    with connect(projector_settings.database_url) as connection:
        assert tidy(connection, "projection") == []
        with open_rebuild(projector_settings, NEW, ignore):
            assert NEW in schemas(interrupted)


def test_a_running_projector_tidies(
    interrupted: Projection, projector_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "EVERY", 0.05)
    interrupted.rows(AGE, "7 days 1 minute")
    stop = threading.Event()
    thread = start_housekeeping(projector_settings.database_url, "projection", stop)
    deadline = time.monotonic() + 60
    while NEW in schemas(interrupted):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stop.set()
    thread.join(120)
    assert not thread.is_alive()
