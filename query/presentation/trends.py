"""How often something happened, week by week or day by day, as bars and in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from query.presentation.times import short_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

HEIGHT: Final = 20
_LOWEST: Final = 1.5


@dataclass(frozen=True, slots=True)
class TrendBar:
    """One span of days, in units of the drawing: `x` is its number, heights are out of 20."""

    x: int
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Bars, the oldest first, and what they say to somebody who does not see them."""

    bars: tuple[TrendBar, ...]
    slots: int
    first: str
    last: str
    summary: str


def trend(counts: Mapping[date, int], today: date, *, days: int, slots: int) -> Trend:
    """Draw the days up to today in `slots` bars of so many `days` each."""
    start = today - timedelta(days=days * slots - 1)
    sums = [0] * slots
    for day, count in counts.items():
        if start <= day <= today:
            sums[(day - start).days // days] += count
    scale = HEIGHT / max(*sums, 1)
    bars = tuple(
        TrendBar(slot, max(round(count * scale, 1), _LOWEST), _title(start, slot, days, count, today))
        for slot, count in enumerate(sums)
        if count
    )
    span = f"{slots} weeks" if days > 1 else f"{slots} days"
    lately = f"; {sums[-1]:,} in the last 7 days, {sums[-2]:,} in the 7 before" if days > 1 else ""
    summary = f"{sum(sums):,} in the last {span}{lately if any(sums) else ''}"
    return Trend(bars, slots, short_date(start, today), "Today", summary)


def _title(start: date, slot: int, days: int, count: int, today: date) -> str:
    first = start + timedelta(days=slot * days)
    text = short_date(first, today)
    if days > 1:
        text = f"{text} to {short_date(first + timedelta(days=days - 1), today)}"
    return f"{text}: {count:,} event{'' if count == 1 else 's'}"
