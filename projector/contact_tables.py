"""Contacts and their changes: read what is known, fold, write what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from psycopg.rows import class_row

from projector.changes import ContactKey, Copy, Known, LocatedChange, UpdateKey, fold_changes
from projector.fold import Contact, apply_change, stored_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Connection

    from projector.changes import ContactChanges

Connected: TypeAlias = "Connection[tuple[Any, ...]]"

_CONTACTS: Final = """
    SELECT workspace_id, contact_id, external_id, email, name, custom_data::text AS custom_data,
           custom_data_changed_at::text AS custom_data_changed_at, created_at, updated_at, log_partition, log_offset
    FROM contacts JOIN unnest(%(workspaces)s::bigint[], %(contacts)s::bigint[]) AS touched (workspace_id, contact_id)
         USING (workspace_id, contact_id)
"""

_ERASED: Final = """
    SELECT workspace_id, contact_id
    FROM erased_contacts
         JOIN unnest(%(workspaces)s::bigint[], %(contacts)s::bigint[]) AS touched (workspace_id, contact_id)
         USING (workspace_id, contact_id)
"""

_UPDATES: Final = """
    SELECT workspace_id, contact_id, update_id, type, change::text
    FROM contact_updates
         JOIN unnest(%(workspaces)s::bigint[], %(contacts)s::bigint[], %(ids)s::text[])
              AS touched (workspace_id, contact_id, update_id) USING (workspace_id, contact_id, update_id)
"""

# Of contacts that are not there yet: changes that came before their contact.created count once it comes.
_EARLIER: Final = """
    SELECT workspace_id, contact_id, update_id, type, change::text, received_at, record_id, log_partition, log_offset
    FROM contact_updates
         JOIN unnest(%(workspaces)s::bigint[], %(contacts)s::bigint[]) AS missing (workspace_id, contact_id)
         USING (workspace_id, contact_id)
    ORDER BY log_offset
"""

_SAVE_CONTACT: Final = """
    INSERT INTO contacts (workspace_id, contact_id, external_id, email, name, custom_data, custom_data_changed_at,
                          created_at, updated_at, log_partition, log_offset)
    VALUES (%(workspace_id)s, %(contact_id)s, %(external_id)s, %(email)s, %(name)s, %(custom_data)s,
            %(custom_data_changed_at)s, %(created_at)s, %(updated_at)s, %(log_partition)s, %(log_offset)s)
    ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
        email = excluded.email, name = excluded.name, custom_data = excluded.custom_data,
        custom_data_changed_at = excluded.custom_data_changed_at, updated_at = excluded.updated_at,
        log_offset = excluded.log_offset
"""

_SAVE_UPDATE: Final = """
    INSERT INTO contact_updates (workspace_id, contact_id, update_id, type, change, received_at, record_id,
                                 log_partition, log_offset)
    VALUES (%(workspace_id)s, %(contact_id)s, %(id)s, %(type)s, %(change)s, %(received_at)s, %(record_id)s,
            %(log_partition)s, %(log_offset)s)
"""

_SAVE_COPY: Final = """
    INSERT INTO record_copies (log_partition, log_offset, workspace_id, contact_id, type, id, kind, content,
                               received_at, record_id)
    VALUES (%(log_partition)s, %(log_offset)s, %(workspace_id)s, %(contact_id)s, %(type)s, %(id)s, %(kind)s,
            %(content)s, %(received_at)s, %(record_id)s)
"""


def apply_changes(connection: Connected, changes: Sequence[LocatedChange]) -> ContactChanges:
    """Apply contact changes, in log order, and tell what became of them."""
    result = fold_changes(_known(connection, changes), changes)
    contacts = [contact for contact in result.contacts.values() if contact.external_id is not None]
    updates = [
        {
            "workspace_id": located.record.workspace_id,
            "contact_id": located.record.contact_id,
            "id": located.record.id,
            "type": type_,
            "change": data,
            "received_at": located.record.received_at,
            "record_id": located.record.record_id,
            "log_partition": located.partition,
            "log_offset": located.offset,
        }
        for located, type_, data in result.updates
    ]
    with connection.cursor() as cursor:
        if contacts:
            cursor.executemany(_SAVE_CONTACT, [_parameters(contact) for contact in contacts])
        if updates:
            cursor.executemany(_SAVE_UPDATE, updates)
    save_copies(connection, result.copies)
    return result


def save_copies(connection: Connected, copies: Iterable[Copy]) -> None:
    """Write duplicates and conflicts down."""
    rows = [copy._asdict() for copy in copies]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_SAVE_COPY, rows)


def _parameters(contact: Contact) -> dict[str, object]:
    return {field: getattr(contact, field) for field in Contact.__struct_fields__}


def _known(connection: Connected, changes: Sequence[LocatedChange]) -> Known:
    keys = sorted({(change.record.workspace_id, change.record.contact_id) for change in changes})
    touched = {"workspaces": [key[0] for key in keys], "contacts": [key[1] for key in keys]}
    with connection.cursor(row_factory=class_row(Contact)) as cursor:
        contacts = {(row.workspace_id, row.contact_id): row for row in cursor.execute(_CONTACTS, touched)}
    erased = {(row[0], row[1]) for row in connection.execute(_ERASED, touched)}
    missing = [key for key in keys if key not in contacts and key not in erased]
    return Known(contacts | _earlier(connection, missing), _updates(connection, changes), erased)


def _updates(connection: Connected, changes: Sequence[LocatedChange]) -> dict[UpdateKey, tuple[str, str]]:
    touched = {
        "workspaces": [change.record.workspace_id for change in changes],
        "contacts": [change.record.contact_id for change in changes],
        "ids": [change.record.id for change in changes],
    }
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in connection.execute(_UPDATES, touched)}


def _earlier(connection: Connected, missing: Sequence[ContactKey]) -> dict[ContactKey, Contact]:
    contacts: dict[ContactKey, Contact] = {}
    if not missing:
        return contacts
    touched = {"workspaces": [key[0] for key in missing], "contacts": [key[1] for key in missing]}
    for row in connection.execute(_EARLIER, touched):
        workspace_id, contact_id, update_id, type_, change, received_at, record_id, partition, offset = row
        common = {
            "workspace_id": workspace_id,
            "contact_id": contact_id,
            "id": update_id,
            "received_at": received_at,
            "record_id": record_id,
        }
        key = workspace_id, contact_id
        contacts[key] = apply_change(contacts.get(key), stored_change(type_, change, common), partition, offset)
    return contacts
