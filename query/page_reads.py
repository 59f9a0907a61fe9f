"""What the pages read: each page in one transaction, so that all of it shows the same moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from query.contacts import Contact, ContactSummary, find_contact, recent_contacts, search_contacts
from query.cursors import Cursor
from query.deliveries import Copies, Counts, copies, rejection_counts, rejections_page
from query.deliveries import Filters as DeliveryFilters
from query.deliveries import Page as RejectionPage
from query.places import place_of_contact
from query.presentation.histogram import DAYS
from query.shown_names import seen_contact
from query.summary import Histogram, NameSummary, event_summary, histogram
from query.timeline import Event, Filters, Page, find_event, timeline_page
from query.workspaces import Workspace, find_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from zoneinfo import ZoneInfo

    from psycopg import Connection

    from query.catalogue import Catalogue, Catalogues
    from query.reading import Reading

PAGE: Final = 50
AROUND: Final = 10
LISTED: Final = 30
BEFORE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ProfileAsk:
    """What of a profile to show, for whom. Events of the names in `hidden` are not counted."""

    contact_id: int
    filters: Filters
    cursor: Cursor | None
    event_id: str | None
    zone: ZoneInfo
    now: datetime
    hidden: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """A profile: `opened` is the event asked for, when there is one of that id.

    `position` is the place in the log up to which it is told: from there on the live stream goes on, without a gap.
    """

    contact: Contact
    page: Page
    names: list[NameSummary]
    histogram: Histogram
    opened: Event | None
    position: str | None


@dataclass(frozen=True, slots=True)
class SidebarRead:
    """A sidebar: the newest events, and those of the seven days before the conversation."""

    contact: Contact
    newest: list[Event]
    before: list[Event]
    position: str | None


@dataclass(frozen=True, slots=True)
class DeliveriesRead:
    """What was refused in a range, and what was sent more than once."""

    page: RejectionPage
    counts: Counts
    copies: Copies


class PageReads(Protocol):
    """The reads behind the pages."""

    def workspace(self, workspace_id: int) -> Workspace | None:
        """Read a workspace's settings."""

    def as_of(self) -> datetime | None:
        """Tell up to when the timelines are complete; None when they are current."""

    def contacts(self, workspace_id: int, text: str) -> list[ContactSummary]:
        """Search, or without a text read those of whom something arrived last, newest event first."""

    def catalogue(self, workspace_id: int) -> Catalogue:
        """Tell what the workspace says about its event names, some seconds ago at most."""

    def contact(self, workspace_id: int, contact_id: int, without: Collection[str] = ()) -> Contact | None:
        """Read one contact; the events of the names in `without` are not counted."""

    def profile(self, workspace: Workspace, ask: ProfileAsk) -> ProfileRead | None:
        """Read a profile; None when the workspace has no such contact."""

    def timeline(self, workspace_id: int, contact_id: int, filters: Filters, cursor: Cursor | None) -> Page:
        """Read a page of a timeline."""

    def events(self, workspace_id: int, contact_id: int, ids: Sequence[str]) -> list[Event]:
        """Read the events of these ids that exist, newest first."""

    def sidebar(
        self, workspace_id: int, contact_id: int, started_at: datetime | None, without: Collection[str] = ()
    ) -> SidebarRead | None:
        """Read a sidebar without the events of some names; None when the workspace has no such contact."""

    def deliveries(
        self, workspace_id: int, filters: DeliveryFilters, cursor: Cursor | None, now: datetime
    ) -> DeliveriesRead:
        """Read a page of the delivery log, with its counts."""


