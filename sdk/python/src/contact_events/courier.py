"""Decides which events are sent when, and deals with what came of it. No threads and no waiting in here.

One batch is on its way at a time, so events of a contact arrive in the order in which they were tracked. Events whose
fate the server does not know yet are carried into a later batch; meanwhile the others go on.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contact_events.outcomes import Accepted, Rejected
from contact_events.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contact_events.exchange import Exchange
    from contact_events.outbox import Entry, Outbox
    from contact_events.outcomes import DeliveryCallback, Outcome

log = logging.getLogger("contact_events")

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


class Courier:
    """Takes batches from an outbox. `send` is one exchange with the server: entries and seconds to wait for the answer.

    `hurried`: somebody waits for all to be sent. Attempts then follow each other quickly, though never sooner than the
    server asked for.
    """

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
        self.carried: list[Entry] = []
        self._outbox = outbox
        self._send = send
        self._limits = limits
        self._report = report
        self._pace, self._carried_pace = pace(), pace()
        self._clock = clock
        self._carried_until = self._blocked_until = self._asked_until = self._tried_at = self._complained_at = 0.0

    def blocked_until(self, *, hurried: bool) -> float:
        """Say until when nothing at all is sent, since the server was away or asked for it."""
        if not hurried:
            return self._blocked_until
        return min(self._blocked_until, max(self._tried_at + HURRIED_SECONDS, self._asked_until))

    def carried_until(self, *, hurried: bool) -> float:
        """Say until when carried events wait."""
        return min(self._carried_until, self._tried_at + HURRIED_SECONDS) if hurried else self._carried_until

    def room(self) -> tuple[int, int]:
        """How many events and bytes a batch can take beside those that are carried."""
        used = sum(len(entry.line) for entry in self.carried)
        return self._limits.events - len(self.carried), self._limits.bytes - used

    def ready(self, now: float, *, hurried: bool) -> bool:
        """Tell whether there is something to send."""
        due = bool(self.carried) and now >= self.carried_until(hurried=hurried)
        return due or (min(self.room()) > 0 and self._outbox.waiting())

    def step(self, *, hurried: bool, stop_at: float | None = None) -> None:
        """Send one batch, if there is one, and deal with what came of it."""
        due = self.carried if self._clock() >= self.carried_until(hurried=hurried) else []
        count, size = self.room()
        batch = due + (self._outbox.take(count, size) if count > 0 and size > 0 else [])
        if not batch:
            return
        kept = [] if due else self.carried
        self.carried = kept + batch  # so that nothing is lost, whatever happens now
        self.counts.requests += 1
        exchange = self._send(batch, self._seconds(stop_at))
        self._tried_at = self._clock()
        self.carried = kept + self._settle(batch, exchange)
        self._set_pace(exchange, sent_again=bool(due))

    def stumble(self) -> None:
        """Note that something unexpected went wrong, so that it is not tried again at once."""
        self._tried_at = self._clock()
        self._blocked_until = self._tried_at + HURRIED_SECONDS

    def tell(self, entry: Entry, outcome: Outcome) -> None:
        """Tell an event's callback what became of it."""
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

    def _seconds(self, stop_at: float | None) -> float:
        if stop_at is None:
            return self._limits.request
        return min(self._limits.request, max(stop_at - self._clock(), HURRIED_SECONDS))

    def _settle(self, batch: Sequence[Entry], exchange: Exchange) -> list[Entry]:
        """Report and settle what is decided; give the rest."""
        decided, unknown = [], []
        for entry, verdict in zip(batch, exchange.verdicts, strict=True):
            if verdict is None:
                unknown.append(entry)
                continue
            decided.append(entry)
            if isinstance(verdict, Accepted):
                self.counts.accepted += 1
            else:
                self.counts.rejected += 1
            self.tell(entry, verdict)
        self._outbox.settle(decided)
        return unknown

    def _set_pace(self, exchange: Exchange, *, sent_again: bool) -> None:
        now = self._tried_at
        if exchange.trouble is not None:
            wait = self._pace.failed(exchange.retry_after)
            self._blocked_until = now + wait
            self._asked_until = now + wait if exchange.retry_after else 0.0
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
        waiting = self._outbox.unsettled()
        log.log(level, "%s: %s (waiting: %d, next attempt in %.1f s)", what, exchange.trouble, waiting, wait)
