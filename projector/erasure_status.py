"""What is left of an erased contact, in every set of tables and in the log itself, and until when it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kafka import TopicPartition
from psycopg import sql

from schemas.partitioning import contact_partition
from schemas.records import CONTACT_ERASED, EVENT_ERASED

if TYPE_CHECKING:
    from datetime import datetime

    from kafka import KafkaConsumer
    from psycopg import Connection

    from projector.position_table import Topic

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

TABLES: Final = (
    "contacts",
    "contact_updates",
    "timeline",
    "contact_event_names",
    "record_copies",
    "dead_letters",
    "refused_copies",
)

_SETS: Final = """
    SELECT n.nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'positions'
    WHERE n.nspname ^@ 'projection' ORDER BY n.nspname
"""

_MARKER: Final = """
    SELECT erased_at FROM erased_contacts WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
"""

_OUTBOX: Final = """
    SELECT count(*) FILTER (WHERE sent_at IS NULL), count(sent_at), max(sent_at)
    FROM write_side.erasure_outbox WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
"""

_COUNT: Final = sql.SQL("""
    SELECT count(*) FROM {table} WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
""")


@dataclass(frozen=True, slots=True)
class ErasureStatus:
    """`rows`: (set, table) to rows left. In the log: records that still carry content, erasures, tombstones."""

    erased_at: datetime | None
    rows: dict[tuple[str, str], int]
    tombstones_waiting: int
    tombstones_sent: int
    last_sent_at: datetime | None
    log_partition: int
    records_in_log: int
    erasures_in_log: int
    tombstones_in_log: int


def erasure_status(
    connection: Connected, consumer: KafkaConsumer, topic: Topic, workspace_id: int, contact_id: int
) -> ErasureStatus:
    """Look everywhere; reads the contact's whole partition of the log."""
    who = {"workspace_id": workspace_id, "contact_id": contact_id}
    marker = connection.execute(_MARKER, who).fetchone()
    waiting, sent, last_sent_at = connection.execute(_OUTBOX, who).fetchone() or (0, 0, None)
    rows = {}
    for (schema,) in connection.execute(_SETS).fetchall():
        for table in TABLES:
            statement = _COUNT.format(table=sql.Identifier(schema, table))
            (rows[schema, table],) = connection.execute(statement, who).fetchone() or (0,)
    partition = contact_partition(workspace_id, contact_id, topic.partitions)
    records, erasures, tombstones = _in_log(consumer, topic.name, partition, f"{workspace_id}/{contact_id}/".encode())
    return ErasureStatus(
        erased_at=marker[0] if marker else None,
        rows=rows,
        tombstones_waiting=waiting,
        tombstones_sent=sent,
        last_sent_at=last_sent_at,
        log_partition=partition,
        records_in_log=records,
        erasures_in_log=erasures,
        tombstones_in_log=tombstones,
    )


def _in_log(consumer: KafkaConsumer, topic: str, partition: int, prefix: bytes) -> tuple[int, int, int]:
    tp = TopicPartition(topic, partition)
    consumer.assign([tp])
    consumer.seek_to_beginning(tp)
    end = consumer.end_offsets([tp])[tp]
    erasure_types = tuple(f'"type":"{type_}"'.encode() for type_ in (CONTACT_ERASED, EVENT_ERASED))
    records = erasures = tombstones = 0
    while consumer.position(tp) < end:
        for record in consumer.poll(timeout_ms=500, max_records=5_000).get(tp, []):
            if not (record.key or b"").startswith(prefix):
                continue
            if record.value is None:
                tombstones += 1
            elif any(type_ in record.value for type_ in erasure_types):
                erasures += 1
            else:
                records += 1
    return records, erasures, tombstones
