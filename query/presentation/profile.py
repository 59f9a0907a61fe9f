"""The profile page's parts that depend on what was asked for: chips, links, and which events pass the filters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from query.presentation.names import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from query.summary import NameSummary
    from query.timeline import Event, Filters

CHIPS: Final = 5


@dataclass(frozen=True, slots=True)
class Chip:
    """An event name to filter by; `href` turns it on, or off where it is on."""

    name: str
    title: str
    count: int
    href: str
    selected: bool


def query_string(filters: Filters, **further: str | None) -> str:
    """Write filters as a query string, `?` included; empty when there is nothing to say."""
    pairs = [("name", name) for name in filters.names]
    pairs += [("q", filters.text)] if filters.text else []
    pairs += [(key, value) for key, value in further.items() if value]
    return f"?{urlencode(pairs)}" if pairs else ""


def chips(names: Sequence[NameSummary], filters: Filters, contact_id: int) -> tuple[tuple[Chip, ...], tuple[Chip, ...]]:
    """Give the five chips (those that are on first, then the most frequent), and all names for "More"."""
    every = [_chip(summary, filters, contact_id) for summary in names]
    first = sorted(every, key=lambda chip: not chip.selected)[:CHIPS]
    return tuple(first), tuple(every)


def _chip(summary: NameSummary, filters: Filters, contact_id: int) -> Chip:
    selected = summary.name in filters.names
    others = tuple(name for name in filters.names if name != summary.name)
    toggled = replace(filters, names=others if selected else (*others, summary.name))
    href = f"/contacts/{contact_id}{query_string(toggled)}"
    return Chip(summary.name, readable(summary.name), summary.count, href, selected)


def matches(event: Event, filters: Filters) -> bool:
    """Tell whether an event that has just arrived belongs into the list on the page, as the database would."""
    if filters.names and event.name not in filters.names:
        return False
    return not filters.text or filters.text.lower() in f"{event.name} {event.properties}".lower()
