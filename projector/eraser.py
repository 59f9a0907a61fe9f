"""Take what was erased out of the log: a tombstone for every key in the outbox, and a mark that makes segments roll.

Every projector runs one, and a lock in the database lets one at a time work. A tombstone sent twice does no harm.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
import structlog
from kafka.errors import KafkaError

from projector.topic import TopicMissingError
from runtime.postgres import connection_string
from schemas.records import HEADERS, LOG_MARK_KEY, encode_log_mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka import KafkaProducer
    from psycopg import Connection

    from projector.position_table import Topic

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

log = structlog.get_logger()

BATCH: Final = 5_000
PAUSE: Final = 1.0
"""Seconds between two looks at the outbox."""

MARK_EVERY: Final = timedelta(hours=1)

LOOK_EVERY: Final = timedelta(minutes=1)
"""How often marks and what may be forgotten are looked at while tombstones wait: both read the whole outbox."""

_LOCK: Final = "SELECT pg_try_advisory_lock(hashtext('contact-events eraser'), hashtext(%(topic_id)s::text))"

# In the order of the index that holds only these: a contact with a million events must not be sorted every time.
_UNSENT: Final = """
    SELECT log_partition, record_key FROM erasure_outbox
    WHERE topic_id = %(topic_id)s AND sent_at IS NULL ORDER BY log_partition LIMIT %(limit)s
"""

_SENT: Final = """
    UPDATE erasure_outbox o SET sent_at = clock_timestamp()
    FROM unnest(%(partitions)s::integer[], %(keys)s::bytea[]) AS s (log_partition, record_key)
    WHERE o.topic_id = %(topic_id)s AND o.log_partition = s.log_partition AND o.record_key = s.record_key
"""

_PENDING: Final = "SELECT DISTINCT log_partition FROM erasure_outbox WHERE topic_id = %(topic_id)s"

# Past the bound the log holds nothing of these keys any more; the rows are themselves a trace of the contact.
_FORGET: Final = """
    DELETE FROM erasure_outbox
    WHERE topic_id = %(topic_id)s AND sent_at < clock_timestamp() - %(bound)s
"""


class Eraser:
    """`bound` is how long after its tombstone a record may still be in the log."""

    def __init__(
        self,
        *,
        connect: Callable[[], Connected],
        new_producer: Callable[[], KafkaProducer],
        topic: Topic,
        bound: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connection = connect()
        self._new_producer = new_producer
        self._producer: KafkaProducer | None = None
        self._topic = topic
        self._bound = bound
        self._now = now
        self._marked_at: dict[int, datetime] = {}
        self._looked_at: datetime | None = None
        self._leads = False

    def close(self) -> None:
        """Let go of the connection, and with it of the lock."""
        self._connection.close()
        if self._producer is not None:
            self._producer.close(timeout=3)

    def turn(self) -> int:
        """Send what is waiting; return how many tombstones that were."""
        parameters = {"topic_id": self._topic.topic_id, "limit": BATCH, "bound": self._bound}
        if not self._leads:
            (self._leads,) = self._connection.execute(_LOCK, parameters).fetchone() or (False,)
            if not self._leads:
                return 0
        rows = self._connection.execute(_UNSENT, parameters).fetchall()
        self._send([(partition, bytes(key), None) for partition, key in rows])
        if rows:
            sent = {"partitions": [row[0] for row in rows], "keys": [row[1] for row in rows]}
            self._connection.execute(_SENT, parameters | sent)
        now = self._now()
        if len(rows) < BATCH or self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            self._mark(parameters, now)
            self._connection.execute(_FORGET, parameters)
        return len(rows)

    def _mark(self, parameters: dict[str, object], now: datetime) -> None:
        pending = [row[0] for row in self._connection.execute(_PENDING, parameters)]
        due = [p for p in pending if p not in self._marked_at or now - self._marked_at[p] >= MARK_EVERY]
        self._send([(partition, LOG_MARK_KEY, encode_log_mark(now)) for partition in due])
        self._marked_at.update(dict.fromkeys(due, now))

    def _send(self, records: list[tuple[int, bytes, bytes | None]]) -> None:
        """Send records and wait until all are acknowledged; what fails is sent again by a later turn."""
        if not records:
            return
        if self._producer is None:
            self._producer = self._new_producer()
        futures = [
            self._producer.send(self._topic.name, value, key, headers=HEADERS if value else [], partition=partition)
            for partition, key, value in records
        ]
        for future in futures:
            future.get(timeout=10)


def connect(url: str) -> Connected:
    """Open the eraser's connection; its statements name tables of the write side only."""
    conninfo = connection_string(
        url,
        role="contact_events_projector",
        schema="write_side",
        application_name="contact-events eraser",
        statement_timeout=5_000,
    )
    return psycopg.connect(conninfo, autocommit=True)


def start_eraser(new_eraser: Callable[[], Eraser], stop: threading.Event) -> threading.Thread:
    """Run an eraser on a thread until `stop` is set; whatever goes wrong, begin again: nothing is lost meanwhile."""

    def work() -> None:
        while not stop.wait(PAUSE):
            try:
                eraser = new_eraser()
                try:
                    while not stop.is_set():
                        if eraser.turn() < BATCH:
                            stop.wait(PAUSE)
                finally:
                    eraser.close()
            except (psycopg.Error, KafkaError, TopicMissingError, OSError) as error:
                log.warning("eraser will begin again", reason=type(error).__name__)
                stop.wait(PAUSE)

    thread = threading.Thread(target=work, name="eraser", daemon=True)
    thread.start()
    return thread
