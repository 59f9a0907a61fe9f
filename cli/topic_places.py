"""How people name a moment or a stretch of the log, and where that is in offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafka import KafkaConsumer

_AGO: Final = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_STRETCH: Final = re.compile(r"([0-9]{1,9}):([0-9]{0,18})-([0-9]{0,18})")


class Moment(NamedTuple):
    """A moment, and how it was written."""

    text: str
    at: datetime


class MomentType(click.ParamType[Moment]):
    """A moment: RFC 3339 with its offset, a date (midnight in UTC), or how long ago, such as 2h."""

    name = "MOMENT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        """Read it."""
        text = str(value)
        if ago := _AGO.fullmatch(text):
            try:
                return Moment(text, datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
            except OverflowError:
                self.fail(f"{text!r} ago there was no calendar", param, ctx)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is not a moment such as 2026-06-07T10:30:00Z, 2026-06-07 or 2h", param, ctx)
        if moment.tzinfo is None and len(text) > len("2026-06-07"):
            self.fail(f"{text!r} has no offset from UTC. Add Z, or one such as +02:00.", param, ctx)
        return Moment(text, moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Offsets of one partition from `first` up to, and not including, `end`; None is where the log begins or ends."""

    partition: int
    first: int | None
    end: int | None


class StretchOfLog(click.ParamType[Stretch]):
    """A stretch, written partition:first-end."""

    name = "P:FIRST-END"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Stretch:
        """Read it."""
        match = _STRETCH.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a stretch such as 2:1000-2000, 2:1000- or 2:-", param, ctx)
        first, end = (int(text) if text else None for text in match.groups()[1:])
        return Stretch(int(match[1]), first, end)


@dataclass(frozen=True, slots=True)
class Range:
    """Where to start and where to stop reading, by partition; `ends` are not included."""

    starts: dict[int, int]
    ends: dict[int, int]

    @property
    def size(self) -> int:
        """How many offsets it spans; at least as many as there are records."""
        return sum(self.ends[partition] - start for partition, start in self.starts.items())


def moments_range(
    consumer: KafkaConsumer, topic: str, partitions: Sequence[int], first: Moment | None, end: Moment | None
) -> Range:
    """Find the records that the log took from `first` up to, not including, `end`; None is the whole way."""
    begins, ends = log_bounds(consumer, topic, partitions)
    starts = begins if first is None else ends | _at(consumer, topic, partitions, first.at)
    stops = ends if end is None else ends | _at(consumer, topic, partitions, end.at)
    return Range(starts, {partition: max(stop, starts[partition]) for partition, stop in stops.items()})


def stretches_range(consumer: KafkaConsumer, topic: str, partitions: int, stretches: Sequence[Stretch]) -> Range:
    """Find the offsets that the stretches name, as far as the log has them."""
    named = [stretch.partition for stretch in stretches]
    if len(set(named)) < len(named):
        raise click.UsageError("name each partition once")
    if named and max(named) >= partitions:
        raise click.UsageError(f"the topic has the partitions 0 to {partitions - 1}")
    begins, ends = log_bounds(consumer, topic, named)
    starts, stops = {}, {}
    for stretch in stretches:
        begin, end = begins[stretch.partition], ends[stretch.partition]
        starts[stretch.partition] = min(end, max(begin, stretch.first or 0))
        stops[stretch.partition] = max(starts[stretch.partition], end if stretch.end is None else min(end, stretch.end))
    return Range(starts, stops)


def log_bounds(consumer: KafkaConsumer, topic: str, partitions: Sequence[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Read where the log begins, and the offset that its next record will get, for each partition."""
    from kafka import TopicPartition

    wanted = [TopicPartition(topic, partition) for partition in partitions]
    begins, ends = consumer.beginning_offsets(wanted), consumer.end_offsets(wanted)
    return {tp.partition: begins[tp] for tp in wanted}, {tp.partition: ends[tp] for tp in wanted}


def _at(consumer: KafkaConsumer, topic: str, partitions: Sequence[int], moment: datetime) -> dict[int, int]:
    """Find the first record that the log took at or after a moment; partitions without one are left out."""
    from kafka import TopicPartition

    milliseconds = -(-int(moment.timestamp() * 1_000_000) // 1_000)  # rounded up: never one from before
    found = consumer.offsets_for_times({TopicPartition(topic, partition): milliseconds for partition in partitions})
    return {tp.partition: place.offset for tp, place in found.items() if place is not None}
