"""Make the tables again from the topic, unseen by readers, prove them equal, and put them in the old ones' place.

The new set is a schema of its own, made by the same migrations. Its positions say how far it is, so that an interrupted
rebuild goes on where it stopped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
from kafka import TopicPartition
from psycopg import conninfo, errors, sql

from projector.contact_erasing import ROWS_A_RECORD
from projector.errors import BusyError, ProjectorError
from projector.housekeeping import NEW, OLD, claim
from projector.proof import Comparison, Snapshot, compare
from projector.replay import Replay
from projector.version import VERSION, stored_version_of
from projector.writer import Writer
from schemas.migrations.runner import DIRECTORY, PROJECTION, MigrationError, migrate, read_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kafka import KafkaConsumer
    from psycopg import Connection

    from projector.position_table import Topic
    from runtime.postgres import Watchdog

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

ROUNDS: Final = 5
SWAP_TRIES: Final = 100
LIVE_PATIENCE: Final = 60.0
"""Seconds to wait for the live projector."""

ERASING_PATIENCE: Final = 3_600.0
"""Seconds more while it erases a large contact."""

SMALL_TAIL: Final = 2_000
"""Records that may be left to fold while the live positions are locked: well under a second's work."""

_LOCK_LIVE: Final = sql.SQL("""
    UPDATE {positions} SET generation = generation + 1 RETURNING log_partition, next_offset, generation
""")

_DROP_COMMITS: Final = sql.SQL("DROP TABLE {}.projected_batches")
_HAND_COMMITS_OVER: Final = sql.SQL("ALTER TABLE {}.projected_batches SET SCHEMA {}")
_NEW_WINDOWS: Final = sql.SQL("UPDATE {}.batches SET window_began_at = NULL")


