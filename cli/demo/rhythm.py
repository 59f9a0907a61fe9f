"""When people do things: on weekdays, in the hours of their own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random
    from zoneinfo import ZoneInfo

# How much happens at each hour of a working day: a morning peak, a dip at lunch, a tail in the evening.
_HOURS: Final = (0, 0, 0, 0, 0, 0, 1, 3, 9, 14, 15, 12, 6, 8, 12, 11, 8, 5, 3, 2, 3, 3, 1, 0)
_WEEKDAYS: Final = (10, 11, 10, 10, 8, 3, 2)  # from Monday


def chance(random: Random, probability: float) -> bool:
    """Toss a coin that falls on True with the given probability."""
    return random.random() < probability


def working_moment(random: Random, zone: ZoneInfo, after: datetime, days: float) -> datetime:
    """Pick a believable moment about `days` after another, at least a few minutes after it."""
    earliest = after + timedelta(days=max(0.0, random.expovariate(1 / days)) if days else 0)
    local = earliest.astimezone(zone)
    candidates = [local.date() + timedelta(days=offset) for offset in range(4)]
    day = random.choices(candidates, [_WEEKDAYS[day.weekday()] / (1 + place) for place, day in enumerate(candidates)])[
        0
    ]
    hour = random.choices(range(24), _HOURS)[0]
    chosen = datetime(
        day.year, day.month, day.day, hour, random.randrange(60), random.randrange(60), tzinfo=zone
    ).astimezone(UTC)
    if chosen <= after:  # the hour had already passed on that day
        chosen = after + timedelta(seconds=random.randrange(300, 7_200))
    return chosen
