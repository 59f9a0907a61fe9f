"""Reads of a contact's timeline: pages by key, newest first, each at a cost that does not grow with the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, LiteralString

import msgspec

from query import timeline_statements as statements
from query.cursors import Cursor, Direction
from query.questions import Question, Row
from schemas.times import is_late

if TYPE_CHECKING:
    from psycopg import Connection

STRETCH: Final = 5_000
"""Events that one filtered page looks through at most; then it says how far back it has searched."""

_OCCURRED_AT: Final = 2
_LOG_OFFSET: Final = 5
"""Where they stand in a row of the statements."""

_MAX_OFFSET: Final = 2**63 - 1
_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
_BEGINNING_OF_TIME: Final = datetime(1, 1, 2, tzinfo=UTC)


class Event(msgspec.Struct, frozen=True):  # a page makes fifty of them: five times as fast as a frozen dataclass
    """One contact event. `properties` is the text of a JSON object, with numbers as they were written."""

    id: str
    name: str
    occurred_at: datetime
    received_at: datetime
    properties: str
    log_offset: int
    contact_id: int

    @property
    def late(self) -> bool:
        """Whether it arrived so long after it occurred that an agent should know."""
        return is_late(self.occurred_at, self.received_at)


@dataclass(frozen=True, slots=True)
class Filters:
    """What to show of a timeline; the default is everything. `occurred_from` is included, `occurred_before` is not.

    `without` names what is left out where no names are chosen.
    """

    names: tuple[str, ...] = ()
    name_prefix: str | None = None
    occurred_from: datetime | None = None
    occurred_before: datetime | None = None
    text: str | None = None
    without: tuple[str, ...] = ()

    @property
    def scans(self) -> bool:
        """Whether events have to be looked at one by one."""
        return bool(self.text)


EVERYTHING: Final = Filters()


class Page(msgspec.Struct, frozen=True):
    """Events newest first; `rows` are they as they were read.

    `searched_back_to` is set when the search stopped before the end of the timeline: nothing older was looked at, and
    `next_cursor` goes on from there.
    """

    rows: list[Row]
    contact_id: int
    next_cursor: Cursor | None
    prev_cursor: Cursor | None
    searched_back_to: datetime | None = None

    @property
    def events(self) -> list[Event]:
        """The events, each as an object: what goes straight out as JSON does without."""
        return [Event(row[0], row[1], row[2], row[3], row[4], row[5], self.contact_id) for row in self.rows]


def timeline_page(  # noqa: PLR0913 - a page is told by all of these
    connection: Connection[Any],
    workspace_id: int,
    contact_id: int,
    *,
    filters: Filters = EVERYTHING,
    cursor: Cursor | None = None,
    limit: int = 50,
) -> Page:
    """Read one page, newest first: from the newest, or beyond a cursor in its direction."""
    return ask_page(workspace_id, contact_id, filters=filters, cursor=cursor, limit=limit).ask(connection)


def ask_page(
    workspace_id: int,
    contact_id: int,
    *,
    filters: Filters = EVERYTHING,
    cursor: Cursor | None = None,
    limit: int = 50,
) -> Question[Page]:
    """Ask the same, together with other questions."""
    older = cursor is None or cursor.direction == "older"
    parameters = _bounds(filters, cursor) | {
        "workspace_id": workspace_id,
        "contact_id": contact_id,
        "limit": limit + 1,  # one more than the page holds tells whether there is a further one
        "names": list(filters.names),
        "name_prefix": filters.name_prefix or "",
        "text": filters.text or "",
        "without": list(filters.without),
        "stretch": STRETCH,
    }

    def read(rows: list[Row]) -> Page:
        if not filters.scans:
            return _page(rows, contact_id, cursor, limit, None)
        mark = next((row for row in rows if row[6] == STRETCH), None)
        return _page([row for row in rows if row[7]], contact_id, cursor, limit, mark)

    columns = statements.SCAN_COLUMNS if filters.scans else statements.COLUMNS
    return Question(_statement(filters, older=older), parameters, read, columns)


def _statement(filters: Filters, *, older: bool) -> LiteralString:
    if filters.scans:
        return statements.SCAN_OLDER if older else statements.SCAN_NEWER
    if filters.names or filters.name_prefix or filters.without:  # a name left out may be nine events of ten
        return statements.NAMED_OLDER if older else statements.NAMED_NEWER
    return statements.OLDER if older else statements.NEWER


def _bounds(filters: Filters, cursor: Cursor | None) -> dict[str, Any]:
    """Join cursor and time range into one bound on each side, since the index can start at only one."""
    before = (filters.occurred_before or _END_OF_TIME, -1 if filters.occurred_before else _MAX_OFFSET)
    after = (filters.occurred_from or _BEGINNING_OF_TIME, -1)
    if cursor is not None:
        key = (cursor.occurred_at, cursor.log_offset)
        before, after = min(before, key), max(after, key)
    return {
        "before_at": before[0],
        "before_offset": before[1],
        "occurred_from": filters.occurred_from or _BEGINNING_OF_TIME,
        "after_at": after[0],
        "after_offset": after[1],
        "occurred_before": filters.occurred_before or _END_OF_TIME,
    }


def _page(rows: list[Row], contact_id: int, cursor: Cursor | None, limit: int, mark: Row | None) -> Page:
    further = len(rows) > limit
    if further:
        rows = rows[:limit]
    beyond = rows[-1] if further else mark  # where the next page in this direction begins
    back = None if cursor is None else _back(rows[0] if rows else None, cursor)
    if cursor is None or cursor.direction == "older":
        searched = None if further or mark is None else mark[_OCCURRED_AT]
        return Page(rows, contact_id, _beyond("older", beyond), back, searched)
    return Page(rows[::-1], contact_id, back, _beyond("newer", beyond))


def _beyond(direction: Direction, row: Row | None) -> Cursor | None:
    return None if row is None else Cursor(direction, row[_OCCURRED_AT], row[_LOG_OFFSET])


def _back(first: Row | None, cursor: Cursor) -> Cursor:
    """Make the cursor that leads back to where this page was asked from, the key of `cursor` itself included."""
    back: Direction = "newer" if cursor.direction == "older" else "older"
    if first is not None:
        return Cursor(back, first[_OCCURRED_AT], first[_LOG_OFFSET])
    return Cursor(back, cursor.occurred_at, cursor.log_offset + (1 if back == "older" else -1))


def find_event(connection: Connection[Any], workspace_id: int, contact_id: int, event_id: str) -> Event | None:
    """Read one event; None when the contact has none of that id."""
    row = connection.execute(
        """
        SELECT event_id, name, occurred_at, received_at, properties::text, log_offset, contact_id
        FROM timeline
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND event_id = %(event_id)s
        """,
        {"workspace_id": workspace_id, "contact_id": contact_id, "event_id": event_id},
    ).fetchone()
    return None if row is None else Event(*row)
