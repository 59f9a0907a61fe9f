"""Moments in the reader's words: clock times, day headers, how long ago. All in a given zone and for a given now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from query.time_zones import is_time_zone

if TYPE_CHECKING:
    from datetime import tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MONTH, _YEAR = 30.44 * _DAY, 365.25 * _DAY


def zone_named(*names: str | None) -> ZoneInfo:
    """Give the zone of the first name that is an IANA zone, UTC when none is. They come from cookies: not trusted."""
    return ZoneInfo(next((name for name in names if name and is_time_zone(name)), "UTC"))


def clock(moment: datetime, zone: tzinfo) -> str:
    """Write the time of day: `14:05`."""
    return f"{moment.astimezone(zone):%H:%M}"


def short_date(day: date, today: date) -> str:
    """Write a day: `24 Nov`, with its year when that is not this one."""
    text = f"{day.day} {_MONTHS[day.month - 1]}"
    return text if day.year == today.year else f"{text} {day.year}"


def long_date(day: date, today: date) -> str:
    """Write a day with its weekday: `Tue 24 Nov`."""
    return f"{_DAYS[day.weekday()]} {short_date(day, today)}"


def exact(moment: datetime, zone: tzinfo) -> str:
    """Write a moment to the second, or to the microsecond where it has a fraction: `24 Nov 2026, 14:05:09 CET`."""
    local = moment.astimezone(zone)
    fraction = f".{local.microsecond:06d}".rstrip("0") if local.microsecond else ""
    name = local.tzname() or ""
    zone_text = name if name[:1].isalpha() else f"UTC{name}"  # unnamed zones call themselves `+03`
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M:%S}{fraction} {zone_text}"


def day_label(day: date, today: date) -> str:
    """Write a day header: `Today · Tue 24 Nov`, `2 days ago · Sun 22 Nov`; from a week on `Tue 17 Nov`."""
    text = f"{_DAYS[day.weekday()]} {short_date(day, today)}"
    ago = (today - day).days
    named = {-1: "Tomorrow", 0: "Today", 1: "Yesterday"} | {days: f"{days} days ago" for days in range(2, 7)}
    return f"{named[ago]} · {text}" if ago in named else text


def _amount(seconds: float) -> tuple[int, str]:
    """Give a length of time in the largest unit that fits, rounded down, so that nothing seems older than it is."""
    for size, unit in ((_YEAR, "year"), (_MONTH, "month"), (_DAY, "day"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return int(seconds // size), unit
    return 0, "min"


def _short(seconds: float) -> str:
    count, unit = _amount(seconds)
    return f"{count} {unit}{'s' if count != 1 and unit not in {'h', 'min'} else ''}"


def relative(moment: datetime, now: datetime) -> str:
    """Tell how long ago: `just now`, `5 min ago`, `2 h ago`, `3 days ago`. A moment to come reads `in 3 h`."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < _MINUTE:
        return "just now"
    return f"{_short(seconds)} ago" if seconds > 0 else f"in {_short(-seconds)}"


def distance(moment: datetime, reference: datetime, zone: tzinfo) -> str:
    """Tell how long before the reference a moment was: `2 hours before`, `under a minute before`.

    Beyond a day the days of the calendar count, as in the day headers.
    """
    count, unit = _amount((reference - moment).total_seconds())
    if count == 0:
        return "under a minute before"
    if unit == "day":
        count = (reference.astimezone(zone).date() - moment.astimezone(zone).date()).days
    return f"{length(count, unit)} before"


def length(count: int, unit: str) -> str:
    """Write a count of a unit in full: `2 hours`."""
    unit = {"h": "hour", "min": "minute"}.get(unit, unit)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def lateness(occurred_at: datetime, received_at: datetime) -> str:
    """Tell how long an event took to arrive: `3 days`."""
    return length(*_amount((received_at - occurred_at).total_seconds()))


def microseconds(moment: datetime) -> int:
    """Give microseconds since 1970: exact in a JavaScript number until the year 2255."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
