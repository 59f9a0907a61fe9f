"""Look at dead letters, and set them right: replay one as a new record, or discard it. Both end with a tombstone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from psycopg.rows import class_row

from projector.errors import ProjectorError
from schemas.ids import uuid7
from schemas.partitioning import contact_partition, workspace_partition
from schemas.records import HEADERS, InvalidRecordError, UnknownTypeError, decode, read_key

if TYPE_CHECKING:
    from datetime import datetime

    from kafka import KafkaProducer
    from psycopg import Connection

    from projector.position_table import Topic

Connected: TypeAlias = "Connection[tuple[Any, ...]]"


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A row of `dead_letters`."""

    log_partition: int
    log_offset: int
    kind: str
    reason: str
    detail: str
    logged_at: datetime
    record_key: bytes | None
    record_value: bytes | None


class NotReplayableError(ProjectorError):
    """The record would be set aside again; the message says why."""


_LIST: Final = """
    SELECT log_partition, log_offset, kind, reason, detail, logged_at, record_key, record_value FROM dead_letters
    WHERE %(reason)s::text IS NULL OR reason = %(reason)s
    ORDER BY log_partition, log_offset LIMIT %(limit)s
"""

_FIND: Final = """
    SELECT log_partition, log_offset, kind, reason, detail, logged_at, record_key, record_value FROM dead_letters
    WHERE log_partition = %(partition)s AND log_offset = %(offset)s
"""


def list_letters(connection: Connected, reason: str | None, limit: int) -> list[StoredLetter]:
    """List dead letters in log order, all or those of one reason."""
    with connection.cursor(row_factory=class_row(StoredLetter)) as cursor:
        return cursor.execute(_LIST, {"reason": reason, "limit": limit}).fetchall()


def find_letter(connection: Connected, partition: int, offset: int) -> StoredLetter | None:
    """Find the dead letter of a place in the log."""
    with connection.cursor(row_factory=class_row(StoredLetter)) as cursor:
        return cursor.execute(_FIND, {"partition": partition, "offset": offset}).fetchone()


def replay(producer: KafkaProducer, topic: Topic, letter: StoredLetter) -> tuple[int, int]:
    """Publish the same value under a new key, in the partition where it belongs; then tombstone the old record.

    Returns the new record's partition and offset. In this order, so that nothing is lost in between: at worst both are
    there, and the event id makes one of them count. Raises NotReplayableError for what would be set aside again.
    """
    owner = read_key(letter.record_key)
    if owner is None or letter.record_value is None:
        raise NotReplayableError("its key does not name a contact, so there is no partition it belongs to")
    workspace_id, contact_id = owner
    if contact_id is None:
        partition = workspace_partition(workspace_id, topic.partitions)
    else:
        partition = contact_partition(workspace_id, contact_id, topic.partitions)
    key = f"{workspace_id}/{'-' if contact_id is None else contact_id}/{uuid7()}".encode()
    try:
        decode(key, letter.record_value, partition, topic.partitions)
    except InvalidRecordError as error:
        raise NotReplayableError(f"it would be set aside again: {error}") from error
    except UnknownTypeError as error:
        raise NotReplayableError(f"this version does not know the type {error.type} either") from error
    sent = producer.send(topic.name, letter.record_value, key, headers=HEADERS, partition=partition).get(timeout=10)
    discard(producer, topic, letter)
    return sent.partition, sent.offset


def discard(producer: KafkaProducer, topic: Topic, letter: StoredLetter) -> None:
    """Tombstone the record: the projector forgets the dead letter when it reads that, and compaction the record."""
    assert letter.record_key is not None  # a compacted topic takes none without a key
    producer.send(topic.name, None, letter.record_key, partition=letter.log_partition).get(timeout=10)
