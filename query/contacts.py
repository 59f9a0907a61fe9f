"""Reads of contacts: one function, one statement, one typed result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from psycopg.rows import class_row

from query.cursors import EPOCH, Cursor
from query.questions import Question, Row

if TYPE_CHECKING:
    from psycopg import Connection

_changed_at = msgspec.json.Decoder(dict[str, datetime])


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as its profile shows it. `custom_data` is the text of a JSON object, numbers as they were written."""

    id: int
    external_id: str
    email: str | None
    name: str | None
    custom_data: str
    custom_data_changed_at: dict[str, datetime]
    created_at: datetime
    updated_at: datetime
    event_count: int
    first_event_at: datetime | None
    last_event_at: datetime | None
    log_partition: int


@dataclass(frozen=True, slots=True)
class ContactSummary:
    """A contact as a line in a list; the last event is the newest by `occurred_at`."""

    id: int
    external_id: str
    email: str | None
    name: str | None
    last_event_name: str | None
    last_event_at: datetime | None


_OLDER_CONTACTS: Final = """
    SELECT c.contact_id AS id, c.external_id, c.email, c.name,
           e.name AS last_event_name, e.occurred_at AS last_event_at
    FROM (
        SELECT contact_id, external_id, email, name FROM contacts
        WHERE workspace_id = %(workspace_id)s AND contact_id < %(beyond)s
        ORDER BY contact_id DESC LIMIT %(limit)s
    ) AS c
    LEFT JOIN LATERAL (
        SELECT name, occurred_at FROM timeline
        WHERE workspace_id = %(workspace_id)s AND contact_id = c.contact_id
        ORDER BY occurred_at DESC, log_offset DESC LIMIT 1
    ) AS e ON true
    ORDER BY c.contact_id DESC
"""
_NEWER_CONTACTS: Final = """
    SELECT c.contact_id AS id, c.external_id, c.email, c.name,
           e.name AS last_event_name, e.occurred_at AS last_event_at
    FROM (
        SELECT contact_id, external_id, email, name FROM contacts
        WHERE workspace_id = %(workspace_id)s AND contact_id > %(beyond)s
        ORDER BY contact_id LIMIT %(limit)s
    ) AS c
    LEFT JOIN LATERAL (
        SELECT name, occurred_at FROM timeline
        WHERE workspace_id = %(workspace_id)s AND contact_id = c.contact_id
        ORDER BY occurred_at DESC, log_offset DESC LIMIT 1
    ) AS e ON true
    ORDER BY c.contact_id
"""


_CONTACT: Final = """
    SELECT c.contact_id, c.external_id, c.email, c.name, c.custom_data::text, c.custom_data_changed_at::text,
           c.created_at, c.updated_at, n.event_count, n.first_event_at, n.last_event_at, c.log_partition
    FROM contacts AS c
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(count), 0)::bigint AS event_count,
               min(first_occurred_at) AS first_event_at, max(last_occurred_at) AS last_event_at
        FROM contact_event_names
        WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
    ) AS n
    WHERE c.workspace_id = %(workspace_id)s AND c.contact_id = %(contact_id)s
"""


def find_contact(connection: Connection[Any], workspace_id: int, contact_id: int) -> Contact | None:
    """Read one contact with the totals of its timeline; None when the workspace has no such contact."""
    return ask_contact(workspace_id, contact_id).ask(connection)


def ask_contact(workspace_id: int, contact_id: int) -> Question[Contact | None]:
    """Ask the same, together with other questions."""
    return Question(_CONTACT, {"workspace_id": workspace_id, "contact_id": contact_id}, _contact)


