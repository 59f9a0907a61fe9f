"""Reads of the delivery log: what the write API refused, how often, and which copies the projection found.

Details are bounded (the newest so many of a workspace), counts are exact: where there are fewer details than the counts
say, the difference was not kept. Copies are records that said nothing new (duplicates), or contradicted what was there
already (conflicts).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import class_row

from query.cursors import Cursor

if TYPE_CHECKING:
    from psycopg import Connection

MOST_NAMES_LISTED: Final = 50
MOST_COPIES_COUNTED: Final = 50_000
COPIES_LISTED: Final = 20
LAST: Final = timedelta(days=1)
_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filters:
    """What to read: refused at `rejected_from` or later, and earlier than `rejected_before`."""

    rejected_from: datetime
    rejected_before: datetime
    codes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def by_whole(self, now: datetime) -> Filters:
        """Widen the range to what is counted together: minutes, and before yesterday hours."""
        step = timedelta(minutes=1) if self.rejected_from >= now - LAST else timedelta(hours=1)
        first = _floor(self.rejected_from, step)
        last = _floor(self.rejected_before, step)
        return Filters(first, last if last == self.rejected_before else last + step, self.codes, self.names)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused request, or (with `item`, its place from 0) a refused item of a batch."""

    id: int
    rejected_at: datetime
    status: int
    code: str
    pointer: str
    faults: int
    name: str | None
    name_altered: bool
    item: int | None
    endpoint: str
    key_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rejections newest first."""

    rejections: list[Rejection]
    next_cursor: Cursor | None
    prev_cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many were refused in a range, by code and by name, the most frequent first.

    `unnamed` had no name, `other_names` are of names that are not listed, of `not_kept` there are no details.
    """

    rejected_from: datetime
    rejected_before: datetime
    total: int
    not_kept: int
    by_code: list[tuple[str, int]]
    by_name: list[tuple[str, int]]
    unnamed: int
    other_names: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A record whose id had been applied already. `name` is the event's, where it is one and still there."""

    kind: str
    type: str
    contact_id: int
    id: str
    name: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of a range; counted back to `counted_back_to` where there are more than are counted."""

    duplicates: int
    conflicts: int
    counted_back_to: datetime | None
    newest: list[Copy]


def rejections_page(
    connection: Connection[Any], workspace_id: int, filters: Filters, *, cursor: Cursor | None, limit: int
) -> Page:
    """Read a page of rejections."""
    newer = cursor is not None and cursor.direction == "newer"
    start = cursor or Cursor("older", _END_OF_TIME, _LARGEST)
    with connection.cursor(row_factory=class_row(Rejection)) as reading:
        found = reading.execute(
            NEWER if newer else OLDER,
            _parameters(workspace_id, filters) | {"at": start.occurred_at, "id": start.log_offset, "limit": limit + 1},
        ).fetchall()
    more, rows = len(found) > limit, found[:limit]
    if newer:
        rows = rows[::-1]
    before, after = (cursor is not None, more) if not newer else (more, True)
    if not rows:
        return Page([], None, None)
    return Page(rows, _at(rows[-1], "older") if after else None, _at(rows[0], "newer") if before else None)


_KEPT: Final = """
    FROM rejections
    WHERE workspace_id = %(workspace_id)s AND rejected_at >= %(from)s AND rejected_at < %(before)s
      AND (%(codes)s::text[] IS NULL OR code = ANY (%(codes)s))
      AND (%(names)s::text[] IS NULL OR name = ANY (%(names)s))
"""
_COLUMNS: Final = """
    SELECT id, rejected_at, status, code, pointer, faults, name, name_altered, item, endpoint, key_id, request_id
