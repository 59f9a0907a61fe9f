"""An outbox on disk: what `track` has returned for survives a killed process; the next one sends it with the same ids.

Each event is written to a file before `track` returns, so the operating system has it; `fsync=True` also waits until
the disk has. It is read back from there to be sent, so a long outage fills the disk (up to a bound), not the memory.
"""

from __future__ import annotations

import itertools
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from contact_events.encoding import id_of
from contact_events.errors import ClientClosedError, SpoolError
from contact_events.ids import uuid7
from contact_events.locks import WriterLock, orphans
from contact_events.outbox import Entry
from contact_events.segments import Segment, frame, segment_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from contact_events.outcomes import DeliveryCallback

SEGMENT_BYTES: Final = 4 * 2**20
_PARTS: Final = 8
"""The spool is cut into at least so many segments, since room is regained by segments."""


class _Writing:
    """The segment that is being written, as its writer sees it."""

    def __init__(self, segment: Segment, descriptor: int) -> None:
        self.segment = segment
        self.descriptor = descriptor


class Spool:
    """Keeps events in a folder that any number of processes may share."""

    durable = True

    def __init__(self, folder: Path, max_bytes: int, *, fsync: bool = False) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = min(SEGMENT_BYTES, max_bytes // _PARTS)
        self._fsync = fsync
        self._put_lock = threading.RLock()  # a signal handler may come in between and use the client
        self._closed = False
        self._in_put = False
        self._numbers = itertools.count(1)
        self._writing: _Writing | None = None
        self._segments: list[Segment] = []
        self._callbacks: dict[str, DeliveryCallback] = {}
        self._bytes_in = self._bytes_taken = self._bytes_gone = 0
        self._events_in = self._events_adopted = self._events_taken = self._events_settled = 0
        self._locks: dict[WriterLock, int] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writer, self._lock = self._own_lock()
            self.adopt()
        except OSError as error:
            raise SpoolError(f"the spool's folder cannot be used: {error}") from error
        except ImportError as error:
            raise SpoolError("this system has no file locks of the kind the spool needs") from error

    def _own_lock(self) -> tuple[str, WriterLock]:
        while True:
            writer = uuid7()
            lock = WriterLock.take(self._folder, writer)
            if lock is not None:  # else a process that looks for orphans was faster; it will remove what it found
                return writer, lock

    def adopt(self) -> None:
        """Take over what dead processes left. Called at the start, and by the sender now and then."""
        for lock, paths in orphans(self._folder, self._writer):
            self._locks[lock] = len(paths)
            for path in paths:
                segment = Segment(path, finished=True, lock=lock)
                self._bytes_gone -= segment.size
                self._segments.append(segment)

    def put(self, event_id: str, line: bytes, callback: DeliveryCallback | None) -> bool:
        """Write an event to disk; False when there is no room. Raises SpoolError when it cannot be written."""
        framed = frame(line)
        size = len(framed)
        with self._put_lock:
            if self._closed:
                raise ClientClosedError("the client was closed")
            if not self.has_room(size):
                return False
            if callback is not None:
                self._callbacks[event_id] = callback
            nested, self._in_put = self._in_put, True
            try:
                if nested:
                    self._write_apart(framed)
                else:
                    self._write(framed)
            except OSError as error:
                self._callbacks.pop(event_id, None)
                raise SpoolError(f"the event cannot be written to the spool: {error}") from error
            finally:
                self._in_put = nested
            self._events_in += 1
            self._bytes_in += size  # no call in here, so no signal handler either
        return True

    def _write(self, framed: bytes) -> None:
        writing = self._writing or self._begin()
        try:
            _write_all(writing.descriptor, framed)
            if self._fsync:
                os.fsync(writing.descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(writing.descriptor, writing.segment.size)
            self._finish(writing)  # so that a line which is torn all the same stays the last of its file
            raise
        writing.segment.size += len(framed)
        if writing.segment.size >= self._segment_bytes:
            self._finish(writing)

    def _write_apart(self, framed: bytes) -> None:
        """Write a segment of a single event, while a signal handler has interrupted `_write` who knows where."""
        path, descriptor = self._create()
        try:
            _write_all(descriptor, framed)
            if self._fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._segments.append(Segment(path, finished=True))

    def _begin(self) -> _Writing:
        path, descriptor = self._create()
        self._writing = _Writing(Segment(path, finished=False), descriptor)
        self._segments.append(self._writing.segment)
        return self._writing

    def _create(self) -> tuple[Path, int]:
        path = segment_path(self._folder, self._writer, next(self._numbers))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._fsync:
            _fsync_folder(self._folder)
        return path, descriptor

    def _finish(self, writing: _Writing) -> None:
        self._writing = None
        os.close(writing.descriptor)
        writing.segment.finished = True

    def has_room(self, size: int) -> bool:
        """Tell whether an event of so many bytes would be taken."""
        return self._bytes_in - self._bytes_gone + size <= self._max_bytes

    def waiting(self) -> bool:
        """Tell whether there is an event that was not taken out yet."""
        return any(segment.offset < segment.size for segment in list(self._segments))

    def many(self, count: int, size: int) -> bool:
        """Tell whether so many wait."""
        waiting = self._events_in + self._events_adopted - self._events_taken
        return waiting >= count or self._bytes_in - self._bytes_taken >= size

    def unsettled(self) -> int:
        """Count what is not settled."""
        return self._events_in + self._events_adopted - self._events_settled

    def take(self, count: int, size: int) -> list[Entry]:
        """Read the oldest from disk."""
        taken: list[Entry] = []
        for segment in list(self._segments):
            while segment.offset < segment.size and len(taken) < count and (size > 0 or not taken):
                lines = segment.read(count - len(taken), size)
                read = sum(map(len, lines))
                size -= read
                if segment.lock is None:
                    self._bytes_taken += read
                else:
                    self._events_adopted += len(lines)
                taken += [self._entry(line, segment) for line in lines]
        self._events_taken += len(taken)
        if not taken:
            self._tidy()  # of segments that held nothing but a torn line
        return taken

    def _entry(self, line: bytes, segment: Segment) -> Entry:
        event_id = id_of(line)
        return Entry(event_id, line, self._callbacks.pop(event_id, None), segment)

    def settle(self, entries: Sequence[Entry]) -> None:
        """Forget these, and remove files of which nothing is left to send."""
        for entry in entries:
            assert isinstance(entry.place, Segment)
            entry.place.open_events -= 1
        self._events_settled += len(entries)
        self._tidy()

    def _tidy(self) -> None:
        for segment in [segment for segment in list(self._segments) if segment.done]:
            if segment.finished:
                self._remove(segment)
            elif segment.size:
                self._empty(segment)

    def _empty(self, segment: Segment) -> None:
        """Cut the segment that is being written to nothing, so that a crash does not send it all again.

        Not while an event is being written, nor by waiting for that: there is another time.
        """
        if not self._put_lock.acquire(blocking=False):
            return
        try:
            if self._writing is not None and self._writing.segment is segment and segment.done:
                os.ftruncate(self._writing.descriptor, 0)
                self._bytes_gone += segment.size
                segment.size = segment.offset = 0
        finally:
            self._put_lock.release()

    def _remove(self, segment: Segment) -> None:
        self._segments.remove(segment)
        self._bytes_gone += segment.size
        segment.remove()
        if segment.lock is not None:
            self._locks[segment.lock] -= 1
            if not self._locks[segment.lock]:
                del self._locks[segment.lock]
                segment.lock.drop()

    def refuse(self) -> None:
        """Take nothing any more."""
        with self._put_lock:
            self._closed = True

    def close(self) -> list[Entry]:
        """Leave what is unsettled to the next process; give the events of this one whose callback still waits."""
        if not self._closed:
            self.refuse()
        if self._writing is not None:
            self._finish(self._writing)
        self._tidy()
        left = [Entry(event_id, b"", callback) for event_id, callback in self._callbacks.items()]
        if all(segment.lock is not None for segment in self._segments):
            self._lock.drop()
        else:
            self._lock.abandon()
        self._abandon_segments()
        return left

    def abandon(self) -> None:
        """Close handles: in a forked child all of this is the parent's, who goes on with it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            os.close(writing.descriptor)
        self._lock.abandon()
        self._abandon_segments()

    def _abandon_segments(self) -> None:
        for segment in self._segments:
            segment.abandon()
        for lock in self._locks:
            lock.abandon()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:  # a disk that is nearly full takes a part, and refuses the rest with a reason
        data = data[os.write(descriptor, data) :]


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
