"""What a profile page reads, in one transaction: now, or as it was at a moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from query.contacts import Contact, find_contact
from query.cursors import Cursor
from query.history import ContactThen, NotCreatedYet, contact_then
from query.merged_page import MergedPage, merged_page, of_events
from query.places import place_of_contact
from query.presentation.histogram import DAYS
from query.shown_names import seen_contact
from query.summary import Histogram, NameSummary, event_summary, events_until, histogram
from query.timeline import Event, Filters, find_event, timeline_page

if TYPE_CHECKING:
    from collections.abc import Collection
    from zoneinfo import ZoneInfo

    from psycopg import Connection

    from query.summary import EventsUntil

PAGE: Final = 50
AROUND: Final = 10


@dataclass(frozen=True, slots=True)
class ProfileAsk:
    """What of a profile to show, for whom. Events of the names in `hidden` are not counted.

    `filters` are bounded by `as_of` already, where there is one.
    """

    contact_id: int
    filters: Filters
    cursor: Cursor | None
    event_id: str | None
    zone: ZoneInfo
    now: datetime
    hidden: Collection[str] = ()
    changes: bool = False
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """A profile: `opened` is the event asked for, when there is one of that id.

    `position` is the place in the log up to which it is told: from there on the live stream goes on, without a gap.
    `counted_all` is False where there are more events up to the moment than were counted.
    """

    contact: Contact
    page: MergedPage
    names: list[NameSummary]
    histogram: Histogram
    opened: Event | None
    position: str | None
    counted_all: bool = True


def read_profile(connection: Connection[Any], workspace_id: int, ask: ProfileAsk) -> ProfileRead | NotCreatedYet | None:
    """Read a profile; None when the workspace has no such contact. Raise HistoryTooLongError."""
    key = (connection, workspace_id, ask.contact_id)
    contact = find_contact(*key)
    if contact is None:
        return None
    names, counted_all = event_summary(*key), True
    if ask.as_of is None:
        contact = seen_contact(contact, names, ask.hidden)
    else:
        then = contact_then(*key, ask.as_of)
        if then is None or isinstance(then, NotCreatedYet):
            return then
        until = events_until(*key, ask.as_of, ask.hidden)
        contact, counted_all = _as_it_was(contact, then, until), until.counted_all
        names = [name for name in names if name.first_occurred_at <= ask.as_of]
    opened = find_event(*key, ask.event_id) if ask.event_id else None
    page = read_timeline(*key, filters=ask.filters, cursor=ask.cursor, changes=ask.changes)
    if opened is not None and opened not in page.items:
        page = _around(key, ask, opened)
    return ProfileRead(contact, page, names, _bars(key, ask), opened, position_of(*key), counted_all)


def read_timeline(  # noqa: PLR0913 - a page is told by all of these
    connection: Connection[Any],
    workspace_id: int,
    contact_id: int,
    *,
    filters: Filters,
    cursor: Cursor | None,
    changes: bool,
    limit: int = PAGE,
) -> MergedPage:
    """Read a page of a timeline, with the contact's changes between the events or without them."""
    of = (connection, workspace_id, contact_id)
    if changes:
        return merged_page(*of, filters=filters, cursor=cursor, limit=limit)
    return of_events(timeline_page(*of, filters=filters, cursor=cursor, limit=limit))


def _around(key: tuple[Connection[Any], int, int], ask: ProfileAsk, opened: Event) -> MergedPage:
    """Read what stands around one event, whatever the filters are."""
    filters = Filters(without=ask.filters.without, occurred_before=ask.as_of and ask.filters.occurred_before)
    at = (opened.occurred_at, opened.log_offset)
    newer = read_timeline(*key, filters=filters, cursor=Cursor("newer", *at), changes=ask.changes, limit=AROUND)
    older = read_timeline(*key, filters=filters, cursor=Cursor("older", *at), changes=ask.changes, limit=PAGE - AROUND)
    return MergedPage([*newer.items, opened, *older.items], older.next_cursor, newer.prev_cursor)


def _bars(key: tuple[Connection[Any], int, int], ask: ProfileAsk) -> Histogram:
    last = (ask.as_of or ask.now).astimezone(ask.zone).date()
    first = datetime.combine(last - timedelta(days=DAYS - 1), time(), ask.zone)
    before = ask.as_of + timedelta(microseconds=1) if ask.as_of else ask.now + timedelta(days=1)
    bars = histogram(*key, occurred_from=first, occurred_before=before, time_zone=ask.zone.key, names=ask.filters.names)
    return replace(bars, days=[day for day in bars.days if day.name not in ask.filters.without])


def _as_it_was(contact: Contact, then: ContactThen, until: EventsUntil) -> Contact:
    return replace(
        contact,
        email=then.email,
        name=then.name,
        custom_data=then.custom_data,
        custom_data_changed_at=then.custom_data_changed_at,
        updated_at=then.updated_at,
        event_count=until.count,
        first_event_at=until.first_event_at,
        last_event_at=until.last_event_at,
    )


def position_of(connection: Connection[Any], workspace_id: int, contact_id: int) -> str | None:
    """Read from which place in the log a contact's tables are; None when there is none yet."""
    place = place_of_contact(connection, workspace_id, contact_id)
    return place.position.encode() if place and place.position else None
