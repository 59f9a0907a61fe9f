"""What a contact's events are shown and counted as: totals by shown name, and a contact without what is hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from psycopg import Connection

    from query.catalogue import Catalogue
    from query.contacts import Contact, ContactSummary
    from query.summary import NameSummary

_NEWEST_SEEN: Final = """
    SELECT DISTINCT ON (contact_id) contact_id, name, last_occurred_at
    FROM contact_event_names
    WHERE workspace_id = %(workspace_id)s AND contact_id = ANY(%(contact_ids)s) AND count > 0
      AND NOT name = ANY(%(without)s)
    ORDER BY contact_id, last_occurred_at DESC, name
"""


@dataclass(frozen=True, slots=True)
class ShownName:
    """Totals of a contact's events that are shown under one name; `recorded` are the names that they came under."""

    name: str
    recorded: tuple[str, ...]
    count: int
    first_occurred_at: datetime
    last_occurred_at: datetime
    pinned: bool = False
    hidden: bool = False


def shown_names(names: Sequence[NameSummary], catalogue: Catalogue) -> list[ShownName]:
    """Add up what is shown under one name: pinned names first, then the most frequent."""
    grouped: dict[str, list[NameSummary]] = {}
    for summary in names:
        grouped.setdefault(catalogue.shown(summary.name), []).append(summary)
    merged = [
        ShownName(
            name=shown,
            recorded=tuple(summary.name for summary in group),
            count=sum(summary.count for summary in group),
            first_occurred_at=min(summary.first_occurred_at for summary in group),
            last_occurred_at=max(summary.last_occurred_at for summary in group),
            pinned=any(catalogue.of(summary.name).pinned for summary in group),
            hidden=all(summary.name in catalogue.hidden for summary in group),
        )
        for shown, group in grouped.items()
    ]
    return sorted(merged, key=lambda one: (not one.pinned, -one.count, one.name))


def seen_contact(contact: Contact, names: Sequence[NameSummary], without: Collection[str]) -> Contact:
    """Give a contact the totals of the events that are not left out. `names` are those of all its events."""
    if not without:
        return contact
    seen = [summary for summary in names if summary.name not in without]
    return replace(
        contact,
        event_count=sum(summary.count for summary in seen),
        first_event_at=min((summary.first_occurred_at for summary in seen), default=None),
        last_event_at=max((summary.last_occurred_at for summary in seen), default=None),
    )


def seen_summaries(
    connection: Connection[Any], workspace_id: int, contacts: Sequence[ContactSummary], without: Collection[str]
) -> list[ContactSummary]:
    """Give contacts of a list the newest event that is not left out, in the place of one that is."""
    ids = [contact.id for contact in contacts if contact.last_event_name in without]
    if not ids:
        return list(contacts)
    parameters = {"workspace_id": workspace_id, "contact_ids": ids, "without": list(without)}
    rows = connection.execute(_NEWEST_SEEN, parameters).fetchall()
    newest = {contact_id: (name, moment) for contact_id, name, moment in rows}

    def seen(contact: ContactSummary) -> ContactSummary:
        if contact.last_event_name not in without:
            return contact
        name, moment = newest.get(contact.id, (None, None))
        return replace(contact, last_event_name=name, last_event_at=moment)

    return [seen(contact) for contact in contacts]
