"""The background thread: waits until there is something to send, and lets the courier send it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from contact_events.bell import Bell
from contact_events.courier import HURRIED_SECONDS
from contact_events.outcomes import Undelivered

if TYPE_CHECKING:
    from collections.abc import Callable

    from contact_events.courier import Courier, Limits
    from contact_events.outbox import Outbox

log = logging.getLogger("contact_events")

ADOPT_SECONDS: Final = 60.0
"""How often to look whether another process has died and left something to send."""


class Sender:
    """Empties an outbox, by way of a courier, in a thread of its own."""

    def __init__(
        self,
        outbox: Outbox,
        courier: Courier,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        adopt_seconds: float = ADOPT_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._courier = courier
        self._limits = limits
        self._clock = clock
        self._stop_at: float | None = None
        self._adopt_seconds = adopt_seconds
        self._adopt_at = clock() + adopt_seconds
        self._bell, self._full, self._alarm = Bell(), Bell(), Bell()
        self._waiters = 0
        self._settled = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="contact-events-sender", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ring(self) -> None:
        """Tell that an event came in. Called by the app's threads: costs next to nothing where it is known already."""
        self._bell.ring()
        if not self._full.rung and self._outbox.many(self._limits.events, self._limits.bytes):
            self._full.ring()

    def wait_for_room(self, size: int, seconds: float) -> bool:
        """Wait until there is room for an event."""
        if threading.current_thread() is self._thread:  # in a delivery callback: nobody else could make room
            return False
        with self._settled:
            return self._settled.wait_for(lambda: self._outbox.has_room(size), seconds)

    def flush(self, seconds: float) -> bool:
        """Send all now, without lingering; tell whether that succeeded in time."""
        self._refuse_own_thread()
        with self._settled:
            self._waiters += 1
            self._wake()
            try:
                return self._settled.wait_for(self._nothing_left, seconds)
            finally:
                self._waiters -= 1

    def stop(self, seconds: float) -> None:
        """Send what is left, for so long at most, and end the thread."""
        self._refuse_own_thread()
        self._outbox.refuse()
        self._stop_at = self._clock() + seconds
        self._wake()
        self._thread.join(seconds + 2 * HURRIED_SECONDS)
        if self._thread.is_alive():
            log.error("closing: a request has not ended in time; unsettled events: %d", self._outbox.unsettled())

    def _refuse_own_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("flush() and close() wait for the thread that delivery callbacks run in: not from there")

    @property
    def _hurried(self) -> bool:
        return self._waiters > 0 or self._stop_at is not None

    def _wake(self) -> None:
        self._alarm.ring()
        self._full.ring()
        self._bell.ring()

    def _nothing_left(self) -> bool:
        return not self._outbox.unsettled() and not self._outbox.waiting()

    def _over(self) -> bool:
        return self._stop_at is not None and (self._nothing_left() or self._clock() >= self._stop_at)

    def _run(self) -> None:
        while not self._over():
            try:
                self._turn()
            except Exception:  # the thread must live: whatever this is, it may pass
                log.exception("unexpected error while sending; trying again")
                self._courier.stumble()
        self._end()

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        now, hurried = self._clock(), self._hurried
        if now >= self._adopt_at:
            self._adopt_at = now + self._adopt_seconds
            self._outbox.adopt()
        if (blocked := self._courier.blocked_until(hurried=hurried) - now) > 0:
            self._pause(blocked)
        elif self._courier.ready(now, hurried=hurried):
            self._full.clear()
            if not hurried and not self._outbox.many(self._limits.events, self._limits.bytes):
                self._full.wait(self._limits.linger)
            self._courier.step(hurried=hurried, stop_at=self._stop_at)
            with self._settled:
                self._settled.notify_all()
        else:
            self._wait_for_events(now, hurried=hurried)

    def _pause(self, seconds: float) -> None:
        """Wait, whatever comes in meanwhile, unless somebody waits for all to be sent."""
        if self._hurried:
            time.sleep(min(seconds, HURRIED_SECONDS / 5))
        else:
            self._alarm.wait(seconds)

    def _wait_for_events(self, now: float, *, hurried: bool) -> None:
        self._bell.clear()
        if self._courier.ready(now, hurried=hurried) or self._over():
            return  # it came before the bell was quiet
        until = self._adopt_at
        if self._courier.carried:
            until = min(until, self._courier.carried_until(hurried=hurried))
            if hurried or min(self._courier.room()) <= 0:
                self._pause(until - now)
                return
        self._bell.wait(until - now)

    def _end(self) -> None:
        """Let go, and report what was not delivered."""
        count, trouble = self._outbox.unsettled(), self._courier.counts.trouble
        left = self._courier.carried + self._outbox.close()
        if count:
            where = "stay in the spool for the next start" if self._outbox.durable else "are lost"
            log.error("closed before all was delivered: %d events %s (%s)", count, where, trouble or "no time was left")
        for entry in left:
            reason = trouble or "the client was closed first"
            self._courier.tell(entry, Undelivered(entry.event_id, reason, self._outbox.durable))
        with self._settled:
            self._settled.notify_all()
