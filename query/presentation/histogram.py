"""Events by day as bars: how many, and how many of them ask for attention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from query.presentation.times import short_date
from query.presentation.tones import Tone, tone_shown

if TYPE_CHECKING:
    from query.presentation.events import Reader
    from query.presentation.view import View
    from query.summary import Histogram

HEIGHT: Final = 40
DAYS: Final = 90
SMALLEST_TOP: Final = 4
"""So many events fill the height at least: one lone event is not drawn like a flood."""

_LOWEST: Final = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, in units of the drawing: x is the day's number, heights are out of 40. `href` shows that day alone."""

    x: int
    day: str
    href: str
    height: float
    attention_height: float
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The bars of the last days, and the words at both ends. `chosen` are first day and width of the days chosen."""

    bars: tuple[Bar, ...]
    days: int
    start: str
    first: str
    last: str
    summary: str
    chosen: tuple[int, int] | None


def draw(histogram: Histogram, reader: Reader, view: View, days: int = DAYS) -> Drawing | None:
    """Draw the last days, up to the page's moment; None where there is nothing to draw."""
    today = reader.now.astimezone(reader.zone).date()
    end = reader.moment.astimezone(reader.zone).date()
    start = end - timedelta(days=days - 1)
    total: dict[date, int] = {}
    attention: dict[date, int] = {}
    for day in histogram.days:
        if start <= day.day <= end:
            total[day.day] = total.get(day.day, 0) + day.count
            if tone_shown(day.name, reader.catalogue) is Tone.ATTENTION:
                attention[day.day] = attention.get(day.day, 0) + day.count
    if not total:
        return None
    scale = HEIGHT / max(*total.values(), SMALLEST_TOP)
    bars = tuple(
        Bar(
            (day - start).days,
            day.isoformat(),
            view.of_days(day, day).address(),
            _height(count * scale),
            _height(attention[day] * scale) if day in attention else 0.0,
            _title(day, count, attention.get(day, 0), today),
        )
        for day, count in sorted(total.items())
    )
    asking = f", {sum(attention.values()):,} of them need attention" if attention else ""
    span = f"last {days} days" if end == today else f"{days} days up to {short_date(end, today)}"
    summary = f"Events by day in the {span}: {sum(total.values()):,}{asking}"
    first = short_date(start, today)
    if histogram.counted_back_to is not None:
        first += f" · counted from {short_date(histogram.counted_back_to.astimezone(reader.zone).date(), today)}"
    last = "Today" if end == today else short_date(end, today)
    return Drawing(bars, days, start.isoformat(), first, last, summary, _chosen(view, start, end))


def _chosen(view: View, start: date, end: date) -> tuple[int, int] | None:
    if view.since is None and view.until is None:
        return None
    first, last = max(view.since or start, start), min(view.until or end, end)
    return ((first - start).days, (last - first).days + 1) if first <= last else None


def _height(height: float) -> float:
    return max(round(height, 1), _LOWEST)  # a day with one event among thousands is still seen


def _title(day: date, count: int, attention: int, today: date) -> str:
    text = f"{short_date(day, today)}: {count:,} event{'' if count == 1 else 's'}"
    return f"{text}, {attention:,} need attention" if attention else text
