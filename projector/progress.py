"""Whether the projector moves: turns of its loop, records applied, lag. Quiet is not dead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from projector.batch import Counts

TURN_LIMIT: Final = 30.0
"""Seconds without a turn of the loop after which the process is not alive; a turn waits half a second for records."""

STALL_LIMIT: Final = 60.0
"""Seconds with lag and without a record applied after which something is stuck that looks busy."""


class Progress:
    """Written by the loop, read by the health server. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._turned_at = self._moved_at = clock()
        self._lag: dict[int, int | None] = {}
        self._trouble: str | None = "starting"

    def turned(self, counts: Counts | None, lag: Mapping[int, int | None]) -> None:
        """Note a turn of the loop."""
        with self._lock:
            now = self._clock()
            self._turned_at = now
            self._lag = dict(lag)
            self._trouble = None
            if counts or not any(self._lag.values()):
                self._moved_at = now

    def waiting(self, trouble: str) -> None:
        """Note that the loop lives but cannot work, and why."""
        with self._lock:
            self._turned_at = self._clock()
            self._trouble = trouble

    def lag(self) -> dict[int, int | None]:
        """Tell the records waiting in each owned partition, None where that is not known yet."""
        with self._lock:
            return dict(self._lag)

    def dead(self) -> str | None:
        """Say why the process should be restarted; None when all is well."""
        with self._lock:
            still = self._clock() - self._turned_at
            if still > TURN_LIMIT:
                return f"the loop has not turned for {still:.0f} s"
            stalled = self._clock() - self._moved_at
            if self._trouble is None and stalled > STALL_LIMIT:
                return f"records are waiting and none was applied for {stalled:.0f} s"
            return None

    def trouble(self) -> str | None:
        """Say why the job cannot be done at the moment; None when it can."""
        with self._lock:
            return self._trouble
