"""One event as the pages show it: a line, and what opens below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from query.catalogue import NOTHING_SAID, Catalogue
from query.presentation.sentences import Fact, sentence
from query.presentation.times import clock, distance, exact, lateness, microseconds, relative
from query.presentation.tones import Tone, tone_shown
from query.presentation.values import Budget, Value, is_incomplete, parse, typed, whole
from schemas.times import format_time

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from query.timeline import Event


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a page is made: in which zone, when, with which words for events, and as of which moment, if not now."""

    zone: ZoneInfo
    now: datetime
    catalogue: Catalogue = NOTHING_SAID
    pinned_custom_data: tuple[str, ...] = ()
    as_of: datetime | None = None

    @property
    def moment(self) -> datetime:
        """The moment that the page shows."""
        return self.as_of or self.now


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of a timeline. `order` is its place: newest first by its first part, then by its second.

    `name` is what the event is shown and counted as, `recorded_name` what it was sent as.
    """

    id: str
    contact_id: int
    name: str
    recorded_name: str
    title: str
    facts: tuple[Fact, ...]
    tone: Tone
    occurred_at: datetime
    iso: str
    clock: str
    exact: str
    ago: str
    received: str
    late_by: str | None
    order: tuple[int, int]
    properties: Value
    is_incomplete: bool
    pinned: bool = False


def event_row(event: Event, reader: Reader, *, full: bool = False) -> EventRow:
    """Make an event's row; `full`: with every property whole, else within a list's budget."""
    parsed: dict[str, Any] = parse(event.properties)
    shown, settings = reader.catalogue.shown(event.name), reader.catalogue.of(event.name)
    said = sentence(shown, parsed, settings.template)
    properties = typed(parsed, whole() if full else Budget())
    return EventRow(
        id=event.id,
        contact_id=event.contact_id,
        name=shown,
        recorded_name=event.name,
        title=said.title,
        facts=said.facts,
        tone=tone_shown(event.name, reader.catalogue),
        occurred_at=event.occurred_at,
        iso=format_time(event.occurred_at),
        clock=clock(event.occurred_at, reader.zone),
        exact=exact(event.occurred_at, reader.zone),
        ago=relative(event.occurred_at, reader.now),
        received=exact(event.received_at, reader.zone),
        late_by=lateness(event.occurred_at, event.received_at) if event.late else None,
        order=(microseconds(event.occurred_at), event.log_offset),
        properties=properties,
        is_incomplete=is_incomplete(properties),
        pinned=settings.pinned,
    )


@dataclass(frozen=True, slots=True)
class Preceding:
    """An event before a conversation, and how long before."""

    row: EventRow
    distance: str


def before_conversation(
    rows: tuple[EventRow, ...], started_at: datetime, zone: ZoneInfo, limit: int = 3
) -> tuple[Preceding, ...]:
    """Choose what an agent should know when a conversation begins: pinned names, then attention, then the newest.

    `rows`: those of the seven days before it, newest first. Of each name only the newest is taken, so that six retries
    of one charge leave room for something else.
    """
    newest_of_name: dict[str, EventRow] = {}
    for row in rows:
        if row.occurred_at <= started_at:
            newest_of_name.setdefault(row.name, row)
    chosen = sorted(newest_of_name.values(), key=lambda row: (not row.pinned, row.tone is not Tone.ATTENTION))[:limit]
    return tuple(Preceding(row, distance(row.occurred_at, started_at, zone)) for row in chosen)
