"""One membership in the consumer group: poll, apply, commit, in that order, until something is lost.

Whatever goes wrong ends the session; the next one starts from the positions in PostgreSQL, which are the only truth.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg
from kafka import ConsumerRebalanceListener, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from projector.batch import decode_batch
from projector.errors import TIMED_OUT, PositionOutsideLogError, TopicRecreatedError
from projector.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from kafka import KafkaConsumer

    from projector.batch import Batch, Counts
    from projector.batch_size import BatchSize
    from projector.burst import BurstLimit
    from projector.position_table import Stored, Topic
    from projector.writer import Writer

POLL: Final = 0.5
"""Seconds to wait for records; also how soon a stop is noticed."""


IDENTIFY_EVERY: Final = 30.0
"""Seconds between two looks at the topic's id."""

STAMP_EVERY: Final = 2.0
"""Seconds between two notes that a partition is caught up; readers call updates delayed after ten."""


class Session(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python ships no types
    """A consumer and a writer. `report` is called after every turn with what was written, None when there was nothing.

    `new_writer` opens further writers: the rebalance listener runs on kafka-python's own thread and must not use the
    connection of the loop.
    """

    def __init__(  # noqa: PLR0913 - its parts
        self,
        consumer: KafkaConsumer,
        new_writer: Callable[[], Writer],
        *,
        topic: Topic,
        describe: Callable[[], Topic],
        burst: BurstLimit,
        batch_size: BatchSize,
        clock: Callable[[], float],
    ) -> None:
        self._consumer = consumer
        self._new_writer = new_writer
        self._writer = new_writer()
        self._pipeline = Pipeline(self._writer)
        self._topic = topic
        self._describe = describe
        self._identified_at = clock()
        self._burst = burst
        self._batch_size = batch_size
        self._clock = clock
        self._stamped_at = -STAMP_EVERY
        self._lock = threading.Lock()
        self._owned: dict[int, Stored] = {}
        self._promised: dict[int, int] = {}
        self._assignment = 0
        self._counts: Counts | None = None
        self._begun: tuple[Batch, int] | None = None
        self._waiting: Batch | None = None
        consumer.subscribe([topic.name], listener=self)

    def close(self) -> None:
        """Finish the batch under way, leave the group, so that others take over at once, and close the connections."""
        self._pipeline.close()
        try:
            self._consumer.close(autocommit=False, timeout_ms=3_000)
        finally:
            self._writer.close()

    @property
    def owned(self) -> dict[int, Stored]:
        """The partitions that the group has given us, and where they stand."""
        with self._lock:
            return dict(self._owned)

    def lag(self) -> dict[int, int | None]:
        """Count the records of each owned partition that are not applied yet; None where that is not known yet."""
        lags: dict[int, int | None] = {}
        for partition, stored in self.owned.items():
            end = self._consumer.highwater(TopicPartition(self._topic.name, partition))
            lags[partition] = None if end is None else max(0, end - stored.next_offset)
        return lags

    def turn(self) -> Counts | None:
        """Poll once and begin to write what came; give the counts of a batch that was written, None when none was.

        The partition of a large erasure waits from turn to turn until that is finished; the others go on.
        When this raises, and after `close`, what is written is what the positions say.
        """
        self._check_topic(IDENTIFY_EVERY)
        polled = self._poll()
        assignment, planned = self._plan()
        by_partition = {tp.partition: found for tp, found in polled.items() if tp.partition in planned}
        next_offsets = self._next_offsets(planned, by_partition)
        batch = decode_batch(by_partition, next_offsets, self._topic.partitions) if next_offsets else None
        written = self._settle(assignment)
        if batch is None or self._waiting is not None:
            self._stamp_idle()
        if self._waiting is not None:
            batch = self._waiting.followed_by(batch) if batch is not None else self._waiting
        if batch is not None:
            self._begin(batch, assignment)
        return written

    def _poll(self) -> dict[TopicPartition, list[Any]]:
        # kafka-python 3.0.12 gives back what it had fetched of a partition before that was paused only when nothing is
        # in its way, not even an emptied batch of another partition; and fetches no more of it until then.
        fetcher = self._consumer._fetcher  # noqa: SLF001 - as said
        if not fetcher._next_partition_records:  # noqa: SLF001 - as said
            fetcher._next_partition_records = None  # noqa: SLF001 - as said
        try:
            polled: dict[TopicPartition, list[Any]] = self._consumer.poll(
                timeout_ms=int(POLL * 1000) if self._waiting is None else 0, max_records=self._batch_size.current
            )
        except OffsetOutOfRangeError as error:
            self._check_topic(0)
            raise PositionOutsideLogError(self._outside(error)) from error
        return polled

    def _check_topic(self, every: float) -> None:
        """Look whether this still is the topic, at most once in so many seconds: a client only knows it by its name."""
        now = self._clock()
        if now - self._identified_at < every:
            return
        self._identified_at = now
        found = self._describe()
        if found != self._topic:
            raise TopicRecreatedError(
                f"the topic was {self._topic} and is now {found}; the tables belong to the former"
            )

    def _plan(self) -> tuple[int, dict[int, int]]:
        """Give the assignment number, and where its partitions stand once the batch under way is written."""
        with self._lock:
            stored = {partition: stored.next_offset for partition, stored in self._owned.items()}
            return self._assignment, stored | self._promised

    def _begin(self, batch: Batch, assignment: int) -> None:
        with self._lock:
            is_ours = assignment == self._assignment
            if is_ours:
                expected = {partition: self._owned[partition] for partition in batch.next_offsets}
                self._promised = dict(batch.next_offsets)
        if not is_ours:  # all is polled again, from where the tables stand: `on_partitions_assigned` sees to that
            self._waiting = None
            self._hold(())
            return
        self._counts = None
        self._begun = batch, assignment
        self._pipeline.submit(batch, expected, self._check)

    def _check(self, counts: Counts) -> None:
        self._burst.check(counts)
        self._counts = counts

    def _settle(self, assignment: int) -> Counts | None:
        try:
            moved = self._pipeline.settle()
        except (psycopg.OperationalError, *TIMED_OUT):
            self._batch_size.shrink()
            raise
        if moved is None or self._begun is None:
            return None
        self._batch_size.grow()
        with self._lock:
            self._promised = {}
            for partition, stored in moved.items():
                owned = self._owned.get(partition)
                if owned is not None and owned.next_offset < stored.next_offset:
                    self._owned[partition] = stored
        batch, begun_in = self._begun
        staying = batch.behind(moved)
        self._waiting = batch.only(staying) if staying and begun_in == assignment else None
        self._hold(self._waiting.next_offsets if self._waiting is not None else ())
        return self._counts or Counter({(partition, "erasing"): 1 for partition in staying})

    def _hold(self, partitions: Collection[int]) -> None:
        """Fetch nothing more of these, lest what waits grow without end, and go on with those held before."""
        held = {TopicPartition(self._topic.name, partition) for partition in partitions}
        with suppress(KeyError):  # it is not assigned any more, or was assigned anew, which lets it go
            self._consumer.resume(*self._consumer.paused() - held)
            self._consumer.pause(*held & self._consumer.assignment())

    def _stamp_idle(self) -> None:
        idle = [partition for partition, lag in self.lag().items() if lag == 0]
        if idle and self._clock() - self._stamped_at > STAMP_EVERY:
            self._writer.caught_up(idle)
            self._stamped_at = self._clock()

    def _next_offsets(self, planned: Mapping[int, int], polled: Mapping[int, Any]) -> dict[int, int]:
        """Where the consumer stands, for partitions that moved: those polled, or all when compaction left only gaps."""
        next_offsets = {}
        for partition in polled or planned:
            position = self._consumer.position(TopicPartition(self._topic.name, partition), timeout_ms=0)
            if position is not None and position > planned[partition]:
                next_offsets[partition] = position
        return next_offsets

    def _outside(self, error: OffsetOutOfRangeError) -> str:
        return (
            f"The log does not hold the offset that comes next ({error}). Records that were not applied are gone, or "
            "the log was cut short. Going on would skip them; only a rebuild from a complete log helps."
        )

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin where the tables stand. An exception ends the poll that caused this, and with it the session."""
        writer = self._new_writer()
        try:
            stored = writer.positions([tp.partition for tp in assigned])
        finally:
            writer.close()
        for tp in assigned:
            self._consumer.seek(tp, stored[tp.partition].next_offset)
        with self._lock:
            self._assignment += 1
            self._owned = stored
            self._promised = {}

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Let the batch under way end, so that the next owner starts behind it, and forget the partitions."""
        self._pipeline.wait()
        with self._lock:
            self._assignment += 1
            for tp in revoked:
                self._owned.pop(tp.partition, None)
            self._promised = {}
