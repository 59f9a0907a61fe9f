"""Live timelines: one thread reads what is new for the contacts being watched, and hands it to their watchers.

However many watch, a commit of the projector costs one read for each workspace that is being watched in its partition.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from query import metrics
from query.access import contact_not_found
from query.changes import Stretch, read_changes
from query.places import place_of_contact
from query.subscriptions import Reached, Reset, Subscription
from runtime.problems import Problem
from schemas.positions import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from query.places import Place
    from query.progress import Progress
    from query.reading import Reading
    from query.subscriptions import Change

JOINING_AT_ONCE: Final = 8
"""After a restart all watchers come back together; let through one by one, they leave the pool to other readers."""

JOIN_SECONDS: Final = 5.0
LONGEST_CATCH_UP: Final = 100_000
"""Records of a partition that a returning watcher may have missed; with more it is told to read its timeline again."""

_TICK_SECONDS: Final = 2.0
_REPORT_EVERY: Final = timedelta(seconds=15)
_log = structlog.get_logger(__name__)


@dataclass
class _Watched:
    """A partition with watchers: what they have been told, and when they last heard how far that is."""

    seen: int
    watchers: set[Subscription]
    reported_at: datetime
    delayed: bool = False


class Live:
    """Keeps the watchers and feeds them. `capacity` bounds how many there may be."""

    def __init__(self, reading: Reading, progress: Progress, now: Callable[[], datetime], capacity: int) -> None:
        self._reading = reading
        self._progress = progress
        self._now = now
        self._capacity = capacity
        self._joining = threading.BoundedSemaphore(JOINING_AT_ONCE)
        self._lock = threading.Lock()
        self._partitions: dict[int, _Watched] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="query-live", daemon=True)

    def start(self) -> None:
        """Begin to feed watchers."""
        self._thread.start()

    def close(self) -> None:
        """End all subscriptions, and the thread."""
        self._closed.set()
        self._progress.wake()
        for log_partition in list(self._partitions):
            self._end(log_partition)
        if self._thread.ident is not None:
            self._thread.join(_TICK_SECONDS + 1)

    @property
    def watchers(self) -> int:
        """How many subscriptions there are."""
        with self._lock:
            return sum(len(watched.watchers) for watched in self._partitions.values())

    @contextmanager
    def subscribe(self, workspace_id: int, contact_id: int, after: Position | None = None) -> Iterator[Subscription]:
        """Watch a contact: first what came after the position, where one is given, then what comes from now on.

        Raises Problem 404 for an unknown contact, 503 when there are too many watchers or the database is away.
        """
        if not self._joining.acquire(timeout=JOIN_SECONDS):
            raise _too_many()
        try:
            subscription = self._join(workspace_id, contact_id, after)
        finally:
            self._joining.release()
        try:
            yield subscription
        finally:
            self._leave(subscription)

    def _join(self, workspace_id: int, contact_id: int, after: Position | None) -> Subscription:
        if self._closed.is_set() or self.watchers >= self._capacity:
            raise _too_many()
        with self._reading(workspace_id) as connection:
            place = place_of_contact(connection, workspace_id, contact_id)
        if place is None:
            raise contact_not_found()
        same_topic = after is not None and (after.topic_id, after.partition) == (place.topic_id, place.log_partition)
        skip_to = after.offset + 1 if after is not None and same_topic else place.next_offset
        subscription = Subscription(workspace_id, contact_id, place.log_partition, skip_to)
        start = self._register(subscription, place)
        try:
            missed: list[Change] = []
            if after is not None and not same_topic:
                missed = [Reset(place.position)]
            elif after is not None:
                missed = self._missed(subscription, Stretch(place.log_partition, skip_to, start), place)
            told = max(start, skip_to)
            reached = Position(place.topic_id, place.log_partition, told - 1) if told else None
            subscription.begin([*missed, Reached(reached, place.as_of, place.delayed(self._now()))])
        except BaseException:
            self._leave(subscription)
            raise
        return subscription

    def _register(self, subscription: Subscription, place: Place) -> int:
        """Register a watcher; give the offset from which the thread feeds it: what is before it must read itself."""
        with self._lock:
            fresh = _Watched(place.next_offset, set(), self._now())
            watched = self._partitions.setdefault(place.log_partition, fresh)
            watched.watchers.add(subscription)
            metrics.OPEN_STREAMS.inc()
            return watched.seen

    def _leave(self, subscription: Subscription) -> None:
        with self._lock:
            watched = self._partitions[subscription.log_partition]
            watched.watchers.discard(subscription)
            metrics.OPEN_STREAMS.dec()
            if not watched.watchers:
                del self._partitions[subscription.log_partition]

    def _missed(self, subscription: Subscription, stretch: Stretch, place: Place) -> list[Change]:
        if stretch.start >= stretch.end:
            return []
        if stretch.end - stretch.start > LONGEST_CATCH_UP:
            return [Reset(place.position)]
        ids = [subscription.contact_id]
        with self._reading(subscription.workspace_id) as connection:
            found = read_changes(connection, subscription.workspace_id, ids, stretch, place)
        return found[subscription.contact_id]

    def _run(self) -> None:
        version = -1
        while not self._closed.is_set():
            version = self._progress.wait_for_change(version, _TICK_SECONDS)
            for place in self._progress.places().values():
                try:
                    self._feed(place)
                except Exception:  # noqa: BLE001 - a fault of ours; its watchers come back and read anew, all others go on
                    _log.exception("live changes cannot be told", log_partition=place.log_partition)
                    self._end(place.log_partition)

    def _end(self, log_partition: int) -> None:
        with self._lock:
            watched = self._partitions.get(log_partition)
            for subscription in watched.watchers if watched else ():
                subscription.close()

    def _feed(self, place: Place) -> None:
        """Bring one partition's watchers up to its place.

        What has been seen moves on under the lock, together with the choice of the watchers to tell: whoever joins
        later reads the rest itself, so that nobody misses a change and nobody gets one twice.
        """
        with self._lock:
            watched = self._partitions.get(place.log_partition)
            if watched is None:
                return
            stretch = Stretch(place.log_partition, watched.seen, place.next_offset)
            watched.seen = place.next_offset
            watchers = _by_workspace(watched.watchers)
        if stretch.start > stretch.end:  # a log that went back is another log
            self._tell(watchers, Reset(place.position))
        elif stretch.start < stretch.end:
            for workspace_id, contacts in watchers.items():
                self._deliver(workspace_id, contacts, stretch, place)
        self._report(watched, watchers, place)

    def _deliver(
        self, workspace_id: int, contacts: dict[int, list[Subscription]], stretch: Stretch, place: Place
    ) -> None:
        while not self._closed.is_set():
            try:
                with self._reading(workspace_id) as connection:
                    found = read_changes(connection, workspace_id, list(contacts), stretch, place)
                break
            except Problem:  # the database is away; what is new will still be there when it is back
                _log.warning("live changes cannot be read", log_partition=place.log_partition)
                self._closed.wait(1)
        else:
            return
        for contact_id, changes in found.items():
            for change in changes:
                for subscription in contacts[contact_id]:
                    subscription.push(change)

    def _report(self, watched: _Watched, watchers: dict[int, dict[int, list[Subscription]]], place: Place) -> None:
        """Say now and then how far all is told, and at once when that falls behind or catches up."""
        now = self._now()
        delayed = place.delayed(now)
        if delayed == watched.delayed and now - watched.reported_at < _REPORT_EVERY:
            return
        watched.delayed, watched.reported_at = delayed, now
        self._tell(watchers, Reached(place.position, place.as_of, delayed))

    def _tell(self, watchers: dict[int, dict[int, list[Subscription]]], change: Change) -> None:
        for contacts in watchers.values():
            for subscriptions in contacts.values():
                for subscription in subscriptions:
                    subscription.push(change)


def _too_many() -> Problem:
    detail = "No further live stream can be opened at the moment. Read the events instead, and try again."
    return Problem(503, "too_many_streams", detail, headers={"Retry-After": "5"})


def _by_workspace(watchers: set[Subscription]) -> dict[int, dict[int, list[Subscription]]]:
    grouped: dict[int, dict[int, list[Subscription]]] = defaultdict(lambda: defaultdict(list))
    for subscription in watchers:
        grouped[subscription.workspace_id][subscription.contact_id].append(subscription)
    return grouped
