"""How our PostgreSQL connections are built: as a role, with a search path, with every wait bounded."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import conninfo
from psycopg_pool import ConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

CONNECT_TIMEOUT: Final = 2
"""Seconds."""


def connection_string(url: str, *, role: str, schema: str, application_name: str, statement_timeout: int = 0) -> str:
    """Extend a URL so that the session starts as `role`, with `schema` first in its search path.

    The login of the URL must be a member of the role. `statement_timeout` is in milliseconds, 0 for none.
    """
    options = (
        f"-c role={role} -c search_path={schema},write_side -c timezone=UTC -c statement_timeout={statement_timeout}"
    )
    return conninfo.make_conninfo(
        url, options=options, application_name=application_name, connect_timeout=CONNECT_TIMEOUT
    )


class LatestFirstPool(ConnectionPool["Connection[tuple[object, ...]]"]):
    """Lends the connection that came back last.

    Its server process has its caches at hand. The pool as it is goes round among all its connections, so that each
    process has lost them again by its next turn: a fifth more of PostgreSQL's time for a short read. It has no setting
    for this.
    """

    def _get_ready_connection(self, timeout: float | None) -> Connection[tuple[object, ...]] | None:
        self._pool.rotate(1)
        return super()._get_ready_connection(timeout)


def build_pool(
    conninfo_: str,
    *,
    max_size: int,
    check: Callable[[Connection[tuple[object, ...]]], None] = ConnectionPool.check_connection,
) -> ConnectionPool[Connection[tuple[object, ...]]]:
    """Build a pool (not opened yet) that refuses quickly: under an outage no thread waits more than two seconds.

    An unbounded queue would let every server thread wait for the database; the check on loan replaces connections that
    a restarted server has left dead. A caller with a watchdog passes a `check` that it bounds.
    """
    return LatestFirstPool(
        conninfo_,
        min_size=1,
        max_size=max_size,
        timeout=2.0,
        max_waiting=max_size * 4,
        check=check,
        kwargs={"autocommit": True},
        open=False,
        reconnect_timeout=60,
    )


LOOKS_EVERY: Final = 0.1
"""Seconds between two looks of a watchdog at what is running."""


class Watchdog:
    """Ends a statement whose server has stopped answering, by shutting its socket down at a deadline.

    A frozen server (SIGSTOP, a paused virtual machine) keeps acknowledging packets, so neither statement_timeout nor
    keepalives nor tcp_user_timeout ever fire; without this the thread hangs for good. One thread serves them all.
    """

    def __init__(self) -> None:
        self._statements: dict[int, tuple[float, Connection[object]]] = {}
        self._ids = itertools.count()
        self._begun = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, connection: Connection[object], seconds: float) -> Iterator[None]:
        """Give what happens on the connection inside this block `seconds`; then it raises OperationalError.

        It ends up to `LOOKS_EVERY` later. That buys that a statement in time costs no lock and wakes no thread.
        """
        token = next(self._ids)
        self._statements[token] = (time.monotonic() + seconds, connection)
        if self._thread is None or not self._thread.is_alive() or not self._begun.is_set():
            self._wake()
        try:
            yield
        finally:
            self._statements.pop(token, None)

    def _wake(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="postgres-watchdog", daemon=True)
                self._thread.start()
        self._begun.set()

    def _watch(self) -> None:
        while True:
            self._begun.wait()
            time.sleep(LOOKS_EVERY)
            now = time.monotonic()
            for token, (deadline, connection) in self._statements.copy().items():
                if deadline <= now and self._statements.pop(token, None) is not None and not connection.closed:
                    _shut_down(connection)
            if not self._statements:
                self._begun.clear()
                if self._statements:  # one that began in between took the thread for awake
                    self._begun.set()


def _shut_down(connection: Connection[object]) -> None:
    try:
        with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as handle:
            handle.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        pass  # it was already gone, or its owner has just closed it
