"""The commands around the projector: dead letters, status, verify, rebuild."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from cli.dead_letters import dead_letters
from cli.projector import projector
from cli.status import status
from cli.verify import verify
from schemas.partitioning import contact_partition, workspace_partition
from schemas.records import encode

if TYPE_CHECKING:
    import click

    from tests.integration.projector.conftest import Log, Projection, Records

HOME = contact_partition(1, 17, 3)


class Commands:
    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def __call__(self, command: click.Command, *arguments: str, input_: str | None = None) -> Result:
        return CliRunner().invoke(command, arguments, obj=self._environment, input=input_)


@pytest.fixture
def run(environment: dict[str, str]) -> Commands:
    return Commands(environment)


def wrong_partition(log: Log, records: Records) -> str:
    event = records.event(17, "evt-1")
    offset = log.append_raw(event.key, encode(event), (HOME + 1) % 3)
    return f"{(HOME + 1) % 3}:{offset}"


def test_list_and_show(run: Commands, log: Log, records: Records, projection: Projection) -> None:
    place = wrong_partition(log, records)
    log.append_raw(b"1/17/x", b'\xff\x1b[31m"', HOME)
    projection.catch_up()

    listed = run(dead_letters, "list")
    assert place in listed.output
    assert "wrong_partition" in listed.output
    assert "2 dead letters" in listed.output
    only = run(dead_letters, "list", "--reason", "not_a_cloudevent")
    assert place not in only.output

    shown = run(dead_letters, "show", f"{HOME}:0")
    assert '\\xff\\x1b[31m"' in shown.output
    assert "\x1b" not in shown.output
    assert run(dead_letters, "show", "0:999").exit_code == 1


def test_replay_publishes_a_new_record_and_takes_the_old_one_out(
    run: Commands, log: Log, records: Records, projection: Projection
) -> None:
    place = wrong_partition(log, records)
    projection.catch_up()
    done = run(dead_letters, "replay", place)
    assert done.exit_code == 0, done.output
    projection.catch_up()
    assert projection.rows("SELECT event_id, log_partition FROM timeline") == [("evt-1", HOME)]
    assert projection.rows("SELECT * FROM dead_letters") == []
    assert projection.counts() == {"read": 3, "applied": 1, "dead_lettered": 1, "control": 1}


def test_replayed_record_is_not_under_the_key_that_the_tombstone_takes_out(
    run: Commands, log: Log, records: Records, projection: Projection
) -> None:
    projection.connection.execute("ALTER TABLE timeline ADD CONSTRAINT fault CHECK (name <> 'plan_upgraded')")
    event = records.event(17, "evt-1")
    log.append(event)
    projection.catch_up()
    projection.connection.execute("ALTER TABLE timeline DROP CONSTRAINT fault")
    assert run(dead_letters, "replay", f"{HOME}:0").exit_code == 0
    projection.catch_up()
    ((record_id, partition),) = projection.rows("SELECT record_id, log_partition FROM timeline")
    assert partition == HOME, "where the tombstone lies too"
    assert record_id != event.record_id


def test_replayed_record_of_a_workspace_goes_where_its_records_are(
    run: Commands, log: Log, records: Records, projection: Projection
) -> None:
    change = records.name_changed("plan_upgraded", {"description": "Paid more"})
    home = workspace_partition(1, 3)
    offset = log.append_raw(change.key, encode(change), (home + 1) % 3)
    projection.catch_up()
    done = run(dead_letters, "replay", f"{(home + 1) % 3}:{offset}")
    assert done.exit_code == 0, done.output
    projection.catch_up()
    settings = projection.rows("SELECT name, description, log_partition FROM event_name_settings")
    assert settings == [("plan_upgraded", "Paid more", home)]
    assert projection.rows("SELECT * FROM dead_letters") == []


def test_replay_of_what_is_still_wrong_is_refused(run: Commands, log: Log, projection: Projection) -> None:
    log.append_raw(b"1/17/01976e2c-3a80-7c4e-9b1d-5f2a8e6c0d41", b"still wrong", HOME)
    log.append_raw(b"no key of ours", b"{}", HOME)
    projection.catch_up()
    done = run(dead_letters, "replay", "--all")
    assert done.exit_code == 1
    assert "it would be set aside again" in done.output
    assert "2 could not be replayed" in done.output
    projection.catch_up()
    assert projection.value("SELECT count(*) FROM dead_letters") == 2


def test_replay_twice_counts_once(run: Commands, log: Log, records: Records, projection: Projection) -> None:
    place = wrong_partition(log, records)
    projection.catch_up()
    run(dead_letters, "replay", place)
    run(dead_letters, "replay", place)
    projection.catch_up()
    assert projection.value("SELECT count(*) FROM timeline") == 1
    assert projection.counts()["duplicate"] == 1


def test_unknown_type_is_replayable_once_it_is_known(
    run: Commands, log: Log, records: Records, projection: Projection
) -> None:
    event = records.event(17)
    value = encode(event).replace(b"contact.event.recorded.v1", b"contact.event.recorded.v9")
    log.append_raw(event.key, value, HOME)
    projection.catch_up()
    done = run(dead_letters, "replay", "--all")
    assert "does not know the type contact.event.recorded.v9" in done.output


def test_discard_asks_and_then_takes_out(run: Commands, log: Log, records: Records, projection: Projection) -> None:
    place = wrong_partition(log, records)
    projection.catch_up()
    assert run(dead_letters, "discard", place, input_="n\n").exit_code == 1
    assert run(dead_letters, "discard", place, "--yes").exit_code == 0
    projection.catch_up()
    assert projection.rows("SELECT * FROM dead_letters") == []


def test_status_adds_up_and_tells_who_waits(run: Commands, log: Log, records: Records, projection: Projection) -> None:
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    projection.catch_up()
    log.append(records.event(17))
    stuck = run(status)
    assert "30 records read = 30 applied + 0 duplicate" in stuck.output
    assert "1 records waiting" in stuck.output

    projection.catch_up()
    projection.writer.caught_up(range(3))
    quiet = run(status)
    assert quiet.exit_code == 0, quiet.output
    assert quiet.output.count("quiet") == 3
    projection.connection.execute(
        "UPDATE batches SET caught_up_at = now() - interval '1 hour', committed_at = '2026-1-1'"
    )
    assert run(status).exit_code == 1


def test_verify_command(run: Commands, log: Log, records: Records, projection: Projection) -> None:
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    projection.catch_up()
    equal = run(verify)
    assert equal.exit_code == 0, equal.output
    assert "30 rows equal" in equal.output
    projection.connection.execute("DELETE FROM timeline WHERE contact_id = 17")
    different = run(verify)
    assert different.exit_code == 1
    assert "only topic: 1/17/" in different.output


def test_rebuild_command(run: Commands, log: Log, records: Records, projection: Projection) -> None:
    log.append(*[records.event(contact_id) for contact_id in range(1, 31)])
    projection.catch_up()
    done = run(projector, "rebuild", "--rate", "100000")
    assert done.exit_code == 0, done.output
    assert "equal, at the positions" in done.output
    assert run(projector, "rebuild", "--abandon").exit_code == 0


def test_bad_settings_are_one_clear_message() -> None:
    result = CliRunner().invoke(verify, [], obj={})
    assert result.exit_code == 1
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in result.output
