"""What a watcher of one contact gets: changes in log order, through a queue with a bound."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from query import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from query.contacts import Contact
    from query.timeline import Event
    from schemas.positions import Position

LONGEST_QUEUE: Final = 256
"""A watcher that reads more slowly than this is told to read its timeline again, instead of filling the memory."""


@dataclass(frozen=True)
class EventAdded:
    """An event came onto the timeline, at the place of its `occurred_at`."""

    position: Position
    event: Event
    kind: Literal["event"] = "event"


@dataclass(frozen=True)
class ContactChanged:
    """Profile or custom data changed."""

    position: Position
    contact: Contact
    kind: Literal["contact"] = "contact"


@dataclass(frozen=True)
class Reset:
    """More has changed than can be told one by one: read the timeline again."""

    position: Position | None
    kind: Literal["reset"] = "reset"


@dataclass(frozen=True)
class Reached:
    """All changes up to the position have been told; at `as_of` that was all there was."""

    position: Position | None
    as_of: datetime | None
    delayed: bool
    kind: Literal["position"] = "position"


Change: TypeAlias = EventAdded | ContactChanged | Reset | Reached


class Subscription:
    """One watcher's queue. `skip_to` is the first offset of its partition that it does not have yet.

    What is pushed before `begin` comes after the changes given there, so that the log's order holds.
    """

    def __init__(self, workspace_id: int, contact_id: int, log_partition: int, skip_to: int = 0) -> None:
        self.workspace_id = workspace_id
        self.contact_id = contact_id
        self.log_partition = log_partition
        self._skip_to = skip_to
        self._condition = threading.Condition()
        self._queue: deque[Change] = deque()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing will come any more."""
        return self._closed

    def begin(self, changes: Sequence[Change]) -> None:
        """Put what came before everything pushed so far."""
        with self._condition:
            self._queue.extendleft(reversed(changes))
            self._condition.notify()

    def push(self, change: Change) -> None:
        """Add a change; never waits."""
        with self._condition:
            if isinstance(change, EventAdded | ContactChanged) and change.position.offset < self._skip_to:
                return
            if len(self._queue) >= LONGEST_QUEUE:
                self._queue.clear()
                change = Reset(change.position)
            if isinstance(change, Reset):
                metrics.STREAM_RESETS.inc()
            self._queue.append(change)
            self._condition.notify()

    def take(self, seconds: float) -> list[Change]:
        """Give what has come; wait for it as long as `seconds`, then give nothing."""
        with self._condition:
            self._condition.wait_for(lambda: self._queue or self._closed, seconds)
            changes = list(self._queue)
            self._queue.clear()
            return changes

    def close(self) -> None:
        """Wake the watcher for the last time."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
