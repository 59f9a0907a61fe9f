"""One transaction a batch: rows, counters, counts and positions move together or not at all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
from psycopg import errors

from projector.applying import Applier, is_data_fault, split
from projector.contact_erasing import CREATE_ERASED_ROWS, ROWS
from projector.errors import NotMigratedError
from projector.large_erasures import LargeErasures, contact_erasures
from projector.position_table import (
    Stored,
    advance,
    announce,
    ensure_positions,
    fence,
    note_commit,
    stamp_caught_up,
    stored_positions,
)
from projector.takeover import APPLICATION_NAME, terminate_blockers
from projector.timeline_table import CREATE_INCOMING
from projector.version import ITEMISES_PROPERTIES, ensure_version
from runtime.postgres import connection_string
from schemas.records import InvalidRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from psycopg import Connection

    from projector.applying import Run
    from projector.batch import Batch, Counts
    from projector.position_table import Topic
    from runtime.postgres import Watchdog

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

ROLE: Final = "contact_events_projector"
PATIENCE: Final = 8.0
"""Seconds for a whole transaction before its connection is given up: above the server's own limit, which comes first
unless the server itself is frozen."""

ERASING_PATIENCE: Final = 28.0
"""The same for a transaction with an erasure, which may touch many rows; below the thirty seconds after which the
consumer group takes a silent member's partitions away. A contact that is too large for it goes in steps."""

ALONE_PATIENCE: Final = 300.0
"""The same for a set that nobody reads and nobody else writes."""

_ALONE_LIMIT: Final = "SET transaction_timeout = '290s'"

# The limit is taken when a transaction begins, so it cannot be raised from inside one.
_ERASING_LIMIT: Final = "SET transaction_timeout = '25s'"
_USUAL_LIMIT: Final = "SET transaction_timeout = '5s'"

# Bounds how long a stuck transaction holds its locks, and how long we wait for another's.
_LIMITS: Final = """
    SET transaction_timeout = '5s';
    SET idle_in_transaction_session_timeout = '5s';
    SET lock_timeout = '2s'
"""

_IS_MIGRATED: Final = "SELECT recount FROM event_name_stretches LIMIT 0"
_NOT_MIGRATED: Final = "The database has no tables for this version in schema {schema}; run `contact-events migrate`."


