"""A read transaction for one workspace: the only way in which this process reads a projection.

Declaring the workspace inside the transaction is what row-level security goes by; `true` makes the declaration end with
the transaction, so that a pooled connection never carries one workspace over to the next reader.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests

from query.questions import Answer, Answers, Prepared, Question
from runtime.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from runtime.postgres import Watchdog

DEADLINE: Final = 5.0
"""Seconds that a read may take before its connection is cut."""

AT_ONCE: Final = 4
"""Quick reads of a process that are with the database at the same time. More do not come back sooner: they only keep
more of its processes and of our threads taking turns."""

PATIENCE: Final = 2.0
"""Seconds that a quick read waits for its turn."""


_DECLARATION: Final = "SELECT set_config('contact_events.workspace_id', %(workspace_id)s::text, true)"

_DECLARED: Final = """
    SELECT asked.* FROM (
        SELECT set_config('contact_events.workspace_id', %(workspace_id)s::text, true)::bigint AS workspace_id
        OFFSET 0
    ) AS declared CROSS JOIN LATERAL
"""


class Reading:
    """Opens read transactions on a pool: `with reading(workspace_id) as connection: ...`. Safe for many threads."""

    def __init__(self, pool: ConnectionPool[Connection[Any]], watchdog: Watchdog) -> None:
        self._pool = pool
        self._watchdog = watchdog
        self._prepared = Prepared()
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def __call__(self, workspace_id: int) -> Iterator[Connection[Any]]:
        """Give a connection that sees one moment of one workspace; raise Problem 503 when the database is away."""
        try:
            with self._pool.connection() as connection, self._watchdog.limit(connection, DEADLINE):
                _make_reader(connection)
                # What a pipeline sends up to its end is one transaction, without BEGIN and COMMIT: the declaration and
                # the first statement travel together, and nothing has to be waited for after the last answer.
                with connection.pipeline():
                    connection.execute(_DECLARATION, {"workspace_id": workspace_id})
                    yield connection
        except _UNAVAILABLE as error:
            raise _unavailable() from error

    def ask(self, workspace_id: int, question: Question[Answer]) -> Answer:
        """Ask one question, at a fraction of a transaction's cost; raise Problem 503 when the database is away."""
        parameters = {**question.parameters, "workspace_id": workspace_id}
        with self._asking() as connection:
            rows = self._prepared.ask_one(connection, declared(question.statement), parameters)
        return question.read(rows)

    def ask_all(self, workspace_id: int, *questions: Question[Any]) -> Answers:
        """Ask questions that need not wait for each other, and see one moment; raise Problem 503."""
        declaration = Question(_DECLARATION, {"workspace_id": workspace_id}, list)
        with self._asking() as connection:
            return self._prepared.ask(connection, (declaration, *questions))

    @contextmanager
    def _asking(self) -> Iterator[Connection[Any]]:
        if not self._turns.acquire(timeout=PATIENCE):
            raise _unavailable()
        try:
            connection = self._pool.getconn()
            try:
                with self._watchdog.limit(connection, DEADLINE):
                    _make_reader(connection)
                    yield connection
            finally:
                self._pool.putconn(connection)
        except _UNAVAILABLE as error:
            raise _unavailable() from error
        finally:
            self._turns.release()


@cache
def declared(statement: LiteralString) -> LiteralString:
    """Have a statement declare its workspace itself, and go by what is declared.

    The statement's rows hang on the declaration's row, so that it comes first. Were it ever to come later, row-level
    security would show nothing: it cannot show another workspace.
    """
    return _DECLARED + "(" + statement.replace("%(workspace_id)s", "declared.workspace_id") + ") AS asked"


_UNAVAILABLE: Final = (PoolTimeout, TooManyRequests, psycopg.OperationalError)


def _unavailable() -> Problem:
    detail = "The timelines cannot be read at the moment. Try again in a few seconds."
    return Problem(503, "timelines_unavailable", detail, headers={"Retry-After": "2"})


def _make_reader(connection: Connection[Any]) -> None:
    """Have every transaction of a new connection see one moment, and write nothing."""
    if connection.read_only is None:
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.read_only = True
