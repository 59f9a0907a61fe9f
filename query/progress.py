"""How far the projection has come, as this process knows it: told by one LISTEN connection, awaited by many threads."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog

from query import metrics
from query.places import read_places

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from query.places import Place
    from runtime.postgres import Watchdog

REREAD_SECONDS: Final = 3.0
"""How long a quiet connection is believed: a re-read proves it alive."""

_RETRY_SECONDS: Final = 0.5
_log = structlog.get_logger(__name__)


class Progress:
    """The newest known place of each partition. Safe to use from many threads."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._places: dict[int, Place] = {}
        self._version = 0

    def places(self) -> dict[int, Place]:
        """Give what is known now."""
        with self._condition:
            return dict(self._places)

    def behind_since(self, now: datetime) -> datetime | None:
        """Give the moment up to which all timelines are complete; None when none is delayed."""
        return min(
            (place.as_of for place in self.places().values() if place.as_of and place.delayed(now)), default=None
        )

    def replace(self, places: list[Place]) -> None:
        """Note what a read of the table has said."""
        with self._condition:
            self._places = {place.log_partition: place for place in places}
            self._tell()

    def advance(self, generation: int, partition: int, next_offset: int) -> bool:
        """Note one notification; False when it tells of tables that are not known yet, so that they must be read."""
        with self._condition:
            known = self._places.get(partition)
            if known is None or known.generation != generation:
                return False
            if next_offset > known.next_offset:
                self._places[partition] = replace(known, next_offset=next_offset)
                self._tell()
            return True

    def wait_for_change(self, version: int, seconds: float) -> int:
        """Wait until anything is newer than `version`, or the time is over; give the version reached."""
        with self._condition:
            self._condition.wait_for(lambda: self._version != version, seconds)
            return self._version

    def wake(self) -> None:
        """Make everybody who waits look again."""
        with self._condition:
            self._tell()

    def _tell(self) -> None:
        self._version += 1
        self._condition.notify_all()


class Listener:
    """A thread with the process's one LISTEN connection. After every reconnect it reads the places anew."""

    def __init__(self, conninfo: str, progress: Progress, watchdog: Watchdog) -> None:
        self._conninfo = conninfo
        self._progress = progress
        self._watchdog = watchdog
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="query-listener", daemon=True)
        self.connected = False

    def start(self) -> None:
        """Begin to listen; an unreachable database is tried again until `close`."""
        self._thread.start()

    def close(self) -> None:
        """End within a few seconds."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(REREAD_SECONDS + 1)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True) as connection:
                    self._listen(connection)
            except psycopg.Error as error:
                if self.connected:
                    metrics.LISTENER_RECONNECTS.inc()
                    _log.warning("the listening connection was lost", reason=type(error).__name__)
                self.connected = False
                self._closed.wait(_RETRY_SECONDS)

    def _listen(self, connection: Connection[Any]) -> None:
        with self._watchdog.limit(connection, REREAD_SECONDS):
            connection.execute("LISTEN projection")  # before reading, so that nothing falls between the two
        while not self._closed.is_set():
            with self._watchdog.limit(connection, REREAD_SECONDS):
                self._progress.replace(read_places(connection))
            self.connected = True
            self._follow(connection)

    def _follow(self, connection: Connection[Any]) -> None:
        """Take notifications until the table has to be read again."""
        until = time.monotonic() + REREAD_SECONDS
        while (left := until - time.monotonic()) > 0 and not self._closed.is_set():
            for notification in connection.notifies(timeout=min(left, 0.5), stop_after=1):
                try:
                    generation, partition, next_offset = map(int, notification.payload.split(":"))
                except ValueError:
                    return
                if not self._progress.advance(generation, partition, next_offset):
                    return
