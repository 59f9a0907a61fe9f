"""IANA time zones by name."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())  # walks through hundreds of files, so once a process


def is_time_zone(name: str) -> bool:
    """Tell whether it is the name of a zone such as Europe/Berlin."""
    return name in _names()