class DatabasePageReads:
    """PageReads on the projection."""

    def __init__(self, reading: Reading, as_of: Callable[[], datetime | None], catalogues: Catalogues) -> None:
        self._reading = reading
        self.as_of = as_of
        self.catalogue = catalogues.of

    def workspace(self, workspace_id: int) -> Workspace | None:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            return find_workspace(connection, workspace_id)

    def contacts(self, workspace_id: int, text: str) -> list[ContactSummary]:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            if text:
                return search_contacts(connection, workspace_id, text, LISTED)
            recent = recent_contacts(connection, workspace_id, LISTED)
        never = datetime.min.replace(tzinfo=UTC)
        return sorted(recent, key=lambda contact: contact.last_event_at or never, reverse=True)

    def contact(self, workspace_id: int, contact_id: int, without: Collection[str] = ()) -> Contact | None:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            contact = find_contact(connection, workspace_id, contact_id)
            if contact is None or not without:
                return contact
            return seen_contact(contact, event_summary(connection, workspace_id, contact_id), without)

    def profile(self, workspace: Workspace, ask: ProfileAsk) -> ProfileRead | None:
        """See PageReads."""
        today = ask.now.astimezone(ask.zone).date()
        first = datetime.combine(today - timedelta(days=DAYS - 1), time(), ask.zone)
        with self._reading(workspace.id) as connection:
            contact = find_contact(connection, workspace.id, ask.contact_id)
            if contact is None:
                return None
            key = (connection, workspace.id, ask.contact_id)
            page = timeline_page(*key, filters=ask.filters, cursor=ask.cursor, limit=PAGE)
            opened = find_event(*key, ask.event_id) if ask.event_id else None
            if opened is not None and opened not in page.events:
                around = Filters(without=ask.filters.without)
                newer = timeline_page(*key, filters=around, cursor=cursor_at(opened, "newer"), limit=AROUND)
                older = timeline_page(*key, filters=around, cursor=cursor_at(opened, "older"), limit=PAGE - AROUND)
                page = Page([*newer.events, opened, *older.events], older.next_cursor, newer.prev_cursor)
            bars = histogram(
                *key,
                occurred_from=first,
                occurred_before=ask.now + timedelta(days=1),
                time_zone=ask.zone.key,
                names=ask.filters.names,
            )
            names, without = event_summary(*key), ask.filters.without
            bars = replace(bars, days=[day for day in bars.days if day.name not in without])
            contact = seen_contact(contact, names, ask.hidden)
            return ProfileRead(contact, page, names, bars, opened, _position(*key))

    def timeline(self, workspace_id: int, contact_id: int, filters: Filters, cursor: Cursor | None) -> Page:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            return timeline_page(connection, workspace_id, contact_id, filters=filters, cursor=cursor, limit=PAGE)

    def events(self, workspace_id: int, contact_id: int, ids: Sequence[str]) -> list[Event]:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            found = [find_event(connection, workspace_id, contact_id, event_id) for event_id in ids]
        events = [event for event in found if event is not None]
        return sorted(events, key=lambda event: (event.occurred_at, event.log_offset), reverse=True)

    def sidebar(
        self, workspace_id: int, contact_id: int, started_at: datetime | None, without: Collection[str] = ()
    ) -> SidebarRead | None:
        """See PageReads."""
        left_out = tuple(without)
        with self._reading(workspace_id) as connection:
            contact = find_contact(connection, workspace_id, contact_id)
            if contact is None:
                return None
            key = (connection, workspace_id, contact_id)
            if left_out:
                contact = seen_contact(contact, event_summary(*key), left_out)
            newest = timeline_page(*key, filters=Filters(without=left_out), limit=10).events
            before: list[Event] = []
            if started_at is not None:
                week = Filters(occurred_from=started_at - BEFORE, occurred_before=started_at, without=left_out)
                before = timeline_page(*key, filters=week, limit=200).events
            return SidebarRead(contact, newest, before, _position(*key))

    def deliveries(
        self, workspace_id: int, filters: DeliveryFilters, cursor: Cursor | None, now: datetime
    ) -> DeliveriesRead:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            return DeliveriesRead(
                rejections_page(connection, workspace_id, filters, cursor=cursor, limit=PAGE),
                rejection_counts(connection, workspace_id, filters.by_whole(now)),
                copies(connection, workspace_id, filters),
            )


def _position(connection: Connection[Any], workspace_id: int, contact_id: int) -> str | None:
    place = place_of_contact(connection, workspace_id, contact_id)
    return place.position.encode() if place and place.position else None


def cursor_at(event: Event, direction: str) -> Cursor:
    """Make the cursor that goes on from an event."""
    return Cursor("newer" if direction == "newer" else "older", event.occurred_at, event.log_offset)
