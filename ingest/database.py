"""PostgreSQL as ingest uses it: little, briefly, and never for long when it is away.

While it is away one thread at a time tries it again, at most once a second, and everybody else is told at once.
Otherwise each request that only wants to refresh a cached answer would wait out the pool's timeout, and an outage of
PostgreSQL would stop the events of known contacts.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from runtime.authentication import LookupFailedError
from runtime.postgres import Watchdog, build_pool, connection_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

LOAN_SECONDS: Final = 1.0
STATEMENT_SECONDS: Final = 1.5
PAUSE_SECONDS: Final = 1.0


class DatabaseAwayError(LookupFailedError):
    """PostgreSQL did not answer, or not in time."""


class Database:
    """Lends connections. Safe to use from many threads."""

    def __init__(self, url: str, max_size: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._watchdog = Watchdog()
        self._pool = build_pool(
            connection_string(
                url, role="contact_events_ingest", schema="projection", application_name="contact-events ingest"
            ),
            max_size=max_size,
            check=self._check,
        )
        self._monotonic = monotonic
        self._away = False
        self._try_again_at = 0.0
        self._answered_at = 0.0
        self._trying = threading.Lock()

    def open(self) -> None:
        """Begin to connect, in the background: ingest starts, and says so, while PostgreSQL is away."""
        self._pool.open(wait=False)

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """Lend a connection in autocommit mode; raise DatabaseAwayError when there is none or it stops answering."""
        with self._turn():
            try:
                with (
                    self._pool.connection(timeout=LOAN_SECONDS) as connection,
                    self._watchdog.limit(connection, STATEMENT_SECONDS),
                ):
                    yield connection
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self._note(error)
                raise DatabaseAwayError(type(error).__name__) from error
            self._away, self._answered_at = False, self._monotonic()

    def _note(self, error: Exception) -> None:
        """Take PostgreSQL for away, unless it answers others and there are merely too few connections."""
        crowded = isinstance(error, TooManyRequests | PoolTimeout)
        if not (crowded and self._monotonic() - self._answered_at < PAUSE_SECONDS):
            self._away, self._try_again_at = True, self._monotonic() + PAUSE_SECONDS

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._away:
            yield
            return
        if self._monotonic() < self._try_again_at or not self._trying.acquire(blocking=False):
            raise DatabaseAwayError("away a moment ago")
        try:
            yield
        finally:
            self._trying.release()

    def _check(self, connection: Connection[Any]) -> None:
        with self._watchdog.limit(connection, LOAN_SECONDS):
            ConnectionPool.check_connection(connection)

    def unavailable(self) -> str | None:
        """Say why PostgreSQL cannot be used at the moment; None when it can."""
        try:
            with self.connection() as connection:
                connection.execute("SELECT FROM write_side.contact_identities LIMIT 0")
        except DatabaseAwayError as error:
            return f"PostgreSQL cannot be reached ({error})."
        except psycopg.Error as error:
            return f"PostgreSQL is not ready for this version ({type(error).__name__}). Run `contact-events migrate`."
        return None

    def close(self) -> None:
        """Close all connections."""
        self._pool.close(timeout=2.0)
