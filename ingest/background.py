"""Work that no request waits for, done again and again by a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

STOP_SECONDS: Final = 5.0
"""How long stopping waits for work that is going on; the thread does not keep the process alive."""


class Background:
    """Does `work` once an interval (seconds), and at once when roused. The work deals with its own errors."""

    def __init__(self, name: str, interval: float, work: Callable[[], None]) -> None:
        self._interval = interval
        self._work = work
        self._roused = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the work is done first after one interval."""
        self._thread.start()

    def rouse(self) -> None:
        """Have the work done now."""
        self._roused.set()

    def stop(self) -> None:
        """End, after the work that is going on."""
        self._stopping = True
        self._roused.set()
        if self._thread.is_alive():
            self._thread.join(timeout=STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping:
            self._roused.wait(self._interval)
            self._roused.clear()
            if not self._stopping:
                self._work()
