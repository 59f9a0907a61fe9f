"""Fold the log into a set of tables up to given offsets, without the consumer group: for rebuilds and proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kafka import TopicPartition
from kafka.errors import OffsetOutOfRangeError

from projector.batch import decode_batch
from projector.errors import PositionOutsideLogError
from projector.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kafka import KafkaConsumer

    from projector.batch import Batch
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
        pipeline = Pipeline(self._writer)
        planned = {partition: stored.next_offset for partition, stored in positions.items()}
        read = 0
        under_way: Batch | None = None
        try:
            while todo:
                batch = self._poll(todo, planned)
                positions |= self._settle(pipeline, under_way)
                report(read)
                read, under_way = 0, batch
                if batch is not None:
                    expected = {partition: positions[partition] for partition in batch.next_offsets}
                    pipeline.submit(batch, expected, lambda _: None)
                    planned |= batch.next_offsets
                    read = sum(count for (_, outcome), count in batch.counts.items() if outcome == "read")
                for partition in [p for p, end in todo.items() if planned[p] >= end]:
                    del todo[partition]
                    self._consumer.pause(TopicPartition(self._topic.name, partition))
            return positions | self._settle(pipeline, under_way)
        finally:
            pipeline.close()

    def _settle(self, pipeline: Pipeline, batch: Batch | None) -> dict[int, Stored]:
        """Wait for the batch under way, and go on writing it while a large erasure keeps part of it from moving."""
        positions = pipeline.settle() or {}
        while batch and (staying := batch.behind(positions)):
            batch = batch.only(staying)
            pipeline.submit(batch, {partition: positions[partition] for partition in staying}, lambda _: None)
            positions |= pipeline.settle() or {}
        return positions

    def _poll(self, todo: Mapping[int, int], planned: Mapping[int, int]) -> Batch | None:
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
            if position is not None and position > planned[partition]:
                next_offsets[partition] = min(position, end)
        return decode_batch(found, next_offsets, self._topic.partitions) if next_offsets else None
