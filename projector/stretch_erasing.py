"""What erased events contributed to their stretches is taken away: subtracted, or counted again from what is left."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from projector.stretch_table import key_columns, load, save
from projector.stretches import STRETCH, Occurrence, Stretch, StretchKey, add_groups, group_events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from psycopg import Connection

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

MOST_RECOUNTED: Final = 50
"""Stretches counted again in one go: each costs a look at all of its offsets, however few events it is about."""

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
      AND workspace_id = %(workspace_id)s AND name = ANY(%(names)s::text[])
    ORDER BY log_offset
"""

_ERASED_COUNTS: Final = """
    SELECT name, log_offset / %(stretch_length)s AS stretch, count(*) FROM erased_rows GROUP BY 1, 2
"""

_ERASED_EVENTS: Final = """
    SELECT e.log_partition, e.log_offset, e.workspace_id, e.name, e.received_at, e.properties
    FROM erased_rows e
         JOIN unnest(%(names)s::text[], %(stretches)s::bigint[]) AS touched (name, stretch)
              ON e.name = touched.name AND e.log_offset / %(stretch_length)s = touched.stretch
"""

_MARK: Final = """
    UPDATE event_name_stretches s SET count = s.count - gone.count, recount = true
    FROM unnest(%(partitions)s::integer[], %(workspaces)s::bigint[], %(names)s::text[], %(stretches)s::bigint[],
                %(counts)s::bigint[]) AS gone (log_partition, workspace_id, name, stretch, count)
    WHERE (s.log_partition, s.workspace_id, s.name, s.stretch)
        = (gone.log_partition, gone.workspace_id, gone.name, gone.stretch)
"""

_MARKED: Final = """
    SELECT stretch, array_agg(name), sum(count)::bigint FROM event_name_stretches
    WHERE log_partition = %(partition)s AND workspace_id = %(workspace_id)s AND recount
    GROUP BY stretch ORDER BY stretch LIMIT %(stretches)s
"""

_UNMARK: Final = """
    UPDATE event_name_stretches SET recount = false
    WHERE log_partition = %(partition)s AND workspace_id = %(workspace_id)s AND stretch = %(stretch)s AND recount
"""


def take_event_out(connection: Connected, event: Occurrence) -> None:
    """Count what is left without an event that has just been taken off the timeline."""
    ((key, gone),) = group_events([event]).items()
    known = load(connection, [key])
    if key not in known:
        return
    if known[key].subtract(gone):
        save(connection, known)
    else:
        _count_again(connection, key.log_partition, key.workspace_id, key.stretch, [key.name])
    _take_sizes(connection, key.log_partition, key.workspace_id, {key.name})


def take_rows_out(connection: Connected, partition: int, workspace_id: int) -> None:
    """Count what is left without the events of a partition and workspace that stand in `erased_rows`.

    Stretches that held no others are emptied. Of the others the erased events are looked at where they are the fewer.
    The rest is marked, for `count_marked_again` to look at the surviving ones.
    """
    rows = connection.execute(_ERASED_COUNTS, {"stretch_length": STRETCH}).fetchall()
    counts = {StretchKey(partition, workspace_id, name, stretch): count for name, stretch, count in rows}
    known = load(connection, counts)
    rest = {key: known[key] for key, count in counts.items() if key in known and known[key].count != count}
    emptied = {key: Stretch() for key in known if key not in rest}
    exact = {}
    fewer = [key for key, stretch in rest.items() if _may_be_subtracted(stretch, counts[key])]
    for key, gone in group_events(_erased_events(connection, fewer)).items():
        if rest[key].subtract(gone):
            exact[key] = rest[key]
    save(connection, exact | emptied)
    if marked := [key for key in rest if key not in exact]:
        connection.execute(_MARK, key_columns(marked) | {"counts": [counts[key] for key in marked]})
    _take_sizes(connection, partition, workspace_id, {key.name for key in (*exact, *emptied)})


def _may_be_subtracted(stretch: Stretch, count: int) -> bool:
    return not stretch.recount and not stretch.others and count * 2 <= stretch.count


def count_marked_again(connection: Connected, partition: int, workspace_id: int, rows: int) -> bool:
    """Count marked stretches again, of about so many events; False when none is left."""
    parameters = {"partition": partition, "workspace_id": workspace_id, "stretches": MOST_RECOUNTED + 1}
    marked = connection.execute(_MARKED, parameters).fetchall()
    for number, (stretch, names, count) in enumerate(marked):
        if number and (rows < count or number == MOST_RECOUNTED):
            return True
        rows -= count
        _count_again(connection, partition, workspace_id, stretch, names)
        connection.execute(_UNMARK, parameters | {"stretch": stretch})
        _take_sizes(connection, partition, workspace_id, set(names))
    return False


def _erased_events(connection: Connected, keys: Collection[StretchKey]) -> Iterable[Occurrence]:
    if not keys:
        return ()
    columns = key_columns(keys)
    touched = {"names": columns["names"], "stretches": columns["stretches"], "stretch_length": STRETCH}
    return starmap(Occurrence, connection.execute(_ERASED_EVENTS, touched))


def _count_again(
    connection: Connected, partition: int, workspace_id: int, stretch: int, names: Collection[str]
) -> None:
    where = {"partition": partition, "workspace_id": workspace_id, "names": list(names)}
    start = stretch * STRETCH
    rows = connection.execute(_SURVIVORS, where | {"start": start, "end": start + STRETCH})
    groups = group_events(starmap(Occurrence, rows))
    emptied = {StretchKey(partition, workspace_id, name, stretch): Stretch() for name in names}
    save(connection, emptied | add_groups({}, groups))


def _take_sizes(connection: Connected, partition: int, workspace_id: int, names: Collection[str]) -> None:
    if names:
        connection.execute(_SIZES, {"partition": partition, "workspace_id": workspace_id, "names": sorted(names)})
