"""Writes the delivery log to PostgreSQL in the background, and keeps it within its bounds.

A write is one statement, so it happens whole or not at all. One whose commit is in doubt is sent again under the same
number and then does nothing, so that counts stay exact. While PostgreSQL is away the same write waits; what is noted
meanwhile waits in its own bounded room.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog

from ingest import metrics
from ingest.background import Background
from ingest.database import DatabaseAwayError
from schemas.delivery_log import BY_THE_MINUTE, KEPT_FOR, MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from ingest.database import Database
    from ingest.delivery_log import DeliveryLog, Notes

INTERVAL: Final = 1.0
TIDY_SECONDS: Final = 3600.0

log = structlog.get_logger()

WRITE: Final = """
    WITH written AS (
        INSERT INTO write_side.rejection_writers AS w (writer, sequence, written_at)
        VALUES (%(writer)s, %(sequence)s, now())
        ON CONFLICT (writer) DO UPDATE SET sequence = excluded.sequence, written_at = excluded.written_at
        WHERE w.sequence < excluded.sequence
        RETURNING 1
    ), counted AS (
        INSERT INTO write_side.rejection_counts AS c (workspace_id, minute, code, names, name, count)
        SELECT given.* FROM written, unnest(
            %(count_workspaces)s::bigint[], %(minutes)s::timestamptz[], %(count_codes)s::text[], %(kinds)s::text[],
            %(count_names)s::text[], %(counts)s::bigint[]) AS given
        ON CONFLICT (workspace_id, minute, code, names, name) DO UPDATE SET count = c.count + excluded.count
    )
    INSERT INTO write_side.rejections (workspace_id, rejected_at, status, code, pointer, faults, name, name_altered,
                                       item, endpoint, key_id, request_id)
    SELECT given.* FROM written, unnest(
        %(workspaces)s::bigint[], %(moments)s::timestamptz[], %(statuses)s::smallint[], %(codes)s::text[],
        %(pointers)s::text[], %(faults)s::integer[], %(names)s::text[], %(altered)s::boolean[], %(items)s::integer[],
        %(endpoints)s::text[], %(key_ids)s::text[], %(request_ids)s::text[]) AS given
"""
"""A workspace that is gone meanwhile would fail the foreign key for all; nothing removes workspaces."""

TRIM: Final = """
    DELETE FROM write_side.rejections AS r USING (
        SELECT given.workspace_id, edge.rejected_at, edge.id
        FROM unnest(%(workspaces)s::bigint[]) AS given (workspace_id)
        CROSS JOIN LATERAL (
            SELECT rejected_at, id FROM write_side.rejections AS s
            WHERE s.workspace_id = given.workspace_id
            ORDER BY rejected_at DESC, id DESC OFFSET %(most)s LIMIT 1
        ) AS edge
    ) AS old
    WHERE r.workspace_id = old.workspace_id AND (r.rejected_at, r.id) <= (old.rejected_at, old.id)
"""

FOLD: Final = """
    WITH old AS (
        DELETE FROM write_side.rejection_counts
        WHERE minute < %(before)s AND minute <> date_trunc('hour', minute, 'UTC')
        RETURNING workspace_id, date_trunc('hour', minute, 'UTC') AS hour, code, names, name, count
    )
    INSERT INTO write_side.rejection_counts AS c (workspace_id, minute, code, names, name, count)
    SELECT workspace_id, hour, code, names, name, sum(count) FROM old GROUP BY workspace_id, hour, code, names, name
    ON CONFLICT (workspace_id, minute, code, names, name) DO UPDATE SET count = c.count + excluded.count
"""

DROP_OLD: Final = (
    "DELETE FROM write_side.rejections WHERE rejected_at < %(before)s",
    "DELETE FROM write_side.rejection_counts WHERE minute < %(before)s",
    "DELETE FROM write_side.rejection_writers WHERE written_at < %(before)s",
)


class DeliveryWriter:
    """Writes what has been noted, once a second, until it is stopped."""

    def __init__(  # noqa: PLR0913 - what it works with, and its clocks
        self,
        database: Database,
        deliveries: DeliveryLog,
        *,
        writer: UUID,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        interval: float = INTERVAL,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._database = database
        self._deliveries = deliveries
        self._writer = writer
        self._now = now
        self._monotonic = monotonic
        self._most_rows = most_rows
        self._sequence = 0
        self._pending: Notes | None = None
        self._written_to: set[int] = set()
        self._tidied_at = -TIDY_SECONDS
        self._writing = threading.Lock()
        self._background = Background("ingest-delivery-log", interval, lambda: self._try(self.write))

    def start(self) -> None:
        """Begin."""
        self._background.start()

    def stop(self) -> None:
        """Write what is left, if PostgreSQL is there, and end."""
        self._background.stop()
        self._try(self.write)
        self._try(self.write)  # what was noted while an older write was waiting

    @staticmethod
    def _try(work: Callable[[], None]) -> None:
        try:
            work()
        except DatabaseAwayError:
            pass  # it waits for the next time
        except Exception:
            log.exception("delivery log not written")

    def write(self) -> None:
        """Write what has been noted; raise DatabaseAwayError, and keep it for the next time."""
        with self._writing:
            if self._pending is None:
                notes = self._deliveries.take()
                if not notes.counts:
                    return
                self._pending, self._sequence = notes, self._sequence + 1
            try:
                with self._database.connection() as connection:
                    connection.execute(WRITE, self._parameters(self._pending))
            except (psycopg.DataError, psycopg.IntegrityError):  # no outage: it would fail for ever
                lost, self._pending = sum(self._pending.counts.values()), None
                metrics.LOST_REJECTIONS.inc(lost)
                log.exception("rejections not noted", rejections=lost)
                return
            self._written_to |= {rejection.workspace_id for rejection in self._pending.details}
            self._pending = None

    def tidy(self) -> None:
        """Keep the log within its bounds: rows of a workspace, and now and then its age. The sweeper calls this."""
        workspaces = list(self._written_to)
        if workspaces:
            with self._database.connection() as connection:
                connection.execute(TRIM, {"workspaces": workspaces, "most": self._most_rows})
            self._written_to -= set(workspaces)
        if self._monotonic() - self._tidied_at >= TIDY_SECONDS:
            now = self._now()
            with self._database.connection() as connection:
                for statement in DROP_OLD:
                    connection.execute(statement, {"before": now - KEPT_FOR})
                before = (now - BY_THE_MINUTE).replace(minute=0, second=0, microsecond=0)
                connection.execute(FOLD, {"before": before})
            self._tidied_at = self._monotonic()

    def _parameters(self, notes: Notes) -> dict[str, Any]:
        counters = sorted(notes.counts)  # one order in every process: two writes never wait for each other in a circle
        workspaces, minutes, codes, kinds, names = (list(column) for column in zip(*counters, strict=True))
        of = [list(column) for column in zip(*notes.details, strict=True)] or [[] for _ in range(12)]
        return {
            "writer": self._writer,
            "sequence": self._sequence,
            "count_workspaces": workspaces,
            "minutes": minutes,
            "count_codes": codes,
            "kinds": kinds,
            "count_names": names,
            "counts": [notes.counts[counter] for counter in counters],
            "workspaces": of[0],
            "moments": of[1],
            "statuses": of[2],
            "codes": of[3],
            "pointers": of[4],
            "faults": of[5],
            "names": of[6],
            "altered": of[7],
            "items": of[8],
            "endpoints": of[9],
            "key_ids": of[10],
            "request_ids": of[11],
        }
