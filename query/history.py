"""Reads of a contact's change history: how the contact was at a moment, and what each change changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from query.cursors import Cursor
from query.history_fold import ContactChange, State, StoredChange, text_of, told
from schemas.canonical import join

if TYPE_CHECKING:
    from psycopg import Connection

MOST_FOLDED: Final = 20_000
"""Changes that are folded to tell how a contact was; beyond that the read is refused: a part of them would be wrong."""

LOOKED_BACK: Final = 2_000
"""Older changes in which the values before a page's changes are looked for."""

_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


class HistoryTooLongError(Exception):
    """The contact has changed more than MOST_FOLDED times; `limit` is that number."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class NotCreatedYet:
    """There was no such contact at that moment."""

    created_at: datetime


@dataclass(frozen=True, slots=True)
class ContactThen:
    """A contact as it was at a moment. `custom_data` is the text of a JSON object, numbers as they were written."""

    id: int
    external_id: str
    email: str | None
    name: str | None
    custom_data: str
    custom_data_changed_at: dict[str, datetime]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes, newest first."""

    changes: list[ContactChange]
    next_cursor: Cursor | None
    prev_cursor: Cursor | None


def contact_then(
    connection: Connection[Any], workspace_id: int, contact_id: int, as_of: datetime
) -> ContactThen | NotCreatedYet | None:
    """Read a contact as it was; None when the workspace has no such contact. Raise HistoryTooLongError."""
    rows = connection.execute(
        """
        SELECT c.external_id, c.created_at, u.update_id, u.type, u.change::text, u.received_at, u.log_offset
        FROM contacts AS c
        LEFT JOIN LATERAL (
            SELECT update_id, type, change, received_at, log_offset FROM contact_updates
            WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND received_at <= %(as_of)s
            ORDER BY received_at DESC, log_offset DESC LIMIT %(most)s
        ) AS u ON true
        WHERE c.workspace_id = %(workspace_id)s AND c.contact_id = %(contact_id)s
        """,
        {"workspace_id": workspace_id, "contact_id": contact_id, "as_of": as_of, "most": MOST_FOLDED + 1},
    ).fetchall()
    if not rows:
        return None
    external_id, created_at = rows[0][:2]
    if created_at > as_of:
        return NotCreatedYet(created_at)
    if len(rows) > MOST_FOLDED:
        raise HistoryTooLongError(MOST_FOLDED)
    state, updated_at = State(from_the_start=True), created_at
    for row in sorted(StoredChange(*row[2:]) for row in rows if row[2] is not None):
        state.apply(row, contact_id)
        updated_at = row.received_at
    email, name = (text_of(state.profile.get(key)) for key in ("email", "name"))
    custom_data = join(state.custom_data)
    return ContactThen(contact_id, external_id, email, name, custom_data, state.changed_at(), created_at, updated_at)


_OLDER: Final = """
    SELECT update_id, type, change::text, received_at, log_offset FROM contact_updates
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
      AND (received_at, log_offset) < (%(at)s, %(offset)s)
    ORDER BY received_at DESC, log_offset DESC LIMIT %(most)s
"""
# The page itself, and what is looked at for the values before it.
_NEWER: Final = """
    (SELECT update_id, type, change::text, received_at, log_offset FROM contact_updates
     WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
       AND (received_at, log_offset) > (%(at)s, %(offset)s)
     ORDER BY received_at, log_offset LIMIT %(page)s)
    UNION ALL
    (SELECT update_id, type, change::text, received_at, log_offset FROM contact_updates
     WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
       AND (received_at, log_offset) <= (%(at)s, %(offset)s)
     ORDER BY received_at DESC, log_offset DESC LIMIT %(looked_back)s)
"""


def change_page(
    connection: Connection[Any], workspace_id: int, contact_id: int, *, cursor: Cursor | None = None, limit: int = 50
) -> ChangePage:
    """Read what changed, newest first: from the newest, or beyond a cursor in its direction."""
    older = cursor is None or cursor.direction == "older"
    key = (cursor.occurred_at, cursor.log_offset) if cursor else (_END_OF_TIME, 2**63 - 1)
    rows = connection.execute(
        _OLDER if older else _NEWER,
        {
            "workspace_id": workspace_id,
            "contact_id": contact_id,
            "at": key[0],
            "offset": key[1],
            "page": limit + 1,
            "looked_back": LOOKED_BACK,
            "most": limit + 1 + LOOKED_BACK,
        },
    ).fetchall()
    stored = sorted((StoredChange(*row) for row in rows), key=lambda row: row.key, reverse=True)
    page = stored[: limit + 1] if older else [row for row in stored if row.key > key]
    looked_back = len(stored) - len(page)
    changes = told(stored, contact_id, from_the_start=looked_back < LOOKED_BACK)
    further = len(page) > limit
    page = page[:limit] if older else page[-limit:]
    if not page:
        return ChangePage([], None, None)
    back = cursor is not None
    return ChangePage(
        [changes[row.id] for row in page],
        Cursor("older", *page[-1].key) if (further if older else back) else None,
        Cursor("newer", *page[0].key) if (back if older else further) else None,
    )
