"""Reading the topic by hand: which records are wanted, and a loop over them, live or up to an end."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from schemas.partitioning import contact_partition
from schemas.record_classes import EVENT_RECORDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kafka import KafkaConsumer
    from kafka.consumer.fetcher import ConsumerRecord

    from cli.topic_places import Range

AT_ONCE: Final = 5_000
"""Records taken from the consumer at a time."""


class _Data(msgspec.Struct, gc=False):
    name: str


class _Named(msgspec.Struct, gc=False):
    type: str
    data: _Data


_named = msgspec.json.Decoder(_Named)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are wanted; what is None or empty does not matter. Names select contact events alone."""

    workspace: int | None = None
    contact: int | None = None
    names: frozenset[str] = frozenset()

    def partitions(self, count: int) -> list[int]:
        """Tell which of the topic's partitions can hold such records."""
        if self.workspace is None or self.contact is None:
            return list(range(count))
        return [contact_partition(self.workspace, self.contact, count)]

    def takes(self, key: bytes | None, value: bytes | None) -> bool:
        """Tell whether a record is wanted."""
        if self.workspace is not None or self.contact is not None:
            parts = (key or b"").split(b"/")
            if self.workspace is not None and parts[0] != b"%d" % self.workspace:
                return False
            if self.contact is not None and (len(parts) < 2 or parts[1] != b"%d" % self.contact):  # noqa: PLR2004 - its place
                return False
        return not self.names or _name(value) in self.names


def _name(value: bytes | None) -> str | None:
    try:
        event = _named.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event.data.name if event.type == EVENT_RECORDED else None


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that make a Selection; the command gets it as `selection`."""

    def with_selection(*, workspace: int | None, contact: int | None, names: tuple[str, ...], **more: object) -> object:
        return command(selection=Selection(workspace, contact, frozenset(names)), **more)

    with_selection.__name__, with_selection.__doc__ = command.__name__, command.__doc__
    with_selection.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined] # click's own
    positive = click.IntRange(min=1)
    wrapped = click.option("--name", "names", multiple=True, help="Only contact events of this name; repeatable.")(
        with_selection
    )
    wrapped = click.option("--contact", type=positive, help="Only records of this contact.")(wrapped)
    return click.option("--workspace", type=positive, help="Only records of this workspace.")(wrapped)


@dataclass(frozen=True, slots=True)
class OpenTopic:
    """The topic with a consumer of its own, which belongs to no group and moves nobody's position."""

    consumer: KafkaConsumer
    name: str
    partitions: int

    def batches(self, starts: Mapping[int, int], ends: Mapping[int, int] | None) -> Iterator[list[ConsumerRecord]]:
        """Read on from `starts` up to `ends`, for ever without; records of one partition come in order.

        A batch may be empty. `positions` says how far everything up to the batch reaches.
        """
        from kafka import TopicPartition

        todo = {partition for partition, start in starts.items() if ends is None or start < ends[partition]}
        self.consumer.assign([TopicPartition(self.name, partition) for partition in todo])
        for partition in todo:
            self.consumer.seek(TopicPartition(self.name, partition), starts[partition])
            self.consumer.resume(TopicPartition(self.name, partition))  # an earlier reading may have paused it
        while todo:
            polled = self.consumer.poll(timeout_ms=500, max_records=AT_ONCE)
            found = [record for records in polled.values() for record in records]
            if ends is not None:
                found = [record for record in found if record.offset < ends[record.partition]]
                reached = {partition for partition in todo if self.position(partition) >= ends[partition]}
                self.consumer.pause(*(TopicPartition(self.name, partition) for partition in reached))
                todo -= reached
            yield found

    def position(self, partition: int) -> int:
        """Tell the offset that is read next: beyond the last record where compaction left a gap."""
        from kafka import TopicPartition

        return int(self.consumer.position(TopicPartition(self.name, partition)))

    def positions(self, reading: Range) -> dict[int, int]:
        """Tell how far each partition of a range has been read, never beyond its end."""
        return {
            partition: end if reading.starts[partition] >= end else min(end, self.position(partition))
            for partition, end in reading.ends.items()
        }


@contextmanager
def opened(environment: Mapping[str, str]) -> Iterator[OpenTopic]:
    """Open the topic that the environment names."""
    from kafka.errors import KafkaError

    from cli.settings import TopicCommandSettings
    from runtime.kafka import build_consumer
    from runtime.settings import SettingsError

    try:
        settings = TopicCommandSettings.read(environment)
        consumer = build_consumer(settings.bootstrap_servers, "contact-events-topic", metrics_enabled=False)
        try:
            found = consumer.partitions_for_topic(settings.topic)
            if not found:
                raise click.ClickException(
                    f"The topic {settings.topic} does not exist. Make it with `contact-events topic create`."
                )
            yield OpenTopic(consumer, settings.topic, len(found))
        finally:
            consumer.close()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except KafkaError as error:
        raise click.ClickException(f"Kafka: {error}") from error


def topic_id(environment: Mapping[str, str], name: str) -> str:
    """Ask for the id that tells a topic from a later one of the same name."""
    from cli.settings import TopicCommandSettings
    from runtime.kafka import build_admin

    admin = build_admin(TopicCommandSettings.read(environment).bootstrap_servers, "contact-events-topic")
    try:
        (found,) = admin.describe_topics([name])
    finally:
        admin.close()
    return str(found["topic_id"])
