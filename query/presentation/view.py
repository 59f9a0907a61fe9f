"""What a profile's address asks for: which events, of which days, with changes between them, and as of when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from query.presentation.times import clock, long_date, short_date
from query.timeline import EVERYTHING, Filters
from schemas.times import format_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from query.presentation.events import Reader

_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class View:
    """`filters` has names and text as they stand in the address. `since` and `until` are days, both included."""

    contact_id: int
    filters: Filters = EVERYTHING
    since: date | None = None
    until: date | None = None
    changes: bool = False
    as_of: datetime | None = None

    @property
    def has_filters(self) -> bool:
        """Tell whether anything is left out by choice."""
        return bool(self.filters.names or self.filters.text or self.since or self.until)

    def pairs(self, *without: str) -> list[tuple[str, str]]:
        """Give the address's parameters but for some: what a form has to carry along."""
        every = [("name", name) for name in self.filters.names]
        every += [("q", self.filters.text)] if self.filters.text else []
        every += [("since", self.since.isoformat())] if self.since else []
        every += [("until", self.until.isoformat())] if self.until else []
        every += [("changes", "1")] if self.changes else []
        every += [("as_of", format_time(self.as_of))] if self.as_of else []
        return [pair for pair in every if pair[0] not in without]

    def query(self, **further: str | None) -> str:
        """Write it as a query string, `?` included; empty when there is nothing to say."""
        pairs = [*self.pairs(), *((key, value) for key, value in further.items() if value)]
        return f"?{urlencode(pairs)}" if pairs else ""

    def address(self, *, under: str = "", **further: str | None) -> str:
        """Write the profile's address, or that of something under it."""
        return f"/contacts/{self.contact_id}{under}{self.query(**further)}"

    def of_days(self, since: date | None, until: date | None) -> View:
        """Give the same of other days."""
        return replace(self, since=since, until=until)

    def toggled(self) -> View:
        """Give the same with changes shown, or not."""
        return replace(self, changes=not self.changes)

    def now(self) -> View:
        """Give the same as of now."""
        return replace(self, as_of=None)

    def cleared(self) -> View:
        """Give the same with nothing left out."""
        return View(self.contact_id, changes=self.changes, as_of=self.as_of)

    def export_address(self, zone: ZoneInfo) -> str:
        """Write the address of the same events as CSV."""
        bounds = self.in_range(EVERYTHING, zone)
        pairs = [("format", "csv"), ("time_zone", zone.key), *(("name", name) for name in self.filters.names)]
        pairs += [("text", self.filters.text)] if self.filters.text else []
        pairs += [("from", format_time(bounds.occurred_from))] if bounds.occurred_from else []
        pairs += [("before", format_time(bounds.occurred_before))] if bounds.occurred_before else []
        return f"/api/v1/contacts/{self.contact_id}/event-export?{urlencode(pairs)}"

    def in_range(self, filters: Filters, zone: ZoneInfo) -> Filters:
        """Bound filters by the days, as the zone has them, and by the moment as of which the page is."""
        start = datetime.combine(self.since, time(), zone) if self.since else None
        end = datetime.combine(self.until + _DAY, time(), zone) if self.until else None
        ends = [end] if end else []
        ends += [self.as_of + _INSTANT] if self.as_of else []
        return replace(filters, occurred_from=start, occurred_before=min(ends, default=None))


def range_text(view: View, reader: Reader) -> str | None:
    """Write the days chosen: `12 Nov`, `3` to `9 Nov`, `since 3 Nov`; None when all are shown."""
    today = reader.now.astimezone(reader.zone).date()
    since, until = (short_date(day, today) if day else None for day in (view.since, view.until))
    if since and until:
        same_month = view.since and view.until and view.since.replace(day=1) == view.until.replace(day=1)
        first = since.partition(" ")[0] if same_month else since
        return since if since == until else f"{first} \N{EN DASH} {until}"
    return f"since {since}" if since else until and f"until {until}"


def as_of_text(view: View, reader: Reader) -> str | None:
    """Write the moment of the page: `Thu 12 Nov, 14:05`."""
    if view.as_of is None:
        return None
    today = reader.now.astimezone(reader.zone).date()
    return f"{long_date(view.as_of.astimezone(reader.zone).date(), today)}, {clock(view.as_of, reader.zone)}"
