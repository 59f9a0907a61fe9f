"""A gate on what has been handed to the producer and is not acknowledged yet.

kafka-python's buffer has no bound: with the brokers away it would grow until the process dies. So nothing goes in that
the gate has not let in, and it lets in no more than a published number of bytes and requests.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ingest import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.appending import Receipt


class Gate:
    """Counts bytes and requests. Safe to use from many threads."""

    def __init__(self, max_bytes: int, max_requests: int) -> None:
        self.max_bytes = max_bytes
        self.max_requests = max_requests
        self._lock = threading.Lock()
        self._bytes = 0
        self._requests = 0

    @property
    def outstanding_bytes(self) -> int:
        """Bytes let in and not let out."""
        return self._bytes

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is outstanding."""
        return not self._requests

    def enter(self, size: int) -> bool:
        """Let a request with so many bytes in, if there is room. One alone always has room."""
        with self._lock:
            if self._requests and (self._requests >= self.max_requests or self._bytes + size > self.max_bytes):
                metrics.REFUSED_ADMISSIONS.inc()
                return False
            self._bytes += size
            self._requests += 1
            return True

    def has_room(self, size: int) -> bool:
        """Tell whether a request with so many bytes would be let in at this moment."""
        return not self._requests or (self._requests < self.max_requests and self._bytes + size <= self.max_bytes)

    def leave(self, size: int) -> None:
        """Let it out."""
        with self._lock:
            self._bytes -= size
            self._requests -= 1

    def leave_when_done(self, size: int, receipts: Sequence[Receipt]) -> None:
        """Let a request out once the producer is done with the last of its records, however that ends.

        Until then they take memory, also when nobody waits for them any more.
        """
        if not receipts:
            self.leave(size)
        waiting = set(receipts)
        lock = threading.Lock()

        def one_done(receipt: Receipt) -> None:
            with lock:
                last = waiting == {receipt}
                waiting.discard(receipt)
            if last:
                self.leave(size)

        for receipt in receipts:
            receipt.when_done(one_done)