class Writer:
    """Applies batches of one topic to one set of tables, over one connection of its own.

    A set that is not `live` has no readers to notify and no other writer to make room for, so it may take its time.
    `rows` tells how many rows of a contact to erase in one transaction.
    """

    def __init__(  # noqa: PLR0913 - its parts
        self,
        url: str,
        schema: str,
        topic: Topic,
        watchdog: Watchdog,
        *,
        live: bool = True,
        rows: Callable[[], int] = lambda: ROWS,
    ) -> None:
        self._url = url
        self._schema = schema
        self._topic = topic
        self._live = live
        self._watchdog = watchdog
        self._connection, self.version = self._connect()
        itemised = self.version >= ITEMISES_PROPERTIES
        self._large = LargeErasures(self._connection, topic.topic_id, itemised=itemised, rows=rows)
        self._applier = Applier(self._connection, topic.topic_id, self._large, itemised=itemised)

    def _connect(self) -> tuple[Connected, int]:
        conninfo = connection_string(self._url, role=ROLE, schema=self._schema, application_name=APPLICATION_NAME)
        connection = psycopg.connect(conninfo, autocommit=True)
        try:
            with self._watchdog.limit(connection, PATIENCE):
                connection.execute(_LIMITS)
                if not self._live:
                    connection.execute(_ALONE_LIMIT)
                connection.execute(CREATE_INCOMING)
                connection.execute(CREATE_ERASED_ROWS)
                connection.execute(_IS_MIGRATED)
                with connection.transaction():
                    ensure_positions(connection, self._topic)
                    version = ensure_version(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
                raise NotMigratedError(_NOT_MIGRATED.format(schema=self._schema)) from error
            raise
        return connection, version

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def positions(self, partitions: Collection[int]) -> dict[int, Stored]:
        """Read where partitions stand."""
        with self._watchdog.limit(self._connection, PATIENCE):
            return stored_positions(self._connection, partitions)

    def caught_up(self, partitions: Collection[int]) -> None:
        """Note that nothing waits in these partitions, for readers to tell "nothing new" from "nobody is applying"."""
        with self._watchdog.limit(self._connection, PATIENCE):
            stamp_caught_up(self._connection, partitions)

    def write(
        self, batch: Batch, expected: Mapping[int, Stored], before_commit: Callable[[Counts], None] = lambda _: None
    ) -> dict[int, Stored]:
        """Apply a batch and move the positions from `expected`; return where they stand now.

        Where the erasure of a large contact is under way, one step is made, and the position stays: write that
        partition's part again. Raises FencedError if the positions stand elsewhere. `before_commit` sees the counts and
        may raise to undo it all. Any exception means that nothing was written but such steps, except that a failed
        COMMIT is in doubt: read the positions again.
        """
        try:
            return self._write(batch, expected, before_commit)
        except errors.LockNotAvailable:
            terminate_blockers(self._url, self._schema, list(expected), self._connection.info.backend_pid)
            return self._write(batch, expected, before_commit)

    def _write(
        self, batch: Batch, expected: Mapping[int, Stored], before_commit: Callable[[Counts], None]
    ) -> dict[int, Stored]:
        moving, staying = dict(expected), self._erase_large(batch, expected)
        if staying:
            moving = {partition: stored for partition, stored in expected.items() if partition not in staying}
            batch = batch.only(moving)
        if moving:
            runs = split(batch.items)
            try:
                self._transact(batch, runs, moving, before_commit)
            except (psycopg.Error, InvalidRecordError) as error:
                if not is_data_fault(error):
                    raise
                self._transact(batch, runs, moving, before_commit, bisect=True)
        moved = {
            partition: Stored(batch.next_offsets[partition], stored.generation) for partition, stored in moving.items()
        }
        return dict(expected) | moved

    def _erase_large(self, batch: Batch, expected: Mapping[int, Stored]) -> set[int]:
        erasures = contact_erasures(batch.items)
        if not erasures:
            return set()
        with self._watchdog.limit(self._connection, ERASING_PATIENCE if self._live else ALONE_PATIENCE):
            if self._live:
                self._connection.execute(_ERASING_LIMIT)
            staying = self._large.step(erasures, expected)
            if self._live:
                self._connection.execute(_USUAL_LIMIT)
        return staying

    def _transact(
        self,
        batch: Batch,
        runs: Sequence[Run],
        expected: Mapping[int, Stored],
        before_commit: Callable[[Counts], None],
        *,
        bisect: bool = False,
    ) -> None:
        if len(runs) == 1 or not self._live:
            with self._watchdog.limit(self._connection, PATIENCE if self._live else ALONE_PATIENCE):
                self._apply(batch, runs, expected, before_commit, bisect=bisect)
            return
        with self._watchdog.limit(self._connection, ERASING_PATIENCE):
            self._connection.execute(_ERASING_LIMIT)
            self._apply(batch, runs, expected, before_commit, bisect=bisect)
            self._connection.execute(_USUAL_LIMIT)  # after a failure the connection is given up or tried again longer

    def _apply(
        self,
        batch: Batch,
        runs: Sequence[Run],
        expected: Mapping[int, Stored],
        before_commit: Callable[[Counts], None],
        *,
        bisect: bool,
    ) -> None:
        with self._connection.transaction():
            if not bisect:
                self._applier.load(runs[0])  # touches nothing shared, so the locks are held for a shorter time
            fence(self._connection, expected)
            counts = self._applier.apply_bisecting(batch.items) if bisect else self._applier.apply(runs)
            counts = Counter(batch.counts) + counts
            before_commit(counts)
            advance(self._connection, batch.next_offsets, counts, batch.newest_received_at)
            if self._live:
                note_commit(self._connection, batch.next_offsets)
                announce(self._connection, batch.next_offsets)
