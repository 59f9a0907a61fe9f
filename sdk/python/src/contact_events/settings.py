"""How a client works, checked as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MAX_BATCH_EVENTS: Final = 1_000
MAX_BATCH_BYTES: Final = 1_000_000
LEAST_SPOOL_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """See `Client` for what each means. Seconds and bytes."""

    batch_events: int
    batch_bytes: int
    linger: float
    request_timeout: float
    queue_events: int
    queue_bytes: int
    block_when_full: float
    spool: Path | None
    spool_bytes: int
    spool_fsync: bool
    exit_timeout: float

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be {rule}, not {getattr(self, name)!r}"
            for name, rule, holds in (
                ("batch_events", f"from 1 to {MAX_BATCH_EVENTS}", 1 <= self.batch_events <= MAX_BATCH_EVENTS),
                ("batch_bytes", f"from 1 to {MAX_BATCH_BYTES}", 1 <= self.batch_bytes <= MAX_BATCH_BYTES),
                ("linger", "0 or more", self.linger >= 0),
                ("request_timeout", "more than 0", self.request_timeout > 0),
                ("queue_events", "1 or more", self.queue_events >= 1),
                ("queue_bytes", "1 or more", self.queue_bytes >= 1),
                ("block_when_full", "0 or more", self.block_when_full >= 0),
                ("spool_bytes", f"{LEAST_SPOOL_BYTES} or more", self.spool_bytes >= LEAST_SPOOL_BYTES),
                ("exit_timeout", "0 or more", self.exit_timeout >= 0),
            )
            if not holds
        ]
        if problems:
            raise ValueError("; ".join(problems))
