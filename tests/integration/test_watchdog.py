"""The watchdog against a real server: a statement that does not come back is ended at the deadline, others are not."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import psycopg
import pytest

from runtime.postgres import Watchdog


def test_a_statement_that_does_not_come_back_is_ended(database_url: str) -> None:
    watchdog = Watchdog()
    with psycopg.connect(database_url, autocommit=True) as connection:
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError), watchdog.limit(connection, 0.3):
            connection.execute("SELECT pg_sleep(30)")
        assert 0.3 <= time.monotonic() - began < 15


def test_a_statement_in_time_is_left_alone_and_so_is_the_next(database_url: str) -> None:
    watchdog = Watchdog()
    with psycopg.connect(database_url, autocommit=True) as connection:
        with watchdog.limit(connection, 2.0):
            connection.execute("SELECT 1")
        assert connection.execute("SELECT pg_sleep(2.4), 7").fetchone() == ("", 7)


def test_one_watchdog_serves_many_connections(database_url: str) -> None:
    watchdog = Watchdog()

    def run(number: int) -> str:
        slow = number % 2 == 0
        with psycopg.connect(database_url, autocommit=True) as connection:
            try:
                with watchdog.limit(connection, 0.5 if slow else 60):
                    connection.execute("SELECT pg_sleep(%s)", [30 if slow else 1])
            except psycopg.OperationalError:
                return "ended"
        return "done"

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(8))) == ["ended", "done"] * 4


def ends(watchdog: Watchdog, database_url: str) -> None:
    """Let it end a statement that does not come back."""
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        pytest.raises(psycopg.OperationalError),
        watchdog.limit(connection, 0.3),
    ):
        connection.execute("SELECT pg_sleep(30)")


def test_a_watchdog_that_went_to_sleep_watches_again(database_url: str) -> None:
    watchdog = Watchdog()
    with psycopg.connect(database_url, autocommit=True) as connection, watchdog.limit(connection, 60):
        connection.execute("SELECT 1")
    deadline = time.monotonic() + 120
    while watchdog._begun.is_set():  # noqa: SLF001 - it sleeps once nothing runs, without a sign to anybody
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ends(watchdog, database_url)


def test_a_watchdog_whose_thread_was_lost_in_a_fork_watches_again(database_url: str) -> None:
    watchdog = Watchdog()
    watchdog._thread = threading.Thread()  # noqa: SLF001 - one that does not run, though something was being watched
    watchdog._begun.set()  # noqa: SLF001
    ends(watchdog, database_url)


class Closing:
    """A connection that its owner closes at the moment when the watchdog reaches for it."""

    closed = False

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self.connection = connection
        self.reached = threading.Event()

    def fileno(self) -> int:
        self.connection.close()
        self.reached.set()
        return self.connection.fileno()


def test_a_connection_that_is_closed_under_its_eyes_does_not_end_it(database_url: str) -> None:
    watchdog = Watchdog()
    with psycopg.connect(database_url, autocommit=True) as connection:
        closing = Closing(connection)
        with watchdog.limit(cast("psycopg.Connection[object]", closing), 0.1):
            assert closing.reached.wait(60)
    thread = watchdog._thread  # noqa: SLF001
    ends(watchdog, database_url)
    assert watchdog._thread is thread  # noqa: SLF001 - the one that was there all along
