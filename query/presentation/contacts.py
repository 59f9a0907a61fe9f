"""A contact as the pages show it: who it is, its custom data, and what of it changed lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from query.presentation.names import readable, readable_key
from query.presentation.times import exact, relative, short_date
from query.presentation.tones import Tone, tone_shown
from query.presentation.values import Budget, Value, parse, typed
from schemas.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from query.contacts import Contact, ContactSummary
    from query.presentation.events import Reader

RECENT: Final = timedelta(days=7)
NEVER: Final = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in words, and exactly."""

    text: str
    exact: str
    iso: str


@dataclass(frozen=True, slots=True)
class DataItem:
    """One key of custom data. `changed`: when its value changed, if that is less than seven days ago."""

    key: str
    label: str
    value: Value
    changed: Moment | None


@dataclass(frozen=True, slots=True)
class ContactCard:
    """Who the contact is. `telling`: the keys of custom data that are shown where there is room for few."""

    id: int
    external_id: str
    title: str
    email: str | None
    event_count: int
    first_seen: Moment
    last_event: Moment | None
    custom_data: tuple[DataItem, ...]
    telling: tuple[str, ...]


def ago(moment: datetime, reader: Reader) -> Moment:
    """Write a moment as how long ago it was; on a page of the past, where "ago" would mislead, as its day."""
    if reader.as_of is not None:
        return _day(moment, reader)
    return Moment(relative(moment, reader.now), exact(moment, reader.zone), format_time(moment))


def _day(moment: datetime, reader: Reader) -> Moment:
    today = reader.now.astimezone(reader.zone).date()
    text = short_date(moment.astimezone(reader.zone).date(), today)
    return Moment(text, exact(moment, reader.zone), format_time(moment))


def contact_card(contact: Contact, reader: Reader) -> ContactCard:
    """Make the identity column."""
    first = min(filter(None, [contact.first_event_at, contact.created_at]))
    items = custom_data(contact, reader)
    telling = most_telling(items, contact.custom_data_changed_at, reader.pinned_custom_data)
    return ContactCard(
        id=contact.id,
        external_id=contact.external_id,
        title=contact.name or contact.email or contact.external_id,
        email=contact.email if contact.name else None,
        event_count=contact.event_count,
        first_seen=_day(first, reader),
        last_event=ago(contact.last_event_at, reader) if contact.last_event_at else None,
        custom_data=items,
        telling=tuple(item.key for item in telling),
    )


def custom_data(contact: Contact, reader: Reader) -> tuple[DataItem, ...]:
    """Give all custom data, in the order it was written. What was so from the start has not changed."""
    items = []
    for key, value in parse(contact.custom_data).items():
        changed_at = contact.custom_data_changed_at.get(key)
        changed = changed_at is not None and changed_at > contact.created_at and reader.moment - changed_at < RECENT
        moment = ago(changed_at, reader) if changed and changed_at else None
        items.append(DataItem(key, readable_key(key), typed(value, Budget()), moment))
    return tuple(items)


def most_telling(
    items: Sequence[DataItem], changed_at: Mapping[str, datetime], pinned: Sequence[str] = (), limit: int = 6
) -> tuple[DataItem, ...]:
    """Choose what fits a narrow place: the pinned keys, else those that changed last."""
    by_key = {item.key: item for item in items}
    if chosen := [by_key[key] for key in pinned if key in by_key]:
        return tuple(chosen)

    def newest_first(item: DataItem) -> float:
        moment = changed_at.get(item.key)
        return -moment.timestamp() if moment else NEVER

    return tuple(sorted(items, key=newest_first)[:limit])


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A contact in a list. `known_by`: what tells it from a namesake."""

    id: int
    title: str
    known_by: str
    last_event: str | None
    tone: Tone
    last: Moment | None


def contact_line(contact: ContactSummary, reader: Reader) -> ContactLine:
    """Make a line of the home page."""
    title = contact.name or contact.email or contact.external_id
    known_by = [contact.email, contact.external_id]
    return ContactLine(
        id=contact.id,
        title=title,
        known_by=" · ".join(text for text in known_by if text and text != title),
        last_event=readable(reader.catalogue.shown(contact.last_event_name)) if contact.last_event_name else None,
        tone=tone_shown(contact.last_event_name or "", reader.catalogue),
        last=ago(contact.last_event_at, reader) if contact.last_event_at else None,
    )
