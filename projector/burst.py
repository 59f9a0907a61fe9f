"""A limit on dead letters: when suddenly everything is invalid, the fault is more likely in this version."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from projector.errors import DeadLetterBurstError

if TYPE_CHECKING:
    from projector.batch import Counts

WINDOW: Final = 10_000
"""Records."""


class BurstLimit:
    """Stops at more than `limit` dead letters among the last 10,000 records; 0 means no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._batches: deque[tuple[int, int]] = deque()

    def check(self, counts: Counts) -> None:
        """Look at a batch's counts before it is committed; raise DeadLetterBurstError if it would pass the limit."""
        read = sum(count for (_, outcome), count in counts.items() if outcome == "read")
        dead = sum(count for (_, outcome), count in counts.items() if outcome == "dead_lettered")
        recent = dead + sum(count for _, count in self._batches)
        if self._limit and dead and recent > self._limit:
            raise DeadLetterBurstError(
                f"{recent} of {WINDOW} records could not be applied, more than DEAD_LETTER_LIMIT={self._limit}. "
                "Nothing of the last batch was written. If it is the records and not this version, start with a higher "
                "limit, and look at them with `contact-events dead-letters list`."
            )
        self._batches.append((read, dead))
        while sum(read for read, _ in self._batches) - self._batches[0][0] > WINDOW:
            self._batches.popleft()
