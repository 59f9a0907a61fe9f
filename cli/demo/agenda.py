"""What will happen next in a simulated life. Clearing it means that none of it will."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from cli.demo.rhythm import working_moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from random import Random
    from zoneinfo import ZoneInfo


class Agenda:
    """`now` is the moment of the step being taken."""

    def __init__(self, random: Random, zone: ZoneInfo, start: datetime) -> None:
        self._random = random
        self._zone = zone
        self._steps: list[tuple[datetime, int, Callable[[], None]]] = []
        self._entries = 0
        self.now = start

    def after(self, delay: timedelta, step: Callable[[], None]) -> None:
        """Let something happen exactly `delay` from now."""
        self._enter(self.now + delay, step)

    def soon(self, days: float, step: Callable[[], None]) -> None:
        """Let something happen when people do things, about `days` from now."""
        self._enter(working_moment(self._random, self._zone, self.now, days), step)

    def clear(self) -> None:
        """Let nothing of it happen."""
        self._steps.clear()

    def run(self, end: datetime) -> None:
        """Let it all happen in order, up to the end."""
        while self._steps and self._steps[0][0] <= end:
            self.now, _, step = heapq.heappop(self._steps)
            step()

    def _enter(self, when: datetime, step: Callable[[], None]) -> None:
        self._entries += 1  # keeps steps of the same moment in the order in which they were entered
        heapq.heappush(self._steps, (when, self._entries, step))
