"""A circuit breaker: while Kafka is known to be away, requests are refused at once instead of waiting in vain.

Without it every request of an outage is read, judged, written into the buffer and waits its whole time: memory and
processors full of work that comes to nothing, and answers later than promised. What already waits in the producer is
the probe: the breaker closes with the first acknowledgement, or once the producer holds nothing any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.admission import Gate

PAUSE_SECONDS: Final = 1.0
"""While the brokers do not say where the topic is, one request a pause asks them; asking takes up to two seconds."""


class Breaker:
    """Watches acknowledgements. Safe to use from many threads: each field is written in one step."""

    def __init__(self, gate: Gate, monotonic: Callable[[], float]) -> None:
        self._gate = gate
        self._monotonic = monotonic
        self._acked_at = monotonic()
        self._in_vain_since = 0.0
        self._paused_until = 0.0

    def refuses(self) -> bool:
        """Tell whether a request would wait in vain. While nothing is connected, one a pause may try."""
        now = self._monotonic()
        if self._paused_until:
            if now < self._paused_until:
                return True
            self._paused_until = now + PAUSE_SECONDS
            return False
        return self._in_vain_since > self._acked_at and not self._gate.is_empty

    @property
    def silence(self) -> float:
        """Seconds since the last acknowledgement, or since a producer was made."""
        return self._monotonic() - self._acked_at

    def acked(self) -> None:
        """Note an acknowledgement, or a producer from which none can be expected yet."""
        self._acked_at = self._monotonic()

    def waited_in_vain(self, since: float) -> None:
        """Note that a request has waited for its whole time, since that moment. Others may have had better luck."""
        self._in_vain_since = max(self._in_vain_since, since)

    def connected(self) -> None:
        """Note that the brokers have said where the topic is."""
        self._paused_until = 0.0

    def not_connected(self) -> None:
        """Note that they have not."""
        self._paused_until = self._monotonic() + PAUSE_SECONDS
