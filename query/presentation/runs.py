"""Rows under day headers, with runs of one name collapsed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from query.presentation.times import day_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime, tzinfo

COLLAPSE_FROM = 4


class HasMoment(Protocol):
    """What can stand in a timeline."""

    @property
    def name(self) -> str:
        """The event's name."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""


Row = TypeVar("Row", bound=HasMoment)


@dataclass(frozen=True, slots=True)
class Run(Generic[Row]):
    """Consecutive rows of one name on one day. One of fewer than four is shown as its rows."""

    rows: tuple[Row, ...]
    touches_end: bool = False

    @property
    def is_collapsed(self) -> bool:
        """Tell whether the rows stand behind one line."""
        return len(self.rows) >= COLLAPSE_FROM

    @property
    def count(self) -> str:
        """How many: `6`, or `6+` when the page ends within the run."""
        return f"{len(self.rows)}{'+' if self.touches_end else ''}"


@dataclass(frozen=True, slots=True)
class Day(Generic[Row]):
    """One day of the timeline, newest first."""

    date: date
    label: str
    runs: tuple[Run[Row], ...]


def by_day(
    rows: Sequence[Row], *, zone: tzinfo, today: date, has_more: bool, collapse: bool = True
) -> tuple[Day[Row], ...]:
    """Group rows (newest first) by day in the zone, and collapse repeats; `has_more`: older rows are not loaded."""
    days = []
    for day, of_day in groupby(rows, key=lambda row: row.occurred_at.astimezone(zone).date()):
        runs = tuple(_runs(list(of_day), rows[-1] if has_more else None, collapse=collapse))
        days.append(Day(day, day_label(day, today), runs))
    return tuple(days)


def _runs(rows: Sequence[Row], last: Row | None, *, collapse: bool) -> Iterable[Run[Row]]:
    for _, group in groupby(rows, key=lambda row: row.name):
        run = tuple(group)
        if not collapse:
            yield from (Run((row,)) for row in run)
        else:
            yield Run(run, touches_end=last is not None and run[-1] is last)
