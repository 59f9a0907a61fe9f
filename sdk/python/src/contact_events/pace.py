"""How long to wait before sending again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST: Final = 0.5
LONGEST: Final = 30.0
LONGEST_ASKED: Final = 300.0
"""Seconds. A server may ask for more patience than `LONGEST`, but not for any amount."""


class Pace:
    """Doubles the wait with each failure in a row, and takes a random part of it, so that many clients part ways."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._failures = 0

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures = 0

    def failed(self, asked: float | None = None) -> float:
        """Give the seconds to wait. `asked` is what the server asked for: the wait is never shorter than that."""
        ceiling = min(FIRST * 2.0**self._failures, LONGEST)
        self._failures = min(self._failures + 1, 16)
        wait = ceiling * (0.5 + self._chance() / 2)
        if asked is None:
            return wait
        return max(wait, min(asked, LONGEST_ASKED) * (1 + self._chance() / 4))


def read_retry_after(text: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Read a Retry-After header (RFC 9110): seconds, or a date. None when there is none that can be read."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now().timestamp(), 0.0)
