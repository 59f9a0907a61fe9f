"""What a contact's events are shown and counted as: totals by shown name, and a contact without what is hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from query.catalogue import Catalogue
    from query.contacts import Contact
    from query.summary import NameSummary


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
