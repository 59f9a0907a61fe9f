"""Who may write to and remove the segments of a spool.

As long as a process lives it holds a lock on `<writer>.lock`, and its segments carry the writer's name. So any number
of processes may share a folder, and whoever gets the lock of a dead one sends what that left. The system lets go of the
lock when the process ends, however it ends.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from contact_events.segments import segments_by_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX = ".lock"


class WriterLock:
    """Held on a writer's name."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, folder: Path, writer: str) -> WriterLock | None:
        """Take it; None when another process has it."""
        import fcntl  # noqa: PLC0415 - not on Windows, where there is no spool

        path = folder / f"{writer}{_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_nlink == 0:  # its holder removed it between our open and our lock
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def drop(self) -> None:
        """Remove the file and let go: there is nothing left under this name."""
        self._path.unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Close our handle. A forked child does this to its parent's lock, which the parent keeps."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def orphans(folder: Path, own: str) -> Iterator[tuple[WriterLock, list[Path]]]:
    """Take over the writers that no living process holds, with their segments."""
    locked = {path.name.removesuffix(_SUFFIX) for path in folder.iterdir() if path.name.endswith(_SUFFIX)}
    for writer in sorted((locked | set(segments_by_writer(folder))) - {own}):
        lock = WriterLock.take(folder, writer)
        if lock is None:
            continue
        paths = segments_by_writer(folder).get(writer)  # looked up again, now that they cannot change any more
        if paths:
            yield lock, paths
        else:
            lock.drop()
