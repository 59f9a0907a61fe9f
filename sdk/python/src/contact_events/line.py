"""What one process has of a client: its queue and its thread. A forked child gets a line of its own."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from contact_events import contacts, exchange
from contact_events.courier import Courier, Limits
from contact_events.errors import QueueFullError
from contact_events.outbox import MemoryOutbox
from contact_events.sender import Sender
from contact_events.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from contact_events.courier import Counts
    from contact_events.outbox import Outbox
    from contact_events.outcomes import DeliveryCallback
    from contact_events.settings import Settings
    from contact_events.transport import Transport


class Line:
    """An outbox, the sender that empties it, and their transport."""

    def __init__(
        self, settings: Settings, build_transport: Callable[[], Transport], report: DeliveryCallback | None
    ) -> None:
        self._block = settings.block_when_full
        self._outbox: Outbox = (
            MemoryOutbox(settings.queue_events, settings.queue_bytes)
            if settings.spool is None
            else Spool(settings.spool, settings.spool_bytes, fsync=settings.spool_fsync)
        )
        self._transport = build_transport()
        limits = Limits(settings.batch_events, settings.batch_bytes, settings.linger, settings.request_timeout)
        self._courier = Courier(self._outbox, partial(exchange.send, self._transport), limits, report=report)
        self._sender = Sender(self._outbox, self._courier, limits)

    @property
    def counts(self) -> Counts:
        """What happened so far."""
        return self._courier.counts

    @property
    def unsettled(self) -> int:
        """How many events wait for their fate."""
        return self._outbox.unsettled()

    def start(self) -> None:
        """Begin to send."""
        self._sender.start()

    def put(self, event_id: str, line: bytes, callback: DeliveryCallback | None) -> None:
        """Take an event; raise QueueFullError if there is no room, nor any within the time that may be waited."""
        if not self._outbox.put(event_id, line, callback):
            self._wait_and_put(event_id, line, callback)
        self._sender.ring()

    def _wait_and_put(self, event_id: str, line: bytes, callback: DeliveryCallback | None) -> None:
        deadline = time.monotonic() + self._block
        while (left := deadline - time.monotonic()) > 0 and self._sender.wait_for_room(len(line), left):
            if self._outbox.put(event_id, line, callback):
                return
        trouble = f"; sending fails: {self.counts.trouble}" if self.counts.trouble else ""
        raise QueueFullError(f"{self.unsettled} events wait to be sent: there is no room for another{trouble}")

    def upsert(self, body: Mapping[str, Any], update_id: str, seconds: float) -> int:
        """Write a contact."""
        return contacts.upsert(self._transport, body, update_id, seconds)

    def flush(self, seconds: float) -> bool:
        """Send everything now."""
        return self._sender.flush(seconds)

    def close(self, seconds: float) -> None:
        """Send everything for so long at most, and let go."""
        self._sender.stop(seconds)
        self._transport.close()

    def abandon(self) -> None:
        """Let go in a forked child: all of it is the parent's."""
        self._outbox.abandon()
