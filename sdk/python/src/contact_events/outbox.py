"""Where events wait between `track` and the server's answer.

`put` is called by the app's threads, everything else by the sender alone. Room is counted by two numbers: what came in,
changed under a lock that only `put` and `refuse` take, and what is settled, changed by the sender alone. So the app
never waits for the sender.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from contact_events.errors import ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contact_events.outcomes import DeliveryCallback


@dataclass(slots=True)  # not frozen: that would triple the time that making one takes
class Entry:
    """An event that waits. `line` is its JSON; `place` is known to the outbox that it came from."""

    event_id: str
    line: bytes
    callback: DeliveryCallback | None = None
    place: object = None


class Outbox(Protocol):
    """What the sender takes from."""

    durable: bool
    """Whether what waits here is still there after the process is gone."""

    def put(self, event_id: str, line: bytes, callback: DeliveryCallback | None) -> bool:
        """Take an event; False when there is no room. Raises ClientClosedError or SpoolError."""

    def has_room(self, size: int) -> bool:
        """Tell whether an event of so many bytes would be taken."""

    def waiting(self) -> bool:
        """Tell whether there is an event that was not taken out yet."""

    def many(self, count: int, size: int) -> bool:
        """Tell whether so many events, or so many bytes, wait to be taken out: about, not exactly."""

    def unsettled(self) -> int:
        """Count what was put in here and is not settled yet; what a dead process left, once it is read."""

    def take(self, count: int, size: int) -> list[Entry]:
        """Take out the oldest, at most so many and (but for a single one) so many bytes."""

    def settle(self, entries: Sequence[Entry]) -> None:
        """Forget entries whose fate is known."""

    def adopt(self) -> None:
        """Take over what dead processes left."""

    def refuse(self) -> None:
        """Take nothing any more: `put` raises from now on."""

    def close(self) -> list[Entry]:
        """Let go of everything; give what was put in and never taken out."""

    def abandon(self) -> None:
        """Close handles and leave all else alone: in a forked child everything is still the parent's."""


class MemoryOutbox:
    """Keeps events in memory, up to a number of events and bytes."""

    durable = False

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._put_lock = threading.RLock()  # a signal handler may come in between and use the client
        self._closed = False
        self._events_in = self._bytes_in = 0
        self._events_settled = self._bytes_settled = 0
        self._bytes_taken = 0

    def put(self, event_id: str, line: bytes, callback: DeliveryCallback | None) -> bool:
        """Take an event; False when there is no room."""
        entry, size = Entry(event_id, line, callback), len(line)
        with self._put_lock:
            if self._closed:
                raise ClientClosedError("the client was closed")
            if not self.has_room(size):
                return False
            self._entries.append(entry)
            self._events_in += 1
            self._bytes_in += size  # no call in here, so no signal handler either
        return True

    def has_room(self, size: int) -> bool:
        """Tell whether an event of so many bytes would be taken."""
        return (
            self._events_in - self._events_settled < self._max_events
            and self._bytes_in - self._bytes_settled + size <= self._max_bytes
        )

    def waiting(self) -> bool:
        """Tell whether there is an event that was not taken out yet."""
        return bool(self._entries)

    def many(self, count: int, size: int) -> bool:
        """Tell whether so many wait."""
        return len(self._entries) >= count or self._bytes_in - self._bytes_taken >= size

    def unsettled(self) -> int:
        """Count what is not settled."""
        return self._events_in - self._events_settled

    def take(self, count: int, size: int) -> list[Entry]:
        """Take out the oldest."""
        taken: list[Entry] = []
        while self._entries and len(taken) < count:
            length = len(self._entries[0].line)
            if taken and length > size:
                break
            size -= length
            self._bytes_taken += length
            taken.append(self._entries.popleft())
        return taken

    def settle(self, entries: Sequence[Entry]) -> None:
        """Forget these."""
        self._bytes_settled += sum(len(entry.line) for entry in entries)
        self._events_settled += len(entries)

    def adopt(self) -> None:
        """Nothing outlives a process here."""

    def refuse(self) -> None:
        """Take nothing any more."""
        with self._put_lock:
            self._closed = True

    def close(self) -> list[Entry]:
        """Give what was never taken out."""
        self.refuse()
        left = list(self._entries)
        self._entries.clear()
        return left

    def abandon(self) -> None:
        """There are no handles."""