def _contact(rows: list[Row]) -> Contact | None:
    if not rows:
        return None
    values = list(rows[0])
    values[5] = _changed_at.decode(values[5])
    return Contact(*values)


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Contacts, the newest first; the cursors' `log_offset` is a contact's id."""

    contacts: list[ContactSummary]
    next_cursor: Cursor | None
    prev_cursor: Cursor | None


def contact_page(
    connection: Connection[Any], workspace_id: int, *, cursor: Cursor | None = None, limit: int = 50
) -> ContactPage:
    """Read all contacts page by page, the newest id first."""
    older = cursor is None or cursor.direction == "older"
    with connection.cursor(row_factory=class_row(ContactSummary)) as rows:
        contacts = rows.execute(
            _OLDER_CONTACTS if older else _NEWER_CONTACTS,
            {
                "workspace_id": workspace_id,
                "beyond": cursor.log_offset if cursor else 2**63 - 1,
                "limit": limit + 1,
            },
        ).fetchall()
    further, contacts = len(contacts) > limit, contacts[:limit]
    if not older:
        contacts.reverse()
    newest, oldest = (contacts[0].id, contacts[-1].id) if contacts else (0, 0)
    back = bool(contacts) and cursor is not None
    return ContactPage(
        contacts,
        Cursor("older", EPOCH, oldest) if (further if older else back) else None,
        Cursor("newer", EPOCH, newest) if (back if older else further) else None,
    )


def recent_contacts(connection: Connection[Any], workspace_id: int, limit: int) -> list[ContactSummary]:
    """Read the contacts whose events arrived last, then the newest contacts, until there are `limit`.

    Looks no further than the newest 500 events of each partition: costs the same however many there are.
    """
    with connection.cursor(row_factory=class_row(ContactSummary)) as cursor:
        return cursor.execute(
            """
            WITH recent AS (
                SELECT t.contact_id, max(t.received_at) AS received_at
                FROM positions AS p
                CROSS JOIN LATERAL (
                    SELECT workspace_id, contact_id, received_at FROM timeline
                    WHERE log_partition = p.log_partition ORDER BY log_offset DESC LIMIT 500
                ) AS t
                WHERE t.workspace_id = %(workspace_id)s
                GROUP BY t.contact_id ORDER BY received_at DESC LIMIT %(limit)s
            ), newest AS (
                SELECT contact_id FROM contacts WHERE workspace_id = %(workspace_id)s
                ORDER BY contact_id DESC LIMIT %(limit)s
            ), chosen AS (
                SELECT contact_id, max(received_at) AS received_at
                FROM (SELECT contact_id, received_at FROM recent
                      UNION ALL SELECT contact_id, NULL FROM newest) AS either
                GROUP BY contact_id ORDER BY received_at DESC NULLS LAST, contact_id DESC LIMIT %(limit)s
            )
            SELECT c.contact_id AS id, c.external_id, c.email, c.name,
                   e.name AS last_event_name, e.occurred_at AS last_event_at
            FROM chosen
            JOIN contacts AS c ON c.workspace_id = %(workspace_id)s AND c.contact_id = chosen.contact_id
            LEFT JOIN LATERAL (
                SELECT name, occurred_at FROM timeline
                WHERE workspace_id = %(workspace_id)s AND contact_id = chosen.contact_id
                ORDER BY occurred_at DESC, log_offset DESC LIMIT 1
            ) AS e ON true
            ORDER BY chosen.received_at DESC NULLS LAST, c.contact_id DESC
            """,
            {"workspace_id": workspace_id, "limit": limit},
        ).fetchall()


def search_contacts(connection: Connection[Any], workspace_id: int, text: str, limit: int) -> list[ContactSummary]:
    """Read the contacts in whose name, email or external id some word begins with each word of `text`; or with that id.

    Exact matches come first. The function in the database searches the workspace declared by this transaction.
    """
    with connection.cursor(row_factory=class_row(ContactSummary)) as cursor:
        return cursor.execute(
            """
            SELECT c.contact_id AS id, c.external_id, c.email, c.name,
                   e.name AS last_event_name, e.occurred_at AS last_event_at
            FROM search_contacts(%(text)s, %(limit)s) AS c
            LEFT JOIN LATERAL (
                SELECT name, occurred_at FROM timeline
                WHERE workspace_id = %(workspace_id)s AND contact_id = c.contact_id
                ORDER BY occurred_at DESC, log_offset DESC LIMIT 1
            ) AS e ON true
            ORDER BY c.rank, e.occurred_at DESC NULLS LAST, c.contact_id
            """,
            {"workspace_id": workspace_id, "text": text, "limit": limit},
        ).fetchall()
