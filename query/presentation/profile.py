"""The profile page's parts that depend on what was asked for: chips, links, and which events pass the filters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from query.presentation.names import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from query.presentation.view import View
    from query.shown_names import ShownName
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
    hidden: bool


def chips(names: Sequence[ShownName], view: View) -> tuple[tuple[Chip, ...], tuple[Chip, ...]]:
    """Give the five chips (those that are on first, then as the names stand), and all names for "More".

    Hidden names are no chips, unless they are on, and come last under "More".
    """
    every = sorted((_chip(name, view) for name in names), key=lambda chip: chip.hidden)
    first = sorted((chip for chip in every if chip.selected or not chip.hidden), key=lambda chip: not chip.selected)
    return tuple(first[:CHIPS]), tuple(every)


def _chip(name: ShownName, view: View) -> Chip:
    selected = name.name in view.filters.names
    others = tuple(other for other in view.filters.names if other != name.name)
    toggled = replace(view.filters, names=others if selected else (*others, name.name))
    href = replace(view, filters=toggled).address()
    return Chip(name.name, readable(name.name), name.count, href, selected, name.hidden)


def matches(event: Event, filters: Filters) -> bool:
    """Tell whether an event that has just arrived belongs into the list on the page, as the database would."""
    if filters.names and event.name not in filters.names:
        return False
    if event.name in filters.without:
        return False
    if filters.occurred_from is not None and event.occurred_at < filters.occurred_from:
        return False
    if filters.occurred_before is not None and event.occurred_at >= filters.occurred_before:
        return False
    return not filters.text or filters.text.lower() in f"{event.name} {event.properties}".lower()
