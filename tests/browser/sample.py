"""A small workspace to look at: contacts worth a screenshot, kept in memory behind the pages' own interface."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from query.contacts import Contact, ContactSummary
from query.page_reads import PAGE, ProfileAsk, ProfileRead, SidebarRead, cursor_at
from query.presentation.profile import matches
from query.summary import DayCount, Histogram, NameSummary
from query.timeline import EVERYTHING, Event, Filters, Page
from query.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from query.cursors import Cursor

ONGOING, EMPTY, SINGLE, LONG, HEBREW, EMOJI, BUSY, HOSTILE = 17, 18, 19, 20, 21, 22, 23, 24
HOSTILE_TEXTS = (
    "<script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit = 1">',
    "'-window.hit--'",
    "<svg/onload=window.hit=1>",
    "javascript:window.hit=1",
    "{{ 7 * 7 }}${window.hit=1}",
    "</textarea></title></style><iframe srcdoc='<script>parent.hit=1</script>'>",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
)


@dataclass
class Life:
    """One contact with its events, newest first."""

    contact: Contact
    events: list[Event] = field(default_factory=list)


def _contact(contact_id: int, now: datetime, **given: Any) -> Contact:  # noqa: ANN401 - a contact's own fields
    changed = given.pop("changed", {})
    data = given.pop("custom_data", {})
    created = given.pop("created_at", now - timedelta(days=90))
    defaults: dict[str, Any] = {"email": None, "name": None, "external_id": f"shop_{contact_id}"}
    return Contact(
        id=contact_id,
        custom_data=json.dumps(data),
        custom_data_changed_at={key: changed.get(key, created) for key in data},
        created_at=created,
        updated_at=created,
        event_count=0,
        first_event_at=None,
        last_event_at=None,
        log_partition=0,
        **defaults | given,
    )


class Sample:
    """PageReads in memory. `now` is when the screenshots are taken; tests may add events and set `delayed_since`."""

    def __init__(self, now: datetime, *, empty: bool = False) -> None:
        self.now = now
        self.delayed_since: datetime | None = None
        self.name = "Harbor & Pine"
        self.time_zone = "Europe/Berlin"
        self.frame_ancestors: list[str] = []
        self.lives: dict[int, Life] = {}
        self._offset = 0
        if not empty:
            _fill(self)

    def add_contact(self, contact_id: int, **given: Any) -> None:  # noqa: ANN401 - a contact's own fields
        """Add a contact."""
        self.lives[contact_id] = Life(_contact(contact_id, self.now, **given))

    def add(
        self,
        contact_id: int,
        name: str,
        before: timedelta,
        properties: dict[str, Any] | None = None,
        *,
        late: timedelta = timedelta(),
        event_id: str | None = None,
    ) -> Event:
        """Add an event that happened so long ago."""
        self._offset += 1
        occurred_at = self.now - before
        text = json.dumps(properties or {}, ensure_ascii=False)
        received_at = occurred_at + late + timedelta(milliseconds=180)
        event_id = event_id or f"evt-{self._offset:06d}"
        event = Event(event_id, contact_id, name, occurred_at, received_at, text, 0, self._offset)
        life = self.lives[contact_id]
        life.events.append(event)
        life.events.sort(key=lambda other: (other.occurred_at, other.log_offset), reverse=True)
        life.contact = replace(
            life.contact,
            event_count=len(life.events),
            first_event_at=life.events[-1].occurred_at,
            last_event_at=life.events[0].occurred_at,
        )
        return event

    def workspace(self, workspace_id: int) -> Workspace | None:
        """See PageReads."""
        return Workspace(1, self.name, self.time_zone, self.frame_ancestors) if workspace_id == 1 else None

    def as_of(self) -> datetime | None:
        """See PageReads."""
        return self.delayed_since

    def contacts(self, workspace_id: int, text: str) -> list[ContactSummary]:
        """See PageReads."""
        del workspace_id
        found = []
        for life in self.lives.values():
            contact, newest = life.contact, next(iter(life.events), None)
            known = f"{contact.name} {contact.email} {contact.external_id} {contact.id}".lower()
            if all(word in known for word in text.lower().split()):
                found.append(
                    ContactSummary(
                        contact.id,
                        contact.external_id,
                        contact.email,
                        contact.name,
                        newest.name if newest else None,
                        newest.occurred_at if newest else None,
                    )
                )
        oldest = datetime(2000, 1, 1, tzinfo=UTC)
        return sorted(found, key=lambda line: line.last_event_at or oldest, reverse=True)

    def contact(self, workspace_id: int, contact_id: int) -> Contact | None:
        """See PageReads."""
        del workspace_id
        life = self.lives.get(contact_id)
        return life.contact if life else None

    def profile(self, workspace: Workspace, ask: ProfileAsk) -> ProfileRead | None:
        """See PageReads."""
        life = self.lives.get(ask.contact_id)
        if life is None:
            return None
        page = self.timeline(workspace.id, ask.contact_id, ask.filters, ask.cursor)
        opened = next((event for event in life.events if event.id == ask.event_id), None)
        if opened is not None and opened not in page.events:
            older = self.timeline(workspace.id, ask.contact_id, EVERYTHING, cursor_at(opened, "older"))
            newer = self.timeline(workspace.id, ask.contact_id, EVERYTHING, cursor_at(opened, "newer"))
            page = Page([*newer.events[-10:], opened, *older.events], older.next_cursor, cursor_at(opened, "newer"))
        return ProfileRead(
            life.contact, page, _names(life.events), Histogram(_days(life.events, ask), None), opened, None
        )

    def timeline(self, workspace_id: int, contact_id: int, filters: Filters, cursor: Cursor | None) -> Page:
        """See PageReads."""
        del workspace_id
        events = [event for event in self.lives[contact_id].events if matches(event, filters)]
        if cursor and cursor.direction == "newer":
            newer = [e for e in events if (e.occurred_at, e.log_offset) > (cursor.occurred_at, cursor.log_offset)]
            return Page(newer[-PAGE:], None, None)
        if cursor:
            events = [e for e in events if (e.occurred_at, e.log_offset) < (cursor.occurred_at, cursor.log_offset)]
        page = events[:PAGE]
        following = cursor_at(page[-1], "older") if len(events) > PAGE else None
        return Page(page, following, cursor_at(page[0], "newer") if cursor and page else None)

    def events(self, workspace_id: int, contact_id: int, ids: Sequence[str]) -> list[Event]:
        """See PageReads."""
        del workspace_id
        return [event for event in self.lives[contact_id].events if event.id in ids]

    def sidebar(self, workspace_id: int, contact_id: int, started_at: datetime | None) -> SidebarRead | None:
        """See PageReads."""
        del workspace_id
        life = self.lives.get(contact_id)
        if life is None:
            return None
        week = timedelta(days=7)
        before = [e for e in life.events if started_at and started_at - week <= e.occurred_at < started_at]
        return SidebarRead(life.contact, life.events[:10], before, None)


def _names(events: Sequence[Event]) -> list[NameSummary]:
    names: dict[str, list[datetime]] = {}
    for event in events:
        names.setdefault(event.name, []).append(event.occurred_at)
    summaries = [NameSummary(name, len(at), min(at), max(at)) for name, at in names.items()]
    return sorted(summaries, key=lambda summary: (-summary.count, summary.name))


def _days(events: Sequence[Event], ask: ProfileAsk) -> list[DayCount]:
    counts: dict[tuple[Any, str], int] = {}
    for event in events:
        if not ask.filters.names or event.name in ask.filters.names:
            key = (event.occurred_at.astimezone(ask.zone).date(), event.name)
            counts[key] = counts.get(key, 0) + 1
    return [DayCount(day, name, count) for (day, name), count in counts.items()]


def _fill(sample: Sample) -> None:
    _ongoing(sample)
    _edges(sample)
    others = (
        (31, "Jonas Meyer", "jonas@velo-meyer.example", "plan_upgraded", 0.6),
        (32, "Priya Raghunathan", "priya@chaiandco.example", "trial_ended", 1.5),
        (33, "Tom Okafor", "tom@okafor-books.example", "order_synced", 3),
        (34, "Camille Laurent", "camille@atelier-laurent.example", "feature_enabled", 5),
        (35, "Harbor & Pine Wholesale", "wholesale@harborandpine.example", "invoice_paid", 26),
        (36, "Lucía Fernández", "lucia@flores.example", "shop_uninstalled", 49),
        (37, "Mikkel Sørensen", "mikkel@nordlys.example", "plan_downgraded", 75),
    )
    for contact_id, name, email, event, hours in others:
        sample.add_contact(contact_id, name=name, email=email)
        sample.add(contact_id, event, timedelta(hours=hours))


def _ongoing(sample: Sample) -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)
    sample.add_contact(
        ONGOING,
        name="Amelia Fischer",
        email="amelia@harborandpine.example",
        external_id="shop_8842",
        custom_data={
            "plan": "pro",
            "mrr": 79,
            "order_count": 1482,
            "billing_status": "past due",
            "store_url": "harborandpine.example",
            "country": "DE",
            "features": ["bundles", "wholesale", "pos"],
            "owner": {"name": "Amelia Fischer", "locale": "de-DE"},
            "beta": True,
            "coupon": None,
        },
        changed={
            "plan": sample.now - 2 * day,
            "mrr": sample.now - 2 * day,
            "order_count": sample.now - 1 * hour,
            "billing_status": sample.now - 2 * hour,
        },
    )
    add = sample.add
    add(ONGOING, "order_synced", 0.4 * hour, {"order": "#20931", "total": 129.5, "currency": "EUR", "items": 3})
    add(
        ONGOING,
        "charge_failed",
        2.2 * hour,
        {
            "amount": 79.00,
            "currency": "EUR",
            "reason": "card_declined",
            "attempt": 2,
            "card": {"brand": "visa", "last4": "4242"},
        },
    )
    add(ONGOING, "support_article_viewed", 2.6 * hour, {"title": "Why was my card declined?"})
    for index, name in enumerate(["bundles", "wholesale", "pos", "subscriptions", "gift_cards", "returns"]):
        add(ONGOING, "feature_enabled", 1 * day + (2 + index * 0.11) * hour, {"feature": name, "enabled_by": "amelia"})
    add(
        ONGOING,
        "charge_failed",
        1 * day + 4 * hour,
        {"amount": 79.00, "currency": "EUR", "reason": "card_declined", "attempt": 1},
    )
    add(ONGOING, "plan_upgraded", 2 * day, {"from_plan": "starter", "to_plan": "pro", "mrr_delta": 50, "annual": False})
    add(
        ONGOING,
        "seat_added",
        2 * day + 3 * hour,
        {"from_seats": 3, "to_seats": 5, "invited": ["jo@harborandpine.example", "max@harborandpine.example"]},
    )
    add(ONGOING, "invoice_paid", 6 * day, {"total": 29.00, "currency": "EUR", "invoice": "INV-2211"}, late=3 * day)
    add(ONGOING, "trial_ended", 60 * day, {"converted": True})
    add(ONGOING, "plan_upgraded", 60 * day - 2 * hour, {"from_plan": "trial", "to_plan": "starter", "mrr_delta": 29})
    add(ONGOING, "trial_started", 74 * day, {"days": 14})
    add(ONGOING, "shop_installed", 74 * day + 0.2 * hour, {"source": "app_store", "theme": "Dawn"})
    chance = random.Random(7)
    for index in range(96):
        before = day * chance.uniform(3, 73)
        name = chance.choices(
            ["order_synced", "login", "product_published", "charge_succeeded", "import_failed"], [40, 20, 14, 6, 3]
        )[0]
        by_name: dict[str, dict[str, Any]] = {
            "order_synced": {
                "order": f"#{20930 - index}",
                "total": round(chance.uniform(12, 320), 2),
                "currency": "EUR",
            },
            "login": {"device": chance.choice(["iPhone", "Chrome on Mac"])},
            "product_published": {"product": chance.choice(["Linen apron", "Oak board", "Wool throw", "Tea towel"])},
            "charge_succeeded": {"amount": 29.0, "currency": "EUR"},
            "import_failed": {"rows": 412, "error": "Column “SKU” is missing in line 1"},
        }
        add(ONGOING, name, before, by_name[name])


def _edges(sample: Sample) -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)
    sample.add_contact(EMPTY, name="Noor Haddad", email="noor@haddad.example", created_at=sample.now - 0.3 * hour)
    sample.add_contact(SINGLE, external_id="cus_QJ2m0x", custom_data={"plan": "free"})
    sample.add(SINGLE, "shop_installed", 9 * day, {"source": "app_store"})
    long_key = "a_property_with_a_very_long_name_that_nobody_should_have_chosen_but_somebody_did"
    sample.add_contact(
        LONG,
        name="Wolfeschlegelsteinhausenbergerdorff " * 3,
        email=f"{'long' * 20}@example.com",
        external_id="x" * 120,
        custom_data={
            long_key: "v" * 300,
            "notes": "First line\nSecond line\nThird line\nFourth line\nFifth line",
            "n": 12345678901234567890123456789,
        },
    )
    sample.add(
        LONG,
        "note_added",
        3 * hour,
        {"text": "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 900, long_key: 1.0},
    )
    sample.add(LONG, "n" * 128, 4 * hour, {"unbroken": "u" * 900, "many": {f"key_{n}": n for n in range(120)}})
    sample.add(
        LONG,
        "deep",
        5 * hour,
        {"a": {"b": {"c": {"d": [1, [2, [3, {"e": None}]]]}}}, "blank": "", "none": None, "list": [], "yes": True},
    )
    sample.add_contact(
        HEBREW,
        name="נועה בן־דוד",
        email="noa@example.co.il",
        external_id="חנות-12",
        custom_data={"תוכנית": "מקצועית", "plan": "مجاني", "city": "תל אביב (Tel Aviv)"},
    )
    sample.add(HEBREW, "תוכנית_שודרגה", hour, {"from_תוכנית": "חינם", "to_תוכנית": "מקצועית", "סכום": 49.90})
    sample.add(
        HEBREW, "plan_upgraded", 2 * hour, {"from_plan": "مجاني", "to_plan": "المحترف", "comment": "שלום, world! 123"}
    )
    sample.add_contact(
        EMOJI, name="🌻 Sunny & Co ☀️", email="hi@sunny.example", custom_data={"mood": "👩‍👩‍👧‍👦 great 🎉", "flag": "🇩🇪"}
    )
    sample.add(EMOJI, "🎉_party_started", hour, {"guests": "👩🏽‍🚀👨‍🍳", "theme": "🌈 rainbow", "cake": "🍰🍰🍰"})
    sample.add_contact(BUSY, name="Batch Import GmbH", email="ops@batch.example", custom_data={"plan": "scale"})
    for index in range(700):
        name = ["order_synced"] * 12 + ["stock_updated"] * 7 + ["sync_failed"] * 2 + ["login"]
        sample.add(BUSY, name[index % 22], timedelta(minutes=20 * index + 5), {"batch": index, "items": index % 9})
    sample.add_contact(
        HOSTILE,
        name=HOSTILE_TEXTS[0],
        email=HOSTILE_TEXTS[1],
        external_id=HOSTILE_TEXTS[2],
        custom_data={text: text for text in HOSTILE_TEXTS},
    )
    for index, text in enumerate(HOSTILE_TEXTS):
        sample.add(
            HOSTILE, text, hour * (index + 1), {text: text, "nested": {text: [text]}, "from_x": text, "to_x": text}
        )
