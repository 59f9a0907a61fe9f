"""How many records to take at once: fewer after a batch that took too long, lest a slow database be a dead end."""

from __future__ import annotations


class BatchSize:
    """Between 1 and `most`; shared by the sessions of a process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.current = most

    def shrink(self) -> None:
        """Take a quarter: a batch was not written in time, or the connection was lost over it."""
        self.current = max(1, self.current // 4)

    def grow(self) -> None:
        """Take twice as many: a batch was written."""
        self.current = min(self._most, self.current * 2)