class DifferentError(ProjectorError):
    """The tables are not what the topic says."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(f"{len(comparison.differences)} tables and partitions differ")
        self.comparison = comparison


class _BringsBackError(ProjectorError):
    """The live set has just begun to erase a large contact, which the new one still shows."""


class Rebuild:
    """Folds the topic into a set of tables beside the live one. `report` gets words for people; `rate` is records/s."""

    def __init__(  # noqa: PLR0913 - its parts
        self,
        *,
        url: str,
        topic: Topic,
        consumer: KafkaConsumer,
        watchdog: Watchdog,
        schema: str = NEW,
        batch_size: int = 5_000,
        rate: int | None = None,
        report: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._topic = topic
        self._consumer = consumer
        self._schema = schema
        self._report = report
        self._clock = clock
        self._sleep = sleep
        self._rate = rate
        self._started_at = clock()
        self._reported_at = clock()
        self._read = self._wanted = 0
        self._guard = self._connect()
        try:
            self._claim(schema)
            self._begin()
            rows = ROWS_A_RECORD * batch_size
            self._writer = Writer(url, schema, topic, watchdog, live=False, rows=lambda: rows)
        except BaseException:
            self._guard.close()
            raise
        self._replay = Replay(consumer, self._writer, topic, batch_size)

    def close(self) -> None:
        """Let go of the connections, and with them of the claim; the set stays."""
        self._writer.close()
        self._guard.close()

    def prove(self) -> Comparison:
        """Fold up to where the live set stands, and compare; raise DifferentError if they are not equal.

        While it folds, the cleaner may take records away that were erased meanwhile: a difference then proves nothing,
        and the comparison is made again further on, past the erasure.
        """
        self._fold(self._live_positions())  # the long way, without a snapshot that would keep dead rows alive
        for _ in range(ROUNDS):
            self._await_live()
            with Snapshot(self._url, PROJECTION) as live:
                self._fold(live.positions)
                with Snapshot(self._url, self._schema) as new:
                    comparison = compare(live, new)
            if not comparison.differences:
                return comparison
            with Snapshot(self._url, PROJECTION) as now:
                disturbed = now.erased_since(live.positions)
            if not {difference.partition for difference in comparison.differences} & disturbed:
                break
            self._report("something was erased meanwhile: comparing once more")
        raise DifferentError(comparison)

    def _live_positions(self) -> dict[int, int]:
        with Snapshot(self._url, PROJECTION) as live:
            return live.positions

    def _await_live(self) -> None:
        """Wait for the live tables to come to where an interrupted rebuild stands, which may be ahead of them.

        Nor can be compared what is being erased, here or there, in several transactions.
        """
        deadline = self._clock() + LIVE_PATIENCE
        mine = self._positions() | self._erasing(self._schema)
        while True:
            with Snapshot(self._url, PROJECTION) as live:
                erasing = live.erasing()
            behind = any(next_offset < mine[partition] for partition, next_offset in live.positions.items())
            if not erasing and not behind:
                return
            if self._clock() > deadline + (ERASING_PATIENCE if erasing else 0):
                raise ProjectorError(
                    "the live tables are behind the new ones and do not move: is the projector running?"
                )
            self._sleep(0.2)

    def _positions(self) -> dict[int, int]:
        stored = self._writer.positions(range(self._topic.partitions))
        return {partition: stored.next_offset for partition, stored in stored.items()}

    def _erasing(self, schema: str) -> dict[int, int]:
        with Snapshot(self._url, schema) as tables:
            return tables.erasing()

    def catch_up(self) -> None:
        """Fold up to the end of the log, until little is left, and no contact that the live set begins to erase."""
        while True:
            ends = self._log_ends()
            left = sum(ends.values()) - sum(self._positions().values())
            if left <= SMALL_TAIL and not self._would_bring_back():
                return
            self._fold(ends)

    def _would_bring_back(self) -> bool:
        """Tell whether a contact that the live set does not show any more is still in the new one."""
        mine = self._positions()
        return any(end > mine[partition] for partition, end in self._erasing(PROJECTION).items())

    def swap(self) -> None:
        """Put the new set in the live one's place, in one short transaction, at the same offsets or further."""
        self._claim(OLD)
        self.discard(OLD)
        for _ in range(SWAP_TRIES):
            try:
                self._try_swap()
            except (errors.LockNotAvailable, errors.DeadlockDetected, _BringsBackError):
                self._sleep(0.1)
                self.catch_up()
            else:
                return
        raise ProjectorError("the live positions could not be locked; is a transaction open on them? Try again")

    def discard(self, schema: str) -> None:
        """Drop a set of tables."""
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))

    def _try_swap(self) -> None:
        with self._connect() as connection, connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '200ms'")
            # Raising the old set's generation takes its locks, and refuses every projector that waits for them.
            locked = connection.execute(_LOCK_LIVE.format(positions=sql.Identifier(PROJECTION, "positions"))).fetchall()
            if self._would_bring_back():
                raise _BringsBackError
            self._fold({partition: next_offset for partition, next_offset, _ in locked})
            names = sql.Identifier(PROJECTION), sql.Identifier(self._schema), sql.Identifier(OLD)
            live, new, old = names
            # When records were applied is known to the old set alone: the table itself goes over.
            connection.execute(_DROP_COMMITS.format(new))
            connection.execute(_HAND_COMMITS_OVER.format(live, new))
            connection.execute(_NEW_WINDOWS.format(new))
            connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(live, old))
            connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(new, live))
            positions = sql.Identifier(PROJECTION, "positions")
            connection.execute(
                sql.SQL("UPDATE {} SET generation = %(generation)s").format(positions),
                {"generation": max(generation for _, _, generation in locked)},
            )

    def _fold(self, ends: Mapping[int, int]) -> None:
        mine = self._writer.positions(list(ends))
        left = sum(max(0, end - mine[partition].next_offset) for partition, end in ends.items())
        self._wanted = self._read + left
        self._replay.run(ends, self._count)

    def _log_ends(self) -> dict[int, int]:
        partitions = [TopicPartition(self._topic.name, partition) for partition in range(self._topic.partitions)]
        return {tp.partition: end for tp, end in self._consumer.end_offsets(partitions).items()}

    def _count(self, records: int) -> None:
        self._read += records
        now = self._clock()
        if self._rate and (early := self._read / self._rate - (now - self._started_at)) > 0:
            self._sleep(early)
        if now - self._reported_at > 1:
            self._reported_at = now
            rate = self._read / (now - self._started_at)
            self._report(f"{self._read:,} of {self._wanted:,} records folded, {rate:,.0f}/s")

    def _connect(self) -> Connected:
        url = conninfo.make_conninfo(self._url, application_name="contact-events rebuild", connect_timeout=2)
        return psycopg.connect(url, autocommit=True)

    def _claim(self, schema: str) -> None:
        if not claim(self._guard, schema):
            raise BusyError(f"another command is at work on the tables {schema}; wait for its end, or end it")

    def _begin(self) -> None:
        """Make the tables, or take up those that an interrupted run has left, if they are of this version."""
        with self._connect() as connection:
            migrations = read_migrations(DIRECTORY / PROJECTION)
            try:
                migrate(connection, migrations, self._schema)
                version = stored_version_of(connection, self._schema)
            except MigrationError:
                version = 0
            if version not in {None, VERSION}:
                self._report("the unfinished tables are of another version of this program: beginning anew")
                self.discard(self._schema)
                migrate(connection, migrations, self._schema)
