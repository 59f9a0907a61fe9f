"""Questions to the database that travel together: all are sent at once and answered in one round trip.

This is psycopg's pipeline without its machinery (a poll and several generators for each statement), which cost more
than the reads themselves. Statements are prepared, one by one, when a connection first sends them.
"""

from __future__ import annotations

import re
import select
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Generic, LiteralString, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from psycopg import adapt, pq

from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg import Connection
    from psycopg.abc import Transformer
    from psycopg.pq.abc import PGconn, PGresult

Answer = TypeVar("Answer")
Row: TypeAlias = tuple[Any, ...]
Value: TypeAlias = int | str | datetime | list[str]

_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s|%(%)")
_NEEDS_ESCAPE: Final = re.compile(r'(["\\])')
_BINARY: Final = pq.Format.BINARY


class Question(msgspec.Struct, Generic[Answer], frozen=True, eq=False):
    """One statement with its parameters, and how its rows are read: one typed answer.

    `columns` is told by those whose rows may stand under another one's (see `query.places.with_position`).
    """

    statement: LiteralString
    parameters: Mapping[str, Value]
    read: Callable[[list[Row]], Answer]
    columns: int = 0

    def ask(self, connection: Connection[Any]) -> Answer:
        """Ask it by itself, inside whatever transaction is open."""
        return self.read(connection.execute(self.statement, self.parameters).fetchall())


class Answers:
    """What came back; called with a question it gives that question's answer."""

    def __init__(self, rows: dict[Question[Any], list[Row]]) -> None:
        self._rows = rows

    def __call__(self, question: Question[Answer]) -> Answer:
        """Read the answer to a question that was asked."""
        return question.read(self._rows[question])


class Prepared:
    """Remembers what each connection has prepared. A connection is used by one thread at a time."""

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[Connection[Any], tuple[dict[str, bytes], Transformer]] = WeakKeyDictionary()

    def ask_one(self, connection: Connection[Any], statement: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Run one statement as a transaction of its own; raise psycopg.Error.

        One call sends, waits and receives, and lets go of the interpreter's lock once: where many threads want it,
        every further time costs two changes of threads.
        """
        names, transformer = self._known(connection, [statement])
        result = connection.pgconn.exec_prepared(names[statement], _values(statement, parameters), None, _BINARY)
        if result.status != pq.ExecStatus.TUPLES_OK:
            error = _error(connection.pgconn, result)
            connection.close()  # rare, and whatever state it is in (a statement to prepare anew, too) ends with it
            raise error
        return _rows(transformer, result)

    def ask(self, connection: Connection[Any], questions: Sequence[Question[Any]]) -> Answers:
        """Ask all questions as one transaction and wait for the answers; raise psycopg.Error."""
        names, transformer = self._known(connection, [question.statement for question in questions])
        server = connection.pgconn
        # Up to the sync all is one transaction, without BEGIN and COMMIT: the first failure skips the rest.
        server.enter_pipeline_mode()
        for question in questions:
            values = _values(question.statement, question.parameters)
            server.send_query_prepared(names[question.statement], values, None, _BINARY)
        server.pipeline_sync()
        try:
            results = _results(server)
        except psycopg.Error:
            connection.close()  # as above
            raise
        server.exit_pipeline_mode()
        return Answers(dict(zip(questions, (_rows(transformer, result) for result in results), strict=True)))

    def _known(self, connection: Connection[Any], statements: list[str]) -> tuple[dict[str, bytes], Transformer]:
        known = self._of.get(connection)
        if known is None:
            known = self._of[connection] = ({}, adapt.Transformer(connection))
        for statement in statements:
            if statement not in known[0]:
                known[0][statement] = _prepare(connection.pgconn, statement, b"ask_%d" % len(known[0]))
        return known


def _prepare(server: PGconn, statement: str, name: bytes) -> bytes:
    result = server.prepare(name, _numbered(statement)[0])
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise _error(server, result)
    return name


def _error(server: PGconn, result: PGresult) -> psycopg.Error:
    """Make the error; one that libpq reports itself has no state to go by, and means that the connection is gone."""
    if server.status == pq.ConnStatus.BAD:
        return psycopg.OperationalError(result.error_message.decode(errors="replace").strip())
    return psycopg.errors.error_from_result(result)


def _results(server: PGconn) -> list[PGresult]:
    """Wait for each statement's result. `get_result` would wait too, but with the interpreter's lock in its hands."""
    poll = select.poll()
    poll.register(server.socket, select.POLLIN | select.POLLOUT)
    while server.flush():
        poll.poll()
        server.consume_input()
    poll.modify(server.socket, select.POLLIN)
    results: list[PGresult] = []
    while True:
        while server.is_busy():
            poll.poll()
            server.consume_input()
        result = server.get_result()
        if result is None:  # the end of one statement
            continue
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            return results
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise _error(server, result)
        results.append(result)


def _values(statement: str, parameters: Mapping[str, Value]) -> list[bytes]:
    return [_written(parameters[name]) for name in _numbered(statement)[1]]


def _rows(transformer: Transformer, result: PGresult) -> list[Row]:
    transformer.set_pgresult(result)
    return cast("list[Row]", transformer.load_rows(0, result.ntuples, tuple))


@cache
def _numbered(statement: str) -> tuple[bytes, list[str]]:
    """Turn named parameters into the server's own, `$1` and so on; give their names in that order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "%"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PLACEHOLDER.sub(number, statement).encode(), names


def _written(value: Value) -> bytes:
    """Write a parameter as text; its type is what the statement makes of it."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, datetime):
        return format_time(value).encode()
    return ("{" + ",".join('"' + _NEEDS_ESCAPE.sub(r"\\\1", text) + '"' for text in value) + "}").encode()
