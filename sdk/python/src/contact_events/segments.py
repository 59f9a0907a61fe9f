"""Files of the spool, and how an event stands in one.

A *segment* is a file that events are only ever appended to, one a line: the CRC-32 of the JSON in eight hexadecimal
digits, a space, the JSON. A process that dies can only tear the last line, which then fails its check. A segment is
removed once the fate of all its events is known.
"""

from __future__ import annotations

import logging
import os
import re
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from contact_events.locks import WriterLock

log = logging.getLogger("contact_events")

_NAME = re.compile(r"([0-9a-f-]{36})-([0-9]{8})\.events")
_CRC_LENGTH: Final = 9
_CHUNK: Final = 1 << 20
"""Bytes read at once: far more than one event can have."""


def frame(line: bytes) -> bytes:
    """Write an event as it stands in a segment."""
    return b"%08x %s\n" % (zlib.crc32(line), line)


def unframe(framed: bytes) -> bytes | None:
    """Read an event (without its newline) back; None when it is torn or damaged."""
    line = framed[_CRC_LENGTH:]
    return line if framed[:_CRC_LENGTH] == b"%08x " % zlib.crc32(line) else None


def segment_path(folder: Path, writer: str, number: int) -> Path:
    """Name a writer's segment."""
    return folder / f"{writer}-{number:08}.events"


def segments_by_writer(folder: Path) -> dict[str, list[Path]]:
    """Find all segments, those of each writer in their order."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := _NAME.fullmatch(path.name):
            found.setdefault(match[1], []).append(path)
    return found


class Segment:
    """One file as its reader sees it.

    `size` bytes are there to be read, `offset` of them are, and the fate of `open_events` is not known yet. `lock` is
    the dead writer's, where there was one.
    """

    def __init__(self, path: Path, *, finished: bool, lock: WriterLock | None = None) -> None:
        self.path = path
        self.finished = finished
        self.lock = lock
        self.size = path.stat().st_size if finished else 0
        self.offset = 0
        self.open_events = 0
        self._damaged = False
        self._descriptor: int | None = None

    @property
    def done(self) -> bool:
        """Whether the fate of all that was written so far is known."""
        return self.offset >= self.size and not self.open_events

    def read(self, count: int, size: int) -> list[bytes]:
        """Read the next events, at most so many and so many bytes; at least one, if there is one."""
        lines: list[bytes] = []
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        chunk = os.pread(self._descriptor, min(_CHUNK, self.size - self.offset), self.offset)
        start = 0
        while len(lines) < count and (end := chunk.find(b"\n", start)) >= 0:
            line = unframe(chunk[start:end])
            if line is not None and lines and len(line) > size:
                break
            start = end + 1
            if line is None:
                self._note_damage("a line fails its check")
            else:
                lines.append(line)
                size -= len(line)
        if start == 0 and not lines:
            self._give_up(chunk)
        self.offset += start
        self.open_events += len(lines)
        return lines

    def _give_up(self, chunk: bytes) -> None:
        """End the reading at a tail without a newline: an event whose `track` never returned, or damage."""
        if self.offset + len(chunk) < self.size:
            self._note_damage("its rest holds no line" if chunk else "it is shorter than it was")
        self.offset = self.size

    def _note_damage(self, what: str) -> None:
        if not self._damaged:
            log.error("spool: %s is damaged (%s); it will be kept as .damaged", self.path, what)
        self._damaged = True

    def remove(self) -> None:
        """Remove the file, or put it aside if a part of it could not be read."""
        self.abandon()
        if self._damaged:
            self.path.rename(self.path.with_suffix(".damaged"))
        else:
            self.path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close our handle and leave the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
