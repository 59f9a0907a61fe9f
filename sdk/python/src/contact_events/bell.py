"""Waking a thread."""

from __future__ import annotations

import threading
from contextlib import suppress


class Bell:
    """Wakes the one thread that waits. A ring that was heard is over.

    Unlike `threading.Event` it may be rung by a signal handler that has interrupted another ring: there is no step in
    it at which that would wait for itself.
    """

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        """Wake the thread, now or when it next waits."""
        if self._silent.locked():
            with suppress(RuntimeError):  # another thread rang in this very moment
                self._silent.release()

    @property
    def rung(self) -> bool:
        """Whether it was rung and not heard yet."""
        return not self._silent.locked()

    def clear(self) -> None:
        """Forget a ring."""
        self._silent.acquire(blocking=False)

    def wait(self, seconds: float) -> None:
        """Wait for a ring."""
        self._silent.acquire(timeout=max(seconds, 0.0))
