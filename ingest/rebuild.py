"""Makes the identity table again from the log: after a restored backup, or none, no number may go to another person.

The first contact.created of a number says whose it is; contact.erased takes it away for good. The sequence is set past
the largest number that stands anywhere in the log, erased contacts' included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition

from schemas.positions import Position
from schemas.records import ContactCreated, ContactErased, InvalidRecordError, UnknownTypeError, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from kafka import KafkaConsumer
    from psycopg import Connection

_ABOUT_CONTACTS: Final = (b'"contact.created.v1"', b'"contact.erased.v1"')
POLL_MS: Final = 1_000


@dataclass
class Identities:
    """What the log says: creations by number, with their positions; erased numbers; the largest number of all."""

    created: dict[int, tuple[ContactCreated, str]] = field(default_factory=dict)
    erased: set[int] = field(default_factory=set)
    largest: int = 0

    def add(self, key: bytes | None, value: bytes | None, place: Position, partitions: int) -> None:
        """Take a record in; those of one contact come in the log's order."""
        number = _number(key)
        self.largest = max(self.largest, number)
        if value is None or not any(mark in value for mark in _ABOUT_CONTACTS):
            return
        try:
            record = decode(key, value, place.partition, partitions)
        except (InvalidRecordError, UnknownTypeError):
            return  # the projector sets it aside; it says nothing about who is who
        if isinstance(record, ContactCreated):
            self.created.setdefault(record.contact_id, (record, place.encode()))
        elif isinstance(record, ContactErased):
            self.erased.add(record.contact_id)


def _number(key: bytes | None) -> int:
    parts = (key or b"").split(b"/")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0  # noqa: PLR2004 - workspace/contact/record


def read_log(consumer: KafkaConsumer, topic: str, topic_id: UUID, progress: Callable[[int], None]) -> Identities:
    """Read all of the topic that is there now; `progress` is told the number of records from time to time."""
    places = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(places)
    ends = {place: end for place, end in consumer.end_offsets(places).items() if end}
    consumer.seek_to_beginning(*places)
    identities, read = Identities(), 0
    while any(consumer.position(place) < end for place, end in ends.items()):
        for place, records in consumer.poll(timeout_ms=POLL_MS, max_records=5_000).items():
            for record in records:
                position = Position(topic_id, place.partition, record.offset)
                identities.add(record.key, record.value, position, len(places))
            read += len(records)
        progress(read)
    return identities


@dataclass(frozen=True, slots=True)
class Report:
    """What the rebuild did; `conflicts` are numbers that the table has for somebody else: it was left as it was."""

    inserted: int
    removed: int
    conflicts: list[int]
    next_number: int


def write_table(connection: Connection[Any], identities: Identities) -> Report:
    """Bring the table to what the log says, in one transaction; rows that it has and the log has not are kept."""
    alive = [
        (record, position)
        for number, (record, position) in identities.created.items()
        if number not in identities.erased
    ]
    with connection.transaction():
        connection.execute("LOCK TABLE write_side.contact_identities IN SHARE ROW EXCLUSIVE MODE")
        removed = connection.execute(
            "DELETE FROM write_side.contact_identities WHERE contact_id = ANY(%(erased)s)",
            {"erased": list(identities.erased)},
        ).rowcount
        inserted = connection.execute(_INSERT, _columns(alive)).rowcount
        conflicts = [number for (number,) in connection.execute(_CONFLICTS, _columns(alive))]
        row = connection.execute(
            "SELECT setval(sequence, greatest(%(largest)s, last) + 1, false) FROM"
            " (SELECT pg_get_serial_sequence('write_side.contact_identities', 'contact_id')::regclass AS sequence,"
            "         coalesce((SELECT max(contact_id) FROM write_side.contact_identities), 0) AS last) AS now",
            {"largest": identities.largest},
        ).fetchone()
    assert row is not None
    return Report(inserted, removed, conflicts, int(row[0]))


_GIVEN: Final = (
    " FROM unnest(%(numbers)s::bigint[], %(workspaces)s::bigint[], %(external_ids)s::text[],"
    "             %(created)s::timestamptz[], %(update_ids)s::text[], %(positions)s::text[])"
    "      AS given (contact_id, workspace_id, external_id, created_at, update_id, position)"
)
_INSERT: Final = (
    "INSERT INTO write_side.contact_identities"
    " (contact_id, workspace_id, external_id, created_at, update_id, position, published_at)"
    " OVERRIDING SYSTEM VALUE SELECT given.*, now()" + _GIVEN + " ON CONFLICT DO NOTHING"
)
_CONFLICTS: Final = (
    "SELECT given.contact_id"  # noqa: S608 - literals of this module
    + _GIVEN
    + " WHERE NOT EXISTS (SELECT FROM write_side.contact_identities AS there"
    " WHERE there.contact_id = given.contact_id AND there.workspace_id = given.workspace_id"
    " AND there.external_id = given.external_id)"
)


def _columns(alive: Iterable[tuple[ContactCreated, str]]) -> dict[str, list[Any]]:
    rows = list(alive)
    return {
        "numbers": [record.contact_id for record, _ in rows],
        "workspaces": [record.workspace_id for record, _ in rows],
        "external_ids": [record.external_id for record, _ in rows],
        "created": [record.received_at for record, _ in rows],
        "update_ids": [record.id for record, _ in rows],
        "positions": [position for _, position in rows],
    }
