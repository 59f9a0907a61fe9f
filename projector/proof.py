"""Prove that two sets of tables are equal: a digest for each table and partition, and the rows that differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import psycopg
from psycopg import IsolationLevel, sql

from projector.version import stored_version
from runtime.postgres import connection_string

if TYPE_CHECKING:
    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

KEYS: Final = {
    "contacts": ("workspace_id", "contact_id"),
    "contact_updates": ("workspace_id", "contact_id", "update_id"),
    "timeline": ("workspace_id", "contact_id", "event_id"),
    "contact_event_names": ("workspace_id", "contact_id", "name"),
    "event_names": ("log_partition", "workspace_id", "name"),
    "event_name_days": ("log_partition", "workspace_id", "day", "name"),
    "event_name_stretches": ("log_partition", "workspace_id", "name", "stretch"),
    "event_name_settings": ("workspace_id", "name"),
    "event_name_changes": ("workspace_id", "update_id"),
    "record_copies": ("log_partition", "log_offset"),
    "dead_letters": ("log_partition", "log_offset"),
    "erased_events": ("workspace_id", "contact_id", "event_id"),
    "erased_contacts": ("workspace_id", "contact_id"),
}
"""Every table that the fold makes, with its key. Not compared are positions and batches, which hold counts
and clock readings, and counts of refused copies, which the log loses."""

Digests: TypeAlias = dict[tuple[str, int], tuple[int, int]]
"""(table, partition) to (rows, sum of the rows' hashes): whatever order they are read in."""

# Hashes of whole rows, so a column added later is covered without a change here.
_DIGEST: Final = sql.SQL("""
    SELECT log_partition, count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)
    FROM {table} AS t GROUP BY log_partition
""")

_ROWS: Final = sql.SQL("""
    SELECT {key}, hashtextextended(t::text, 0) FROM {table} AS t WHERE log_partition = %(partition)s
""")

_POSITIONS: Final = "SELECT log_partition, next_offset FROM positions"

_ERASED_SINCE: Final = """
    SELECT log_partition FROM erased_events WHERE log_offset >= %(offset)s AND log_partition = %(partition)s
    UNION ALL
    SELECT log_partition FROM erased_contacts WHERE log_offset >= %(offset)s AND log_partition = %(partition)s
    LIMIT 1
"""

# The position stands before the record and the marker is there: an erasure in several transactions is under way.
_ERASING: Final = """
    SELECT log_partition, max(e.log_offset) + 1 FROM erased_contacts e JOIN positions p USING (log_partition)
    WHERE e.log_offset >= p.next_offset GROUP BY log_partition
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sets at the same positions: rows of the new one by table, where they differ, and which folds made them."""

    positions: dict[int, int]
    rows: dict[str, int]
    differences: list[Difference]
    live_version: int | None
    new_version: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A table and partition that are not equal; `only_live` and `only_new` are keys of some of the rows at fault."""

    table: str
    partition: int
    live: tuple[int, int]
    new: tuple[int, int]
    only_live: list[str]
    only_new: list[str]


class Snapshot:
    """A set of tables as it was at one moment, for as long as this is open. Close it soon: it keeps dead rows alive."""

    def __init__(self, url: str, schema: str) -> None:
        conninfo = connection_string(
            url, role="contact_events_projector", schema=schema, application_name="contact-events proof"
        )
        self._connection: Connected = psycopg.connect(conninfo)
        self._connection.isolation_level = IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True
        self.positions: dict[int, int] = {row[0]: row[1] for row in self._connection.execute(_POSITIONS)}
        self.version = stored_version(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def digests(self) -> Digests:
        """Digest every table."""
        digests: Digests = {}
        for table in KEYS:
            for partition, rows, total in self._connection.execute(_DIGEST.format(table=sql.Identifier(table))):
                digests[table, partition] = rows, int(total)
        return digests

    def rows(self, table: str, partition: int) -> Counter[tuple[str, int]]:
        """Give the rows of a table and partition as (key in words, hash)."""
        key = sql.SQL(", ").join(sql.Identifier(column) for column in KEYS[table])
        statement = _ROWS.format(key=key, table=sql.Identifier(table))
        with self._connection.cursor(name="rows") as cursor:
            cursor.itersize = 10_000
            cursor.execute(statement, {"partition": partition})
            return Counter(("/".join(str(part) for part in row[:-1]), row[-1]) for row in cursor)

    def erasing(self) -> dict[int, int]:
        """Name the partitions in which a large contact is being erased, and where they will stand after it."""
        return dict(self._connection.execute(_ERASING).fetchall())

    def erased_since(self, positions: dict[int, int]) -> set[int]:
        """Name the partitions in which something was erased at or past a position."""
        return {
            partition
            for partition, offset in positions.items()
            if self._connection.execute(_ERASED_SINCE, {"partition": partition, "offset": offset}).fetchone()
        }


def compare(live: Snapshot, new: Snapshot, limit: int = 20) -> Comparison:
    """Compare two sets that stand at the same positions; `limit` bounds the keys named for each difference."""
    ours, theirs = live.digests(), new.digests()
    found = []
    for table, partition in sorted(ours.keys() | theirs.keys()):
        pair = ours.get((table, partition), (0, 0)), theirs.get((table, partition), (0, 0))
        if pair[0] != pair[1]:
            live_rows, new_rows = live.rows(table, partition), new.rows(table, partition)
            only_live = sorted({key for key, _ in live_rows - new_rows})
            only_new = sorted({key for key, _ in new_rows - live_rows})
            found.append(Difference(table, partition, *pair, only_live[:limit], only_new[:limit]))
    rows: Counter[str] = Counter()
    for (table, _), (count, _) in theirs.items():
        rows[table] += count
    return Comparison(dict(new.positions), dict(rows), found, live.version, new.version)
