"""The background thread: takes events from the outbox in batches, sends them, again where need be, and reports.

One batch is on its way at a time, so events of a contact arrive in the order in which they were tracked. Events whose
fate the server does not know yet are carried into a later batch; meanwhile the others go on.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contact_events.outcomes import Accepted, Rejected, Undelivered
from contact_events.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contact_events.exchange import Exchange
    from contact_events.outbox import Entry, Outbox
    from contact_events.outcomes import DeliveryCallback, Outcome

log = logging.getLogger("contact_events")

ADOPT_SECONDS: Final = 60.0
"""How often to look, when idle, whether another process has died and left something to send."""

HURRIED_SECONDS: Final = 0.5
"""Between attempts while somebody waits for all to be sent."""

REPEAT_SECONDS: Final = 60.0
"""How often to log a trouble that lasts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one batch, and of the time: `linger` for more events to come, `request` for an answer; seconds."""

    events: int
    bytes: int
    linger: float
    request: float


@dataclass(slots=True)
class Counts:
    """What happened so far. `trouble` is the last failure, None once a batch has got through."""

    accepted: int = 0
    rejected: int = 0
    requests: int = 0
    trouble: str | None = None


class Sender:
    """Sends what is in an outbox. `send` is one exchange with the server: entries and seconds."""

    def __init__(  # noqa: PLR0913 - one argument a collaborator
        self,
        outbox: Outbox,
        send: Callable[[Sequence[Entry], float], Exchange],
        limits: Limits,
        *,
        report: DeliveryCallback | None = None,
        pace: Callable[[], Pace] = Pace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = Counts()
        self._outbox = outbox
        self._send = send
        self._limits = limits
        self._report = report
        self._pace, self._carried_pace = pace(), pace()
        self._clock = clock
        self._carried: list[Entry] = []
        self._carried_until = self._blocked_until = self._asked_until = self._tried_at = self._complained_at = 0.0
        self._stop_at: float | None = None
        self._bell, self._full, self._hurry = threading.Event(), threading.Event(), threading.Event()
        self._hurried = 0
        self._settled = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="contact-events-sender", daemon=True)

    @property
    def started(self) -> bool:
        """Whether the thread runs or ran."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Start the thread; does nothing when it was started before."""
        with self._settled:
            if not self.started:
                self._thread.start()

    def ring(self) -> None:
        """Tell that an event came in. Called by the app's threads: costs next to nothing where it is known already."""
        if not self._bell.is_set():
            self._bell.set()
        if not self._full.is_set() and self._outbox.many(self._limits.events, self._limits.bytes):
            self._full.set()

    def wait_for_room(self, size: int, seconds: float) -> bool:
        """Wait until there is room for an event."""
        with self._settled:
            return self._settled.wait_for(lambda: self._outbox.has_room(size), seconds)

    def flush(self, seconds: float) -> bool:
        """Send all now, without lingering; tell whether that succeeded in time."""
        self._refuse_own_thread()
        with self._settled:
            self._hurried += 1
            self._wake()
            try:
                return self._settled.wait_for(self._nothing_left, seconds)
            finally:
                self._hurried -= 1
                if not self._hurried and self._stop_at is None:
                    self._hurry.clear()

    def stop(self, seconds: float) -> None:
        """Send what is left, for so long at most, and end the thread."""
        self._refuse_own_thread()
        self._outbox.refuse()
        self._stop_at = self._clock() + seconds
        self._wake()
        if self.started:
            self._thread.join(seconds + 1)
        else:
            self._run()
        if self._thread.is_alive():
            log.error("closing: a request has not ended in time; unsettled events: %d", self._outbox.unsettled())

    def _refuse_own_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("flush() and close() wait for the thread that delivery callbacks run in: not from there")

    def _wake(self) -> None:
        self._hurry.set()
        self._full.set()
        self._bell.set()

    def _nothing_left(self) -> bool:
        return not self._outbox.unsettled() and not self._outbox.waiting()

    def _run(self) -> None:
        while not self._over():
            try:
                self._turn()
            except Exception:  # the thread must live: whatever this is, it may pass
                log.exception("unexpected error while sending; trying again")
                self._tried_at = self._clock()
                self._blocked_until = self._tried_at + HURRIED_SECONDS
        self._end()

    def _over(self) -> bool:
        return self._stop_at is not None and (self._nothing_left() or self._clock() >= self._stop_at)

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        now = self._clock()
        if (blocked := self._unblocked_at() - now) > 0:
            self._pause(blocked)
        elif self._ready(now):
            self._full.clear()
            if not self._hurry.is_set() and not self._outbox.many(self._limits.events, self._limits.bytes):
                self._full.wait(self._limits.linger)
            self.step()
        else:
            self._wait_for_events(now)

    def _unblocked_at(self) -> float:
        if not self._hurry.is_set():
            return self._blocked_until
        return min(self._blocked_until, max(self._tried_at + HURRIED_SECONDS, self._asked_until))

    def _carried_due_at(self) -> float:
        if not self._hurry.is_set():
            return self._carried_until
        return min(self._carried_until, self._tried_at + HURRIED_SECONDS)

    def _room(self) -> tuple[int, int]:
        """How many events and bytes a batch can take beside those that are carried."""
        used = sum(len(entry.line) for entry in self._carried)
        return self._limits.events - len(self._carried), self._limits.bytes - used

    def _ready(self, now: float) -> bool:
        return bool(self._carried and now >= self._carried_due_at()) or (
            min(self._room()) > 0 and self._outbox.waiting()
        )

    def _pause(self, seconds: float) -> None:
        """Wait, whatever comes in meanwhile, unless somebody waits for all to be sent."""
        if self._hurry.is_set():
            time.sleep(min(seconds, HURRIED_SECONDS / 5))
        else:
            self._hurry.wait(seconds)

    def _wait_for_events(self, now: float) -> None:
        self._bell.clear()
        if self._ready(now) or self._over():
            return  # it came before the bell was quiet
        wait = self._carried_due_at() - now if self._carried else ADOPT_SECONDS
        if self._carried and (self._hurry.is_set() or min(self._room()) <= 0):
            self._pause(wait)
        elif not self._bell.wait(wait) and not self._carried:
            self._outbox.adopt()

    def step(self) -> None:
        """Send one batch and deal with what came of it."""
        due = self._carried if self._clock() >= self._carried_due_at() else []
        count, size = self._room()
        batch = due + (self._outbox.take(count, size) if count > 0 and size > 0 else [])
        kept = [] if due else self._carried
        self._carried = kept + batch  # so that nothing is lost, whatever happens now
        if batch:
            self.counts.requests += 1
            exchange = self._send(batch, self._seconds())
            self._tried_at = self._clock()
            self._carried = kept + self._settle(batch, exchange)
            self._set_pace(exchange, sent_again=bool(due))
        with self._settled:
            self._settled.notify_all()

    def _seconds(self) -> float:
        if self._stop_at is None:
            return self._limits.request
        return min(self._limits.request, max(self._stop_at - self._clock(), HURRIED_SECONDS))

    def _settle(self, batch: Sequence[Entry], exchange: Exchange) -> list[Entry]:
        """Report and settle what is decided; give the rest."""
        decided, unknown = [], []
        for entry, verdict in zip(batch, exchange.verdicts, strict=True):
            if verdict is None:
                unknown.append(entry)
                continue
            decided.append(entry)
            self.counts.accepted += isinstance(verdict, Accepted)
            self.counts.rejected += isinstance(verdict, Rejected)
            self._tell(entry, verdict)
        self._outbox.settle(decided)
        return unknown

    def _tell(self, entry: Entry, outcome: Outcome) -> None:
        callback = entry.callback or self._report
        if callback is None:
            if isinstance(outcome, Rejected):
                places = ", ".join(f"{fault.pointer} {fault.code}" for fault in outcome.faults)
                log.error("event %s was rejected: %s (%s)", outcome.event_id, outcome.code, places)
            return
        try:
            callback(outcome)
        except Exception:
            log.exception("the delivery callback of event %s failed", outcome.event_id)

    def _set_pace(self, exchange: Exchange, *, sent_again: bool) -> None:
        now = self._tried_at
        if exchange.trouble is not None:
            wait = self._pace.failed(exchange.retry_after)
            self._blocked_until = now + wait
            self._asked_until = now + (exchange.retry_after or 0.0)
            self._complain(exchange, wait)
            return
        if self.counts.trouble is not None:
            log.info("events get through again")
        self.counts.trouble = None
        self._pace.succeeded()
        if None not in exchange.verdicts:
            if sent_again:
                self._carried_pace.succeeded()
        elif sent_again or now >= self._carried_until:
            self._carried_until = now + self._carried_pace.failed()

    def _complain(self, exchange: Exchange, wait: float) -> None:
        first, self.counts.trouble = self.counts.trouble is None, exchange.trouble
        if not first and self._tried_at - self._complained_at < REPEAT_SECONDS:
            return
        self._complained_at = self._tried_at
        level = logging.ERROR if exchange.misconfigured else logging.WARNING
        what = "events are held back until this is put right" if exchange.misconfigured else "events wait"
        log.log(
            level,
            "%s: %s (waiting: %d, next attempt in %.1f s)",
            what,
            exchange.trouble,
            self._outbox.unsettled(),
            wait,
        )

    def _end(self) -> None:
        """Report what was not delivered."""
        left = self._carried + self._outbox.close()
        count = self._outbox.unsettled()
        if count:
            where = "stay in the spool for the next start" if self._outbox.durable else "are lost"
            log.error(
                "closed before all was delivered: %d events %s; %s", count, where, self.counts.trouble or "no time"
            )
        reason = self.counts.trouble or "the client was closed first"
        for entry in left:
            self._tell(entry, Undelivered(entry.event_id, reason, self._outbox.durable))
        with self._settled:
            self._settled.notify_all()