"""
OLDER: Final = f"""{_COLUMNS} {_KEPT} AND (rejected_at, id) < (%(at)s, %(id)s)
    ORDER BY rejected_at DESC, id DESC LIMIT %(limit)s"""
NEWER: Final = f"""{_COLUMNS} {_KEPT} AND (rejected_at, id) > (%(at)s, %(id)s)
    ORDER BY rejected_at, id LIMIT %(limit)s"""

_COUNTED: Final = """
    FROM rejection_counts
    WHERE workspace_id = %(workspace_id)s AND minute >= %(from)s AND minute < %(before)s
      AND (%(codes)s::text[] IS NULL OR code = ANY (%(codes)s))
      AND (%(names)s::text[] IS NULL OR (names = 'one' AND name = ANY (%(names)s)))
"""
BY_CODE: Final = f"SELECT code, sum(count)::bigint {_COUNTED} GROUP BY code ORDER BY 2 DESC, 1"
BY_NAME: Final = f"SELECT names, name, sum(count)::bigint {_COUNTED} GROUP BY names, name ORDER BY 3 DESC, 2"


def rejection_counts(connection: Connection[Any], workspace_id: int, filters: Filters) -> Counts:
    """Count what was refused; the filters' range has to be whole minutes, or hours."""
    parameters = _parameters(workspace_id, filters)
    by_code = connection.execute(BY_CODE, parameters).fetchall()
    by_name = connection.execute(BY_NAME, parameters).fetchall()
    kept = connection.execute(f"SELECT count(*) {_KEPT}", parameters).fetchone()
    total = sum(count for _, count in by_code)
    listed = [(name, count) for names, name, count in by_name if names == "one"]
    return Counts(
        rejected_from=filters.rejected_from,
        rejected_before=filters.rejected_before,
        total=total,
        not_kept=max(0, total - (kept[0] if kept else 0)),
        by_code=by_code,
        by_name=listed[:MOST_NAMES_LISTED],
        unnamed=sum(count for names, _, count in by_name if names == "none"),
        other_names=sum(count for names, _, count in by_name if names == "others")
        + sum(count for _, count in listed[MOST_NAMES_LISTED:]),
    )


def copies(connection: Connection[Any], workspace_id: int, filters: Filters) -> Copies:
    """Count the copies of a range, whatever their name, and read the newest."""
    parameters = _parameters(workspace_id, filters) | {"most": MOST_COPIES_COUNTED, "listed": COPIES_LISTED}
    counted = connection.execute(
        """
        SELECT count(*) FILTER (WHERE kind = 'duplicate'), count(*) FILTER (WHERE kind = 'conflict'), count(*),
               min(received_at)
        FROM (SELECT kind, received_at FROM record_copies
              WHERE workspace_id = %(workspace_id)s AND received_at >= %(from)s AND received_at < %(before)s
              ORDER BY received_at DESC LIMIT %(most)s) AS newest
        """,
        parameters,
    ).fetchone()
    assert counted is not None
    duplicates, conflicts, seen, oldest = counted
    with connection.cursor(row_factory=class_row(Copy)) as reading:
        newest = reading.execute(
            """
            SELECT c.kind, c.type, c.contact_id, c.id, t.name, c.received_at
            FROM (SELECT * FROM record_copies
                  WHERE workspace_id = %(workspace_id)s AND received_at >= %(from)s AND received_at < %(before)s
                  ORDER BY received_at DESC LIMIT %(listed)s) AS c
            LEFT JOIN timeline AS t ON c.type LIKE 'contact.event.%%' AND t.workspace_id = c.workspace_id
                AND t.contact_id = c.contact_id AND t.event_id = c.id
            ORDER BY c.received_at DESC, c.log_offset DESC
            """,
            parameters,
        ).fetchall()
    return Copies(duplicates, conflicts, oldest if seen == MOST_COPIES_COUNTED else None, newest)


def _parameters(workspace_id: int, filters: Filters) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "from": filters.rejected_from,
        "before": filters.rejected_before,
        "codes": list(filters.codes) or None,
        "names": list(filters.names) or None,
    }


def _at(rejection: Rejection, direction: str) -> Cursor:
    return Cursor("newer" if direction == "newer" else "older", rejection.rejected_at, rejection.id)


def _floor(moment: datetime, step: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // step * step
