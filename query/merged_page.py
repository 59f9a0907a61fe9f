"""A page of events with the contact's changes between them: two lists with the same kind of key, merged.

Events and changes of a contact lie in one partition, so their offsets are never the same: a place among both is one
key, and a cursor of a merged page is a cursor like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from query.cursors import Cursor
from query.history import change_page
from query.history_fold import ContactChange
from query.timeline import Event, Filters, Page, timeline_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from psycopg import Connection

    from query.history import ChangePage

Item: TypeAlias = Event | ContactChange
Key: TypeAlias = "tuple[datetime, int]"


@dataclass(frozen=True, slots=True)
class MergedPage:
    """Events and changes, newest first; else as a page of events."""

    items: list[Item]
    next_cursor: Cursor | None
    prev_cursor: Cursor | None
    searched_back_to: datetime | None = None

    @property
    def events(self) -> list[Event]:
        """The events alone."""
        return [item for item in self.items if isinstance(item, Event)]


def of_events(page: Page) -> MergedPage:
    """Take a page of events as it is."""
    return MergedPage([*page.events], page.next_cursor, page.prev_cursor, page.searched_back_to)


def merged_page(  # noqa: PLR0913 - a page is told by all of these
    connection: Connection[Any],
    workspace_id: int,
    contact_id: int,
    *,
    filters: Filters,
    cursor: Cursor | None,
    limit: int,
) -> MergedPage:
    """Read one page of both. A search text chooses among changes, too; names do not: they are names of events."""
    of = (connection, workspace_id, contact_id)
    events = timeline_page(*of, filters=filters, cursor=cursor, limit=limit)
    changes = change_page(*of, cursor=_bounded(cursor, filters), limit=limit)
    if cursor is None or cursor.direction == "older":
        return _older(events, changes, filters, cursor, limit)
    return _newer(events, changes, filters, cursor, limit)


def _bounded(cursor: Cursor | None, filters: Filters) -> Cursor | None:
    """Begin at the range's end, where that comes before the cursor."""
    if cursor is not None and cursor.direction == "newer":
        return cursor
    if filters.occurred_before is None or (cursor and cursor.occurred_at < filters.occurred_before):
        return cursor
    return Cursor("older", filters.occurred_before, -1)


def _older(events: Page, changes: ChangePage, filters: Filters, cursor: Cursor | None, limit: int) -> MergedPage:
    ends = [_key(page.next_cursor) for page in (events, changes) if page.next_cursor]
    if filters.occurred_from is not None:  # what lies before the range ends nothing
        ends = [end for end in ends if end[0] >= filters.occurred_from]
    end = max(ends, default=None)
    items = sorted(_fitting(events, changes, filters), key=_place, reverse=True)
    items = [item for item in items if end is None or _place(item) >= end]
    cut = len(items) > limit
    if cut:
        items = items[:limit]
        end = _place(items[-1])
    searched = events.searched_back_to if events.next_cursor and end == _key(events.next_cursor) else None
    back = _place(items[0]) if items else cursor and (cursor.occurred_at, cursor.log_offset - 1)
    return MergedPage(
        items,
        Cursor("older", *end) if end else None,
        Cursor("newer", *back) if cursor and back else None,
        None if cut else searched,
    )


def _newer(events: Page, changes: ChangePage, filters: Filters, cursor: Cursor, limit: int) -> MergedPage:
    ends = [_key(page.prev_cursor) for page in (events, changes) if page.prev_cursor]
    if filters.occurred_before is not None:
        ends = [end for end in ends if end[0] < filters.occurred_before]
    end = min(ends, default=None)
    items = sorted(_fitting(events, changes, filters), key=_place)
    items = [item for item in items if end is None or _place(item) <= end]
    if len(items) > limit:
        items = items[:limit]
        end = _place(items[-1])
    back = _place(items[0]) if items else (cursor.occurred_at, cursor.log_offset + 1)
    return MergedPage(items[::-1], Cursor("older", *back), Cursor("newer", *end) if end else None)


def _key(cursor: Cursor) -> Key:
    return cursor.occurred_at, cursor.log_offset


def _place(item: Item) -> Key:
    return item.occurred_at, item.log_offset


def _fitting(events: Page, changes: ChangePage, filters: Filters) -> Iterable[Item]:
    yield from events.events
    yield from (change for change in changes.changes if _fits(change, filters))


def _fits(change: ContactChange, filters: Filters) -> bool:
    if filters.occurred_from is not None and change.received_at < filters.occurred_from:
        return False
    if filters.occurred_before is not None and change.received_at >= filters.occurred_before:
        return False
    told: Sequence[str | None] = [
        text for value in (*change.profile, *change.custom_data) for text in (value.key, value.before, value.after)
    ]
    return bool(told) and (not filters.text or any(filters.text.lower() in text.lower() for text in told if text))
