"""Properties by name and stretch in the tables: read, fold, write."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from projector.stretches import (
    Occurrence,
    Seen,
    Stretch,
    StretchKey,
    add_groups,
    group_events,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

PER_STATEMENT: Final = 2_000
"""Rows that one statement reads or writes: each may be some kilobytes."""


class _Row(msgspec.Struct):
    """A row of `event_name_stretches`, as JSON carries it both ways in one go."""

    log_partition: int
    workspace_id: int
    name: str
    stretch: int
    count: int
    smallest_bytes: int
    largest_bytes: int
    others: int
    properties: list[str]
    types: list[str]
    counts: list[int]
    first_received_at: list[datetime]
    last_received_at: list[datetime]
    recount: bool = False  # only read: what is saved leaves the mark as it is


_rows: Final = msgspec.json.Decoder(list[_Row])
_encoder: Final = msgspec.json.Encoder()

_KNOWN: Final = """
    SELECT coalesce(json_agg(s), '[]')::text
    FROM event_name_stretches s
         JOIN unnest(%(partitions)s::integer[], %(workspaces)s::bigint[], %(names)s::text[], %(stretches)s::bigint[])
              AS touched (log_partition, workspace_id, name, stretch)
         USING (log_partition, workspace_id, name, stretch)
"""

# The sizes of a name are those of its stretches; only a batch that widens them writes the name's row.
_SAVE: Final = """
    WITH saved AS (
        INSERT INTO event_name_stretches AS s
        SELECT * FROM json_to_recordset(%(rows)s::json) AS r (
            log_partition integer, workspace_id bigint, name text, stretch bigint, count bigint, smallest_bytes integer,
            largest_bytes integer, others bigint, properties text[], types text[], counts bigint[],
            first_received_at timestamptz[], last_received_at timestamptz[])
        ON CONFLICT (log_partition, workspace_id, name, stretch) DO UPDATE SET
            count = excluded.count, smallest_bytes = excluded.smallest_bytes, largest_bytes = excluded.largest_bytes,
            others = excluded.others, properties = excluded.properties, types = excluded.types,
            counts = excluded.counts, first_received_at = excluded.first_received_at,
            last_received_at = excluded.last_received_at
        RETURNING log_partition, workspace_id, name, smallest_bytes, largest_bytes
    ), sizes AS (
        SELECT log_partition, workspace_id, name, min(smallest_bytes) AS smallest, max(largest_bytes) AS largest
        FROM saved GROUP BY log_partition, workspace_id, name
    )
    UPDATE event_names n SET
        smallest_bytes = least(n.smallest_bytes, smallest), largest_bytes = greatest(n.largest_bytes, largest)
    FROM sizes
    WHERE (n.log_partition, n.workspace_id, n.name) = (sizes.log_partition, sizes.workspace_id, sizes.name)
      AND (n.smallest_bytes IS NULL OR n.smallest_bytes > smallest OR n.largest_bytes < largest)
"""

_DELETE: Final = """
    DELETE FROM event_name_stretches s
    USING unnest(%(partitions)s::integer[], %(workspaces)s::bigint[], %(names)s::text[], %(stretches)s::bigint[])
          AS gone (log_partition, workspace_id, name, stretch)
    WHERE (s.log_partition, s.workspace_id, s.name, s.stretch)
        = (gone.log_partition, gone.workspace_id, gone.name, gone.stretch)
"""


def count_events(connection: Connected, events: Iterable[Occurrence]) -> None:
    """Count events that have just come onto the timeline, given in log order."""
    groups = group_events(events)
    save(connection, add_groups(load(connection, groups), groups))


def load(connection: Connected, keys: Collection[StretchKey]) -> dict[StretchKey, Stretch]:
    """Read the stretches of these keys that there are."""
    found: dict[StretchKey, Stretch] = {}
    for some in _slices(list(keys)):
        (text,) = connection.execute(_KNOWN, key_columns(some)).fetchone() or ("[]",)
        for row in _rows.decode(text):
            pairs = zip(row.properties, row.types, strict=True)
            seen = zip(row.counts, row.first_received_at, row.last_received_at, strict=True)
            found[StretchKey(row.log_partition, row.workspace_id, row.name, row.stretch)] = Stretch(
                count=row.count,
                smallest=row.smallest_bytes,
                largest=row.largest_bytes,
                others=row.others,
                seen={pair: Seen(*one) for pair, one in zip(pairs, seen, strict=True)},
                recount=row.recount,
            )
    return found


def save(connection: Connected, stretches: Mapping[StretchKey, Stretch]) -> None:
    """Write stretches down, and widen the sizes of their names; what holds no event any more goes."""
    for some in _slices([_row(key, stretch) for key, stretch in stretches.items() if stretch.count]):
        connection.execute(_SAVE, {"rows": _encoder.encode(some).decode()})
    if emptied := [key for key, stretch in stretches.items() if not stretch.count]:
        connection.execute(_DELETE, key_columns(emptied))


def _row(key: StretchKey, stretch: Stretch) -> _Row:
    pairs = sorted(stretch.seen)
    seen = [stretch.seen[pair] for pair in pairs]
    return _Row(
        *key,
        stretch.count,
        stretch.smallest,
        stretch.largest,
        stretch.others,
        [name for name, _ in pairs],
        [type_ for _, type_ in pairs],
        [one.count for one in seen],
        [one.first for one in seen],
        [one.last for one in seen],
    )


def key_columns(keys: Iterable[StretchKey]) -> dict[str, list[Any]]:
    """Give keys as a statement takes them: column by column."""
    partitions, workspaces, names, stretches = zip(*keys, strict=True)
    return {
        "partitions": list(partitions),
        "workspaces": list(workspaces),
        "names": list(names),
        "stretches": list(stretches),
    }


def _slices(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), PER_STATEMENT):
        yield rows[start : start + PER_STATEMENT]
