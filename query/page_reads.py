"""What the pages read: each page in one transaction, so that all of it shows the same moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from query.contact_filters import ContactFilter, FilteredPage, filtered_contacts, search_filtered_contacts
from query.contacts import Contact, find_contact, recent_contacts, search_contacts
from query.deliveries import Copies, Counts, copies, rejection_counts, rejections_page
from query.deliveries import Filters as DeliveryFilters
from query.deliveries import Page as RejectionPage
from query.event_names import NamesRead, read_names
from query.profile_reads import PAGE, position_of, read_profile, read_timeline
from query.shown_names import seen_contact, seen_summaries
from query.summary import event_summary
from query.timeline import Event, Filters, find_event, timeline_page
from query.trace import read_trace
from query.workspaces import Workspace, find_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import date

    from query.catalogue import Catalogue, Catalogues
    from query.contacts import ContactSummary
    from query.cursors import Cursor
    from query.history import NotCreatedYet
    from query.merged_page import MergedPage
    from query.profile_reads import ProfileAsk, ProfileRead
    from query.reading import Reading
    from query.trace import Trace

LISTED: Final = 30
BEFORE: Final = timedelta(days=7)


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

    def contacts(
        self, workspace_id: int, text: str, wanted: ContactFilter, cursor: Cursor | None = None
    ) -> FilteredPage:
        """Search, or filter, or without either read those of whom something arrived last, newest event first."""

    def catalogue(self, workspace_id: int) -> Catalogue:
        """Tell what the workspace says about its event names, some seconds ago at most."""

    def seen(
        self, workspace_id: int, contacts: Sequence[ContactSummary], without: Collection[str]
    ) -> list[ContactSummary]:
        """Give contacts of a list their newest event that is not of a name in `without`."""

    def contact(self, workspace_id: int, contact_id: int, without: Collection[str] = ()) -> Contact | None:
        """Read one contact; the events of the names in `without` are not counted."""

    def profile(self, workspace: Workspace, ask: ProfileAsk) -> ProfileRead | NotCreatedYet | None:
        """Read a profile; None when the workspace has no such contact."""

    def timeline(
        self, workspace_id: int, contact_id: int, filters: Filters, cursor: Cursor | None, *, changes: bool
    ) -> MergedPage:
        """Read a page of a timeline, with the contact's changes or without."""

    def trace(self, workspace_id: int, contact_id: int, event_id: str) -> tuple[Contact, Trace | None] | None:
        """Read an event's way; None when the workspace has no such contact. Raise EventErasedError."""

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

    def names(self, workspace_id: int, since: date, name: str | None = None) -> NamesRead:
        """Read the catalogue: all names with their days since one, or all names with days and properties of one."""


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

    def contacts(
        self, workspace_id: int, text: str, wanted: ContactFilter, cursor: Cursor | None = None
    ) -> FilteredPage:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            key = (connection, workspace_id)
            if wanted and not text:
                return filtered_contacts(*key, wanted, cursor=cursor, limit=LISTED)
            if wanted:
                return FilteredPage(search_filtered_contacts(*key, text, wanted, LISTED), None, None)
            if text:
                return FilteredPage(search_contacts(*key, text, LISTED), None, None)
            recent = recent_contacts(*key, LISTED)
        never = datetime.min.replace(tzinfo=UTC)
        recent.sort(key=lambda contact: contact.last_event_at or never, reverse=True)
        return FilteredPage(recent, None, None)

    def seen(
        self, workspace_id: int, contacts: Sequence[ContactSummary], without: Collection[str]
    ) -> list[ContactSummary]:
        """See PageReads."""
        if not without:
            return list(contacts)
        with self._reading(workspace_id) as connection:
            return seen_summaries(connection, workspace_id, contacts, without)

    def contact(self, workspace_id: int, contact_id: int, without: Collection[str] = ()) -> Contact | None:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            contact = find_contact(connection, workspace_id, contact_id)
            if contact is None or not without:
                return contact
            return seen_contact(contact, event_summary(connection, workspace_id, contact_id), without)

    def profile(self, workspace: Workspace, ask: ProfileAsk) -> ProfileRead | NotCreatedYet | None:
        """See PageReads."""
        with self._reading(workspace.id) as connection:
            return read_profile(connection, workspace.id, ask)

    def timeline(
        self, workspace_id: int, contact_id: int, filters: Filters, cursor: Cursor | None, *, changes: bool
    ) -> MergedPage:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            return read_timeline(connection, workspace_id, contact_id, filters=filters, cursor=cursor, changes=changes)

    def names(self, workspace_id: int, since: date, name: str | None = None) -> NamesRead:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            return read_names(connection, workspace_id, since, name)

    def trace(self, workspace_id: int, contact_id: int, event_id: str) -> tuple[Contact, Trace | None] | None:
        """See PageReads."""
        with self._reading(workspace_id) as connection:
            contact = find_contact(connection, workspace_id, contact_id)
            if contact is None:
                return None
            return contact, read_trace(connection, workspace_id, contact_id, event_id)

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
            return SidebarRead(contact, newest, before, position_of(*key))

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
