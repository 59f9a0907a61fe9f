"""A read transaction for one workspace: the only way in which this process reads a projection.

Declaring the workspace inside the transaction is what row-level security goes by; `true` makes the declaration end with
the transaction, so that a pooled connection never carries one workspace over to the next reader.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests

from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from runtime.postgres import Watchdog

DEADLINE: Final = 5.0
"""Seconds that a read may take before its connection is cut."""


class Reading:
    """Opens read transactions on a pool: `with reading(workspace_id) as connection: ...`. Safe for many threads."""

    def __init__(self, pool: ConnectionPool[Connection[Any]], watchdog: Watchdog) -> None:
        self._pool = pool
        self._watchdog = watchdog

    @contextmanager
    def __call__(self, workspace_id: int) -> Iterator[Connection[Any]]:
        """Give a connection that sees one moment of one workspace; raise Problem 503 when the database is away."""
        try:
            with self._pool.connection() as connection, self._watchdog.limit(connection, DEADLINE):
                _make_reader(connection)
                # What a pipeline sends up to its end is one transaction, without BEGIN and COMMIT: the declaration and
                # the first statement travel together, and nothing has to be waited for after the last answer.
                with connection.pipeline():
                    connection.execute(
                        "SELECT set_config('contact_events.workspace_id', %(workspace_id)s::text, true)",
                        {"workspace_id": workspace_id},
                    )
                    yield connection
        except (PoolTimeout, TooManyRequests, psycopg.OperationalError) as error:
            detail = "The timelines cannot be read at the moment. Try again in a few seconds."
            raise Problem(503, "timelines_unavailable", detail, headers={"Retry-After": "2"}) from error


def _make_reader(connection: Connection[Any]) -> None:
    """Have every transaction of a new connection see one moment, and write nothing."""
    if connection.read_only is None:
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.read_only = True
