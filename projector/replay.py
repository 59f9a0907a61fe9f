"""Fold the log into a set of tables up to given offsets, without the consumer group: for rebuilds and proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kafka import TopicPartition
from kafka.errors import OffsetOutOfRangeError

from projector.batch import decode_batch
from projector.errors import PositionOutsideLogError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kafka import KafkaConsumer

    from projector.position_table import Stored, Topic
    from projector.writer import Writer


class Replay:
    """Reads with a consumer of its own, which belongs to no group, and writes where the writer's tables stand."""

    def __init__(self, consumer: KafkaConsumer, writer: Writer, topic: Topic, batch_size: int) -> None:
        self._consumer = consumer
        self._writer = writer
        self._topic = topic
        self._batch_size = batch_size

    def run(self, ends: Mapping[int, int], report: Callable[[int], None] = lambda _: None) -> dict[int, Stored]:
        """Fold exactly up to `ends` (partition to offset, not included); `report` gets the number of records read.

        Interruptible at any moment: the positions say where to go on.
        """
        positions = self._writer.positions(list(ends))
        todo = {partition: end for partition, end in ends.items() if positions[partition].next_offset < end}
        self._consumer.assign([TopicPartition(self._topic.name, partition) for partition in todo])
        for partition in todo:
            tp = TopicPartition(self._topic.name, partition)
            self._consumer.seek(tp, positions[partition].next_offset)
            self._consumer.resume(tp)  # an earlier run may have paused it
        while todo:
            positions |= self._turn(todo, positions, report)
            for partition in [p for p, end in todo.items() if positions[p].next_offset >= end]:
                del todo[partition]
                self._consumer.pause(TopicPartition(self._topic.name, partition))
        return positions

    def _turn(
        self, todo: Mapping[int, int], positions: Mapping[int, Stored], report: Callable[[int], None]
    ) -> dict[int, Stored]:
        try:
            polled = self._consumer.poll(timeout_ms=500, max_records=self._batch_size)
        except OffsetOutOfRangeError as error:
            raise PositionOutsideLogError(f"the log lacks what is to be folded: {error}") from error
        found: dict[int, list[Any]] = {}
        for tp, raw_records in polled.items():
            if tp.partition in todo:
                found[tp.partition] = [raw for raw in raw_records if raw.offset < todo[tp.partition]]
        next_offsets = {}
        for partition, end in todo.items():
            position = self._consumer.position(TopicPartition(self._topic.name, partition), timeout_ms=0)
            if position is not None and position > positions[partition].next_offset:
                next_offsets[partition] = min(position, end)
        if not next_offsets:
            return {}
        batch = decode_batch(found, next_offsets, self._topic.partitions)
        moved = self._writer.write(batch, {partition: positions[partition] for partition in next_offsets})
        report(sum(count for (_, outcome), count in batch.counts.items() if outcome == "read"))
        return moved
