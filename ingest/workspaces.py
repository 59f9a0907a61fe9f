"""What a workspace has settled for itself: names as a rule instead of a recommendation, and a rate limit."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from ingest.database import DatabaseAwayError
from ingest.known_contacts import Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.database import Database

FRESH: Final = 10.0
STALE: Final = 3600.0
CAPACITY: Final = 10_000


class WorkspaceSettings(msgspec.Struct, frozen=True):
    """`events_per_second` counts items, not requests; None is no limit."""

    strict_names: bool = False
    events_per_second: float | None = None


_DEFAULT: Final = WorkspaceSettings()


class Workspaces:
    """Finds settings, remembered like contacts are; while PostgreSQL is away and nothing is known, nothing is set."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._memory: Memory[int, WorkspaceSettings] = Memory(CAPACITY, monotonic)

    def settings(self, workspace_id: int) -> WorkspaceSettings:
        """Give a workspace's settings."""
        found = self._memory.recall({workspace_id}, FRESH)
        if found:
            return found[workspace_id]
        try:
            with self._database.connection() as connection:
                row = connection.execute(
                    "SELECT settings FROM write_side.workspaces WHERE id = %(id)s", {"id": workspace_id}
                ).fetchone()
        except DatabaseAwayError:
            return self._memory.recall({workspace_id}, STALE).get(workspace_id, _DEFAULT)
        settings = msgspec.convert(row[0], WorkspaceSettings) if row else _DEFAULT
        self._memory.remember({workspace_id: settings})
        return settings


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left: `remaining` events at once now, `reset` seconds until the bucket is full again."""

    limit: int
    remaining: int
    reset: int


class RateLimits:
    """A token bucket a workspace, holding one second's worth. Safe to use from many threads.

    A request may take more than there is as long as there is something, and the debt is waited off: so a batch larger
    than the bucket still passes. Each process counts for itself; `share` is its part of the limit.
    """

    def __init__(self, share: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[int, _Bucket] = {}

    def take(self, workspace_id: int, per_second: float, number: int) -> tuple[bool, Allowance]:
        """Take so many events out of the bucket, if it is not empty."""
        rate = per_second * self._share
        full = max(1.0, rate)
        now = self._monotonic()
        with self._lock:
            bucket = self._buckets.setdefault(workspace_id, _Bucket(full, now))
            bucket.tokens = min(full, bucket.tokens + (now - bucket.at) * rate)
            bucket.at = now
            allowed = bucket.tokens >= 1
            if allowed:
                bucket.tokens -= number
            wait = (full - bucket.tokens) / rate if allowed else (1 - bucket.tokens) / rate
        return allowed, Allowance(int(per_second), max(0, int(bucket.tokens)), int(wait) + 1)
