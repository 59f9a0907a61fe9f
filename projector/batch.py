"""A polled batch, decoded: everything in it in log order, and how much was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, TypeAlias

import msgspec

from schemas.records import AnyRecord, InvalidRecordError, LogMark, UnknownTypeError, decode, read_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from projector.position_table import Stored

Counts: TypeAlias = Counter[tuple[int, str]]
"""(partition, outcome) to how many records."""

RawRecord: TypeAlias = Any
"""A `kafka.consumer.fetcher.ConsumerRecord`."""


class _Header(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


_header: Final = msgspec.json.Decoder(_Header)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that is set aside, byte for byte. `kind` is dead_letter or unknown_type."""

    kind: str
    reason: str
    detail: str
    logged_at: datetime
    key: bytes | None
    value: bytes | None

    @property
    def id(self) -> str | None:
        """The CloudEvents id, of an event the event id, where it can be read and is one that could have been given."""
        try:
            id_ = _header.decode(self.value or b"").id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return id_ if "\0" not in id_ else None

    @property
    def contact(self) -> tuple[int | None, int | None]:
        """Workspace and contact as the key names them, None where it does not."""
        return read_key(self.key) or (None, None)

    @classmethod
    def of(cls, raw: RawRecord, reason: str, detail: str, kind: str = "dead_letter") -> DeadLetter:
        """Set a raw record aside."""
        logged_at = datetime.fromtimestamp(raw.timestamp / 1000, UTC)
        return cls(kind, reason, detail[:1000].replace("\0", "\\0"), logged_at, raw.key, raw.value)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Takes the record of this key out of the log."""

    key: bytes


class Located(NamedTuple):
    """What stands at a place in the log; `raw` is kept for the case that it cannot be applied."""

    partition: int
    offset: int
    record: AnyRecord | DeadLetter | Tombstone
    raw: RawRecord


@dataclass(slots=True)
class Batch:
    """`next_offsets` is where the consumer stands after the batch, which may be past gaps that compaction left."""

    next_offsets: dict[int, int]
    items: list[Located] = field(default_factory=list)
    counts: Counts = field(default_factory=Counter)
    newest_received_at: dict[int, datetime] = field(default_factory=dict)

    def only(self, partitions: Collection[int]) -> Batch:
        """Give the part of it that is of these partitions."""
        return Batch(
            {partition: offset for partition, offset in self.next_offsets.items() if partition in partitions},
            [item for item in self.items if item.partition in partitions],
            Counter({key: count for key, count in self.counts.items() if key[0] in partitions}),
            {partition: moment for partition, moment in self.newest_received_at.items() if partition in partitions},
        )

    def behind(self, positions: Mapping[int, Stored]) -> set[int]:
        """Tell which of its partitions do not stand at its end."""
        return {partition for partition, end in self.next_offsets.items() if positions[partition].next_offset < end}

    def followed_by(self, later: Batch) -> Batch:
        """Join it with a batch that begins where it ends, in the partitions that both are about."""
        return Batch(
            self.next_offsets | later.next_offsets,
            self.items + later.items,
            self.counts + later.counts,
            self.newest_received_at | later.newest_received_at,
        )


def decode_batch(polled: Mapping[int, Iterable[RawRecord]], next_offsets: dict[int, int], partitions: int) -> Batch:
    """Decode what was polled (partition to records in offset order) of a topic of `partitions` partitions."""
    batch = Batch(next_offsets)
    for partition in sorted(polled):
        _decode_partition(batch, partition, polled[partition], partitions)
    return batch


def _decode_partition(batch: Batch, partition: int, polled: Iterable[RawRecord], partitions: int) -> None:
    read = control = 0
    for raw in polled:
        read += 1
        record = _decode(raw, partition, partitions)
        if record is None:
            control += 1
            continue
        if isinstance(record, Tombstone):
            control += 1
        elif not isinstance(record, DeadLetter):
            batch.newest_received_at[partition] = record.received_at
        batch.items.append(Located(partition, raw.offset, record, raw))
    batch.counts[partition, "read"] += read
    batch.counts[partition, "control"] += control


def _decode(raw: RawRecord, partition: int, partitions: int) -> AnyRecord | DeadLetter | Tombstone | None:
    if raw.value is None:
        return None if raw.key is None else Tombstone(raw.key)
    try:
        record = decode(raw.key, raw.value, partition, partitions)
    except InvalidRecordError as error:
        return DeadLetter.of(raw, error.reason, error.detail)
    except UnknownTypeError as error:
        return DeadLetter.of(raw, "unknown_type", error.type, kind="unknown_type")
    return None if isinstance(record, LogMark) else record
