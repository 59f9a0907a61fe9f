from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from query.presentation.times import (
    clock,
    day_label,
    distance,
    exact,
    lateness,
    microseconds,
    relative,
    short_date,
    zone_named,
)

NOW = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=6, hours=23), "6 days ago"),
        (timedelta(days=30), "30 days ago"),
        (timedelta(days=31), "1 month ago"),
        (timedelta(days=364), "11 months ago"),
        (timedelta(days=366), "1 year ago"),
        (timedelta(days=800), "2 years ago"),
        (-timedelta(hours=3), "in 3 h"),
        (-timedelta(seconds=20), "just now"),
    ],
)
def test_how_long_ago(before: timedelta, said: str) -> None:
    assert relative(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=10), "under a minute before"),
        (timedelta(minutes=1), "1 minute before"),
        (timedelta(hours=2, minutes=50), "2 hours before"),
        (timedelta(hours=23), "23 hours before"),
        (timedelta(days=2, hours=23), "3 days before"),  # Saturday to Tuesday
        (timedelta(days=6), "6 days before"),
    ],
)
def test_how_long_before_a_conversation(before: timedelta, said: str) -> None:
    assert distance(NOW - before, NOW, BERLIN) == said


def test_day_headers() -> None:
    today = date(2026, 11, 24)
    assert day_label(today, today) == "Today · Tue 24 Nov"
    assert day_label(date(2026, 11, 23), today) == "Yesterday · Mon 23 Nov"
    assert day_label(date(2026, 11, 22), today) == "2 days ago · Sun 22 Nov"
    assert day_label(date(2026, 11, 18), today) == "6 days ago · Wed 18 Nov"
    assert day_label(date(2026, 11, 17), today) == "Tue 17 Nov"
    assert day_label(date(2025, 11, 20), today) == "Thu 20 Nov 2025"
    assert day_label(date(2026, 11, 25), today) == "Tomorrow · Wed 25 Nov"
    assert short_date(date(2025, 1, 2), today) == "2 Jan 2025"


def test_clock_times_are_the_readers() -> None:
    assert clock(NOW, BERLIN) == "14:20"
    assert exact(NOW, BERLIN) == "24 Nov 2026, 14:20:00 CET"
    assert exact(NOW + timedelta(milliseconds=250), ZoneInfo("Asia/Dubai")) == "24 Nov 2026, 17:20:00.25 UTC+04"


def test_summer_time_is_named() -> None:
    assert exact(datetime(2026, 7, 1, 10, tzinfo=UTC), BERLIN) == "1 Jul 2026, 12:00:00 CEST"


def test_lateness() -> None:
    assert lateness(NOW - timedelta(days=3, hours=2), NOW) == "3 days"


@pytest.mark.parametrize("name", [None, "", "Nowhere/Land", "../../etc/passwd", "America", "a\0b", "x" * 5000])
def test_a_zone_that_is_none_gives_way_to_the_next(name: str | None) -> None:
    assert zone_named(name, "Europe/Berlin") == BERLIN
    assert zone_named(name) == ZoneInfo("UTC")


def test_microseconds_are_exact() -> None:
    assert microseconds(datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) % 1_000_000 == 1
    assert microseconds(datetime(2200, 1, 1, tzinfo=UTC)) < 2**53
