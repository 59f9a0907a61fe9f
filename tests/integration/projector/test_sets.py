"""Sets of tables beside the live one: of an older version, interrupted while something is erased, left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner, Result

from cli.projector import projector as projector_command
from cli.status import status
from cli.verify import verify as verify_command
from projector.errors import BusyError, NewerVersionError
from projector.housekeeping import NEW, OLD, SCRATCH, connect, tidy
from projector.rebuild import DifferentError
from projector.sets import abandon, open_rebuild, verify
from projector.version import VERSION
from projector.writer import Writer
from runtime.postgres import Watchdog
from schemas.migrations.runner import DIRECTORY, PROJECTION, migrate, read_migrations
from tests.integration.projector.sets import ignore, interrupt, schemas

if TYPE_CHECKING:
    from projector.settings import Settings
    from tests.integration.projector.conftest import Log, Projection, Records


def make_old(projection: Projection, database_url: str) -> None:
    """Make the live set one of the first version, as an installation is that was there before."""
    projection.rows(
        "UPDATE projection_version SET version = 1; TRUNCATE event_name_stretches, event_name_days;"
        "UPDATE event_names SET smallest_bytes = NULL, largest_bytes = NULL"
    )
    projection.writer.close()
    projection.writer = Writer(database_url, "projection", projection.topic, Watchdog())


def test_tables_filled_before_versions_were_kept_are_of_the_first(database_url: str) -> None:
    migrations = read_migrations(DIRECTORY / PROJECTION)
    position = "INSERT INTO {}.positions VALUES (0, gen_random_uuid(), 'c', 7, 1)"
    with psycopg.connect(database_url, autocommit=True) as connection:
        for schema, filled in (("before_filled", True), ("before_empty", False)):
            migrate(connection, migrations[:3], schema)
            if filled:
                connection.execute(position.format(schema).encode())
            migrate(connection, migrations, schema)
        assert connection.execute("SELECT version FROM before_filled.projection_version").fetchall() == [(1,)]
        assert connection.execute("SELECT version FROM before_empty.projection_version").fetchall() == []


def test_new_tables_are_of_this_version(projection: Projection) -> None:
    assert projection.rows("SELECT version FROM projection_version") == [(VERSION,)]


def test_upgraded_installation_is_told_to_rebuild_and_is_whole_afterwards(
    log: Log, records: Records, projection: Projection, environment: dict[str, str]
) -> None:
    def run(command: object, *arguments: str) -> Result:
        return CliRunner().invoke(command, arguments, obj=environment)  # type: ignore[arg-type]

    log.append(records.event(17, "a", properties='{"n":1}'), records.event(17, "b", properties='{"n":"x"}'))
    projection.catch_up()
    make_old(projection, environment["DATABASE_URL"])
    log.append(records.event(17, "c", properties='{"n":2}'), records.event_erased(17, "a"))
    projection.catch_up()
    projection.writer.caught_up(range(3))
    assert projection.value("SELECT count(*) FROM timeline") == 2, "an old set is kept up to date as it is"
    assert projection.rows("SELECT * FROM event_name_stretches") == [], "half a count would be no count"

    assert "made by projection version 1, this program's is 2" in run(status).output
    for refused in (run(verify_command), run(projector_command, "rebuild")):
        assert refused.exit_code == 1
        assert "made by projection version 1, this program's is 2" in refused.output
        assert "rebuild --accept-differences" in refused.output
    done = run(projector_command, "rebuild", "--accept-differences")
    assert done.exit_code == 0, done.output
    assert "with the differences above accepted" in done.output

    assert projection.rows("SELECT version FROM projection_version") == [(VERSION,)]
    assert projection.rows("SELECT property, type, count FROM event_properties ORDER BY 1, 2") == [
        ("n", "number", 1),
        ("n", "string", 1),
    ]
    assert "projection version" not in run(status).output
    assert run(verify_command).exit_code == 0


def test_within_one_version_differences_are_a_fault(
    log: Log, records: Records, projection: Projection, environment: dict[str, str]
) -> None:
    log.append(records.event(17, properties='{"n":1}'))
    projection.catch_up()
    projection.rows("UPDATE event_name_stretches SET counts = '{2}'")
    refused = CliRunner().invoke(projector_command, ["rebuild"], obj=environment)
    assert refused.exit_code == 1
    assert f"Both were made by projection version {VERSION} and must be equal" in refused.output
    assert projection.value("SELECT counts FROM event_name_stretches") == [2]


def test_projector_stops_before_tables_of_a_newer_version(projection: Projection, environment: dict[str, str]) -> None:
    projection.rows("UPDATE projection_version SET version = %s", VERSION + 1)
    with pytest.raises(NewerVersionError, match=f"version {VERSION + 1}"):
        Writer(environment["DATABASE_URL"], "projection", projection.topic, Watchdog())


def test_interrupted_set_applies_erasures_before_anything_of_it_is_seen(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    canary = '{"canary":"x"}'
    log.append(records.created(17, custom_data=canary), records.event(17, properties=canary))
    log.append(records.event(18, "gone", properties=canary), records.event(18, "stays"))
    projection.catch_up()
    interrupt(projector_settings, log)
    log.append(records.contact_erased(17), records.event_erased(18, "gone"))
    projection.catch_up()
    assert projection.value(f"SELECT count(*) FROM {NEW}.timeline") == 3
    with open_rebuild(projector_settings, NEW, ignore) as rebuild:
        rebuild.prove()
        assert projection.rows(f"SELECT event_id FROM {NEW}.timeline") == [("stays",)], "before the swap"
        rebuild.swap()
    assert projection.rows("SELECT event_id FROM timeline") == [("stays",)]
    assert projection.rows("SELECT * FROM contacts") == []
    assert projection.rows("SELECT property FROM event_properties") == []


@pytest.mark.parametrize("name", [NEW, OLD, SCRATCH])
def test_sets_that_nobody_takes_up_go_after_seven_days(
    log: Log, records: Records, projection: Projection, projector_settings: Settings, name: str
) -> None:
    log.append(records.event(17))
    projection.catch_up()
    interrupt(projector_settings, log)
    if name != NEW:
        projection.rows(f"ALTER SCHEMA {NEW} RENAME TO {name}")
    with connect(projector_settings.database_url) as connection:
        assert tidy(connection, "projection") == []
        projection.rows(f"UPDATE {name}.applied_migrations SET applied_at = applied_at - interval '7 days 1 minute'")
        assert tidy(connection, "projection") == [name]
    assert schemas(projection) == {"projection"}


def test_a_set_that_is_worked_on_is_left_alone(
    projection: Projection, projector_settings: Settings, environment: dict[str, str]
) -> None:
    with open_rebuild(projector_settings, NEW, ignore):
        with connect(projector_settings.database_url) as connection:
            assert tidy(connection, "projection", keep_sets=timedelta(0)) == []
        with pytest.raises(BusyError), open_rebuild(projector_settings, NEW, ignore):
            pass
        with pytest.raises(BusyError):
            abandon(projector_settings)
        second = CliRunner().invoke(projector_command, ["rebuild"], obj=environment)
        assert "another command is at work" in second.output
    assert NEW in schemas(projection)
    assert abandon(projector_settings) is True
    assert abandon(projector_settings) is False
    assert schemas(projection) == {"projection"}


def test_verify_covers_what_properties_are_counted(
    log: Log, records: Records, projection: Projection, projector_settings: Settings
) -> None:
    log.append(records.event(17, properties='{"n":1}'))
    projection.catch_up()
    projection.rows("UPDATE event_name_stretches SET last_received_at = '{2020-01-01Z}'")
    with pytest.raises(DifferentError) as caught:
        verify(projector_settings, ignore)
    (difference,) = caught.value.comparison.differences
    assert difference.table == "event_name_stretches"
