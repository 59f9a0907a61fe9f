"""PostgreSQL's settings fit the machine."""

from __future__ import annotations

from cli.stack.postgres_settings import tuned

GB = 1_000_000_000


def test_a_large_machine_gets_the_measured_settings() -> None:
    assert tuned(24 * GB, 80 * GB) == {"shared_buffers": "2048MB", "max_wal_size": "8192MB"}


def test_a_small_machine_keeps_three_quarters_of_its_memory() -> None:
    assert tuned(4 * GB, 80 * GB)["shared_buffers"] == "1000MB"


def test_a_small_disk_is_not_filled_with_the_write_ahead_log() -> None:
    assert tuned(24 * GB, 4 * GB)["max_wal_size"] == "1000MB"
    assert tuned(24 * GB, 0)["max_wal_size"] == "256MB"
