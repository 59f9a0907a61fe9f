"""What the home page's address asks for: a text, and what the contacts should be like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from query.contact_filters import PREFIX, ContactFilter, data_filter, recorded
from query.presentation.names import readable, readable_key
from query.presentation.times import short_date

if TYPE_CHECKING:
    from query.presentation.events import Reader


@dataclass(frozen=True, slots=True)
class FilterChip:
    """One thing that contacts have to fit; `href` asks for it no longer."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class ContactView:
    """`custom_data` has keys and values as they stand in the address. `since` is a day of the reader's zone."""

    text: str = ""
    custom_data: tuple[tuple[str, str], ...] = ()
    has_event: tuple[str, ...] = ()
    has_no_event: tuple[str, ...] = ()
    since: date | None = None

    @property
    def has_filters(self) -> bool:
        """Tell whether contacts have to fit anything but the text."""
        return bool(self.custom_data or self.has_event or self.has_no_event)

    def pairs(self, *without: str) -> list[tuple[str, str]]:
        """Give the address's parameters but for some: what a form has to carry along."""
        every = [("q", self.text)] if self.text else []
        every += [(f"{PREFIX}{key}", value) for key, value in self.custom_data]
        every += [("has_event", name) for name in self.has_event]
        every += [("has_no_event", name) for name in self.has_no_event]
        every += [("since", self.since.isoformat())] if self.since and (self.has_event or self.has_no_event) else []
        return [pair for pair in every if pair[0] not in without]

    def address(self, **further: str | None) -> str:
        """Write the page's address."""
        pairs = [*self.pairs(), *((key, value) for key, value in further.items() if value)]
        return f"/?{urlencode(pairs)}" if pairs else "/"

    def chosen(self, reader: Reader) -> ContactFilter:
        """Say it as the reads take it: in recorded names, and since the beginning of the day."""
        since = datetime.combine(self.since, time(), reader.zone) if self.since else None
        wanted = ContactFilter(
            tuple(data_filter(key, value) for key, value in self.custom_data),
            tuple((name,) for name in self.has_event),
            self.has_no_event,
            since,
        )
        return recorded(wanted, reader.catalogue)

    def chips(self, reader: Reader) -> tuple[FilterChip, ...]:
        """Give what contacts have to fit, each with the way to do without it."""
        today = reader.now.astimezone(reader.zone).date()
        since = f" since {short_date(self.since, today)}" if self.since else ""
        chips = [
            self._chip(f"{readable_key(key)}: {value}", custom_data=_without(self.custom_data, (key, value)))
            for key, value in self.custom_data
        ]
        chips += [
            self._chip(f"{readable(name)}{since}", has_event=_without(self.has_event, name)) for name in self.has_event
        ]
        chips += [
            self._chip(f"No {readable(name)}{since}", has_no_event=_without(self.has_no_event, name))
            for name in self.has_no_event
        ]
        return tuple(chips)

    def _chip(self, text: str, **left: Any) -> FilterChip:  # noqa: ANN401 - one of the fields
        return FilterChip(text, replace(self, **left).address())


def _without(items: tuple[Any, ...], item: Any) -> tuple[Any, ...]:  # noqa: ANN401 - of a field
    return tuple(other for other in items if other != item)
