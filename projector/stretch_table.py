"""Properties by name and stretch in the tables: read, fold, write; after an erasure subtract or count again."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from projector.stretches import (
    STRETCH,
    Group,
    Groups,
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

_SIZES: Final = """
    UPDATE event_names n SET smallest_bytes = s.smallest, largest_bytes = s.largest
    FROM (SELECT name, min(smallest_bytes) AS smallest, max(largest_bytes) AS largest
          FROM event_name_stretches
          WHERE log_partition = %(partition)s AND workspace_id = %(workspace_id)s AND name = ANY(%(names)s::text[])
          GROUP BY name) AS s
    WHERE n.log_partition = %(partition)s AND n.workspace_id = %(workspace_id)s AND n.name = s.name
"""

_SURVIVORS: Final = """
    SELECT log_partition, log_offset, workspace_id, name, received_at, properties::text
    FROM timeline
    WHERE log_partition = %(partition)s AND log_offset >= %(start)s AND log_offset < %(end)s
      AND workspace_id = %(workspace_id)s AND name = %(name)s
    ORDER BY log_offset
"""

_CONTACT_COUNTS: Final = """
    SELECT name, log_offset / %(stretch_length)s AS stretch, count(*)
    FROM timeline WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
    GROUP BY 1, 2
"""

_CONTACT_EVENTS: Final = """
    SELECT log_partition, log_offset, workspace_id, name, received_at, properties::text
    FROM timeline
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = ANY(%(names)s::text[])
    ORDER BY log_offset
"""


def count_events(connection: Connected, events: Iterable[Occurrence]) -> None:
    """Count events that have just come onto the timeline, given in log order."""
    groups = group_events(events)
    save(connection, add_groups(load(connection, groups), groups))


def load(connection: Connected, keys: Collection[StretchKey]) -> dict[StretchKey, Stretch]:
    """Read the stretches of these keys that there are."""
    found: dict[StretchKey, Stretch] = {}
    for some in _slices(list(keys)):
        (text,) = connection.execute(_KNOWN, _columns(some)).fetchone() or ("[]",)
        for row in _rows.decode(text):
            pairs = zip(row.properties, row.types, strict=True)
            seen = zip(row.counts, row.first_received_at, row.last_received_at, strict=True)
            found[StretchKey(row.log_partition, row.workspace_id, row.name, row.stretch)] = Stretch(
                count=row.count,
                smallest=row.smallest_bytes,
                largest=row.largest_bytes,
                others=row.others,
                seen={pair: Seen(*one) for pair, one in zip(pairs, seen, strict=True)},
            )
    return found


def save(connection: Connected, stretches: Mapping[StretchKey, Stretch]) -> None:
    """Write stretches down, and widen the sizes of their names; what holds no event any more goes."""
    for some in _slices([_row(key, stretch) for key, stretch in stretches.items() if stretch.count]):
        connection.execute(_SAVE, {"rows": _encoder.encode(some).decode()})
    if emptied := [key for key, stretch in stretches.items() if not stretch.count]:
        connection.execute(_DELETE, _columns(emptied))


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


def take_event_out(connection: Connected, event: Occurrence) -> None:
    """Count what is left without an event that has just been taken off the timeline."""
    _take_out(connection, group_events([event]))


class ContactsShare:
    """What a contact that is being erased has contributed. Look before its rows go, `take_out` after.

    Stretches that it had for itself are simply emptied. For the others either its own events are read or the surviving
    ones, whichever are fewer.
    """

    def __init__(self, connection: Connected, partition: int, workspace_id: int, contact_id: int) -> None:
        self._connection = connection
        self._who = {"workspace_id": workspace_id, "contact_id": contact_id}
        rows = connection.execute(_CONTACT_COUNTS, self._who | {"stretch_length": STRETCH}).fetchall()
        counts = {StretchKey(partition, workspace_id, name, stretch): count for name, stretch, count in rows}
        known = load(connection, counts)
        self._emptied = [key for key, count in counts.items() if key in known and known[key].count == count]
        shared = {key: count for key, count in counts.items() if key in known and known[key].count != count}
        fewer = {key for key, count in shared.items() if not known[key].others and count * 2 <= known[key].count}
        self._recount = [key for key in shared if key not in fewer]
        self._groups: Groups = group_events(self._events(fewer)) if fewer else {}

    def _events(self, keys: Collection[StretchKey]) -> Iterator[Occurrence]:
        names = sorted({key.name for key in keys})
        with self._connection.cursor(name="erased_events") as cursor:
            cursor.itersize = 5_000
            cursor.execute(_CONTACT_EVENTS, self._who | {"names": names})
            for row in cursor:
                event = Occurrence(*row)
                if _key(event) in keys:
                    yield event

    def take_out(self) -> None:
        """Count what is left."""
        _take_out(self._connection, self._groups, self._recount, self._emptied)


def _take_out(
    connection: Connected,
    groups: Mapping[StretchKey, list[Group]],
    recount: Iterable[StretchKey] = (),
    emptied: Iterable[StretchKey] = (),
) -> None:
    known = load(connection, groups.keys())
    exact = {key: known[key] for key, gone in groups.items() if key in known and known[key].subtract(gone)}
    save(connection, exact | {key: Stretch() for key in emptied})
    again = [*recount, *(key for key in known if key not in exact)]
    for key in again:
        save(connection, {key: Stretch()} | add_groups({}, group_events(_survivors(connection, key))))
    names: dict[tuple[int, int], set[str]] = {}
    for key in (*exact, *emptied, *again):
        names.setdefault(key[:2], set()).add(key.name)
    for (partition, workspace_id), touched in names.items():
        connection.execute(_SIZES, {"partition": partition, "workspace_id": workspace_id, "names": sorted(touched)})


def _survivors(connection: Connected, key: StretchKey) -> list[Occurrence]:
    start = key.stretch * STRETCH
    parameters = {"partition": key.log_partition, "workspace_id": key.workspace_id, "name": key.name}
    rows = connection.execute(_SURVIVORS, parameters | {"start": start, "end": start + STRETCH})
    return [Occurrence(*row) for row in rows]


def _key(event: Occurrence) -> StretchKey:
    return StretchKey(event.log_partition, event.workspace_id, event.name, event.log_offset // STRETCH)


def _columns(keys: Iterable[StretchKey]) -> dict[str, list[Any]]:
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
