"""Health by progress, and the limit on bursts of dead letters."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest

from projector.batch_size import BatchSize
from projector.burst import BurstLimit
from projector.errors import DeadLetterBurstError
from projector.progress import Progress
from projector.settings import Settings
from projector.supervisor import PASSING
from runtime.settings import SettingsError


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def batch(read: int, dead: int) -> Counter[tuple[int, str]]:
    return Counter({(0, "read"): read, (0, "dead_lettered"): dead})


def test_burst_within_the_window() -> None:
    limit = BurstLimit(100)
    limit.check(batch(5_000, 60))
    with pytest.raises(DeadLetterBurstError):
        limit.check(batch(5_000, 41))


def test_old_dead_letters_do_not_count() -> None:
    limit = BurstLimit(100)
    limit.check(batch(5_000, 100))
    limit.check(batch(12_000, 0))
    limit.check(batch(5_000, 100))


def test_a_batch_that_was_undone_does_not_count() -> None:
    limit = BurstLimit(100)
    for _ in range(3):
        with pytest.raises(DeadLetterBurstError):
            limit.check(batch(5_000, 101))
    limit.check(batch(5_000, 100))


def test_no_limit() -> None:
    BurstLimit(0).check(batch(5_000, 5_000))


def test_quiet_is_not_dead() -> None:
    clock = Clock()
    progress = Progress(clock)
    for _ in range(600):
        progress.turned(None, {0: 0, 1: None})
        clock.now += 0.5
    assert progress.dead() is None
    assert progress.trouble() is None


def test_loop_that_does_not_turn_is_dead() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.turned(None, {})
    clock.now += 31
    assert "has not turned" in (progress.dead() or "")


def test_lag_without_progress_is_dead_though_the_loop_turns() -> None:
    clock = Clock()
    progress = Progress(clock)
    for _ in range(130):
        progress.turned(None, {0: 5})
        clock.now += 0.5
    assert "none was applied" in (progress.dead() or "")
    progress.turned(batch(5, 0), {0: 0})
    assert progress.dead() is None


def test_waiting_for_the_world_is_alive_but_not_ready() -> None:
    clock = Clock()
    progress = Progress(clock)
    for _ in range(100):
        progress.waiting("OperationalError: the database is away")
        clock.now += 5
    assert progress.dead() is None
    assert progress.trouble() == "OperationalError: the database is away"


def test_settings_name_everything_that_is_wrong() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"HEALTH_PORT": "x", "BATCH_SIZE": "0"})
    assert len(caught.value.problems) == 4


def test_settings_hide_the_password() -> None:
    settings = Settings.read({"KAFKA_BOOTSTRAP_SERVERS": "k:1", "DATABASE_URL": "postgresql://u:s3cret@h/d"})
    assert "s3cret" not in repr(settings)


def test_batch_size_gives_way_and_comes_back() -> None:
    size = BatchSize(1_000)
    for _ in range(10):
        size.shrink()
    assert size.current == 1
    for _ in range(20):
        size.grow()
    assert size.current == 1_000


@pytest.mark.parametrize("state", ["25P03", "25P04", "57P01", "57P03", "40P01", "55P03"])
def test_the_servers_limits_and_absences_are_tried_again(state: str) -> None:
    assert issubclass(psycopg.errors.lookup(state), PASSING)


def test_a_fault_of_ours_is_not_tried_again() -> None:
    assert not issubclass(psycopg.errors.lookup("42601"), PASSING)
